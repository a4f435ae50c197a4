// Why a hit is there: both spectrograms, the facts side by side, and how stable the answer is.

import { explain, spectrogramUrl } from "../base/api.js";
import { h, iconButton } from "../base/dom.js";
import { count, factValue, stem } from "../base/format.js";
import { sayTrouble } from "../base/messages.js";
import { playButton } from "../sound/playbutton.js";
import * as player from "../sound/player.js";
import { soundOf } from "./ask.js";
import { stretchOf } from "./card.js";
import { named, t } from "../base/text.js";

/** Open the dialog for one hit of a query. */
export async function showWhy(sounds, hit) {
  const body = h("div", { class: "why" }, h("p", { class: "quiet" }, t("comparing")));
  const dialog = h(
    "dialog",
    { class: "wide", "aria-label": t("why", { a: hit.name }) },
    h("header", {}, h("h2", {}, t("why_title", { a: stem(hit.name) })), iconButton("close", t("close"), () => dialog.close())),
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
      h("img", { src: spectrogramUrl(sound.id, sound.start_s || undefined, sound.end_s, 560, 128), alt: t("spectrogram_of", { a: words }) }),
    );
  const query = sounds.map(({ facts, sound }) => figure(`${sound.weight < 0 ? t("not_like") : t("query")}: ${stem(facts.name)}`, sound));
  return h("div", { class: "pictures" }, query, figure(t("hit", { a: stem(hit.name) }), stretchOf(hit)));
}

function stability({ stability, stable, n_pieces, n_near }) {
  const bar = h("i");
  bar.style.transform = `scaleX(${stability})`;
  const agreeing = Math.round(stability * n_pieces);
  return h(
    "div",
    { class: "stability" },
    h("p", {}, h("b", {}, stable ? t("stable") : t("unstable")), t("searched_with_alone_of_the_query", { a: agreeing, b: count(n_pieces, "part"), c: n_near }), !stable && t("much_of_the_likeness_lies_in")),
    h("div", { class: "progress" }, bar),
  );
}

function comparison({ facts }) {
  if (facts.every(({ hit }) => hit === null)) return h("p", { class: "quiet" }, t("the_facts_of_this_sound_were"));
  const rows = facts.map((fact) => {
    const { query, hit, query_name, hit_name, closeness } = fact;
    const bar = h("i");
    bar.style.transform = `scaleX(${closeness})`;
    const known = query !== null && hit !== null;
    const close = h("td", {}, known && h("div", { class: "progress", role: "img", "aria-label": t("percent_close", { a: Math.round(100 * closeness) }) }, bar));
    return h("tr", {}, h("th", { scope: "row" }, named("fact", fact.name, fact.title)), h("td", {}, factValue(query, fact, query_name)), h("td", {}, factValue(hit, fact, hit_name)), close);
  });
  return h("table", {}, h("thead", {}, h("tr", {}, [t("fact"), t("query"), t("hit_column"), t("how_close")].map((words) => h("th", { scope: "col" }, words)))), h("tbody", {}, rows));
}
