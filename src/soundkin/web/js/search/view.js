// The search view: a welcome while there is no query, then query, filters and hits.

import { loadConcepts, loadVaried } from "../base/api.js";
import { h, icon, press } from "../base/dom.js";
import { everywherePanel } from "./everywhere.js";
import { exportMenu } from "./export.js";
import { count } from "../base/format.js";
import { later } from "../base/later.js";
import { sayTrouble, whisper } from "../base/messages.js";
import { change, current, resetFilters } from "../base/state.js";
import { indexFolder } from "../library/start.js";
import { hoverPlays, setHoverPlays } from "../sound/hover.js";
import * as player from "../sound/player.js";
import { tuneTo } from "../sound/tuning.js";
import { forgetAnswers, requestOf, runSearch, soundOf } from "./ask.js";
import { chipRow } from "./chips.js";
import { formButton } from "./lines.js";
import { hitList } from "./hitlist.js";
import { conceptShelf, saveConceptButton } from "./concepts.js";
import { filterPanel } from "./filters.js";
import { historyStrip } from "./history.js";
import { plainHit } from "./plain.js";
import { queryPanel, waysToStart } from "./query.js";
import { verdictWords } from "./verdict.js";
import { t } from "../base/text.js";

const showWhy = later(() => import("./why.js"), "showWhy");
const keptForm = () => (localStorage.getItem("form") === "lines" ? "lines" : "cards");

const MORE = 30;
const MOST = 240;
const SHELF = 12;

export function open(box, info) {
  let part = null;
  const listen = new AbortController();
  addEventListener("infochange", (event) => (info = event.detail), listen);
  addEventListener("infochange", () => (forgetAnswers(), part?.renew?.()), listen);
  addEventListener("tagschange", forgetAnswers, listen);
  addEventListener("playquery", (event) => part?.togglePlay?.(event.detail), listen);

  function update(state) {
    const kind = state.sounds.length ? "searching" : "welcome";
    if (part?.kind !== kind) {
      part?.close();
      player.stop();
      part = kind === "searching" ? searching(() => info) : welcome(info);
      box.replaceChildren(part.element);
      scrollTo(0, 0);
    }
    part.update?.(state);
  }
  return { update, close: () => (listen.abort(), part?.close()) };
}

function welcome(info) {
  const list = hitList({ label: t("sounds_to_start_from") });
  const ways = h("div", { class: "row" });
  ways.append(...waysToStart(ways, true));
  const shelf = h("section", { "aria-label": t("start_anywhere") });
  const concepts = h("div");
  const earlier = historyStrip();
  const element = h(
    "div",
    {},
    h(
      "section",
      { class: "welcome" },
      h("h1", {}, t("what_sounds"), h("em", {}, t("like_this")), "?"),
      h("p", {}, t("drop_a_sound_anywhere_on_this")),
      ways,
    ),
    earlier.element,
    concepts,
    shelf,
  );
  if (info.n_recordings) fillShelf(shelf, list);
  else shelf.append(emptyLibrary());
  loadConcepts().then((found) => conceptShelf(concepts, found), () => null);
  return { kind: "welcome", element, close: () => (list.close(), earlier.close()) };
}

function emptyLibrary() {
  return h(
    "div",
    { class: "empty" },
    h("h2", {}, t("this_library_is_still_empty")),
    h("p", {}, t("index_a_folder_of_sounds_first")),
    h("button", { type: "button", class: "strong", onclick: () => indexFolder() }, t("index_a_folder")),
  );
}

async function fillShelf(shelf, list) {
  const draw = async () => {
    try {
      list.show((await loadVaried(SHELF, Math.floor(Math.random() * 2 ** 32))).map(plainHit));
    } catch (error) {
      sayTrouble(error);
    }
  };
  shelf.append(h("div", { class: "shelf-head" }, h("h2", {}, t("or_start_anywhere")), h("button", { type: "button", onclick: draw }, icon("dice"), t("others"))), list.element);
  await draw();
}

