// The recordings of a library as a table: heard, chosen, tagged one by one or in bulk.

import { changeTags, loadRecordings } from "../base/api.js";
import { h, icon, iconButton, settle } from "../base/dom.js";
import { NAME_WORDS, count, length, shortFolder } from "../base/format.js";
import { say, sayTrouble } from "../base/messages.js";
import { searchFrom } from "../base/state.js";
import * as player from "../sound/player.js";
import { tagEditor } from "./tagging.js";

const PAGE = 60;

/** Make the table; with `failed` that of the files that could not be read, with their reasons. */
export function recordingTable({ failed = false } = {}) {
  const words = h("input", { type: "search", placeholder: NAME_WORDS, maxlength: 200, "aria-label": "Words of name, folder or tags" });
  const favourites = h("input", { type: "checkbox" });
  const bulk = h("div", { class: "bulk", hidden: true });
  const body = h("tbody");
  const all = h("input", { type: "checkbox", "aria-label": "Choose all shown" });
  const pages = h("div", { class: "row pages" });
  const table = h("table", {}, h("caption", { class: "unseen" }, failed ? "Files that could not be read" : "Recordings"), header(failed, all), body);
  const element = h(
    "div",
    { class: "recordings" },
    h("div", { class: "row" }, words, !failed && h("label", { class: "row small" }, favourites, "favourites only")),
    bulk,
    h("div", { class: "table-box" }, table),
    pages,
  );
  let places = { folders: [], not_folders: [] };
  let offset = 0;
  let shown = [];
  const chosen = new Map();

  async function update() {
    try {
      const { total, recordings } = await loadRecordings({ folder: places.folders, not_folder: places.not_folders, text: words.value.trim(), failed, favourites: favourites.checked, offset, limit: PAGE });
      if (offset >= total && offset) return ((offset = 0), update());
      shown = recordings;
      const rows = recordings.map((recording) => (failed ? failedRow(recording) : soundRow(recording)));
      body.replaceChildren(...(rows.length ? rows : [empty()]));
      turn(total);
      tellChosen();
    } catch (error) {
      sayTrouble(error);
    }
    return undefined;
  }

  const empty = () => h("tr", {}, h("td", { colspan: failed ? 2 : 6, class: "quiet" }, failed ? "Every file could be read." : words.value || favourites.checked || places.folders.length || places.not_folders.length ? "No recording has that." : "Nothing here yet. Index a folder on the left."));

  function failedRow(recording) {
    return h("tr", {}, h("td", {}, h("b", {}, recording.name ?? recording.path), h("div", { class: "quiet small path" }, recording.path)), h("td", { class: "reason" }, recording.error));
  }

  function soundRow(recording) {
    const sound = { id: recording.id, length_s: recording.duration_s };
    const box = h("input", { type: "checkbox", "aria-label": `Choose ${recording.name}` });
    box.checked = chosen.has(recording.id);
    box.addEventListener("change", () => {
      if (box.checked) chosen.set(recording.id, recording);
      else chosen.delete(recording.id);
      tellChosen();
    });
    const play = iconButton("play", `Play ${recording.name}`, () => player.toggle(sound));
    return h(
      "tr",
      { dataset: { id: recording.id } },
      h("td", {}, box),
      h("td", {}, play),
      h("td", {}, h("b", {}, recording.name), h("div", { class: "quiet small", title: recording.path }, shortFolder(recording.folder), recording.warning ? ` · ${recording.warning}` : "")),
      h("td", { class: "number" }, length(recording.duration_s)),
      h("td", {}, tagEditor(recording)),
      h("td", {}, iconButton("search", `Search from ${recording.name}`, () => searchFrom({ id: recording.id }))),
    );
  }

  function tellChosen() {
    all.checked = shown.length > 0 && shown.every(({ id }) => chosen.has(id));
    bulk.hidden = !chosen.size;
    if (bulk.hidden) return bulk.replaceChildren();
    const field = bulk.querySelector("input") ?? h("input", { type: "text", placeholder: "tag", "aria-label": "Tag for all chosen", maxlength: 60 });
    bulk.replaceChildren(
      h("b", {}, `${count(chosen.size, "recording")} chosen`),
      field,
      h("button", { type: "button", onclick: () => tagAll(field, true) }, icon("plus"), "Tag"),
      h("button", { type: "button", onclick: () => tagAll(field, false) }, icon("minus"), "Untag"),
      h("button", { type: "button", onclick: () => (chosen.clear(), update()) }, "Choose none"),
    );
    return undefined;
  }

  async function tagAll(field, add) {
    const tag = field.value.trim();
    if (!tag) return field.focus();
    try {
      const { changed } = await changeTags([...chosen.keys()], add ? [tag] : [], add ? [] : [tag]);
      say(`${count(changed, "recording")} ${add ? "tagged" : "untagged"} “${tag}”.`);
      dispatchEvent(new CustomEvent("tagschange"));
      await update();
    } catch (error) {
      sayTrouble(error);
    }
    return undefined;
  }

  function turn(total) {
    const to = (at) => ((offset = at), update());
    pages.replaceChildren(
      h("span", { class: "quiet small" }, total ? `${(offset + 1).toLocaleString("en")} to ${Math.min(total, offset + PAGE).toLocaleString("en")} of ${total.toLocaleString("en")}` : ""),
      offset > 0 && h("button", { type: "button", onclick: () => to(Math.max(0, offset - PAGE)) }, icon("left"), "Before"),
      offset + PAGE < total && h("button", { type: "button", onclick: () => to(offset + PAGE) }, "Next", icon("right")),
    );
    [...pages.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).forEach((node) => node.remove());
  }

  const search = settle(() => ((offset = 0), update()), 150);
  words.addEventListener("input", search);
  favourites.addEventListener("change", search);
  all.addEventListener("change", () => {
    shown.forEach((recording) => (all.checked ? chosen.set(recording.id, recording) : chosen.delete(recording.id)));
    body.querySelectorAll("td:first-child input").forEach((box) => (box.checked = all.checked));
    tellChosen();
  });
  const stops = [
    player.on("start", (key) => body.querySelectorAll("tr[data-id]").forEach((row) => row.classList.toggle("playing", key === player.keyOf({ id: row.dataset.id })))),
    player.on("stop", () => body.querySelectorAll(".playing").forEach((row) => row.classList.remove("playing"))),
  ];
  return {
    element,
    update,
    choose: (chosen) => ((places = chosen), (offset = 0), update()),
    close: () => stops.forEach((stop) => stop()),
  };
}

function header(failed, all) {
  const names = failed ? ["File", "Reason"] : [all, h("span", { class: "unseen" }, "Play"), "Name", "Length", "Tags", h("span", { class: "unseen" }, "Search")];
  return h("thead", {}, h("tr", {}, names.map((name) => h(name === all ? "td" : "th", name === all ? {} : { scope: "col" }, name))));
}
