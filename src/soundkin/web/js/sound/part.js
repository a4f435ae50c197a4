// A dialog for a file that is too long or too large to be taken whole: a part of it, or its indexing.

import { h, iconButton } from "../base/dom.js";
import { clock, length } from "../base/format.js";

const USUAL_S = 10;

/** Read `12.5`, `2:22.50` or `1:02:03`; NaN for what is no time. */
function readTime(text) {
  const parts = text.trim().split(":");
  const isTime = parts.length <= 3 && parts.every((part) => /^\d+(\.\d*)?$/.test(part));
  return isTime ? parts.reduce((sum, part) => 60 * sum + Number(part), 0) : NaN;
}

/** Ask what to do; gives `{start_s, end_s}`, "index" or null. */
export function askPart(file, name, { upload_bytes, upload_s, whole_bytes }) {
  return new Promise((resolve) => {
    let answer = null;
    const address = URL.createObjectURL(file);
    const isTakable = file.size <= whole_bytes;
    const player = h("audio", { controls: true, src: address, preload: "metadata" });
    const from = h("input", { type: "text", inputmode: "decimal", value: clock(0), "aria-label": "The part begins at", spellcheck: "false" });
    const long = h("input", { type: "number", min: 0.1, max: upload_s, step: "any", value: Math.min(USUAL_S, upload_s), "aria-label": "Seconds of it" });
    const here = h("button", { type: "button", onclick: () => (from.value = clock(player.currentTime)) }, "From where it plays");
    const trouble = h("p", { class: "quiet small", role: "alert" });
    const close = (value) => {
      answer = value;
      dialog.close();
    };
    const form = h(
      "form",
      { method: "dialog", class: "part" },
      player,
      h("div", { class: "row" }, h("label", { class: "row" }, "from ", from), here, h("label", { class: "row" }, long, " seconds")),
      trouble,
      h("div", { class: "row" }, h("button", { class: "strong" }, "Search with this part"), indexButton()),
    );
    const size = `${(file.size / 2 ** 20).toFixed(file.size < 10 * 2 ** 20 ? 1 : 0)} MB`;
    const most = `Up to ${length(upload_s)} and ${Math.round(upload_bytes / 2 ** 20)} MB are taken whole.`;
    const dialog = h(
      "dialog",
      { "aria-label": "A long recording" },
      h("header", {}, h("h2", {}, "A long recording"), iconButton("close", "Close", () => dialog.close())),
      h("p", {}, h("b", {}, h("bdi", {}, name)), ` has ${size}. ${most} ${isTakable ? "Take a part of it, or index it: then all of it is searched, and you can start from anywhere in it." : "Index it: then all of it is searched, and you can start from anywhere in it."}`),
      isTakable ? form : h("div", { class: "row" }, indexButton()),
    );

    function indexButton() {
      return h("button", { type: "button", onclick: () => close("index") }, "Index it instead");
    }
    player.addEventListener("error", () => ((player.hidden = here.hidden = true), (trouble.textContent = "This browser cannot play it; soundkin may read it all the same.")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const start_s = readTime(from.value);
      if (Number.isNaN(start_s)) return void ((trouble.textContent = "Give the beginning as seconds, or as 2:22.50."), from.focus());
      if (start_s >= player.duration) return void ((trouble.textContent = `It is only ${clock(player.duration)} long.`), from.focus());
      return close({ start_s, end_s: start_s + Number(long.value) });
    });
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("close", () => {
      player.pause();
      URL.revokeObjectURL(address);
      dialog.remove();
      resolve(answer);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
