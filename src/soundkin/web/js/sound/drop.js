// Files dropped anywhere or chosen: sent to the server, then searched with, added or subtracted.

import { searchUpload, upload } from "../base/api.js";
import { h } from "../base/dom.js";
import { knownInfo, refreshInfo } from "../base/info.js";
import { later } from "../base/later.js";
import { say, sayTrouble } from "../base/messages.js";
import { addSound, current, searchFrom } from "../base/state.js";
import { indexFolder } from "../library/start.js";
import { keepResult } from "../search/ask.js";
import { keepSound } from "../search/history.js";
import { t } from "../base/text.js";

const askPart = later(() => import("./part.js"), "askPart");

/** Take a file or a take as a sound of the query: `how` is "search", "plus" or "minus". */
export async function take(file, name, how = "search") {
  try {
    if (!(await hasSounds())) return sayEmpty(name);
    if (file.size > knownInfo().limits.upload_bytes) return await takePart(file, name, how);
    await whileBusy(() => (how === "search" ? searchAtOnce(file, name) : addUpload(file, name, how)));
  } catch (error) {
    if (error.kind === "urn:soundkin:too-long") return takePart(file, name, how).catch(sayTrouble);
    sayTrouble(error);
  }
  return undefined;
}

async function whileBusy(work) {
  document.body.classList.add("busy");
  try {
    return await work();
  } finally {
    document.body.classList.remove("busy");
  }
}

/** Whether there is anything to compare with, as the library is now. */
const hasSounds = async () => Boolean((knownInfo()?.n_recordings ? knownInfo() : await refreshInfo()).n_recordings);

function sayEmpty(name) {
  say(t("the_library_is_still_empty_there", { a: name }), { act: { words: t("index_a_folder"), run: () => indexFolder() } });
}

async function addUpload(file, name, how, part) {
  const sound = await upload(file, name, part);
  if (!part) keepSound(sound.id, file, name);
  addSound({ ...heard(sound), weight: how === "minus" ? -0.5 : 1 });
}

/** Take a part of what is too long or too large, or have it indexed. */
async function takePart(file, name, how) {
  const part = await askPart(file, name, knownInfo().limits);
  if (part === "index") return indexFolder({ browse: true, name });
  if (part) await whileBusy(async () => (how === "search" ? searchFrom(heard(await upload(file, name, part))) : addUpload(file, name, how, part)));
  return undefined;
}

/** A folder has no path in a browser: show those of the machine, or say where it can be indexed. */
function takeFolder(name) {
  if (knownInfo()?.is_local) indexFolder({ browse: true, name });
  else say(t("is_a_folder_index_it_on", { a: name }), { trouble: true });
}

/** A sound as part of a query: its loudest stroke, where it has silence or noise around. */
const heard = ({ id, strokes, loudest }) => ({ id, ...(strokes.length ? strokes[loudest] : {}) });

async function searchAtOnce(file, name) {
  const { filters, weights, top_k, per_recording, fold } = current();
  const filtered = Object.entries(filters).some(([, value]) => (typeof value === "object" ? Object.keys(value).length : value));
  if (filtered || Object.keys(weights).length || per_recording !== 1 || fold) {
    const sound = await upload(file, name);
    keepSound(sound.id, file, name);
    return searchFrom(heard(sound));
  }
  const result = await searchUpload(file, name, { top_k });
  keepResult([{ id: result.sound.id }], result);
  keepSound(result.sound.id, file, name);
  return searchFrom(heard(result.sound));
}

/** Open the system's file dialog. */
export function chooseFile(how = "search") {
  const input = h("input", { type: "file", accept: "audio/*,video/*,.wav,.aif,.aiff,.flac,.ogg,.opus,.mp3,.m4a,.wma" });
  input.addEventListener("change", () => input.files[0] && take(input.files[0], input.files[0].name, how));
  input.click();
}

export function watchDrops() {
  const zones = [
    ["search", t("find_what_sounds_like_this"), ""],
    ["plus", t("add_it"), "plus"],
    ["minus", t("subtract_it"), "minus"],
  ].map(([how, words, kind]) => h("div", { class: `zone ${kind}`, dataset: { how } }, h("span", {}, words)));
  const overlay = h("div", { class: "drop-zones", hidden: true }, zones);
  document.body.append(overlay);
  let depth = 0;
  const hide = () => {
    depth = 0;
    overlay.hidden = true;
    zones.forEach((zone) => zone.classList.remove("over"));
  };
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    depth += 1;
    overlay.toggleAttribute("data-first", !(current().view === "search" && current().sounds.length));
    overlay.hidden = false;
  });
  addEventListener("dragleave", (event) => hasFiles(event) && --depth <= 0 && hide());
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    zones.forEach((zone) => zone.classList.toggle("over", zone === event.target));
  });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    const how = event.target.dataset?.how ?? "search";
    hide();
    const folder = [...event.dataTransfer.items].map((one) => one.webkitGetAsEntry?.()).find((entry) => entry?.isDirectory);
    if (folder) return takeFolder(folder.name);
    const files = [...event.dataTransfer.files];
    if (files.length > 1) say(t("files_were_dropped_is_searched_with", { a: files.length, b: files[0].name }));
    if (files[0]) take(files[0], files[0].name, how);
    return undefined;
  });
}
