// Playing sounds at once: segments are fetched and decoded before they are asked for.

import { audioUrl, fetchBytes } from "../base/api.js";
import { levelOf, measureLoudness } from "./loudness.js";
import { bend } from "./tuning.js";
import { startTurn, startVoice } from "./voice.js";
import { t } from "../base/text.js";

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
let sink = localStorage.getItem("sink") ?? "";
let matched = localStorage.getItem("levels") !== "as they are";

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

export const levelsMatch = () => matched;

/** Hear all sounds at one level, or each as it is. */
export function matchLevels(value) {
  matched = value;
  localStorage.setItem("levels", value ? "matched" : "as they are");
  now?.voices?.forEach(({ gain, sound }) => gain.gain.setTargetAtTime((sound.level = levelOf(sound, matched)), context.currentTime, FADE_S));
}

/** Whether the browser lets a page choose where it sounds. */
export const canChooseSink = () => "setSinkId" in AudioContext.prototype;
export const getSink = () => sink;

export function chooseSink(id) {
  sink = id;
  localStorage.setItem("sink", id);
  context?.setSinkId?.(id).catch(tellTrouble);
}

function ready() {
  if (!context) {
    context = new AudioContext({ latencyHint: "interactive" });
    output = context.createGain();
    output.gain.value = volume * volume;
    output.connect(context.destination);
    if (sink && context.setSinkId) context.setSinkId(sink).catch(() => chooseSink("")); // it is not plugged in now
  }
  return context;
}

async function fetchSound(sound) {
  const bytes = await fetchBytes(sound.url ?? audioUrl(sound.id, sound.start_s ?? 0, sound.end_s, bend(sound)));
  const buffer = await ready().decodeAudioData(bytes);
  return { buffer, ...(await measureLoudness(buffer)) };
}

/** A sound decoded and measured, with the level that it is to be played at now. */
async function voiceOf(sound) {
  const loaded = await load(sound);
  return { ...loaded, level: levelOf(loaded, matched), onset_s: (sound.onset_s ?? 0) * bend(sound).stretch };
}

/** What a sound is kept under once it is decoded: bent otherwise it is another one. */
function bufferKeyOf(sound) {
  const { semitones, stretch } = bend(sound);
  return `${keyOf(sound)}${semitones}×${stretch}`;
}

function load(sound) {
  const key = bufferKeyOf(sound);
  const kept = buffers.get(key) ?? fetchSound(sound);
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
    samples += (await kept.catch(() => null))?.buffer.length ?? 0;
    if (samples > MOST_SAMPLES) buffers.delete(key);
  }
}

