// A dialog that walks through the folders of the server's machine, to choose what to index.

import { loadMachine } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { count } from "../base/format.js";
import { number, t } from "../base/text.js";

/**
 * Ask for a folder, or a sound; gives its path, or null. `name` is what to look out for. With `isTarget` it is
 * one to write to, which a new name in it can be asked for, too.
 */
export function chooseFolder(name = "", { title = t("choose_a_folder"), take: verb = "", isTarget = false } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const places = h("div", { class: "row places" });
    const way = h("nav", { class: "way", "aria-label": t("where_this_folder_lies") });
    const list = h("ul", { class: "picked machine" });
    const told = h("p", { class: "quiet small", role: "status" });
    const take = h("button", { type: "button", class: "strong" }, t("index_this_folder"));
    const fresh = h("input", { type: "text", maxlength: 200, placeholder: t("none"), autocomplete: "off" });
    const dialog = h(
      "dialog",
      { "aria-label": title },
      h("header", {}, h("h2", {}, title), iconButton("close", t("close"), () => dialog.close())),
      name && h("p", {}, t("a_browser_does_not_tell_where"), h("b", {}, h("bdi", {}, name)), t("lies_go_there_and_index_it")),
      places,
      way,
      list,
      isTarget && h("label", { class: "row small" }, t("a_new_folder_in_it"), fresh),
      h("div", { class: "row between" }, told, take),
    );
    const choose = (path) => {
      answer = path;
      dialog.close();
    };

    async function go(path) {
      try {
        show(await loadMachine(path));
      } catch (error) {
        told.textContent = error.message;
      }
    }

    function show(folder) {
      places.replaceChildren(...folder.places.map((place) => step(place)));
      way.replaceChildren(...[...folder.above, ...(folder.path ? [folder] : [])].flatMap((place, i) => [i ? " / " : "", step(place, place === folder)]));
      const rows = [
        ...folder.folders.map((one) => row(one, "right", one.is_indexed ? t("in_the_library") : "", () => go(one.path))),
        ...(isTarget ? [] : folder.sounds).map((one) => row(one, "plus", t("index_this_file_alone"), () => choose(one.path))),
      ];
      list.replaceChildren(...(rows.length ? rows : [h("li", { class: "quiet" }, folder.path ? t("no_folder_and_no_sound_is") : t("the_library_has_no_folders_yet"))]));
      list.scrollTop = 0;
      told.textContent = tell(folder);
      take.hidden = !folder.path;
      take.replaceChildren(verb ? `${verb} ` : folder.is_indexed ? t("look_for_changes_in") : t("index_folder_named"), h("bdi", {}, folder.name));
      take.onclick = () => choose(isTarget && fresh.value.trim() ? `${folder.path.replace(/[\\/]$/, "")}${folder.path.includes("\\") ? "\\" : "/"}${fresh.value.trim()}` : folder.path);
      const wanted = list.querySelector("[data-wanted]");
      (wanted ?? list.querySelector("button") ?? take).focus();
      wanted?.scrollIntoView({ block: "center" });
    }

    const step = (place, isHere = false) => h("button", { type: "button", class: "bare", title: place.path, "aria-current": isHere ? "location" : undefined, onclick: () => go(place.path) }, h("bdi", {}, place.name));

    const row = (one, mark, words, run) =>
      h("li", {}, h("button", { type: "button", class: "bare", title: one.path, dataset: one.name === name ? { wanted: "" } : {}, onclick: run }, icon(mark), h("b", {}, h("bdi", {}, one.name)), h("span", { class: "quiet small" }, words)));

    dialog.addEventListener("keydown", (event) => {
      const items = [...list.querySelectorAll("button")];
      const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (to && items.length) {
        event.preventDefault();
        items[Math.max(0, Math.min(items.length - 1, items.indexOf(document.activeElement) + to))].focus();
      }
      event.stopPropagation();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
    go("");
  });
}

function tell({ path, n_sounds, n_folders, folders, sounds }) {
  if (!path) return t("folders_of_the_library");
  const left = n_folders - folders.length + n_sounds - sounds.length;
  return t("and_directly_in_it", { a: count(n_folders, "folder"), b: count(n_sounds, "sound"), c: left ? t("are_not_shown", { a: number(left) }) : "" });
}
