/**
 * When turns start, and what of their script makes them start then. Pure: the timeline is in timeline.js.
 *
 * @typedef {{row: string, speaker: string, start: number, end: number, pause: number, overlap: number, wait: number}} Placed
 *   a turn as it is heard; `wait` is how long it waits for effects, in seconds as everything here
 */

const MOST_S = 10; // of a pause or an overlap
const LEAST_OVERLAP_S = 0.01;
const hundredths = (/** @type {number} */ seconds) => Math.round(seconds * 100) / 100;

/**
 * When what is heard in front of a turn is over.
 * @param {Placed[]} turns @param {number} n @returns {number}
 */
export function heardUntil(turns, n) {
  return turns.slice(0, n).reduce((latest, turn) => Math.max(latest, turn.end), 0);
}

/**
 * The pause or overlap with which a turn would start at a time, as near as can be.
 * @param {Placed[]} turns as they are heard now @param {number} n @param {number} start wanted
 * @param {number} gap usual between turns @returns {{pause: number, overlap: number}}
 */
export function timed(turns, n, start, gap) {
  const turn = turns[n];
  if (n === 0) return { pause: clamped(start - (turn.start - turn.pause)), overlap: 0 };
  const free = heardUntil(turns, n) + turn.wait;
  const usual = turn.overlap ? gap : turn.start - free - turn.pause; // natural gaps are drawn, a little longer or shorter
  const offset = start - free;
  if (offset >= usual / 2) return { pause: clamped(offset - usual), overlap: 0 };
  const most = free - turns[n - 1].start; // nobody starts before the turn in front
  return { pause: 0, overlap: Math.max(LEAST_OVERLAP_S, Math.min(clamped(-offset), hundredths(most))) };
}

/**
 * How a turn stands to what is in front of it, in words.
 * @param {Placed[]} turns @param {number} n @param {number} [start] another than it has @returns {string}
 */
export function told(turns, n, start = turns[n].start) {
  const free = n ? heardUntil(turns, n) : 0;
  const after = hundredths(start - free);
  if (n === 0) return `starts at ${hundredths(start)} s`;
  return after < 0 ? `overlaps by ${-after} s` : `starts ${after} s after the turn in front`;
}

const clamped = (/** @type {number} */ seconds) => hundredths(Math.max(0, Math.min(MOST_S, seconds)));
