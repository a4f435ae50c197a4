// The map as the server sends it, unpacked.

import { loadMap } from "./api.js";

function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

/**
 * Load the map: `n`, `ids` (text), `places` (Float32Array of x, y pairs, [0, 1]), and `columns`, by name
 * `{codes, names}` or `{values, unit, logarithmic}` for colouring.
 */
export async function fetchMap() {
  const sent = await loadMap();
  const { n } = sent;
  const x = new Float32Array(bytesOf(sent.x));
  const y = new Float32Array(bytesOf(sent.y));
  const places = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) {
    places[2 * i] = (x[i] + 1) / 2;
    places[2 * i + 1] = (1 - y[i]) / 2;
  }
  const ids = Array.from(new Int32Array(bytesOf(sent.ids)), (id) => `r${id}`);
  const columns = {};
  for (const [name, column] of Object.entries(sent.columns)) {
    columns[name] = column.names
      ? { codes: new Int32Array(bytesOf(column.codes)), names: column.names }
      : { values: new Float32Array(bytesOf(column.values)), unit: column.unit, logarithmic: ["duration", "pitch", "brightness"].includes(name) };
  }
  return { n, ids, places, columns, stamp: sent.stamp };
}
