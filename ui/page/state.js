/**
 * What the page knows: the script in its two views, voices, settings, what was made.
 *
 * @typedef {{id: string, speaker: string, text: string, pause: number, overlap: number, speed: number, seed: number | null, locked: boolean, note: string}} Row
 *   of the table: a turn; `note` are the comment lines above it
 * @typedef {{file: string, text: string, seed: number, seconds: number, draws: number, doubts: ("words" | "pace" | "voice")[]}} Take
 * @typedef {{state: "queued" | "making" | "made" | "failed" | "none", message: string, chosen?: number, takes?: Take[], said?: {speaker: string, speed: number, voice: string}}} Made
 *   what the server tells of a row
 * @typedef {{row: string, speaker: string, start: number, end: number, wait: number, pause: number, overlap: number, words: [string, number][]}} HeardTurn times in seconds
 * @typedef {{file: string, seconds: number, peaks: number[], turns: HeardTurn[], pieces: {kind: string, name: string, start: number, end: number}[], levels: {lufs: number, peak: number},
 *   likeness: Record<string, {match: number, says: string}>, mix: import("./mixes.js").Mix, words: Record<string, string>, gap: number | null, speed: number, loudness: number, seed: number, project: string}} Result
 *   the whole as it is heard
 * @typedef {{state: "running" | "waiting", inFront: number, done: number, of: number, left: number}} Job
 * @typedef {{good: boolean, says: string}} Measure of a recording
 * @typedef {{ref: string, name: string, kind: "built in" | "kept" | "mine", about: string, sex?: string, age?: string, accent?: string, seconds?: number, start?: number, used?: number, report?: Measure[]}} Voice
 * @typedef {{line: number, column: number | null, severity: "error" | "warning" | "note", message: string}} Finding
 */

import { noMix } from "./mixes.js";

export const token = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");
export const newId = () => `r${token(5)}`;
export const newWork = () => `w${token(8)}`;

/** A turn as it is when it is new. @param {string} speaker @param {string} text @returns {Row} */
export const newRow = (speaker, text = "") => ({
  id: newId(), speaker, text, pause: 0, overlap: 0, speed: 1, seed: null, locked: false, note: "",
});

export const fresh = () => ({
  work: newWork(),
  title: "",
  view: "turns",
  source: "rows", // which of the two views was written in last; the other follows
  text: "",
  ending: "",
  rows: /** @type {Row[]} */ ([]),
  speakers: /** @type {string[]} */ ([]), // those without turns too
  cast: /** @type {Record<string, string>} */ ({}), // speaker -> reference, where one was chosen
  settings: { gap: /** @type {number | null} */ (null), speed: 1, loudness: -23, directions: "left_out", words: /** @type {Record<string, string>} */ ({}) }, // words: written -> phonemes
  mix: noMix(),
  publication: { author: "", show: "", episode: null, date: "", cover: "", bitrate_kbps: 128, sample_rate_hz: 44100 },
  seed: 1,
  broken: false, // the text has mistakes, and the rows are older
  along: true, // play while it is made
});

/** What is not kept: it follows from the script, or is the server's. */
const derived = () => ({
  findings: /** @type {Finding[]} */ ([]),
  byRow: /** @type {Record<string, Finding[]>} */ ({}),
  said: /** @type {Record<string, string>} */ ({}), // row -> what is said of its text, where that is less
  turns: 0, // that were understood
  seconds: 0,
  made: /** @type {Record<string, Made>} */ ({}), // by row
  result: /** @type {Result | null} */ (null),
  job: /** @type {Job | null} */ (null),
  playing: /** @type {string | null} */ (null), // row that is heard
  split: /** @type {Row[] | null} */ (null), // what a row is that holds several turns
  blamed: /** @type {{row: string, message: string} | null} */ (null), // what could not be made
});

export const state = {
  ...fresh(),
  ...derived(),
  me: "",
  usual: /** @type {Record<string, string>} */ ({}), // speaker -> reference of the voice he or she has, chosen or not
  voices: /** @type {Voice[]} */ ([]),
  sounds: /** @type {{name: string, seconds: number}[]} */ ([]), // for mixes
  examples: /** @type {{name: string, text: string}[]} */ ([]),
  personal: false, // voices may be kept on the studio's computer
  keepHours: 0,
  at: /** @type {{row: string, input: HTMLTextAreaElement} | null} */ (null), // where was written last
};

const bus = new EventTarget();
export const on = (what, act) => bus.addEventListener(what, act);
export const tell = (what) => bus.dispatchEvent(new Event(what));

/** What must outlive a reload. */
export const onDesk = () => Object.fromEntries(Object.keys(fresh()).map((key) => [key, state[key]]));

