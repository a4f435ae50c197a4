// What the first picture does without: fetched when it is asked for, or once the page stands. Not for what is
// typed into at once, as the picker: the first letters would be lost.

import { tellLost } from "./connection.js";

const rooms = new Set();

/** Have a module fetched with all others once the page stands. */
export const fetchLater = (load) => rooms.add(load);

/**
 * Make a function that calls one of a module's, which is fetched by then: `later(() => import(…), "name")`. What
 * cannot be fetched of the page itself is a server that is gone, which is told.
 */
export function later(load, name) {
  fetchLater(load);
  return async (...given) => (await load().catch(tellLost))?.[name](...given);
}

/** Have everything here before it is asked for, so that it opens at once, and without a server too. */
export const fetchAll = () => rooms.forEach((load) => load().catch(() => null));
