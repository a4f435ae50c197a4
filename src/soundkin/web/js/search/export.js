// Taking sounds away: into a DAW by dragging, as files, as paths, and lists for other programs.

import { covers, isWhole, matchOf, stretchOf } from "./card.js";
import { audioUrl, exportHits, loadInfo, reveal } from "../base/api.js";
import { h, icon, iconButton, menu } from "../base/dom.js";
import { clock, stem } from "../base/format.js";
import { say, sayTrouble } from "../base/messages.js";
import { change } from "../base/state.js";
import { addRecording } from "../kit/store.js";
import { tagEditor } from "../library/tagging.js";
import { named, t } from "../base/text.js";

/** A recording's own file: its name and address. */
const fileOf = (hit) => ({ name: hit.name, url: absolute(audioUrl(hit.id, undefined, undefined, { download: true })) });

/** The match, cut out as WAV: its name and address. */
function cutOf(hit) {
  const { id, start_s, end_s } = matchOf(hit);
  return { name: `${stem(hit.name)} ${clock(hit.start_s).replaceAll(":", ".")}.wav`, url: absolute(audioUrl(id, start_s, end_s, { download: true })) };
}

const absolute = (address) => new URL(address, location.href).href;

/** Give a dragged card to whatever it is dropped on: the file of a short recording, of a long one the match as WAV. */
export function carry(event, hit) {
  const { name, url } = isWhole(hit) ? fileOf(hit) : cutOf(hit);
  event.dataTransfer.effectAllowed = "copy";
  event.dataTransfer.setData("DownloadURL", `${name.endsWith(".wav") ? "audio/wav" : "application/octet-stream"}:${name.replaceAll(":", "_")}:${url}`);
  event.dataTransfer.setData("text/uri-list", url);
  event.dataTransfer.setData("text/plain", hit.path ?? hit.name);
}

export function download(url, name) {
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
}

/** Give a file that the page has to whoever sits before it. */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  download(url, name);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

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

/** What else can be done with a hit, as a small dialog. */
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

/** Give hits as a file of one of the server's formats; what nobody searched for has no score. */
export async function exportAs(format, hits, name) {
  const rows = hits.map(({ id, start_s, duration_s, score }) => ({ id, start_s, duration_s, score: score ?? null }));
  saveFile(await exportHits(rows, format.name), `${name}.${format.extension}`);
}

/** A menu that exports the hits that `hits()` gives, in the formats that the server has. */
export function exportMenu(formats, hits) {
  return menu(t("export_the_list"), [icon("export"), t("export")], () =>
    formats.map((format) => ({
      words: named("format", format.name, format.title),
      run: () => exportAs(format, hits(), "hits").catch(sayTrouble),
    })),
  );
}
