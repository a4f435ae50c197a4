// Hear the deformations: one sound shifted, stretched, under noise, cut and mixed, and how far each moves.

import { loadDeformations } from "../base/api.js";
import { h, icon } from "../base/dom.js";
import { stem } from "../base/format.js";
import { change, current, writeSound } from "../base/state.js";
import { pickSound } from "../sound/picker.js";
import * as player from "../sound/player.js";
import { soundOf } from "./ask.js";
import { t } from "../base/text.js";

export function open(box) {
  let shown = null;
  let mix = null;

  async function update(state) {
    const sound = state.sounds[0];
    if (!sound) return box.replaceChildren(nothing());
    const key = `${writeSound(sound)} ${mix?.id ?? ""}`;
    if (key === shown) return undefined;
    shown = key;
    const title = h("h1", {}, "…");
    const place = h("div", { class: "heard-place" }, h("p", { class: "quiet" }, t("deforming_this_takes_a_second_or")));
    const pick = h("button", { type: "button" }, icon("plus"), mix ? t("mixed_with_another", { a: stem(mix.name) }) : t("mix_with_a_second_sound"));
    pick.addEventListener("click", async () => {
      const picked = await pickSound(t("mix_with_which_sound"), { files: false });
      if (picked) update(((mix = picked), current()));
    });
    box.replaceChildren(
      h(
        "header",
        { class: "hear-head" },
        h("div", {}, title, h("p", { class: "quiet" }, t("training_asks_the_network_to_keep"))),
        h("div", { class: "row" }, pick, h("button", { type: "button", onclick: () => change({ view: "search" }) }, t("back_to_the_search"))),
      ),
      place,
    );
    try {
      const [facts, answer] = await Promise.all([soundOf(sound.id), loadDeformations(sound, mix?.id)]);
      if (key !== shown) return undefined;
      title.replaceChildren(stem(facts.name), h("em", {}, t("deformed")));
      place.replaceChildren(...heard(answer));
    } catch (error) {
      place.replaceChildren(h("div", { class: "empty" }, h("h2", {}, t("this_cannot_be_deformed")), h("p", {}, error.message)));
    }
    return undefined;
  }
  return { update, close: () => player.stop() };
}

function nothing() {
  return h("div", { class: "empty" }, h("h2", {}, t("no_sound_to_deform")), h("p", {}, t("open_a_sound_first_then_choose")), h("button", { type: "button", onclick: () => change({ view: "search" }) }, t("to_the_search")));
}

function heard(answer) {
  const list = answer.deformations;
  const random = answer.random_distances;
  const most = Math.max(random?.median ?? 1, ...list.map((one) => one.distance ?? 0)) * 1.08;
  return [ruler(list, random, most), h("ul", { class: "heard" }, list.map((one) => item(one, most, random)))];
}

function ruler(list, random, most) {
  const put = (element, distance) => ((element.style.left = `${(100 * distance) / most}%`), element);
  const side = (distance) => (distance < most / 2 ? "rightward" : ""); // where there is room for words
  return h(
    "div",
    { class: "ruler", role: "img", "aria-label": t("distances_from_the_original", { a: list.map((one) => `${one.title} ${one.distance?.toFixed(2)}`).join(", ") }) },
    random && put(h("div", { class: `random ${side(random.median)}` }, h("span", {}, t("half_of_random_sounds_are_farther"))), random.median),
    random && put(h("div", { class: `random near ${side(random.p05)}` }, h("span", {}, t("one_in_twenty_is_nearer"))), random.p05),
    list.map((one) => put(h("i", { title: `${one.title}: ${one.distance?.toFixed(3)}` }), one.distance ?? 0)),
  );
}

function item(one, most, random) {
  const sound = { url: one.audio_url };
  const bar = h("i");
  bar.style.transform = `scaleX(${(one.distance ?? 0) / most})`;
  const button = h("button", { type: "button", class: "play-it", "aria-label": t("play", { a: one.title }), onclick: () => player.toggle(sound) }, h("img", { src: one.spectrogram_url, alt: t("spectrogram", { a: one.title }), loading: "lazy" }), icon("play"));
  const beside = random && one.distance !== null && one.distance > random.p05 ? t("as_far_as_a_random_sound") : t("nearer_than_random_sounds");
  const element = h("li", {}, button, h("div", { class: "row between" }, h("b", {}, one.title), h("span", {}, one.distance?.toFixed(3) ?? "")), h("div", { class: "progress" }, bar), h("p", { class: "quiet small" }, one.distance ? beside : t("where_it_all_begins")));
  const stops = [player.on("start", (key) => element.classList.toggle("playing", key === one.audio_url)), player.on("stop", () => element.classList.remove("playing"))];
  new MutationObserver((_, observer) => element.isConnected || (stops.forEach((stop) => stop()), observer.disconnect())).observe(document.getElementById("view"), { childList: true, subtree: true });
  return element;
}
