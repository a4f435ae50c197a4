// The map: every recording as a point, neighbours sound alike. Zoom, hear, colour, lasso.

import { placeOnMap, startJob } from "../base/api.js";
import { h, icon, press, settle } from "../base/dom.js";
import { exportMenu } from "../search/export.js";
import { count, length, shortFolder, stem } from "../base/format.js";
import { showJob } from "../base/jobs.js";
import { sayTrouble, whisper } from "../base/messages.js";
import { selectAll } from "../base/selection.js";
import { change, current, searchFrom } from "../base/state.js";
import { runSearch, soundOf } from "../search/ask.js";
import { hitList } from "../search/hitlist.js";
import { plainHit } from "../search/plain.js";
import * as player from "../sound/player.js";
import { fetchMap } from "./data.js";
import { mapSurface } from "./surface.js";
import { named, t } from "../base/text.js";

const LISTED_AT_ONCE = 120;
const HEARD_S = 5;

export async function open(box, info) {
  let map = null;
  try {
    map = await fetchMap();
  } catch (error) {
    if (error.status !== 409) throw error;
  }
  return map ? show(box, map, info) : { update: () => null, ...noMap(box, info) };
}

function noMap(box, info) {
  const place = h("div");
  const make = h("button", { type: "button", class: "strong" }, t("make_the_map"));
  make.addEventListener("click", async () => {
    make.disabled = true;
    try {
      const job = await startJob("map", []);
      showJob(place, job, (kind) => {
        make.disabled = false;
        if (kind === "done") open(box, info).then((view) => view.update(current()), sayTrouble);
      });
    } catch (error) {
      make.disabled = false;
      sayTrouble(error);
    }
  });
  box.replaceChildren(
    h(
      "div",
      { class: "empty" },
      h("h2", {}, t("there_is_no_map_yet")),
      h("p", {}, info.n_recordings ? t("it_places_every_recording_among_those") : t("the_library_is_empty_index_a")),
      info.n_recordings ? make : h("button", { type: "button", class: "strong", onclick: () => change({ view: "library" }) }, t("index_a_folder")),
      place,
    ),
  );
  return { close: () => null };
}

