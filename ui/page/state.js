/** What the page knows: the script in its two views, voices, settings, what was made. Kept in this browser. */

const KEY = "dialogue-studio";
const HISTORY = `${KEY}-history`;
const MOST_HISTORY = 20;

const token = (bytes) => [...crypto.getRandomValues(new Uint8Array(bytes))].map((b) => b.toString(16).padStart(2, "0")).join("");
export const newId = () => `r${token(5)}`;

/** A turn as it is when it is new. */
export const newRow = (speaker, text = "") => ({
  id: newId(), speaker, text, pause: 0, overlap: 0, speed: 1, seed: null, locked: false, note: "",
});

const fresh = () => ({
  work: `w${token(8)}`,
  title: "",
  view: "turns",
  text: "",
  ending: "",
  rows: [],
  cast: {}, // speaker -> reference, where one was chosen
  settings: { gap: null, speed: 1, loudness: -23 },
  seed: 1,
  broken: false, // the text has mistakes, and the rows are older
  along: true, // play while it is made
});

export const state = {
  ...fresh(),
  me: "",
  usual: {}, // speaker -> reference of the voice he or she has, chosen or not
  voices: [],
  speakers: [],
  findings: [],
  byRow: {},
  turns: 0, // that were understood
  seconds: 0,
  made: {}, // row -> what the server tells of it
  result: null,
  job: null,
  playing: null, // row that is heard
};

const bus = new EventTarget();
export const on = (what, act) => bus.addEventListener(what, act);
export const tell = (what) => bus.dispatchEvent(new Event(what));

const KEPT = ["work", "title", "view", "text", "ending", "rows", "broken", "cast", "settings", "seed", "along"];

/** What must outlive a reload, and can be had back when another script came in its place. */
export const onDesk = () => Object.fromEntries(KEPT.map((key) => [key, state[key]]));

/** Write it. A full or forbidden storage loses the convenience, not the work. */
export function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(onDesk()));
  } catch {
    /* the page goes on without */
  }
}

/** Read it again; whether there was something. */
export function recall() {
  try {
    state.me = localStorage.getItem(`${KEY}-me`) || "";
    if (!/^[0-9a-f]{32}$/.test(state.me)) {
      state.me = token(16);
      localStorage.setItem(`${KEY}-me`, state.me);
    }
    const held = JSON.parse(localStorage.getItem(KEY) || "null");
    if (held) for (const key of KEPT) if (key in held) state[key] = held[key];
    return Boolean(held);
  } catch {
    state.me = state.me || token(16);
    return false;
  }
}

/** An empty script; what was made stays in the history. */
export function startAnew(values = {}) {
  const { view, along } = state;
  Object.assign(state, fresh(), { view, along, made: {}, result: null, job: null, findings: [], byRow: {}, playing: null }, values);
  keep();
}

/** What the page calls the dialogue: its title, or its first words. */
export function titleOf() {
  return state.title || (state.rows[0]?.text || "Dialogue").split(/\s+/).slice(0, 6).join(" ");
}

export function readHistory() {
  try {
    return JSON.parse(localStorage.getItem(HISTORY) || "[]");
  } catch {
    return [];
  }
}

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

/** When sounds and voices go. */
export const deletion = (what) => `${what} are deleted ${state.keepHours} hours after your last visit, and when the studio is closed.`;

/** How many mistakes there are; a turn that is still empty is none. */
export const mistakeCount = () => (state.broken || state.view === "text" ? state.findings : state.rows.flatMap((row) => (plain(row.text) && state.byRow[row.id]) || []))
  .filter((found) => found.severity === "error").length;

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
  const same = take.text === plain(row.text) && made.said.speaker === row.speaker && made.said.speed === row.speed;
  const asked = row.seed === null || row.seed === take.seed;
  return same && asked && made.said.voice === voiceOf(row.speaker) && sameSettings() ? "made" : "changed";
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
