// Hits as lines of a table: one line each, columns that are chosen and sorted by.

import { cutName, h, icon, iconButton, toggleBelow } from "../base/dom.js";
import { length, shortFolder, stem } from "../base/format.js";
import { cardKey, covers, drawHit, judgeButtons, mark, spoken } from "./card.js";
import { t } from "../base/text.js";

const N_PEAKS = 160;
const KEPT = "columns";

/** What a column shows: `words` of a hit, and `value` to sort by, text or a number; null is last. */
const COLUMNS = [
  { name: "rank", title: "#", value: ({ rank }) => rank ?? null, words: ({ rank }) => rank ?? "", number: true },
  { name: "name", title: t("name"), value: ({ name }) => stem(name).toLowerCase(), words: ({ name }) => cutName(stem(name)), fixed: true },
  { name: "folder", title: t("folder"), value: ({ folder }) => folder.toLowerCase(), words: ({ folder }) => h("bdi", {}, shortFolder(folder)) },
  { name: "length", title: t("length"), value: ({ recording_duration_s }) => recording_duration_s, words: ({ recording_duration_s }) => length(recording_duration_s), number: true },
  { name: "note", title: t("note"), value: ({ facts }) => facts?.pitch_hz ?? null, words: ({ facts }) => (facts?.pitch_name ?? "").split(" ")[0], number: true },
  { name: "key", title: t("key_column"), value: ({ facts }) => facts?.key_name ?? null, words: ({ facts }) => facts?.key_name ?? "", hidden: true },
  { name: "tempo", title: "BPM", value: ({ facts }) => facts?.tempo_bpm ?? null, words: ({ facts }) => facts?.tempo_bpm?.toFixed(0) ?? "", number: true },
  { name: "loudness", title: "LUFS", value: ({ facts }) => facts?.loudness_lufs ?? null, words: ({ facts }) => facts?.loudness_lufs?.toFixed(1) ?? "", number: true },
  { name: "tags", title: t("tags"), value: ({ tags }) => tags.join(" ") || null, words: ({ tags }) => tags.filter((tag) => tag !== "favourite").join(", "), hidden: true },
  { name: "score", title: t("score_column"), value: (hit) => hit.rank_score ?? hit.score ?? null, words: (hit) => (hit.rank_score ?? hit.score)?.toFixed(3) ?? "", number: true, greatestFirst: true },
];

const collator = new Intl.Collator(undefined, { numeric: true });

function readShown() {
  const kept = localStorage.getItem(KEPT)?.split(",");
  return new Set(kept ?? COLUMNS.filter(({ hidden }) => !hidden).map(({ name }) => name));
}

/** Make the table for `hitList`, in its words. */
export function lineTable(label) {
  let shown = readShown();
  let sorted = { name: "rank", down: false };
  let resort = () => null;
  const body = h("tbody");
  const heads = new Map(COLUMNS.map((column) => [column.name, head(column)]));
  const chooser = columnChooser(() => shown, (names) => {
    shown = names;
    localStorage.setItem(KEPT, [...names].join(","));
    tellColumns();
  });
  const table = h("table", {}, h("caption", { class: "unseen" }, label), h("thead", {}, h("tr", {}, h("th", { scope: "col", class: "of-wave" }, h("span", { class: "unseen" }, t("waveform"))), [...heads.values()], h("th", { scope: "col", class: "of-acts" }, chooser))), body);
  const element = h("div", { class: "lines", role: "region", "aria-label": label, tabindex: "-1" }, table);

  function head({ name, title, number }) {
    const button = h("button", { type: "button", class: "bare", onclick: () => sortBy(name) }, title);
    return h("th", { scope: "col", class: `of-${name}${number ? " number" : ""}`, dataset: { column: name } }, button);
  }

  function sortBy(name) {
    const { greatestFirst = false } = COLUMNS.find((column) => column.name === name);
    sorted = { name, down: sorted.name === name ? !sorted.down : greatestFirst };
    tellSorted();
    resort();
  }

  function tellSorted() {
    heads.forEach((one, name) => (name === sorted.name ? one.setAttribute("aria-sort", sorted.down ? "descending" : "ascending") : one.removeAttribute("aria-sort")));
  }

  function tellColumns() {
    COLUMNS.forEach(({ name }) => table.classList.toggle(`no-${name}`, !shown.has(name)));
  }

  function order(made) {
    const { value } = COLUMNS.find(({ name }) => name === sorted.name);
    const sign = sorted.down ? -1 : 1;
    return made
      .map((one) => [value(one.hit()), one])
      .sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * (typeof a === "number" ? a - b : collator.compare(a, b))))
      .map(([, one]) => one);
  }

  tellSorted();
  tellColumns();
  return {
    element,
    make: line,
    order,
    fill: (made) => body.replaceChildren(...made.map(({ element }) => element)),
    select: (made, is) => (made.element.toggleAttribute("data-selected", is), made.element.setAttribute("aria-selected", String(is))),
    onsort: (run) => (resort = run),
  };
}

/** A button that opens a list of all columns, each with its box. */
function columnChooser(shown, choose) {
  const boxes = COLUMNS.filter(({ fixed }) => !fixed).map(({ name, title }) => {
    const box = h("input", { type: "checkbox", checked: shown().has(name), onchange: () => choose(new Set(COLUMNS.map((one) => one.name).filter((one) => (one === name ? box.checked : shown().has(one))))) });
    return h("label", { class: "choice" }, box, h("span", {}, title === "#" ? t("rank") : title));
  });
  const list = h("div", { class: "column-list", popover: "auto", role: "group", "aria-label": t("columns") }, boxes);
  const opener = iconButton("columns", t("columns"), () => {
    toggleBelow(list, opener);
  });
  return [opener, list];
}

/** Make a line. `acts` as for a card; gives `{element, update(hit, marks), hit, stretch, close}`. */
function line(hit, acts) {
  const { stretch, drawn, from, to, head, stopHead } = drawHit(hit, N_PEAKS);
  const cells = COLUMNS.map((column) => ({ column, cell: h("td", { class: `of-${column.name}${column.number ? " number" : ""}` }) }));
  const { heart, like, dislike, more, tell } = judgeButtons(() => now, acts);
  const searched = hit.score !== undefined && hit.score !== null;
  const element = h(
    "tr",
    { class: "hit", tabindex: "-1", draggable: "true", title: hit.path, dataset: { key: cardKey(hit), id: hit.id } },
    h("td", { class: "of-wave" }, h("div", { class: "wave" }, drawn, !(covers(hit) || (from < 0.02 && to > 0.98)) && mark(from, to), head)),
    cells.map(({ cell }) => cell),
    h("td", { class: "of-acts" }, h("div", { class: "row" }, heart, searched && [like, dislike], more)),
  );
  let now = hit;

  function update(hit, { liked = false, disliked = false } = {}) {
    now = hit;
    cells.forEach(({ column, cell }) => cell.replaceChildren(...(column.name === "name" ? [h("span", { class: "name" }, column.words(hit))] : [column.words(hit)])));
    tell(element, hit, { liked, disliked });
    element.setAttribute("aria-label", spoken(hit, !searched));
  }
  update(hit);
  return { element, item: element, update, hit: () => now, stretch, close: stopHead };
}

/** A button that changes between cards and lines. */
export function formButton(form, choose) {
  const words = form === "lines" ? t("cards") : t("list");
  return h("button", { type: "button", class: "form-button", title: t("cards_or_a_dense_list_v"), onclick: choose }, icon(form === "lines" ? "cards" : "lines"), words);
}
