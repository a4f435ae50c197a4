// Buttons that play a sound, and stop it while it plays.

import { h, icon } from "../base/dom.js";
import * as player from "./player.js";
import { t } from "../base/text.js";

/** Make one; `sound()` is what it plays now, `name` what that is called. */
export function playButton(name, sound, props = {}) {
  const button = h("button", { type: "button", class: "bare plays", ...props, onclick: () => player.toggle(sound()) });
  button.plays = () => player.keyOf(sound());
  button.called = name;
  show(button, player.playing() === button.plays());
  return button;
}

function show(button, isPlaying) {
  const words = t(isPlaying ? "stop_it" : "play", { a: button.called });
  button.setAttribute("aria-label", words);
  button.title = words;
  button.replaceChildren(icon(isPlaying ? "stop" : "play"));
}

/** Have all buttons of the page show what plays. */
export function watchPlayButtons() {
  const showAll = (key) => document.querySelectorAll("button.plays").forEach((button) => show(button, key !== null && button.plays() === key));
  player.on("start", showAll);
  player.on("stop", () => showAll(null));
}
