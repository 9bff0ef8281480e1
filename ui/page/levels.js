/** The level of a microphone, on a scale and in words. Pure. */

const LEAST_DB = -60;
const QUIET_DB = -32;
const LOUD_DB = -1;

/** Decibels of full scale. @param {number} peak from 0 to 1 */
const decibels = (peak) => (peak > 0 ? 20 * Math.log10(peak) : -Infinity);

/** Where a peak stands on a meter from 0, at -60 dB, to 1, at full scale. @param {number} peak @returns {number} */
export const levelShare = (peak) => Math.max(0, Math.min(1, 1 - decibels(peak) / LEAST_DB));

/** What to tell of the loudest peaks of a few seconds. @param {number[]} peaks @returns {string} */
export function levelTold(peaks) {
  const loudest = decibels(Math.max(...peaks, 0));
  if (loudest < QUIET_DB) return "Too quiet: come closer, or speak up.";
  return loudest > LOUD_DB ? "Too loud: turn the microphone down." : "The level is good.";
}
