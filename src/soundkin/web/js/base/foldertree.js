// The folders of the library as a tree: any of them looked through, any of them left out.

import { loadFolders } from "./api.js";
import { h, icon, press } from "./dom.js";
import { count, length, shortFolder } from "./format.js";
import { sayTrouble } from "./messages.js";
import { number, t } from "./text.js";

const MOST_SHOWN = 200; // of one folder at a time
const opened = new Set(); // for as long as the page is open

/**
 * The tree: `read()` gives `{folders, not_folders}`, which are in and out, `write()` takes others.
 * `update()` shows what has changed of them, `fill()` asks for the folders again.
 */
export function folderTree(read, write) {
  const element = h("ul", { class: "folder-tree" });
  const choice = { read, write, redraw: draw };
  let roots = [];
  let shown = "";

  async function fill() {
    try {
      roots = growTree(await loadFolders());
    } catch (error) {
      return sayTrouble(error);
    }
    const { folders, not_folders } = read();
    [...folders, ...not_folders].forEach(reveal);
    if (roots.length === 1) opened.add(roots[0].path);
    return draw();
  }

  /** Open all above a folder, so that it is seen. */
  function reveal(path) {
    const above = (nodes) => nodes.find((node) => node.paths.includes(path) || (isBelow(path, node.path) && (opened.add(node.path), above(node.children))));
    above(roots);
  }

  function draw() {
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    element.replaceChildren(...roots.map((node) => item(node, choice)));
    if (focused) element.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  function update() {
    const key = JSON.stringify(read());
    if (key !== shown) draw();
    shown = key;
  }
  fill();
  return { element, update, fill };
}

const isBelow = (path, folder) => path.startsWith(folder) && "/\\".includes(path.slice(folder.replace(/[\\/]$/, "").length)[0] ?? " ");

const lastPart = (path) => path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;

/** Put folders, in order of path, below each other; one that holds only another is shown with it. */
function growTree(folders) {
  const roots = [];
  const above = [];
  const inOrder = folders.map((folder) => [folder.path.replace(/[\\/]/g, "\0"), folder]).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [, folder] of inOrder) {
    const { path } = folder;
    while (above.length && !isBelow(path, above.at(-1).path)) above.pop();
    const parent = above.at(-1);
    const node = { ...folder, paths: [path], children: [], words: parent ? path.slice(parent.path.length).replace(/^[\\/]/, "") : lastPart(path) };
    (parent?.children ?? roots).push(node);
    above.push(node);
  }
  const isAlone = ({ words }) => roots.filter((root) => root.words === words).length === 1;
  return roots.map((root) => (isAlone(root) ? root : { ...root, words: shortFolder(root.path) })).map(join);
}

/** Show a folder that holds nothing but another together with it. */
function join(node) {
  const only = node.children.length === 1 && node.children[0].n_recordings === node.n_recordings ? node.children[0] : null;
  if (!only) return { ...node, children: node.children.map(join) };
  return join({ ...only, words: `${node.words}/${only.words}`, paths: [...node.paths, ...only.paths] });
}

function item(node, choice) {
  const { folders, not_folders } = choice.read();
  const isIn = node.paths.some((path) => folders.includes(path));
  const isOut = node.paths.some((path) => not_folders.includes(path));
  const isOpen = node.children.length > 0 && opened.has(node.path);
  const turn = () => (opened[isOpen ? "delete" : "add"](node.path), choice.redraw());
  const opener = node.children.length
    ? h("button", { type: "button", class: "bare tiny opener", "aria-expanded": String(isOpen), "aria-label": t("folders_in", { a: node.words }), dataset: { key: `o ${node.path}` }, onclick: turn }, icon("right"))
    : h("span", { class: "opener" });
  const box = h("input", { type: "checkbox", checked: isIn, dataset: { key: `i ${node.path}` } });
  box.addEventListener("change", () => place(node, choice, box.checked, false));
  const not = press(h("button", { type: "button", class: "not", "aria-label": t("not_in", { a: node.words }), title: t("leave_this_folder_out"), dataset: { key: `n ${node.path}` }, onclick: () => place(node, choice, false, !isOut) }, t("not")), isOut);
  const line = h("div", { class: `folder-line${isOut ? " out" : ""}` }, opener, h("label", { class: "choice", title: node.path }, box, h("bdi", {}, node.words), h("span", { class: "n", title: `${count(node.n_recordings, "recording")}, ${length(node.duration_s)}` }, node.slow > 1 ? t("heard_slower", { a: node.slow }) : "", number(node.n_recordings))), not);
  return h("li", {}, line, isOpen && h("ul", {}, shownOf(node, choice)));
}

function shownOf(node, choice) {
  const items = node.children.slice(0, MOST_SHOWN).map((child) => item(child, choice));
  const left = node.children.length - items.length;
  return left > 0 ? [...items, h("li", { class: "quiet small" }, t("and_more_find_them_by_name", { a: count(left, "folder") }))] : items;
}

/** Look through a folder, leave it out, or neither. */
function place(node, { read, write }, isIn, isOut) {
  const { folders, not_folders } = read();
  const without = (paths) => paths.filter((path) => !node.paths.includes(path));
  write({ folders: [...without(folders), ...(isIn ? [node.path] : [])], not_folders: [...without(not_folders), ...(isOut ? [node.path] : [])] });
}
