// Tags that tagged neighbours suggest for untagged recordings, accepted or rejected by hand.

import { changeTags, loadSuggestions, rejectSuggestion } from "../base/api.js";
import { h, icon, iconButton } from "../base/dom.js";
import { length } from "../base/format.js";
import { sayTrouble } from "../base/messages.js";
import * as player from "../sound/player.js";
import { t } from "../base/text.js";

const SHOWN = 40;

export function suggestionPanel() {
  const list = h("ul", { class: "suggestions" });
  const element = h("div", {}, h("p", { class: "quiet" }, t("sounds_without_tags_beside_tagged_ones")), list);

  async function update() {
    try {
      const found = await loadSuggestions(SHOWN);
      list.replaceChildren(...(found.length ? found.map(item) : [h("li", { class: "quiet" }, t("nothing_to_suggest_tag_some_sounds"))]));
    } catch (error) {
      sayTrouble(error);
    }
  }

  function item({ id, tag, recording, because_recording: because }) {
    const accept = h("button", { type: "button", class: "accept" }, icon("check"), t("accept"));
    const reject = iconButton("close", t("reject_for", { a: tag, b: recording.name }), () => rejectSuggestion(id, tag).then(() => row.remove(), sayTrouble), { class: "bare reject" });
    accept.addEventListener("click", async () => {
      try {
        await changeTags([id], [tag], []);
        row.remove();
        dispatchEvent(new CustomEvent("tagschange"));
      } catch (error) {
        sayTrouble(error);
      }
    });
    const row = h(
      "li",
      {},
      play(recording),
      h("span", { class: "what" }, h("b", {}, recording.name), h("span", { class: "quiet small" }, ` ${length(recording.duration_s)}`)),
      h("span", { class: "tag" }, tag),
      h("span", { class: "quiet small because" }, t("suggested_like"), because.name, play(because, "bare tiny")),
      accept,
      reject,
    );
    return row;
  }
  return { element, update, close: () => null };
}

function play({ id, name, duration_s }, kind = "bare") {
  return iconButton("play", t("play", { a: name }), () => player.toggle({ id, length_s: duration_s }), { class: kind });
}
