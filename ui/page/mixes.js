/**
 * The mix as a value: levels, intro, bed, effects, loudness of the whole. Pure.
 *
 * @typedef {{speaker: string, gain_db: number, muted: boolean}} Level
 * @typedef {{sound: string, row: string, gain_db: number, waits: boolean}} Effect in front of a row; "" for the end
 * @typedef {{sound: string, gain_db: number, lead_s: number | null, duck_db: number, fade_out_s: number}} Intro
 * @typedef {{sound: string, gain_db: number, duck_db: number, fade_in_s: number, fade_out_s: number, lead_s: number, tail_s: number}} Bed
 * @typedef {{levels: Level[], intro: Intro | null, bed: Bed | null, effects: Effect[], master: string | null}} Mix
 */

/** Speech alone. @returns {Mix} */
export const noMix = () => ({ levels: [], intro: null, bed: null, effects: [], master: null });

/** @param {string} sound @returns {Intro} */
export const newIntro = (sound) => ({ sound, gain_db: 0, lead_s: null, duck_db: -10, fade_out_s: 3 });
/** @param {string} sound @returns {Bed} */
export const newBed = (sound) => ({ sound, gain_db: -12, duck_db: -10, fade_in_s: 2, fade_out_s: 3, lead_s: 2, tail_s: 3 });
/** @param {string} sound @param {string} row @returns {Effect} */
export const newEffect = (sound, row) => ({ sound, row, gain_db: -6, waits: true });

/** A speaker's level, as it is or as it usually is. @param {Mix} mix @param {string} speaker @returns {Level} */
export const levelOf = (mix, speaker) => mix.levels.find((level) => level.speaker === speaker) || { speaker, gain_db: 0, muted: false };

/** The mix with another level of a speaker. @param {Mix} mix @param {Level} level @returns {Mix} */
export function withLevel(mix, level) {
  const others = mix.levels.filter((one) => one.speaker !== level.speaker);
  return { ...mix, levels: level.gain_db || level.muted ? [...others, level] : others };
}

/** What of a mix there is anything for. @param {Mix} mix @param {string[]} rows ids @param {string[]} speakers @returns {Mix} */
export function fitting(mix, rows, speakers) {
  const there = new Set([...rows, ""]);
  return { ...mix, levels: mix.levels.filter((level) => speakers.includes(level.speaker)), effects: mix.effects.filter((effect) => there.has(effect.row)) };
}

/** Whether two mixes sound alike. @param {Mix | null} a @param {Mix | null} b */
export const sameMix = (a, b) => JSON.stringify(sorted(a || noMix())) === JSON.stringify(sorted(b || noMix()));

/** @param {any} value @returns {any} */
function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]));
}
