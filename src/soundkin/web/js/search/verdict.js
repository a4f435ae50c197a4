// How good an answer is, in words.

import { count } from "../base/format.js";

const TITLES = { many: "Many sounds like this", some: "A few sounds like this", none: "Nothing here is much like it" };

/** A title and a sentence about an answer's hits. */
export function verdictWords({ verdict }) {
  if (!verdict) return { title: "What sounds like it", words: "" };
  const { word, n_good } = verdict;
  const words =
    word === "none"
      ? "These are the nearest, but no nearer than a sound that is not here comes by chance."
      : `${count(n_good, "of them is", "of them are")} nearer than chance finds here.`;
  return { title: TITLES[word], words };
}
