// Whether the server answers: told by `serverlost` and `serverback` of the window, once each.

const ASKED_EACH_MS = 1500;
const SMALL = "icon.svg";

let isLost = false;

export const isServerLost = () => isLost;

/** A request found nobody: say so, and ask now and then until somebody answers. */
export function tellLost() {
  if (isLost) return;
  isLost = true;
  dispatchEvent(new Event("serverlost"));
  setTimeout(askAgain, ASKED_EACH_MS);
}

async function askAgain() {
  const answer = await fetch(SMALL, { method: "HEAD", cache: "no-store" }).catch(() => null);
  if (!answer?.ok) return setTimeout(askAgain, ASKED_EACH_MS);
  isLost = false;
  return dispatchEvent(new Event("serverback"));
}
