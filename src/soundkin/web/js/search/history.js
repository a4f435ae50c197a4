// What was searched with, one click back: kept by the browser for each library, takes and uploads too by choice.

import { upload } from "../base/api.js";
import { cutName, h, icon, iconButton, press } from "../base/dom.js";
import { stem } from "../base/format.js";
import { knownInfo } from "../base/info.js";
import { say, sayTrouble } from "../base/messages.js";
import { change, current, onChange, readAddress, writeAddress } from "../base/state.js";
import { forgetSound, soundOf } from "./ask.js";
import { t } from "../base/text.js";

const MOST = 40;
const MOST_BYTES = 200e6; // of sounds from outside
const STORE = "sounds from outside";

const place = () => `history ${knownInfo()?.library ?? ""}`;
const read = () => JSON.parse(localStorage.getItem(place()) ?? "[]");
const write = (entries) => {
  localStorage.setItem(place(), JSON.stringify(entries.slice(0, MOST)));
  dispatchEvent(new Event("historychange"));
};
export const keepsSounds = () => localStorage.getItem("keep sounds") !== "no" && "caches" in globalThis;

/** What of a state makes it another search, to be gone back to. */
const queryOf = ({ sounds, liked, disliked }) => writeAddress({ ...readAddress(""), sounds, liked, disliked });

/** Note every search that begins with another sound than the one before; `info` is there once the library is known. */
export function watchHistory(info) {
  let before = "";
  onChange(async (state) => {
    const first = state.sounds.map(({ id }) => id).join();
    if (!first || state.view === "hear") return;
    const address = queryOf(state);
    const [name] = await Promise.all([first === before ? null : nameOf(state.sounds[0].id), info]);
    if (state !== current()) return;
    const entries = read();
    if (first === before && entries.length) entries[0] = { ...entries[0], address };
    else if (name) entries.unshift({ address, name, n: state.sounds.length, at_ms: Date.now() });
    before = first;
    const seen = new Set();
    write(entries.filter(({ address: one }) => !seen.has(one) && seen.add(one)));
  });
}

async function nameOf(id) {
  if (id.startsWith("c")) return null; // concepts have a shelf of their own
  return (await soundOf(id).catch(() => null))?.name ?? null;
}

const open = () => caches.open(STORE);
const addressOf = (id) => `/kept/${id}`;

/** Keep a sound from outside, so that it can be searched with again after the server has forgotten it. */
export async function keepSound(id, file, name) {
  if (!keepsSounds() || file.size > MOST_BYTES / 4) return;
  try {
    const store = await open();
    await store.put(addressOf(id), new Response(file, { headers: { "x-name": encodeURIComponent(name), "x-size": String(file.size) } }));
    let bytes = 0;
    for (const request of (await store.keys()).reverse()) {
      bytes += Number((await store.match(request)).headers.get("x-size"));
      if (bytes > MOST_BYTES) await store.delete(request);
    }
  } catch {
    // The disk is full, or this browser keeps nothing: what is searched with now is there in any case.
  }
}

/** Give the server a sound again that it has forgotten; gives its new id, or null where it was not kept. */
export async function bringBack(id) {
  const kept = "caches" in globalThis ? await (await open()).match(addressOf(id)).catch(() => null) : null;
  if (!kept) return null;
  const name = decodeURIComponent(kept.headers.get("x-name"));
  const blob = await kept.blob();
  const sound = await upload(blob, name);
  forgetSound(id);
  await keepSound(sound.id, blob, name);
  await (await open()).delete(addressOf(id));
  write(read().map((entry) => ({ ...entry, address: entry.address.replaceAll(id, sound.id) })));
  return sound.id;
}

async function forgetAll() {
  write([]);
  if ("caches" in globalThis) await caches.delete(STORE);
  say(t("what_was_searched_with_is_forgotten"));
}

/** The strip of earlier searches; hidden while there is none. */
export function historyStrip() {
  const list = h("ul", { class: "history-list" });
  const keep = iconButton("lock", t("keep_takes_and_uploads_in_this"), () => {
    localStorage.setItem("keep sounds", keepsSounds() ? "no" : "yes");
    press(keep, keepsSounds());
    say(keepsSounds() ? t("takes_and_uploads_are_kept_in") : t("takes_and_uploads_are_not_kept"));
  });
  const element = h("section", { class: "history", "aria-label": t("earlier_searches"), hidden: true }, icon("clock"), list, press(keep, keepsSounds()), iconButton("close", t("forget_all_of_these"), () => forgetAll().catch(sayTrouble)));
  const fill = () => {
    const now = queryOf(current());
    const entries = read().filter(({ address }) => address !== now);
    element.hidden = !entries.length;
    list.replaceChildren(...entries.map(entryButton));
  };
  const listen = new AbortController();
  addEventListener("historychange", fill, listen);
  fill();
  return { element, update: fill, close: () => listen.abort() };
}

function entryButton({ address, name, n, at_ms }) {
  const { sounds, liked, disliked } = readAddress(address);
  const when = new Date(at_ms).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  const isFromOutside = sounds[0]?.id.startsWith("u");
  return h("li", {}, h("button", { type: "button", title: `${name}, ${when}`, onclick: () => change({ view: "search", sounds, liked, disliked }) }, isFromOutside && icon("mic"), cutName(stem(name)), n > 1 && h("span", { class: "quiet" }, `+${n - 1}`)));
}
