// Index a folder from the page.

import { startJob } from "../base/api.js";
import { h, icon } from "../base/dom.js";
import { sayTrouble } from "../base/messages.js";

/** The form; `watch(job)` is called with the job that began, `release()` lets another one begin. */
export function indexPanel(info, watch) {
  const field = h("input", { type: "text", id: "index-folder", placeholder: "~/Samples", autocomplete: "off", spellcheck: "false" });
  const go = h("button", { class: "strong" }, "Index");
  const again = h("button", { type: "button" }, icon("dice"), "Look for changes");
  again.replaceChildren("Look for changes");
  const start = async (folders) => {
    hold(true);
    try {
      watch(await startJob("index", folders));
      field.value = "";
    } catch (error) {
      hold(false);
      sayTrouble(error);
    }
  };
  const hold = (held) => (go.disabled = again.disabled = held);
  const form = h("form", { class: "index-form" }, h("label", { for: "index-folder", class: "label" }, "Add a folder of this machine"), h("div", { class: "row" }, field, go), again);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const folder = field.value.trim();
    if (folder) start([folder]);
    else field.focus();
  });
  again.addEventListener("click", () => start(info().folders.map((folder) => folder.path ?? folder)));
  return { element: form, release: () => hold(false) };
}
