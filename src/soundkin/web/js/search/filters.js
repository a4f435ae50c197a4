// Filters and the sliders that weigh acoustic facts against the embedding.

import { h, settle } from "../base/dom.js";
import { folderTree } from "../base/foldertree.js";
import { NAME_WORDS } from "../base/format.js";
import { change, current, resetFilters } from "../base/state.js";
import { named, t } from "../base/text.js";

/** Make the panel for what a library holds; `update(state)` shows what is set. */
export function filterPanel(info) {
  const measured = info.facts.filter(({ min }) => min !== null);
  const parts = [
    leastAlike(),
    nameWords(),
    durations(),
    info.tags.length ? choices(t("tags"), "tags", info.tags.filter(({ tag }) => tag !== "favourite").map(({ tag, count }) => [tag, tag, count])) : null,
    toggle(t("only_favourites"), ({ filters }) => Boolean(filters.favourites), (on) => patch({ favourites: on || undefined })),
    toggle(t("leave_out_near_copies"), ({ fold }) => fold, (fold) => change({ fold })),
    info.folders.length ? folders() : null,
    info.extensions.length > 1 ? choices(t("file_type"), "extensions", info.extensions.map(({ extension, n_recordings }) => [extension, extension.replace(".", "").toUpperCase(), n_recordings])) : null,
    ...measured.map(factRange),
    ...info.facts.filter(({ kinds }) => kinds.length).map(({ name, title, kinds }) => choices(named("fact", name, title), "keys", kinds.map(({ name: kind, n_recordings }) => [kind, kind, n_recordings]))),
    weights(measured),
  ].filter(Boolean);
  const reset = h("button", { type: "button", onclick: resetFilters }, t("take_all_away"));
  const element = h("details", { class: "filters-box", open: innerWidth > 980 }, h("summary", {}, t("refine")), h("div", { class: "group-list" }, parts.map((part) => part.element), reset));
  const update = (state) => {
    parts.forEach((part) => part.update(state));
    reset.hidden = !isFiltered(state);
  };
  return { element: h("aside", { class: "filters", "aria-label": t("refine") }, element), update };
}

function isFiltered({ filters, weights, min_score, min_percentile }) {
  return min_score !== undefined || min_percentile !== undefined || Object.keys(weights).length > 0 || Object.values(filters).some((value) => (value && typeof value === "object" ? Object.keys(value).length : value));
}

const patch = (values) => change({ filters: { ...current().filters, ...values } });

function choices(title, name, options) {
  const rows = options.map(([value, words, n]) => {
    const box = h("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      const chosen = new Set(current().filters[name]);
      chosen[box.checked ? "add" : "delete"](value);
      patch({ [name]: [...chosen] });
    });
    return { value, box, element: h("label", { class: "choice", title: value }, box, h("span", {}, words), n !== undefined && h("span", { class: "n" }, n)) };
  });
  return {
    element: h("fieldset", { class: "group" }, h("legend", {}, title), h("div", { class: "choices", tabindex: rows.length > 6 ? "0" : undefined, role: "group", "aria-label": title }, rows.map((row) => row.element))),
    update: ({ filters }) => rows.forEach(({ value, box }) => (box.checked = filters[name].includes(value))),
  };
}

function toggle(words, read, write) {
  const box = h("input", { type: "checkbox" });
  box.addEventListener("change", () => write(box.checked));
  return { element: h("label", { class: "choice" }, box, h("span", {}, words)), update: (state) => (box.checked = read(state)) };
}

function range(title, read, write, { unit, step = t("any"), placeholders = [t("least"), t("most")] }) {
  const fields = placeholders.map((placeholder, i) => h("input", { type: "number", step, placeholder, "aria-label": `${title}, ${i ? t("most") : t("least")}` }));
  const apply = settle(() => write(fields.map((field) => (field.value === "" ? undefined : Number(field.value)))), 350);
  fields.forEach((field) => field.addEventListener("input", apply));
  return {
    element: h("fieldset", { class: "group" }, h("legend", {}, title, unit && h("span", { class: "quiet" }, ` ${unit}`)), h("div", { class: "pair" }, fields[0], h("span", { class: "quiet" }, t("range_to")), fields[1])),
    update: (state) => read(state).forEach((value, i) => document.activeElement !== fields[i] && (fields[i].value = value ?? "")),
  };
}