function show(box, map, { formats }) {
  const list = hitList({ label: t("sounds_beside_the_map") });
  const chosen = h("div", { class: "chosen" });
  const legend = h("ul", { class: "legend", "aria-label": t("colours") });
  const note = h("div", { class: "map-note", hidden: true });
  const colour = h("select", { "aria-label": t("colour") }, map.columns.map(({ name, title }) => h("option", { value: name }, named("column", name, title.toLowerCase()))));
  const lasso = press(h("button", { type: "button", title: t("draw_a_line_round_sounds_or") }, icon("lasso"), t("lasso")), false);
  const fit = h("button", { type: "button" }, icon("fit"), t("all"));
  let hits = [];

  const surface = mapSurface(map, { hover: hear, leave: () => (note.hidden = true), pick: (i) => searchFrom(soundAt(i)), enclose });
  const stage = h("div", { class: "map-stage" }, surface.element, note, h("div", { class: "map-tools" }, h("label", { class: "row small" }, t("coloured_by"), colour), lasso, fit), legend);
  const aside = h("aside", { class: "map-side", "aria-label": t("chosen_sounds") }, chosen, list.element);
  box.replaceChildren(h("h1", { class: "unseen" }, t("map")), h("div", { class: "map" }, stage, aside));
  surface.start();

  function soundAt(i) {
    return map.starts_s ? { id: map.ids[i], start_s: map.starts_s[i], end_s: map.starts_s[i] + 1 } : { id: map.ids[i] };
  }

  async function hear(i, { x, y }) {
    const id = map.ids[i];
    const start_s = map.starts_s?.[i] ?? 0;
    player.play({ id, start_s, end_s: start_s + (map.starts_s ? 1 : HEARD_S) });
    const facts = await soundOf(id).catch(() => null);
    if (!facts || surface.under() !== i) return;
    note.replaceChildren(h("b", {}, stem(facts.name)), h("span", { class: "quiet" }, ` ${shortFolder(facts.folder)} · ${length(facts.duration_s)}`));
    note.hidden = false;
    note.style.left = `${Math.min(x, stage.clientWidth - 220)}px`;
    note.style.top = `${y}px`;
    whisper(`${stem(facts.name)}, ${length(facts.duration_s)}`);
  }

  async function enclose(indices) {
    press(lasso, false);
    surface.lassoing(false);
    if (!indices.length) return tell();
    await listSome(indices, []);
    whisper(t("inside_the_line", { a: count(indices.length, "sound") }));
    return undefined;
  }

  /** List the next of the sounds inside the line, below those that are listed already. */
  async function listSome(indices, listed) {
    const next = indices.slice(listed.length, listed.length + LISTED_AT_ONCE);
    const recordings = await Promise.all(next.map((i) => soundOf(map.ids[i]).catch(() => null)));
    const shown = [...listed, ...recordings];
    const n_left = indices.length - shown.length;
    list.show(shown.filter(Boolean).map(plainHit));
    chosen.replaceChildren(
      h("h2", {}, count(indices.length, "sound")),
      n_left ? h("p", { class: "quiet small" }, t("the_first_are_listed", { a: shown.length }), h("button", { type: "button", onclick: () => listSome(indices, shown).catch(sayTrouble) }, t("list_more", { a: Math.min(n_left, LISTED_AT_ONCE) }))) : "",
      h("div", { class: "row" }, h("button", { type: "button", onclick: () => selectAll(list.hits()) }, icon("check"), t("select_them")), exportMenu(formats, () => list.hits().map((hit) => ({ ...hit, score: 0 }))), h("button", { type: "button", onclick: () => (surface.enclose([]), tell()) }, t("let_go"))),
    );
  }

  function tell() {
    list.show(hits);
    if (hits.length) return chosen.replaceChildren(h("h2", {}, count(hits.length, "hit")), h("p", { class: "quiet small" }, t("the_ring_is_your_query_its")));
    return chosen.replaceChildren(h("h2", {}, t("wander_by_ear")), h("p", { class: "quiet" }, t("move_over_the_points_to_hear")));
  }

  function paint({ rgb, codes, legend: entries }) {
    const only = new Set();
    const repaint = () => surface.paint(rgb, only.size ? (i) => only.has(codes[i]) : undefined);
    repaint();
    legend.replaceChildren(...entries.map(({ words, colour, code }) => {
      const dot = h("i", { "aria-hidden": "true" });
      dot.style.background = colour;
      if (code === null) return h("li", {}, dot, words);
      const button = press(h("button", { type: "button", title: t("only_or_again_all", { a: words }) }, dot, h("bdi", {}, words)), false);
      button.addEventListener("click", () => {
        only[only.has(code) ? "delete" : "add"](code);
        press(button, only.has(code));
        repaint();
      });
      return h("li", {}, button);
    }));
  }

  colour.addEventListener("change", () => change({ colour: colour.value }, { replace: true }));
  lasso.addEventListener("click", () => surface.lassoing(press(lasso, lasso.getAttribute("aria-pressed") !== "true").getAttribute("aria-pressed") === "true"));
  fit.addEventListener("click", () => surface.fit());
  const redraw = settle(() => surface.draw(), 50);
  addEventListener("themechange", redraw);
  tell();

  let painted = null;
  async function update(state) {
    const column = map.columns.find(({ name }) => name === state.colour) ?? map.columns[0];
    if (painted !== column) paint(column);
    painted = column;
    colour.value = column.name;
    if (!state.sounds.length) return surface.ring(null, []);
    try {
      const [answer, place] = await Promise.all([runSearch(state), placeOnMap({ sounds: state.sounds })]);
      hits = answer.hits;
      surface.ring([(place.x + 1) / 2, (1 - place.y) / 2], hits);
      tell();
    } catch (error) {
      sayTrouble(error);
    }
    return undefined;
  }
  return { update, close: () => (list.close(), surface.close(), removeEventListener("themechange", redraw)) };
}
