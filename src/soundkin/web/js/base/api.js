// The server's HTTP API, as functions. Trouble comes as one Error whose message can be shown.

import { tellLost } from "./connection.js";
import { t } from "./text.js";

const ROOT = "api/v1";

export class Trouble extends Error {
  constructor(message, status, kind = "") {
    super(message);
    this.status = status;
    this.kind = kind;
  }
}

const ask = (path, options) => fetchAnswer(`${ROOT}/${path}`, options);

async function fetchAnswer(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    tellLost();
    throw new Trouble(t("the_server_does_not_answer_is"), 0);
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  throw new Trouble(problem.detail ?? problem.title ?? t("the_server_answered", { a: answer.status }), answer.status, problem.type);
}

async function get(path, options) {
  const answer = await ask(path, options);
  return answer.status === 204 ? null : answer.json();
}

async function send(method, path, body, options = {}) {
  const answer = await ask(path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
    ...options,
  });
  return answer.status === 204 ? null : answer.json();
}

function query(values) {
  const each = Object.entries(values).flatMap(([name, value]) => (Array.isArray(value) ? value.map((one) => [name, one]) : [[name, value]]));
  const parts = each.filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false);
  return new URLSearchParams(parts.map(([name, value]) => [name, String(value)])).toString();
}

/** The bytes of a sound at an address of the server. */
export const fetchBytes = (address) => fetchAnswer(address).then((answer) => answer.arrayBuffer());

const kept = new Map();

/** Remember what never changes for a sound, for as long as the page is open. */
function once(path) {
  if (!kept.has(path)) {
    if (kept.size > 2000) kept.delete(kept.keys().next().value);
    const answer = get(path);
    kept.set(path, answer);
    answer.catch(() => kept.delete(path));
  }
  return kept.get(path);
}

export const loadInfo = () => get("info");
export const loadSound = (id) => get(`sounds/${id}`);
export const loadFolders = () => get("folders");
export const loadMachine = (folder) => get(`machine?${query({ folder })}`);
export const loadRecordings = (values) => get(`recordings?${query(values)}`);
export const loadSuggestions = (limit) => get(`suggestions?limit=${limit}`);
export const loadMap = () => get("map");
export const placeOnMap = (body) => send("POST", "map/place", body);
export const loadJobs = () => get("jobs");
export const loadConcepts = () => get("concepts");
export const loadDeformations = ({ id, start_s, end_s }, mix) => get(`sounds/${id}/deformations?${query({ mix, start_s, end_s })}`);

export const loadPeaks = (id, n, start_s, end_s) => once(`sounds/${id}/peaks?${query({ n, start_s, end_s })}`);

export const upload = (file, name, part = {}) =>
  ask(`sounds?${query({ name, ...part })}`, { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file }).then((answer) => answer.json());

export const searchUpload = (file, name, values) =>
  ask(`search/upload?${query({ name, ...values })}`, {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  }).then((answer) => answer.json());

export const search = (body, signal) => send("POST", "search", body, { signal });
export const findEvents = (body, signal) => send("POST", "find", body, { signal });
export const explain = (body) => send("POST", "explain", body);
export const changeTags = (ids, add, remove) => send("POST", "tags", { ids, add, remove });
export const changeFavourite = (ids, favourite) => send("POST", "favourites", { ids, favourite });
export const saveConcept = (concept) => send("POST", "concepts", concept);
export const loadVaried = (count, seed) => get(`recordings/varied?${query({ count, seed })}`);
export const loadCrates = () => get("crates");
export const loadCrate = (name) => get(`crates/${encodeURIComponent(name)}`);
export const fillCrate = (name, items) => send("POST", "crates", { name, items });
export const renameCrate = (name, to) => send("PUT", `crates/${encodeURIComponent(name)}`, { name: to });
export const emptyCrate = (name, { id, start_s } = {}) => send("DELETE", `crates/${encodeURIComponent(name)}?${query({ id, start_s })}`);
export const copyFiles = (items, folder) => send("POST", "files/copy", { items, folder });
export const zipFiles = (items) => fetchFile("files/zip", { items });
export const removeConcept = (name) => send("DELETE", `concepts/${encodeURIComponent(name)}`);
export const rejectSuggestion = (id, tag) => send("POST", "suggestions/rejected", { id, tag });
export const stopJob = (id) => send("DELETE", `jobs/${id}`);
export const startJob = (kind, folders) => send("POST", "jobs", { kind, folders });
export const reveal = (id) => send("POST", "reveal", { id });

export const drawKit = (body) => send("POST", "kits/draw", body);
export const exportHits = (hits, format) => fetchFile("export", { hits, format });
export const exportKit = (kit) => fetchFile("kits/export", kit);

async function fetchFile(path, body) {
  const answer = await ask(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  return answer.blob();
}

export const audioUrl = (id, start_s, end_s, { download, semitones, stretch } = {}) =>
  `${ROOT}/sounds/${id}/audio?${query({ start_s, end_s, download: download ? 1 : undefined, semitones: semitones || undefined, stretch: stretch === 1 ? undefined : stretch })}`;

export const spectrogramUrl = (id, start_s, end_s, width, height) =>
  `${ROOT}/sounds/${id}/spectrogram.png?${query({ start_s, end_s, width, height })}`;

/** Follow a job by server-sent events; returns a function that stops listening. */
export function followJob(id, on) {
  const source = new EventSource(`${ROOT}/jobs/${id}/events`);
  for (const kind of ["progress", "done", "failed"]) {
    source.addEventListener(kind, (event) => {
      if (kind !== "progress") source.close();
      on(kind, JSON.parse(event.data));
    });
  }
  return () => source.close();
}
