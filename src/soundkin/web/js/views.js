// Where each view lives.

const VIEWS = {
  search: () => import("./search/view.js"),
  map: () => import("./map/view.js"),
  library: () => import("./library/view.js"),
  kit: () => import("./kit/view.js"),
  crates: () => import("./crate/view.js"),
  hear: () => import("./search/deformview.js"),
};

/** Fetch the module of a view; what is no name of one is search. */
export const loadView = (name) => (VIEWS[name] ?? VIEWS.search)();

export const loadAllViews = () => Object.values(VIEWS).forEach((load) => load().catch(() => null));
