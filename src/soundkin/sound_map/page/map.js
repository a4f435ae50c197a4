"use strict";
// Points are written straight into the pixels of one canvas: 100,000 of them take a few milliseconds.

const data = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("map");
const context = canvas.getContext("2d");
const decode = (text, Kind) => new Kind(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const xs = decode(data.x, Float32Array);
const ys = decode(data.y, Float32Array);
const owners = decode(data.owners, Uint32Array);
const starts = decode(data.starts_s, Float32Array);
const columns = data.columns.map((column) => ({ ...column, codes: decode(column.codes, Uint8Array) }));
const n = xs.length;
const names = data.paths.map((path) => {
  try { return decodeURIComponent(path); } catch { return path; }  // a name that is no UTF-8
});

const state = { column: columns.find((c) => c.name === data.colour), scale: 1, x: 0, y: 0, pointed: -1, found: null };
const audio = new Audio();
let stopAt = Infinity;

// ---- Finding the point under the pointer: points filed in squares

const SQUARES = 256;
const squareOf = (v) => Math.min(SQUARES - 1, Math.max(0, Math.floor(((v + 1) / 2) * SQUARES)));
const firsts = new Uint32Array(SQUARES * SQUARES + 1);
const filed = new Uint32Array(n);
{
  const squares = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    squares[i] = squareOf(ys[i]) * SQUARES + squareOf(xs[i]);
    firsts[squares[i] + 1]++;
  }
  for (let s = 0; s < SQUARES * SQUARES; s++) firsts[s + 1] += firsts[s];
  const next = firsts.slice();
  for (let i = 0; i < n; i++) filed[next[squares[i]]++] = i;
}

function findNearest(x, y, reach) {
  let best = -1;
  let least = reach * reach;
  for (let row = squareOf(y - reach); row <= squareOf(y + reach); row++) {
    for (let column = squareOf(x - reach); column <= squareOf(x + reach); column++) {
      const square = row * SQUARES + column;
      for (let place = firsts[square]; place < firsts[square + 1]; place++) {
        const i = filed[place];
        const d = (xs[i] - x) ** 2 + (ys[i] - y) ** 2;
        if (d < least) { least = d; best = i; }
      }
    }
  }
  return best;
}

// ---- Drawing

let pixels, image, drawn = 0;
const ratio = () => Math.min(2, window.devicePixelRatio || 1);
const unit = () => (Math.min(canvas.width, canvas.height) / 2) * 0.96 * state.scale;
const toWord = ([r, g, b]) => (0xff000000 | (b << 16) | (g << 8) | r) >>> 0;

function resize() {
  canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio()));
  canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio()));
  image = context.createImageData(canvas.width, canvas.height);
  pixels = new Uint32Array(image.data.buffer);
  plan();
}

function makeDisc(radius) {
  const reach = Math.ceil(radius);
  const steps = [];
  for (let dy = -reach; dy <= reach; dy++) {
    for (let dx = -reach; dx <= reach; dx++) if (dx * dx + dy * dy <= radius * radius) steps.push([dx, dy]);
  }
  return { reach, steps };
}

function stamp(disc, i, word) {
  const { width, height } = canvas;
  const x = Math.round(width / 2 + (xs[i] - state.x) * unit());
  const y = Math.round(height / 2 - (ys[i] - state.y) * unit());
  const { reach } = disc;
  if (x < reach || y < reach || x >= width - reach || y >= height - reach) return;
  for (const [dx, dy] of disc.steps) pixels[(y + dy) * width + x + dx] = word;
}

function draw() {
  drawn = 0;
  pixels.fill(0);
  const { codes, palette } = state.column;
  const words = palette.map(toWord);
  const crowd = 130 * Math.sqrt(state.scale / n);
  const disc = makeDisc(Math.min(7, Math.max(1, crowd)) * ratio());
  for (let i = 0; i < n; i++) if (!state.found) stamp(disc, i, words[codes[i]]);
  if (state.found) {
    for (let i = 0; i < n; i++) if (!state.found[owners[i]]) stamp(disc, i, 0x40808080);
    for (let i = 0; i < n; i++) if (state.found[owners[i]]) stamp(disc, i, words[codes[i]]);
  }
  context.putImageData(image, 0, 0);
  if (state.pointed >= 0) ring(state.pointed, disc.reach + 3 * ratio());
}

function ring(i, radius) {
  context.beginPath();
  context.arc(canvas.width / 2 + (xs[i] - state.x) * unit(), canvas.height / 2 - (ys[i] - state.y) * unit(), radius, 0, 2 * Math.PI);
  context.strokeStyle = getComputedStyle(document.body).color;
  context.lineWidth = 2 * ratio();
  context.stroke();
}

function plan() {
  if (!drawn) drawn = requestAnimationFrame(draw);
}

function showLegend() {
  const list = document.getElementById("legend");
  list.replaceChildren(...state.column.legend.map(([words, code]) => {
    const item = document.createElement("li");
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [key, value] of [["cx", 6], ["cy", 6], ["r", 6], ["fill", `rgb(${state.column.palette[code]})`]]) dot.setAttribute(key, value);
    picture.append(dot);
    item.append(picture, words);
    return item;
  }));
}

// ---- Hearing

