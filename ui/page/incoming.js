/** Text that comes from elsewhere: pasted, dropped or opened. What is found in it is shown, to take or to leave. */

import { ask, upload } from "./ask.js";
import { edited } from "./checking.js";
import { dialog, field, h } from "./dom.js";
import { namesNow, newRow, placeOf, plain, rowOf, state, tell } from "./state.js";
import { undo } from "./undo.js";

export const DOCUMENTS = ".txt,.text,.md,.markdown,.docx,.odt,.rtf,.fountain,.spmd,.srt,.vtt,.epub,.json,.jsonl,.dialogue,text/plain,application/json";
export const TREATMENTS = [["left_out", "leave them out"], ["spoken", "say them aloud"], ["narrator", "a narrator says them"], ["refused", "take them for mistakes"]];
const SHOWN = 60; // of the findings

/** Several lines that are pasted are several turns. */
export async function pasted(event, id, { offer, complain }) {
  const given = event.clipboardData.getData("text/plain");
  if (!/\n/.test(given.trim())) return;
  event.preventDefault();
  const answer = await ask("read_document", { text: given, name: "pasted.txt", settings: state.settings });
  const isEmpty = state.rows.every((row) => !plain(row.text));
  if (!answer.error && answer.mistakes && isEmpty) {
    Object.assign(state, { text: given, view: "text", findings: [] });
    edited("text", "pasted text");
    tell("rows");
    tell("view");
    complain("There are mistakes in it: mend the marked lines, then it becomes turns.", true);
    return;
  }
  if (answer.error || answer.mistakes) {
    pasteAsLines(id, given);
    offer("The text was pasted.", "Undo", undo);
    const first = answer.findings?.find((found) => found.severity === "error");
    complain(first ? `Line ${first.line} of what was pasted: ${first.message}` : answer.error);
    return;
  }
  const read = (settings) => ask("read_document", { text: given, name: "pasted.txt", settings });
  const taken = answer.findings.length ? await shown("What was found in the pasted text", answer, read) : answer;
  if (!taken) return;
  putIn(taken.rows, id);
  offer("The text was pasted.", "Undo", undo);
}

function pasteAsLines(id, given) {
  const row = rowOf(id);
  const lines = given.split(/\n/).map(plain).filter(Boolean);
  row.text = plain(`${row.text} ${lines[0] || ""}`);
  state.rows.splice(placeOf(id) + 1, 0, ...lines.slice(1).map((line) => newRow(row.speaker, line)));
  changed();
}

function putIn(turns, id) {
  const rows = turns.map((turn) => ({ ...newRow(turn.speaker), ...turn }));
  const n = placeOf(id);
  const here = plain(rowOf(id).text) ? n + 1 : n;
  state.rows.splice(here, here === n ? 1 : 0, ...rows);
  changed();
}

function changed() {
  state.speakers = namesNow();
  edited("rows", "pasted text");
  tell("rows");
  tell("rows-changed");
}

/** A document of any format that is read: its turns, or undefined where it is left. Throws an Error that says what is wrong. */
export async function readDocument(root, file) {
  const read = async (settings) => ask("read_document", { path: (await upload(file)).path, name: file.name, settings }); // it is deleted there at once
  const answer = await read(state.settings);
  if (answer.error) throw new Error(answer.error);
  const taken = answer.findings.length ? await shown(`What was found in ${file.name}`, answer, read) : answer;
  if (taken?.mistakes) throw new Error(`There are ${taken.mistakes} mistakes in it; mend them, or open it as plain text.`);
  return taken;
}

/** Speakers, directions and whatever else was found; resolves to what is taken. */
function shown(title, first, askAgain) {
  const root = document.querySelector(".studio");
  return dialog(root, title, (close) => {
    let answer = first;
    const list = h("div", { class: "found" });
    const take = h("button", { type: "button", class: "main", onclick: () => close(answer) });
    const draw = () => {
      const { rows, speakers, findings, mistakes } = answer;
      take.textContent = `Take ${rows.length} ${rows.length === 1 ? "turn" : "turns"}`;
      take.disabled = !rows.length || Boolean(mistakes);
      const more = Math.max(0, findings.length - SHOWN) + answer.more;
      list.replaceChildren(
        h("p", {}, `${rows.length} ${rows.length === 1 ? "turn" : "turns"} by ${speakers.length} ${speakers.length === 1 ? "speaker" : "speakers"}: ${speakers.slice(0, 12).join(", ")}${speakers.length > 12 ? " …" : ""}`),
        h("ul", { class: "told" }, ...findings.slice(0, SHOWN).map((found) => h("li", { class: found.severity }, `${found.line}: ${found.message}`))),
        more ? h("p", { class: "fine" }, `and ${more} more`) : "");
    };
    const choice = h("select", { onchange: async () => {
      state.settings.directions = choice.value;
      edited(state.source);
      const again = await askAgain(state.settings);
      if (!again.error) answer = again;
      draw();
    } }, ...TREATMENTS.map(([value, label]) => h("option", { value }, label)));
    choice.value = state.settings.directions;
    draw();
    return [field("Stage directions", choice), list, h("div", { class: "actions" }, h("button", { type: "button", class: "quiet", onclick: () => close() }, "Leave it"), take)];
  });
}

/** Files may be dropped anywhere on the page. */
export function takeDrops(page, open) {
  page.addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    page.classList.add("dropping");
  });
  page.addEventListener("dragleave", (event) => { if (!page.contains(event.relatedTarget)) page.classList.remove("dropping"); });
  page.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    page.classList.remove("dropping");
    open(file);
  });
}
