// Jobs of the server, shown while they run.

import { followJob, stopJob } from "./api.js";
import { h } from "./dom.js";
import { refreshInfo } from "./info.js";
import { sayTrouble } from "./messages.js";
import { count, span } from "./words.js";

/** Show a job's progress; `ended(kind)` is called with "done" or "failed". */
export function showJob(place, job, ended = () => null) {
  const bar = h("i");
  const words = h("p", { class: "quiet small", role: "status" }, "Beginning …");
  const stop = h("button", { type: "button", onclick: () => stopJob(job.id).catch(sayTrouble) }, "Stop");
  const track = h("div", { class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  const box = h("div", { class: "job" }, track, h("div", { class: "row between" }, words, stop));
  place.replaceChildren(box);
  const reach = (share) => {
    bar.style.transform = `scaleX(${share})`;
    track.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  };
  reach(0);
  return followJob(job.id, (kind, { progress, report, detail }) => {
    if (kind === "progress") {
      reach(shareOf(progress));
      words.textContent = tellProgress(progress);
      return;
    }
    reach(1);
    stop.remove();
    box.classList.add(kind);
    words.textContent = kind === "done" ? tellReport(report) : detail;
    refreshInfo().catch(sayTrouble);
    ended(kind);
  });
}

function shareOf({ bytes_done, n_bytes, n_done, n_total, n_files }) {
  if (n_bytes) return bytes_done / n_bytes;
  const total = n_total ?? n_files;
  return total ? n_done / total : 0;
}

function tellProgress({ words, n_done, n_files, n_total, audio_s }) {
  const total = n_total ?? n_files;
  if (!total) return words ?? "Looking through the folders …";
  return `${words ?? ""} ${n_done.toLocaleString("en")} of ${total.toLocaleString("en")}${audio_s ? `, ${span(audio_s)} of audio` : ""}`.trim();
}

const REPORTED = [
  ["n_added", "embedded"],
  ["n_unchanged", "unchanged"],
  ["n_duplicates", "copies"],
  ["n_moved", "moved"],
  ["n_removed", "gone"],
  ["n_laid_out", "placed"],
  ["n_placed", "added to the map"],
];

function tellReport(report) {
  const parts = REPORTED.filter(([name]) => report?.[name]).map(([name, words]) => `${report[name].toLocaleString("en")} ${words}`);
  if (report?.n_failures) parts.push(`${count(report.n_failures, "file")} could not be read`);
  return `${parts.join(", ") || "Nothing to do"}.`;
}
