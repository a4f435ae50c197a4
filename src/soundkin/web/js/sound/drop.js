// Files dropped anywhere or chosen: sent to the server, then searched with, added or subtracted.

import { searchUpload, upload } from "../base/api.js";
import { h } from "../base/dom.js";
import { say, sayTrouble } from "../base/messages.js";
import { addSound, current, searchFrom } from "../base/state.js";
import { keepResult } from "../search/ask.js";

const LARGEST_MB = 64;

/** Take a file or a take as a sound of the query: `how` is "search", "plus" or "minus". */
export async function take(file, name, how = "search") {
  if (file.size > LARGEST_MB * 2 ** 20) {
    return say(`${name} is larger than ${LARGEST_MB} MB. Cut out the part that matters, or index it and start from the library.`, { trouble: true });
  }
  document.body.classList.add("busy");
  try {
    if (how === "search") await searchAtOnce(file, name);
    else {
      const sound = await upload(file, name);
      addSound({ ...heard(sound), weight: how === "minus" ? -0.5 : 1 });
    }
  } catch (error) {
    sayTrouble(error);
  } finally {
    document.body.classList.remove("busy");
  }
}

/** A sound as part of a query: its loudest stroke, where it has silence or noise around. */
const heard = ({ id, strokes, loudest }) => ({ id, ...(strokes.length ? strokes[loudest] : {}) });

async function searchAtOnce(file, name) {
  const { filters, weights, top_k, per_recording, fold } = current();
  const filtered = Object.entries(filters).some(([, value]) => (typeof value === "object" ? Object.keys(value).length : value));
  if (filtered || Object.keys(weights).length || per_recording !== 1 || fold) {
    const sound = await upload(file, name);
    return searchFrom(heard(sound));
  }
  const result = await searchUpload(file, name, { top_k });
  keepResult([{ id: result.sound.id }], result);
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
    ["search", "Find what sounds like this", ""],
    ["plus", "+ add it", "plus"],
    ["minus", "− subtract it", "minus"],
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
    const files = [...event.dataTransfer.files];
    if (files.length > 1) say(`${files.length} files were dropped; ${files[0].name} is searched with. To index them all, use the library view.`);
    if (files[0]) take(files[0], files[0].name, how);
  });
}
