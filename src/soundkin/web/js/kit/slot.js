// One slot of a kit: its sound, how it is changed for another, and its steps.

import { cutName, h, icon, iconButton, press } from "../base/dom.js";
import { shortFolder, stem } from "../base/format.js";
import { searchFrom } from "../base/state.js";
import * as player from "../sound/player.js";
import { waveform } from "../sound/waveform.js";
import { stepRow } from "./pattern.js";
import { freeName, keepKit } from "./store.js";
import { t } from "../base/text.js";

export const soundOf = ({ id, duration_s }) => ({ id, length_s: duration_s });

/** Draw a slot; `acts` has `swap`, `dice`, `choose` and `remove`, each told the slot. */
export function slotRow(slot, acts) {
  const { recording } = slot;
  const name = h("input", { class: "slot-name", value: slot.name, maxlength: 100, "aria-label": t("name_of_the_slot"), spellcheck: "false" });
  name.addEventListener("change", () => {
    const wanted = name.value.trim();
    if (wanted && wanted !== slot.name) slot.name = wanted.toLowerCase() === slot.name.toLowerCase() ? wanted : freeName(wanted);
    name.value = slot.name;
    acts.renamed(slot);
  });
  const lock = press(iconButton("lock", t("keep_the_when_all_are_drawn", { a: slot.name }), () => (press(lock, (slot.locked = !slot.locked)), keepKit())), slot.locked);
  return h(
    "li",
    { class: "slot", dataset: { slot: slot.name } },
    h("div", { class: "slot-head" }, name, lock, iconButton("close", t("remove_the_slot", { a: slot.name }), () => acts.remove(slot))),
    recording ? filled(slot) : h("button", { type: "button", class: "slot-sound empty-slot", onclick: () => acts.choose(slot) }, icon("plus"), t("choose_a_sound")),
    h(
      "div",
      { class: "slot-acts" },
      recording && iconButton("swap", t("swap_the_for_a_neighbour", { a: slot.name }), () => acts.swap(slot)),
      iconButton("dice", t("draw_another", { a: slot.name }), () => acts.dice(slot)),
      iconButton("lines", t("choose_a_sound_for_the", { a: slot.name }), () => acts.choose(slot)),
      recording && iconButton("search", t("search_from_the", { a: slot.name }), () => searchFrom({ id: recording.id })),
    ),
    stepRow(slot, keepKit),
  );
}

function filled(slot) {
  const { recording } = slot;
  const button = h(
    "button",
    { type: "button", class: "slot-sound", "aria-label": t("play_the", { a: slot.name, b: recording.name }), onclick: () => player.toggle(soundOf(recording)) },
    waveform({ id: recording.id, n: 160 }),
    h("span", { class: "slot-title" }, cutName(stem(recording.name))),
    h("span", { class: "quiet small slot-folder" }, h("bdi", {}, shortFolder(recording.folder))),
  );
  button.dataset.sound = player.keyOf(soundOf(recording));
  return button;
}
