// Colours of the map's points, by folder, tag or number, with a legend.

import { interpolateViridis, schemeTableau10 } from "../vendor/plot.js";

const NOTHING = [128, 132, 130];
const MOST_NAMED = 10;
const STEPS = 64;

const parse = (text) => {
  if (text.startsWith("#")) return [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  return text.match(/\d+/g).map(Number);
};

const NAMED = schemeTableau10.map(parse);
const RAMP = Array.from({ length: STEPS }, (_, i) => parse(interpolateViridis(0.08 + (0.9 * i) / (STEPS - 1))));

/**
 * Colours for a column: `{rgb: Uint8Array of 3 n, legend}`. A named column is `{codes, names}` (code -1 for
 * none), a numeric one `{values, unit}` (NaN for none).
 */
export function colourColumn(column, n) {
  const rgb = new Uint8Array(3 * n);
  if (column?.codes) return nameColours(column, rgb, n);
  if (column?.values) return rampColours(column, rgb, n);
  for (let i = 0; i < n; i++) rgb.set(NAMED[0], 3 * i);
  return { rgb, legend: [] };
}

function nameColours({ codes, names }, rgb, n) {
  const counts = new Map();
  for (let i = 0; i < n; i++) counts.set(codes[i], (counts.get(codes[i]) ?? 0) + 1);
  counts.delete(-1);
  const ranked = [...counts].sort((a, b) => b[1] - a[1]).slice(0, MOST_NAMED);
  const colour = new Map(ranked.map(([code], i) => [code, NAMED[i]]));
  for (let i = 0; i < n; i++) rgb.set(colour.get(codes[i]) ?? NOTHING, 3 * i);
  const legend = ranked.map(([code], i) => ({ words: names[code], colour: css(NAMED[i]) }));
  if (counts.size > MOST_NAMED) legend.push({ words: "others", colour: css(NOTHING) });
  return { rgb, legend };
}

function rampColours({ values, unit = "", logarithmic = false }, rgb, n) {
  const known = Float64Array.from(values).filter((value) => Number.isFinite(value) && (!logarithmic || value > 0)).sort();
  if (!known.length) {
    for (let i = 0; i < n; i++) rgb.set(NOTHING, 3 * i);
    return { rgb, legend: [{ words: "not known", colour: css(NOTHING) }] };
  }
  const scale = logarithmic ? Math.log : (value) => value;
  const low = known[Math.floor(0.02 * (known.length - 1))];
  const high = known[Math.ceil(0.98 * (known.length - 1))];
  const width = scale(high) - scale(low) || 1;
  for (let i = 0; i < n; i++) {
    const share = (scale(values[i]) - scale(low)) / width;
    rgb.set(Number.isFinite(share) ? RAMP[Math.round(Math.max(0, Math.min(1, share)) * (STEPS - 1))] : NOTHING, 3 * i);
  }
  const shown = (value) => `${Math.abs(value) >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`.trim();
  return { rgb, legend: [{ words: shown(low), colour: css(RAMP[0]) }, { words: shown(high), colour: css(RAMP.at(-1)) }], ramp: true };
}

const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;
