// Sounds heard while the pointer is on them, where that is wanted.

import * as player from "./player.js";

export const hoverPlays = () => localStorage.getItem("hover") !== "off";
export const setHoverPlays = (value) => localStorage.setItem("hover", value ? "on" : "off");

/**
 * Play what the mouse rests on for a while, and stop it as the mouse leaves. `find(node)` gives what is there as
 * `{box, sound}`, or null. Gives a function that takes a sound back that was about to begin.
 */
export function hearUnderPointer(element, find, rest_ms) {
  let coming = 0;
  const entered = (event) => {
    const found = event.pointerType === "mouse" ? find(event.target) : null;
    return found && !found.box.contains(event.relatedTarget) ? found.sound : null;
  };
  element.addEventListener("pointerover", (event) => {
    const sound = hoverPlays() && entered(event);
    if (!sound) return;
    clearTimeout(coming);
    coming = setTimeout(() => player.play(sound), rest_ms);
  });
  element.addEventListener("pointerout", (event) => {
    const sound = entered(event);
    if (!sound) return;
    clearTimeout(coming);
    if (hoverPlays() && player.playing() === player.keyOf(sound)) player.stop();
  });
  return () => clearTimeout(coming);
}
