/** The script as text: speakers in their colours, mistakes marked where they are. A text area over a coloured copy. */

import { edited, flush } from "./checking.js";
import { h } from "./dom.js";
import { colourOf, state } from "./state.js";

let area;
let copy;
let told;
let inking = 0; // the frame for which the copy waits

export function textView() {
  copy = h("div", { class: "ink", "aria-hidden": "true" });
  area = h("textarea", { class: "script-text", "aria-label": "Script as text", spellcheck: "true", "aria-describedby": "script-told" });
  told = h("ul", { class: "told", id: "script-told" });
  area.addEventListener("input", () => { state.text = area.value; inkSoon(); edited("text"); });
  area.addEventListener("blur", () => flush());
  return h("div", { class: "text-view" }, h("div", { class: "sheet" }, copy, area), told);
}

/** Show the script as it is, if this view is shown; the cursor stays where it is, unless it is shown `anew`. */
export function drawText(anew = false) {
  if (state.view !== "text") return;
  if (area.value !== state.text && (anew || document.activeElement !== area)) area.value = state.text;
  drawInk();
  told.replaceChildren(...state.findings.map((found) => h("li", { class: found.severity },
    h("button", { type: "button", class: "link", onclick: () => goTo(found) }, `Line ${found.line}`), ` ${found.message}`)));
  area.setAttribute("aria-invalid", String(state.findings.some((found) => found.severity === "error")));
}

/** Before the next picture: what is pasted may come as an input for each of its lines. */
function inkSoon() {
  if (!inking) inking = requestAnimationFrame(drawInk);
}

function drawInk() {
  inking = 0;
  const wrong = new Map(state.findings.map((found) => [found.line, found.severity]));
  for (const found of state.findings) if (found.severity === "error") wrong.set(found.line, "error");
  copy.replaceChildren(...area.value.split("\n").map((line, n) => h("div", { class: `ink-line ${wrong.get(n + 1) || ""}` }, ...coloured(line), "\u200b")));
}

/** A line's speakers, tags and comments; what the parser makes of them is told below. */
function coloured(line) {
  if (/^\s*(#\s|##|#$)/.test(line)) return [h("span", { class: "ink-comment" }, line)];
  const marked = [];
  let rest = line;
  const label = /^(\s*)([^:[\]|]+?)(\s*\|[^:]*)?:(?=\s|$)/.exec(line);
  if (label && state.speakers.includes(label[2].trim())) {
    marked.push(h("span", { class: "ink-name", style: `--who: var(--s${colourOf(label[2].trim())})` }, label[0]));
    rest = line.slice(label[0].length);
  }
  for (const piece of rest.split(/(\[[^[\]]*\](?:\([^()]*\))?)/)) {
    const name = /^\[([^|[\]]*?)\s*(\|[^\]]*)?\]$/.exec(piece)?.[1]?.trim();
    if (name && state.speakers.includes(name)) marked.push(h("span", { class: "ink-name", style: `--who: var(--s${colourOf(name)})` }, piece));
    else if (piece.startsWith("[")) marked.push(h("span", { class: "ink-tag" }, piece));
    else marked.push(piece);
  }
  return marked;
}

function goTo(found) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, found.line - 1).join("\n").length + (found.line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[found.line - 1] || "").length);
}

/** Write at the cursor; a speaker's name begins a line. */
export function insertInText(text, ownLine) {
  const before = area.value.slice(0, area.selectionStart);
  const given = ownLine && before && !before.endsWith("\n") ? `\n${text}` : text;
  area.setRangeText(given, area.selectionStart, area.selectionEnd, "end");
  area.focus();
  area.dispatchEvent(new Event("input"));
}
