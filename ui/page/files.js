/** Beginning anew, opening, examples, history. */

import { ask, upload } from "./ask.js";
import { edited } from "./checking.js";
import { withHeading } from "./chapters.js";
import { clock, dialog, h, saveAs } from "./dom.js";
import { DOCUMENTS, readDocument, takeDrops } from "./incoming.js";
import { complain, followOn, forgetNews, news, offer, say } from "./making.js";
import * as player from "./player.js";
import { deletion, namesNow, newRow, newWork, onDesk, startAnew, state, tell, titleOf } from "./state.js";
import { dropEmpty, duplicate, keep, readHistory, removeScript, scripts, writeHistory } from "./store.js";
import { record, undo } from "./undo.js";

let root;
const when = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

export function fileButtons(page) {
  root = page;
  takeDrops(page, openFile);
  const file = h("input", { type: "file", accept: DOCUMENTS, class: "unseen", tabindex: -1, "aria-label": "Script or project file",
    onchange: async () => { if (file.files[0]) await openFile(file.files[0]); file.value = ""; } });
  const sound = h("input", { type: "file", accept: "audio/*", class: "unseen", tabindex: -1, "aria-label": "Sound to look for the mark in",
    onchange: async () => { if (sound.files[0]) await verify(sound.files[0]); sound.value = ""; } });
  const button = (label, onclick) => h("button", { type: "button", class: "quiet", onclick }, label);
  return [button("New", anew), button("Open…", () => file.click()), button("Examples", examples), button("Scripts", ownScripts), button("History", history), button("Made here?", () => sound.click()), file, sound];
}

/** Whether a sound was made by this program, by the mark in it and by what the file says. */
async function verify(file) {
  let answer;
  try {
    answer = await ask("verify", { path: (await upload(file)).path });
  } catch {
    answer = { error: "The sound could not be sent; try again." };
  }
  if (answer.error) { complain(answer.error); return; }
  await dialog(root, answer.marked ? "Made by Dialogue TTS" : "No mark was found", () => answer.says.map((told) => h("p", {}, told[0].toUpperCase() + told.slice(1))));
}

function replaceWith(values) {
  dropEmpty();
  player.rewind();
  forgetNews();
  startAnew(values);
  state.speakers = namesNow();
  tell("rows");
  tell("made");
  tell("view");
}

/** The same, and what was there can be had back. */
function exchange(values, told) {
  const { text } = state;
  replaceWith(values);
  record("another script");
  if (text.trim()) offer(told, "Undo", undo);
}

function anew() {
  exchange({ rows: [newRow("Anna"), newRow("Ben")] }, "A new script.");
  edited("rows");
}

/** A script's text in place of what is there. */
export function loadText(text, title = "") {
  exchange({ text, title, source: "text" }, title ? `“${title}” is open.` : "The script is open.");
  edited("text");
}

