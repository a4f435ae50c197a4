// What is done with the sounds that are selected, in a tray at the bottom that is there while any are.

import { changeTags, fillCrate, loadCrates } from "../base/api.js";
import { h, icon, iconButton, menu } from "../base/dom.js";
import { count } from "../base/format.js";
import { say, sayTrouble } from "../base/messages.js";
import { selected, selectNone } from "../base/selection.js";
import { change } from "../base/state.js";
import { askText } from "./dialogs.js";
import { itemOf, takeAway } from "./takeaway.js";
import { t } from "../base/text.js";

let tell = null;

/** Show the tray while anything is selected. */
export function showTray() {
  tell ??= makeTray();
  tell();
}

function makeTray() {
  const told = h("b", { role: "status" });
  const tag = h("input", { type: "text", placeholder: t("tag_placeholder"), "aria-label": t("tag_for_all_chosen"), maxlength: 60 });
  let known = [];
  const into = menu(t("into_a_crate"), [icon("crate"), t("into_a_crate")], () => [
    ...known.map(({ name, count: n }) => ({ words: `${name} (${n})`, run: () => putInto(name) })),
    { words: t("a_new_crate"), mark: "plus", run: () => askText(t("new_crate"), t("name"), t("make_it")).then((name) => name && putInto(name)) },
  ]);
  const tray = h(
    "section",
    { class: "tray", "aria-label": t("selected_sounds"), hidden: true },
    told,
    into,
    takeAway(() => selected().map(itemOf), selected),
    h("span", { class: "row" }, tag, h("button", { type: "button", onclick: () => tagAll(tag, true) }, icon("plus"), t("give_tag")), h("button", { type: "button", onclick: () => tagAll(tag, false) }, icon("minus"), t("untag"))),
    iconButton("close", t("choose_none"), selectNone),
  );
  document.body.append(tray);
  const refresh = () => loadCrates().then((found) => (known = found), () => null);
  addEventListener("crateschange", refresh);
  return () => {
    const n = selected().length;
    if (n && tray.hidden) refresh();
    tray.hidden = !n;
    told.textContent = t("n_chosen", { a: count(n, "sound") });
  };
}

async function putInto(name) {
  try {
    const { count: n, n_added } = await fillCrate(name, selected().map(itemOf));
    say(t("put_into_which_has_now", { a: count(n_added, "sound"), b: name, c: n }), { act: { words: t("open_it"), run: () => openCrate(name) } });
    dispatchEvent(new Event("crateschange"));
    selectNone();
  } catch (error) {
    sayTrouble(error);
  }
}

/** Show a crate in its view. */
export function openCrate(name) {
  sessionStorage.setItem("crate", name);
  change({ view: "crates" });
  dispatchEvent(new Event("crateschange"));
}

async function tagAll(field, add) {
  const tag = field.value.trim();
  if (!tag) return field.focus();
  try {
    const ids = [...new Set(selected().map(({ id }) => id))];
    const { changed } = await changeTags(ids, add ? [tag] : [], add ? [] : [tag]);
    const words = t(add ? "recordings_tagged" : "recordings_untagged", { a: count(changed, "recording"), b: tag });
    say(words);
    dispatchEvent(new CustomEvent("tagschange"));
    dispatchEvent(new Event("tagged"));
  } catch (error) {
    sayTrouble(error);
  }
  return undefined;
}
