// A question whose answer is a line of text.

import { h, iconButton } from "../base/dom.js";
import { t } from "../base/text.js";

/** Ask; gives the text without spaces around it, or null. */
export function askText(title, label, words, value = "") {
  return new Promise((resolve) => {
    let answer = null;
    const field = h("input", { type: "text", required: true, maxlength: 200, autocomplete: "off", "aria-label": label, placeholder: label, value });
    const form = h("form", { method: "dialog", class: "row" }, field, h("button", { class: "strong" }, words));
    const dialog = h("dialog", { "aria-label": title }, h("header", {}, h("h2", {}, title), iconButton("close", t("close"), () => dialog.close())), form);
    form.addEventListener("submit", () => (answer = field.value.trim() || null));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    field.select();
  });
}
