// What else can be done with a hit, as a small dialog.

import { loadInfo, reveal } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { stem } from "../base/format.js";
import { say, sayTrouble } from "../base/messages.js";
import { change } from "../base/state.js";
import { addRecording } from "../kit/store.js";
import { tagEditor } from "../library/tagging.js";
import { covers, stretchOf } from "./card.js";
import { cutOf, download, fileOf } from "./export.js";
import { t } from "../base/text.js";

async function copyPath(hit) {
  try {
    await navigator.clipboard.writeText(hit.path);
    say(t("the_path_is_in_the_clipboard"));
  } catch {
    say(hit.path);
  }
}

async function intoKit(hit) {
  const name = addRecording((await loadInfo()).library, { ...hit, duration_s: hit.recording_duration_s ?? hit.duration_s });
  say(t("it_is_the_kit_s", { a: name }), { act: { words: t("open_the_kit"), run: () => change({ view: "kit" }) } });
}

/** Open the dialog; `why(hit)` says why a hit is there. */
export function showMore(hit, opener, why) {
  const entry = (mark, words, run) =>
    h("button", { type: "button", onclick: () => (dialog.close(), Promise.resolve(run()).catch(sayTrouble)) }, icon(mark), words);
  const dialog = h(
    "dialog",
    { class: "more-box", "aria-label": t("what_to_do_with", { a: hit.name }) },
    h("header", {}, h("div", {}, h("h2", {}, stem(hit.name)), h("p", { class: "quiet small path" }, hit.path)), iconButton("close", t("close"), () => dialog.close())),
    h(
      "div",
      { class: "acts" },
      why && hit.score !== undefined && entry("help", t("why_this_hit_act"), () => why(hit)),
      entry("ear", t("hear_deformed"), () => change({ view: "hear", sounds: [{ id: hit.id, weight: 1, start_s: stretchOf(hit).start_s, end_s: stretchOf(hit).end_s }] })),
      entry("export", t("download_the_file"), () => download(fileOf(hit).url, hit.name)),
      !covers(hit) && entry("export", t("download_the_match_alone_wav"), () => download(cutOf(hit).url, cutOf(hit).name)),
      entry("plus", t("add_to_the_kit"), () => intoKit(hit)),
      entry("save", t("copy_the_path"), () => copyPath(hit)),
      entry("search", t("show_in_the_file_manager"), () => reveal(hit.id)),
    ),
    h("div", { class: "row" }, h("span", { class: "label" }, t("tags")), tagEditor({ ...hit, tags: hit.tags.filter((tag) => tag !== "favourite") })),
    h("p", { class: "quiet small" }, dragWords()),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    opener.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** What dragging does here, as it is: browsers differ. */
function dragWords() {
  const isChromium = Boolean(navigator.userAgentData?.brands.some(({ brand }) => brand === "Chromium"));
  if (isChromium) return t("or_drag_the_card_into_a");
  return t("this_browser_gives_other_programs_no");
}
