// Decoded sounds put on an audio graph, on a live one as on one that is rendered for a test.

const SOFTENED_S = 0.001; // against the click of a sound that begins or ends in its midst

/**
 * Put `{buffer, level, onset_s, length_s}` on a graph at `when_s`, from `from_s` on; `loop` repeats it from
 * its onset without a gap. Gives `{source, gain, ends_s}`.
 */
export function startVoice(context, output, sound, { when_s = context.currentTime, from_s = sound.onset_s, loop = false } = {}) {
  const { buffer, level, onset_s } = sound;
  const source = new AudioBufferSourceNode(context, { buffer, loop, loopStart: onset_s });
  const gain = new GainNode(context, { gain: 0 });
  source.connect(gain).connect(output);
  gain.gain.setValueAtTime(0, when_s);
  gain.gain.linearRampToValueAtTime(level, when_s + SOFTENED_S);
  const begin_s = Math.min(from_s, buffer.duration);
  source.start(when_s, begin_s);
  return { source, gain, ends_s: when_s + buffer.duration - begin_s };
}

/** Begin a turn of sounds, one after the other without a gap; `next()` adds the one that follows. */
export function startTurn(context, output, sounds, when_s = context.currentTime) {
  let n = 0;
  let ends_s = when_s;
  function next() {
    const at = n++ % sounds.length;
    const voice = startVoice(context, output, sounds[at], { when_s: ends_s });
    const began_s = ends_s;
    ends_s = voice.ends_s;
    return { ...voice, at, began_s };
  }
  return { next };
}
