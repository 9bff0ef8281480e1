/** The script as a table of turns. The rows' elements stay while their values change, so that nobody loses the cursor. */

import { ask } from "./ask.js";
import { edited, splitRows } from "./checking.js";
import { askText, focused, h, mark, setSign, signButton } from "./dom.js";
import * as player from "./player.js";
import { pasted } from "./incoming.js";
import { NAME } from "./names.js";
import { panelOf } from "./panel.js";
import { choose, drawSelection, isChosen } from "./selecting.js";
import { colourOf, newRow, placeOf, plain, rowOf, saidOf, standing, state, tell } from "./state.js";
import { undo } from "./undo.js";

const WORDS = { new: "not made yet", queued: "waits", making: "being made", made: "made", changed: "changed since", failed: "failed" };
const DOUBTS = { words: "reads back otherwise", pace: "unusual pace", voice: "may be another's voice" };
const NEW_SPEAKER = "\u0000new";
const GROW_BY_THEMSELVES = CSS.supports("field-sizing", "content"); // boxes as high as their text
let root;
let list;
let actions;
const parts = new Map(); // row id -> its elements
const before = new Map(); // row id -> the take that was chosen before

export function turnTable(page, makeActions) {
  root = page;
  actions = makeActions;
  list = h("ol", { class: "turns", "aria-label": "Turns" });
  let width = 0;
  new ResizeObserver(() => {
    if (list.clientWidth === width) return;
    width = list.clientWidth;
    for (const part of parts.values()) { part.grown = null; growSoon(part); }
  }).observe(list);
  return list;
}

/** Bring the elements in line with the rows, keeping those that are there; `anew` also what somebody is typing in. */
export function drawRows(anew = false) {
  const wanted = new Set(state.rows.map((row) => row.id));
  for (const [id, part] of parts) if (!wanted.has(id)) { part.item.remove(); parts.delete(id); }
  state.rows.forEach((row, n) => {
    const part = parts.get(row.id) || build(row);
    if (list.children[n] !== part.item) list.insertBefore(part.item, list.children[n] || null);
    if (anew) part.text.value = row.text;
    fill(part, row, n, anew);
  });
  drawSelection();
}

/** What the rows show beside their text: how they stand, what is wrong in them. */
export function drawStandings() {
  state.rows.forEach((row, n) => { const part = parts.get(row.id); if (part) drawStanding(part, row, n); });
}

function build(row) {
  const id = row.id;
  const speaker = h("select", { class: "speaker", onchange: () => chooseSpeaker(id, speaker) });
  const text = h("textarea", { rows: 1, spellcheck: "true", class: "words", placeholder: "What is said", "aria-describedby": `told-${id}` });
  const play = signButton("play", "", () => hear(id));
  const redo = signButton("redo", "", () => actions.make({ only: id, fresh: true }));
  const more = signButton("more", "", () => openPanel(id), { "aria-expanded": "false" });
  const tag = h("span", { class: "tag" });
  const note = h("span", { class: "note" });
  const take = h("span", { class: "takes" });
  const told = h("ul", { class: "told", id: `told-${id}` });
  const number = h("button", { type: "button", class: "number", "aria-pressed": "false", title: "Choose the turn; with Shift, all up to it", onclick: (event) => choose(id, event.shiftKey) });
  const item = h(
    "li",
    { class: "turn", "data-row": id },
    number,
    h("div", { class: "turn-main" }, h("div", { class: "turn-line" }, speaker, text), h("div", { class: "turn-foot" }, tag, take, note), told),
    h("div", { class: "turn-acts" }, play, redo, more),
  );
  text.addEventListener("input", () => { growSoon(part); rowOf(id).text = text.value; delete state.said[id]; edited("rows"); drawStandings(); });
  text.addEventListener("keydown", (event) => keys(event, id, text));
  text.addEventListener("paste", (event) => pasted(event, id, actions));
  text.addEventListener("focus", () => { state.at = { row: id, input: text }; });
  text.addEventListener("blur", () => setTimeout(() => { if (!list.contains(document.activeElement)) splitRows(); }, 0));
  const part = { item, number, speaker, text, play, redo, more, tag, note, take, told, panel: null, options: null, grown: null };
  parts.set(id, part);
  return part;
}

