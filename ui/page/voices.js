/** One card a speaker: whose voice, how it sounds, and voices of one's own. */

import { ask, upload, urlOf } from "./ask.js";
import { edited } from "./checking.js";
import { gallery } from "./gallery.js";
import { askText, dialog, field, focused, h, saveAs, setSign, signButton } from "./dom.js";
import * as player from "./player.js";
import { LARGEST_FILE, fileAsWav } from "./recorder.js";
import { recordVoice, reportOf } from "./recording.js";
import { NAME, firstSigns } from "./names.js";
import { colourOf, namesNow, standing, state, tell, voiceName, voiceOf } from "./state.js";

let root;
let list;
let cards = new Map();
let drawn = "";
let listening = null; // the button of the voice that is heard
const messages = new Map(); // speaker -> {severity, text}
const announced = new WeakSet(); // those messages that were told aloud: cards are drawn again and again

export function voiceCards(page) {
  root = page;
  list = h("div", { class: "cards" });
  return list;
}

export function drawVoices() {
  const speaking = new Set(state.rows.map((row) => row.speaker));
  const key = JSON.stringify([state.speakers, [...speaking], state.cast, state.usual, state.voices, state.speakers.map(likenessOf), [...messages]]);
  if (key === drawn) return;
  drawn = key;
  const inCard = /** @type {HTMLElement | undefined} */ (focused()?.closest(".card"))?.dataset.speaker;
  const role = focused()?.dataset.role;
  cards = new Map(state.speakers.map((speaker) => [speaker, card(speaker, speaking.has(speaker))]));
  list.replaceChildren(...cards.values());
  if (inCard && role) /** @type {HTMLElement | undefined} */ (cards.get(inCard)?.querySelector(`[data-role="${role}"]`))?.focus();
}

function card(speaker, speaks) {
  const ref = voiceOf(speaker);
  const voice = state.voices.find((one) => one.ref === ref);
  const choice = h("select", { "aria-label": `Voice of ${speaker}`, "data-role": "choice", onchange: () => choose(speaker, choice.value) });
  const groups = [["built in", "Built in"], ["kept", "Kept"], ["mine", "Yours"]];
  choice.append(h("option", { value: "" }, state.cast[speaker] ? "Automatic" : `Automatic: ${voiceName(ref)}`));
  for (const [kind, label] of groups) {
    const voices = state.voices.filter((one) => one.kind === kind);
    if (voices.length) choice.append(h("optgroup", { label }, ...voices.map((one) => h("option", { value: one.ref }, kind === "built in" ? `${one.name}, ${one.about}` : one.name))));
  }
  choice.value = state.cast[speaker] || "";
  const listen = signButton("play", `Hear ${speaker}'s voice`, () => hear(ref, listen, speaker), { "data-role": "listen" });
  const file = h("input", { type: "file", accept: "audio/*,.wav,.flac,.mp3,.ogg,.opus,.m4a,.webm,.safetensors", class: "unseen", tabindex: -1, "aria-label": `Sound file for ${speaker}`,
    onchange: () => { if (file.files[0]) bring(speaker, file.files[0]); } });
  const acts = [
    h("button", { type: "button", class: "quiet", "data-role": "browse", "aria-label": `Browse voices for ${speaker}`, onclick: async () => { const found = await gallery(root, speaker, ref); if (found) choose(speaker, found); } }, "Browse"),
    h("button", { type: "button", class: "quiet", "data-role": "upload", "aria-label": `Upload a voice for ${speaker}`, onclick: () => file.click() }, "Upload"),
    h("button", { type: "button", class: "quiet", "data-role": "record", "aria-label": `Record a voice for ${speaker}`, onclick: () => record(speaker) }, "Record"),
    state.speakers.length > 1 && h("button", { type: "button", class: "quiet", "data-role": "swap", "aria-label": `Swap ${speaker}'s voice`, onclick: () => swap(speaker) }, "Swap"),
    h("button", { type: "button", class: "quiet", "data-role": "name", "aria-label": `Rename the speaker ${speaker}`, onclick: () => renameSpeaker(speaker) }, "Rename"),
    voice?.kind === "mine" && h("button", { type: "button", class: "quiet", "data-role": "keep", "aria-label": `Keep ${voice.name}`, onclick: () => keepVoice(speaker, voice) }, "Keep…"),
    voice?.kind === "mine" && h("button", { type: "button", class: "quiet", "aria-label": `Rename ${voice.name}`, onclick: () => rename(voice) }, "Rename the voice"),
    voice && voice.kind !== "built in" && h("button", { type: "button", class: "quiet", "aria-label": `Delete ${voice.name}`, onclick: () => forget(speaker, voice) }, "Delete"),
  ];
  const told = speaks ? [] : [h("li", {}, "No turns yet. ", h("button", { type: "button", class: "link", "aria-label": `Remove ${speaker}`, onclick: () => leave(speaker) }, "Remove"))];
  if (voice?.used) {
    const part = voice.used < voice.seconds - 0.3 ? `${voice.used} s of ${voice.seconds} s are used, from ${voice.start} s` : `${voice.used} s`;
    const doubts = voice.report.filter((measure) => !measure.good);
    const summary = h("summary", {}, doubts.length ? `Its recording: ${doubts.length} ${doubts.length === 1 ? "doubt" : "doubts"}` : "Its recording is good");
    told.push(h("li", {}, `${part}.`), h("li", {}, h("details", { open: Boolean(doubts.length) }, summary, h("ul", { class: "told report" }, ...reportOf(voice)))));
  }
  const likeness = likenessOf(speaker);
  if (likeness) told.push(h("li", { title: `Cosine of the speaker embeddings: ${likeness.match}` }, likeness.says));
  const message = messages.get(speaker);
  if (message) told.push(h("li", {}, h("span", { class: message.severity, role: announced.has(message) ? null : "alert" }, message.text)));
  if (message) announced.add(message);
  return h("section", { class: "card", "data-speaker": speaker, "aria-label": `${speaker}'s voice`, style: `--who: var(--s${colourOf(speaker)})` },
    h("h3", {}, speaker), h("div", { class: "card-line" }, choice, listen), h("div", { class: "card-acts" }, ...acts, file), told.length ? h("ul", { class: "told" }, ...told) : null);
}

