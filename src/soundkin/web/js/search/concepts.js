// Named sound concepts: a query with its thumbs, kept in the library.

import { loadConcepts, removeConcept, saveConcept } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { count } from "../base/format.js";
import { say, sayTrouble } from "../base/messages.js";
import { change, current } from "../base/state.js";
import { t } from "../base/text.js";

/** A button that saves the query with its thumbs under a name. */
export function saveConceptButton() {
  return h("button", { type: "button", class: "save-concept", onclick: ask }, icon("save"), t("save_as_concept"));
}

function ask() {
  const { sounds, liked, disliked } = current();
  const field = h("input", { type: "text", name: "name", required: true, maxlength: 80, autocomplete: "off", "aria-label": t("name"), placeholder: t("dusty_kicks") });
  const form = h(
    "form",
    { method: "dialog" },
    h("p", { class: "quiet" }, t("up_down_you_find_it_again", { a: count(sounds.length, "sound"), b: count(liked.length, "thumb"), c: disliked.length })),
    h("p", { class: "row" }, field, h("button", { class: "strong" }, t("save"))),
  );
  const dialog = h("dialog", { "aria-label": t("save_as_a_concept") }, h("header", {}, h("h2", {}, t("name_this_sound")), iconButton("close", t("close"), () => dialog.close())), form);
  form.addEventListener("submit", async () => {
    try {
      await saveConcept({ name: field.value.trim(), sounds, liked, disliked });
      say(t("is_saved", { a: field.value.trim() }));
    } catch (error) {
      sayTrouble(error);
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return field.focus();
}

/** Show saved concepts as a row of buttons. */
export function conceptShelf(place, concepts) {
  if (!concepts.length) return place.replaceChildren();
  const again = () => loadConcepts().then((found) => conceptShelf(place, found), sayTrouble);
  return place.replaceChildren(
    h("div", { class: "shelf-head" }, h("h2", {}, t("your_concepts"))),
    h(
      "div",
      { class: "row concepts" },
      concepts.map(({ id, name, sounds, liked, disliked }) =>
        h(
          "span",
          { class: "concept" },
          h("button", { type: "button", onclick: () => change(reopen({ id, sounds, liked, disliked })) }, icon("save"), name),
          iconButton("close", t("forget", { a: name }), () => removeConcept(name).then(again, sayTrouble)),
        ),
      ),
    ),
  );
}

/** The query a concept was kept from, or where an upload of it is gone by now, the concept itself. */
function reopen({ id, sounds, liked, disliked }) {
  const lasts = sounds.every((sound) => sound.id.startsWith("r"));
  return lasts ? { sounds, liked, disliked } : { sounds: [{ id, weight: 1, start_s: 0, end_s: null }], liked: [], disliked: [] };
}
