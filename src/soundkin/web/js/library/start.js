// The way to indexing from anywhere on the page: what is wanted waits for the library view.

import { change } from "../base/state.js";

let wish = null;

/** Go to the library view and its field for a folder; with `browse` to the folders of the machine, where `name` is looked for. */
export function indexFolder({ browse = false, name = "" } = {}) {
  wish = { browse, name };
  change({ view: "library" });
  dispatchEvent(new Event("indexfolder"));
}

/** What was wanted, once. */
export function takeWish() {
  const taken = wish;
  wish = null;
  return taken;
}