/** How much a speaker's turns sound like the voice that is chosen, as far as any are made in it. */
function likenessOf(speaker) {
  const isMade = state.rows.some((row) => row.speaker === speaker && standing(row) === "made");
  return (isMade && state.result?.likeness?.[speaker]) || null;
}

function choose(speaker, ref) {
  if (ref) state.cast[speaker] = ref;
  else delete state.cast[speaker];
  messages.delete(speaker);
  changed();
}

/** Another name for a speaker, everywhere; who has that name already takes over the turns. The voice stays. */
async function renameSpeaker(speaker) {
  if (state.broken) return;
  const given = await askText(root, `Rename ${speaker}`, "Name", speaker, "Rename everywhere", NAME);
  const name = given && given[0].toUpperCase() + given.slice(1);
  if (!name || name === speaker) return;
  const known = state.speakers.includes(name);
  if (!known) state.cast[name] = voiceOf(speaker);
  delete state.cast[speaker];
  for (const row of state.rows) if (row.speaker === speaker) row.speaker = name;
  state.mix.levels = state.mix.levels.filter((level) => level.speaker !== name).map((level) => (level.speaker === speaker ? { ...level, speaker: name } : level));
  state.speakers = [...new Set(state.speakers.map((one) => (one === speaker ? name : one)))];
  messages.delete(speaker);
  edited("rows", `${speaker} is ${name}`);
  tell("rows");
  tell("voices");
}

/** A speaker without turns goes. */
function leave(speaker) {
  delete state.cast[speaker];
  state.speakers = namesNow().filter((name) => name !== speaker);
  changed();
}

function changed() {
  edited(state.source);
  drawVoices();
  tell("voices");
}

async function hear(ref, button, speaker) {
  if (listening === button) { player.quiet(); return; }
  const answer = await ask("sample", { ref });
  if (answer.error) { say(speaker, answer.error); return; }
  const over = player.playSolo(answer.file);
  listening = button;
  setSign(button, "pause", `Stop ${speaker}'s voice`);
  await over;
  if (listening === button) listening = null;
  setSign(button, "play", `Hear ${speaker}'s voice`);
}

function say(speaker, text, severity = "error") {
  if (text) messages.set(speaker, { text, severity });
  else messages.delete(speaker);
  drawVoices();
}

