/** What was made: a waveform in the speakers' colours, a transcript that follows the sound, downloads. */

import { clock, dialog, h, setSign, signButton } from "./dom.js";
import { hearingControls } from "./hearing.js";
import * as player from "./player.js";
import { download, publish } from "./publishing.js";
import { colourOf, standing, state, tell, upToDate } from "./state.js";

/** @type {[string, [string, string][]][]} */
const KINDS = [
  ["Sound", [["wav", "WAV"], ["mp3", "MP3"], ["m4a", "M4A"], ["flac", "FLAC"], ["ogg", "Ogg"], ["opus", "Opus"], ["stereo", "Stereo WAV"]]],
  ["Parts", [["tracks", "A track a speaker"], ["turns", "A file a turn"]]],
  ["Subtitles", [["srt", "SRT"], ["vtt", "WebVTT"], ["json", "JSON"], ["labels", "Audacity labels"]]],
  ["Script", [["script", "Script"], ["project", "Project"], ["archive", "Project with its sound"], ["page", "Page that plays"], ["all", "Everything (zip)"]]],
];
let root;
let transcript;
let section;
let canvas;
let slider;
let toggle;
let time;
let words = []; // of the transcript: {start, element}
let lines = new Map(); // row -> its line
let lit = -1;
let litRow = null;
let drawnAt = -1; // where the waveform was drawn, in seconds
let drawn = null; // the result that the transcript shows, and its speakers

export function resultSection(page) {
  root = page;
  transcript = h("ol", { class: "transcript", "aria-label": "Transcript" });
  const save = [h("button", { type: "button", class: "quiet", onclick: () => publish(root) }, "Publish…"), h("button", { type: "button", class: "quiet", onclick: downloads }, "Download…")];
  section = h("section", { class: "result sheet-box", "aria-labelledby": "h-result", hidden: true },
    h("div", { class: "head" }, h("h2", { id: "h-result" }, "Transcript"), h("p", { class: "stale", role: "status" }), ...save), transcript);
  return section;
}

/** The strip at the bottom: play, time, waveform. */
export function playerBar() {
  toggle = signButton("play", "Play the dialogue", () => player.toggle(), { class: "sign big" });
  time = h("span", { class: "time" });
  canvas = h("canvas", { "aria-hidden": "true" });
  slider = h("div", { class: "wave", role: "slider", tabindex: 0, "aria-label": "Place in the dialogue", "aria-valuemin": 0 }, canvas);
  slider.addEventListener("click", (event) => {
    const box = slider.getBoundingClientRect();
    if (state.result) player.seek(((event.clientX - box.left) / box.width) * state.result.seconds);
  });
  slider.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -2, ArrowRight: 2, PageDown: -10, PageUp: 10 }[event.key];
    if (step) { event.preventDefault(); player.seek(player.now() + step, false); }
    else if (event.key === "Home") { event.preventDefault(); player.seek(0, false); }
    else if (event.key === " " || event.key === "Enter") { event.preventDefault(); player.toggle(); }
  });
  new ResizeObserver(drawWave).observe(slider);
  return h("div", { class: "player", hidden: true }, toggle, slider, time, hearingControls());
}

export function drawResult() {
  const { result } = state;
  section.hidden = !result;
  const bar = slider.parentElement;
  bar.hidden = !result && player.playback.mode !== "along";
  if (result) drawTranscript(result);
  drawStale();
  drawWave();
}

export function drawStale() {
  const told = section.querySelector(".stale");
  const text = state.result && !state.job && !upToDate() ? "The script has changed since; make it to hear the changes." : "";
  if (told.textContent !== text) told.textContent = text;
}

function drawTranscript(result) {
  const speakers = state.speakers.join("\n");
  if (drawn?.result === result && drawn.speakers === speakers) return;
  drawn = { result, speakers };
  words = [];
  lines = new Map();
  lit = -1;
  litRow = null;
  transcript.replaceChildren(...result.turns.map((turn, n) => {
    const said = turn.words.map(([text, start], k) => {
      const element = h("span", { class: "word", onclick: () => player.seek(start) }, text);
      words.push({ start, end: turn.words[k + 1]?.[1] ?? turn.end, element });
      return [element, " "];
    });
    const line = h("li", { style: `--who: var(--s${colourOf(turn.speaker)})` },
      h("button", { type: "button", class: "link when", "aria-label": `Play turn ${n + 1}, ${turn.speaker}, from ${clock(turn.start)}`, onclick: () => player.seek(turn.start) }, clock(turn.start)),
      h("b", {}, turn.speaker), h("p", {}, ...said.flat()));
    lines.set(turn.row, line);
    return line;
  }));
  words.sort((a, b) => a.start - b.start);
}

