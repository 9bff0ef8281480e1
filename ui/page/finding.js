/** Find and replace, in all turns at once. */

import { edited } from "./checking.js";
import { dialog, field, h } from "./dom.js";
import { state, tell } from "./state.js";
import { count, replaced } from "./words.js";

/** Ask what is to be replaced; `say` tells how often it was. */
export function findAndReplace(root, say) {
  return dialog(root, "Find and replace", (close) => {
    const find = h("input", { type: "text", required: true, maxlength: 200, autofocus: true, autocomplete: "off" });
    const put = h("input", { type: "text", maxlength: 200, autocomplete: "off" });
    const whole = h("input", { type: "checkbox", checked: true });
    const exact = h("input", { type: "checkbox" });
    const told = h("p", { role: "status" });
    const how = () => ({ whole: whole.checked, exact: exact.checked });
    const texts = () => (state.broken ? [state.text] : state.rows.filter((row) => !row.locked).map((row) => row.text));
    const look = () => {
      const n = find.value ? texts().reduce((sum, text) => sum + count(text, find.value, how()), 0) : 0;
      told.textContent = find.value ? `Found ${n === 1 ? "once" : `${n} times`}.` : "";
      return n;
    };
    for (const input of [find, whole, exact]) input.addEventListener("input", look);
    const act = () => {
      const n = look();
      if (!n) return;
      if (state.broken) state.text = replaced(state.text, find.value, put.value, how());
      else for (const row of state.rows) if (!row.locked) row.text = replaced(row.text, find.value, put.value, how());
      edited(state.broken ? "text" : "rows", `${find.value} replaced`);
      tell("rows");
      close();
      say(`“${find.value}” was replaced ${n === 1 ? "once" : `${n} times`}.`);
    };
    return h("form", { onsubmit: (event) => { event.preventDefault(); act(); } },
      field("Find", find), field("Replace with", put), h("label", { class: "tick" }, whole, "Whole words only"), h("label", { class: "tick" }, exact, "Capitals matter"), told,
      h("div", { class: "actions" }, h("button", { class: "main" }, "Replace all")));
  });
}
