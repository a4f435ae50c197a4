// Keys that work everywhere, and the dialog that tells them all.

import { pickAndSearch, recordInto } from "./search/query.js";
import { chooseFile } from "./sound/drop.js";
import * as player from "./sound/player.js";
import { h, iconButton } from "./base/dom.js";
import { change, redo, undo } from "./base/state.js";
import { LANGUAGES, chooseOther, language, t } from "./base/text.js";

const TOLD = [
  ["←  →  ↑  ↓", t("from_card_to_card_heard_at")],
  ["Space", t("play_or_stop")],
  ["Shift Space", t("over_and_over")],
  ["a", t("query_and_card_in_turn_equally")],
  ["Enter", t("search_from_this_card")],
  ["Alt ←", t("back_to_the_search_before")],
  ["Ctrl Z", t("undo_a_thumb_a_filter_a")],
  ["+  −", t("add_the_card_to_the_query")],
  ["l  d", t("more_like_this_less_like_this")],
  ["n  p", t("next_match_in_this_recording_previous")],
  ["f", t("key_favourite")],
  ["w", t("key_why")],
  ["x", t("select_shift_selects_a_row_of")],
  ["v", t("cards_or_a_dense_list")],
  ["m", t("more_download_path_file_manager")],
  ["h", t("key_hear")],
  ["/", t("start_from_a_sound_of_the")],
  ["o", t("open_a_file")],
  ["r", t("record_again_to_stop_and_search")],
  ["1  2  3  4  5", t("search_map_library_kit_crates")],
  ["Esc", t("stop_the_sound_close_what_is")],
  ["?", t("these_keys")],
];

export function showKeys() {
  const dialog = h(
    "dialog",
    { "aria-label": t("keys") },
    h("header", {}, h("h2", {}, t("keys")), iconButton("close", t("close"), () => dialog.close())),
    h("dl", { class: "keys" }, TOLD.map(([keys, words]) => h("div", {}, h("dt", {}, keys.split("  ").map((key) => h("kbd", {}, key))), h("dd", { class: "quiet small" }, words)))),
  );
  const other = h("select", { "aria-label": t("language"), onchange: () => chooseOther(other.value) }, Object.entries(LANGUAGES).map(([name, words]) => h("option", { value: name, lang: name }, words)));
  other.value = language;
  dialog.append(h("footer", {}, h("label", { class: "row small" }, t("language"), other)));
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
