// What one touches of the map: points below, rings and the lasso above, zoom by d3, nearest points by KDBush.

import { KDBush, polygonContains, select, zoom, zoomIdentity } from "../../vendor/plot.js";
import { h } from "../base/dom.js";
import { pointDrawer } from "./points.js";
import { t } from "../base/text.js";

const NEAR_PX = 14;
const MARGIN_PX = 28;
const FAINT = 16; // of 255, what a colour that is left out keeps
const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** `on` has `hover(i, place)`, `leave()`, `pick(i)` and `enclose(indices)`; i is a point's number. */
export function mapSurface({ n, ids, places }, on) {
  const canvas = h("canvas", { class: "points", "aria-hidden": "true" });
  const above = h("canvas", { class: "above", tabindex: "0", role: "application", "aria-label": t("map_of_sounds_arrows_go_to") });
  const element = h("div", { class: "surface" }, canvas, above);
  const index = new KDBush(n);
  for (let i = 0; i < n; i++) index.add(places[2 * i], places[2 * i + 1]);
  index.finish();
  const numberOf = new Map(ids.map((id, i) => [id, i]));
  let drawer;
  let view = zoomIdentity;
  let under = -1;
  let line = null;
  let lasso = false;
  let drew = false; // whether the press that a click ends was one that drew a line
  let enclosed = [];
  let rings = { query: null, hits: [] };
  let asked = false;
  let touchable = () => true;

  const side = () => Math.min(element.clientWidth, element.clientHeight) - 2 * MARGIN_PX;
  const base = () => zoomIdentity.translate((element.clientWidth - side()) / 2, (element.clientHeight - side()) / 2).scale(side());
  const full = () => ({ k: view.k * side(), x: view.x + view.k * base().x, y: view.y + view.k * base().y });
  const toScreen = (i, at = full()) => [places[2 * i] * at.k + at.x, places[2 * i + 1] * at.k + at.y];
  const size = () => Math.max(2.2, Math.min(14, (n < 500 ? 10 : n < 3000 ? 8 : n < 20_000 ? 5 : 3) * Math.sqrt(view.k)));

  function draw() {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (!drawer || !element.isConnected) return;
      drawer.draw(full(), size());
      drawAbove();
    });
  }

  function drawAbove() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    above.width = element.clientWidth * ratio;
    above.height = element.clientHeight * ratio;
    const pen = above.getContext("2d");
    const style = getComputedStyle(element);
    const at = full();
    pen.scale(ratio, ratio);
    const circle = (middle, radius, fill, stroke) => {
      pen.beginPath();
      pen.arc(...middle, radius, 0, 2 * Math.PI);
      if (fill) (pen.fillStyle = fill), pen.fill();
      if (stroke) (pen.strokeStyle = stroke), pen.stroke();
    };
    const [ink, amber, kin] = ["--ink", "--amber", "--kin"].map((name) => style.getPropertyValue(name));
    pen.lineWidth = 2;
    enclosed.slice(0, 5000).forEach((i) => circle(toScreen(i, at), size() / 2 + 2, null, kin));
    rings.hits.forEach(([i, score]) => {
      pen.globalAlpha = Math.max(0.3, Math.min(1, 1.6 * score));
      circle(toScreen(i, at), size() / 2 + 4, null, amber);
    });
    pen.globalAlpha = 1;
    if (rings.query) {
      const middle = [rings.query[0] * at.k + at.x, rings.query[1] * at.k + at.y];
      circle(middle, 5, amber, ink);
      circle(middle, 12, null, ink);
    }
    if (under >= 0) circle(toScreen(under, at), size() / 2 + 4, null, ink);
    if (line?.length > 1) {
      pen.beginPath();
      line.forEach(([x, y]) => pen.lineTo(x, y));
      pen.closePath();
      pen.strokeStyle = kin;
      pen.setLineDash([5, 4]);
      pen.stroke();
      pen.globalAlpha = 0.12;
      pen.fillStyle = kin;
      pen.fill();
    }
  }

  const place = (event) => {
    const bounds = above.getBoundingClientRect();
    return [event.clientX - bounds.left, event.clientY - bounds.top];
  };

  function nearest([x, y], within) {
    const at = full();
    const [px, py] = [(x - at.x) / at.k, (y - at.y) / at.k];
    let best = -1;
    let least = Infinity;
    for (const i of index.within(px, py, within / at.k)) {
      const away = (places[2 * i] - px) ** 2 + (places[2 * i + 1] - py) ** 2;
      if (away < least && touchable(i)) [best, least] = [i, away];
    }
    return best;
  }

  function point(i) {
    if (i === under) return;
    under = i;
    const [x, y] = i >= 0 ? toScreen(i) : [0, 0];
    if (i >= 0) on.hover(i, { x: x + 14, y: y + 14 });
    else on.leave();
    draw();
  }

  const zooming = zoom()
    .scaleExtent([0.6, 400])
    .filter((event) => !(lasso || event.shiftKey) && !event.button)
    .on("zoom", ({ transform }) => {
      view = transform;
      on.leave();
      draw();
    });

  above.addEventListener("pointermove", (event) => {
    if (line || (event.buttons && event.pointerType === "mouse")) return;
    point(nearest(place(event), NEAR_PX));
  });
  above.addEventListener("pointerleave", () => line || point(-1));
  above.addEventListener("click", (event) => {
    const i = nearest(place(event), NEAR_PX);
    if (i < 0 || drew) return;
    // A finger has no hover: the first touch plays, the second searches.
    if (event.pointerType === "touch" && under !== i) point(i);
    else on.pick(i);
  });
  above.addEventListener("pointerdown", (event) => {
    drew = (lasso || event.shiftKey) && !event.button;
    if (!drew) return;
    event.preventDefault();
    line = [place(event)];
    above.setPointerCapture(event.pointerId);
  });
  above.addEventListener("pointermove", (event) => {
    if (!line) return;
    line.push(place(event));
    draw();
  });
  above.addEventListener("pointercancel", () => {
    line = null;
    draw();
  });
  above.addEventListener("pointerup", () => {
    if (!line) return;
    const at = full();
    const shape = line.map(([x, y]) => [(x - at.x) / at.k, (y - at.y) / at.k]);
    line = null;
    enclosed = shape.length > 2 ? inside(shape) : [];
    on.enclose(enclosed);
    draw();
  });

  function inside(shape) {
    const xs = shape.map(([x]) => x);
    const ys = shape.map(([, y]) => y);
    const box = index.range(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
    return box.filter((i) => touchable(i) && polygonContains(shape, [places[2 * i], places[2 * i + 1]])).sort((a, b) => a - b);
  }

  above.addEventListener("keydown", (event) => {
    const way = DIRECTIONS[event.key];
    if (way) point(towards(way));
    else if (event.key === "Enter" && under >= 0) on.pick(under);
    else if (event.key === "+" || event.key === "=") select(above).call(zooming.scaleBy, 1.5);
    else if (event.key === "-") select(above).call(zooming.scaleBy, 1 / 1.5);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  /** The nearest point in a direction, those off the axis counting as farther. */
  function towards([dx, dy]) {
    const [x, y] = under >= 0 ? [places[2 * under], places[2 * under + 1]] : [0.5, 0.5];
    let best = under < 0 ? 0 : under;
    let least = Infinity;
    for (let i = 0; i < n; i++) {
      const along = (places[2 * i] - x) * dx + (places[2 * i + 1] - y) * dy;
      const across = Math.abs((places[2 * i] - x) * dy) + Math.abs((places[2 * i + 1] - y) * dx);
      if (i !== under && touchable(i) && along > across && along + 2 * across < least) [best, least] = [i, along + 2 * across];
    }
    return best;
  }

  const resize = new ResizeObserver(draw);
  return {
    element,
    start() {
      drawer = pointDrawer(canvas, places);
      select(above).call(zooming).on("dblclick.zoom", null);
      resize.observe(element);
    },
    /** Colour the points; those that `isShown` leaves out are faint, and are neither heard nor chosen. */
    paint(rgb, isShown = () => true) {
      const rgba = new Uint8Array(4 * n);
      const alpha = n < 3000 ? 235 : n < 20_000 ? 200 : 150;
      touchable = isShown;
      for (let i = 0; i < n; i++) rgba.set([rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], isShown(i) ? alpha : FAINT], 4 * i);
      drawer.paint(rgba);
      draw();
    },
    /** Ring the place `[x, y]` of the query, and the points of its hits, the best the brightest. */
    ring(query, hits) {
      const known = hits.filter(({ id }) => numberOf.has(id)).reverse();
      rings = { query, hits: known.map(({ id, score }) => [numberOf.get(id), score]) };
      draw();
    },
    enclose(indices) {
      enclosed = indices;
      draw();
    },
    lassoing(on) {
      lasso = on;
      above.classList.toggle("lasso", on);
    },
    fit: () => select(above).transition().duration(300).call(zooming.transform, zoomIdentity),
    under: () => under,
    draw,
    close: () => (resize.disconnect(), drawer?.close()),
  };
}
