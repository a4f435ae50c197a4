// One hit as a card.

import { cutName, h, icon, iconButton, press } from "../base/dom.js";
import { clock, length, percentile, shortFolder, stem } from "../base/format.js";
import { watchHead } from "../sound/strip.js";
import { waveform } from "../sound/waveform.js";
import { t, tn } from "../base/text.js";

const WHOLE_UP_TO_S = 15;
const CONTEXT = 4;
const N_PEAKS = 220;

export const cardKey = (hit) => `${hit.id}@${hit.start_s}`;

/** Whether a hit is played, dragged, downloaded and searched from as the whole recording, not as its match. */
export const isWhole = (hit) => hit.recording_duration_s <= WHOLE_UP_TO_S || covers(hit);

/** The stretch that a card plays: a short recording from its onset to its end, of a long one the match. */
export function stretchOf(hit) {
  if (!isWhole(hit)) return { ...matchOf(hit), facts: hit.facts };
  return { id: hit.id, start_s: 0, end_s: null, length_s: hit.recording_duration_s, onset_s: Math.max(0, hit.facts?.sound_from_s ?? 0), facts: hit.facts };
}

/** The stretch that a search found. */
export const matchOf = (hit) => ({ id: hit.id, start_s: round(hit.start_s), end_s: round(hit.start_s + hit.duration_s) });

// A match begins at the onset and ends with what is heard; a breath of silence around it is no more.
const BREATH_S = 0.05;
export const covers = (hit) => hit.start_s < BREATH_S && hit.start_s + hit.duration_s > hit.recording_duration_s - BREATH_S;

const round = (value) => Math.round(value * 1000) / 1000;

/** What of the recording is drawn: all of it, or the surroundings of the match in a long one. */
function windowOf({ start_s, duration_s, recording_duration_s: total }) {
  const wide = Math.max(WHOLE_UP_TO_S, CONTEXT * duration_s);
  if (total <= wide) return [0, total];
  const low = Math.max(0, Math.min(total - wide, start_s + duration_s / 2 - wide / 2));
  return [round(low), round(low + wide)];
}

/**
 * Where a hit lies in what is drawn of its recording: the `drawn` waveform of so many peaks, `all` whether that
 * is all of it, `from` and `to` as shares, and the `head` that runs while it plays, until `stopHead()`.
 */
export function drawHit(hit, n) {
  const stretch = stretchOf(hit);
  const [low, high] = windowOf(hit);
  const all = low === 0 && high >= hit.recording_duration_s - 0.001;
  const from = (hit.start_s - low) / (high - low || 1);
  const to = (hit.start_s + hit.duration_s - low) / (high - low || 1);
  const head = h("div", { class: "head" });
  const drawn = waveform({ id: hit.id, n, start_s: all ? undefined : low, end_s: all ? undefined : high, from, to });
  const stopHead = watchHead(head, () => (isWhole(hit) ? [stretch, 0, 1] : [stretch, from, to - from]));
  return { stretch, drawn, all, from, to, head, stopHead };
}

/** The buttons that judge a hit, and `tell(hit, marks)`, which shows how it is judged; `now()` gives the hit. */
export function judgeButtons(now, acts) {
  const heart = iconButton("heart", t("favourite_act"), () => acts.favourite(now()), { class: "bare heart", tabindex: "-1" });
  const like = iconButton("up", t("more_like_this"), () => acts.like(now()), { class: "bare thumbs like", tabindex: "-1" });
  const dislike = iconButton("down", t("less_like_this"), () => acts.dislike(now()), { class: "bare thumbs rust dislike", tabindex: "-1" });
  const more = iconButton("more", t("more"), (event) => acts.more(now(), event.currentTarget), { class: "bare more", tabindex: "-1", "aria-haspopup": "dialog" });
  const tell = (element, { favourite }, { liked, disliked }) => {
    heart.setAttribute("aria-label", favourite ? t("no_favourite_any_more_f") : t("favourite_f"));
    press(heart, favourite);
    press(like, liked);
    press(dislike, disliked);
    element.classList.toggle("liked", liked);
  };
  return { heart, like, dislike, more, tell };
}

/**
 * Make a card. `acts` has `from`, `plus`, `minus`, `like`, `dislike`, `favourite`, `why`, `more`: each is
 * called with the hit. Gives `{element, update(hit, marks), close}`.
 */
