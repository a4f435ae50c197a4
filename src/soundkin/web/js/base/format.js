// Numbers and places as people read them.

import { t, tn } from "./text.js";
/** What a field for names takes: words in any order, those after a minus not. */
export const NAME_WORDS = "snare 01 -rim";

/** 75.3 → "1:15.30". */
export function clock(seconds) {
  const whole = Math.floor(seconds / 60);
  const hours = Math.floor(whole / 60);
  const rest = (seconds - whole * 60).toFixed(2).padStart(5, "0");
  return hours ? `${hours}:${String(whole % 60).padStart(2, "0")}:${rest}` : `${whole}:${rest}`;
}

/** 0.95 → "0.95 s", 95 → "1:35", 7300 → "2.0 h". */
export function length(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** 5400 → "1.5 hours". */
export function span(seconds) {
  if (seconds < 60) return t("seconds", { a: seconds.toFixed(0) });
  if (seconds < 3600) return t("minutes", { a: (seconds / 60).toFixed(1) });
  return t("hours", { a: (seconds / 3600).toFixed(1) });
}

/** 1, "sound" → "1 sound". */
export const count = (n, noun) => tn(`n_${noun}`, n);

/** The last two folders of a path, enough to tell where a sound is from. */
export function shortFolder(path) {
  const parts = (path ?? "").split(/[\\/]/).filter(Boolean);
  return parts.length > 2 ? `…/${parts.slice(-2).join("/")}` : parts.join("/");
}

/** A file's name without its extension. */
export function stem(name) {
  return (name ?? "").replace(/\.[A-Za-z0-9]{1,5}$/, "");
}

/** 99.7 → "99.7th percentile": more alike than that many of a hundred pairs of unrelated sounds. */
export function percentile(value) {
  if (value === null || value === undefined) return "";
  value = Math.min(value, 99.99); // nothing is more alike than all there is
  const shown = value >= 99.9 ? value.toFixed(2) : value >= 99 ? value.toFixed(1) : value.toFixed(0);
  return t("nth_percentile", { a: shown, b: ordinal(shown) });
}

/** The ending of an English number; other languages have theirs in their tables. */
function ordinal(shown) {
  const teens = /1[123]$/.test(shown);
  return (!teens && { 1: "st", 2: "nd", 3: "rd" }[shown.at(-1)]) || "th";
}

/** A fact's value with its unit, and its name if it has one: 222 Hz, A3 +12 cents. */
export function factValue(value, fact, name) {
  if (value === null || value === undefined) return "–";
  const digits = fact?.unit === "Hz" || Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${value.toFixed(digits)}${fact?.unit ? ` ${fact.unit}` : ""}${name ? `, ${name}` : ""}`;
}
