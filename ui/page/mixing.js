/** Levels, music, effects and loudness of the whole: everything beside the words. The server mixes; nothing is computed anew. */

import { ask, upload } from "./ask.js";
import { edited } from "./checking.js";
import { dialog, field, h } from "./dom.js";
import { fitting, levelOf, newBed, newEffect, newIntro, sameMix, withLevel } from "./mixes.js";
import { colourOf, placeOf, state, tell } from "./state.js";

const SOON_MS = 400;
const LARGEST = 20_000_000;
const CHOOSE = "\u0000file";
export const MASTERS = [["", "As it is"], ["podcast", "Podcast, −16 LUFS"], ["broadcast", "Broadcast, −23 LUFS (EBU R128)"], ["audiobook", "Audiobook, −20 dB RMS (ACX)"]];
let box;
let body;
let actions; // {complain, news, version}
let timer = 0;
let drawn = "";

export const mixNow = () => fitting(state.mix, state.rows.map((row) => row.id), state.speakers);
export const isMixed = () => !state.result || sameMix(state.result.mix, mixNow());

/** The box; `given` has what making.js does. */
export function mixingBox(given) {
  actions = given;
  body = h("div", {});
  box = h("details", { class: "sheet-box settings mixing" }, h("summary", {}, h("h2", {}, "Sound and music")), body);
  box.addEventListener("toggle", () => drawMixing(true));
  return box;
}

/** Something of the mix is another: kept at once, heard soon. */
function change(values) {
  state.mix = { ...state.mix, ...values };
  edited(state.source);
  mixSoon();
  tell("mix");
}

/** Have what is made mixed as the page says, when nobody moved a slider for a moment. */
export function mixSoon() {
  clearTimeout(timer);
  timer = setTimeout(async () => {
    if (!state.result || state.job || isMixed()) return;
    const answer = await ask("arrange", { work: state.work, mix: mixNow(), since: actions.version() });
    if (answer.error) actions.complain(answer.error);
    else actions.news(answer);
  }, SOON_MS);
}

/** Send a sound file; its name here, or undefined where it cannot serve. */
async function bring(file) {
  if (file.size > LARGEST) { actions.complain("The sound is larger than 20 MB; save it as MP3 or FLAC, or cut it."); return undefined; }
  let answer;
  try {
    answer = await ask("bring_sound", { path: (await upload(file)).path, name: file.name });
  } catch {
    answer = { error: "The sound could not be sent; try again." };
  }
  if (answer.error) { actions.complain(answer.error); return undefined; }
  state.sounds = answer.sounds;
  return answer.name;
}

/** A choice of a sound that is here, none, or a file. */
function soundChoice(label, chosen, choose) {
  const names = [...new Set([...state.sounds.map((sound) => sound.name), ...(chosen ? [chosen] : [])])];
  const file = h("input", { type: "file", accept: "audio/*,.wav,.flac,.mp3,.ogg,.opus", class: "unseen", tabindex: -1, "aria-label": `Sound file: ${label}`,
    onchange: async () => { const name = file.files[0] && await bring(file.files[0]); file.value = ""; if (name) choose(name); else drawMixing(true); } });
  const select = h("select", { onchange: () => { if (select.value === CHOOSE) { select.value = chosen || ""; file.click(); } else choose(select.value); } },
    h("option", { value: "" }, "None"), ...names.map((name) => h("option", { value: name }, name)), h("option", { value: CHOOSE }, "Choose a file…"));
  select.value = chosen || "";
  return h("div", {}, field(label, select), file);
}

function slider(label, value, [min, max, step], set, unit = "dB") {
  const output = h("output", {}, `${value} ${unit}`);
  const input = h("input", { type: "range", min, max, step, value, "aria-label": label, oninput: () => { output.textContent = `${input.value} ${unit}`; set(Number(input.value)); } });
  return h("label", { class: "mix-slider" }, h("span", {}, label), input, output);
}

function levels() {
  return h("div", { class: "levels" }, ...state.speakers.map((speaker) => {
    const now = () => levelOf(state.mix, speaker);
    const mute = h("input", { type: "checkbox", checked: now().muted, "aria-label": `Mute ${speaker}`, onchange: () => change(withLevel(state.mix, { ...now(), muted: mute.checked })) });
    return h("div", { class: "level", style: `--who: var(--s${colourOf(speaker)})` },
      slider(`Level of ${speaker}`, now().gain_db, [-24, 6, 1], (gain) => change(withLevel(state.mix, { ...now(), gain_db: gain }))),
      h("label", { class: "mute" }, mute, "mute"));
  }));
}

/** Another loudness of the whole. */
export const chooseMaster = (name) => { change({ master: name || null }); drawMixing(true); };

