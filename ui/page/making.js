/** Make, stop, and what the server tells meanwhile. */

import { ask, connected } from "./ask.js";
import { flush, splitRows } from "./checking.js";
import { h, roughly } from "./dom.js";
import { isMixed, mixNow } from "./mixing.js";
import * as player from "./player.js";
import { on, plain, saidOf, standing, state, tell, upToDate } from "./state.js";
import { keepDerived, remember } from "./store.js";
import { record } from "./undo.js";
import { focusRow } from "./turns.js";

const OFFER_MS = 20_000;
const JUST_NOW_MS = 400;
let version = 0;
let following = 0; // number of the loop that may go on
let solo = null; // the row that is to be heard when it is made
let button;
let stopButton;
let bar;
let told;
let line;
let spoken; // for those who listen: the same without the seconds, which change all the time
let offered;
let mending = false;
let away = false; // what is told is that the server does not answer
let offerGoes = 0;
let offerMade = 0;
let restoring = false; // takes are chosen by undo
let starting = false;

export const versionNow = () => version;

export function makeBar() {
  button = h("button", { type: "button", class: "main make", onclick: () => make() }, "Make dialogue");
  stopButton = h("button", { type: "button", class: "stop", hidden: true, onclick: stop }, "Stop");
  bar = h("div", { class: "bar-fill" });
  told = h("div", { class: "progress", role: "progressbar", "aria-label": "Turns made", "aria-valuemin": 0, hidden: true }, bar);
  line = h("p", { class: "state" });
  spoken = h("p", { class: "unseen", role: "status" });
  offered = h("p", { class: "offer", role: "status" });
  on("edited", () => { if (performance.now() - offerMade > JUST_NOW_MS) withdraw(); });
  on("connection", () => { if (connected) back(); });
  on("unheard", unheard);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) present(); });
  return h("div", { class: "make-bar" }, button, stopButton, h("div", { class: "make-told" }, line, spoken, offered, told));
}

/** Tell in the bar, and to who listens. */
export function say(text, isError = false, aloud = text) {
  mending = false;
  away = false;
  line.classList.toggle("error", isError);
  if (line.textContent !== text) line.textContent = text;
  if (spoken.textContent !== aloud) spoken.textContent = aloud;
}

/** Something was done that can be undone, or could be done: told for a while, or until the next edit. */
export function offer(text, label, act) {
  say("");
  offered.replaceChildren(text, " ", h("button", { type: "button", class: "link", onclick: () => { withdraw(); act(); } }, label));
  clearTimeout(offerGoes);
  offerGoes = setTimeout(withdraw, OFFER_MS);
  offerMade = performance.now();
}

function withdraw() {
  clearTimeout(offerGoes);
  offered.replaceChildren();
}

/** Tell what is wrong; `untilMended` goes when the script has no mistakes. */
export function complain(text, untilMended = false) {
  say(text, true);
  mending = untilMended;
}

export function mended() {
  if (mending) say("");
}

/** Make what changed; `only` one row; `fresh` with new seeds. */
export async function make({ only = null, fresh = false, quietly = false } = {}) {
  if (state.job || starting) return;
  starting = true;
  say("");
  withdraw();
  if (!only && !quietly) player.wake();
  state.blamed = null;
  try {
    await flush();
    if (splitRows()) await flush();
    while (state.rows.length > 1 && !plain(state.rows[state.rows.length - 1].text) && !only) state.rows.pop();
    tell("rows");
    const wrong = state.findings.find((found) => found.severity === "error");
    if (wrong && !only && (state.view === "text" || state.broken)) { complain(`Line ${wrong.line}: ${wrong.message}`, true); return; }
    if (!only && !fresh && upToDate() && isMixed()) { if (!quietly) player.seek(0); return; }
    if (quietly) solo = null;
    else if (only) player.quiet();
    else if (state.along) player.startAlong();
    else player.quiet();
    solo = only;
    const values = { work: state.work, since: version, rows: state.rows, cast: state.cast, settings: state.settings, mix: mixNow(), seed: state.seed, fresh, holds: Boolean(state.result) };
    const answer = await ask("make", only ? { ...values, only } : values);
    if (answer.gone) { player.quiet(); lost(); return; }
    if (answer.error) {
      player.quiet();
      complain(answer.error);
      if (answer.where) { state.blamed = { row: answer.where, message: answer.error }; tell("standings"); if (state.view === "turns") focusRow(answer.where); }
      return;
    }
    say("");
    news(answer);
    followOn();
  } finally {
    starting = false;
  }
}

/** What is made in its new order and at its new places; nothing is computed, and what is heard goes on. */
export const putTogether = () => make({ quietly: true });

async function stop() {
  stopButton.disabled = true;
  player.quiet();
  const answer = await ask("stop", { work: state.work, since: version });
  stopButton.disabled = false;
  if (answer.error) complain(answer.error);
  else news(answer);
}

