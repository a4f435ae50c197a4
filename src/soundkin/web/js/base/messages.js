// Short words at the bottom of the page, read out by screen readers too.

import { h, iconButton } from "./dom.js";

const SHOWN_MS = 4500;

/** Say something for a few seconds; trouble stays until it is closed. `act` is `{words, run}`. */
export function say(words, { trouble = false, act = null } = {}) {
  const place = document.getElementById("messages");
  if ([...place.children].some((shown) => shown.dataset.words === words)) return;
  const close = () => box.remove();
  const box = h(
    "div",
    { class: `message${trouble ? " trouble" : ""}`, role: trouble ? "alert" : "status", dataset: { words } },
    h("p", {}, words),
    act && h("button", { type: "button", onclick: () => (close(), act.run()) }, act.words),
    iconButton("close", "Close", close),
  );
  place.append(box);
  while (place.children.length > 3) place.firstElementChild.remove();
  setTimeout(close, trouble ? 3 * SHOWN_MS : act ? 2 * SHOWN_MS : SHOWN_MS);
}

/** Show what went wrong; a request that was given up is nothing wrong. */
export function sayTrouble(error) {
  if (error?.name !== "AbortError") say(error.message, { trouble: true });
}

let heard;

/** Tell screen readers alone. */
export function whisper(words) {
  heard ??= document.getElementById("whispers");
  heard.textContent = words;
}
