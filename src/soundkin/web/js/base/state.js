// What the page shows, as one value that lives in the address: a reload or a shared link gives it again.

const EMPTY = {
  view: "search",
  sounds: [],
  liked: [],
  disliked: [],
  filters: { folders: [], not_folders: [], extensions: [], tags: [], keys: [], facts: {} },
  weights: {},
  top_k: 30,
  per_recording: 1,
  fold: false,
  min_score: undefined,
  min_percentile: undefined,
  colour: "",
};

const listeners = new Set();
let state = structuredClone(EMPTY);

const MOST_UNDONE = 200;
const ONE_ACT_MS = 1000; // a slider that is moved is one act
let past = []; // states that were left, the latest last
let future = []; // those that were undone
let slid_ms = -Infinity;

const number = (text) => (text === null || text === "" || Number.isNaN(Number(text)) ? undefined : Number(text));
const within = (text, low, high) => (number(text) === undefined ? undefined : Math.max(low, Math.min(high, number(text))));
const short = (value) => String(Math.round(value * 1000) / 1000);

/** One sound of a query as text: `r17`, `r17@0.5-1.25`, `r17*-0.5`. */
export function writeSound({ id, weight = 1, start_s = 0, end_s = null }) {
  const region = start_s || end_s !== null ? `@${short(start_s)}-${end_s === null ? "" : short(end_s)}` : "";
  return `${id}${region}${weight === 1 ? "" : `*${short(weight)}`}`;
}

/** The inverse of writeSound; null for what is no sound. */
export function readSound(text) {
  const parts = /^([cru][0-9a-f]+)(?:@([\d.]+)-([\d.]*))?(?:\*(-?[\d.]+))?$/.exec(text);
  if (!parts) return null;
  return { id: parts[1], weight: number(parts[4]) ?? 1, start_s: number(parts[2]) ?? 0, end_s: number(parts[3]) ?? null };
}

const writeMark = ({ id, start_s }) => `${id}@${short(start_s)}`;
const readMark = (text) => {
  const [id, start_s] = text.split("@");
  return { id, start_s: number(start_s) ?? 0 };
};

/** The address of a state, from the question mark on. */
export function writeAddress(value) {
  const out = new URLSearchParams();
  const { filters } = value;
  if (value.view !== "search") out.set("view", value.view);
  value.sounds.forEach((sound) => out.append("s", writeSound(sound)));
  value.liked.forEach((mark) => out.append("like", writeMark(mark)));
  value.disliked.forEach((mark) => out.append("unlike", writeMark(mark)));
  filters.folders.forEach((folder) => out.append("folder", folder));
  filters.not_folders.forEach((folder) => out.append("nofolder", folder));
  if (filters.name) out.set("name", filters.name);
  filters.extensions.forEach((extension) => out.append("type", extension));
  filters.tags.forEach((tag) => out.append("tag", tag));
  filters.keys.forEach((key) => out.append("key", key));
  if (filters.min_duration_s !== undefined) out.set("min", short(filters.min_duration_s));
  if (filters.max_duration_s !== undefined) out.set("max", short(filters.max_duration_s));
  if (filters.favourites) out.set("fav", "1");
  for (const [name, [low, high]] of Object.entries(filters.facts)) out.set(`f.${name}`, `${low ?? ""}..${high ?? ""}`);
  for (const [name, weight] of Object.entries(value.weights)) if (weight) out.set(`w.${name}`, short(weight));
  if (value.top_k !== EMPTY.top_k) out.set("n", value.top_k);
  if (value.per_recording !== EMPTY.per_recording) out.set("per", value.per_recording);
  if (value.fold) out.set("fold", "1");
  if (value.min_score !== undefined) out.set("score", short(value.min_score));
  if (value.min_percentile !== undefined) out.set("percentile", short(value.min_percentile));
  if (value.colour) out.set("colour", value.colour);
  const text = out.toString().replaceAll("%40", "@").replaceAll("%2F", "/");
  return text ? `?${text}` : "?";
}

