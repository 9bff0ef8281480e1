/** Pauses and overlaps of dragged turns, and mixes as values, without a page. */

import assert from "node:assert/strict";
import test from "node:test";
import { fitting, levelOf, noMix, sameMix, withLevel } from "../../../ui/page/mixes.js";
import { heardUntil, timed, told } from "../../../ui/page/timing.js";

const turn = (start, end, more = {}) => ({ row: `r${start}`, speaker: "A", start, end, pause: 0, overlap: 0, wait: 0, ...more });
const turns = [turn(1, 3, { pause: 1 }), turn(3.3, 5), turn(4.8, 6, { overlap: 0.2 }), turn(8, 9, { wait: 1.5, pause: 0.25 })];

test("a turn that is dragged later waits longer, beside the gap it has", () => {
  assert.deepEqual(timed(turns, 1, 4.3, 0.25), { pause: 1, overlap: 0 });
  assert.deepEqual(timed(turns, 1, 3.3, 0.25), { pause: 0, overlap: 0 });
  assert.deepEqual(timed(turns, 3, 9, 0.25), { pause: 1.25, overlap: 0 }); // behind the effect that it waits for
  assert.deepEqual(timed(turns, 3, 7.3, 0.25), { pause: 0, overlap: 0.2 });
});

test("dragged over what is in front it overlaps, and never starts before that", () => {
  assert.deepEqual(timed(turns, 1, 2.5, 0.25), { pause: 0, overlap: 0.5 });
  assert.deepEqual(timed(turns, 1, 0, 0.25), { pause: 0, overlap: 2 });
  assert.deepEqual(timed(turns, 1, 3.01, 0.25), { pause: 0, overlap: 0.01 });
  assert.deepEqual(timed(turns, 2, 5.5, 0.25), { pause: 0.25, overlap: 0 }); // it overlapped: the usual gap is meant
});

test("the first turn has a pause only, and none is longer than it may be", () => {
  assert.deepEqual(timed(turns, 0, 0.4, 0.25), { pause: 0.4, overlap: 0 });
  assert.equal(timed(turns, 0, 40, 0.25).pause, 10);
});

test("it is told in words", () => {
  assert.equal(told(turns, 1), "starts 0.3 s after the turn in front");
  assert.equal(told(turns, 2), "overlaps by 0.2 s");
  assert.equal(told(turns, 0, 2), "starts at 2 s");
  assert.equal(heardUntil(turns, 3), 6);
});

test("mixes", () => {
  const quiet = withLevel(noMix(), { speaker: "Anna", gain_db: -6, muted: false });
  assert.equal(levelOf(quiet, "Anna").gain_db, -6);
  assert.equal(levelOf(quiet, "Ben").gain_db, 0);
  assert.ok(sameMix(withLevel(quiet, { speaker: "Anna", gain_db: 0, muted: false }), null));
  const bell = { sound: "bell", row: "a", gain_db: -6, waits: true };
  const mix = { ...quiet, effects: [bell, { ...bell, row: "gone" }, { ...bell, row: "" }] };
  assert.deepEqual(fitting(mix, ["a"], []).effects.map((effect) => effect.row), ["a", ""]);
  assert.ok(sameMix({ ...mix, effects: [{ row: "a", sound: "bell", waits: true, gain_db: -6 }] }, { ...mix, effects: [bell] }));
  assert.ok(!sameMix(mix, quiet));
});
