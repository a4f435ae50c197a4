// The frame: which view is shown, the bar on top, and what works everywhere.

import { fetchAll, later } from "./base/later.js";
import { onSelect } from "./base/selection.js";
import { h, iconButton, press, settle } from "./base/dom.js";
import { refreshInfo } from "./base/info.js";
import { tellLost } from "./base/connection.js";
import { showKeys, watchKeys } from "./keys.js";
import { forgetTroubles, say, sayTrouble } from "./base/messages.js";
import { change, current, onChange, openAddress } from "./base/state.js";
import { watchHistory } from "./search/history.js";
import { watchDrops } from "./sound/drop.js";
import { auditionButton } from "./sound/audition.js";
import { watchPlayButtons } from "./sound/playbutton.js";
import * as player from "./sound/player.js";
import { forgetColours } from "./sound/waveform.js";
import { t, translateFrame } from "./base/text.js";
import { loadView } from "./views.js";

const showTray = later(() => import("./crate/tray.js"), "showTray");

const place = document.getElementById("view");
let shown = null;
let wanted = null;

const firstInfo = refreshInfo();

async function showView(state) {
  wanted = state.view;
  markNavigation(state);
  if (shown?.name === state.view) return shown.update(state);
  try {
    const [{ open }, info] = await Promise.all([fetchView(state.view), firstInfo]);
    if (wanted !== state.view) return;
    player.stop();
    shown?.close?.();
    const box = h("div", { class: "view" });
    place.replaceChildren(box);
    shown = { name: state.view, ...(await open(box, info)) };
    shown.update(current());
    loadOthers();
  } catch (error) {
    sayTrouble(error);
  }
}

/** What cannot be fetched of the page itself is a server that is gone. */
const fetchView = (name) =>
  loadView(name).catch(() => {
    tellLost();
    throw Object.assign(new Error(t("the_server_does_not_answer")), { status: 0 });
  });

const loadOthers = settle(fetchAll, 1500);

/** Say once that the server is gone, keep what is there, and go on by itself when it is back. */
function watchServer() {
  let close = () => null;
  addEventListener("serverlost", () => {
    close = say(t("the_server_does_not_answer_what"), { trouble: true, lasting: true });
  });
  addEventListener("serverback", () => {
    close();
    if (shown?.name !== current().view) return location.reload(); // its address has all that is needed
    forgetTroubles();
    refreshInfo().catch(sayTrouble);
    say(t("the_server_is_back"));
    return shown.update(current());
  });
}

function markNavigation(state) {
  const view = state.view === "hear" ? "search" : state.view;
  for (const link of document.querySelectorAll("nav [data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = { map: t("map"), library: t("library"), kit: t("kit"), crates: t("crates"), hear: t("deformed_title") }[state.view];
  document.title = title ? `${title} · soundkin` : "soundkin";
}

function fillBar() {
  const dark = () => document.documentElement.dataset.theme === "dark";
  const theme = h("span");
  const drawTheme = () => theme.replaceChildren(
    iconButton(dark() ? "sun" : "moon", dark() ? t("light_colours") : t("dark_colours"), () => dispatchEvent(new Event("toggletheme"))),
  );
  drawTheme();
  addEventListener("themechange", () => (drawTheme(), forgetColours()));
  const volume = h("input", { type: "range", class: "volume", min: 0, max: 1, step: 0.01, "aria-label": t("volume"), title: t("volume") });
  volume.value = player.getVolume();
  volume.addEventListener("input", () => player.setVolume(Number(volume.value)));
  const levels = press(iconButton("levels", t("play_all_sounds_equally_loud"), () => (player.matchLevels(!player.levelsMatch()), press(levels, player.levelsMatch()))), player.levelsMatch());
  document.getElementById("tools").append(...auditionButton(), levels, volume, theme, iconButton("help", t("keys"), showKeys));
}

/** The bar takes more than one line where there is little room; what is scrolled to stays clear of it. */
function watchBar() {
  const bar = document.querySelector(".bar");
  const tell = () => document.documentElement.style.setProperty("--bar-height", `${bar.offsetHeight}px`);
  new ResizeObserver(tell).observe(bar);
}

/** What is marked in one tab is marked in the others. */
function watchOtherTabs() {
  const channel = new BroadcastChannel("soundkin");
  let isHeard = false;
  channel.onmessage = () => {
    isHeard = true;
    dispatchEvent(new CustomEvent("tagschange"));
    refreshInfo().catch(() => null);
    isHeard = false;
  };
  addEventListener("tagschange", () => isHeard || channel.postMessage("tags"));
}

function watchLinks() {
  document.querySelector(".bar").addEventListener("click", (event) => {
    const link = event.target.closest("[data-view]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (link.matches(".wordmark")) change({ view: "search", sounds: [], liked: [], disliked: [] });
    else change({ view: link.dataset.view });
  });
}

player.on("trouble", sayTrouble);
player.on("locked", settle(() => say(t("click_or_press_a_key_once")), 200));
onChange(forgetTroubles);
onChange(showView);
translateFrame();
fillBar();
watchBar();
watchServer();
watchLinks();
watchKeys();
watchDrops();
watchPlayButtons();
onSelect(showTray);
watchHistory(firstInfo);
watchOtherTabs();
firstInfo.catch(sayTrouble);
openAddress();