/** At every frame: where one is. */
export function follow() {
  player.tick();
  const at = player.now();
  const row = player.heardRow();
  if (row !== state.playing) { state.playing = row; tell("heard"); }
  const mode = player.playback.mode;
  const bar = slider.parentElement;
  if (bar.hidden) return;
  const whole = state.result?.seconds || 0;
  const text = mode === "along" ? clock(at) : `${clock(at)} / ${clock(whole)}`;
  if (time.textContent !== text) {
    time.textContent = text;
    slider.setAttribute("aria-valuenow", Math.round(at));
    slider.setAttribute("aria-valuemax", Math.round(whole));
    const speaker = state.rows.find((one) => one.id === row)?.speaker;
    slider.setAttribute("aria-valuetext", `${clock(at)} of ${clock(whole)}${speaker ? `, ${speaker}` : ""}`);
  }
  const going = mode !== "solo" && mode !== "idle" && player.isPlaying();
  if (toggle.dataset.going !== String(going)) {
    toggle.dataset.going = going;
    setSign(toggle, going ? "pause" : "play", going ? "Pause the dialogue" : "Play the dialogue");
  }
  if (mode !== "whole" && mode !== "along") return light(-1, null);
  let found = -1;
  for (let n = 0; n < words.length && words[n].start <= at; n++) if (at < words[n].end) found = n;
  light(at > 0 ? found : -1, row);
  if (Math.abs(at - drawnAt) * canvas.width > whole / 2) drawWave(); // half a point further, and not at every frame
}

function light(word, row) {
  if (word !== lit) {
    words[lit]?.element.classList.remove("lit");
    words[word]?.element.classList.add("lit");
    lit = word;
  }
  if (row !== litRow) {
    lines.get(litRow)?.classList.remove("lit");
    lines.get(row)?.classList.add("lit");
    litRow = row;
  }
}

function drawWave() {
  const box = slider.getBoundingClientRect();
  if (!box.width) return;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(box.width * scale)) { canvas.width = Math.round(box.width * scale); canvas.height = Math.round(box.height * scale); }
  const ink = canvas.getContext("2d");
  ink.setTransform(scale, 0, 0, scale, 0, 0);
  ink.clearRect(0, 0, box.width, box.height);
  const { result } = state;
  if (!result) return;
  const style = getComputedStyle(slider);
  const colours = [...Array(8).keys()].map((n) => style.getPropertyValue(`--s${n}`));
  const at = player.now();
  drawnAt = at;
  const bars = Math.floor(box.width / 3);
  let turn = 0;
  for (let n = 0; n < bars; n++) {
    const middle = ((n + 0.5) / bars) * result.seconds;
    while (turn + 1 < result.turns.length && result.turns[turn + 1].start <= middle) turn++;
    const first = Math.floor((n / bars) * result.peaks.length);
    const last = Math.max(first + 1, Math.floor(((n + 1) / bars) * result.peaks.length));
    const peak = Math.max(...result.peaks.slice(first, last), 0) / 100;
    const height = Math.max(2, peak * (box.height - 6));
    ink.globalAlpha = middle <= at ? 1 : 0.45;
    ink.fillStyle = colours[colourOf(result.turns[turn].speaker)];
    ink.fillRect(n * 3, (box.height - height) / 2, 2, height);
  }
  ink.globalAlpha = 1;
  ink.fillStyle = style.color;
  ink.fillRect((at / result.seconds) * box.width - 0.75, 0, 1.5, box.height);
}

function downloads() {
  dialog(root, "Download", () => {
    const told = h("p", { role: "status" });
    const stale = state.rows.some((row) => standing(row) !== "made");
    const save = async (kind, button) => {
      button.disabled = true;
      told.textContent = "Writing…";
      told.className = "";
      const { error, told: done } = await download(kind);
      button.disabled = false;
      told.textContent = error || done;
      told.className = error ? "error" : "";
    };
    return [
      stale ? h("p", { class: "warning" }, "These files hold what was made; the script has changed since.") : null,
      ...KINDS.map(([title, kinds]) => h("section", { class: "kinds" }, h("h3", {}, title), h("div", { class: "choices" },
        ...kinds.map(([kind, label]) => { const button = h("button", { type: "button", class: "choice", onclick: () => save(kind, button) }, label); return button; })))),
      told,
    ].filter(Boolean);
  });
}
