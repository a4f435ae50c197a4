// The kit that is being made, kept by the browser for each library.

import { stem } from "../base/format.js";

const USUAL = ["kick", "snare", "clap", "hat", "perc"];
export const N_STEPS = 16;
const MOST_SEEN = 50;

let place = "kit";
let kit = null;

const emptySlot = (name) => ({ name, recording: null, source: null, locked: false, steps: [], seen: [] });
const emptyKit = () => ({ name: "my kit", tempo: 120, how_far: 0.1, slots: USUAL.map(emptySlot) });

/** Open the kit of a library. */
export function openKit(library) {
  place = `kit ${library}`;
  try {
    kit = JSON.parse(localStorage.getItem(place)) ?? emptyKit();
  } catch {
    kit = emptyKit();
  }
  return kit;
}

export function keepKit() {
  localStorage.setItem(place, JSON.stringify(kit));
}

/** Give a slot a recording; those that it had are remembered, to be avoided by the next swaps. */
export function fillSlot(slot, recording) {
  const { id, name, folder, duration_s } = recording;
  slot.recording = { id, name, folder, duration_s };
  slot.seen = [...slot.seen.filter((seen) => seen !== id), id].slice(-MOST_SEEN);
  keepKit();
}

/** A name that no slot has yet. */
export function freeName(wanted) {
  const taken = new Set(kit.slots.map(({ name }) => name.toLowerCase()));
  let name = wanted;
  for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${wanted} ${n}`;
  return name;
}

/** Add an empty slot. */
export function addSlot(name) {
  const slot = emptySlot(freeName(name));
  kit.slots.push(slot);
  keepKit();
  return slot;
}

/** Put a recording into the first slot that is empty and has its name, or into a new one. */
export function addRecording(library, recording) {
  openKit(library);
  const name = stem(recording.name);
  const free = kit.slots.find((slot) => !slot.recording && name.toLowerCase().includes(slot.name.toLowerCase()));
  const slot = free ?? addSlot(name.slice(0, 24));
  slot.source = [{ id: recording.id }];
  fillSlot(slot, recording);
  return slot.name;
}
