// Jobs of the server, shown while they run.

import { followJob } from "./api.js";
import { h } from "./dom.js";
import { refreshInfo } from "./info.js";
import { sayTrouble } from "./messages.js";

/** Show a job's progress; `ended(kind, data)` is called with "done" or "failed". */
export function showJob(place, job, ended = () => null) {
  const bar = h("i");
  const words = h("p", { class: "quiet small", role: "status" }, "Beginning …");
  const box = h("div", { class: "job" }, h("div", { class: "progress", role: "progressbar", "aria-label": "Progress", "aria-valuemin": "0", "aria-valuemax": "100" }, bar), words);
  place.replaceChildren(box);
  const reach = (share) => {
    bar.style.transform = `scaleX(${share})`;
    bar.parentElement.setAttribute("aria-valuenow", String(Math.round(100 * share)));
  };
  reach(0);
  return followJob(job.id, (kind, data) => {
    if (kind === "progress") {
      reach(data.n_total ? data.n_done / data.n_total : 0);
      words.textContent = data.words ?? `${data.n_done} of ${data.n_total}`;
      return;
    }
    reach(1);
    box.classList.add(kind);
    words.textContent = kind === "done" ? (data.summary ?? "Done.") : (data.detail ?? "It failed.");
    refreshInfo().catch(sayTrouble);
    ended(kind, data);
  });
}
