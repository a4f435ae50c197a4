// One sound of the query: waveform over spectrogram, and the region that is searched with.

import { loadPeaks, spectrogramUrl } from "../base/api.js";
import { h, iconButton } from "../base/dom.js";
import { clock, length } from "../base/format.js";
import * as player from "./player.js";
import { drawPeaks } from "./waveform.js";
import { t } from "../base/text.js";

const SHORTEST_S = 0.05;
const N_PEAKS = 900;
const STEP_S = 0.01;

/**
 * Make a strip. `sound` is what the server says of it, `region` `{start_s, end_s}` with end_s null for
 * "to the end"; `choose(region)` is called when another region was chosen.
 */
export function strip(sound, region, choose) {
  const total = sound.duration_s;
  let window_s = firstWindow(region, total);
  let start_s = region.start_s;
  let end_s = region.end_s ?? total;
  const canvas = h("canvas", { role: "img", "aria-label": t("waveform_of", { a: sound.name }) });
  const picture = h("img", { alt: t("spectrogram_of", { a: sound.name }), draggable: "false", onload: () => picture.classList.add("there") });
  const before = h("div", { class: "outside" });
  const after = h("div", { class: "outside" });
  const edges = ["start", "end"].map((side) => h("div", { class: "edge", role: "slider", tabindex: "0", "aria-label": side === "start" ? t("regions_start") : t("regions_end"), "aria-valuemin": "0", "aria-valuemax": String(total), dataset: { side } }));
  const head = h("div", { class: "head" });
  const strokes = (sound.strokes ?? []).length > 1 ? sound.strokes.map(strokeButton) : [];
  const box = h("div", { class: "strip" }, canvas, picture, before, after, strokes, edges, head);
  const words = h("span", { class: "region-words" });
  const tools = h("span", { class: "row" });
  let peaks = null;

  const at = (time_s) => (time_s - window_s[0]) / (window_s[1] - window_s[0]);
  const whole = () => start_s <= 0.001 && end_s >= total - 0.001;

  function place() {
    const from = Math.max(0, at(start_s));
    const to = Math.min(1, at(end_s));
    before.style.left = "0";
    before.style.width = `${100 * Math.max(0, Math.min(1, from))}%`;
    after.style.left = `${100 * Math.max(0, Math.min(1, to))}%`;
    after.style.right = "0";
    edges.forEach((edge, i) => {
      const value = i ? end_s : start_s;
      edge.style.left = `${100 * at(value)}%`;
      edge.hidden = at(value) < -0.001 || at(value) > 1.001;
      edge.setAttribute("aria-valuenow", value.toFixed(3));
      edge.setAttribute("aria-valuetext", `${value.toFixed(2)} seconds`);
    });
    strokes.forEach((button, i) => {
      const stroke = sound.strokes[i];
      button.style.left = `${100 * at(stroke.start_s)}%`;
      button.style.width = `${100 * (at(stroke.end_s) - at(stroke.start_s))}%`;
      button.hidden = at(stroke.end_s) < 0 || at(stroke.start_s) > 1;
      button.setAttribute("aria-pressed", String(Math.abs(stroke.start_s - start_s) < 0.002 && Math.abs(stroke.end_s - end_s) < 0.002));
    });
    words.textContent = whole() ? t("all_of_it_drag_to_search", { a: length(total) }) : t("region_words", { a: clock(start_s), b: clock(end_s), c: length(end_s - start_s), d: length(total) });
    if (peaks) drawPeaks(canvas, peaks, { from, to });
  }

  function strokeButton(stroke, i) {
    return h("button", { type: "button", class: "stroke", "aria-label": t("stroke_at", { a: i + 1, b: clock(stroke.start_s) }), title: t("search_with_this_stroke"), onpointerdown: (event) => event.stopPropagation(), onclick: () => choose({ ...stroke }) });
  }

  async function look() {
    const [low, high] = window_s;
    const all = low === 0 && high === total;
    picture.src = spectrogramUrl(sound.id, all ? undefined : low, all ? undefined : high, 900, 128);
    place();
    peaks = await loadPeaks(sound.id, N_PEAKS, all ? undefined : low, all ? undefined : high).catch(() => null);
    place();
  }

  const chosen = () => choose(whole() ? { start_s: 0, end_s: null } : { start_s: round(start_s), end_s: end_s >= total - 0.001 ? null : round(end_s) });
  const timeAt = (event) => {
    const bounds = box.getBoundingClientRect();
    const share = Math.max(0, Math.min(1, (event.clientX - bounds.left) / bounds.width));
    return window_s[0] + share * (window_s[1] - window_s[0]);
  };

  box.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    const side = event.target.dataset?.side;
    const anchor = side === "start" ? end_s : side === "end" ? start_s : timeAt(event);
    const earlier = [start_s, end_s];
    const began_px = event.clientX;
    let dragged = false;
    box.setPointerCapture(event.pointerId);
    const move = (moved) => {
      if (Math.abs(moved.clientX - began_px) > 4) dragged = true;
      if (!dragged) return;
      const time_s = timeAt(moved);
      [start_s, end_s] = [Math.min(anchor, time_s), Math.max(anchor, time_s)];
      place();
    };
    const up = (last) => {
      box.removeEventListener("pointermove", move);
      box.removeEventListener("pointerup", up);
      box.removeEventListener("pointercancel", up);
      if (dragged && last.type === "pointerup" && end_s - start_s >= SHORTEST_S) return chosen();
      [start_s, end_s] = earlier;
      place();
      if (!dragged && !side) playFrom(timeAt(last));
      return undefined;
    };
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerup", up);
    box.addEventListener("pointercancel", up);
  });

  let settling = 0;
  box.addEventListener("keydown", (event) => {
    const side = event.target.dataset?.side;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
    if (!side || !step) return;
    event.preventDefault();
    event.stopPropagation();
    const by = step * (event.shiftKey ? 20 : 1) * Math.max(STEP_S, (window_s[1] - window_s[0]) / 200);
    if (side === "start") start_s = Math.max(0, Math.min(end_s - SHORTEST_S, start_s + by));
    else end_s = Math.min(total, Math.max(start_s + SHORTEST_S, end_s + by));
    place();
    clearTimeout(settling);
    settling = setTimeout(chosen, 350);
  });

  const played = () => ({ id: sound.id, start_s: whole() ? 0 : round(start_s), end_s: whole() ? null : round(end_s), length_s: end_s - start_s });
  const playFrom = (time_s) => player.play(played(), { from_s: time_s > start_s && time_s < end_s ? time_s - start_s : 0 });

  function zoom(factor, shift = 0) {
    const width = Math.min(total, Math.max(0.2, (window_s[1] - window_s[0]) * factor));
    const middle = factor < 1 ? (start_s + end_s) / 2 : (window_s[0] + window_s[1]) / 2;
    const low = Math.max(0, Math.min(total - width, middle - width / 2 + shift * (window_s[1] - window_s[0])));
    window_s = width >= total ? [0, total] : [low, low + width];
    look();
  }
  tools.append(
    !whole() && h("button", { type: "button", class: "all", onclick: () => choose({ start_s: 0, end_s: null }) }, t("whole_sound")),
    ...(total > 1 ? [iconButton("left", t("earlier"), () => zoom(1, -0.5)), iconButton("out", t("zoom_out"), () => zoom(2)), iconButton("in", t("zoom_in"), () => zoom(0.5)), iconButton("right", t("later"), () => zoom(1, 0.5))] : []),
  );
  if (tools.firstChild?.nodeType === Node.TEXT_NODE) tools.firstChild.remove();

  const stopTime = watchHead(head, () => [played(), at(start_s), at(end_s) - at(start_s)]);
  const resize = new ResizeObserver(place);
  resize.observe(box);
  addEventListener("themechange", place);
  look();
  const element = h("div", {}, box, h("div", { class: "strip-foot" }, words, tools));
  return { element, toggle: (options) => player.toggle(played(), options), played, close: () => (stopTime(), resize.disconnect(), removeEventListener("themechange", place)) };
}

const round = (value) => Math.round(value * 1000) / 1000;

function firstWindow({ start_s, end_s }, total) {
  const wide = Math.max(10, 6 * ((end_s ?? total) - start_s));
  if (total <= wide * 1.5 || end_s === null) return [0, total];
  const low = Math.max(0, Math.min(total - wide, (start_s + end_s) / 2 - wide / 2));
  return [low, low + wide];
}

/** Move a line over a waveform while its sound plays; `where()` gives the sound, its left and its width. */
export function watchHead(head, where) {
  const time = ({ key, at_s, length_s }) => {
    const [sound, left, width] = where();
    if (key !== player.keyOf(sound)) return hide();
    head.style.opacity = "1";
    head.style.left = `${100 * (left + width * Math.min(1, at_s / length_s))}%`;
  };
  const hide = () => (head.style.opacity = "0");
  const stops = [player.on("time", time), player.on("stop", hide)];
  return () => stops.forEach((stop) => stop());
}
