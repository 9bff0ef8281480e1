/** What a speaker may be called: a script has to tell the name from what is said. */
export const NAME = { rule: "\\s*\\p{L}[\\p{L}\\p{N}_.'’\\-]*( [\\p{L}\\p{N}_.'’\\-]+){0,3}\\s*", hint: "Letters, digits, spaces and . ' - _, up to four words." };

/** The first signs of a text; an emoji is not cut in half. @param {string} text @param {number} most @returns {string} */
export const firstSigns = (text, most) => [...text].slice(0, most).join("");
