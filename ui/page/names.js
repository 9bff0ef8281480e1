/** What a speaker may be called: a script has to tell the name from what is said. */
export const NAME = { rule: "\\s*\\p{L}[\\p{L}\\p{N}_.'’\\-]*( [\\p{L}\\p{N}_.'’\\-]+){0,3}\\s*", hint: "Letters, digits, spaces and . ' - _, up to four words." };
