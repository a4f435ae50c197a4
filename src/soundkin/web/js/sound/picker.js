// A dialog to choose a sound of the library by the words of its path, heard while one walks through.

import { loadConcepts, loadRecordings } from "../base/api.js";
import { h, icon, iconButton, settle } from "../base/dom.js";
import { NAME_WORDS, length, shortFolder } from "../base/format.js";
import { sayTrouble } from "../base/messages.js";
import { indexFolder } from "../library/start.js";
import * as player from "./player.js";
import { t } from "../base/text.js";

/** Ask for a sound; gives a recording, "file" where a file is wanted instead, or null. */
export function pickSound(title, { files = true } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const list = h("ul", { class: "picked", role: "listbox", "aria-label": t("sounds_tab"), tabindex: "0" });
    const field = h("input", { type: "search", placeholder: NAME_WORDS, maxlength: 200, "aria-label": t("words_of_name_folder_or_tags"), autofocus: true });
    const close = (value) => {
      answer = value;
      dialog.close();
    };
    const fill = async () => {
      try {
        const [{ recordings }, concepts] = await Promise.all([loadRecordings({ text: field.value.trim(), limit: 60 }), loadConcepts()]);
        const words = field.value.trim().toLowerCase().split(/\s+/);
        const named = concepts.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
        list.replaceChildren(...named.map((concept) => conceptOption(concept, close)), ...recordings.map((recording) => option(recording, close)));
        if (named.length) return undefined;
        if (!recordings.length && !field.value.trim()) return list.replaceChildren(emptyLibrary());
        if (!recordings.length) list.replaceChildren(h("li", { class: "quiet", role: "option", "aria-selected": "false" }, t("no_sound_has_all_these_words")));
      } catch (error) {
        sayTrouble(error);
      }
      return undefined;
    };
    const emptyLibrary = () =>
      h("li", { class: "quiet", role: "option", "aria-selected": "false" }, t("the_library_is_still_empty"), h("button", { type: "button", onclick: () => (close(null), indexFolder()) }, t("index_a_folder")));
    field.addEventListener("input", settle(fill, 120));
    const dialog = h(
      "dialog",
      { "aria-label": title },
      h("header", {}, h("h2", {}, title), iconButton("close", t("close"), () => dialog.close())),
      h("div", { class: "row" }, field, files && h("button", { type: "button", onclick: () => close("file") }, icon("file"), t("a_file_instead"))),
      list,
    );
    dialog.addEventListener("keydown", walk);
    dialog.addEventListener("close", () => {
      player.stop();
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    fill();

    function walk(event) {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const options = [...list.querySelectorAll("[tabindex]")];
      if (step && options.length) {
        event.preventDefault();
        options[Math.max(0, Math.min(options.length - 1, options.indexOf(document.activeElement) + step))].focus();
      } else if (event.key === "Enter" && event.target === field && options.length) {
        event.preventDefault();
        options[0].click();
      }
      event.stopPropagation();
    }
  });
}

function conceptOption(concept, close) {
  const item = h("li", { role: "option", tabindex: "-1", "aria-selected": "false", onclick: () => close(concept) }, h("b", {}, icon("save"), " ", concept.name), h("span", { class: "quiet small" }, t("a_concept")));
  item.addEventListener("keydown", (event) => event.key === "Enter" && close(concept));
  return item;
}

function option(recording, close) {
  const sound = { id: recording.id, length_s: recording.duration_s };
  const item = h(
    "li",
    { role: "option", tabindex: "-1", "aria-selected": "false", onclick: () => close(recording) },
    h("b", {}, recording.name),
    h("span", { class: "quiet small" }, `${shortFolder(recording.folder)} · ${length(recording.duration_s)}`),
  );
  item.addEventListener("focus", () => player.play(sound));
  item.addEventListener("keydown", (event) => {
    if (event.key === "Enter") close(recording);
    if (event.key === " ") {
      event.preventDefault();
      player.toggle(sound);
    }
  });
  let timer = 0;
  item.addEventListener("pointerenter", (event) => {
    if (event.pointerType === "mouse") timer = setTimeout(() => player.play(sound), 120);
  });
  item.addEventListener("pointerleave", () => (clearTimeout(timer), player.stop()));
  return item;
}
