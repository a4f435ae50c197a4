// Taking sounds away: into a DAW by dragging, as files, as paths, and lists for other programs.

import { isWhole, matchOf } from "./card.js";
import { audioUrl, exportHits } from "../base/api.js";
import { h, icon, menu } from "../base/dom.js";
import { clock, stem } from "../base/format.js";
import { sayTrouble } from "../base/messages.js";
import { named, t } from "../base/text.js";

/** A recording's own file: its name and address. */
export const fileOf = (hit) => ({ name: hit.name, url: absolute(audioUrl(hit.id, undefined, undefined, { download: true })) });

/** The match, cut out as WAV: its name and address. */
export function cutOf(hit) {
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