function play(i) {
  const path = data.paths[owners[i]];
  const places = [data.beside, data.base].filter((prefix) => prefix !== null).map((prefix) => prefix + path);
  const trouble = document.getElementById("trouble");
  const attempt = (number) => {
    stopAt = data.segment_s === null ? Infinity : starts[i] + data.segment_s / data.slow[owners[i]];
    audio.src = places[number] + (starts[i] ? `#t=${starts[i]}` : "");
    audio.play().then(() => { trouble.textContent = ""; }, (error) => {
      if (error.name === "AbortError" || state.pointed !== i) return;
      if (error.name === "NotAllowedError") trouble.textContent = "Click once on the map, then it may play.";
      else if (number + 1 < places.length) attempt(number + 1);
      else trouble.textContent = `It cannot be played from here: ${names[owners[i]]}`;
    });
  };
  attempt(0);
}
audio.addEventListener("timeupdate", () => { if (audio.currentTime >= stopAt) audio.pause(); });

function point(i, isWanted) {
  if (i !== state.pointed) {
    state.pointed = i;
    const start = i >= 0 && starts[i] ? `, from ${starts[i].toFixed(2)} s` : "";
    document.getElementById("name").textContent = i < 0 ? "" : names[owners[i]] + start;
    if (i < 0) audio.pause();
    else if (document.getElementById("sound").checked) isWanted = true;
    plan();
  } else if (!isWanted) return;
  if (i >= 0 && isWanted) play(i);
}

// ---- Moving

function toMap(event) {
  const box = canvas.getBoundingClientRect();
  const x = (event.clientX - box.left) * (canvas.width / box.width);
  const y = (event.clientY - box.top) * (canvas.height / box.height);
  return [state.x + (x - canvas.width / 2) / unit(), state.y - (y - canvas.height / 2) / unit()];
}

function zoom(factor, x, y) {
  const scale = Math.min(2000, Math.max(0.5, state.scale * factor));
  const kept = state.scale / scale;
  state.x = x + (state.x - x) * kept;
  state.y = y + (state.y - y) * kept;
  state.scale = scale;
  plan();
}

const fingers = new Map();
let isMoved = false;
canvas.addEventListener("pointerdown", (event) => {
  fingers.set(event.pointerId, event);
  isMoved = false;
  canvas.setPointerCapture(event.pointerId);
  canvas.classList.add("dragged");
});
canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return point(findNearest(...toMap(event), (10 * ratio()) / unit()), false);
  const step = Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY);
  if (!isMoved && step < 4) return;
  isMoved = true;
  const others = [...fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
  if (others.length) {
    const apart = (finger) => Math.hypot(finger.clientX - others[0].clientX, finger.clientY - others[0].clientY);
    zoom(apart(event) / Math.max(1, apart(before)), ...toMap(others[0]));
  } else {
    const [x0, y0] = toMap(before);
    const [x1, y1] = toMap(event);
    state.x += x0 - x1;
    state.y += y0 - y1;
    plan();
  }
  fingers.set(event.pointerId, event);
});
for (const kind of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(kind, (event) => {
    fingers.delete(event.pointerId);
    canvas.classList.toggle("dragged", fingers.size > 0);
    if (!isMoved && kind === "pointerup") point(findNearest(...toMap(event), (14 * ratio()) / unit()), true);
  });
}
canvas.addEventListener("pointerleave", () => point(-1, false));
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.002)), ...toMap(event));
}, { passive: false });

// From the point that is marked, the nearest one in the arrow's direction.
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
function walk([ax, ay]) {
  const from = state.pointed;
  if (from < 0) return point(findNearest(state.x, state.y, 3), true);
  let best = -1, least = Infinity;
  for (let i = 0; i < n; i++) {
    const along = (xs[i] - xs[from]) * ax + (ys[i] - ys[from]) * ay;
    const across = Math.abs((xs[i] - xs[from]) * ay) + Math.abs((ys[i] - ys[from]) * ax);
    if (along > 0 && across <= along && along + 2 * across < least) { least = along + 2 * across; best = i; }
  }
  if (best < 0) return;
  if (Math.abs(xs[best] - state.x) * unit() > canvas.width / 2 || Math.abs(ys[best] - state.y) * unit() > canvas.height / 2) {
    state.x = xs[best];
    state.y = ys[best];
  }
  point(best, true);
}
canvas.addEventListener("keydown", (event) => {
  if (ARROWS[event.key]) walk(ARROWS[event.key]);
  else if (event.key === "+" || event.key === "=") zoom(1.4, state.x, state.y);
  else if (event.key === "-") zoom(1 / 1.4, state.x, state.y);
  else if (event.key === "0") { Object.assign(state, { scale: 1, x: 0, y: 0 }); plan(); }
  else if (event.key === " " && state.pointed >= 0) { if (audio.paused) play(state.pointed); else audio.pause(); }
  else return;
  event.preventDefault();
});

// ---- The side

const select = document.getElementById("colour");
select.replaceChildren(...columns.map((column) => new Option(column.title, column.name, false, column === state.column)));
select.addEventListener("change", () => {
  state.column = columns.find((column) => column.name === select.value);
  showLegend();
  plan();
});
document.getElementById("find").addEventListener("input", (event) => {
  const wanted = event.target.value.toLowerCase();
  state.found = wanted ? names.map((name) => name.toLowerCase().includes(wanted)) : null;
  plan();
});
document.getElementById("counts").textContent = data.counts;
showLegend();
new ResizeObserver(resize).observe(canvas);
