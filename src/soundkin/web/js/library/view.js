// The library view: folders, recordings with their tags, what failed and why, suggestions, indexing.

import { loadJobs } from "../base/api.js";
import { h } from "../base/dom.js";
import { folderTree } from "../base/foldertree.js";
import { span } from "../base/format.js";
import { refreshInfo } from "../base/info.js";
import { showJob } from "../base/jobs.js";
import { indexPanel } from "./indexing.js";
import { suggestionPanel } from "./suggestions.js";
import { recordingTable } from "./table.js";
import { number, t, tn } from "../base/text.js";

const COUNT_EVERY_MS = 3000; // while a job is at work
const KEPT = "library-folders"; // as long as this tab is open

export function open(box, info) {
  const listen = new AbortController();
  const table = recordingTable();
  const failed = recordingTable({ failed: true });
  const suggested = suggestionPanel();
  let places = JSON.parse(sessionStorage.getItem(KEPT) ?? '{"folders":[],"not_folders":[]}');
  const tree = folderTree(() => places, choosePlaces);
  const all = h("button", { type: "button", class: "all-folders", onclick: () => choosePlaces({ folders: [], not_folders: [] }) }, t("all_folders"));
  const numbers = h("dl", { class: "numbers" });
  const upgrade = h("p", { class: "quiet upgrade", hidden: true });
  const indexing = indexPanel(() => info, watchJob);
  const running = h("div", { class: "running" });
  const tabs = tabList([
    [t("sounds_tab"), table],
    [t("failed_tab"), failed],
    [t("suggested_tags"), suggested],
  ]);
  box.replaceChildren(
    h(
      "div",
      { class: "library" },
      h("aside", { "aria-label": t("folders") }, h("h1", {}, t("library")), numbers, upgrade, indexing.element, running, h("div", { class: "row between" }, h("h2", { class: "folders-title" }, t("folders")), all), tree.element),
      h("section", { class: "library-main" }, tabs.element),
    ),
  );

  function watchJob(job) {
    const counting = setInterval(() => refreshInfo().catch(() => null), COUNT_EVERY_MS);
    showJob(running, job, (kind) => {
      clearInterval(counting);
      indexing.release();
      if (kind === "done") fill();
    });
  }

  function fill() {
    numbers.replaceChildren(
      ...[
        [number(info.n_recordings), tn("of_recordings", info.n_recordings)],
        [span(info.duration_s), t("of_audio")],
        [number(info.n_segments), tn("of_segments", info.n_segments)],
        [number(info.n_failed), t("failed_count")],
      ].map(([value, words]) => h("div", {}, h("dd", {}, value), h("dt", {}, words))),
    );
    const newer = info.newer_model;
    upgrade.hidden = !newer;
    if (newer) upgrade.textContent = t("a_newer_version_of_is_there", { a: newer.name, b: Math.max(1, Math.round(newer.estimated_s / 60)) });
    tabs.note(1, info.n_failed);
    table.update();
    failed.update();
    tree.fill();
  }

  function choosePlaces(chosen) {
    places = chosen;
    sessionStorage.setItem(KEPT, JSON.stringify(places));
    showPlaces();
    tabs.choose(0);
  }

  function showPlaces() {
    all.hidden = !places.folders.length && !places.not_folders.length;
    tree.update();
    table.choose(places);
  }

  addEventListener("indexfolder", indexing.meet, { signal: listen.signal });
  indexing.meet();
  addEventListener("infochange", (event) => ((info = event.detail), fill()), { signal: listen.signal });
  showPlaces();
  fill();
  loadJobs().then((jobs) => {
    const job = (jobs.jobs ?? jobs).find(({ state }) => state === "running" || state === "waiting");
    if (job) watchJob(job);
  }, () => null);
  return { update: () => null, close: () => (listen.abort(), table.close(), failed.close(), suggested.close()) };
}

/** Tabs as screen readers know them; each panel has `element`, and `update()` for when it is shown. */
function tabList(panels) {
  const buttons = panels.map(([words], i) =>
    h("button", { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `panel-${i}`, onclick: () => choose(i) }, words),
  );
  const boxes = panels.map(([, panel], i) => h("div", { role: "tabpanel", id: `panel-${i}`, "aria-labelledby": `tab-${i}` }, panel.element));
  const bar = h("div", { role: "tablist", class: "tabs", "aria-label": t("parts_of_the_library") }, buttons);
  function choose(at) {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === at));
      button.tabIndex = i === at ? 0 : -1;
      boxes[i].hidden = i !== at;
    });
    panels[at][1].update();
  }
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const to = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
    choose(to);
    buttons[to].focus();
  });
  choose(0);
  return {
    element: h("div", {}, bar, boxes),
    choose,
    note: (at, n) => buttons[at].replaceChildren(panels[at][0], n ? h("span", { class: "tag" }, n) : ""),
  };
}
