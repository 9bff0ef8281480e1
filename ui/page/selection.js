/**
 * Several turns at once, as values. Pure: the bar is in selecting.js.
 *
 * @typedef {{id: string} & Record<string, unknown>} Row
 */

/** The ids between two rows, both counted. @param {Row[]} rows @param {string} from @param {string} to @returns {string[]} */
export function between(rows, from, to) {
  const [a, b] = [rows.findIndex((row) => row.id === from), rows.findIndex((row) => row.id === to)];
  if (a < 0 || b < 0) return [to];
  return rows.slice(Math.min(a, b), Math.max(a, b) + 1).map((row) => row.id);
}

/**
 * The rows with the chosen ones one place up (-1) or down (1), each past what is not chosen; they keep their order.
 * @template {Row} T @param {T[]} rows @param {Set<string>} chosen @param {1 | -1} by @returns {T[]}
 */
export function moved(rows, chosen, by) {
  const found = by < 0 ? [...rows] : [...rows].reverse();
  for (let n = 1; n < found.length; n++) {
    if (chosen.has(found[n].id) && !chosen.has(found[n - 1].id)) [found[n - 1], found[n]] = [found[n], found[n - 1]];
  }
  return by < 0 ? found : found.reverse();
}
