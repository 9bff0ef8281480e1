/** Several turns at once, without a page. */

import assert from "node:assert/strict";
import test from "node:test";
import { between, moved } from "../../../ui/page/selection.js";

const rows = [..."abcde"].map((id) => ({ id }));
const ids = (found) => found.map((row) => row.id).join("");

test("what is between two rows", () => {
  assert.deepEqual(between(rows, "d", "b"), ["b", "c", "d"]);
  assert.deepEqual(between(rows, "gone", "b"), ["b"]);
});

test("chosen rows move together, and stop at the ends", () => {
  assert.equal(ids(moved(rows, new Set(["b", "c"]), -1)), "bcade");
  assert.equal(ids(moved(rows, new Set(["b", "d"]), 1)), "acbed");
  assert.equal(ids(moved(rows, new Set(["a", "c"]), -1)), "acbde");
  assert.equal(ids(moved(rows, new Set(["d", "e"]), 1)), "abcde");
});
