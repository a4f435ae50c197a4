// What the map takes from libraries, as one ES module.
export { polygonContains } from "d3-polygon";
export { select } from "d3-selection";
export { zoom, zoomIdentity } from "d3-zoom";
export { default as KDBush } from "kdbush";
