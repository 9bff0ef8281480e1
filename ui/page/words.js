/**
 * Words in texts. Pure.
 *
 * @typedef {{whole?: boolean, exact?: boolean}} How whole words only; whether capitals matter
 */

/** @param {string} found @param {How} how */
function pattern(found, { whole = false, exact = false }) {
  const literal = found.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const [before, after] = whole ? ["(?<![\\p{L}\\p{N}_])", "(?![\\p{L}\\p{N}_])"] : ["", ""];
  return new RegExp(before + literal + after, exact ? "gu" : "giu");
}

/** How often something stands in a text. @param {string} text @param {string} found @param {How} how */
export const count = (text, found, how) => [...text.matchAll(pattern(found, how))].length;

/** A text with it replaced everywhere. @param {string} text @param {string} found @param {string} put @param {How} how */
export const replaced = (text, found, put, how) => text.replace(pattern(found, how), () => put);