export function card(hit, acts) {
  const plain = hit.score === undefined || hit.score === null;
  const { stretch, drawn, all, from, to, head, stopHead } = drawHit(hit, N_PEAKS);
  const rank = h("span", { class: "rank", "aria-hidden": "true" });
  const wave = h(
    "div",
    { class: "wave" },
    drawn,
    !(from < 0.02 && to > 0.98) && mark(from, to),
    !all && mark(hit.start_s / hit.recording_duration_s, (hit.start_s + hit.duration_s) / hit.recording_duration_s, "place"),
    head,
  );
  const bar = h("i");
  const score = h("b");
  const better = h("span", { class: "quiet" });
  const tags = h("div", { class: "tags" });
  const copies = h("span", { class: "tag" });
  const same = h("span", { class: "tag", title: t("same_sound_means") }, t("same_sound"));
  const { heart, like, dislike, more, tell } = judgeButtons(() => now, acts);
  const element = h(
    "article",
    { class: `card hit${plain ? " plain" : ""}`, tabindex: "-1", draggable: "true", dataset: { key: cardKey(hit), id: hit.id } },
    wave,
    h(
      "div",
      { class: "card-body" },
      h("div", { class: "card-title" }, rank, h("span", { class: "name", title: hit.path }, cutName(stem(hit.name))), heart),
      h("p", { class: "where", title: hit.folder }, place(hit, all)),
      h("div", { class: "score" }, h("div", { class: "track" }, bar), h("span", {}, score, " ", better)),
      tags,
      h(
        "div",
        { class: "card-acts" },
        h("button", { type: "button", class: "from", tabindex: "-1", title: t("search_from_this_enter"), onclick: () => acts.from(now) }, icon("search"), t("from_here")),
        h("span", { class: "spring" }),
        iconButton("plus", t("add_to_the_query"), () => acts.plus(now), { tabindex: "-1" }),
        iconButton("minus", t("subtract_from_the_query"), () => acts.minus(now), { tabindex: "-1" }),
        like,
        dislike,
        more,
      ),
    ),
  );
  let now = hit;

  function update(hit, { liked = false, disliked = false } = {}) {
    now = hit;
    rank.textContent = hit.rank ?? "";
    tell(element, hit, { liked, disliked });
    copies.textContent = hit.n_folded ? tn("near_copies", hit.n_folded) : "";
    copies.title = (hit.copies ?? []).map(({ path, differs }) => `${path}: ${differs}`).join("\n");
    tags.replaceChildren(same, copies, ...hit.tags.filter((tag) => tag !== "favourite").map((tag) => h("span", { class: "tag" }, tag)));
    copies.hidden = !hit.n_folded;
    same.hidden = !hit.same_sound;
    tags.hidden = copies.hidden && same.hidden && tags.children.length === 2;
    if (!plain) {
      tellScore(hit, bar, score, better);
    }
    element.setAttribute("aria-label", spoken(hit, plain));
  }
  update(hit);
  return { element, update, hit: () => now, stretch, close: stopHead };
}

/** The score that ranks: the cosine, or with thumbs and sliders what they make of it. */
function tellScore({ score, rank_score, percentile: value }, bar, number, beside) {
  const shown = rank_score ?? score; // refined or not, 1 is what is wanted
  bar.style.transform = `scaleX(${Math.max(0, Math.min(1, shown))})`;
  number.textContent = shown.toFixed(3);
  const refined = rank_score !== null && rank_score !== undefined;
  beside.textContent = refined ? t("refined_was", { a: score.toFixed(3) }) : percentile(value);
  beside.title = t("cosine_more_alike_than_of_pairs", { a: score.toFixed(3), b: value.toFixed(2) });
}

function place(hit, all) {
  const folder = h("bdi", {}, shortFolder(hit.folder));
  const time = all && covers(hit) ? "" : `${clock(hit.start_s)} · `;
  return [folder, ` · ${time}${length(hit.duration_s)}${hit.recording_duration_s - hit.duration_s > 0.01 ? t("out_of", { a: length(hit.recording_duration_s) }) : ""}`];
}

export function spoken(hit, plain) {
  const where = t("spoken_place", { a: stem(hit.name), b: clock(hit.start_s), c: length(hit.duration_s) });
  return plain ? where : t("spoken_hit", { a: hit.rank, b: where, c: hit.score.toFixed(2) });
}

/** The stretch of a drawn waveform that matches, or with `place` where it lies in a long recording. */
export function mark(from, to, kind = "mark") {
  const stretch = h(kind === "place" ? "i" : "div", { class: kind === "place" ? "" : "mark" });
  stretch.style.left = `${100 * from}%`;
  stretch.style.width = `${100 * Math.max(0.002, to - from)}%`;
  return kind === "place" ? h("div", { class: "place" }, stretch) : stretch;
}
