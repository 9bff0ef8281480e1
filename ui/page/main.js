/** The studio's page: its parts, and who is told when something changes. */

import { ask, connect, connected } from "./ask.js";
import { edited, flush, splitRows } from "./checking.js";
import { dialog, field, h, roughly, signButton } from "./dom.js";
import { fileButtons, loadText } from "./files.js";
import { findAndReplace } from "./finding.js";
import { followHeard, followLoudness, playerKeys } from "./hearing.js";
import { TREATMENTS } from "./incoming.js";
import * as making from "./making.js";
import { drawMixing, mixSoon, mixingBox } from "./mixing.js";
import { dictionary } from "./readings.js";
import { drawResult, drawStale, follow, playerBar, resultSection } from "./result.js";
import * as player from "./player.js";
import { deletion, mistakeCount, namesNow, on, state, tell } from "./state.js";
import { isStored, keep, recall, shareWithTabs } from "./store.js";
import { drawText, insertInText, textView } from "./text.js";
import { drawTimeline, followTimeline, timelineSection } from "./timeline.js";
import { selectionBar } from "./selecting.js";
import { drawRows, drawStandings, focusRow, insertBelow, insertInTurn, turnTable } from "./turns.js";
import { canRedo, canUndo, redo, startUndo, undo, went } from "./undo.js";
import { drawVoices, voiceCards } from "./voices.js";

const KEYS = [
  ["Enter", "a new turn below, by the speaker whose turn it is"],
  ["Shift + Enter", "a line break inside a turn"],
  ["Ctrl + Enter", "make the dialogue"],
  ["Ctrl + Z", "undo; Ctrl + Shift + Z or Ctrl + Y does it again"],
  ["Ctrl + H", "find and replace"],
  ["Alt + ↑ or ↓", "move the turn"],
  ["Alt + T", "compare a turn's takes: the other one is heard, and chosen"],
  ["A turn's number", "choose it, with Shift all up to it; then move, delete, another speaker or speed"],
  ["Backspace in an empty turn", "delete it; so does Ctrl + Shift + Backspace in any"],
  ["Escape", "stop what is heard"],
  ["Space or K, outside of fields", "play or pause; ← and → go two seconds, J and L ten"],
];
let page;
let views;
let summary;
let mistakes;
let manners;
let inserts;
let banner;
let title;
let saved;
let steps;

/** Fill the component: `server` answers questions, `upload` takes files. */
export async function start(element, server, upload) {
  connect(server, upload);
  const known = recall();
  setTheme(localStorage.getItem("dialogue-studio-theme"));
  page = element.querySelector(".studio");
  lay();
  const hello = await greet();
  Object.assign(state, { voices: hello.voices || [], sounds: hello.sounds || [], examples: hello.examples || [], personal: hello.personal, keepHours: hello.keepHours });
  manners.textContent = `Use recordings of people only with their consent. ${deletion("Those that are not kept")}`;
  if (!known && state.examples.length) loadText(state.examples[0].text, state.examples[0].name);
  else edited(state.source);
  state.speakers = namesNow();
  draw();
  await flush();
  startUndo();
  shareWithTabs(() => { edited(state.source); draw(true); tell("view"); });
  making.followOn();
  page.dataset.ready = "true";
}

async function greet() {
  for (;;) {
    const hello = await ask("hello");
    if (!hello.away) return hello;
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}

function lay() {
  banner = h("p", { class: "banner", role: "alert", hidden: true });
  const tab = (view, label) => h("button", { type: "button", role: "tab", id: `tab-${view}`, "aria-controls": `view-${view}`, onclick: () => show(view) }, label);
  title = h("input", { type: "text", class: "title", "aria-label": "Title", placeholder: "Untitled", maxlength: 120, oninput: () => { state.title = title.value; edited(state.source); } });
  saved = h("p", { class: "saved" });
  steps = [signButton("undo", "Undo (Ctrl+Z)", undo), signButton("again", "Redo (Ctrl+Shift+Z)", redo)];
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": "View of the script" }, tab("turns", "Turns"), tab("text", "Text"));
  tabs.addEventListener("keydown", (event) => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    show(state.view === "turns" ? "text" : "turns");
    page.querySelector(`#tab-${state.view}`).focus();
  });
  summary = h("p", { class: "summary" });
  mistakes = h("p", { class: "unseen", role: "status" });
  manners = h("p", { class: "fine" });
  inserts = h("div", { class: "inserts", role: "toolbar", "aria-label": "Insert" });
  views = {
    turns: h("div", { id: "view-turns", role: "tabpanel", "aria-labelledby": "tab-turns" },
      selectionBar({ offer: making.offer, draw: () => drawRows() }),
      turnTable(page, { make: making.make, news: making.news, version: making.versionNow, say: making.say, offer: making.offer, complain: making.complain }),
      h("button", { type: "button", class: "add", onclick: () => insertBelow(state.rows.length - 1) }, "Add a turn")),
    text: h("div", { id: "view-text", role: "tabpanel", "aria-labelledby": "tab-text" }, textView()),
  };
  page.append(
    h("a", { class: "skip", href: "#script" }, "Skip to the script"),
    h("header", { class: "top" }, h("h1", {}, "Dialogue studio"), title, saved, h("nav", { "aria-label": "Files" }, ...steps, ...fileButtons(page),
      h("button", { type: "button", class: "quiet", onclick: showKeys }, "Keys"), signButton("theme", "Light or dark", switchTheme))),
    banner,
    h("main", { id: "script", tabindex: -1 },
      h("section", { class: "script sheet-box", "aria-labelledby": "h-script" },
        h("div", { class: "head" }, h("h2", { id: "h-script" }, "Script"), tabs, summary, mistakes), inserts, views.turns, views.text),
      h("div", { class: "side" },
        h("section", { class: "sheet-box", "aria-labelledby": "h-voices" }, h("div", { class: "head" }, h("h2", { id: "h-voices" }, "Voices")), voiceCards(page), manners),
        mixingBox({ complain: making.complain, news: making.news, version: making.versionNow }),
        settings()),
      timelineSection({ putTogether: making.putTogether, say: making.say }),
      resultSection(page)),
    h("footer", { class: "dock" }, making.makeBar(), playerBar()),
  );
  document.addEventListener("keydown", (event) => {
    if (/** @type {HTMLElement} */ (event.target).closest("dialog")) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); if (!event.repeat) making.make(); }
    else if (event.key === "Escape") player.quiet();
    else if (event.key === "h" && event.ctrlKey) { event.preventDefault(); findAndReplace(page, making.say); }
    else { stepKeys(event); playerKeys(event); }
  });
  page.addEventListener("beforeinput", (event) => {
    if (!event.inputType.startsWith("history") || event.target.closest("dialog")) return;
    event.preventDefault();
    (event.inputType === "historyUndo" ? undo : redo)();
  });
  listen();
}