function searching(info) {
  const query = queryPanel();
  const everywhere = everywherePanel(info().formats);
  const earlier = historyStrip();
  let filters = filterPanel(info());
  const makeList = () => hitList({ label: t("hits"), why: (hit) => showWhy(current().sounds, hit), query: query.played, form: keptForm() });
  let list = makeList();
  const verdict = h("div", { class: "verdict" });
  const chips = chipRow(info);
  const more = h("button", { type: "button", class: "more-hits" }, t("more_hits"));
  const hover = press(h("button", { type: "button", class: "hover-plays", title: t("play_a_card_while_the_pointer") }, icon("hover"), t("hover_plays")), hoverPlays());
  const fold = h("label", { class: "row small" }, t("per_recording"), h("select", { "aria-label": t("hits_per_recording_at_most") }, [1, 2, 3, 5, 10].map((n) => h("option", { value: n }, n))));
  const tools = h("div", { class: "row" }, fold, hover, saveConceptButton(), exportMenu(info().formats, () => list.hits()));
  const form = h("span", {});
  const results = h("section", { "aria-label": t("results") }, h("h1", { class: "unseen" }, t("what_sounds_like_it")), chips.element, h("div", { class: "results-head" }, verdict, form, tools), list.element, h("div", { class: "empty" }, more));
  const element = h("div", { class: "searching" }, query.element, earlier.element, everywhere.element, filters.element, results);
  more.addEventListener("click", () => change({ top_k: Math.min(MOST, current().top_k + MORE) }, { replace: true }));
  hover.addEventListener("click", () => (setHoverPlays(!hoverPlays()), press(hover, hoverPlays())));
  fold.querySelector("select").addEventListener("change", (event) => change({ per_recording: Number(event.target.value) }));
  let last = "";
  let isNew = false;
  const listen = new AbortController();
  showForm();
  addEventListener("changeform", () => changeForm(), listen);

  function showForm() {
    element.classList.toggle("dense", keptForm() === "lines");
    form.replaceChildren(formButton(keptForm(), changeForm));
  }

  /** Show the same hits as lines, or as cards again; the choice is remembered. */
  function changeForm() {
    localStorage.setItem("form", keptForm() === "lines" ? "cards" : "lines");
    const hits = list.hits();
    const before = list;
    list = makeList();
    before.element.replaceWith(list.element);
    before.close();
    list.show(hits);
    showForm();
    list.focusFirst(false);
  }

  // Whoever searches from a hit deep in the list wants to see what is searched with now, and its first hits.
  addEventListener("newquery", () => ((isNew = true), scrollTo(0, 0)), listen);

  async function update(state) {
    query.update(state.sounds);
    earlier.update();
    hearBeside(state.sounds[0]);
    everywhere.update(state);
    filters.update(state);
    chips.update(state);
    fold.querySelector("select").value = String(state.per_recording);
    const key = JSON.stringify(requestOf(state));
    if (key === last) return undefined;
    last = key;
    list.element.classList.add("stale");
    try {
      const answer = await runSearch(state);
      if (key !== last) return undefined;
      list.show(answer.hits, { anew: isNew });
      if (isNew) scrollTo(0, 0);
      isNew = false;
      tellVerdict(verdict, answer, state);
      more.parentElement.hidden = answer.hits.length < state.top_k || state.top_k >= MOST;
      whisper(`${count(answer.hits.length, "hit")}`);
    } catch (error) {
      if (error.name === "AbortError") return undefined;
      last = "";
      if (error.status === 0) return list.element.classList.remove("stale"); // what was found stays
      list.show([]);
      more.parentElement.hidden = true;
      tellNothing(verdict, error.message, state);
    }
    return list.element.classList.remove("stale");
  }

  /** Show what can be chosen by now, after the library has changed. */
  function renew() {
    const fresh = filterPanel(info());
    const isOpen = filters.element.firstElementChild.open;
    filters.element.replaceWith(fresh.element);
    filters = fresh;
    filters.element.firstElementChild.open = isOpen;
    filters.update(current());
  }

  return { kind: "searching", element, update, renew, togglePlay: query.toggle, close: () => (listen.abort(), list.close(), earlier.close(), everywhere.close(), query.update([])) };
}

/** Bring tones to the note of the query's first sound, where that is asked for. */
async function hearBeside(sound) {
  const facts = sound.id.startsWith("c") ? null : (await soundOf(sound.id).catch(() => null))?.facts;
  tuneTo(facts);
}

function tellVerdict(place, answer, state) {
  if (!answer.hits.length) return tellNothing(place, isBounded(state) ? t("no_other_sound_here_is_as") : t("the_library_has_no_other_sound"), state);
  const { title, words } = verdictWords(answer);
  const took = answer.took_ms === undefined ? "" : t("ms", { a: answer.took_ms < 10 ? answer.took_ms.toFixed(1) : Math.round(answer.took_ms) });
  return place.replaceChildren(h("h2", {}, title), h("p", {}, `${words}${words ? " " : ""}${count(answer.hits.length, "hit")}${took}`));
}

const isBounded = ({ min_score, min_percentile }) => min_score !== undefined || min_percentile !== undefined;

function tellNothing(place, words, state) {
  const { filters } = state;
  const filtered = isBounded(state) || Object.values(filters).some((value) => (value && typeof value === "object" ? Object.keys(value).length : value));
  place.replaceChildren(h("h2", {}, t("nothing_here_fits")), h("p", {}, words), filtered ? h("button", { type: "button", onclick: resetFilters }, t("take_the_filters_away")) : "");
}