/** A file becomes the speaker's voice, or it is said why not. */
async function bring(speaker, file) {
  say(speaker, "Reading the recording…", "info");
  try {
    const saved = file.name.endsWith(".safetensors");
    if (saved && file.size > LARGEST_FILE) throw new Error("This is no voice's file.");
    take(speaker, await sendVoice(saved ? file : await fileAsWav(file), file.name.replace(/\.\w+$/, "")));
  } catch (error) {
    say(speaker, error.message || "The recording could not be sent; try again.");
  }
}

/** Resolves to what the server says of a new voice. Throws an Error in words. */
async function sendVoice(file, name) {
  const answer = await ask("bring_voice", { path: (await upload(file)).path, name: firstSigns(name, 64) });
  if (answer.error) throw new Error(answer.error);
  return answer;
}

function take(speaker, answer) {
  state.voices = answer.voices;
  state.cast[speaker] = answer.ref;
  say(speaker, "");
  changed();
}

async function record(speaker) {
  const answer = await recordVoice(root, speaker, (file) => sendVoice(file, speaker));
  if (answer) take(speaker, answer);
}

async function swap(speaker) {
  const others = state.speakers.filter((name) => name !== speaker);
  const other = others.length === 1 ? others[0] : await dialog(root, `Swap ${speaker}'s voice with`, (close) =>
    h("div", { class: "choices" }, ...others.map((name) => h("button", { type: "button", class: "choice", onclick: () => close(name) }, `${name} (${voiceName(voiceOf(name))})`))));
  if (!other) return;
  [state.cast[speaker], state.cast[other]] = [voiceOf(other), voiceOf(speaker)];
  changed();
}

async function rename(voice) {
  const name = await askText(root, "Rename the voice", "Name", voice.name, "Rename");
  if (!name) return;
  const answer = await ask("rename_voice", { ref: voice.ref, name });
  if (!answer.error) { state.voices = answer.voices; changed(); }
}

async function forget(speaker, voice) {
  if (voice.kind === "kept") {
    const sure = await dialog(root, `Delete ${voice.name}?`, (close) => [
      h("p", {}, "The voice is kept on this computer; once deleted, it has to be made again from a recording."),
      h("div", { class: "actions" }, h("button", { type: "button", class: "main", onclick: () => close(true) }, "Delete")),
    ]);
    if (!sure) return;
  }
  const answer = await ask("forget_voice", { ref: voice.ref });
  if (answer.error) { say(speaker, answer.error); return; }
  state.voices = answer.voices;
  for (const name of Object.keys(state.cast)) if (state.cast[name] === voice.ref) delete state.cast[name];
  changed();
}

/** Name a voice and say who agreed; it is kept on this computer, or saved as a file. */
async function keepVoice(speaker, voice) {
  await dialog(root, "Keep this voice", (close) => {
    const name = h("input", { type: "text", value: voice.name, required: true, maxlength: 64 });
    const kind = h("select", {}, h("option", { value: "own" }, "It is my own voice"), h("option", { value: "licensed" }, "The speaker allowed me to use it"), h("option", { value: "synthetic" }, "It is synthetic, nobody's voice"));
    const who = h("input", { type: "text", required: true, maxlength: 200, autocomplete: "name" });
    const when = h("input", { type: "date", required: true, value: new Date().toISOString().slice(0, 10) });
    const what = h("textarea", { rows: 2, maxlength: 500 });
    const told = h("p", { class: "error", role: "alert" });
    const send = async (question) => {
      const consent = { kind: kind.value, who: who.value, when: when.value, what: what.value };
      const answer = await ask(question, { ref: voice.ref, name: name.value, consent });
      if (answer.error) { told.textContent = answer.error; return; }
      if (answer.file) saveAs(urlOf(answer.file), answer.name);
      else {
        state.voices = answer.voices;
        for (const one of Object.keys(state.cast)) if (state.cast[one] === voice.ref) state.cast[one] = answer.ref;
        changed();
      }
      close(true);
    };
    const form = h("form", { onsubmit: (event) => { event.preventDefault(); send(event.submitter?.value || "save_voice"); } },
      field("Name of the voice", name), field("Consent", kind), field("Who agreed", who), field("When", when), field("To what (optional)", what), told,
      h("div", { class: "actions" }, h("button", { class: "quiet", value: "save_voice" }, "Save as a file"), state.personal && h("button", { class: "main", value: "keep_voice" }, "Keep on this computer")));
    return form;
  });
}