const part = (key) => (values) => change({ [key]: { ...state.mix[key], ...values } });

function introPart() {
  const { intro } = state.mix;
  const choice = soundChoice("Intro", intro?.sound, (name) => change({ intro: name ? { ...(intro || newIntro(name)), sound: name } : null }));
  if (!intro) return [choice];
  const lead = h("input", { type: "number", min: 0, max: 600, step: 0.5, placeholder: "all of it", value: intro.lead_s ?? "", onchange: () => part("intro")({ lead_s: lead.value === "" ? null : Number(lead.value) }) });
  return [choice, slider("Level of the intro", intro.gain_db, [-40, 6, 1], (gain) => part("intro")({ gain_db: gain })),
    field("Heard before the first word, s", lead, "The rest fades out under speech.")];
}

function bedPart() {
  const { bed } = state.mix;
  const choice = soundChoice("Music or room under speech", bed?.sound, (name) => change({ bed: name ? { ...(bed || newBed(name)), sound: name } : null }));
  if (!bed) return [choice];
  return [choice, slider("Level of the bed", bed.gain_db, [-40, 6, 1], (gain) => part("bed")({ gain_db: gain })),
    slider("Quieter under speech", bed.duck_db, [-30, 0, 1], (duck) => part("bed")({ duck_db: duck })),
    slider("Before the first word", bed.lead_s, [0, 20, 0.5], (lead) => part("bed")({ lead_s: lead }), "s"),
    slider("Behind the last word", bed.tail_s, [0, 20, 0.5], (tail) => part("bed")({ tail_s: tail }), "s")];
}

const placeTold = (row) => (row ? `before turn ${placeOf(row) + 1}` : "at the end");

function effectsPart() {
  const put = (n, values) => change({ effects: state.mix.effects.flatMap((effect, k) => (k !== n ? [effect] : values ? [{ ...effect, ...values }] : [])) });
  return h("ul", { class: "effects", "aria-label": "Effects" }, ...state.mix.effects.map((effect, n) => (effect.row && placeOf(effect.row) < 0 ? null : h("li", {},
    slider(`${effect.sound}, ${placeTold(effect.row)}`, effect.gain_db, [-40, 6, 1], (gain) => put(n, { gain_db: gain })),
    h("button", { type: "button", class: "quiet", "aria-label": `Remove ${effect.sound} ${placeTold(effect.row)}`, onclick: () => put(n, null) }, "Remove")))));
}

/** Ask for a sound in front of a row, or at the end. */
export function addEffect(root, row = "") {
  return dialog(root, "A sound between turns", (close) => {
    let chosen = state.sounds[0]?.name || "";
    const where = h("select", {}, ...state.rows.map((one, n) => h("option", { value: one.id }, `before turn ${n + 1}, ${one.speaker}`)), h("option", { value: "" }, "at the end"));
    where.value = row;
    const waits = h("input", { type: "checkbox", checked: true });
    const sound = h("div", {});
    const fill = () => sound.replaceChildren(soundChoice("Sound", chosen, (name) => { chosen = name; fill(); drawMixing(true); add.disabled = !chosen; }));
    const add = h("button", { type: "button", class: "main", disabled: !chosen, onclick: () => { change({ effects: [...state.mix.effects, { ...newEffect(chosen, where.value), waits: waits.checked }] }); close(); } }, "Add");
    fill();
    return [sound, field("Where", where), h("label", { class: "tick" }, waits, "The turn waits until it is over"), h("div", { class: "actions" }, add)];
  });
}

/** Draw the box, if it is open and anything in it is another. */
export function drawMixing(anew = false) {
  if (!box.open) return;
  const key = JSON.stringify([state.mix.intro?.sound, state.mix.bed?.sound, state.mix.effects.map((effect) => [effect.sound, effect.row && placeOf(effect.row)]), state.speakers, state.sounds, state.result?.levels]);
  if (!anew && key === drawn) return;
  drawn = key;
  const focused = document.activeElement?.closest(".mixing") && document.activeElement.getAttribute("aria-label");
  const master = h("select", { onchange: () => chooseMaster(master.value) }, ...MASTERS.map(([value, label]) => h("option", { value }, label)));
  master.value = state.mix.master || "";
  const { result } = state;
  const measured = result ? `It is at ${result.levels.lufs} LUFS, true peak ${result.levels.peak} dB.` : "";
  body.replaceChildren(levels(), ...introPart(), ...bedPart(), effectsPart(),
    h("button", { type: "button", class: "quiet", onclick: () => addEffect(box.closest(".studio")) }, "Add a sound between turns…"),
    field("Loudness of the whole", master, measured),
    h("p", { class: "fine" }, "Sounds are mixed in mono, as speech is. Use music that you may use."));
  if (focused) body.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
}
