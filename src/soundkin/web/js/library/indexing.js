// Index a folder from the page.

import { startJob } from "../base/api.js";
import { h } from "../base/dom.js";
import { sayTrouble } from "../base/messages.js";
import { chooseFolder } from "./browser.js";
import { takeWish } from "./start.js";
import { t } from "../base/text.js";

/** The form; `watch(job)` is called with the job that began, `release()` lets another one begin, `meet()` does what was wanted on the way here. */
export function indexPanel(info, watch) {
  const field = h("input", { type: "text", id: "index-folder", placeholder: "~/Samples", autocomplete: "off", spellcheck: "false" });
  const go = h("button", { class: "strong" }, t("index_button"));
  const look = h("button", { type: "button", onclick: () => browse() }, t("browse"));
  const again = h("button", { type: "button" }, t("look_for_changes"));
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
  const browse = async (name) => {
    const path = await chooseFolder(name);
    if (!path) return field.focus();
    field.value = path;
    return go.disabled ? undefined : start([path]);
  };
  const hold = (held) => (go.disabled = again.disabled = held);
  const form = h("form", { class: "index-form" }, h("label", { for: "index-folder", class: "label" }, t("add_a_folder_of_this_machine")), h("div", { class: "row" }, field, go), h("div", { class: "row" }, look, again));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const folder = field.value.trim();
    if (folder) start([folder]);
    else browse();
  });
  again.addEventListener("click", () => start(info().folders.map((folder) => folder.path ?? folder)));

  /** Do what was wanted on the way here: the field, or the folders of the machine. */
  function meet() {
    const wish = takeWish();
    if (wish?.browse) browse(wish.name);
    else if (wish) field.focus();
  }
  return { element: form, release: () => hold(false), meet };
}