function fill(part, row, n, anew) {
  const who = `turn ${n + 1}`;
  setText(part.number, String(n + 1));
  mark(part.number, "aria-label", `Choose ${who}`);
  mark(part.number, "aria-pressed", String(isChosen(row.id)));
  part.item.classList.toggle("chosen", isChosen(row.id));
  mark(part.item, "style", `--who: var(--s${colourOf(row.speaker)})`);
  mark(part.speaker, "aria-label", `Speaker of ${who}`);
  mark(part.text, "aria-label", `Text of ${who}`);
  setSign(part.play, "play", `Hear ${who}`);
  setSign(part.redo, "redo", `Make ${who} again`);
  setSign(part.more, "more", `More for ${who}`);
  const names = state.speakers.includes(row.speaker) ? state.speakers : [...state.speakers, row.speaker];
  const options = names.join("\n");
  if (part.options !== options) {
    part.options = options;
    part.speaker.replaceChildren(...names.map((name) => h("option", { value: name }, name)), h("option", { value: NEW_SPEAKER }, "New speaker…"));
  }
  part.speaker.value = row.speaker;
  if (part.text.value !== row.text && (document.activeElement !== part.text || plain(part.text.value) !== plain(row.text))) {
    part.text.value = row.text;
  }
  part.text.readOnly = row.locked;
  part.speaker.disabled = row.locked;
  growSoon(part);
  if (part.panel) part.panel.fill(row, n, anew);
  drawStanding(part, row, n);
}

