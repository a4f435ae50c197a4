// Why a hit is there: both spectrograms, the facts side by side, and how stable the answer is.

import { explain, spectrogramUrl } from "./api.js";
import { stretchOf } from "./card.js";
import { h, iconButton } from "./dom.js";
import { sayTrouble } from "./messages.js";
import * as player from "./player.js";
import { soundOf } from "./searching.js";
import { factValue, stem } from "./words.js";

/** Open the dialog for one hit of a query. */
export async function showWhy(sounds, hit, info) {
  const body = h("div", { class: "why" }, h("p", { class: "quiet" }, "Comparing …"));
  const dialog = h(
    "dialog",
    { class: "wide", "aria-label": `Why ${hit.name}` },
    h("header", {}, h("h2", {}, `Why “${stem(hit.name)}”`), iconButton("close", "Close", () => dialog.close())),
    body,
  );
  dialog.addEventListener("close", () => (player.stop(), dialog.remove()));
  document.body.append(dialog);
  dialog.showModal();
  try {
    const [answer, ...facts] = await Promise.all([explain({ sounds, hit: { id: hit.id, start_s: hit.start_s } }), ...sounds.map((sound) => soundOf(sound.id))]);
    body.replaceChildren(pictures(sounds, facts, hit), stability(answer), comparison(answer, info));
  } catch (error) {
    dialog.close();
    sayTrouble(error);
  }
}

function pictures(sounds, facts, hit) {
  const figure = (words, sound) =>
    h(
      "figure",
      {},
      h("figcaption", {}, words, iconButton("play", `Play ${words}`, () => player.toggle(sound))),
      h("img", { src: spectrogramUrl(sound.id, sound.start_s || undefined, sound.end_s, 560, 128), alt: `Spectrogram of ${words}` }),
    );
  return h("div", { class: "pictures" }, figure(`Query: ${stem(facts[0].name)}`, sounds[0]), figure(`Hit: ${stem(hit.name)}`, stretchOf(hit)));
}

function stability({ stability }) {
  const share = typeof stability === "number" ? stability : stability?.share;
  if (share === undefined || share === null) return h("p", { class: "quiet" }, "The query is one segment, so its parts cannot be compared.");
  const bar = h("i");
  bar.style.transform = `scaleX(${share})`;
  const words = share >= 0.6 ? "Stable" : share >= 0.3 ? "Partly stable" : "Unstable";
  return h(
    "div",
    { class: "stability" },
    h("p", {}, h("b", {}, words), `: ${Math.round(100 * share)} % of the query's parts, searched with alone, rank it near the top too.`),
    h("div", { class: "progress" }, bar),
  );
}

function comparison({ facts = [] }) {
  if (!facts.length) return h("p", { class: "quiet" }, "This library has no acoustic facts yet. Index it once more to have them computed.");
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, ["", "query", "hit", "difference"].map((words) => h("th", { scope: "col" }, words)))),
    h(
      "tbody",
      {},
      facts.map((fact) =>
        h("tr", {}, h("th", { scope: "row" }, fact.title ?? fact.name), h("td", {}, factValue(fact.query, fact)), h("td", {}, factValue(fact.hit, fact)), h("td", { class: "quiet" }, fact.words ?? "")),
      ),
    ),
  );
}
