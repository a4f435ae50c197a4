// Several sounds taken away at once: as real files in a folder, as a zip, as a list for another program.

import { copyFiles, zipFiles } from "../base/api.js";
import { icon, menu } from "../base/dom.js";
import { count } from "../base/format.js";
import { knownInfo } from "../base/info.js";
import { say, sayTrouble } from "../base/messages.js";
import { chooseFolder } from "../library/browser.js";
import { isWhole, matchOf } from "../search/card.js";
import { exportAs, saveFile } from "../search/export.js";
import { named, t } from "../base/text.js";

/** What of a hit goes with it: a short recording whole, of a long one the match. */
export function itemOf(hit) {
  if (isWhole(hit)) return { id: hit.id };
  const { id, start_s, end_s } = matchOf(hit);
  return { id, start_s, end_s };
}

/** The ways to take sounds away, as one menu; `items()` and `hits()` give them. */
export function takeAway(items, hits) {
  const run = (work) => () => Promise.resolve(work()).catch(sayTrouble);
  return menu(t("take_away"), [icon("export"), t("take_away")], () => [
    knownInfo()?.is_local && { words: t("copy_to_a_folder"), mark: "folder", run: run(() => copyTo(items())) },
    { words: t("a_zip_of_the_files"), mark: "export", run: run(() => zip(items())) },
    ...(knownInfo()?.formats ?? []).map((format) => ({ words: named("format", format.name, format.title), run: run(() => exportAs(format, hits(), "sounds")) })),
  ].filter(Boolean));
}

async function copyTo(items) {
  const folder = await chooseFolder("", { title: t("copy_to_which_folder"), take: t("copy_to"), isTarget: true });
  if (!folder) return;
  const { files, failures } = await copyFiles(items, folder);
  const trouble = failures.length ? t("could_not_be_read", { a: count(failures.length, "file"), b: failures[0].path, c: failures[0].reason }) : "";
  say(t("files_in_folder", { a: count(files.length, "file"), b: folder, c: trouble }), { trouble: failures.length > 0 });
}

async function zip(items) {
  saveFile(await zipFiles(items), "sounds.zip");
}
