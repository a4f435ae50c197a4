// The query: its sounds with sign and weight, and the ways to give another one.

import { loadConcepts } from "../base/api.js";
import { cutName, h, icon, iconButton, settle } from "../base/dom.js";
import { stem } from "../base/format.js";
import { later } from "../base/later.js";
import { sayTrouble } from "../base/messages.js";
import { addSound, change, current, searchFrom } from "../base/state.js";
import { chooseFile, take } from "../sound/drop.js";
import { pickSound } from "../sound/picker.js";
import { playButton } from "../sound/playbutton.js";
import { strip } from "../sound/strip.js";
import { soundOf } from "./ask.js";
import { bringBack } from "./history.js";
import { t } from "../base/text.js";

const record = later(() => import("../sound/record.js"), "record");
const keyOf = (sound) => JSON.stringify([sound.id, sound.start_s, sound.end_s]);

/** Make the panel of the query; `update(sounds)` shows others. */
export function queryPanel() {
  const list = h("div", { class: "sounds" });
  const foot = h("div", { class: "query-foot" });
  const unfold = iconButton("unfold", t("all_of_the_query"), () => unfold.setAttribute("aria-expanded", String(element.classList.toggle("unfolded"))), { class: "bare unfold", "aria-expanded": "false" });
  const element = h("section", { class: "query", "aria-label": t("query") }, list, unfold, foot);
  let shown = [];
  foot.append(...waysToAdd(foot));

  async function update(sounds) {
    const keys = sounds.map(keyOf);
    if (keys.join() === shown.map((row) => row.key).join()) {
      shown.forEach((row, i) => row.weigh(sounds[i]));
      return;
    }
    const earlier = new Map(shown.map((row) => [row.key, row]));
    const rows = await Promise.all(sounds.map((sound, i) => earlier.get(keys[i]) ?? soundRow(sound))).catch(() => null);
    if (!rows) return; // without a server what is shown stays
    if (current().sounds.map(keyOf).join() !== keys.join()) return;
    shown.filter((row) => !rows.includes(row)).forEach((row) => row.close());
    const focused = document.activeElement?.dataset?.side;
    shown = rows;
    list.toggleAttribute("data-many", rows.length > 1);
    list.replaceChildren(...rows.map((row) => row.element));
    rows.forEach((row, i) => row.weigh(sounds[i]));
    if (focused) list.querySelector(`[data-side="${focused}"]`)?.focus();
  }
  return { element, update, toggle: (options) => shown[0]?.toggle(options), played: () => shown[0]?.played() };
}

const find = (key) => current().sounds.findIndex((sound) => keyOf(sound) === key);
const replace = (at, patch) => current().sounds.map((sound, i) => (i === at ? { ...sound, ...patch } : sound));

async function soundRow(sound) {
  const key = keyOf(sound);
  let facts;
  try {
    facts = sound.id.startsWith("c") ? await conceptOf(sound.id) : await soundOf(sound.id);
  } catch (error) {
    if (error.status === 0) throw error;
    const fresh = sound.id.startsWith("u") ? await bringBack(sound.id).catch(() => null) : null;
    if (fresh) return changeId(sound.id, fresh);
    return missingRow(sound, key, error);
  }
  const region = facts.isConcept ? noStrip : strip(facts, sound, (chosen) => change({ sounds: replace(find(key), chosen) }));
  const sign = h("button", { type: "button", class: "sign" });
  const slider = h("input", { type: "range", min: 0.1, max: 2, step: 0.05, "aria-label": t("weight_of", { a: facts.name }) });
  const shown = h("output");
  const weight = h("label", { class: "weight" }, t("weight"), slider, shown);
  const reweigh = settle((value) => change({ sounds: replace(find(key), { weight: value }) }, { replace: true }), 180);
  slider.addEventListener("input", () => {
    shown.textContent = Number(slider.value).toFixed(2);
    reweigh(Math.sign(current().sounds[find(key)].weight) * Number(slider.value));
  });
  sign.addEventListener("click", () => change({ sounds: replace(find(key), { weight: -current().sounds[find(key)].weight }) }));
  const remove = iconButton("close", t("remove_from_the_query", { a: facts.name }), () => change({ sounds: current().sounds.filter((one) => keyOf(one) !== key) }));
  const element = h(
    "div",
    { class: "sound" },
    h("div", { class: "sound-head" }, sign, h("span", { class: "name", title: facts.path ?? facts.name }, cutName(stem(facts.name))), weight, !facts.isConcept && [playButton(facts.name, region.played), iconButton("ear", t("hear_deformed"), () => change({ view: "hear", sounds: [{ ...sound, weight: 1 }] }))], remove),
    region.element,
  );
  const weigh = (now) => {
    const minus = now.weight < 0;
    const many = current().sounds.length > 1;
    element.classList.toggle("minus", minus);
    sign.hidden = weight.hidden = !many;
    sign.textContent = minus ? "−" : "+";
    sign.setAttribute("aria-label", minus ? t("is_subtracted_add_it_instead", { a: facts.name }) : t("is_added_subtract_it_instead", { a: facts.name }));
    if (document.activeElement !== slider) slider.value = Math.abs(now.weight);
    shown.textContent = Math.abs(now.weight).toFixed(2);
  };
  return { key, element, weigh, toggle: region.toggle, played: region.played, close: region.close };
}

