// Tags that tagged neighbours suggest for untagged recordings, accepted or rejected by hand.

import { changeTags, loadSound, loadSuggestions } from "./api.js";
import { h, icon, iconButton } from "./dom.js";
import { sayTrouble } from "./messages.js";
import * as player from "./player.js";
import { length } from "./words.js";

const SHOWN = 40;

export function suggestionPanel() {
  const list = h("ul", { class: "suggestions" });
  const element = h("div", {}, h("p", { class: "quiet" }, "Sounds without tags, beside tagged ones that they are most like. Nothing is tagged until you say so."), list);
  const rejected = new Set(JSON.parse(localStorage.getItem("rejected") ?? "[]"));

  async function update() {
    try {
      const sent = await loadSuggestions(SHOWN);
      const open = (sent.suggestions ?? sent).filter((one) => !rejected.has(keyOf(one)));
      const facts = new Map(await Promise.all([...new Set(open.flatMap(({ id, because }) => [id, because]))].map(async (id) => [id, await loadSound(id).catch(() => null)])));
      const items = open.filter(({ id, because }) => facts.get(id) && facts.get(because)).map((one) => item(one, facts.get(one.id), facts.get(one.because)));
      list.replaceChildren(...(items.length ? items : [h("li", { class: "quiet" }, "Nothing to suggest. Tag some sounds first; their neighbours then show up here.")]));
    } catch (error) {
      sayTrouble(error);
    }
  }

  function item(suggestion, sound, because) {
    const done = () => row.remove();
    const accept = h("button", { type: "button" }, icon("check"), "Accept");
    accept.addEventListener("click", () => changeTags([suggestion.id], [suggestion.tag], []).then(() => (done(), dispatchEvent(new CustomEvent("tagschange"))), sayTrouble));
    const reject = h("button", { type: "button", class: "bare", "aria-label": `Reject ${suggestion.tag} for ${sound.name}`, title: "Reject" }, icon("close"));
    reject.addEventListener("click", () => {
      rejected.add(keyOf(suggestion));
      localStorage.setItem("rejected", JSON.stringify([...rejected].slice(-2000)));
      done();
    });
    const row = h(
      "li",
      {},
      iconButton("play", `Play ${sound.name}`, () => player.toggle({ id: sound.id, length_s: sound.duration_s })),
      h("span", { class: "what" }, h("b", {}, sound.name), h("span", { class: "quiet small" }, ` ${length(sound.duration_s)}`)),
      h("span", { class: "tag" }, suggestion.tag),
      h("span", { class: "quiet small because" }, "like ", because.name, iconButton("play", `Play ${because.name}`, () => player.toggle({ id: because.id, length_s: because.duration_s }), { class: "bare tiny" })),
      accept,
      reject,
    );
    return row;
  }
  return { element, update, close: () => null };
}

const keyOf = ({ id, tag }) => `${id} ${tag}`;
