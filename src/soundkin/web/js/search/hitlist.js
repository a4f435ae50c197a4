// A list of hits, as cards or as lines: walked with the keyboard, heard under the pointer, moved gently when
// ranks change.

import { changeFavourite } from "../base/api.js";
import { h } from "../base/dom.js";
import { carry } from "./export.js";
import { stem } from "../base/format.js";
import { later } from "../base/later.js";
import { say, sayTrouble, whisper } from "../base/messages.js";
import { addSound, change, current, isMarkOf, searchFrom } from "../base/state.js";
import { hearUnderPointer, hoverPlays } from "../sound/hover.js";
import * as player from "../sound/player.js";
import { isSelected, onSelect, select, selectTo } from "../base/selection.js";
import { card, cardKey, stretchOf } from "./card.js";
import { lineTable } from "./lines.js";
import { t } from "../base/text.js";

const showMore = later(() => import("./more.js"), "showMore");
const HOVER_MS = 90;
const MOVED_CARDS = 40;

const sameMark = (hit) => (mark) => isMarkOf(mark, hit);

/** Cards in a grid: what holds them, what one is made of, and in what order they are. */
function cardGrid(label) {
  const element = h("ul", { class: "cards", "aria-label": label });
  return {
    element,
    make: (hit, acts) => {
      const made = card(hit, acts);
      return Object.assign(made, { item: h("li", {}, made.element) });
    },
    order: (made) => made,
    fill: (made) => element.replaceChildren(...made.map(({ item }) => item)),
    select: (made, is) => made.element.toggleAttribute("data-selected", is),
    onsort: () => null,
  };
}

const FORMS = { cards: cardGrid, lines: lineTable };

/**
 * Make a list in the form of `cards` or `lines`; `show(hits)` fills it, `why(hit)` is called where a card shall
 * say why it is there, `query()` gives the sound that hits are heard beside.
 */
