// Elements without a framework: h("button", { class: "bare", onclick }, "words").

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  play: "M8 5.5v13l10.5-6.5z",
  stop: "M7 7h10v10H7z",
  heart: "M12 19.5S4.5 15 4.5 9.8A4 4 0 0 1 12 7.6a4 4 0 0 1 7.5 2.2c0 5.2-7.5 9.7-7.5 9.7z",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  up: "M7 11v8H4v-8zM7 11l4-7c1.7 0 2.5 1.2 2.2 2.7L12.6 10H18a2 2 0 0 1 2 2.4l-1.2 5A2 2 0 0 1 16.9 19H7",
  down: "M7 13V5H4v8zM7 13l4 7c1.7 0 2.5-1.2 2.2-2.7L12.6 14H18a2 2 0 0 0 2-2.4l-1.2-5A2 2 0 0 0 16.9 5H7",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  close: "M6 6l12 12M18 6L6 18",
  mic: "M12 3.5a2.5 2.5 0 0 0-2.5 2.5v5a2.5 2.5 0 0 0 5 0V6A2.5 2.5 0 0 0 12 3.5zM6 11a6 6 0 0 0 12 0M12 17v3.5",
  file: "M12 16V5M7.5 9.5L12 5l4.5 4.5M5 19h14",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20",
  dice: "M5 5h14v14H5zM9 9h.01M15 15h.01M15 9h.01M9 15h.01",
  moon: "M19 14.5A7.5 7.5 0 0 1 9.5 5 7.5 7.5 0 1 0 19 14.5z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2.5V5M12 19v2.5M2.5 12H5M19 12h2.5M5.3 5.3L7 7M17 17l1.7 1.7M5.3 18.7L7 17M17 7l1.7-1.7",
  help: "M8.6 8.6a3.5 3.5 0 1 1 5.3 3c-1.3.8-1.9 1.5-1.9 3M12 19h.01",
  save: "M6 4h12v16l-6-4.5L6 20z",
  export: "M12 4v11M7.5 10.5L12 15l4.5-4.5M5 19.5h14",
  hover: "M6 4l12 6.5-5.2 1.6L10.5 18z",
  lasso: "M12 5c4.4 0 8 2.2 8 5s-3.6 5-8 5c-1.5 0-2.9-.3-4-.7M8 14.3C5.6 13.4 4 11.8 4 10c0-2.8 3.6-5 8-5M8 14.3a1.8 1.8 0 1 1-2 2.7c-.3 1.5-1 2.5-2 3",
  hand: "M4 12h16M12 4v16M9 7l3-3 3 3M9 17l3 3 3-3M7 9l-3 3 3 3M17 9l3 3-3 3",
  fit: "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
  in: "M12 6v12M6 12h12",
  out: "M6 12h12",
  left: "M14 6l-6 6 6 6",
  right: "M10 6l6 6-6 6",
  ear: "M7 10a5 5 0 1 1 10 0c0 4-4 4-4 7a2.7 2.7 0 0 1-5 1.4M9.7 10a2.3 2.3 0 1 1 4.6 0c0 1.3-1.3 1.6-1.3 2.8",
  levels: "M5 9v6M9 5v14M13 9v6M17 5v14M21 9v6",
  lock: "M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z",
  swap: "M7 7h11l-3.5-3.5M17 17H6l3.5 3.5",
  undo: "M9 6L4.5 10.5 9 15M5 10.5h9a5 5 0 0 1 0 10h-3",
  redo: "M15 6l4.5 4.5L15 15M19 10.5h-9a5 5 0 0 0 0 10h3",
  check: "M5 12.5l4.5 4.5L19 7.5",
  lines: "M4 6h16M4 10.7h16M4 15.3h16M4 20h16",
  cards: "M4 4.5h7v6.5H4zM13.5 4.5h6.5v6.5h-6.5zM4 13.5h7V20H4zM13.5 13.5h6.5V20h-6.5z",
  columns: "M4 5h16v14H4zM9.5 5v14M14.5 5v14",
  unfold: "M6 9.5l6 6 6-6",
  tune: "M5 5v14M12 5v14M19 5v14M2.5 9h5M9.5 15h5M16.5 8h5",
  crate: "M4 8h16v11H4zM4 8l2-4h12l2 4M9 12h6",
  folder: "M3.5 6.5h6l2 2.5h9v9.5h-17z",
  clock: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4.5l3 1.8",
};

/** Make an element; `on…` are listeners, booleans set or leave out an attribute, the rest are attributes. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Draw one of the icons; it is decoration, so what it stands on needs a label. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Make a button of an icon alone, with its words for screen readers and as a tooltip. */
export function iconButton(name, label, onclick, props = {}) {
  return h("button", { type: "button", class: "bare", "aria-label": label, title: label, onclick, ...props }, icon(name));
}

const KEPT_AT_END = 9;

/** A name of any length on one line: where there is no room, its middle gives way, as its end tells most. */
export function cutName(text) {
  const letters = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  if (letters.length < 2 * KEPT_AT_END) return h("bdi", {}, text);
  const end = letters.length - KEPT_AT_END;
  return h("bdi", { class: "cut" }, h("span", {}, letters.slice(0, end).join("")), h("span", {}, letters.slice(end).join("")));
}

/** Make a button that stays pressed. */
export function press(button, pressed) {
  button.setAttribute("aria-pressed", String(Boolean(pressed)));
  return button;
}

/** Show a popover below the button that opens it, its right edge `beyond` pixels past the button's; or hide it. */
export function toggleBelow(panel, opener, beyond = 0) {
  panel.togglePopover();
  const { bottom, right } = opener.getBoundingClientRect();
  panel.style.top = `${bottom + 5}px`;
  panel.style.right = `${Math.max(8, document.documentElement.clientWidth - right - beyond)}px`;
}

/** Wait until calls have ceased for a while. */
export function settle(run, wait_ms) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(run, wait_ms, ...values);
  };
}

/** Show a menu below its button, walked with arrows, closed by Escape or a click elsewhere. */
export function menu(label, content, entries) {
  const list = h("div", { role: "menu", "aria-label": label, hidden: true });
  const button = h("button", { type: "button", "aria-haspopup": "menu", "aria-expanded": "false" }, content);
  const box = h("div", { class: "menu" }, button, list);
  const close = (focus) => {
    list.hidden = true;
    button.setAttribute("aria-expanded", "false");
    removeEventListener("pointerdown", outside, true);
    if (focus) button.focus();
  };
  const outside = (event) => box.contains(event.target) || close(false);
  button.addEventListener("click", () => {
    if (!list.hidden) return close(true);
    list.replaceChildren(
      ...entries().map(({ words, run, mark }) =>
        h("button", { type: "button", role: "menuitem", tabindex: "-1", onclick: () => (close(true), run()) }, mark ? icon(mark) : null, words),
      ),
    );
    list.hidden = false;
    button.setAttribute("aria-expanded", "true");
    addEventListener("pointerdown", outside, true);
    list.firstElementChild?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const items = [...list.children];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) items.at((items.indexOf(document.activeElement) + step) % items.length).focus();
    else if (event.key === "Escape") close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return box;
}
