// The page's words in the language that the browser asks for: a table for each, of which English is whole.

import english from "../text/en.js";

const OTHERS = { de: () => import("../text/de.js"), ja: () => import("../text/ja.js") };
export const LANGUAGES = { en: "English", de: "Deutsch", ja: "日本語" };

/** The language that was chosen here, else the first that the browser names and the page has. */
function chooseLanguage() {
  const wanted = [localStorage.getItem("language"), ...navigator.languages].filter(Boolean);
  return wanted.map((one) => one.slice(0, 2)).find((one) => one in LANGUAGES) ?? "en";
}

export const language = chooseLanguage();
document.documentElement.lang = language;
const table = language === "en" ? english : { ...english, ...(await OTHERS[language]()).default };
const rules = new Intl.PluralRules(language);

const fill = (words, values) => words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

/** What is called `key` in the tables; `{a}` in it stands for `values.a`. */
export const t = (key, values = {}) => fill(table[key], values);

/** The same of something that is counted: tables have one and more parted by a bar, where a language has two. */
export function tn(key, n, values = {}) {
  const forms = table[key].split("|");
  return fill(rules.select(n) === "one" ? forms[0] : forms.at(-1), { n: number(n), ...values });
}

export const number = (n) => n.toLocaleString(language);

/** What a thing is called that the server names in English, as facts and formats are. */
export const named = (kind, name, otherwise) => table[`${kind}_${name}`] ?? otherwise;

/** Put the words of the page's frame, which is there before any script, into the language. */
export function translateFrame() {
  if (language === "en") return;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = t(element.dataset.text);
  for (const element of document.querySelectorAll("[data-label]")) element.setAttribute("aria-label", t(element.dataset.label));
}

export function chooseOther(name) {
  localStorage.setItem("language", name);
  location.reload();
}
