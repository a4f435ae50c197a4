// Why a hit is there: both spectrograms, the facts side by side, and how stable the answer is.

import { explain, spectrogramUrl } from "../base/api.js";
import { h, iconButton } from "../base/dom.js";
import { count, factValue, stem } from "../base/format.js";
import { sayTrouble } from "../base/messages.js";
import { playButton } from "../sound/playbutton.js";
import * as player from "../sound/player.js";
import { soundOf } from "./ask.js";
import { stretchOf } from "./card.js";

/** Open the dialog for one hit of a query. */
export async function showWhy(sounds, hit) {
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
    const seen = sounds.filter(({ id }) => !id.startsWith("c")).map(async (sound) => ({ sound, facts: await soundOf(sound.id) }));
    const [answer, ...known] = await Promise.all([explain({ sounds, hit: { id: hit.id, start_s: hit.start_s } }), ...seen]);
    body.replaceChildren(pictures(known, hit), stability(answer), comparison(answer));
  } catch (error) {
    dialog.close();
    sayTrouble(error);
  }
}

function pictures(sounds, hit) {
  const figure = (words, sound) =>
    h(
      "figure",
      {},
      h("figcaption", {}, words, playButton(words, () => sound)),
      h("img", { src: spectrogramUrl(sound.id, sound.start_s || undefined, sound.end_s, 560, 128), alt: `Spectrogram of ${words}` }),
    );
  const query = sounds.map(({ facts, sound }) => figure(`${sound.weight < 0 ? "Not like" : "Query"}: ${stem(facts.name)}`, sound));
  return h("div", { class: "pictures" }, query, figure(`Hit: ${stem(hit.name)}`, stretchOf(hit)));
}

function stability({ stability, stable, n_pieces, n_near }) {
  const bar = h("i");
  bar.style.transform = `scaleX(${stability})`;
  const agreeing = Math.round(stability * n_pieces);
  return h(
    "div",
    { class: "stability" },
    h("p", {}, h("b", {}, stable ? "Stable" : "Unstable"), `: searched with alone, ${agreeing} of the query's ${count(n_pieces, "part")} rank it among their first ${n_near}.`, !stable && " Much of the likeness lies in a part of the query: choose that part as the region."),
    h("div", { class: "progress" }, bar),
  );
}

function comparison({ facts }) {
  if (facts.every(({ hit }) => hit === null)) return h("p", { class: "quiet" }, "The facts of this sound were not measured yet. Look for changes in the library view.");
  const rows = facts.map((fact) => {
    const { query, hit, query_name, hit_name, closeness } = fact;
    const bar = h("i");
    bar.style.transform = `scaleX(${closeness})`;
    const known = query !== null && hit !== null;
    const close = h("td", {}, known && h("div", { class: "progress", role: "img", "aria-label": `${Math.round(100 * closeness)} % close` }, bar));
    return h("tr", {}, h("th", { scope: "row" }, fact.title), h("td", {}, factValue(query, fact, query_name)), h("td", {}, factValue(hit, fact, hit_name)), close);
  });
  return h("table", {}, h("thead", {}, h("tr", {}, ["Fact", "Query", "Hit", "How close"].map((words) => h("th", { scope: "col" }, words)))), h("tbody", {}, rows));
}
