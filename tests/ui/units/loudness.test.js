/** Loudness of samples, without a page. */

import assert from "node:assert/strict";
import test from "node:test";
import { lufsOf } from "../../../ui/page/loudness.js";
import { levelShare, levelTold } from "../../../ui/page/levels.js";

test("a sine at full scale is 3 dB and the recommendation's offset below it; silence has no loudness", () => {
  const sine = Float32Array.from({ length: 24000 }, (_, n) => Math.sin((2 * Math.PI * 1000 * n) / 24000));
  assert.ok(Math.abs(lufsOf(sine) + 3.01 + 0.691) < 0.01);
  assert.ok(Math.abs(lufsOf(sine.map((value) => value / 10)) + 23.7) < 0.01);
  assert.equal(lufsOf(new Float32Array(100)), -Infinity);
});

test("a microphone's level is told in words, by the loudest of what was heard lately", () => {
  assert.equal(levelTold([0.001, 0.01]), "Too quiet: come closer, or speak up.");
  assert.equal(levelTold([0.01, 0.3]), "The level is good.");
  assert.equal(levelTold([0.01, 0.99]), "Too loud: turn the microphone down.");
  assert.equal(levelShare(0), 0);
  assert.equal(levelShare(1), 1);
  assert.ok(Math.abs(levelShare(0.1) - 2 / 3) < 1e-9);
});
