/**
 * Chapters: comment lines such as `## The harbour` above a turn. Pure.
 *
 * @typedef {{id: string, note: string}} Row
 */

import { firstSigns } from "./names.js";

const HEADING = /^\s*##+\s*(\S.*)$/;

/** The chapter that begins with a row; "" if none does. @param {string} note the comments above it @returns {string} */
export function headingOf(note) {
  return note.split("\n").flatMap((line) => HEADING.exec(line)?.[1].trim() || []).join(", ");
}

/** The comments with another chapter, or none for "". @param {string} note @param {string} title @returns {string} */
export function withHeading(note, title) {
  const others = note.split("\n").filter((line) => line.trim() && !HEADING.test(line));
  const words = title.split(/\s+/).filter(Boolean).join(" ");
  return [...others, ...(words ? [`## ${words}`] : [])].join("\n");
}

/** All chapters, in order. @param {Row[]} rows @returns {{row: string, title: string}[]} */
export const chaptersOf = (rows) => rows.flatMap((row) => (headingOf(row.note) ? [{ row: row.id, title: firstSigns(headingOf(row.note), 200) }] : []));
