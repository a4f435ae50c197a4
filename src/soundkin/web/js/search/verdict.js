// How good an answer is, in words.

import { t, tn } from "../base/text.js";

const TITLES = { many: t("many_sounds_like_this"), some: t("a_few_sounds_like_this"), none: t("nothing_here_is_much_like_it") };

/** A title and a sentence about an answer's hits. */
export function verdictWords({ verdict }) {
  if (!verdict) return { title: t("what_sounds_like_it"), words: "" };
  const { word, n_good } = verdict;
  return { title: TITLES[word], words: word === "none" ? t("these_are_the_nearest_but_no") : tn("n_nearer", n_good) };
}
