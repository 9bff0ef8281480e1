/** Everything that is heard: one player, so that one sound stops the other.
 *
 * A dialogue is played along while it is made, piece by piece without a gap, and from its file afterwards.
 */

import { urlOf } from "./ask.js";
import { loudnessMeter } from "./loudness.js";
import { state, tell } from "./state.js";

const RATE = 24000;
const LEAD_S = 0.06; // from a piece's arrival to its sound
let context = null;
let pieces = []; // of the dialogue that is made: {row, start, end, at, seconds}
let zero = 0; // the context's time at which the dialogue began
let until = 0; // up to which dialogue time pieces are scheduled
let queue = Promise.resolve();
let more = false; // pieces may still come
let coming = 0; // pieces that are fetched, but not yet scheduled
let sources = [];
let mode = "idle"; // "along", "whole", "solo"
let soloRow = null;
let soloDone = null;
let place = 0; // where the dialogue was left, in seconds
let rate = 1;
let volume = 1;
let gain = null; // of all that is heard
let meter = null; // in front of it
let looped = null; // {row, start, end} of the turn that is heard again and again
const audio = new Audio();
audio.preload = "auto";

export const playback = { get mode() { return mode; } };

/** Call it in a click: browsers let sound begin only there. */
export function wake() {
  if (!context) {
    context = new AudioContext({ sampleRate: RATE });
    meter = loudnessMeter(context);
    gain = new GainNode(context, { gain: volume });
    meter.input.connect(gain).connect(context.destination);
    context.createMediaElementSource(audio).connect(meter.input);
  }
  context.resume();
}

/** Get ready to play along. */
export function startAlong() {
  quiet();
  wake();
  pieces = [];
  zero = 0;
  until = 0;
  place = 0;
  more = true;
  mode = "along";
}

/** No more pieces come. */
export function endAlong() {
  more = false;
}

/** A piece came; it is heard where the one before it ends. */
export function addPiece(piece) {
  pieces.push(piece);
  if (mode !== "along" || !piece.file) return;
  coming += 1;
  queue = queue.then(async () => {
    const response = await fetch(urlOf(piece.file));
    if (!response.ok) return;
    const sound = await context.decodeAudioData(await response.arrayBuffer());
    if (mode !== "along") return;
    const earliest = context.currentTime + LEAD_S;
    if (!until) zero = earliest - piece.at;
    if (zero + piece.at < earliest) zero = earliest - piece.at; // it came late: everything after it is later
    const source = new AudioBufferSourceNode(context, { buffer: sound });
    source.connect(meter.input);
    source.start(zero + piece.at);
    sources.push(source);
    until = piece.at + sound.duration;
  }).catch((error) => console.warn("a piece cannot be played", error)).finally(() => { coming -= 1; });
}

/** The file of the whole dialogue is there, or is another. */
export function setWhole(result) {
  if (mode === "along") return; // it goes on, and the file takes over at its end
  const at = Math.min(now(), result.seconds);
  const going = mode === "whole" && !audio.paused;
  if (mode === "solo") return;
  looped = null;
  load(result, at);
  if (going) audio.play().catch(() => {});
}

function load(result, at) {
  mode = "whole";
  audio.src = urlOf(result.file);
  audio.currentTime = at;
  audio.playbackRate = rate;
}

/** Another dialogue: it begins at its beginning. */
export function rewind() {
  quiet();
  place = 0;
}

/** One turn, or a voice, alone; resolves when it is over. */
export function playSolo(file, row = null) {
  quiet();
  wake();
  mode = "solo";
  soloRow = row;
  audio.src = urlOf(file);
  audio.playbackRate = rate;
  audio.play().catch(() => {});
  tell("playing");
  return new Promise((resolve) => { soloDone = resolve; });
}

/** Stop whatever is heard. */
export function quiet() {
  sources.forEach((source) => { try { source.stop(); } catch { /* it never began */ } });
  sources = [];
  place = now();
  audio.pause();
  if (mode === "along") context?.resume();
  mode = "idle";
  soloRow = null;
  soloDone?.();
  soloDone = null;
  tell("playing");
}

export function isPlaying() {
  if (mode === "along") return context.state === "running" && (now() < until || coming > 0 || more);
  return !audio.paused;
}

/** Play or pause the dialogue. */
export function toggle() {
  if (mode !== "along") wake();
  if (mode === "along") {
    if (context.state === "running") context.suspend().then(() => tell("playing"));
    else context.resume().then(() => tell("playing"));
    return;
  }
  if (mode === "whole" && !audio.paused) {
    audio.pause();
  } else if (state.result) {
    if (mode !== "whole") { quiet(); load(state.result, place); }
    if (audio.ended) audio.currentTime = 0;
    audio.play().catch(() => {});
  }
  tell("playing");
}

/** Go to a time of the dialogue, and play from there. */
export function seek(seconds, play = true) {
  if (!state.result) return;
  const going = play || isPlaying();
  if (going) wake();
  if (mode !== "whole") { quiet(); load(state.result, 0); }
  audio.currentTime = Math.max(0, Math.min(seconds, state.result.seconds - 0.01));
  if (going) audio.play().catch(() => {});
  tell("playing");
}

/** Where in the dialogue one is, in seconds. */
export function now() {
  if (mode === "along") return until ? Math.max(0, Math.min(context.currentTime - zero, until)) : 0;
  return mode === "whole" ? audio.currentTime : place;
}

/** How fast files are played; pieces come as they are made. */
export function setRate(value) {
  rate = value;
  audio.playbackRate = value;
}

export function setVolume(value) {
  volume = value;
  if (gain) gain.gain.value = value;
}

/** How loud what is heard is, in LUFS, whatever the volume; minus infinity where nothing is. */
export const loudnessNow = () => (meter && isPlaying() ? meter.read() : -Infinity);

/** Hear the turn where one is again and again, or go on. */
export function loopTurn(wanted) {
  const at = now();
  const turns = state.result?.turns || [];
  looped = wanted ? turns.find((turn) => turn.start <= at && at < turn.end) || turns.find((turn) => turn.end > at) || null : null;
}

export const isLooping = () => Boolean(looped);

/** The row that is heard. */
export function heardRow() {
  if (mode === "solo") return audio.paused ? null : soloRow;
  if (mode === "idle" || (mode === "whole" && audio.paused && !audio.currentTime)) return null;
  const turns = mode === "along" ? pieces : state.result?.turns || [];
  const at = now();
  let found = null;
  for (const turn of turns) if (turn.start <= at && at < turn.end) found = turn.row;
  return found;
}

audio.addEventListener("ended", () => {
  if (mode === "solo") quiet();
  tell("playing");
});
audio.addEventListener("error", () => {
  const wanted = mode !== "idle";
  quiet();
  if (wanted) tell("unheard");
});
for (const name of ["play", "pause", "seeked"]) audio.addEventListener(name, () => tell("playing"));

/** Called at every frame: hands over from pieces to the file when all of them were heard. */
export function tick() {
  if (looped && mode === "whole" && !audio.paused && (audio.currentTime >= looped.end || audio.currentTime < looped.start - 0.5)) audio.currentTime = looped.start;
  if (mode === "along" && !more && !coming && (!until || context.currentTime - zero >= until)) {
    sources = [];
    mode = "idle";
    place = 0;
    if (state.result) load(state.result, 0);
    tell("playing");
  }
}
