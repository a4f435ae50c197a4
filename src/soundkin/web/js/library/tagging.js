// Tags edited in place.

import { changeTags } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { sayTrouble } from "../base/messages.js";
import { t } from "../base/text.js";

/** The tags of a recording, each with a cross, and a field for another one. */
export function tagEditor(recording) {
  const element = h("div", { class: "tag-editor" });
  let tags = [...recording.tags];

  async function change(add, remove) {
    const before = tags;
    tags = [...new Set([...tags, ...add])].filter((tag) => !remove.includes(tag)).sort();
    draw();
    try {
      await changeTags([recording.id], add, remove);
      dispatchEvent(new CustomEvent("tagschange"));
    } catch (error) {
      tags = before;
      draw();
      sayTrouble(error);
    }
  }

  function ask() {
    const field = h("input", { type: "text", class: "new-tag", maxlength: 60, "aria-label": t("new_tag_for", { a: recording.name }) });
    let over = false;
    const end = (keep) => {
      if (over) return;
      over = true;
      const tag = field.value.trim();
      if (keep && tag && !tags.includes(tag)) change([tag], []);
      else draw();
      element.querySelector(".add-tag")?.focus();
    };
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Enter") end(true);
      if (event.key === "Escape") end(false);
    });
    field.addEventListener("blur", () => end(true));
    element.querySelector(".add-tag").replaceWith(field);
    field.focus();
  }

  function draw() {
    element.replaceChildren(
      ...tags.map((tag) => h("span", { class: "tag" }, tag, h("button", { type: "button", class: "bare tiny", "aria-label": t("take_the_tag_off", { a: tag, b: recording.name }), onclick: () => change([], [tag]) }, icon("close")))),
      iconButton("plus", t("add_a_tag_to", { a: recording.name }), ask, { class: "bare tiny add-tag" }),
    );
  }
  draw();
  return element;
}
