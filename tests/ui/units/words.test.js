/** Find and replace, without a page. */

import assert from "node:assert/strict";
import test from "node:test";
import { count, replaced } from "../../../ui/page/words.js";

test("whole words and parts", () => {
  assert.equal(count("An ant and Ann.", "an", { whole: true }), 1);
  assert.equal(count("An ant and Ann.", "an", {}), 4);
  assert.equal(count("An ant and Ann.", "an", { exact: true }), 2);
});

test("signs are signs and nothing runs", () => {
  assert.equal(replaced("It is $5 (five).", "$5 (five)", "$& ${1}", {}), "It is $& ${1}.");
  assert.equal(replaced("Zoë, zoë", "zoë", "Zoe", { whole: true }), "Zoe, Zoe");
});
