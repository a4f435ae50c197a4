// How loud a decoded sound is, by ITU-R BS.1770, and how much to raise or lower it so that all are heard alike.

const LEVEL_LUFS = -18; // that of ReplayGain 2
const BLOCK_S = 0.4;
const STEP_S = 0.1;
const FAINT = 10 ** -5.5; // as a share of the loudest: BS.1770's gate of -70 LUFS, for sounds recorded at any level
const GATE_LU = -10;

/** The two filters of the K-weighting as coefficients for a sample rate: the head's shelf, then a high-pass. */
function weighting(rate) {
  const shelf = Math.tan((Math.PI * 1681.974450955533) / rate);
  const q = 0.7071752369554196;
  const high = 10 ** (3.999843853973347 / 20);
  const middle = high ** 0.4996667741545416;
  const norm = 1 + shelf / q + shelf * shelf;
  const feedback = [1, (2 * (shelf * shelf - 1)) / norm, (1 - shelf / q + shelf * shelf) / norm];
  const forward = [high + (middle * shelf) / q + shelf * shelf, 2 * (shelf * shelf - high), high - (middle * shelf) / q + shelf * shelf].map((value) => value / norm);
  const low = Math.tan((Math.PI * 38.13547087602444) / rate);
  const q_low = 0.5003270373238773;
  const norm_low = 1 + low / q_low + low * low;
  return [[forward, feedback], [[1, -2, 1], [1, (2 * (low * low - 1)) / norm_low, (1 - low / q_low + low * low) / norm_low]]];
}

/** Measure an AudioBuffer, its channels mixed to one: `{lufs, peak}`, lufs null for silence. */
export async function measureLoudness(buffer) {
  const { length, sampleRate: rate } = buffer;
  const context = new OfflineAudioContext(1, length, rate);
  const source = new AudioBufferSourceNode(context, { buffer });
  weighting(rate).reduce((from, [forward, feedback]) => from.connect(context.createIIRFilter(forward, feedback)), source).connect(context.destination);
  source.start();
  return { lufs: gate((await context.startRendering()).getChannelData(0), rate), peak: findPeak(buffer) };
}

/** The mean power of blocks that are not far below the rest, in LUFS. */
function gate(samples, rate) {
  const step = Math.round(STEP_S * rate);
  const n_steps = Math.max(1, Math.ceil(samples.length / step));
  const energy = new Float64Array(n_steps);
  for (let i = 0; i < samples.length; i++) energy[Math.floor(i / step)] += samples[i] * samples[i];
  const per_block = Math.round(BLOCK_S / STEP_S);
  const powers = [];
  for (let first = 0; first + per_block <= Math.max(per_block, Math.floor(samples.length / step)); first++) {
    const n = Math.min(per_block * step, samples.length - first * step);
    powers.push(energy.slice(first, first + per_block).reduce((sum, value) => sum + value, 0) / n);
  }
  const lufs = (power) => -0.691 + 10 * Math.log10(power);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const loudest = Math.max(...powers);
  if (!(loudest > 0)) return null;
  const heard = powers.filter((power) => power > FAINT * loudest);
  const least = lufs(mean(heard)) + GATE_LU;
  return lufs(mean(heard.filter((power) => lufs(power) > least)));
}

function findPeak(buffer) {
  let peak = 0;
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    for (const sample of buffer.getChannelData(channel)) peak = Math.max(peak, Math.abs(sample));
  }
  return peak;
}

/** What to multiply a sound with, that it is as loud as others where `matched`; never more than full scale. */
export function levelOf({ lufs, peak }, matched) {
  const wanted = matched && lufs !== null && lufs !== undefined ? 10 ** ((LEVEL_LUFS - lufs) / 20) : 1;
  return Math.min(wanted, 1 / Math.max(peak, 1e-6));
}