/** Ctrl+Z and its like are the page's everywhere but in dialogs: the browser's own undo knows of single boxes only. */
function stepKeys(event) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) return;
  event.preventDefault();
  if (event.target.matches("input")) event.target.dispatchEvent(new Event("change"));
  (key === "y" || event.shiftKey ? redo : undo)();
}

/** After undo or redo: everything is drawn as it was, and the place that changed is shown. */
async function undone() {
  const { label, to, takes, rows, another } = went;
  if (another) {
    making.forgetNews();
    player.rewind();
    Object.assign(state, { made: {}, result: null, job: null });
    making.followOn();
  }
  edited(state.source);
  draw(true);
  making.say(`${to ? "Done again" : "Undone"}${label ? `: ${label}` : ""}.`);
  if (state.view === "turns") {
    const place = rows.find((id) => state.rows.some((row) => row.id === id));
    if (place) focusRow(place);
  }
  await making.restoreTakes(takes);
  mixSoon();
}

function drawSteps() {
  steps[0].disabled = !canUndo();
  steps[1].disabled = !canRedo();
}

function listen() {
  on("rows", () => draw());
  on("undone", undone);
  on("steps", drawSteps);
  on("stored", () => {
    saved.textContent = isStored() ? "Saved in this browser" : "Not saved: this browser's storage is full. Delete scripts you no longer need, or export them.";
    saved.classList.toggle("error", !isStored());
  });
  on("rows-changed", () => { drawInserts(); drawSummary(); making.drawMaking(); drawStale(); });
  on("checked", () => { if (!mistakeCount()) making.mended(); drawText(state.source === "rows"); drawRows(); drawVoices(); drawInserts(); drawMixing(); drawSummary(); making.drawMaking(); drawStale(); });
  on("made", () => { drawStandings(); making.drawMaking(); drawResult(); drawTimeline(); drawMixing(); drawVoices(); });
  on("mix", () => { drawMixing(); making.drawMaking(); });
  on("standings", drawStandings);
  on("heard", () => { drawStandings(); followHeard(); });
  on("voices", () => { drawStandings(); making.drawMaking(); drawStale(); });
  on("view", () => show(state.view, false));
  on("connection", () => {
    banner.hidden = connected;
    banner.textContent = connected ? "" : "The studio's server does not answer. Go on writing: the script is safe in this browser, and the page finds the server when it is back.";
  });
  const frame = () => { follow(); followTimeline(); followLoudness(); requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
  new MutationObserver(() => drawResult()).observe(document.documentElement, { attributes: true, attributeFilter: ["data-studio-theme"] });
  show(state.view, false);
}

/** Everything; `anew` also where somebody is typing. */
function draw(anew = false) {
  drawRows(anew);
  drawText(anew);
  if (document.activeElement !== title || anew) title.value = state.title;
  drawVoices();
  drawInserts();
  drawSummary();
  making.drawMaking();
  drawResult();
  drawTimeline();
  drawMixing(anew);
  drawSettings(anew);
}

async function show(view, andCheck = true) {
  if (andCheck) await flush();
  if (view === "turns" && state.broken) {
    const first = state.findings.find((found) => found.severity === "error");
    making.complain(first ? `Mend line ${first.line} first: ${first.message}` : "Mend the text first.", true);
    view = "text";
  }
  state.view = view;
  keep();
  for (const [name, element] of Object.entries(views)) {
    element.hidden = name !== view;
    const tab = page.querySelector(`#tab-${name}`);
    tab.setAttribute("aria-selected", String(name === view));
    tab.tabIndex = name === view ? 0 : -1;
  }
  drawRows();
  drawText();
  drawInserts();
}

function drawSummary() {
  const errors = mistakeCount();
  const count = state.broken ? state.turns : state.rows.length;
  const length = state.seconds ? `, ${roughly(state.seconds)}` : "";
  const wrong = errors ? `${errors} ${errors === 1 ? "mistake" : "mistakes"}` : "";
  summary.textContent = `${count} ${count === 1 ? "turn" : "turns"}${length}${wrong && ` · ${wrong}`}`;
  if (mistakes.textContent !== wrong) mistakes.textContent = wrong;
}

let drawnInserts = "";
function drawInserts() {
  const key = `${state.view}\n${state.speakers.join("\n")}`;
  if (key === drawnInserts) return;
  drawnInserts = key;
  const inText = state.view === "text";
  const button = (label, name, act, who) => h("button", { type: "button", class: "insert", "aria-label": name, onclick: act, style: who !== undefined ? `--who: var(--s${who})` : null, onmousedown: (event) => event.preventDefault() }, label);
  const put = (text) => (inText ? insertInText(text) : insertInTurn(text) || making.say("Click into a turn first; then the tag goes where the cursor is."));
  const speakers = state.speakers.slice(0, 8).map((name, n) => button(name, inText ? `Insert ${name}` : `New turn by ${name}`, () => (inText ? insertInText(`[${name}] `, true) : insertBelow(state.at ? Math.max(0, state.rows.findIndex((row) => row.id === state.at.row)) : state.rows.length - 1, name)), n));
  inserts.replaceChildren(...speakers,
    button("pause", "Insert a pause", () => put("[pause 0.5s] ")),
    button("find…", "Find and replace", () => findAndReplace(page, making.say)),
    button("say as", "Insert a pronunciation", () => put("[word](/wˈɜɹd/) ")),
    ...(inText ? [button("overlap", "Insert an overlapping turn", () => insertInText(`[${state.speakers[1] || state.speakers[0] || "Ben"} | overlap 0.3s] `, true)),
      button("speed", "Insert a faster turn", () => insertInText(`[${state.speakers[0] || "Anna"} | speed 1.2] `, true))] : []));
}

const settingFields = {};
let words;
function settings() {
  const number = (key, label, props, hint) => {
    const input = h("input", { type: "number", ...props, onchange: () => {
      const value = input.value === "" ? null : Number(input.value);
      if (key === "seed") state.seed = Math.max(0, Math.floor(value ?? 1));
      else state.settings[key] = key === "speed" ? value ?? 1 : key === "loudness" ? value ?? -23 : value;
      drawSettings();
      edited(state.source);
      tell("voices");
    } });
    settingFields[key] = input;
    return field(label, input, hint);
  };
  const directions = h("select", { onchange: async () => {
    state.settings.directions = directions.value;
    edited(state.source, "stage directions");
    await flush();
    if (directions.value === "narrator") splitRows();
  } }, ...TREATMENTS.map(([value, label]) => h("option", { value }, label)));
  settingFields.directions = directions;
  words = dictionary();
  const along = h("input", { type: "checkbox", onchange: () => { state.along = along.checked; keep(); } });
  settingFields.along = along;
  return h("details", { class: "sheet-box settings" }, h("summary", {}, h("h2", {}, "Settings")),
    number("gap", "Gap between turns, s", { min: 0, max: 10, step: 0.1, placeholder: "natural" }, "Empty: as people leave them."),
    number("speed", "Speed of all", { min: 0.25, max: 4, step: 0.05 }),
    number("loudness", "Loudness, LUFS", { min: -40, max: -10, step: 1 }),
    field("Stage directions", directions, "Such as (laughs) and (He exits.)."),
    words.box,
    number("seed", "Seed", { min: 0, step: 1 }, "The same script, voices and seed give the same sound."),
    h("label", { class: "tick" }, along, "Play while it is made"),
    h("button", { type: "button", class: "quiet", onclick: () => making.make({ fresh: true }) }, "Make all anew, but what is locked"));
}

function drawSettings(anew = false) {
  words.draw();
  const values = { ...state.settings, seed: state.seed };
  for (const [key, input] of Object.entries(settingFields)) {
    if (key === "along") input.checked = state.along;
    else if (anew || document.activeElement !== input) input.value = values[key] ?? "";
  }
}

function showKeys() {
  dialog(page, "Keys", () => h("dl", { class: "keys" }, ...KEYS.flatMap(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)])));
}

function setTheme(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.studioTheme = theme;
}

function switchTheme() {
  const dark = document.documentElement.dataset.studioTheme ? document.documentElement.dataset.studioTheme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  setTheme(dark ? "light" : "dark");
  localStorage.setItem("dialogue-studio-theme", dark ? "light" : "dark");
}

