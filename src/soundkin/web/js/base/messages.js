// Short words at the bottom of the page, read out by screen readers too.

import { h, iconButton } from "./dom.js";
import { t } from "./text.js";

const SHOWN_MS = 4500;
const FRESH_MS = 400;

/**
 * Say something for a few seconds, trouble for longer; what is `lasting` stays. `act` is `{words, run}`.
 * Gives a function that takes it away.
 */
export function say(words, { trouble = false, lasting = false, act = null } = {}) {
  const place = document.getElementById("messages");
  if ([...place.children].some((shown) => shown.dataset.words === words)) return () => null;
  const close = () => box.remove();
  const box = h(
    "div",
    { class: `message${trouble ? " trouble" : ""}`, role: trouble ? "alert" : "status", dataset: { words, since_ms: Math.round(performance.now()) } },
    h("p", {}, words),
    act && h("button", { type: "button", onclick: () => (close(), act.run()) }, act.words),
    !lasting && iconButton("close", t("close"), close),
  );
  place.append(box);
  while (place.children.length > 3) (place.querySelector(".message:has([aria-label=Close])") ?? place.firstElementChild).remove();
  if (lasting) return close;
  setTimeout(close, trouble ? 3 * SHOWN_MS : act ? 2 * SHOWN_MS : SHOWN_MS);
  return close;
}

/** Take away troubles that were told before what is done now: they are about what was. */
export function forgetTroubles() {
  for (const told of document.querySelectorAll("#messages .trouble:has([aria-label=Close])")) {
    if (performance.now() - told.dataset.since_ms > FRESH_MS) told.remove();
  }
}

/** Show what went wrong; a request that was given up is nothing wrong, and a server that is gone is told once. */
export function sayTrouble(error) {
  if (error?.name !== "AbortError" && error?.status !== 0) say(error.message, { trouble: true });
}

let heard;

/** Tell screen readers alone. */
export function whisper(words) {
  heard ??= document.getElementById("whispers");
  heard.textContent = words;
}
