// Kits: a few one-shots that go together, drawn from what sounds alike, played in a bar, taken away.

import { drawKit, exportKit } from "../base/api.js";
import { h, icon, menu } from "../base/dom.js";
import { say, sayTrouble } from "../base/messages.js";
import { saveFile } from "../search/export.js";
import { pickSound } from "../sound/picker.js";
import * as player from "../sound/player.js";
import { startVoice } from "../sound/voice.js";
import { playPattern } from "./pattern.js";
import { slotRow, soundOf } from "./slot.js";
import { addSlot, fillSlot, keepKit, openKit } from "./store.js";
import { named, t } from "../base/text.js";

export async function open(box, info) {
  const kit = openKit(info.library);
  const list = h("ul", { class: "slots" });
  const voices = new Map(); // of the slots' recordings, by their id
  let ending = null;

  const acts = {
    swap: (slot) => fill([slot], { near: true }),
    dice: (slot) => fill([slot]),
    choose,
    remove: (slot) => {
      kit.slots.splice(kit.slots.indexOf(slot), 1);
      draw();
    },
    renamed: () => draw(),
  };

  function draw() {
    keepKit();
    const rows = kit.slots.map((slot) => slotRow(slot, acts));
    list.replaceChildren(...rows);
    loadVoices();
  }

  /** Draw sounds for slots, from what each began with, or `near` from what it has. */
  async function fill(slots, { near = false } = {}) {
    const others = kit.slots.filter((slot) => slot.recording && !slots.includes(slot));
    const asked = slots.map((slot) => ({
      name: slot.name,
      sounds: near ? [{ id: slot.recording.id }] : (slot.source ?? []),
      avoid: near ? slot.seen : slot.recording ? [slot.recording.id] : [],
    }));
    try {
      const seed = Math.floor(Math.random() * 2 ** 32);
      const found = await drawKit({ slots: asked, how_far: near ? 0 : kit.how_far, seed, avoid: others.map(({ recording }) => recording.id) });
      const missing = [];
      found.forEach(({ recording, steps }, at) => {
        const slot = slots[at];
        if (!recording) return missing.push(slot.name);
        if (!slot.recording && !slot.steps.length) slot.steps = steps;
        slot.source ??= [{ id: recording.id }];
        return fillSlot(slot, recording);
      });
      draw();
      if (missing.length) say(near ? t("all_its_neighbours_have_been_there") : t("nothing_of_up_to_15_s", { a: missing.join(", ") }));
      else if (slots.length === 1) player.play(soundOf(slots[0].recording));
    } catch (error) {
      sayTrouble(error);
    }
  }

  async function choose(slot) {
    const picked = await pickSound(t("a_sound_for_the", { a: slot.name }), { files: false });
    if (!picked) return;
    slot.source = [{ id: picked.id }];
    fillSlot(slot, picked);
    draw();
  }

  /** Have every sound decoded, so that the bar can begin with it at any moment. */
  async function loadVoices() {
    const wanted = kit.slots.map(({ recording }) => recording).filter(Boolean);
    await Promise.all(
      wanted.map(async (recording) => {
        const voice = await player.loadVoice(soundOf(recording)).catch(() => null);
        if (voice) voices.set(recording.id, voice);
      }),
    );
  }

  async function togglePattern() {
    if (ending) return stop();
    if (!kit.slots.some(({ recording, steps }) => recording && steps.length)) return say(t("fill_a_slot_first_and_set"));
    player.stop();
    await loadVoices();
    const { context, output } = await player.openGraph();
    const sounding = new Map();
    const strike = (slot, when_s) => {
      const voice = voices.get(slot.recording.id);
      if (!voice) return;
      sounding.get(slot.name)?.source.stop(when_s); // a slot has one voice, as a drum has
      sounding.set(slot.name, startVoice(context, output, voice, { when_s }));
    };
    const end = playPattern(context, () => kit, strike, showStep);
    ending = () => {
      end();
      sounding.forEach(({ source }) => source.stop());
    };
    return showPlaying(true);
  }

  function stop() {
    ending?.();
    ending = null;
    showPlaying(false);
  }

  function showStep(step) {
    for (const row of list.querySelectorAll(".steps")) [...row.children].forEach((button, at) => button.classList.toggle("now", at === step));
  }

  const play = h("button", { type: "button", class: "strong" });
  play.addEventListener("click", () => togglePattern().catch(sayTrouble));
  function showPlaying(is) {
    play.replaceChildren(icon(is ? "stop" : "play"), is ? t("stop") : t("play_the_bar"));
  }
  showPlaying(false);

  const tempo = h("input", { type: "number", min: 20, max: 400, step: 1, value: kit.tempo, "aria-label": t("tempo_in_beats_a_minute") });
  tempo.addEventListener("change", () => {
    kit.tempo = Math.max(20, Math.min(400, Number(tempo.value) || 120));
    tempo.value = kit.tempo;
    keepKit();
  });
  const far = h("input", { type: "range", min: 0, max: 1, step: 0.01, value: kit.how_far, "aria-label": t("how_far_sounds_are_drawn_from"), title: t("how_far") });
  far.addEventListener("input", () => ((kit.how_far = Number(far.value)), keepKit()));
  const name = h("input", { class: "kit-name", value: kit.name, maxlength: 100, "aria-label": t("name_of_the_kit"), spellcheck: "false" });
  name.addEventListener("change", () => ((kit.name = name.value.trim() || t("my_kit")), (name.value = kit.name), keepKit()));
  const unlocked = () => kit.slots.filter((slot) => !slot.locked);

  const takeAway = menu(t("export_the_kit"), [icon("export"), t("export")], () =>
    info.kit_formats.map((format) => ({ words: named("kit_format", format.name, format.title), run: () => save(format).catch(sayTrouble) })),
  );
  async function save(format) {
    const slots = kit.slots.filter(({ recording }) => recording).map((slot) => ({ name: slot.name, id: slot.recording.id, steps: slot.steps }));
    if (!slots.length) return say(t("fill_a_slot_first"));
    return saveFile(await exportKit({ name: kit.name, format: format.name, tempo_bpm: kit.tempo, slots }), `${kit.name}.${format.extension}`);
  }

  box.replaceChildren(
    h(
      "header",
      { class: "kit-head" },
      h("h1", { class: "unseen" }, t("kit")),
      name,
      h(
        "div",
        { class: "row" },
        play,
        h("label", { class: "row" }, "BPM", tempo),
        h("button", { type: "button", onclick: () => fill(unlocked()) }, icon("dice"), t("draw_all")),
        h("label", { class: "row" }, t("near"), far, t("far")),
        takeAway,
      ),
    ),
    list,
    h("div", { class: "row" }, h("button", { type: "button", onclick: () => (addSlot("sound"), draw()) }, icon("plus"), t("add_a_slot"))),
    h("p", { class: "quiet small" }, t("a_slot_that_has_no_sound")),
  );
  draw();
  const marks = [
    player.on("start", (key) => list.querySelector(`[data-sound="${CSS.escape(key)}"]`)?.classList.add("playing")),
    player.on("stop", () => list.querySelectorAll(".playing").forEach((one) => one.classList.remove("playing"))),
  ];
  const onSpace = () => togglePattern().catch(sayTrouble);
  addEventListener("playquery", onSpace);
  return {
    update: () => null,
    close: () => {
      stop();
      marks.forEach((forget) => forget());
      removeEventListener("playquery", onSpace);
    },
  };
}
