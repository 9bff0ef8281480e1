/** All voices there are, to hear and to choose from: by sex, accent, or words of what is known of them. */

import { ask } from "./ask.js";
import { dialog, field, h, setSign, signButton } from "./dom.js";
import * as player from "./player.js";
import { state } from "./state.js";

const KINDS = { "built in": "Built in", kept: "Kept", mine: "Yours" };
let hearing = null; // the button of the voice that is heard

/** Resolves to the reference of the voice that is chosen, or undefined. */
export async function gallery(root, speaker, chosen) {
  const ref = await dialog(root, `A voice for ${speaker}`, (close) => {
    const kinds = (key) => [...new Set(state.voices.map((voice) => voice[key]).filter(Boolean))].sort();
    const choice = (label, options) => {
      const select = h("select", { onchange: () => draw() }, h("option", { value: "" }, "Any"), ...options.map((one) => h("option", { value: one }, one)));
      return { select, element: field(label, select) };
    };
    const [sex, accent] = [choice("Sex", kinds("sex")), choice("Accent", kinds("accent"))];
    const words = h("input", { type: "search", placeholder: "Name, age or what is known", "aria-label": "Search the voices", oninput: () => draw() });
    const list = h("ul", { class: "list voices" });
    const draw = () => {
      const wanted = words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const found = state.voices.filter((voice) => (!sex.select.value || voice.sex === sex.select.value) && (!accent.select.value || voice.accent === accent.select.value)
        && wanted.every((word) => about(voice).toLowerCase().includes(word)));
      list.replaceChildren(...found.map((voice) => entry(voice, voice.ref === chosen, close)));
      if (!found.length) list.append(h("li", {}, "There is no such voice."));
    };
    draw();
    return [h("div", { class: "publish" }, sex.element, accent.element), words, list];
  });
  player.quiet();
  return ref;
}

const about = (voice) => [voice.name, voice.about, voice.age, voice.sex, voice.accent, KINDS[voice.kind]].filter(Boolean).join(", ");

function entry(voice, isChosen, close) {
  const play = signButton("play", `Hear ${voice.name}`, async () => {
    if (hearing === play) { player.quiet(); return; }
    const answer = await ask("sample", { ref: voice.ref });
    if (answer.error) { play.disabled = true; play.title = answer.error; return; }
    const over = player.playSolo(answer.file);
    hearing = play;
    setSign(play, "pause", `Stop ${voice.name}`);
    await over;
    if (hearing === play) hearing = null;
    setSign(play, "play", `Hear ${voice.name}`);
  });
  return h("li", { class: "voice" }, play, h("button", { type: "button", class: "choice", "aria-label": `Choose ${voice.name}`, "aria-pressed": String(isChosen), onclick: () => close(voice.ref) },
    h("b", {}, voice.name), h("span", {}, [voice.about, KINDS[voice.kind]].filter(Boolean).join(", "))));
}
