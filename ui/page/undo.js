/** Undo and redo of everything in a script. Steps are kept in this tab's session, so a reload loses none. */

import { apply, difference, subject } from "./steps.js";
import { desk, putDesk, tell } from "./state.js";

const KEY = "dialogue-studio-steps";
const MOST_STEPS = 300;
const MOST_CHARACTERS = 2_000_000;
const TOGETHER_MS = 1200; // what is typed without a longer rest is one step

let steps = []; // {label, about, step, size}
let place = 0; // how many of them are done
let current = null; // the script as the last step left it
let latest = 0; // when it was
let saving = 0;

/** What the last undo or redo changed: {label, to: 0 or 1, takes, rows: ids, another: whether it is another script}. */
export let went = null;

/** Begin with the script that is there, and the steps of this tab that led to it. */
export function startUndo() {
  current = desk();
  try {
    const held = JSON.parse(sessionStorage.getItem(KEY) || "null");
    if (held && JSON.stringify(held.current) === JSON.stringify(current)) ({ steps, place } = held);
  } catch {
    /* without */
  }
  addEventListener("pagehide", save);
  tell("steps");
}

/** Something was changed by hand: a step, or more of the last one. Whether there was a change. */
export function record(label = "") {
  if (!current) return false;
  const now = desk();
  const step = difference(current, now);
  if (!step) return false;
  const about = subject(step);
  const last = steps[place - 1];
  const goesOn = last && place === steps.length && about && about === last.about && !label && Date.now() - latest < TOGETHER_MS;
  steps.length = place;
  if (goesOn) {
    steps.pop();
    const whole = difference(apply(current, last.step, 0), now);
    if (whole) push({ ...last, step: whole });
    else place -= 1;
  } else {
    place += 1;
    push({ label, about, step });
  }
  place = steps.length;
  current = now;
  latest = Date.now();
  later();
  return true;
}

function push(entry) {
  entry.size = JSON.stringify(entry.step).length;
  steps.push(entry);
  let size = steps.reduce((sum, one) => sum + one.size, 0);
  while (steps.length > 1 && (steps.length > MOST_STEPS || size > MOST_CHARACTERS)) size -= steps.shift().size;
}

/** What follows from a step by itself, such as rows that were read from a text, is no step of its own. */
export function absorb() {
  if (!current) return;
  const now = desk();
  const last = steps[place - 1];
  if (last && place === steps.length) {
    const whole = difference(apply(current, last.step, 0), now);
    if (whole) last.step = whole;
  }
  current = now;
  later();
}

export const canUndo = () => place > 0;
export const canRedo = () => place < steps.length;
export const undo = () => go(0);
export const redo = () => go(1);

function go(to) {
  record();
  if (to ? !canRedo() : !canUndo()) return;
  const entry = steps[to ? place : place - 1];
  place += to ? 1 : -1;
  current = apply(current, entry.step, to);
  latest = 0;
  const { takes } = current;
  putDesk(current);
  current = desk();
  later();
  went = { label: entry.label, to, takes, rows: Object.keys(entry.step.rows || {}), another: Boolean(entry.step.keys.work) };
  tell("undone");
}

function later() {
  clearTimeout(saving);
  saving = setTimeout(save, 800);
  tell("steps");
}

function save() {
  clearTimeout(saving);
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ steps, place, current }));
  } catch {
    sessionStorage.removeItem(KEY);
  }
}
