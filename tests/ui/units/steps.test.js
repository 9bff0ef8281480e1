/** Undo's steps, without a page. */

import assert from "node:assert/strict";
import test from "node:test";
import { apply, difference, subject } from "../../../ui/page/steps.js";

const row = (id, text, more = {}) => ({ id, text, pause: 0, ...more });
const before = { title: "", rows: [row("a", "One."), row("b", "Two."), row("c", "Three.")], cast: {} };
const changes = {
  text: { ...before, rows: [row("a", "One."), row("b", "Two and more."), row("c", "Three.")] },
  order: { ...before, rows: [row("c", "Three."), row("a", "One."), row("b", "Two.")] },
  deleted: { ...before, rows: [row("a", "One."), row("c", "Three.")] },
  inserted: { ...before, rows: [row("a", "One."), row("d", "New."), row("b", "Two."), row("c", "Three.")] },
  voices: { ...before, cast: { Anna: "name:clara" }, title: "Late" },
  written: { ...before, text: "[Anna] One.\n" },
  all: { title: "x", rows: [row("e", "Else.")], cast: { Ben: "mine:1" } },
};

for (const [name, after] of Object.entries(changes)) {
  test(`a step goes back and on again: ${name}`, () => {
    const step = difference(before, after);
    assert.deepEqual(apply(after, step, 0), before);
    assert.deepEqual(apply(before, step, 1), after);
  });
}

test("nothing changed is no step", () => assert.equal(difference(before, structuredClone(before)), null));

test("a step of one row holds that row only", () => {
  const step = difference(before, changes.text);
  assert.deepEqual(Object.keys(step.rows), ["b"]);
  assert.equal(step.order, undefined);
});

test("of a text, only what changed is held", () => {
  const [old, now] = ["one two two three", "one two three"];
  const step = difference({ text: old }, { text: now });
  assert.ok(step.text.out.length <= 4 && step.text.in === "");
  assert.equal(apply({ text: now }, step, 0).text, old);
  assert.equal(apply({ text: old }, step, 1).text, now);
});

test("steps about one field can be one; about another, or about the order, not", () => {
  const typed = difference(before, changes.text);
  const more = difference(changes.text, { ...before, rows: [row("a", "One."), row("b", "Two and more!"), row("c", "Three.")] });
  const paused = difference(before, { ...before, rows: [row("a", "One."), row("b", "Two.", { pause: 1 }), row("c", "Three.")] });
  assert.equal(subject(typed), subject(more));
  assert.notEqual(subject(typed), subject(paused));
  assert.equal(subject(difference(before, changes.order)), "");
});
