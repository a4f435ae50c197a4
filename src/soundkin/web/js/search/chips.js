// What is asked, word for word: a chip for every sound, thumb, filter and weight, each with a cross.

import { loadConcepts } from "../base/api.js";
import { cutName, h, icon, iconButton } from "../base/dom.js";
import { clock, shortFolder, stem } from "../base/format.js";
import { canRedo, canUndo, change, current, redo, undo } from "../base/state.js";
import { soundOf } from "./ask.js";
import { named, t } from "../base/text.js";

/** Make the row; `update(state)` shows what is asked, `info()` tells what the library's facts are called. */
export function chipRow(info) {
  const list = h("ul", { class: "chip-list", "aria-label": t("what_is_asked") });
  const back = iconButton("undo", t("undo_ctrl_z"), undo);
  const again = iconButton("redo", t("redo_ctrl_shift_z"), redo);
  const element = h("div", { class: "chips" }, list, h("div", { class: "row" }, back, again));
  let shown = "";

  function update(state) {
    back.disabled = !canUndo();
    again.disabled = !canRedo();
    const all = chipsOf(state, factNames(info()));
    const key = JSON.stringify(all.map(({ kind, words, id }) => [kind, words, id]));
    if (key === shown) return;
    shown = key;
    const focused = list.contains(document.activeElement) ? [...list.children].indexOf(document.activeElement.closest("li")) : -1;
    list.replaceChildren(...all.map(draw));
    if (focused >= 0) (list.children[Math.min(focused, list.children.length - 1)]?.querySelector("button") ?? back).focus();
  }
  return { element, update };
}

const factNames = ({ facts }) => Object.fromEntries(facts.map(({ name, title, unit }) => [name, { title: named("fact", name, title ?? name), unit: unit ?? "" }]));

/** The chips of a state, in order: `{kind, words, id, mark, take}`; `id` names a sound, `take()` is what the cross does. */
function chipsOf(state, facts) {
  const { sounds, liked, disliked, filters, weights } = state;
  const without = (name, at) => () => change({ [name]: current()[name].filter((_, i) => i !== at) });
  const filter = (patch) => () => change({ filters: { ...current().filters, ...patch(current().filters) } });
  const each = (name, kind, words = (value) => value) =>
    filters[name].map((value) => ({ kind, words: words(value), title: value, take: filter((now) => ({ [name]: now[name].filter((one) => one !== value) })) }));
  const drop = (from, name) => Object.fromEntries(Object.entries(from).filter(([key]) => key !== name));
  return [
    ...sounds.map((sound, i) => ({ kind: sound.weight < 0 ? "minus" : "sound", words: partWords(sound), id: sound.id, mark: sound.weight < 0 ? "minus" : "search", take: without("sounds", i) })),
    ...liked.map(({ id, start_s }, i) => ({ kind: "like", words: start_s ? t("mark_at", { a: clock(start_s) }) : "", id, mark: "up", take: without("liked", i) })),
    ...disliked.map(({ id, start_s }, i) => ({ kind: "dislike", words: start_s ? t("mark_at", { a: clock(start_s) }) : "", id, mark: "down", take: without("disliked", i) })),
    ...each("folders", t("chip_in"), shortFolder),
    ...each("not_folders", t("chip_not_in"), shortFolder),
    filters.name && { kind: t("chip_name"), words: filters.name, take: filter(() => ({ name: undefined })) },
    ...each("extensions", t("chip_type"), (value) => value.replace(".", "").toUpperCase()),
    ...each("tags", t("chip_tag")),
    ...each("keys", t("chip_key")),
    filters.favourites && { kind: t("chip_favourites"), words: "", take: filter(() => ({ favourites: undefined })) },
    bounds(t("chip_length"), [filters.min_duration_s, filters.max_duration_s], " s", filter(() => ({ min_duration_s: undefined, max_duration_s: undefined }))),
    ...Object.entries(filters.facts).map(([name, limits]) => bounds(`${titleOf(name, facts)} `, limits, unitOf(name, facts), filter((now) => ({ facts: drop(now.facts, name) })))),
    state.min_score !== undefined && { kind: t("chip_score"), words: t("at_least", { a: state.min_score }), take: () => change({ min_score: undefined }) },
    state.min_percentile !== undefined && { kind: t("chip_percentile"), words: t("at_least", { a: state.min_percentile }), take: () => change({ min_percentile: undefined }) },
    state.fold && { kind: t("chip_fold"), words: "", take: () => change({ fold: false }) },
    ...Object.entries(weights).map(([name, weight]) => ({ kind: t("chip_weight"), words: `${titleOf(name, facts)} ${weight.toFixed(2)}`, take: () => change({ weights: drop(current().weights, name) }) })),
  ].filter(Boolean);
}

const titleOf = (name, facts) => (facts[name]?.title ?? name).toLowerCase();
const unitOf = (name, facts) => (facts[name]?.unit ? ` ${facts[name].unit}` : "");

function bounds(kind, [low, high], unit, take) {
  const has = (value) => value !== undefined && value !== null;
  if (!has(low) && !has(high)) return null;
  const words = has(low) && has(high) ? t("from_to", { a: low, b: high }) : has(low) ? t("from", { a: low }) : t("up_to", { a: high });
  return { kind, words: `${words}${unit}`, take };
}

function partWords({ start_s, end_s, weight }) {
  const part = start_s || end_s !== null ? ` ${clock(start_s)}–${end_s === null ? "" : clock(end_s)}` : "";
  return `${part}${Math.abs(weight) === 1 ? "" : ` ×${Math.abs(weight).toFixed(2)}`}`;
}

const SPOKEN = { sound: "", minus: t("spoken_minus"), like: t("spoken_like"), dislike: t("spoken_dislike") };

function draw({ kind, words, title, id, mark, take }) {
  const name = h("span", { class: "chip-words", title: title ?? null }, id ? "…" : `${kind}${words}`);
  const remove = iconButton("close", t("close"), take, { class: "bare tiny" });
  const element = h("li", { class: `chip ${id ? kind : "filter"}` }, mark && icon(mark), name, remove);
  const tell = (told, spoken) => (remove.setAttribute("aria-label", t("chip_take_away", { a: spoken })), (remove.title = t("chip_take_away", { a: spoken })), told);
  if (!id) tell(null, `${kind}${words}`);
  else nameOf(id).then((found) => name.replaceChildren(tell(cutName(found), `${SPOKEN[kind]}${found}${words}`), words));
  return element;
}

async function nameOf(id) {
  try {
    return id.startsWith("c") ? (await loadConcepts()).find((one) => one.id === id).name : stem((await soundOf(id)).name);
  } catch {
    return t("a_sound_that_is_gone");
  }
}
