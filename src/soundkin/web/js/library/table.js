// The recordings of a library as a table: sorted, heard, chosen, tagged one by one.

import { loadRecordings } from "../base/api.js";
import { h, icon, iconButton, settle } from "../base/dom.js";
import { NAME_WORDS, length, shortFolder } from "../base/format.js";
import { sayTrouble } from "../base/messages.js";
import { isSelected, onSelect, select, selectTo, selected, selectAll } from "../base/selection.js";
import { searchFrom } from "../base/state.js";
import { plainHit } from "../search/plain.js";
import { hearUnderPointer } from "../sound/hover.js";
import { playButton } from "../sound/playbutton.js";
import * as player from "../sound/player.js";
import { tagEditor } from "./tagging.js";
import { number, t } from "../base/text.js";

const PAGE = 60;
const HOVER_MS = 120;

/** Make the table; with `failed` that of the files that could not be read, with their reasons. */
export function recordingTable({ failed = false } = {}) {
  const heads = [];
  const words = h("input", { type: "search", placeholder: NAME_WORDS, maxlength: 200, "aria-label": t("words_of_name_folder_or_tags") });
  const favourites = h("input", { type: "checkbox" });
  const body = h("tbody");
  const all = h("input", { type: "checkbox", "aria-label": t("choose_all_shown") });
  const pages = h("div", { class: "row pages" });
  const table = h("table", {}, h("caption", { class: "unseen" }, failed ? t("files_that_could_not_be_read") : t("recordings")), header(), body);
  const element = h(
    "div",
    { class: "recordings" },
    h("div", { class: "row" }, words, !failed && h("label", { class: "row small" }, favourites, t("favourites_only"))),
    h("div", { class: "table-box" }, table),
    pages,
  );
  let places = { folders: [], not_folders: [] };
  let offset = 0;
  let shown = [];
  let sorted = { name: "path", down: false };

  async function update() {
    try {
      const { total, recordings } = await loadRecordings({ folder: places.folders, not_folder: places.not_folders, text: words.value.trim(), failed, favourites: favourites.checked, sort: sorted.name, descending: sorted.down, offset, limit: PAGE });
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

  const empty = () => h("tr", {}, h("td", { colspan: failed ? 2 : 6, class: "quiet" }, failed ? t("every_file_could_be_read") : words.value || favourites.checked || places.folders.length || places.not_folders.length ? t("no_recording_has_that") : t("nothing_here_yet_index_a_folder")));

  function failedRow(recording) {
    return h("tr", {}, h("td", {}, h("b", {}, recording.name ?? recording.path), h("div", { class: "quiet small path" }, recording.path)), h("td", { class: "reason" }, recording.error));
  }

  function soundRow(recording) {
    const sound = { id: recording.id, length_s: recording.duration_s };
    const hit = plainHit(recording);
    const box = h("input", { type: "checkbox", "aria-label": t("choose", { a: recording.name }) });
    box.checked = isSelected(hit);
    box.addEventListener("click", (event) => {
      if (event.shiftKey) selectTo(hit, shown.map(plainHit));
      else select(hit, box.checked);
    });
    const play = playButton(recording.name, () => sound);
    return h(
      "tr",
      { dataset: { id: recording.id } },
      h("td", {}, box),
      h("td", {}, play),
      h("td", {}, h("b", {}, recording.name), h("div", { class: "quiet small", title: recording.path }, shortFolder(recording.folder), recording.warning ? ` · ${recording.warning}` : "")),
      h("td", { class: "number" }, length(recording.duration_s)),
      h("td", {}, tagEditor(recording)),
      h("td", {}, iconButton("search", t("search_from", { a: recording.name }), () => searchFrom({ id: recording.id }))),
    );
  }

  function tellChosen() {
    all.checked = shown.length > 0 && shown.every((recording) => isSelected(plainHit(recording)));
    body.querySelectorAll("tr[data-id] td:first-child input").forEach((box, i) => (box.checked = Boolean(shown[i]) && isSelected(plainHit(shown[i]))));
  }

  function header() {
    const names = failed ? [t("file"), t("reason")] : [all, h("span", { class: "unseen" }, t("play_column")), ["name", t("name")], ["duration", t("length")], t("tags"), h("span", { class: "unseen" }, t("search"))];
    return h("thead", {}, h("tr", {}, names.map((name) => (Array.isArray(name) ? sortHead(...name) : h(name === all ? "td" : "th", name === all ? {} : { scope: "col" }, name)))));
  }

  /** A head that is sorted by: up, down, then as the folders lie. */
  function sortHead(name, words) {
    const head = h("th", { scope: "col" }, h("button", { type: "button", class: "bare sort", onclick: () => sortBy(name) }, words));
    const tell = () => (sorted.name === name ? head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending") : head.removeAttribute("aria-sort"));
    heads.push(tell);
    return head;
  }

  function sortBy(name) {
    sorted = sorted.name !== name ? { name, down: false } : sorted.down ? { name: "path", down: false } : { name, down: true };
    heads.forEach((tell) => tell());
    offset = 0;
    update();
  }

  function turn(total) {
    const to = (at) => ((offset = at), update());
    pages.replaceChildren(
      h("span", { class: "quiet small" }, total ? t("page_of", { a: number(offset + 1), b: number(Math.min(total, offset + PAGE)), c: number(total) }) : ""),
      offset > 0 && h("button", { type: "button", onclick: () => to(Math.max(0, offset - PAGE)) }, icon("left"), t("before")),
      offset + PAGE < total && h("button", { type: "button", onclick: () => to(offset + PAGE) }, t("next"), icon("right")),
    );
    [...pages.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).forEach((node) => node.remove());
  }

  const search = settle(() => ((offset = 0), update()), 150);
  words.addEventListener("input", search);
  favourites.addEventListener("change", search);
  all.addEventListener("change", () => {
    const here = shown.map(plainHit);
    const keys = new Set(here.map(({ id }) => id));
    const others = selected().filter(({ id }) => !keys.has(id));
    selectAll(all.checked ? [...others, ...here] : others);
  });
  const soundAt = (node) => {
    const row = node?.closest?.("tr[data-id]");
    const recording = row && shown.find(({ id }) => id === row.dataset.id);
    return recording ? { box: row, sound: { id: recording.id, length_s: recording.duration_s } } : null;
  };
  hearUnderPointer(body, soundAt, HOVER_MS);
  addEventListener("tagged", update);
  const stops = [
    player.on("start", (key) => body.querySelectorAll("tr[data-id]").forEach((row) => row.classList.toggle("playing", key === player.keyOf({ id: row.dataset.id })))),
    onSelect(tellChosen),
    () => removeEventListener("tagged", update),
    player.on("stop", () => body.querySelectorAll(".playing").forEach((row) => row.classList.remove("playing"))),
  ];
  return {
    element,
    update,
    choose: (chosen) => ((places = chosen), (offset = 0), update()),
    close: () => stops.forEach((stop) => stop()),
  };
}
