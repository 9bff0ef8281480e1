/**
 * Steps of undo and redo, as differences between two states of a script. Pure: the page's part of it is in undo.js.
 *
 * @typedef {{id: string} & Record<string, unknown>} Row
 * @typedef {{rows?: Row[], text?: string} & Record<string, unknown>} Desk a script as it stands: its rows, or its text where that is what is edited
 * @typedef {{at: number, out: string, in: string}} Splice of a text
 * @typedef {{keys: Record<string, [unknown, unknown]>, order?: [string[], string[]], rows?: Record<string, [Row | null, Row | null]>, text?: Splice}} Step
 *   values before and after, of what changed; of rows only those that did
 */

const same = (/** @type {unknown} */ a, /** @type {unknown} */ b) => JSON.stringify(a) === JSON.stringify(b);

/**
 * What changed between two states; null if nothing did.
 * @param {Desk} before @param {Desk} after @returns {Step | null}
 */
export function difference(before, after) {
  /** @type {Step} */
  const step = { keys: {} };
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (key === "rows" && before.rows && after.rows) compareRows(step, before.rows, after.rows);
    else if (key === "text" && before.text !== undefined && after.text !== undefined) compareTexts(step, before.text, after.text);
    else if (!same(before[key], after[key])) step.keys[key] = [before[key], after[key]];
  }
  return Object.keys(step.keys).length || step.order || step.rows || step.text ? step : null;
}

/** @param {Step} step @param {Row[]} before @param {Row[]} after */
function compareRows(step, before, after) {
  const was = new Map(before.map((row) => [row.id, row]));
  const is = new Map(after.map((row) => [row.id, row]));
  const order = [before.map((row) => row.id), after.map((row) => row.id)];
  if (!same(order[0], order[1])) step.order = [order[0], order[1]];
  /** @type {NonNullable<Step["rows"]>} */
  const changed = {};
  for (const id of new Set([...was.keys(), ...is.keys()])) {
    const [old, now] = [was.get(id) || null, is.get(id) || null];
    if (!same(old, now)) changed[id] = [old, now];
  }
  if (Object.keys(changed).length) step.rows = changed;
}

/** @param {Step} step @param {string} before @param {string} after */
function compareTexts(step, before, after) {
  if (before === after) return;
  const most = Math.min(before.length, after.length);
  let at = 0;
  while (at < most && before[at] === after[at]) at += 1;
  let tail = 0;
  while (tail < most - at && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail += 1;
  step.text = { at, out: before.slice(at, before.length - tail), in: after.slice(at, after.length - tail) };
}

/**
 * A state with a step taken back (`to` 0) or taken again (`to` 1).
 * @param {Desk} desk @param {Step} step @param {0 | 1} to @returns {Desk}
 */
export function apply(desk, step, to) {
  const found = { ...desk };
  for (const [key, values] of Object.entries(step.keys)) {
    if (values[to] === undefined || values[to] === null) delete found[key];
    else found[key] = values[to];
  }
  if ((step.rows || step.order) && found.rows) {
    const rows = new Map(found.rows.map((row) => [row.id, row]));
    for (const [id, values] of Object.entries(step.rows || {})) {
      const value = values[to];
      if (value) rows.set(id, value);
      else rows.delete(id);
    }
    const order = step.order ? [...step.order[to], ...[...rows.keys()].filter((id) => !step.order?.[to].includes(id))] : [...rows.keys()];
    found.rows = order.flatMap((id) => rows.get(id) || []);
  }
  if (step.text && found.text !== undefined) {
    const [out, put] = to ? [step.text.out, step.text.in] : [step.text.in, step.text.out];
    found.text = found.text.slice(0, step.text.at) + put + found.text.slice(step.text.at + out.length);
  }
  return found;
}

/**
 * What a step is about: two steps in a row about the same field are one, if the second comes soon.
 * @param {Step} step
 */
export function subject(step) {
  if (step.order || (step.text && !Object.keys(step.keys).length)) return step.text ? "text" : "";
  const rows = Object.entries(step.rows || {});
  const fields = rows.flatMap(([id, [old, now]]) => Object.keys(now || {}).filter((key) => !same(old?.[key], now?.[key])).map((key) => `${id}.${key}`));
  return [...fields, ...Object.keys(step.keys)].join(" ");
}
