/** When everybody speaks: a track a speaker, on which turns are dragged to change pauses and overlaps. */

import { edited } from "./checking.js";
import { focused, h } from "./dom.js";
import * as player from "./player.js";
import { colourOf, rowOf, standing, state } from "./state.js";
import { timed, told } from "./timing.js";

const SOON_MS = 700;
const GAP_S = 0.25; // as people leave them, where no other is set
const MOVED_PX = 3;
const LEAST_PX_PER_S = 4;
let section;
let scroll;
let inner;
let tracks;
let music;
let head;
let wave;
let zoom;
let actions; // {putTogether, say}
let blocks = new Map(); // row -> its element
let current = null; // the row whose block is a stop of the Tab key
let wanted = null; // {row, start}: moved, but not put together yet
let timer = 0;
let drag = null;
let following = 0;
let drawn = null; // the result that is shown, and its speakers

export function timelineSection(given) {
  actions = given;
  zoom = h("input", { type: "range", min: 0, max: 100, step: 1, value: 0, "aria-label": "Zoom of the timeline", title: "Zoom", oninput: () => { place(); scroll.scrollLeft = player.now() * scale() - scroll.clientWidth / 2; drawWave(); } });
  wave = h("canvas", { class: "tl-wave", "aria-hidden": "true" });
  tracks = h("div", { class: "tl-tracks" });
  music = h("div", { class: "tl-track tl-music", "aria-hidden": "true" });
  head = h("div", { class: "tl-head", "aria-hidden": "true" });
  inner = h("div", { class: "tl-inner" }, wave, tracks, music, head);
  scroll = h("div", { class: "tl-scroll", onscroll: drawWave }, inner);
  section = h("section", { class: "timeline sheet-box", "aria-labelledby": "h-timeline", hidden: true },
    h("div", { class: "head" }, h("h2", { id: "h-timeline" }, "Timeline"), h("label", { class: "tl-zoom" }, "Zoom", zoom),
      h("p", { class: "fine" }, "Drag a turn to change its pause or overlap, or use ← and →; ↑ and ↓ go from turn to turn.")), scroll);
  tracks.addEventListener("pointerdown", grasp);
  tracks.addEventListener("pointermove", pull);
  tracks.addEventListener("pointerup", release);
  tracks.addEventListener("pointercancel", () => { drag = null; place(); });
  tracks.addEventListener("keydown", keys);
  new ResizeObserver(() => { place(); drawWave(); }).observe(scroll);
  return section;
}

/** Pixels a second: from everything at once to a second as wide as 120 px, or four times as wide as it was. */
function scale() {
  const whole = Math.max(LEAST_PX_PER_S, (scroll.clientWidth - 2) / Math.max(1, state.result?.seconds || 1));
  return whole * (Math.max(120, 4 * whole) / whole) ** (Number(zoom.value) / 100);
}

const turnNumber = (row) => state.result.turns.findIndex((turn) => turn.row === row);

export function drawTimeline() {
  const { result } = state;
  section.hidden = !result;
  if (!result) return;
  if (wanted && !state.job) wanted = null;
  const known = blocks;
  const colours = state.speakers.join("\n");
  if (drawn?.result === result && drawn.colours === colours) { place(); return; }
  drawn = { result, colours };
  const speakers = [...new Set(result.turns.map((turn) => turn.speaker))];
  const wasIn = focused()?.dataset.turn;
  blocks = new Map(result.turns.map((turn, n) => {
    const block = known.get(turn.row) || h("div", { class: "tl-turn", role: "slider", "data-turn": turn.row, "aria-valuemin": 0 });
    block.textContent = n + 1;
    block.setAttribute("aria-label", `Start of turn ${n + 1}, ${turn.speaker}`);
    block.setAttribute("aria-valuemax", Math.ceil(result.seconds));
    return [turn.row, block];
  }));
  if (!blocks.has(current)) current = result.turns[0]?.row;
  tracks.replaceChildren(...speakers.map((speaker) => h("div", { class: "tl-track", style: `--who: var(--s${colourOf(speaker)})` }, h("span", { class: "tl-name", "aria-hidden": "true" }, speaker),
    ...result.turns.filter((turn) => turn.speaker === speaker).map((turn) => blocks.get(turn.row)))));
  music.replaceChildren(...result.pieces.map((piece) => h("div", { class: `tl-piece ${piece.kind}`, title: piece.name, "data-start": piece.start, "data-end": piece.end }, piece.name)));
  music.hidden = !result.pieces.length;
  place();
  drawWave();
  if (wasIn) blocks.get(wasIn)?.focus({ preventScroll: true });
}