/** Take in what `onDesk` gave once; what it lacks is as usual. */
export function layOut(held) {
  const usual = fresh();
  for (const key of Object.keys(usual)) state[key] = held[key] ?? usual[key];
  state.settings = { ...usual.settings, ...state.settings };
}

const chosenTakes = () => Object.fromEntries(state.rows.flatMap((row) => {
  const made = state.made[row.id];
  return made?.takes?.length ? [[row.id, made.chosen]] : [];
}));

/** The script for undo: all that people change in it, as it stands now. */
export function desk() {
  const { work, title, ending, rows, speakers, cast, settings, mix, publication, seed, text, source } = state;
  return structuredClone({ work, title, ending, rows, speakers, cast, settings, mix, publication, seed, takes: chosenTakes(), ...(source === "text" ? { text } : {}) });
}

/** The script as it stood; which takes were chosen is for the server. */
export function putDesk(before) {
  const { takes: _, text, ...others } = structuredClone(before);
  Object.assign(state, others, { source: text === undefined ? "rows" : "text" });
  if (text !== undefined) state.text = text;
  const here = new Set(state.voices.map((voice) => voice.ref));
  for (const [speaker, ref] of Object.entries(state.cast)) if (here.size && !here.has(ref)) delete state.cast[speaker];
}

/** Another script; what was made stays with the server and in the history. */
export function startAnew(values = {}) {
  const { view, along } = state;
  Object.assign(state, fresh(), { view, along }, derived(), values);
}

/** Who there is: whoever speaks, and whoever has a voice or was put in by hand, though nothing is said yet. */
export function namesNow() {
  const speaking = [...new Set(state.rows.map((row) => row.speaker))];
  const silent = state.speakers.filter((name) => !speaking.includes(name) && (state.source === "rows" || state.cast[name]));
  return [...speaking, ...silent];
}

/** What the page calls a dialogue: its title, or its first words. */
export function titleOf({ title, rows } = state) {
  return title || (rows[0]?.text || "Dialogue").split(/\s+/).slice(0, 6).join(" ");
}

/** When sounds and voices go. */
export const deletion = (what) => `${what} are deleted ${state.keepHours} hours after your last visit, and when the studio is closed.`;

/** How many mistakes there are; a turn that is still empty is none. */
export const mistakeCount = () => (state.broken || state.view === "text" ? state.findings : state.rows.flatMap((row) => (plain(row.text) && state.byRow[row.id]) || []))
  .filter((found) => found.severity === "error").length;

export const rowOf = (id) => state.rows.find((row) => row.id === id);
export const placeOf = (id) => state.rows.findIndex((row) => row.id === id);
export const plain = (text) => text.split(/\s+/).filter(Boolean).join(" ");
export const voiceOf = (speaker) => state.cast[speaker] || state.usual[speaker] || "";
export const voiceName = (ref) => state.voices.find((voice) => voice.ref === ref)?.name || ref.replace(/^\w+:/, "");
export const colourOf = (speaker) => Math.max(0, state.speakers.indexOf(speaker)) % 8;

/** How a row stands: "new", "queued", "making", "made", "changed" or "failed". */
export function standing(row) {
  const made = state.made[row.id];
  if (made && ["queued", "making", "failed"].includes(made.state)) return made.state;
  if (!made?.takes?.length) return "new";
  const take = made.takes[made.chosen];
  const same = take.text === saidOf(row) && made.said.speaker === row.speaker && made.said.speed === row.speed;
  const asked = row.seed === null || row.seed === take.seed;
  return same && asked && made.said.voice === voiceOf(row.speaker) && sameSettings() && sameWords(row) ? "made" : "changed";
}

/** A row's words without what is left out of them. */
export const saidOf = (row) => state.said[row.id] ?? plain(row.text);

/** Whether the dictionary says a row's words as it did. */
function sameWords(row) {
  const [was, is] = [state.result?.words || state.settings.words, state.settings.words];
  const text = row.text.toLowerCase();
  return [...Object.keys(was), ...Object.keys(is)].every((word) => was[word] === is[word] || !text.includes(word.toLowerCase()));
}

function sameSettings() {
  const { result, settings } = state;
  return !result || (result.speed === settings.speed && result.loudness === settings.loudness);
}

/** Whether the whole sound is that of the script as it stands. */
export function upToDate() {
  const { result, rows } = state;
  if (state.broken || !result || result.turns.length !== rows.length || result.gap !== state.settings.gap) return false;
  return rows.every((row, n) => {
    const turn = result.turns[n];
    return turn.row === row.id && turn.pause === row.pause && turn.overlap === row.overlap && standing(row) === "made";
  });
}
