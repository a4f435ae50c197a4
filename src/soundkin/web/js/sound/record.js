// The microphone: a take as WAV, so that every server can read it, with a moving picture of its level.

import { h } from "../base/dom.js";
import { say, sayTrouble } from "../base/messages.js";
import { t } from "../base/text.js";

const LONGEST_S = 30;
const SHORTEST_S = 0.1;

/** Float samples in [-1, 1] as a 16-bit mono WAV file. */
export function writeWav(parts, sample_rate) {
  const n = parts.reduce((sum, part) => sum + part.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * n));
  const text = (at, words) => [...words].forEach((letter, i) => view.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + 2 * n, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sample_rate, true);
  view.setUint32(28, 2 * sample_rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, "data");
  view.setUint32(40, 2 * n, true);
  let at = 44;
  for (const part of parts) {
    for (const sample of part) {
      view.setInt16(at, Math.max(-1, Math.min(1, sample)) * 32767, true);
      at += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}

function whyNot(error) {
  if (!navigator.mediaDevices) return t("the_microphone_is_only_open_to");
  if (error.name === "NotAllowedError") return t("the_browser_does_not_let_this");
  if (error.name === "NotFoundError") return t("no_microphone_was_found_plug_one");
  return t("the_microphone_cannot_be_used", { a: error.message });
}

/** Ask a phone for its own recorder, which needs no leave of the browser; the take comes as a file. */
function askRecorder(done) {
  const chooser = h("input", { type: "file", accept: "audio/*", capture: "user" });
  chooser.addEventListener("change", () => done(chooser.files[0] ?? null));
  chooser.click();
}

/**
 * Record until `stop()` of what is returned is called; `done(blob)` gets the take.
 * The returned `element` shows the level and the time.
 */
export async function record(done) {
  if (!navigator.mediaDevices && matchMedia("(pointer: coarse)").matches) return askRecorder(done), null;
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false },
    });
  } catch (error) {
    say(whyNot(error), { trouble: true });
    return null;
  }
  const context = new AudioContext();
  await context.audioWorklet.addModule("js/sound/recorder.worklet.js");
  const source = context.createMediaStreamSource(stream);
  const worklet = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  source.connect(worklet);
  const parts = [];
  const meter = levelMeter(context.sampleRate);
  const time = h("output", { "aria-label": t("length_of_the_take") }, "0.0 s");
  let n_samples = 0;
  let over = false;
  const stop = async (wanted = true) => {
    if (over) return;
    over = true;
    stream.getTracks().forEach((track) => track.stop());
    const rate = context.sampleRate;
    await context.close().catch(sayTrouble);
    if (wanted && n_samples / rate < SHORTEST_S) say(t("that_was_too_short_to_search"), { trouble: true });
    else if (wanted) done(writeWav(parts, rate));
    else done(null);
  };
  worklet.port.onmessage = ({ data }) => {
    if (over) return;
    parts.push(data);
    n_samples += data.length;
    meter.take(data);
    time.textContent = `${(n_samples / context.sampleRate).toFixed(1)} s`;
    if (n_samples > LONGEST_S * context.sampleRate) stop();
  };
  return { element: [meter.element, time], stop };
}

const METER_S = 3;
const BAR_PX = 4;
const HELD_S = 1.5; // how long the highest peak stays told

/** A moving picture of the last three seconds' level, and the highest peak in words. */
function levelMeter(rate) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const words = h("output", { class: "peak", "aria-label": t("highest_peak") });
  let bars = [];
  let sum = 0;
  let n = 0;
  let peak = 0;
  let peaked = 0; // samples since

  function take(data) {
    const per_bar = Math.max(1, Math.round((METER_S * rate * BAR_PX) / Math.max(BAR_PX, canvas.clientWidth)));
    for (const value of data) {
      sum += value * value;
      if (Math.abs(value) >= peak || peaked > HELD_S * rate) (peak = Math.abs(value)), (peaked = 0);
      else peaked += 1;
      if (++n < per_bar) continue;
      bars.push(Math.sqrt(sum / n));
      sum = n = 0;
    }
    bars = bars.slice(-Math.ceil(canvas.clientWidth / BAR_PX));
    words.textContent = peak > 0 ? `${(20 * Math.log10(peak)).toFixed(0)} dB` : "";
    words.classList.toggle("clips", peak >= 0.999);
    draw(canvas, bars);
  }
  return { element: h("span", { class: "meter" }, canvas, words), take };
}

function draw(canvas, bars) {
  const pen = canvas.getContext("2d");
  const width = (canvas.width = canvas.clientWidth);
  const height = (canvas.height = canvas.clientHeight);
  pen.fillStyle = getComputedStyle(canvas).color;
  bars.forEach((level, i) => {
    const share = level > 0 ? Math.max(0, 1 + (20 * Math.log10(level)) / 60) : 0; // of 60 dB
    const tall = Math.max(2, share * height);
    pen.fillRect(width - (bars.length - i) * BAR_PX, (height - tall) / 2, BAR_PX - 1, tall);
  });
}
