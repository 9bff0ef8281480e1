/** What will be said, word by word in plain spelling; each word can be heard and be said otherwise. */

import { ask } from "./ask.js";
import { edited } from "./checking.js";
import { dialog, field, h } from "./dom.js";
import * as player from "./player.js";
import { rowOf, state, tell, voiceOf } from "./state.js";

/** The question's part that every reading needs. */
const asked = (speaker) => ({ speaker, cast: { [speaker]: voiceOf(speaker) }, settings: state.settings });

/** A line "Will be said: ..." for a row; `fill(row)` brings it up to date. */
export function readingOf(root, id) {
  const line = h("p", { class: "reading", "aria-live": "off" });
  let drawn = "";
  const fill = async (row) => {
    const key = JSON.stringify([row.text, row.speaker, voiceOf(row.speaker), state.settings.words, state.settings.directions]);
    if (key === drawn) return;
    drawn = key;
    const answer = await ask("reading", { text: row.text, ...asked(row.speaker) });
    if (drawn !== key || answer.error) return;
    line.replaceChildren(h("span", { class: "reading-label" }, "Will be said: "), ...answer.words.flatMap((word) => [wordButton(root, id, word), " "]));
    if (!answer.words.length) line.append("nothing");
  };
  return { element: line, fill };
}

function wordButton(root, id, word) {
  const own = state.settings.words[word.text];
  const kind = own ? "own" : word.guessed ? "guessed" : word.respelled ? "respelled" : "";
  const told = { own: "as your dictionary says", guessed: "in no dictionary, read by its letters", respelled: "spelled out" }[kind];
  return h("button", { type: "button", class: `said ${kind}`, title: told || "as it is written", "aria-label": `${word.spoken}${told ? `, ${told}` : ""}: hear or change`, onclick: () => change(root, id, word) }, word.spoken || word.text);
}

async function change(root, id, word) {
  const { speaker } = rowOf(id);
  let phonemes = word.phonemes; // of what is tried
  await dialog(root, `How “${word.text}” is said`, (close) => {
    const told = h("p", { role: "status" }, word.guessed ? "No dictionary has this word; it is read by its letters." : `It is said “${word.spoken}”.`);
    const signs = h("small", { class: "signs" }, `Sounds: /${word.phonemes}/`);
    const like = h("input", { type: "text", maxlength: 100, placeholder: "toe mah toe", autocomplete: "off" });
    const hearIt = async (button) => {
      if (!(await understand())) return;
      button.disabled = true;
      const answer = await ask("hear_word", { word: word.text, phonemes, ...asked(speaker) });
      button.disabled = false;
      if (answer.error) complain(answer.error);
      else player.playSolo(answer.file);
    };
    const complain = (text) => { told.textContent = text; told.className = "error"; };
    const understand = async () => {
      const written = like.value.trim();
      told.className = "";
      if (!written) { phonemes = word.phonemes; return true; }
      if (/^\/.+\/$/.test(written)) phonemes = written.slice(1, -1);
      else {
        const answer = await ask("respell", { text: written, ...asked(speaker), settings: { ...state.settings, words: {} } });
        if (answer.error) { complain(answer.error); return false; }
        phonemes = answer.phonemes;
      }
      signs.textContent = `Sounds: /${phonemes}/`;
      return true;
    };
    const here = async () => {
      if (!(await understand())) return;
      const row = rowOf(id);
      row.text = row.text.replace(word.text, () => `[${word.text}](/${phonemes}/)`);
      edited("rows", `how ${word.text} is said`);
      tell("rows");
      close();
    };
    const everywhere = async () => {
      if (!(await understand())) return;
      state.settings.words = { ...state.settings.words, [word.text]: phonemes };
      learnt(`how ${word.text} is said`);
      close();
    };
    const hear = h("button", { type: "button", class: "quiet", onclick: () => hearIt(hear) }, "Hear it");
    const own = state.settings.words[word.text];
    return h("form", { onsubmit: (event) => { event.preventDefault(); everywhere(); } },
      told, field("Say it like", like, "In plain letters, as it sounds; or in phonetic signs between slashes."), signs,
      h("div", { class: "actions" }, hear,
        own && h("button", { type: "button", class: "quiet", onclick: () => { forgetWord(word.text); close(); } }, "As before"),
        !own && h("button", { type: "button", class: "quiet", onclick: here }, "Only here"),
        h("button", { class: "main" }, "Everywhere in this dialogue")));
  });
}

function learnt(label) {
  edited(state.source, label);
  tell("rows");
  tell("voices");
}

function forgetWord(word) {
  const { [word]: _, ...others } = state.settings.words;
  state.settings.words = others;
  learnt(`how ${word} is said`);
}

/** The dialogue's dictionary, for the settings. */
export function dictionary() {
  const list = h("ul", { class: "dictionary" });
  const box = h("div", {}, h("p", { class: "field-label" }, "Dictionary of this dialogue"), list);
  const draw = () => {
    const words = Object.entries(state.settings.words);
    box.hidden = !words.length;
    list.replaceChildren(...words.map(([word, phonemes]) => h("li", {}, h("b", {}, word), ` /${phonemes}/ `, h("button", { type: "button", class: "link", "aria-label": `Take ${word} out of the dictionary`, onclick: () => forgetWord(word) }, "Take out"))));
  };
  return { box, draw };
}