/** How much like the query a hit must be, by its score or by its percentile. */
function leastAlike() {
  const bounds = [[t("score_word"), "min_score", -1, 1, 0.05], [t("percentile_word"), "min_percentile", 0, 100, 0.1]];
  const fields = bounds.map(([words, name, low, high, step]) => {
    const field = h("input", { type: "number", min: low, max: high, step, placeholder: words, "aria-label": t("least_of_hits", { a: words }) });
    const read = () => (field.value === "" ? undefined : Math.max(low, Math.min(high, Number(field.value))));
    field.addEventListener("input", settle(() => change({ [name]: read() }), 350));
    return { name, field };
  });
  return {
    element: h("fieldset", { class: "group" }, h("legend", {}, t("at_least_this_alike")), h("div", { class: "pair" }, fields[0].field, h("span", { class: "quiet" }, t("and")), fields[1].field)),
    update: (state) => fields.forEach(({ name, field }) => document.activeElement !== field && (field.value = state[name] ?? "")),
  };
}

/** Words of the folder, name and tags; the server knows the rule. */
function nameWords() {
  const field = h("input", { type: "search", placeholder: NAME_WORDS, maxlength: 200, spellcheck: "false", "aria-label": t("words_of_name_folder_or_tags") });
  field.addEventListener("input", settle(() => patch({ name: field.value.trim() || undefined }), 350));
  return {
    element: h("fieldset", { class: "group" }, h("legend", {}, t("name_folder_or_tag")), field),
    update: ({ filters }) => document.activeElement !== field && (field.value = filters.name ?? ""),
  };
}

function folders() {
  const tree = folderTree(() => ({ folders: current().filters.folders, not_folders: current().filters.not_folders }), patch);
  return { element: h("fieldset", { class: "group" }, h("legend", {}, t("folders")), tree.element), update: tree.update };
}

function durations() {
  return range(
    t("length"),
    ({ filters }) => [filters.min_duration_s, filters.max_duration_s],
    ([min_duration_s, max_duration_s]) => patch({ min_duration_s, max_duration_s }),
    { unit: "s" },
  );
}

function factRange(fact) {
  const digits = Math.round(-Math.log10(fact.step ?? 0.1));
  const shown = (value) => (value === undefined || value === null ? undefined : String(Number(value.toFixed(digits))));
  return range(
    named("fact", fact.name, fact.title ?? fact.name),
    ({ filters }) => filters.facts[fact.name] ?? [undefined, undefined],
    ([low, high]) => {
      const facts = { ...current().filters.facts };
      if (low === undefined && high === undefined) delete facts[fact.name];
      else facts[fact.name] = [low ?? null, high ?? null];
      patch({ facts });
    },
    { unit: fact.unit, step: fact.step ?? undefined, placeholders: [shown(fact.min) ?? t("least"), shown(fact.max) ?? t("most")] },
  );
}

function weights(facts) {
  if (!facts.length) return null;
  const rows = facts.map((fact) => {
    const slider = h("input", { type: "range", min: 0, max: 1, step: 0.05 });
    slider.addEventListener("input", settle(() => {
      const weights = { ...current().weights, [fact.name]: Number(slider.value) };
      if (!weights[fact.name]) delete weights[fact.name];
      change({ weights }, { replace: true });
    }, 160));
    return { fact, slider, element: h("label", { class: "weigh" }, named("fact", fact.name, fact.title ?? fact.name), slider) };
  });
  return {
    element: h("fieldset", { class: "group" }, h("legend", {}, t("also_alike_in")), rows.map((row) => row.element)),
    update: ({ weights }) => rows.forEach(({ fact, slider }) => document.activeElement !== slider && (slider.value = weights[fact.name] ?? 0)),
  };
}
