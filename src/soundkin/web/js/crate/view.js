// The crates: sounds put together under a name, heard, and taken away.

import { emptyCrate, loadCrate, loadCrates, renameCrate } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { count } from "../base/format.js";
import { say, sayTrouble } from "../base/messages.js";
import { selected, selectNone } from "../base/selection.js";
import { hitList } from "../search/hitlist.js";
import { askText } from "./dialogs.js";
import { takeAway } from "./takeaway.js";
import { openCrate } from "./tray.js";
import { t } from "../base/text.js";

const OPEN = "crate"; // as long as this tab is open

export function open(box) {
  const names = h("ul", { class: "crate-names" });
  const head = h("div", { class: "results-head" });
  const list = hitList({ label: t("sounds_in_the_crate"), form: "lines" });
  const main = h("section", { "aria-label": t("crate") }, head, list.element);
  const listen = new AbortController();
  box.replaceChildren(h("div", { class: "crates" }, h("aside", { "aria-label": t("crates") }, h("h1", {}, t("crates")), names), main));

  async function fill() {
    try {
      const crates = await loadCrates();
      const wanted = sessionStorage.getItem(OPEN);
      const chosen = crates.find(({ name }) => name === wanted) ?? crates[0];
      names.replaceChildren(...crates.map((crate) => nameRow(crate, crate === chosen)));
      await (chosen ? showCrate(chosen.name) : showNone());
    } catch (error) {
      sayTrouble(error);
    }
  }

  const nameRow = ({ name, count: n }, isChosen) =>
    h("li", {}, h("button", { type: "button", class: "crate-name", "aria-current": isChosen ? "true" : undefined, title: name, onclick: () => openCrate(name) }, icon("crate"), h("bdi", {}, name), h("span", { class: "n" }, n)));

  async function showCrate(name) {
    const { items } = await loadCrate(name);
    const hits = items.map(({ recording, start_s, duration_s }, i) => ({ ...recording, rank: i + 1, start_s, duration_s, recording_duration_s: recording.duration_s }));
    const asked = () => items.map(({ recording, start_s, end_s }) => ({ id: recording.id, start_s, end_s }));
    head.replaceChildren(
      h("div", { class: "verdict" }, h("h2", {}, h("bdi", {}, name)), h("p", {}, count(items.length, "sound"))),
      h("div", { class: "row" }, takeAway(asked, list.hits), h("button", { type: "button", onclick: () => takeOut(name, items) }, icon("minus"), t("take_the_chosen_out")), h("button", { type: "button", onclick: () => rename(name) }, t("rename")), iconButton("close", t("forget", { a: name }), () => forget(name, items))),
    );
    list.show(hits);
  }

  function showNone() {
    head.replaceChildren(
      h("div", { class: "empty" }, h("h2", {}, t("no_crate_yet")), h("p", {}, t("select_sounds_anywhere_ctrl_or_shift"))),
    );
    list.show([]);
  }

  async function takeOut(name, items) {
    const inside = new Set(items.map(({ recording, start_s }) => `${recording.id}@${start_s}`));
    const chosen = selected().filter(({ id, start_s }) => inside.has(`${id}@${start_s}`));
    if (!chosen.length) return say(t("nothing_here_is_chosen_choose_with"));
    try {
      for (const hit of chosen) await emptyCrate(name, hit);
      selectNone();
      dispatchEvent(new Event("crateschange"));
    } catch (error) {
      sayTrouble(error);
    }
    return undefined;
  }

  async function rename(name) {
    const wanted = await askText(t("rename_the_crate"), t("name"), t("rename"), name);
    if (!wanted || wanted === name) return;
    await renameCrate(name, wanted).then(() => openCrate(wanted), sayTrouble);
  }

  async function forget(name, items) {
    try {
      await emptyCrate(name);
      dispatchEvent(new Event("crateschange"));
      say(t("is_forgotten_its_stay_in_the", { a: name, b: count(items.length, "sound") }));
    } catch (error) {
      sayTrouble(error);
    }
  }

  addEventListener("crateschange", fill, listen);
  return { update: fill, close: () => (listen.abort(), list.close()) };
}
