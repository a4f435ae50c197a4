// Keys that work everywhere, and the dialog that tells them all.

import { pickAndSearch, recordInto } from "./search/query.js";
import { chooseFile } from "./sound/drop.js";
import * as player from "./sound/player.js";
import { h, iconButton } from "./base/dom.js";
import { change, redo, undo } from "./base/state.js";

const TOLD = [
  ["←  →  ↑  ↓", "from card to card, heard at once"],
  ["Space", "play or stop"],
  ["Shift Space", "over and over"],
  ["a", "query and card in turn, equally loud"],
  ["Enter", "search from this card"],
  ["Alt ←", "back to the search before"],
  ["Ctrl Z", "undo: a thumb, a filter, a sound; with Shift redo"],
  ["+  −", "add the card to the query, subtract it"],
  ["l  d", "more like this, less like this"],
  ["n  p", "next match in this recording, previous"],
  ["f", "favourite"],
  ["w", "why this hit"],
  ["x", "select; Shift selects a row of them"],
  ["v", "cards or a dense list"],
  ["m", "more: download, path, file manager"],
  ["h", "hear it deformed"],
  ["/", "start from a sound of the library"],
  ["o", "open a file"],
  ["r", "record; again to stop and search"],
  ["1  2  3  4  5", "search, map, library, kit, crates"],
  ["Esc", "stop the sound, close what is open"],
  ["?", "these keys"],
];

export function showKeys() {
  const dialog = h(
    "dialog",
    { "aria-label": "Keys" },
    h("header", {}, h("h2", {}, "Keys"), iconButton("close", "Close", () => dialog.close())),
    h("dl", { class: "keys" }, TOLD.map(([keys, words]) => h("div", {}, h("dt", {}, keys.split("  ").map((key) => h("kbd", {}, key))), h("dd", { class: "quiet small" }, words)))),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

const firstCard = () => document.querySelector('.hit[tabindex="0"]');

const KEYS = {
  "?": showKeys,
  o: () => chooseFile(),
  r: () => {
    const place = document.querySelector(".query-foot, .welcome .row");
    if (place) recordInto(place);
  },
  "/": pickAndSearch,
  1: () => change({ view: "search" }),
  2: () => change({ view: "map" }),
  3: () => change({ view: "library" }),
  4: () => change({ view: "kit" }),
  5: () => change({ view: "crates" }),
  v: () => dispatchEvent(new Event("changeform")),
  n: () => dispatchEvent(new CustomEvent("stepmatch", { detail: 1 })),
  p: () => dispatchEvent(new CustomEvent("stepmatch", { detail: -1 })),
  Escape: () => player.stop(),
  " ": (event) => dispatchEvent(new CustomEvent("playquery", { detail: { loop: event.shiftKey } })),
  ArrowDown: () => firstCard()?.focus(),
  ArrowRight: () => firstCard()?.focus(),
};

const WRITING = "input:not([type=checkbox], [type=range], [type=radio]), textarea, [contenteditable]";

/** Ctrl+Z, Ctrl+Shift+Z and Ctrl+Y, but where one is writing, which undoes by itself. */
function undoByKey(event) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !"zy".includes(key) || event.target.matches?.(WRITING)) return;
  event.preventDefault();
  if (key === "y" || event.shiftKey) redo();
  else undo();
}

export function watchKeys() {
  addEventListener("keydown", (event) => {
    if (!event.defaultPrevented && !document.querySelector("dialog[open]")) undoByKey(event);
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const inField = event.target.matches?.("input, select, textarea, [contenteditable]");
    const onControl = event.target.matches?.("button, a, summary, [role=slider], [role=option], canvas");
    if (inField || (onControl && /^( |Enter|Arrow.*)$/.test(event.key))) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
  });
}