/** Go on with the id that a sound from outside has now; its row comes with the next update. */
function changeId(before, now) {
  const other = (one) => (one.id === before ? { ...one, id: now } : one);
  const { sounds, liked, disliked } = current();
  queueMicrotask(() => change({ sounds: sounds.map(other), liked: liked.map(other), disliked: disliked.map(other) }, { replace: true }));
  return { key: "", element: "", weigh: () => null, ...noStrip };
}

const noStrip = { element: "", toggle: () => null, played: () => null, close: () => null };

async function conceptOf(id) {
  const concept = (await loadConcepts()).find((one) => one.id === id);
  if (!concept) throw new Error(t("this_concept_was_forgotten"));
  return { name: concept.name, isConcept: true };
}

function missingRow(sound, key, error) {
  const remove = () => change({ sounds: current().sounds.filter((one) => keyOf(one) !== key) });
  const words = sound.id.startsWith("u") ? t("this_upload_is_gone_uploads_last") : error.message;
  const element = h("div", { class: "sound" }, h("div", { class: "row" }, h("p", {}, words), h("button", { type: "button", onclick: remove }, t("remove_it"))));
  return { key, element, weigh: () => null, toggle: () => null, played: () => null, close: () => null };
}

/** Buttons to give a sound: a file, the microphone, the library. `place` shows a recording in progress. */
function waysToAdd(place) {
  const add = (how) => async () => {
    const picked = await pickSound(how === "minus" ? t("subtract_which_sound") : t("add_which_sound"));
    if (picked === "file") chooseFile(how);
    else if (picked) addSound({ id: picked.id, weight: how === "minus" ? -0.5 : 1 });
  };
  return [
    h("button", { type: "button", onclick: add("plus") }, icon("plus"), t("add_a_sound")),
    h("button", { type: "button", onclick: add("minus") }, icon("minus"), t("subtract_a_sound")),
    h("span", { class: "spring", "aria-hidden": "true" }),
    ...waysToStart(place),
  ];
}

/** Buttons to start anew: a file, the microphone, any sound of the library. */
export function waysToStart(place, strong = false) {
  return [
    h("button", { type: "button", class: strong ? "strong choose" : "choose", onclick: () => chooseFile() }, icon("file"), t("choose_a_file")),
    h("button", { type: "button", class: "record", onclick: () => recordInto(place) }, icon("mic"), t("record")),
    h("button", { type: "button", class: "pick", onclick: pickAndSearch }, icon("search"), t("from_the_library")),
  ];
}

export async function pickAndSearch() {
  const picked = await pickSound(t("start_from_which_sound"));
  if (picked === "file") chooseFile();
  else if (picked) searchFrom({ id: picked.id });
}

let recording = null;

/** Record into the place of the buttons; a second call ends the take and searches with it. */
export async function recordInto(place) {
  if (recording) return recording.stop();
  const buttons = [...place.children];
  const restore = () => {
    recording = null;
    place.replaceChildren(...buttons);
    place.classList.remove("recording-now");
  };
  const started = await record((blob) => {
    restore();
    if (blob) take(blob, blob.name ?? "take.wav").catch(sayTrouble);
  }).catch((error) => (sayTrouble(error), null));
  if (!started) return undefined;
  recording = started;
  const done = h("button", { type: "button", class: "strong done", onclick: () => started.stop() }, icon("stop"), t("stop_and_search"));
  place.classList.add("recording-now");
  place.replaceChildren(done, ...started.element, h("button", { type: "button", onclick: () => started.stop(false) }, t("discard")));
  done.focus();
  return undefined;
}
