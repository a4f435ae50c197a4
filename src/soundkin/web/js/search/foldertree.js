// The folders of the library as a tree: any of them looked through, any of them left out.

import { loadFolders } from "../base/api.js";
import { h, icon, press } from "../base/dom.js";
import { count, shortFolder } from "../base/format.js";
import { sayTrouble } from "../base/messages.js";
import { change, current } from "../base/state.js";

const MOST_SHOWN = 200; // of one folder at a time
const opened = new Set(); // for as long as the page is open

/** The tree as a part of the filters; `update(state)` shows which folders are in and out. */
export function folderTree() {
  const list = h("ul", { class: "folder-tree" });
  const element = h("fieldset", { class: "group" }, h("legend", {}, "Folders"), list);
  let roots = [];

  async function fill() {
    try {
      roots = growTree(await loadFolders());
    } catch (error) {
      return sayTrouble(error);
    }
    const { folders, not_folders } = current().filters;
    [...folders, ...not_folders].forEach(reveal);
    if (roots.length === 1) opened.add(roots[0].path);
    element.hidden = !roots.length || (roots.length === 1 && !roots[0].children.length);
    return draw();
  }

  /** Open all above a folder, so that it is seen. */
  function reveal(path) {
    const above = (nodes) => nodes.find((node) => node.paths.includes(path) || (isBelow(path, node.path) && (opened.add(node.path), above(node.children))));
    above(roots);
  }

  function draw() {
    const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    list.replaceChildren(...roots.map((node) => item(node, draw)));
    if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  let shown = "";
  function update({ filters: { folders, not_folders } }) {
    const key = JSON.stringify([folders, not_folders]);
    if (key !== shown) draw();
    shown = key;
  }
  fill();
  return { element, update };
}

const isBelow = (path, folder) => path.startsWith(folder) && "/\\".includes(path.slice(folder.replace(/[\\/]$/, "").length)[0] ?? " ");

const lastPart = (path) => path.split(/[\\/]/).filter(Boolean).at(-1) ?? path;

/** Put folders, in order of path, below each other; one that holds only another is shown with it. */
function growTree(folders) {
  const roots = [];
  const above = [];
  for (const { path, n_recordings } of folders.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    while (above.length && !isBelow(path, above.at(-1).path)) above.pop();
    const parent = above.at(-1);
    const node = { path, paths: [path], n_recordings, children: [], words: parent ? path.slice(parent.path.length).replace(/^[\\/]/, "") : lastPart(path) };
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

function item(node, redraw) {
  const { folders, not_folders } = current().filters;
  const isIn = node.paths.some((path) => folders.includes(path));
  const isOut = node.paths.some((path) => not_folders.includes(path));
  const isOpen = node.children.length > 0 && opened.has(node.path);
  const turn = () => (opened[isOpen ? "delete" : "add"](node.path), redraw());
  const opener = node.children.length
    ? h("button", { type: "button", class: "bare tiny opener", "aria-expanded": String(isOpen), "aria-label": `Folders in ${node.words}`, dataset: { key: `o ${node.path}` }, onclick: turn }, icon("right"))
    : h("span", { class: "opener" });
  const box = h("input", { type: "checkbox", checked: isIn, dataset: { key: `i ${node.path}` } });
  box.addEventListener("change", () => place(node, box.checked, false));
  const not = press(h("button", { type: "button", class: "not", "aria-label": `Not in ${node.words}`, title: "Leave this folder out", dataset: { key: `n ${node.path}` }, onclick: () => place(node, false, !isOut) }, "not"), isOut);
  const line = h("div", { class: `folder-line${isOut ? " out" : ""}` }, opener, h("label", { class: "choice", title: node.path }, box, h("bdi", {}, node.words), h("span", { class: "n", title: count(node.n_recordings, "recording") }, node.n_recordings.toLocaleString("en"))), not);
  return h("li", {}, line, isOpen && h("ul", {}, shownOf(node, redraw)));
}

function shownOf(node, redraw) {
  const items = node.children.slice(0, MOST_SHOWN).map((child) => item(child, redraw));
  const left = node.children.length - items.length;
  return left > 0 ? [...items, h("li", { class: "quiet small" }, `and ${count(left, "folder")} more; find them by name above`)] : items;
}

/** Look through a folder, leave it out, or neither. */
function place(node, isIn, isOut) {
  const { filters } = current();
  const without = (paths) => paths.filter((path) => !node.paths.includes(path));
  const folders = [...without(filters.folders), ...(isIn ? [node.path] : [])];
  const not_folders = [...without(filters.not_folders), ...(isOut ? [node.path] : [])];
  change({ filters: { ...filters, folders, not_folders } });
}
