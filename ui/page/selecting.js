/** Several turns at once: moved, deleted, given to a speaker, spoken at a speed. */

import { edited } from "./checking.js";
import { h } from "./dom.js";
import { between, moved } from "./selection.js";
import { state, tell } from "./state.js";
import { undo } from "./undo.js";

const chosen = new Set();
let latest = null; // the row that was chosen last
let bar;
let drawn = "";
let actions;

export const isChosen = (id) => chosen.has(id);

/** The bar over the turns; `given` has offer and draw. */
export function selectionBar(given) {
  actions = given;
  bar = h("div", { class: "selection", role: "toolbar", "aria-label": "Chosen turns", hidden: true });
  return bar;
}

/** A turn's number was pressed; with Shift all from the one before. */
export function choose(id, withShift) {
  const wanted = withShift && latest ? between(state.rows, latest, id) : [id];
  const on = withShift || !chosen.has(id);
  for (const one of wanted) (on ? chosen.add(one) : chosen.delete(one));
  latest = id;
  drawSelection();
  actions.draw();
}

function clear() {
  chosen.clear();
  latest = null;
  drawSelection();
  actions.draw();
}

/** How many are chosen, and what can be done with them. */
export function drawSelection() {
  const there = new Set(state.rows.map((row) => row.id));
  for (const id of chosen) if (!there.has(id)) chosen.delete(id);
  const key = chosen.size ? `${chosen.size}\n${state.speakers.join("\n")}` : "";
  if (key === drawn) return; // or who is writing in the bar would lose the cursor
  drawn = key;
  bar.hidden = !chosen.size;
  if (!chosen.size) { bar.replaceChildren(); return; }
  const free = () => state.rows.filter((row) => chosen.has(row.id) && !row.locked);
  const button = (label, act) => h("button", { type: "button", class: "quiet", onclick: act }, label);
  const move = (by) => { state.rows = moved(state.rows, chosen, by); done("moved turns"); };
  const speaker = h("select", { "aria-label": "Speaker of the chosen turns", onchange: () => { for (const row of free()) row.speaker = speaker.value; done("another speaker"); } },
    h("option", { value: "" }, "Speaker…"), ...state.speakers.map((name) => h("option", { value: name }, name)));
  const speed = h("input", { type: "number", min: 0.25, max: 4, step: 0.05, placeholder: "Speed", "aria-label": "Speed of the chosen turns", onchange: () => {
    if (!speed.value || !(Number(speed.value) > 0)) return;
    for (const row of free()) row.speed = Math.max(0.25, Math.min(4, Number(speed.value)));
    done("another speed");
  } });
  bar.replaceChildren(h("span", {}, `${chosen.size} ${chosen.size === 1 ? "turn" : "turns"}`), button("Up", () => move(-1)), button("Down", () => move(1)), speaker, speed,
    button("Delete", () => {
      const count = chosen.size;
      state.rows = state.rows.filter((row) => !chosen.has(row.id));
      clear();
      done("deleted turns");
      actions.offer(`${count} ${count === 1 ? "turn is" : "turns are"} deleted.`, "Undo", undo);
    }),
    button("All", () => { for (const row of state.rows) chosen.add(row.id); drawSelection(); actions.draw(); }), button("None", clear));
}

function done(label) {
  edited("rows", label);
  actions.draw();
  drawSelection();
  tell("rows-changed");
}
