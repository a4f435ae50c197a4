// How sounds are bent to be heard beside something else: loops at a project's tempo, tones at the query's note.

const HALF_OCTAVE = Math.SQRT2;
const LEAST_SURE = 0.5; // of a pitch, to be transposed by

const kept = () => ({ tempo: 120, atTempo: false, atNote: false, ...JSON.parse(localStorage.getItem("tuning") ?? "{}") });
let chosen = kept();
let reference_hz = null;

export const tuning = () => chosen;

export function tune(patch) {
  chosen = { ...chosen, ...patch };
  localStorage.setItem("tuning", JSON.stringify(chosen));
}

/** The sound whose note others are brought to; of one without a pitch that is none. */
export function tuneTo(facts) {
  reference_hz = isPitched(facts) ? facts.pitch_hz : null;
}

const isPitched = (facts) => Boolean(facts?.pitch_hz) && (facts.pitch_confidence ?? 1) >= LEAST_SURE;

/** Bring a ratio within half an octave of 1: half or twice the tempo, and the same note elsewhere, are the same. */
function fold(ratio) {
  while (ratio > HALF_OCTAVE) ratio /= 2;
  while (ratio < 1 / HALF_OCTAVE) ratio *= 2;
  return ratio;
}

/** How many semitones a sound is transposed, and to how many times its length it is stretched; its facts tell. */
export function bend({ facts } = {}) {
  const stretch = chosen.atTempo && facts?.tempo_bpm ? fold(facts.tempo_bpm / chosen.tempo) : 1;
  const semitones = chosen.atNote && reference_hz && isPitched(facts) ? 12 * Math.log2(fold(reference_hz / facts.pitch_hz)) : 0;
  return { semitones: Math.round(1000 * semitones) / 1000, stretch: Math.round(1e5 * stretch) / 1e5 };
}
