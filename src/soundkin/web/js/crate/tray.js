// What is done with the sounds that are selected, in a tray at the bottom that is there while any are.

import { changeTags, fillCrate, loadCrates } from "../base/api.js";
import { h, icon, iconButton, menu } from "../base/dom.js";
import { count } from "../base/format.js";
import { knownInfo } from "../base/info.js";
import { say, sayTrouble, whisper } from "../base/messages.js";
import { onSelect, selected, selectNone } from "../base/selection.js";
import { change } from "../base/state.js";
import { askText } from "./dialogs.js";
import { itemOf, takeAway } from "./takeaway.js";

/** Show the tray whenever something is selected. */
export function watchSelection() {
  const told = h("b", { role: "status" });
  const tag = h("input", { type: "text", placeholder: "tag", "aria-label": "Tag for all chosen", maxlength: 60 });
  let known = [];
  const into = menu("Into a crate", [icon("crate"), "Into a crate"], () => [
    ...known.map(({ name, count: n }) => ({ words: `${name} (${n})`, run: () => putInto(name) })),
    { words: "A new crate …", mark: "plus", run: () => askText("A new crate", "Name", "Make it").then((name) => name && putInto(name)) },
  ]);
  const tray = h(
    "section",
    { class: "tray", "aria-label": "Selected sounds", hidden: true },
    told,
    into,
    takeAway(() => selected().map(itemOf), selected),
    h("span", { class: "row" }, tag, h("button", { type: "button", onclick: () => tagAll(tag, true) }, icon("plus"), "Tag"), h("button", { type: "button", onclick: () => tagAll(tag, false) }, icon("minus"), "Untag")),
    iconButton("close", "Choose none", selectNone),
  );
  document.body.append(tray);
  const refresh = () => loadCrates().then((found) => (known = found), () => null);
  onSelect(() => {
    const n = selected().length;
    if (n && tray.hidden) refresh();
    tray.hidden = !n;
    told.textContent = `${count(n, "sound")} chosen`;
  });
  addEventListener("crateschange", refresh);
}

async function putInto(name) {
  try {
    const { count: n, n_added } = await fillCrate(name, selected().map(itemOf));
    say(`${count(n_added, "sound")} put into “${name}”, which has ${n} now.`, { act: { words: "Open it", run: () => openCrate(name) } });
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
    const words = `${count(changed, "recording")} ${add ? "tagged" : "untagged"} “${tag}”.`;
    say(words);
    whisper(words);
    dispatchEvent(new CustomEvent("tagschange"));
    dispatchEvent(new Event("tagged"));
  } catch (error) {
    sayTrouble(error);
  }
  return undefined;
}
