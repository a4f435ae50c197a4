// What is selected, anywhere in the page: sounds that something is to be done with together.

const events = new EventTarget();
let chosen = new Map();
let last = null; // the one that a range begins at

const keyOf = ({ id, start_s = 0 }) => `${id}@${start_s}`;

export const selected = () => [...chosen.values()];
export const isSelected = (hit) => chosen.has(keyOf(hit));

export function onSelect(listener) {
  events.addEventListener("change", listener);
  return () => events.removeEventListener("change", listener);
}

function changed() {
  events.dispatchEvent(new Event("change"));
}

/** Select one more, or with `on` false one less. */
export function select(hit, on = true) {
  last = hit;
  if (on) chosen.set(keyOf(hit), hit);
  else chosen.delete(keyOf(hit));
  changed();
}

/** Select all from the one that was last chosen to this one, in the order of a list; alone where that is not in it. */
export function selectTo(hit, list) {
  const keys = list.map(keyOf);
  const from = last ? keys.indexOf(keyOf(last)) : -1;
  const to = keys.indexOf(keyOf(hit));
  if (from < 0 || to < 0) return select(hit);
  list.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((one) => chosen.set(keyOf(one), one));
  return changed();
}

/** Select these and no others. */
export function selectAll(hits) {
  chosen = new Map(hits.map((hit) => [keyOf(hit), hit]));
  last = hits.at(-1) ?? null;
  changed();
}

export const selectNone = () => selectAll([]);
