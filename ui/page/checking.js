/** The script's two views kept one: what is typed in one is checked, and shown in the other. */

import { ask } from "./ask.js";
import { namesNow, newId, plain, state, tell } from "./state.js";
import { keep, keepDerived } from "./store.js";
import { record } from "./undo.js";

const PAUSE_MS = 300;
let timer = 0;
let dirty = null; // "rows" or "text"
let number = 0;
let underWay = Promise.resolve();

/** Something was typed in a view. `label` names it for undo, and makes it a step of its own. */
export function edited(view, label = "") {
  dirty = view;
  state.source = view;
  record(label);
  keep();
  tell("edited");
  clearTimeout(timer);
  timer = setTimeout(flush, PAUSE_MS);
}

/** Check at once; resolves when both views are one. */
export function flush() {
  clearTimeout(timer);
  underWay = underWay.then(check, check);
  return underWay;
}

async function check() {
  while (dirty) {
    const view = dirty;
    dirty = null;
    const mine = ++number;
    const given = view === "rows" ? { rows: state.rows, ending: state.ending } : { text: state.text };
    const answer = await ask("check", { ...given, cast: state.cast, settings: state.settings });
    if (answer.away) {
      dirty = dirty || view;
      setTimeout(flush, 3000);
      return;
    }
    if (mine === number && !dirty) take(view, answer);
  }
}

function take(view, answer) {
  if (answer.error) {
    state.findings = [{ line: 1, column: null, severity: "error", message: answer.error }];
    state.byRow = {};
    tell("checked");
    return;
  }
  state.findings = answer.findings;
  state.byRow = answer.byRow || {};
  state.seconds = answer.seconds;
  state.usual = { ...state.usual, ...answer.cast };
  state.turns = answer.turns;
  if (view === "rows") {
    state.text = answer.text;
    state.broken = false;
    state.split = answer.rows || null;
    state.speakers = namesNow();
  } else if (!answer.rows) {
    state.broken = true; // the table keeps what it had, and cannot be shown until the text is mended
    if (state.view === "turns") state.view = "text";
    tell("view");
  } else {
    state.broken = false;
    state.rows = matched(state.rows, answer.rows);
    state.ending = answer.ending;
    state.speakers = namesNow();
    tell("rows");
  }
  state.said = Object.fromEntries(Object.entries(state.broken ? {} : answer.said).map(([n, text]) => [state.rows[n]?.id, text]));
  keepDerived();
  tell("checked");
}

/** A row that holds several turns, such as a pasted script, becomes several rows. */
export function splitRows() {
  if (!state.split) return false;
  state.rows = matched(state.rows, state.split);
  state.split = null;
  tell("rows");
  edited("rows");
  return true;
}

/** Turns that were read anew, with the ids of the rows they were: same words first, then the same place between those. */
export function matched(before, turns) {
  const key = (row) => `${row.speaker}\n${plain(row.text)}`;
  const places = new Map();
  before.forEach((row, n) => places.set(key(row), [...(places.get(key(row)) || []), n]));
  const was = new Array(turns.length).fill(-1);
  turns.forEach((turn, n) => {
    const found = places.get(key(turn));
    if (found?.length) was[n] = found.shift();
  });
  const used = new Set(was);
  turns.forEach((turn, n) => {
    const previous = n ? was[n - 1] : -1;
    if (was[n] >= 0 || previous + 1 >= before.length || used.has(previous + 1)) return;
    was[n] = previous + 1;
    used.add(was[n]);
  });
  return turns.map((turn, n) => {
    const row = was[n] >= 0 ? before[was[n]] : null;
    return { seed: null, locked: false, ...(row || {}), ...turn, id: row ? row.id : newId() };
  });
}
