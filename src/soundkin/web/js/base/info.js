// What the library holds, asked for again after it has changed.

import { loadInfo } from "./api.js";
import { count, span } from "./format.js";

let last = null;

/** What was known last; null before the first answer. */
export const knownInfo = () => last;

/** Ask again, show it in the bar, and tell whoever listens to `infochange`. */
export async function refreshInfo() {
  const info = (last = await loadInfo());
  document.getElementById("holds").textContent = `${count(info.n_recordings, "recording")} · ${span(info.duration_s)}`;
  dispatchEvent(new CustomEvent("infochange", { detail: info }));
  return info;
}