export function hitList({ label, why = null, query = () => null, form = "cards" }) {
  const grid = FORMS[form](label);
  const { element } = grid;
  let cards = new Map();
  let focused = null;

  const acts = {
    from: (hit) => searchFrom(fromHit(hit)),
    plus: (hit) => addSound(fromHit(hit)),
    minus: (hit) => addSound({ ...fromHit(hit), weight: -0.5 }),
    like: (hit) => judge(hit, "liked", "disliked"),
    dislike: (hit) => judge(hit, "disliked", "liked"),
    favourite,
    why,
    more: (hit, button) => showMore(hit, button, why),
  };

  async function favourite(hit) {
    const changed = { ...hit, favourite: !hit.favourite };
    update(changed);
    hit.favourite = changed.favourite;
    try {
      await changeFavourite([hit.id], changed.favourite);
      whisper(t(changed.favourite ? "is_favourite" : "is_no_favourite", { a: stem(hit.name) }));
      dispatchEvent(new CustomEvent("tagschange"));
    } catch (error) {
      hit.favourite = !changed.favourite;
      update(hit);
      sayTrouble(error);
    }
  }

  function update(hit) {
    const { liked, disliked } = current();
    for (const one of cards.values()) {
      if (one.hit().id !== hit.id) continue;
      const shown = { ...one.hit(), favourite: hit.favourite };
      one.update(shown, { liked: liked.some(sameMark(shown)), disliked: disliked.some(sameMark(shown)) });
    }
  }

  /** Show hits; with `anew` the first of them has the focus, if one had it. */
  function show(hits, { anew = false } = {}) {
    const { liked, disliked } = current();
    const before = positions(cards);
    const next = new Map();
    for (const hit of hits) {
      const key = cardKey(hit);
      const made = cards.get(key) ?? makeItem(hit);
      made.update(hit, { liked: liked.some(sameMark(hit)), disliked: disliked.some(sameMark(hit)) });
      next.set(key, made);
    }
    for (const [key, made] of cards) if (!next.has(key)) made.close();
    const hadFocus = element.contains(document.activeElement);
    cards = new Map(grid.order([...next.values()]).map((made) => [cardKey(made.hit()), made]));
    grid.fill([...cards.values()]);
    if (anew || !cards.has(focused)) focused = cards.keys().next().value ?? null;
    cards.forEach((made, key) => (made.element.tabIndex = key === focused ? 0 : -1));
    if (hadFocus) cards.get(focused)?.element.focus({ preventScroll: true });
    slide(cards, before);
    prefetchSeen();
  }

  /** Put what is there into the order that is chosen now. */
  function sort() {
    cards = new Map(grid.order([...cards.values()]).map((made) => [cardKey(made.hit()), made]));
    grid.fill([...cards.values()]);
  }

  function makeItem(hit) {
    const made = grid.make(hit, acts);
    grid.select(made, isSelected(hit));
    made.element.addEventListener("dragstart", (event) => carry(event, made.hit()));
    seen.observe(made.element);
    return made;
  }

  const cardOf = (node) => cards.get(node?.closest?.(".hit")?.dataset.key);

  // Segments near the screen are fetched before anyone asks for them.
  const near = new Set();
  const seen = new IntersectionObserver((entries) => {
    entries.forEach(({ target, isIntersecting }) => near[isIntersecting ? "add" : "delete"](target.dataset.key));
    prefetchSeen();
  }, { rootMargin: "120px" });
  const prefetchSeen = () => player.prefetch([...cards].filter(([key]) => near.has(key)).map(([, made]) => made.stretch));

  const underPointer = (node) => {
    const made = cardOf(node);
    return made ? { box: made.element, sound: made.stretch } : null;
  };
  const takeBack = hearUnderPointer(element, underPointer, HOVER_MS);
  element.addEventListener("click", (event) => {
    const made = cardOf(event.target);
    if (!made || event.target.closest("button")) return;
    takeBack();
    if (event.shiftKey || event.ctrlKey || event.metaKey) return choose(made, event);
    focus(made, false);
    if (!(hoverPlays() && event.pointerType === "mouse")) player.toggle(made.stretch);
    else player.play(made.stretch);
    return undefined;
  });
  element.addEventListener("dblclick", (event) => {
    const made = cardOf(event.target);
    if (made && !event.target.closest("button")) acts.from(made.hit());
  });

  /** Select one more or one less, or with Shift all from the last one on. */
  function choose(made, event) {
    event.preventDefault();
    getSelection()?.removeAllRanges();
    focus(made, false);
    if (event.shiftKey) selectTo(made.hit(), hits());
    else select(made.hit(), !isSelected(made.hit()));
  }

  const hits = () => [...cards.values()].map((made) => made.hit());

  function focus(made, sound = true) {
    focused = cardKey(made.hit());
    cards.forEach((other) => (other.element.tabIndex = other === made ? 0 : -1));
    made.element.focus({ preventScroll: true });
    made.element.scrollIntoView({ block: "nearest" });
    if (sound) player.play(made.stretch);
  }

  function step(made, key) {
    const all = [...cards.values()];
    const at = all.indexOf(made);
    const top = all[0].item.offsetTop;
    const n_columns = Math.max(1, all.findIndex((other) => other.item.offsetTop > top));
    const to = at + { ArrowRight: 1, ArrowLeft: -1, ArrowDown: n_columns, ArrowUp: -n_columns, Home: -at, End: all.length - 1 - at }[key];
    if (all[to]) focus(all[to]);
  }

  const KEYS = {
    " ": (made, event) => player.toggle(made.stretch, { loop: event.shiftKey }),
    a: (made) => query() && player.toggleTurns([query(), made.stretch]),
    Enter: (made) => acts.from(made.hit()),
    f: (made) => favourite(made.hit()),
    "+": (made) => acts.plus(made.hit()),
    "=": (made) => acts.plus(made.hit()),
    "-": (made) => acts.minus(made.hit()),
    l: (made) => acts.like(made.hit()),
    d: (made) => acts.dislike(made.hit()),
    w: (made) => why?.(made.hit()),
    x: (made) => select(made.hit(), !isSelected(made.hit())),
    m: (made) => acts.more(made.hit(), made.element),
    h: (made) => change({ view: "hear", sounds: [{ ...fromHit(made.hit()), weight: 1 }] }),
  };

  element.addEventListener("keydown", (event) => {
    const made = event.target.classList.contains("hit") ? cardOf(event.target) : null;
    if (!made || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key] ?? (/^(Arrow|Home|End)/.test(event.key) ? () => step(made, event.key) : null);
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey && /^Arrow/.test(event.key)) selectTo(made.hit(), [made.hit()]);
    act(made, event);
    const now = cards.get(focused);
    if (event.shiftKey && /^Arrow/.test(event.key)) selectTo(now.hit(), hits());
  });
  element.addEventListener("focusin", (event) => {
    const made = cardOf(event.target);
    element.querySelectorAll(".hit button").forEach((button) => (button.tabIndex = made?.element.contains(button) ? 0 : -1));
  });

  const stops = [
    player.on("start", (key) => cards.forEach((made) => made.element.classList.toggle("playing", player.keyOf(made.stretch) === key))),
    player.on("stop", () => element.querySelectorAll(".playing").forEach((one) => one.classList.remove("playing"))),
    onSelect(() => cards.forEach((made) => grid.select(made, isSelected(made.hit())))),
  ];
  grid.onsort(sort);
  return {
    element,
    show,
    focusFirst: (sound = true) => cards.size && focus(cards.get(focused) ?? [...cards.values()][0], sound),
    hits,
    close: () => (stops.forEach((stop) => stop()), cards.forEach((made) => made.close()), seen.disconnect()),
  };
}

/** The sound that a search from a hit begins with: its stretch, or all of a recording that is no longer. */
export function fromHit(hit) {
  const { id, start_s, end_s } = stretchOf(hit);
  return { id, start_s, end_s };
}

function judge(hit, list, other) {
  const state = current();
  const marked = state[list].some(sameMark(hit));
  const without = (marks) => marks.filter((mark) => !sameMark(hit)(mark));
  change({
    [list]: marked ? without(state[list]) : [...state[list], { id: hit.id, start_s: hit.start_s }],
    [other]: without(state[other]),
  });
  if (list === "disliked" && !marked) say(t("is_left_out", { a: stem(hit.name) }), { act: { words: t("bring_it_back"), run: () => change({ disliked: current().disliked.filter((mark) => !sameMark(hit)(mark)) }) } });
}

function positions(cards) {
  if (!cards.size) return null;
  return new Map([...cards].slice(0, MOVED_CARDS).map(([key, made]) => [key, made.element.getBoundingClientRect()]));
}

function slide(cards, before) {
  if (!before || matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  for (const [key, made] of [...cards].slice(0, MOVED_CARDS)) {
    const old = before.get(key);
    const now = made.element.getBoundingClientRect();
    if (old && (old.x !== now.x || old.y !== now.y)) {
      made.element.animate([{ transform: `translate(${old.x - now.x}px, ${old.y - now.y}px)` }, { transform: "none" }], { duration: 320, easing: "cubic-bezier(0.2, 0.7, 0.2, 1)" });
    } else if (!old) {
      made.element.animate([{ opacity: 0, transform: "translateY(8px)" }, { opacity: 1, transform: "none" }], { duration: 240, easing: "ease-out" });
    }
  }
}
