// A dialog for a file that is too long or too large to be taken whole: a part of it, or its indexing.

import { h, iconButton } from "../base/dom.js";
import { clock, length } from "../base/format.js";
import { t } from "../base/text.js";

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
    const from = h("input", { type: "text", inputmode: "decimal", value: clock(0), "aria-label": t("the_part_begins_at"), spellcheck: "false" });
    const long = h("input", { type: "number", min: 0.1, max: upload_s, step: "any", value: Math.min(USUAL_S, upload_s), "aria-label": t("seconds_of_it") });
    const here = h("button", { type: "button", onclick: () => (from.value = clock(player.currentTime)) }, t("from_where_it_plays"));
    const trouble = h("p", { class: "quiet small", role: "alert" });
    const close = (value) => {
      answer = value;
      dialog.close();
    };
    const form = h(
      "form",
      { method: "dialog", class: "part" },
      player,
      h("div", { class: "row" }, h("label", { class: "row" }, t("part_from"), from), here, h("label", { class: "row" }, long, t("part_seconds"))),
      trouble,
      h("div", { class: "row" }, h("button", { class: "strong" }, t("search_with_this_part")), indexButton()),
    );
    const size = `${(file.size / 2 ** 20).toFixed(file.size < 10 * 2 ** 20 ? 1 : 0)} MB`;
    const most = t("up_to_and_mb_are_taken", { a: length(upload_s), b: Math.round(upload_bytes / 2 ** 20) });
    const dialog = h(
      "dialog",
      { "aria-label": t("a_long_recording") },
      h("header", {}, h("h2", {}, t("a_long_recording")), iconButton("close", t("close"), () => dialog.close())),
      h("p", {}, h("b", {}, h("bdi", {}, name)), t("long_has", { a: size, b: most, c: isTakable ? t("take_a_part_of_it_or") : t("index_it_then_all_of_it") })),
      isTakable ? form : h("div", { class: "row" }, indexButton()),
    );

    function indexButton() {
      return h("button", { type: "button", onclick: () => close("index") }, t("index_it_instead"));
    }
    player.addEventListener("error", () => ((player.hidden = here.hidden = true), (trouble.textContent = t("this_browser_cannot_play_it_soundkin"))));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const start_s = readTime(from.value);
      if (Number.isNaN(start_s)) return void ((trouble.textContent = t("give_the_beginning_as_seconds_or")), from.focus());
      if (start_s >= player.duration) return void ((trouble.textContent = t("it_is_only_long", { a: clock(player.duration) })), from.focus());
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
