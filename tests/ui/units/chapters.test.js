/** Chapters, without a page. */

import assert from "node:assert/strict";
import test from "node:test";
import { chaptersOf, headingOf, withHeading } from "../../../ui/page/chapters.js";
import { firstSigns } from "../../../ui/page/names.js";

test("the headings above a turn are its chapter; other comments stay", () => {
  assert.equal(headingOf("# a note\n## The harbour\n### Again"), "The harbour, Again");
  assert.equal(headingOf("# a note"), "");
  assert.equal(withHeading("# a note\n## Old", " New  one "), "# a note\n## New one");
  assert.equal(withHeading("## Old", ""), "");
  assert.equal(firstSigns("ab\u{1f600}c", 3), "ab\u{1f600}");
  assert.deepEqual(chaptersOf([{ id: "a", note: "## One" }, { id: "b", note: "" }]), [{ row: "a", title: "One" }]);
});
