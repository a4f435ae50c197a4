// Asking the server, once for every query; what went back and forth is remembered.

import { loadSound, search } from "../base/api.js";

const MOST_KEPT = 60;
const answers = new Map();
const sounds = new Map();
let running = null;

/** The body of a search request that a state stands for. */
export function requestOf({ sounds, liked, disliked, filters, weights, top_k, per_recording, fold, min_score, min_percentile }) {
  const asked = sounds.map((sound) => ({ ...sound, whole: !sound.start_s && sound.end_s === null }));
  return { sounds: asked, liked, disliked, filters, weights, top_k, per_recording, fold, min_score, min_percentile, exclude_self: true };
}

function keep(key, answer) {
  answers.delete(key);
  answers.set(key, answer);
  if (answers.size > MOST_KEPT) answers.delete(answers.keys().next().value);
}

/** Remember the answer that came with an upload, so that showing it needs no second request. */
export function keepResult(query, result) {
  sounds.set(result.sound.id, Promise.resolve(result.sound));
  pending = { id: query[0].id, result };
}

let pending = null;

/** Search as the state says; a search that is still running is given up. */
export async function runSearch(state) {
  running?.abort();
  const body = requestOf(state);
  const key = JSON.stringify(body);
  if (pending && state.sounds.length === 1 && state.sounds[0].id === pending.id && !state.liked.length && state.min_score === undefined && state.min_percentile === undefined) {
    keep(key, pending.result);
    pending = null;
  }
  if (answers.has(key)) return answers.get(key);
  running = new AbortController();
  const answer = await search(body, running.signal);
  keep(key, answer);
  return answer;
}

/** Forget answers, after tags or the library changed. */
export function forgetAnswers() {
  answers.clear();
}

/** Ask anew for a sound that another one took the place of. */
export const forgetSound = (id) => sounds.delete(id);

/** Facts of a sound, asked for once. */
export function soundOf(id) {
  if (!sounds.has(id)) {
    const answer = loadSound(id);
    sounds.set(id, answer);
    answer.catch(() => sounds.delete(id));
  }
  return sounds.get(id);
}
