// A bar of sixteen steps: a row of buttons for each slot, and the loop that plays them in time.

import { h, press } from "../base/dom.js";
import { N_STEPS } from "./store.js";
import { t } from "../base/text.js";

const AHEAD_S = 0.15; // so much is on the audio graph before it is heard
const EACH_MS = 40;

/** A row of steps, walked with arrows; `changed()` is told after each. */
export function stepRow(slot, changed) {
  const row = h("div", { class: "steps", role: "group", "aria-label": t("pattern_of", { a: slot.name }) });
  const buttons = Array.from({ length: N_STEPS }, (_, step) => {
    const button = press(h("button", { type: "button", class: "step", tabindex: step ? "-1" : "0", "aria-label": t("pattern_step", { a: slot.name, b: step + 1 }) }), slot.steps.includes(step));
    button.addEventListener("click", () => {
      const on = slot.steps.includes(step);
      slot.steps = on ? slot.steps.filter((one) => one !== step) : [...slot.steps, step].sort((a, b) => a - b);
      press(button, !on);
      changed();
    });
    return button;
  });
  row.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const at = buttons.indexOf(event.target);
    if (!step || at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    const next = buttons[(at + step + N_STEPS) % N_STEPS];
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  row.append(...buttons);
  return row;
}

/**
 * Play over and over. `strike(slot, when_s)` puts a sound on the graph; `kit()` gives the kit as it is
 * now, so that steps, tempo and sounds may change while it plays. Gives a function that stops it.
 */
export function playPattern(context, kit, strike, onStep) {
  let step = 0;
  let when_s = context.currentTime + 0.05;
  const told = [];
  function fill() {
    while (when_s < context.currentTime + AHEAD_S) {
      const { slots, tempo } = kit();
      for (const slot of slots) if (slot.recording && slot.steps.includes(step)) strike(slot, when_s);
      told.push({ step, when_s });
      when_s += 60 / tempo / 4;
      step = (step + 1) % N_STEPS;
    }
  }
  function show() {
    while (told.length && told[0].when_s <= context.currentTime) onStep(told.shift().step);
    frame = requestAnimationFrame(show);
  }
  fill();
  const timer = setInterval(fill, EACH_MS);
  let frame = requestAnimationFrame(show);
  return () => {
    clearInterval(timer);
    cancelAnimationFrame(frame);
    onStep(null);
  };
}
