// A dialog that walks through the folders of the server's machine, to choose what to index.

import { loadMachine } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { count } from "../base/format.js";

/**
 * Ask for a folder, or a sound; gives its path, or null. `name` is what to look out for. With `isTarget` it is
 * one to write to, which a new name in it can be asked for, too.
 */
export function chooseFolder(name = "", { title = "Choose a folder", take: verb = "", isTarget = false } = {}) {
  return new Promise((resolve) => {
    let answer = null;
    const places = h("div", { class: "row places" });
    const way = h("nav", { class: "way", "aria-label": "Where this folder lies" });
    const list = h("ul", { class: "picked machine" });
    const told = h("p", { class: "quiet small", role: "status" });
    const take = h("button", { type: "button", class: "strong" }, "Index this folder");
    const fresh = h("input", { type: "text", maxlength: 200, placeholder: "none", autocomplete: "off" });
    const dialog = h(
      "dialog",
      { "aria-label": title },
      h("header", {}, h("h2", {}, title), iconButton("close", "Close", () => dialog.close())),
      name && h("p", {}, "A browser does not tell where ", h("b", {}, h("bdi", {}, name)), " lies. Go there, and index it."),
      places,
      way,
      list,
      isTarget && h("label", { class: "row small" }, "a new folder in it", fresh),
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
        ...folder.folders.map((one) => row(one, "right", one.is_indexed ? "in the library" : "", () => go(one.path))),
        ...(isTarget ? [] : folder.sounds).map((one) => row(one, "plus", "index this file alone", () => choose(one.path))),
      ];
      list.replaceChildren(...(rows.length ? rows : [h("li", { class: "quiet" }, folder.path ? "No folder and no sound is in it." : "The library has no folders yet; index one on the machine that serves this page.")]));
      list.scrollTop = 0;
      told.textContent = tell(folder);
      take.hidden = !folder.path;
      take.replaceChildren(verb ? `${verb} ` : folder.is_indexed ? "Look for changes in " : "Index ", h("bdi", {}, folder.name));
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
  if (!path) return "Folders of the library";
  const left = n_folders - folders.length + n_sounds - sounds.length;
  return `${count(n_folders, "folder")} and ${count(n_sounds, "sound")} directly in it${left ? `; ${left.toLocaleString("en")} are not shown` : ""}`;
}