/** The state of an address; what cannot be read is left out. */
export function readAddress(text) {
  const from = new URLSearchParams(text);
  const value = structuredClone(EMPTY);
  const view = from.get("view");
  if (["search", "map", "library", "kit", "crates", "hear"].includes(view)) value.view = view;
  value.sounds = from.getAll("s").map(readSound).filter(Boolean);
  value.liked = from.getAll("like").map(readMark);
  value.disliked = from.getAll("unlike").map(readMark);
  Object.assign(value.filters, { folders: from.getAll("folder"), not_folders: from.getAll("nofolder"), extensions: from.getAll("type"), tags: from.getAll("tag"), keys: from.getAll("key") });
  for (const [key, name] of [["min", "min_duration_s"], ["max", "max_duration_s"]]) {
    const limit = number(from.get(key));
    if (limit !== undefined) value.filters[name] = limit;
  }
  if (from.get("name")) value.filters.name = from.get("name").slice(0, 200);
  if (from.has("fav")) value.filters.favourites = true;
  for (const [key, given] of from) {
    if (key.startsWith("f.")) value.filters.facts[key.slice(2)] = given.split("..").map((part) => number(part) ?? null);
    if (key.startsWith("w.")) value.weights[key.slice(2)] = number(given) ?? 0;
  }
  value.top_k = Math.min(500, number(from.get("n")) ?? EMPTY.top_k);
  value.per_recording = number(from.get("per")) ?? EMPTY.per_recording;
  value.fold = from.has("fold");
  value.min_score = within(from.get("score"), -1, 1);
  value.min_percentile = within(from.get("percentile"), 0, 100);
  value.colour = from.get("colour") ?? "";
  return value;
}

export const current = () => state;

/** Change parts of the state: a new entry of the history, or with `replace` the same one. */
export function change(patch, { replace = false } = {}) {
  const before = state;
  state = { ...state, ...patch };
  remember(before, replace);
  show(before, replace);
}

function show(before, replace = false) {
  const address = writeAddress(state);
  if (address !== writeAddress(before)) history[replace ? "replaceState" : "pushState"](null, "", address);
  tell(before);
}

/** What of a state is undone: what is asked for, not where it is looked at. */
const askedOf = (value) => writeAddress({ ...value, view: "search", colour: "", top_k: EMPTY.top_k });

function remember(before, isSlid) {
  if (askedOf(before) === askedOf(state)) return;
  const isSame = isSlid && performance.now() - slid_ms < ONE_ACT_MS;
  slid_ms = isSlid ? performance.now() : -Infinity;
  future = [];
  if (!isSame) past = [...past, before].slice(-MOST_UNDONE);
}

export const canUndo = () => past.length > 0;
export const canRedo = () => future.length > 0;

/** Go back to what was asked before, without leaving the view; false where there is nothing to undo. */
export const undo = () => step(past, future);

/** Take the last undo back. */
export const redo = () => step(future, past);

function step(from, to) {
  if (!from.length || !["search", "map"].includes(state.view)) return false;
  const before = state;
  to.push(before);
  state = { ...from.pop(), view: before.view, colour: before.colour };
  slid_ms = -Infinity;
  show(before);
  return true;
}

/** Start from one sound: what was said about the earlier query is forgotten, filters stay. */
export function searchFrom(sound, options) {
  change({ view: "search", sounds: [{ weight: 1, start_s: 0, end_s: null, ...sound }], liked: [], disliked: [], top_k: EMPTY.top_k }, options);
  dispatchEvent(new Event("newquery"));
}

/** Add (or with a negative weight, subtract) a sound. */
export function addSound(sound) {
  const first = { weight: 1, start_s: 0, end_s: null, ...sound };
  change({ view: "search", sounds: [...state.sounds, first] });
}

export function resetFilters() {
  change({ filters: structuredClone(EMPTY.filters), weights: {}, fold: false, min_score: undefined, min_percentile: undefined });
}

/** Whether a mark, of a thumb, is that of a hit. */
export const isMarkOf = (mark, { id, start_s }) => mark.id === id && Math.abs(mark.start_s - start_s) < 0.001;

export function onChange(listener) {
  listeners.add(listener);
}

function tell(before) {
  listeners.forEach((listener) => listener(state, before));
}

export function openAddress() {
  const before = state;
  state = readAddress(location.search);
  if (before.sounds.length) remember(before, false);
  tell(before);
}

addEventListener("popstate", openAddress);
