// Where each view lives.

import { fetchLater } from "./base/later.js";

const VIEWS = {
  search: () => import("./search/view.js"),
  map: () => import("./map/view.js"),
  library: () => import("./library/view.js"),
  kit: () => import("./kit/view.js"),
  crates: () => import("./crate/view.js"),
  hear: () => import("./search/deformview.js"),
};

Object.values(VIEWS).forEach(fetchLater);

/** Fetch the module of a view; what is no name of one is search. */
export const loadView = (name) => (VIEWS[name] ?? VIEWS.search)();