/** Put everything where it is heard, or where it was moved to. */
function place() {
  const { result } = state;
  if (!result || section.hidden) return;
  const px = scale();
  inner.style.width = `${Math.ceil(result.seconds * px)}px`;
  result.turns.forEach((turn, n) => {
    const block = blocks.get(turn.row);
    if (!block) return;
    const start = wanted?.row === turn.row ? wanted.start : turn.start;
    block.style.left = `${start * px}px`;
    block.style.width = `${Math.max(3, (turn.end - turn.start) * px)}px`;
    block.setAttribute("aria-valuenow", start.toFixed(2));
    block.setAttribute("aria-valuetext", told(result.turns, n, start));
    block.tabIndex = turn.row === current ? 0 : -1;
  });
  for (const piece of music.children) {
    piece.style.left = `${piece.dataset.start * px}px`;
    piece.style.width = `${Math.max(3, (piece.dataset.end - piece.dataset.start) * px)}px`;
  }
}

/** The part of the waveform that is in view. */
function drawWave() {
  const { result } = state;
  const box = { width: scroll.clientWidth, height: 44 };
  if (!result || !box.width) return;
  const dots = window.devicePixelRatio || 1;
  wave.style.width = `${box.width}px`;
  wave.width = Math.round(box.width * dots);
  wave.height = Math.round(box.height * dots);
  const ink = wave.getContext("2d");
  ink.setTransform(dots, 0, 0, dots, 0, 0);
  ink.fillStyle = getComputedStyle(section).getPropertyValue("--soft");
  const [px, count] = [scale(), result.peaks.length];
  const peakAt = (seconds) => Math.max(0, Math.min(count - 1, Math.floor((seconds / result.seconds) * count)));
  for (let x = 0; x < box.width; x += 2) {
    const [first, last] = [peakAt((scroll.scrollLeft + x) / px), peakAt((scroll.scrollLeft + x + 2) / px)];
    let peak = 0;
    for (let n = first; n <= last; n++) peak = Math.max(peak, result.peaks[n]);
    const height = Math.max(1, (peak / 100) * (box.height - 4));
    ink.fillRect(x, (box.height - height) / 2, 1.5, height);
  }
}

/** At every frame: where one is. */
export function followTimeline() {
  if (section.hidden || !state.result) return;
  const at = player.now() * scale();
  head.style.transform = `translateX(${at}px)`;
  if (!player.isPlaying() || drag || Math.abs(at - following) < 1) return;
  following = at;
  if (at < scroll.scrollLeft || at > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = at - 40;
}

function grasp(event) {
  const block = event.target.closest(".tl-turn");
  if (!block || event.button) return;
  current = block.dataset.turn;
  drag = { row: current, x: event.clientX, from: state.result.turns[turnNumber(current)].start, moved: false };
  block.setPointerCapture(event.pointerId);
  block.focus({ preventScroll: true });
}

function pull(event) {
  if (!drag || (!drag.moved && Math.abs(event.clientX - drag.x) < MOVED_PX)) return;
  drag.moved = true;
  wanted = { row: drag.row, start: Math.max(0, drag.from + (event.clientX - drag.x) / scale()) };
  place();
}

function release() {
  if (!drag) return;
  const { row, moved, from } = drag;
  drag = null;
  if (moved) move(row, wanted.start);
  else player.seek(from);
  place();
}

function keys(event) {
  const row = event.target.closest(".tl-turn")?.dataset.turn;
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
  const n = turnNumber(row);
  const { turns } = state.result;
  const step = { ArrowLeft: -0.1, ArrowRight: 0.1 }[event.key];
  const to = { ArrowUp: n - 1, ArrowDown: n + 1, Home: 0, End: turns.length - 1 }[event.key];
  if (step) move(row, Math.max(0, (wanted?.row === row ? wanted.start : turns[n].start) + step * (event.shiftKey ? 10 : 1)));
  else if (to !== undefined && turns[to]) { current = turns[to].row; place(); blocks.get(current).focus(); }
  else if (event.key === "Enter") player.seek(turns[n].start);
  else if (to === undefined) return;
  event.preventDefault();
  event.stopPropagation();
}

/** A turn is to start at another time: that is a pause or an overlap of its row, put together a moment later. */
function move(row, start) {
  const line = rowOf(row);
  if (!line || line.locked || state.job) { wanted = null; if (line?.locked) actions.say("The turn is locked."); return; }
  const n = turnNumber(row);
  const { pause, overlap } = timed(state.result.turns, n, start, state.settings.gap ?? GAP_S);
  wanted = { row, start };
  Object.assign(line, { pause, overlap });
  edited("rows", "");
  place();
  clearTimeout(timer);
  timer = setTimeout(() => { if (state.rows.every((one) => standing(one) === "made")) actions.putTogether(); }, SOON_MS);
}
