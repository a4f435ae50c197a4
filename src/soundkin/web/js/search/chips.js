// What is asked, word for word: a chip for every sound, thumb, filter and weight, each with a cross.

import { loadConcepts } from "../base/api.js";
import { cutName, h, icon, iconButton } from "../base/dom.js";
import { clock, shortFolder, stem } from "../base/format.js";
import { canRedo, canUndo, change, current, redo, undo } from "../base/state.js";
import { soundOf } from "./ask.js";

/** Make the row; `update(state)` shows what is asked, `info()` tells what the library's facts are called. */
export function chipRow(info) {
  const list = h("ul", { class: "chip-list", "aria-label": "What is asked" });
  const back = iconButton("undo", "Undo (Ctrl+Z)", undo);
  const again = iconButton("redo", "Redo (Ctrl+Shift+Z)", redo);
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

const factNames = ({ facts }) => Object.fromEntries(facts.map(({ name, title, unit }) => [name, { title: title ?? name, unit: unit ?? "" }]));

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
    ...liked.map(({ id, start_s }, i) => ({ kind: "like", words: start_s ? ` at ${clock(start_s)}` : "", id, mark: "up", take: without("liked", i) })),
    ...disliked.map(({ id, start_s }, i) => ({ kind: "dislike", words: start_s ? ` at ${clock(start_s)}` : "", id, mark: "down", take: without("disliked", i) })),
    ...each("folders", "in ", shortFolder),
    ...each("not_folders", "not in ", shortFolder),
    filters.name && { kind: "name ", words: filters.name, take: filter(() => ({ name: undefined })) },
    ...each("extensions", "type ", (value) => value.replace(".", "").toUpperCase()),
    ...each("tags", "tag "),
    filters.favourites && { kind: "favourites", words: "", take: filter(() => ({ favourites: undefined })) },
    bounds("length ", [filters.min_duration_s, filters.max_duration_s], " s", filter(() => ({ min_duration_s: undefined, max_duration_s: undefined }))),
    ...Object.entries(filters.facts).map(([name, limits]) => bounds(`${titleOf(name, facts)} `, limits, unitOf(name, facts), filter((now) => ({ facts: drop(now.facts, name) })))),
    state.min_score !== undefined && { kind: "score ", words: `at least ${state.min_score}`, take: () => change({ min_score: undefined }) },
    state.min_percentile !== undefined && { kind: "percentile ", words: `at least ${state.min_percentile}`, take: () => change({ min_percentile: undefined }) },
    state.fold && { kind: "without near-copies", words: "", take: () => change({ fold: false }) },
    ...Object.entries(weights).map(([name, weight]) => ({ kind: "also alike in ", words: `${titleOf(name, facts)} ${weight.toFixed(2)}`, take: () => change({ weights: drop(current().weights, name) }) })),
  ].filter(Boolean);
}

const titleOf = (name, facts) => (facts[name]?.title ?? name).toLowerCase();
const unitOf = (name, facts) => (facts[name]?.unit ? ` ${facts[name].unit}` : "");

function bounds(kind, [low, high], unit, take) {
  const has = (value) => value !== undefined && value !== null;
  if (!has(low) && !has(high)) return null;
  const words = has(low) && has(high) ? `${low} to ${high}` : has(low) ? `from ${low}` : `up to ${high}`;
  return { kind, words: `${words}${unit}`, take };
}

function partWords({ start_s, end_s, weight }) {
  const part = start_s || end_s !== null ? ` ${clock(start_s)}–${end_s === null ? "" : clock(end_s)}` : "";
  return `${part}${Math.abs(weight) === 1 ? "" : ` ×${Math.abs(weight).toFixed(2)}`}`;
}

const SPOKEN = { sound: "", minus: "subtracted: ", like: "more like ", dislike: "less like " };

function draw({ kind, words, title, id, mark, take }) {
  const name = h("span", { class: "chip-words", title: title ?? null }, id ? "…" : `${kind}${words}`);
  const remove = iconButton("close", "Take away", take, { class: "bare tiny" });
  const element = h("li", { class: `chip ${id ? kind : "filter"}` }, mark && icon(mark), name, remove);
  const tell = (told, spoken) => (remove.setAttribute("aria-label", `Take away: ${spoken}`), (remove.title = `Take away: ${spoken}`), told);
  if (!id) tell(null, `${kind}${words}`);
  else nameOf(id).then((found) => name.replaceChildren(tell(cutName(found), `${SPOKEN[kind]}${found}${words}`), words));
  return element;
}

async function nameOf(id) {
  try {
    return id.startsWith("c") ? (await loadConcepts()).find((one) => one.id === id).name : stem((await soundOf(id)).name);
  } catch {
    return "a sound that is gone";
  }
}