async function openFile(file) {
  if (/\.dialogue$/i.test(file.name)) { await openProject({ file }, file.name.replace(/\.dialogue$/i, "")); return; }
  if (file.size > 20_000_000) { complain("The file is larger than 20 MB; cut it in parts."); return; }
  const title = file.name.replace(/(\.dialogue)?\.\w+$/, "");
  const ending = /\.\w+$/.exec(file.name)?.[0].toLowerCase() || "";
  if (!DOCUMENTS.split(",").includes(ending)) { complain(`${file.name} is no text file and no project; open a script, a document, subtitles or a project.`); return; }
  const text = [".txt", ".json"].includes(ending) && file.size < 2_000_000 ? await file.text() : "";
  if (ending === ".json" && !text && /"kind"/.test(await file.slice(0, 200).text())) { await openProject({ file }, title); return; }
  if (/^\s*\{/.test(text) && /"(bundle|turns)"/.test(text)) { await openProject(text, title); return; }
  if (ending === ".txt" && text && !/[\u0000\ufffd]/.test(text) && /^\s*\[\p{L}/mu.test(text)) { loadText(text, title); return; } // as it is written
  try {
    const found = await readDocument(root, file);
    if (!found) return;
    const { settings } = state;
    exchange({ title, rows: found.rows.map((turn) => ({ ...newRow(turn.speaker), ...turn })), settings: { ...settings, words: {} } }, `“${title}” is open.`);
    edited("rows");
  } catch (error) {
    if (ending === ".txt" && text) loadText(text, title); // its mistakes are marked where they are
    else complain(error.message);
  }
}

/** A project's script, and its sound as far as it can be made again; `text` may be {file}. */
export async function openProject(text, title, work) {
  const before = { work: state.work };
  const name = work || newWork();
  let given = /** @type {{text?: string, path?: string}} */ ({ text });
  try {
    if (text.file) given = { path: (await upload(text.file)).path };
  } catch {
    complain("The project could not be sent; it may be larger than 200 MB.");
    return;
  }
  const answer = await ask("open_project", { ...given, work: name });
  if (answer.error) { complain(answer.error); state.work = before.work; return; }
  const rows = answer.rows.map((row) => ({ seed: null, locked: false, ...row }));
  state.sounds = answer.sounds;
  const { mix, publication } = answer;
  const { chapters = [], title: known, ...about } = publication || {};
  for (const chapter of chapters) for (const row of rows) if (row.id === chapter.row) row.note = withHeading(row.note || "", chapter.title);
  exchange({ work: name, title: known || title, rows, cast: answer.cast, settings: { ...state.settings, ...answer.settings }, seed: answer.seed, ...(mix ? { mix } : {}), ...(publication ? { publication: about } : {}) }, `“${title}” is open.`);
  edited("rows");
  if (answer.warning) complain(answer.warning);
  if (answer.news) { news(answer.news); followOn(); }
}

async function examples() {
  const chosen = await dialog(root, "Examples", (close) => h("div", { class: "list" }, ...state.examples.map((example) =>
    h("button", { type: "button", class: "choice", onclick: () => close(example) }, h("b", {}, example.name), h("span", {}, firstLine(example.text))))));
  if (chosen) loadText(chosen.text, chosen.name);
}

const firstLine = (text) => text.split("\n").find((line) => line && !line.startsWith("#"))?.replace(/^\[[^\]]*\]\s*/, "") || "";

/** The scripts of this browser: open, copy, save as a file, delete. */
async function ownScripts() {
  const chosen = await dialog(root, "Scripts in this browser", (close) => {
    const search = h("input", { type: "search", placeholder: "Title or words", "aria-label": "Search the scripts" });
    const list = h("ul", { class: "list scripts" });
    const act = (label, title, onclick) => h("button", { type: "button", class: "quiet", "aria-label": `${label} ${title}`, onclick }, label);
    const draw = () => {
      const wanted = search.value.trim().toLowerCase();
      const found = scripts().filter((one) => `${one.title} ${one.words}`.toLowerCase().includes(wanted));
      list.replaceChildren(...found.map((one) => h("li", {},
        h("button", { type: "button", class: "choice", onclick: () => close(one.desk) }, h("b", {}, one.title), h("span", {}, `${one.turns} ${one.turns === 1 ? "turn" : "turns"}, ${when(one.when)}${one.work === state.work ? ", open" : ""}`)),
        h("div", { class: "card-acts" }, act("Copy", one.title, () => { duplicate(one.desk); draw(); }), act("Save as text", one.title, () => saveText(one)),
          one.work !== state.work && act("Delete", one.title, () => { removeScript(one.work); draw(); })))));
      if (!found.length) list.append(h("li", {}, "Nothing is found."));
    };
    search.addEventListener("input", draw);
    draw();
    return [search, list, h("p", { class: "fine" }, "Everything you write is kept here by itself, in this browser only.")];
  });
  if (!chosen || chosen.work === state.work) return;
  exchange(chosen, `“${titleOf(chosen)}” is open.`);
  edited(state.source);
  followOn();
}

function saveText({ title, desk }) {
  const url = URL.createObjectURL(new Blob([desk.text], { type: "text/plain" }));
  saveAs(url, `${title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "script"}.txt`);
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

async function history() {
  const entries = readHistory();
  const chosen = await dialog(root, "Dialogues made in this browser", (close) => entries.length
    ? [
      h("div", { class: "list" }, ...entries.map((entry) => h("button", { type: "button", class: "choice", onclick: () => close(entry) }, h("b", {}, entry.title), h("span", {}, `${when(entry.when)}, ${clock(entry.seconds)}`)))),
      h("p", { class: "fine" }, `Scripts stay in this browser. ${deletion("Sounds and voices that are not kept")} A dialogue whose sound is gone is made again when you open it.`),
      h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => close("forget") }, "Delete all of it")),
    ]
    : h("p", {}, "Nothing was made here yet."));
  if (chosen === "forget") await forgetAll();
  else if (chosen) await reopen(chosen);
}

/** A dialogue of the history: as it was if the server still holds it, or else made again. */
async function reopen(entry) {
  const told = await ask("follow", { work: entry.work, since: -1 });
  if (told.error) { complain(told.error); return; }
  if (told.gone || !told.result) { await openProject(entry.project, entry.title, entry.work); return; }
  const project = JSON.parse(entry.project);
  const rows = told.result.turns.map((turn, n) => {
    const { takes, chosen, speed } = { chosen: 0, ...project.turns[n] };
    return { ...newRow(turn.speaker, takes[chosen].text), id: turn.row, pause: turn.pause, overlap: turn.overlap, speed: speed ?? 1 };
  });
  const cast = Object.fromEntries(rows.map((row) => [row.speaker, told.rows[row.id]?.said?.voice]).filter(([, ref]) => ref));
  const settings = { ...state.settings, gap: told.result.gap, speed: told.result.speed, loudness: told.result.loudness };
  exchange({ work: entry.work, title: entry.title, rows, cast, seed: told.result.seed, settings, ...(told.result.mix ? { mix: told.result.mix } : {}) }, `“${entry.title}” is open.`);
  edited("rows");
  news(told);
}

async function forgetAll() {
  const sure = await dialog(root, "Delete all sounds, voices and the history?", (close) => [
    h("p", {}, "The sounds that were made here, the voices you brought along and the list of your dialogues go at once, and cannot be had back. Scripts stay."),
    h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => close() }, "Keep all of it"), h("button", { type: "button", class: "main", onclick: () => close(true) }, "Delete")),
  ]);
  if (!sure) return;
  const answer = await ask("forget");
  if (answer.error) { complain(answer.error); return; }
  writeHistory([]);
  const { work, ...script } = onDesk();
  replaceWith(script);
  removeScript(work);
  const hello = await ask("hello");
  if (hello.voices) state.voices = hello.voices;
  state.cast = {};
  keep();
  edited("rows");
  say("All sounds, voices and the history are deleted; the script is still here.");
}
