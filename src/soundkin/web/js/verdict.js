// How good an answer is, in words.

const TITLES = {
  many: "Many sounds like this",
  some: "A few sounds like this",
  few: "A few sounds like this",
  none: "Nothing here is much like it",
};

/** A title and a sentence about an answer's hits. */
export function verdictWords({ verdict, hits }) {
  if (verdict?.kind) return { title: TITLES[verdict.kind] ?? TITLES.some, words: verdict.detail ?? "" };
  const best = hits[0].percentile;
  return { title: best >= 99 ? TITLES.many : best >= 95 ? TITLES.few : TITLES.none, words: "" };
}
