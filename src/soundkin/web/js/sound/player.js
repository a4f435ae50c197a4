// Playing sounds at once: segments are fetched and decoded before they are asked for.

import { audioUrl } from "../base/api.js";

const MOST_KEPT = 240;
const MOST_SAMPLES = 48e6;
const MOST_FETCHING = 3;
const LONGEST_DECODED_S = 60;
const FADE_S = 0.008;

const events = new EventTarget();
const buffers = new Map();
let context;
let output;
let now = null;
let request = 0;
let waiting = [];
let fetching = 0;
let volume = Number(localStorage.getItem("volume") ?? 0.9);

export const keyOf = ({ id, start_s = 0, end_s = null, url }) => url ?? `${id}@${start_s}-${end_s ?? ""}`;
export const playing = () => now?.key ?? null;
export function on(kind, listener) {
  const heard = (event) => listener(event.detail);
  events.addEventListener(kind, heard);
  return () => events.removeEventListener(kind, heard);
}
export const getVolume = () => volume;

export function setVolume(value) {
  volume = value;
  localStorage.setItem("volume", value);
  if (output) output.gain.value = value * value;
  if (now?.element) now.element.volume = value * value;
}

function ready() {
  if (!context) {
    context = new AudioContext({ latencyHint: "interactive" });
    output = context.createGain();
    output.gain.value = volume * volume;
    output.connect(context.destination);
  }
  return context;
}

async function fetchBuffer(sound) {
  const answer = await fetch(sound.url ?? audioUrl(sound.id, sound.start_s ?? 0, sound.end_s));
  if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).detail ?? "This sound could not be read.");
  return ready().decodeAudioData(await answer.arrayBuffer());
}

function load(sound) {
  const key = keyOf(sound);
  const kept = buffers.get(key) ?? fetchBuffer(sound);
  buffers.delete(key);
  buffers.set(key, kept);
  kept.catch(() => buffers.delete(key));
  trim();
  return kept;
}

async function trim() {
  while (buffers.size > MOST_KEPT) buffers.delete(buffers.keys().next().value);
  let samples = 0;
  for (const [key, kept] of [...buffers].reverse()) {
    samples += (await kept.catch(() => null))?.length ?? 0;
    if (samples > MOST_SAMPLES) buffers.delete(key);
  }
}

/** Fetch sounds that may soon be played, a few at a time; the latest list counts. */
export function prefetch(sounds) {
  waiting = sounds.filter((sound) => !buffers.has(keyOf(sound)) && duration(sound) <= 15);
  fill();
}

function duration({ start_s = 0, end_s }) {
  return end_s === null || end_s === undefined ? 0 : end_s - start_s;
}

function fill() {
  while (fetching < MOST_FETCHING && waiting.length) {
    fetching += 1;
    load(waiting.shift())
      .catch(() => null)
      .finally(() => {
        fetching -= 1;
        fill();
      });
  }
}

/** Play a sound or a stretch of it from its beginning, or `from_s` into it; what was playing fades out. */
export async function play(sound, { from_s = 0 } = {}) {
  const ticket = ++request;
  const key = keyOf(sound);
  if (!navigator.userActivation?.hasBeenActive) return events.dispatchEvent(new CustomEvent("locked"));
  halt();
  try {
    if ((sound.length_s ?? duration(sound)) > LONGEST_DECODED_S) return startElement(sound, key, from_s);
    const context = ready();
    if (context.state !== "running") await context.resume();
    const buffer = await load(sound);
    if (ticket === request) startBuffer(buffer, key, from_s);
  } catch (error) {
    if (ticket === request) events.dispatchEvent(new CustomEvent("trouble", { detail: error.message }));
  }
}

function startBuffer(buffer, key, from_s) {
  const source = context.createBufferSource();
  const gain = context.createGain();
  source.buffer = buffer;
  source.connect(gain).connect(output);
  gain.gain.setValueAtTime(0, context.currentTime);
  gain.gain.linearRampToValueAtTime(1, context.currentTime + (from_s ? FADE_S : 0.001));
  source.start(0, Math.min(from_s, buffer.duration));
  begin({ key, source, gain, began: context.currentTime - from_s, length_s: buffer.duration });
  source.onended = () => now?.source === source && halt();
}

function startElement(sound, key, from_s) {
  const element = new Audio(sound.url ?? audioUrl(sound.id));
  element.currentTime = (sound.start_s ?? 0) + from_s;
  element.volume = volume * volume;
  begin({ key, element, start_s: sound.start_s ?? 0, end_s: sound.end_s ?? Infinity, length_s: sound.length_s ?? duration(sound) });
  element.onended = () => now?.element === element && halt();
  element.onerror = () => events.dispatchEvent(new CustomEvent("trouble", { detail: "The browser cannot play this sound." }));
  return element.play();
}

function begin(what) {
  now = what;
  events.dispatchEvent(new CustomEvent("start", { detail: what.key }));
  requestAnimationFrame(tick);
}

function tick() {
  if (!now) return;
  const at_s = now.element ? now.element.currentTime - now.start_s : context.currentTime - now.began;
  if (now.element && now.element.currentTime >= now.end_s) return halt();
  events.dispatchEvent(new CustomEvent("time", { detail: { key: now.key, at_s, length_s: now.length_s } }));
  requestAnimationFrame(tick);
}

function halt() {
  if (!now) return;
  const { key, source, gain, element } = now;
  now = null;
  if (source) {
    source.onended = null;
    gain.gain.cancelScheduledValues(context.currentTime);
    gain.gain.setTargetAtTime(0, context.currentTime, FADE_S / 2);
    source.stop(context.currentTime + FADE_S * 3);
  }
  element?.pause();
  events.dispatchEvent(new CustomEvent("stop", { detail: key }));
}

export function stop() {
  request += 1;
  halt();
}

/** Play, or stop where this very sound plays already. */
export function toggle(sound) {
  return playing() === keyOf(sound) ? stop() : play(sound);
}