/** Ask for news until the job is over; without `patient`, only for those that are there. */
export async function followOn(patient = true) {
  const mine = ++following;
  while (mine === following) {
    const answer = await ask("follow", { work: state.work, since: version, patient: patient && Boolean(state.job || !state.result) });
    if (mine !== following) return;
    if (answer.away) { complain(answer.error); away = true; return; }
    if (answer.gone) { lost(); return; }
    if (answer.error) { complain(answer.error); return; }
    if (answer.version !== version || answer.job) news(answer);
    if (!state.job) return;
  }
}

/** The server answers again; it may be another, which holds nothing. */
function back() {
  if (away || line.classList.contains("error")) say("");
  followOn();
}

/** Whether the server still has the sound, where there are signs that it may not. */
async function present() {
  if (state.result && connected && !state.job) await followOn(false);
}

async function unheard() {
  await present();
  if (state.result && connected) complain("The sound cannot be played; make the dialogue again.");
}

/** The server was started anew, or nobody came for long. Turns that were drawn again keep their seeds, so that they can be had again. */
function lost() {
  const had = state.job || state.result;
  for (const row of state.rows) {
    const made = state.made[row.id];
    if (made?.takes?.length > 1 && standing(row) === "made") row.seed = made.takes[made.chosen].seed;
  }
  Object.assign(state, { job: null, result: null, made: {} });
  version = 0;
  player.rewind();
  keepDerived();
  tell("made");
  if (had) offer("The studio was started anew, and the sound of this dialogue is gone. Your script is all here.", "Make it again", () => make());
}

/** Another dialogue is on the desk. */
export function forgetNews() {
  following += 1;
  version = 0;
  say("");
  withdraw();
}

/** Take in what the server told. */
export function news(told_) {
  const had = state.job;
  version = told_.version;
  state.job = told_.job;
  const redrawn = Object.entries(told_.rows).some(([row, made]) => isAnother(state.made[row], made));
  Object.assign(state.made, told_.rows);
  for (const piece of told_.chunks) if (!solo) player.addPiece(piece);
  if (!state.job) player.endAlong();
  if (told_.result) {
    state.result = told_.result;
    player.setWhole(told_.result);
    if (!state.job) remember(told_.result.project, told_.result.seconds);
  }
  if (solo && ["made", "failed", "none"].includes(state.made[solo]?.state)) {
    const made = state.made[solo];
    if (made.state === "made" && made.takes && !state.job) { player.playSolo(made.takes[made.chosen].file, solo); solo = null; }
  }
  if (told_.message) say(told_.message, !/^(Stopped|The sound differs)/.test(told_.message));
  else if (had && !state.job) finished();
  if (redrawn && !restoring) record("another take");
  keepDerived();
  tell("made");
}

/** Whether another take of the same words was chosen or drawn: that is a change of its own, and can be undone. */
function isAnother(was, is) {
  if (!was?.takes?.length || !is.takes?.length || was.chosen === is.chosen) return false;
  return was.takes[was.chosen].text === is.takes[is.chosen].text;
}

/** Choose takes as they were; of a turn whose words went back, the take that says them. */
export async function restoreTakes(takes) {
  if (state.job) return;
  restoring = true;
  try {
    for (const row of state.rows) {
      const made = state.made[row.id];
      if (!made?.takes?.length) continue;
      const wanted = takes[row.id] ?? made.chosen;
      const says = made.takes[wanted]?.text === saidOf(row) ? wanted : made.takes.findIndex((take) => take.text === saidOf(row));
      if (says < 0 || says === made.chosen) continue;
      const answer = await ask("choose", { work: state.work, row: row.id, take: says, since: version });
      if (answer.error) { complain(answer.error); return; }
      news(answer);
    }
  } finally {
    restoring = false;
  }
}

function finished() {
  const failed = state.rows.filter((row) => standing(row) === "failed").length;
  if (failed) complain(`${failed} ${failed === 1 ? "turn" : "turns"} failed; the reason stands there. The rest is made.`);
  else say("Done.");
}

export function drawMaking() {
  const { job } = state;
  button.hidden = Boolean(job);
  stopButton.hidden = !job;
  told.hidden = !job;
  if (job) {
    const share = job.of ? job.done / job.of : 1;
    bar.style.width = `${Math.round(100 * share)}%`;
    told.setAttribute("aria-valuemax", job.of);
    told.setAttribute("aria-valuenow", job.done);
    if (job.state === "waiting" && job.inFront) say(`Waits: ${job.inFront} ${job.inFront === 1 ? "dialogue is" : "dialogues are"} made before.`);
    else {
      const done = `${job.done} of ${job.of} ${job.of === 1 ? "turn" : "turns"}`;
      say(`${done}, ${roughly(job.left)} left`, false, done);
    }
    return;
  }
  const there = state.rows.filter((row) => standing(row) === "made").length;
  const missing = state.rows.length - there;
  if (upToDate() && isMixed()) button.textContent = "Play dialogue";
  else if (state.broken || !state.result || !there) button.textContent = "Make dialogue";
  else if (missing) button.textContent = `Make ${missing} ${state.rows.some((row) => standing(row) === "changed") ? "changed" : "more"} ${missing === 1 ? "turn" : "turns"}`;
  else button.textContent = "Put together";
}
