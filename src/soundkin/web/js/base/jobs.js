// Jobs of the server, shown while they run.

import { followJob, stopJob } from "./api.js";
import { h } from "./dom.js";
import { refreshInfo } from "./info.js";
import { sayTrouble } from "./messages.js";
import { t } from "./text.js";

/** Show a job's progress; `ended(kind)` is called with "done" or "failed". */
export function showJob(place, job, ended = () => null) {
  const bar = h("i");
  const words = h("p", { class: "quiet small", role: "status" }, t("beginning"));
  const stop = h("button", { type: "button", onclick: () => stopJob(job.id).catch(sayTrouble) }, t("stop"));
  const track = h("div", { class: "progress", role: "progressbar", "aria-label": t("progress"), "aria-valuemin": "0", "aria-valuemax": "100" }, bar);
  const box = h("div", { class: "job" }, track, h("div", { class: "row between" }, words, stop));
  place.replaceChildren(box);
  const reach = (share) => {
    bar.style.transform = `scaleX(${share})`;
    track.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  };
  reach(0);
  return followJob(job.id, (kind, { n_done, n_total, words: told, detail }) => {
    words.textContent = kind === "failed" ? detail : told;
    if (kind === "progress") return reach(n_total ? n_done / n_total : 0);
    reach(1);
    stop.remove();
    box.classList.add(kind);
    refreshInfo().catch(sayTrouble);
    return ended(kind);
  });
}
