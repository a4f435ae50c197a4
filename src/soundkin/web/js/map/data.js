// The map as the server sends it, unpacked.

import { loadMap } from "../base/api.js";

function unpack(text, Kind) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Kind(bytes.buffer);
}

/**
 * Load the map, null where there is none yet: `n` points, `ids` (text) and `starts_s` of what each one is, `places` (Float32Array of x, y
 * pairs in [0, 1], y downward), and `columns` to colour by: `{name, title, rgb, codes, legend}`, `rgb` three
 * bytes a point, `codes` its kind, `legend` of `{words, colour, code}`, with a code of null on a scale.
 */
export async function fetchMap() {
  const sent = await loadMap();
  if (!sent) return null;
  const { n } = sent;
  const x = unpack(sent.x, Float32Array);
  const y = unpack(sent.y, Float32Array);
  const places = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    places[2 * i] = (x[i] + 1) / 2;
    places[2 * i + 1] = (1 - y[i]) / 2;
  }
  return {
    n,
    places,
    ids: Array.from(unpack(sent.ids, Uint32Array), (id) => `r${id}`),
    starts_s: sent.by === "segments" && sent.starts_s ? unpack(sent.starts_s, Float32Array) : null,
    columns: sent.columns.map((column) => readColumn(column, n)),
  };
}

function readColumn({ name, title, codes, palette, legend }, n) {
  const code = unpack(codes, Uint8Array);
  const rgb = new Uint8Array(3 * n);
  for (let i = 0; i < n; i++) rgb.set(palette[code[i]], 3 * i);
  const kinds = new Set(code);
  const isKinds = kinds.size <= legend.length; // else it is a scale, of which the legend tells some places
  const words = legend.map(([words, place]) => ({ words, colour: `rgb(${palette[place].join(", ")})`, code: isKinds ? place : null }));
  return { name, title, rgb, codes: code, legend: words };
}
