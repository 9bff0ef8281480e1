/** What can be set for a single turn. */

import { headingOf, withHeading } from "./chapters.js";
import { edited } from "./checking.js";
import { h } from "./dom.js";
import { addEffect } from "./mixing.js";
import { readingOf } from "./readings.js";
import { rowOf, state } from "./state.js";

/** Pause, overlap, speed, seed and what else can be done with a turn; `act` has insert, move, remove and redraw. */
export function panelOf(id, act) {
  const number = (key, label, props) => {
    const input = h("input", { type: "number", ...props });
    input.addEventListener("input", () => {
      const value = input.value === "" ? (key === "seed" ? null : key === "speed" ? 1 : 0) : Number(input.value);
      if (value !== null && !Number.isFinite(value)) return;
      rowOf(id)[key] = key === "seed" && value !== null ? Math.max(0, Math.floor(value)) : value;
      edited("rows");
      act.redrawStandings();
    });
    return { input, label: h("label", {}, label, input) };
  };
  const fields = {
    pause: number("pause", "Pause before, s", { min: 0, max: 10, step: 0.1 }),
    overlap: number("overlap", "Overlap, s", { min: 0, max: 10, step: 0.1 }),
    speed: number("speed", "Speed", { min: 0.25, max: 4, step: 0.05 }),
    seed: number("seed", "Seed", { min: 0, step: 1, placeholder: "any" }),
  };
  const chapter = h("input", { type: "text", maxlength: 200, placeholder: "none" });
  chapter.addEventListener("input", () => { const row = rowOf(id); row.note = withHeading(row.note, chapter.value); edited("rows"); });
  const reading = readingOf(act.root, id);
  const button = (label, onclick) => h("button", { type: "button", class: "quiet", onclick }, label);
  const lock = h("button", { type: "button", class: "quiet", "aria-pressed": "false", onclick: () => {
    rowOf(id).locked = !rowOf(id).locked;
    edited("rows");
    act.redraw();
  } }, "Lock");
  const element = h("div", { class: "panel" },
    reading.element,
    h("div", { class: "panel-fields" }, ...Object.values(fields).map((field) => field.label), h("label", { class: "chapter" }, "Chapter begins here", chapter)),
    h("div", { class: "panel-acts" }, lock, button("Insert below", act.insert), button("Move up", () => act.move(-1)),
      button("Move down", () => act.move(1)), button("Sound before…", () => addEffect(act.root, id)), button("Delete", act.remove)));
  const fill = (row, n, anew) => {
    reading.fill(row);
    for (const [key, { input }] of Object.entries(fields)) {
      input.setAttribute("aria-label", `${input.parentElement.firstChild.textContent} of turn ${n + 1}`);
      if (anew || document.activeElement !== input) input.value = row[key] ?? "";
      input.disabled = row.locked;
    }
    chapter.setAttribute("aria-label", `Chapter that begins with turn ${n + 1}`);
    if (anew || document.activeElement !== chapter) chapter.value = headingOf(row.note);
    const made = state.made[row.id];
    if (made?.takes?.length) fields.seed.input.placeholder = String(made.takes[made.chosen].seed);
    lock.setAttribute("aria-pressed", String(row.locked));
    lock.textContent = row.locked ? "Unlock" : "Lock";
  };
  return { element, fill };
}

