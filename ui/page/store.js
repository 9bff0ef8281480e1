/** What this browser keeps: scripts, one for each dialogue, and the history of what was made. */

import { absorb, record } from "./undo.js";
import { layOut, newWork, onDesk, state, tell, titleOf, token } from "./state.js";

const KEY = "dialogue-studio";
const HISTORY = `${KEY}-history`;
const SCRIPT = `${KEY}-script-`;
const LAST = `${KEY}-last`;
const MOST_HISTORY = 20;

let written = ""; // what was stored last, by this tab or by another that has the same script
let stored = true;

export const isStored = () => stored;

/** Write the script. A full or forbidden storage loses the convenience, not the work. */
export function keep() {
  const now = JSON.stringify(onDesk());
  if (now === written) return;
  try {
    localStorage.setItem(SCRIPT + state.work, `{"when":${Date.now()},"desk":${now}}`);
    localStorage.setItem(LAST, state.work);
    sessionStorage.setItem(LAST, state.work);
    written = now;
    stored = true;
  } catch {
    stored = false;
  }
  tell("stored");
}

const read = (key) => {
  try {
    return JSON.parse(localStorage.getItem(key) || "null");
  } catch {
    return null;
  }
};

/** Read this tab's script again, or the one that was written last; whether there was one. */
export function recall() {
  try {
    state.me = localStorage.getItem(`${KEY}-me`) || "";
    if (!/^[0-9a-f]{32}$/.test(state.me)) {
      state.me = token(16);
      localStorage.setItem(`${KEY}-me`, state.me);
    }
    const work = sessionStorage.getItem(LAST) || localStorage.getItem(LAST);
    const held = read(SCRIPT + work)?.desk;
    if (held) layOut(held);
    if (held) written = JSON.stringify(onDesk());
    if (held) sessionStorage.setItem(LAST, state.work);
    return Boolean(held);
  } catch {
    state.me = state.me || token(16);
    return false;
  }
}

/** Another tab wrote this script: it is the same here. `redraw` is called when it was. */
export function shareWithTabs(redraw) {
  addEventListener("storage", (event) => {
    if (event.key !== SCRIPT + state.work || !event.newValue) return;
    const { view, along } = state;
    record();
    layOut(JSON.parse(event.newValue).desk);
    Object.assign(state, { view: state.broken ? "text" : view, along });
    written = JSON.stringify(onDesk());
    record("what another tab wrote");
    redraw();
  });
}

/** Scripts of this browser, the newest first: {work, title, when, turns, desk}. */
export function scripts() {
  const found = [];
  for (let n = 0; n < localStorage.length; n++) {
    const key = localStorage.key(n);
    const held = key.startsWith(SCRIPT) && read(key);
    if (!held) continue;
    const { desk } = held;
    const words = desk.rows.map((row) => row.text).join(" ");
    if (words.trim() || desk.text.trim()) found.push({ work: desk.work, title: titleOf(desk), when: held.when, turns: desk.rows.length, words, desk });
  }
  return found.sort((a, b) => b.when - a.when);
}

/** Put a copy beside a script. */
export function duplicate(desk) {
  const copy = { ...desk, work: newWork(), title: `${titleOf(desk)} (copy)` };
  localStorage.setItem(SCRIPT + copy.work, JSON.stringify({ when: Date.now(), desk: copy }));
}

export const removeScript = (work) => localStorage.removeItem(SCRIPT + work);

/** A script without a word is not worth keeping. */
export function dropEmpty() {
  if (!state.rows.some((row) => row.text.trim()) && !state.text.replace(/\[[^\]]*\]/g, "").trim()) removeScript(state.work);
}

export const readHistory = () => read(HISTORY) || [];

/** Remember a dialogue that was made; the newest comes first, each work once. */
export function remember(project, seconds) {
  const entry = { work: state.work, title: titleOf(), when: Date.now(), seconds, project };
  writeHistory([entry, ...readHistory().filter((old) => old.work !== state.work)].slice(0, MOST_HISTORY));
}

export function writeHistory(entries) {
  try {
    localStorage.setItem(HISTORY, JSON.stringify(entries));
  } catch {
    if (entries.length > 1) writeHistory(entries.slice(0, Math.floor(entries.length / 2)));
  }
}

/** What follows from the last change is kept with it. */
export function keepDerived() {
  absorb();
  keep();
}