function drawStanding(part, row, n) {
  const stand = standing(row);
  const made = state.made[row.id];
  const take = made?.takes?.[made.chosen];
  mark(part.item, "data-standing", stand);
  part.item.classList.toggle("heard", state.playing === row.id);
  part.item.classList.toggle("locked", row.locked);
  const extras = [
    take && (stand === "made" || stand === "changed") ? `${take.seconds.toFixed(1)} s` : "",
    row.pause ? `pause ${row.pause} s` : "",
    row.overlap ? `overlap ${row.overlap} s` : "",
    row.speed !== 1 ? `speed ${row.speed}` : "",
    row.locked ? "locked" : "",
    stand === "made" && take.doubts.length ? `${take.doubts.map((doubt) => DOUBTS[doubt]).join(", ")}: listen` : "",
  ];
  setText(part.tag, WORDS[stand]);
  setText(part.note, extras.filter(Boolean).join(" · "));
  part.play.disabled = stand === "queued" || stand === "making";
  part.redo.disabled = Boolean(state.job) || row.locked;
  drawTakes(part, row, n, made);
  const findings = state.byRow[row.id] || [];
  const shown = /** @type {{severity: string, message: string}[]} */ (findings).filter((found) => plain(row.text) && found.severity === "error"); // an empty turn is told of when it is to be made
  const warned = findings.filter((found) => found.severity === "warning");
  if (stand === "failed") shown.unshift({ severity: "error", message: made.message });
  const blamed = state.blamed?.row === row.id ? [{ severity: "error", message: state.blamed.message }] : [];
  const all = [...blamed, ...shown, ...warned];
  const key = all.map((found) => found.severity + found.message).join("\n");
  if (part.told.dataset.key !== key) {
    part.told.dataset.key = key;
    part.told.replaceChildren(...all.map((found) => h("li", { class: found.severity }, found.message)));
  }
  mark(part.text, "aria-invalid", all.some((found) => found.severity === "error") ? "true" : "false");
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function drawTakes(part, row, n, made) {
  const count = made?.takes?.length || 0;
  const key = count > 1 ? `${count}/${made.chosen}` : "";
  if (part.take.dataset.key === key && part.take.dataset.n === String(n)) return;
  part.take.dataset.key = key;
  part.take.dataset.n = n;
  if (!key) { part.take.replaceChildren(); return; }
  const choice = h("select", { "aria-label": `Take of turn ${n + 1}`, onchange: () => chooseTake(row.id, Number(choice.value)) },
    ...made.takes.map((take, k) => h("option", { value: k }, `Take ${k + 1} of ${count}`)));
  choice.value = made.chosen;
  part.take.replaceChildren(choice);
}

async function chooseTake(id, take) {
  before.set(id, state.made[id]?.chosen);
  const answer = await ask("choose", { work: state.work, row: id, take, since: actions.version() });
  if (answer.error) { actions.complain(answer.error); drawStandings(); return; }
  const row = rowOf(id);
  const chosen = state.made[id]?.takes[take];
  if (chosen) { if (chosen.text !== saidOf(row)) row.text = chosen.text; if (row.seed !== null) row.seed = chosen.seed; }
  actions.news(answer);
  edited("rows", "the take");
  drawRows();
  hear(id);
}

/** The take that was chosen before, or the one beside it, is chosen and heard: pressed again and again, two takes are compared. */
export function compareTakes(id) {
  const made = state.made[id];
  if (!made?.takes?.length || made.takes.length < 2 || state.job) return false;
  const other = before.get(id) ?? (made.chosen ? made.chosen - 1 : 1);
  chooseTake(id, other === made.chosen ? (made.chosen ? made.chosen - 1 : 1) : other);
  return true;
}

export function hear(id) {
  const row = rowOf(id);
  const made = state.made[id];
  const stand = standing(row);
  if (player.playback.mode === "solo" && player.isPlaying() && state.playing === id) { player.quiet(); return; }
  if (made?.takes?.length && stand !== "changed") player.playSolo(made.takes[made.chosen].file, id);
  else { player.wake(); actions.make({ only: id }); }
}

/** Boxes become as high as their text, where the browser does not see to it: all are measured at once, since measuring one by one lays the page out each time. */
function grow(growers) {
  for (const part of growers) part.text.style.height = "auto";
  const heights = growers.map((part) => part.text.scrollHeight);
  growers.forEach((part, n) => { if (heights[n]) { part.text.style.height = `${heights[n]}px`; part.grown = part.text.value; } });
}

const growing = new Set();
function growSoon(part) {
  if (GROW_BY_THEMSELVES || part.grown === part.text.value) return;
  if (!growing.size) requestAnimationFrame(() => { grow([...growing]); growing.clear(); });
  growing.add(part);
}

async function chooseSpeaker(id, select) {
  const row = rowOf(id);
  if (select.value === NEW_SPEAKER) {
    const name = await askText(root, "New speaker", "Name", "", "Add", NAME);
    select.value = row.speaker;
    if (!name) return;
    row.speaker = name[0].toUpperCase() + name.slice(1);
  } else {
    row.speaker = select.value;
  }
  if (!state.speakers.includes(row.speaker)) state.speakers.push(row.speaker);
  edited("rows");
  drawRows();
}

/** The one who answered last time this speaker spoke, or another speaker. */
function answering(n) {
  const speaker = state.rows[n]?.speaker;
  const other = [...state.rows.slice(0, n)].reverse().find((row) => row.speaker !== speaker);
  return other?.speaker || state.speakers.find((name) => name !== speaker) || speaker || "Anna";
}

/** Put a turn in below place n, and write in it. */
export function insertBelow(n, speaker = answering(n)) {
  const row = newRow(speaker);
  state.rows.splice(n + 1, 0, row);
  if (!state.speakers.includes(speaker)) state.speakers.push(speaker);
  edited("rows");
  drawRows();
  parts.get(row.id).text.focus();
  tell("rows-changed");
}

export function move(id, by) {
  const n = placeOf(id);
  const to = n + by;
  if (to < 0 || to >= state.rows.length) return;
  const focus = focused();
  const [row] = state.rows.splice(n, 1);
  state.rows.splice(to, 0, row);
  edited("rows");
  drawRows();
  focus?.focus();
  actions.say(`Turn ${n + 1} is turn ${to + 1} now.`);
  tell("rows-changed");
}

export function remove(id) {
  const n = placeOf(id);
  state.rows.splice(n, 1);
  edited("rows", "deleted turn");
  drawRows();
  const next = state.rows[Math.max(0, n - 1)];
  if (next) parts.get(next.id).text.focus();
  actions.offer(`Turn ${n + 1} is deleted.`, "Undo", undo);
  tell("rows-changed");
}

function keys(event, id, text) {
  const n = placeOf(id);
  if (event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.metaKey) { event.preventDefault(); if (!event.repeat) insertBelow(n); }
  else if (event.altKey && event.key.toLowerCase() === "t") { event.preventDefault(); if (!compareTakes(id)) actions.say("This turn has one take; make it again for another."); }
  else if (event.altKey && event.key === "ArrowUp") { event.preventDefault(); move(id, -1); }
  else if (event.altKey && event.key === "ArrowDown") { event.preventDefault(); move(id, 1); }
  else if ((event.key === "Backspace" && !text.value && state.rows.length > 1) || (event.ctrlKey && event.shiftKey && event.key === "Backspace")) { event.preventDefault(); remove(id); }
}

function openPanel(id) {
  const part = parts.get(id);
  if (part.panel) {
    part.panel.element.remove();
    part.panel = null;
  } else {
    const act = { root, insert: () => insertBelow(placeOf(id)), move: (by) => move(id, by), remove: () => remove(id), redraw: () => drawRows(), redrawStandings: drawStandings };
    part.panel = panelOf(id, act);
    part.panel.fill(rowOf(id), placeOf(id));
    part.item.append(part.panel.element);
  }
  part.more.setAttribute("aria-expanded", String(Boolean(part.panel)));
}

/** Write at the cursor of the turn that was last written in. */
export function insertInTurn(text) {
  const { at } = state;
  const part = at && parts.get(at.row);
  if (!part || part.text.readOnly) return false;
  const input = part.text;
  input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
  input.focus();
  input.dispatchEvent(new Event("input"));
  return true;
}

export function focusRow(id) {
  const part = parts.get(id);
  part?.item.scrollIntoView({ block: "center", behavior: "smooth" });
  part?.text.focus({ preventScroll: true });
}
