// Waveforms on canvases, from the server's peaks.

import { loadPeaks } from "../base/api.js";

let colours = null;

/** Read the theme's colours anew, and have everything drawn again. */
export function forgetColours() {
  colours = null;
  drawn.forEach((draw) => draw());
}

const drawn = new Set();

function theme() {
  if (!colours) {
    const style = getComputedStyle(document.documentElement);
    colours = { wave: style.getPropertyValue("--wave"), inside: style.getPropertyValue("--wave-in"), muted: style.getPropertyValue("--muted") };
  }
  return colours;
}

/**
 * Draw peaks as thin bars; those between `from` and `to` (shares of the width) in the colour of a match.
 * `peaks` has `min` and `max`, each in [-1, 1].
 */
export function drawPeaks(canvas, peaks, { from = 0, to = 0, bar = 2, gap = 1, gain = null } = {}) {
  const scale = Math.min(2, devicePixelRatio || 1);
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width || !height) return;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const n = peaks.max.length;
  const n_bars = Math.max(1, Math.floor(width / (bar + gap)));
  const loudness = gain ?? 0.92 / Math.max(0.05, ...peaks.max, ...peaks.min.map((value) => -value));
  const middle = height / 2;
  for (let place = 0; place < n_bars; place++) {
    const first = Math.floor((place * n) / n_bars);
    const last = Math.max(first + 1, Math.floor(((place + 1) * n) / n_bars));
    let high = 0;
    let low = 0;
    for (let i = first; i < last; i++) {
      high = Math.max(high, peaks.max[i]);
      low = Math.min(low, peaks.min[i]);
    }
    const share = (place + 0.5) / n_bars;
    pen.fillStyle = share >= from && share <= to ? theme().inside : theme().wave;
    const top = Math.min(1, high * loudness) * middle;
    const bottom = Math.min(1, -low * loudness) * middle;
    pen.fillRect(place * (bar + gap), middle - Math.max(0.6, top), bar, Math.max(1.2, top + bottom));
  }
}

const seen = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    seen.unobserve(entry.target);
    entry.target.whenSeen();
  }
}, { rootMargin: "300px" });

const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => target.draw?.()));

/** A canvas that loads its peaks when it comes near the screen, and draws them at any width and theme. */
export function waveform({ id, n, start_s, end_s, from, to, bar, gap, label }) {
  const canvas = document.createElement("canvas");
  if (label) {
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
  }
  canvas.whenSeen = async () => {
    const peaks = await loadPeaks(id, n, start_s, end_s).catch(() => null);
    if (!peaks) return;
    canvas.draw = () => (canvas.isConnected ? drawPeaks(canvas, peaks, { from, to, bar, gap }) : forget());
    const forget = () => (drawn.delete(canvas.draw), resized.unobserve(canvas));
    drawn.add(canvas.draw);
    resized.observe(canvas);
    canvas.draw();
  };
  seen.observe(canvas);
  return canvas;
}
