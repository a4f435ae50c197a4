// Every occurrence of the query in its own recording: ticks over its waveform, walked with n and p.

import { findEvents } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { clock, count, length } from "../base/format.js";
import { whisper } from "../base/messages.js";
import { current } from "../base/state.js";
import * as player from "../sound/player.js";
import { watchHead } from "../sound/strip.js";
import { waveform } from "../sound/waveform.js";
import { soundOf } from "./ask.js";
import { exportMenu } from "./export.js";
import { t } from "../base/text.js";

const SHORTEST_S = 2; // of a recording in which anything can be twice
const LEAST = 0.3; // the lowest score that the slider can ask for
const N_PEAKS = 1200;

/** What is asked of the server for a state: its sounds are examples, its first sound's recording is looked in. */
const requestOf = ({ sounds, liked, disliked }) => ({ sounds, liked, disliked, within: [sounds[0].id], min_score: LEAST });

/** Make the panel; `update(state)` follows the query, `formats` are those that events can be exported in. */
export function everywherePanel(formats) {
  const opener = h("button", { type: "button", class: "everywhere-open", "aria-expanded": "false" }, icon("search"), t("everywhere_in_this_recording"));
  const body = h("div", { class: "everywhere-body", hidden: true });
  const element = h("section", { class: "everywhere", "aria-label": t("everywhere_in_this_recording"), hidden: true }, opener, body);
  let panel = null;
  let last = "";
  let running = null;

  async function update(state) {
    const first = state.sounds[0];
    const sound = first && !first.id.startsWith("c") ? await soundOf(first.id).catch(() => null) : null;
    if (state !== current()) return;
    element.hidden = !sound || sound.duration_s < SHORTEST_S;
    if (body.hidden || element.hidden) return close();
    const key = JSON.stringify(requestOf(state));
    if (key === last) return;
    close();
    last = key;
    running = new AbortController();
    body.replaceChildren(h("p", { class: "quiet" }, t("listening_through", { a: length(sound.duration_s) })));
    try {
      const answer = await findEvents(requestOf(state), running.signal);
      if (key !== last) return;
      panel = eventStrip(sound, answer, formats);
      body.replaceChildren(panel.element);
    } catch (error) {
      if (error.name !== "AbortError") body.replaceChildren(h("p", {}, error.message));
    }
  }

  function close() {
    running?.abort();
    panel?.close();
    panel = null;
    last = "";
  }

  opener.addEventListener("click", () => {
    body.hidden = !body.hidden;
    opener.setAttribute("aria-expanded", String(!body.hidden));
    update(current());
  });
  return { element, update, close };
}

/** The strip of a recording with its events: those of at least the slider's score, one of them chosen. */
function eventStrip(sound, answer, formats) {
  const total = sound.duration_s;
  const ticks = h("div", { class: "ticks" });
  const head = h("div", { class: "head" });
  const label = t("waveform_of_with_every_match", { a: sound.name });
  const box = h("div", { class: "event-strip" }, waveform({ id: sound.id, n: N_PEAKS, label }), ticks, head);
  const slider = h("input", { type: "range", min: LEAST, max: 1, step: 0.01, "aria-label": t("least_score"), value: answer.chosen_score.toFixed(2) });
  const least = h("output");
  const words = h("p", { class: "matches", role: "status" });
  const chosenLeast = h("button", { type: "button", onclick: () => setLeast(answer.chosen_score.toFixed(2)) }, t("as_chosen"));
  const tools = h(
    "div",
    { class: "row" },
    iconButton("left", t("previous_match_p"), () => step(-1)),
    iconButton("right", t("next_match_n"), () => step(1)),
    h("label", { class: "row small" }, t("least_score_label"), slider, least),
    chosenLeast,
    sound.id.startsWith("r") && exportMenu(formats, () => shown),
  );
  let shown = [];
  let at = -1;

  const stretch = ({ start_s, end_s }) => ({ id: sound.id, start_s, end_s });
  const share = (time_s) => time_s / total;

  function draw() {
    least.textContent = Number(slider.value).toFixed(2);
    chosenLeast.hidden = slider.value === answer.chosen_score.toFixed(2);
    const before = shown[at];
    shown = answer.events.filter((event) => event.score >= Number(slider.value));
    at = shown.indexOf(before);
    ticks.replaceChildren(...shown.map(tick));
    mark();
  }

  function tick(event, place) {
    const button = h("button", { type: "button", tabindex: "-1", title: describe(event), "aria-label": t("match_at", { a: describe(event) }), onclick: () => choose(place) });
    button.style.left = `${100 * share(event.start_s)}%`;
    button.style.width = `${100 * share(event.end_s - event.start_s)}%`;
    return button;
  }

  const describe = (event) => t("spoken_match", { a: clock(event.start_s), b: length(event.end_s - event.start_s), c: event.score.toFixed(2) });

  function mark() {
    [...ticks.children].forEach((button, place) => button.classList.toggle("chosen", place === at));
    const none = answer.events.length ? t("none_has_such_a_score") : t("it_is_nowhere_in_this_recording");
    words.textContent = at < 0 ? (shown.length ? t("n_and_p_go_from_one", { a: count(shown.length, "match") }) : none) : t("match_of", { a: at + 1, b: shown.length, c: describe(shown[at]) });
  }

  function choose(place) {
    at = place;
    mark();
    whisper(words.textContent);
    player.play(stretch(shown[at]));
  }

  function step(by) {
    if (shown.length) choose(at < 0 ? (by > 0 ? 0 : shown.length - 1) : (at + by + shown.length) % shown.length);
  }

  function setLeast(value) {
    slider.value = value;
    draw();
  }

  slider.addEventListener("input", draw);
  const listen = new AbortController();
  addEventListener("stepmatch", (event) => step(event.detail), listen);
  const stopHead = watchHead(head, () => (at < 0 ? [{ id: "" }, 0, 0] : [stretch(shown[at]), share(shown[at].start_s), share(shown[at].end_s - shown[at].start_s)]));
  draw();
  const element = h("div", {}, box, h("div", { class: "strip-foot" }, words, tools));
  return { element, close: () => (listen.abort(), stopHead()) };
}
