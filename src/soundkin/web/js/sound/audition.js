// How sounds are heard, as one small panel of the bar: at a tempo, at a note, by which device.

import { h, iconButton, settle, toggleBelow } from "../base/dom.js";
import { sayTrouble } from "../base/messages.js";
import * as player from "./player.js";
import { tune, tuning } from "./tuning.js";
import { t } from "../base/text.js";

/** A button that opens the panel; it shows whether sounds are bent. */
export function auditionButton() {
  const opener = iconButton("tune", t("how_sounds_are_heard"), open, { "aria-haspopup": "dialog" });
  const panel = h("div", { class: "audition", popover: "auto", role: "dialog", "aria-label": t("how_sounds_are_heard") });
  const tell = () => opener.setAttribute("aria-pressed", String(tuning().atTempo || tuning().atNote));
  panel.append(...controls(tell));
  tell();

  function open() {
    toggleBelow(panel, opener, 40);
    if (panel.matches(":popover-open")) panel.querySelector(".devices")?.fill();
  }
  return [opener, panel];
}

function controls(tell) {
  const box = (name, words) => {
    const field = h("input", { type: "checkbox", checked: tuning()[name], onchange: () => (tune({ [name]: field.checked }), tell()) });
    return [field, h("label", { class: "choice" }, field, h("span", {}, words))];
  };
  const [atTempo, tempoBox] = box("atTempo", t("loops_at_this_tempo"));
  const tempo = h("input", { type: "number", min: 20, max: 400, step: 0.01, "aria-label": t("tempo_in_bpm"), value: tuning().tempo });
  tempo.addEventListener("input", settle(() => {
    if (!(tempo.value >= 20 && tempo.value <= 400)) return;
    tune({ tempo: Number(tempo.value), atTempo: true });
    atTempo.checked = true;
    tell();
  }, 250));
  const [, noteBox] = box("atNote", t("tones_at_the_query_s_note"));
  return [
    h("div", { class: "row" }, tempoBox, tempo, h("span", { class: "quiet small" }, "BPM")),
    noteBox,
    player.canChooseSink() && devices(),
    h("p", { class: "quiet small" }, t("pitch_stays_where_time_is_stretched")),
  ].filter(Boolean);
}

/** The devices that sound can go to; browsers name them once a microphone was allowed. */
function devices() {
  const list = h("select", { class: "devices", "aria-label": t("output_device"), onchange: () => player.chooseSink(list.value) });
  list.fill = async () => {
    const all = await navigator.mediaDevices?.enumerateDevices().catch(sayTrouble);
    const outputs = (all ?? []).filter(({ kind, deviceId }) => kind === "audiooutput" && deviceId && deviceId !== "default");
    list.replaceChildren(h("option", { value: "" }, t("the_system_s_output")), ...outputs.map(({ deviceId, label }, i) => h("option", { value: deviceId }, label || t("output", { a: i + 1 }))));
    list.value = player.getSink();
  };
  list.fill();
  return h("label", { class: "row small" }, t("through"), list);
}