/** Fetch sounds that may soon be played, a few at a time; the latest list counts. */
export function prefetch(sounds) {
  waiting = sounds.filter((sound) => !buffers.has(bufferKeyOf(sound)) && duration(sound) <= 15);
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

/**
 * Play a sound or a stretch of it from its onset, or `from_s` into it, over and over with `loop`; what was
 * playing fades out.
 */
export async function play(sound, { from_s = (sound.onset_s ?? 0) * bend(sound).stretch, loop = false } = {}) {
  const ticket = ++request;
  const key = keyOf(sound);
  if (!navigator.userActivation?.hasBeenActive) return events.dispatchEvent(new CustomEvent("locked"));
  halt();
  try {
    if ((sound.length_s ?? duration(sound)) > LONGEST_DECODED_S) return startElement(sound, key, from_s, loop);
    const voice = await voiceOf(await resumed(sound));
    if (ticket === request) startSound(voice, key, from_s, loop);
  } catch (error) {
    if (ticket === request) tellTrouble(error);
  }
}

/** Play sounds in turn, without a gap, until something else is played or all is stopped. */
export async function alternate(sounds) {
  const ticket = ++request;
  halt();
  try {
    const long = sounds.find((sound) => (sound.length_s ?? duration(sound)) > LONGEST_DECODED_S);
    if (long) throw new Error(t("choose_a_part_of_the_query"));
    const voices = await Promise.all(sounds.map(async (sound) => voiceOf(await resumed(sound))));
    if (ticket === request) takeTurns(voices, sounds.map(keyOf));
  } catch (error) {
    if (ticket === request) tellTrouble(error);
  }
}

async function resumed(sound) {
  if (ready().state !== "running") await context.resume();
  return sound;
}

/** A sound as `startVoice` takes it, decoded before anybody asks to hear it. */
export const loadVoice = (sound) => voiceOf(sound);

/** The graph that all is played on, running. */
export async function openGraph() {
  await resumed();
  return { context, output };
}

function tellTrouble(error) {
  events.dispatchEvent(new CustomEvent("trouble", { detail: error }));
}

/** One sound sounds while the next one waits; whenever one ends, one more is put behind the last. */
function takeTurns(voices, keys) {
  const turn = startTurn(context, output, voices, context.currentTime + FADE_S);
  const queue = [];
  const add = () => {
    const voice = turn.next();
    queue.push({ ...voice, sound: voices[voice.at] });
    voice.source.onended = () => now?.voices === queue && follow();
  };
  const follow = () => {
    events.dispatchEvent(new CustomEvent("stop", { detail: keys[queue.shift().at] }));
    add();
    const { at, began_s, sound } = queue[0];
    Object.assign(now, { key: keys[at], began: began_s - sound.onset_s, length_s: sound.buffer.duration });
    events.dispatchEvent(new CustomEvent("start", { detail: now.key }));
  };
  add();
  add();
  begin({ key: keys[0], turns: true, voices: queue, began: queue[0].began_s - voices[0].onset_s, length_s: voices[0].buffer.duration });
}

function startSound(sound, key, from_s, loop) {
  const voice = startVoice(context, output, sound, { from_s, loop });
  const voices = [{ ...voice, sound }];
  begin({ key, loop, voices, onset_s: sound.onset_s, began: context.currentTime - from_s, length_s: sound.buffer.duration });
  voice.source.onended = () => now?.voices === voices && halt();
}

function startElement(sound, key, from_s, loop) {
  const element = new Audio(sound.url ?? audioUrl(sound.id));
  element.currentTime = (sound.start_s ?? 0) + from_s;
  element.loop = loop && !sound.start_s && !sound.end_s;
  element.volume = volume * volume;
  begin({ key, element, start_s: sound.start_s ?? 0, end_s: sound.end_s ?? Infinity, length_s: sound.length_s ?? duration(sound) });
  element.onended = () => now?.element === element && halt();
  element.onerror = () => events.dispatchEvent(new CustomEvent("trouble", { detail: new Error(t("the_browser_cannot_play_this_sound")) }));
  return element.play();
}

function begin(what) {
  now = what;
  events.dispatchEvent(new CustomEvent("start", { detail: what.key }));
  requestAnimationFrame(tick);
}

function tick() {
  if (!now) return;
  let at_s = now.element ? now.element.currentTime - now.start_s : context.currentTime - now.began;
  if (now.loop && at_s > now.length_s) at_s = now.onset_s + ((at_s - now.onset_s) % (now.length_s - now.onset_s));
  if (now.element && now.element.currentTime >= now.end_s) return halt();
  events.dispatchEvent(new CustomEvent("time", { detail: { key: now.key, at_s, length_s: now.length_s } }));
  requestAnimationFrame(tick);
}

function halt() {
  if (!now) return;
  const { key, voices = [], element } = now;
  now = null;
  for (const { source, gain } of voices) {
    source.onended = null;
    gain.gain.cancelScheduledValues(context.currentTime);
    gain.gain.setTargetAtTime(0, context.currentTime, FADE_S / 2); // those to come are silent and go as well
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
export function toggle(sound, options) {
  return playing() === keyOf(sound) ? stop() : play(sound, options);
}

/** Play in turn, or stop where sounds play in turn already. */
export function toggleTurns(sounds) {
  return now?.turns ? stop() : alternate(sounds);
}
