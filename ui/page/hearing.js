/** How one hears: keys for the player, its speed and volume, a turn in a loop, and a page that follows what is said. */

import { h } from "./dom.js";
import * as player from "./player.js";
import { state } from "./state.js";

const KEY = "dialogue-studio-hearing";
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const QUIETEST = -60; // LUFS, where the meter begins
const AIMS = { podcast: -16, broadcast: -23 }; // LUFS
const METER_MS = 100;
const kept = { rate: 1, volume: 1, follow: true, ...read() };

let meter;
let lufsTold;
let measured = 0; // when the meter was read
let drawn = "";

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY) || "{}");
  } catch {
    return {};
  }
}

function keep() {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    /* for this visit only */
  }
  player.setRate(kept.rate);
  player.setVolume(kept.volume);
}

/** Speed, volume, loop and follow, for the strip at the bottom. */
export function hearingControls() {
  const rate = h("select", { "aria-label": "Playback speed", title: "Playback speed", onchange: () => { kept.rate = Number(rate.value); keep(); } },
    ...SPEEDS.map((speed) => h("option", { value: speed }, `${speed}×`)));
  rate.value = String(kept.rate);
  const volume = h("input", { type: "range", min: 0, max: 1, step: 0.05, value: kept.volume, "aria-label": "Volume", title: "Volume", oninput: () => { kept.volume = Number(volume.value); keep(); } });
  lufsTold = h("span", { "aria-hidden": "true" });
  meter = h("div", { class: "loudness", role: "meter", "aria-label": "Loudness", title: "Loudness of what is heard, in LUFS, before the volume; the mark is where the whole is to be", "aria-valuemin": QUIETEST, "aria-valuemax": 0, "aria-valuenow": QUIETEST, "aria-valuetext": "nothing is heard" }, h("div", { class: "loudness-bar" }), h("div", { class: "loudness-aim" }));
  const toggle = (label, name, isOn, flip) => {
    const button = h("button", { type: "button", class: "quiet toggle", "aria-pressed": String(isOn()), title: name, "aria-label": name, onclick: () => { flip(); button.setAttribute("aria-pressed", String(isOn())); } }, label);
    return button;
  };
  const loop = toggle("Loop", "Loop the turn that is heard", () => player.isLooping(), () => player.loopTurn(!player.isLooping()));
  const follow = toggle("Follow", "The page follows what is heard", () => kept.follow, () => { kept.follow = !kept.follow; keep(); });
  keep();
  return h("div", { class: "hearing" }, rate, h("div", { class: "loud" }, volume, h("div", { class: "loudness-line" }, meter, lufsTold)), loop, follow);
}

/** At every frame: the meter, ten times a second. */
export function followLoudness() {
  const now = performance.now();
  if (now - measured < METER_MS) return;
  measured = now;
  const lufs = player.loudnessNow();
  const shown = Math.round(Math.max(QUIETEST, Math.min(0, lufs)));
  const aim = AIMS[state.mix.master] ?? state.settings.loudness;
  if (`${shown} ${aim}` === drawn) return;
  drawn = `${shown} ${aim}`;
  const share = (db) => `${(100 * (db - QUIETEST)) / -QUIETEST}%`;
  meter.style.setProperty("--loud", share(shown));
  meter.style.setProperty("--aim", share(aim));
  meter.setAttribute("aria-valuenow", shown);
  meter.setAttribute("aria-valuetext", shown > QUIETEST ? `${shown} LUFS` : "nothing is heard");
  lufsTold.textContent = shown > QUIETEST ? `${shown}`.replace("-", "−") : "";
}

/** Bring what is heard into view, unless somebody is writing. */
export function followHeard() {
  if (!kept.follow || !state.playing || player.playback.mode === "solo" || !player.isPlaying()) return;
  if (document.activeElement?.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  const shown = [.../** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(`[data-row="${state.playing}"]`))].find((element) => element.offsetParent);
  const line = shown || document.querySelector(".transcript li.lit");
  line?.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
}

/** Space and K play and pause, arrows go two seconds, J and L ten; not where somebody writes or presses a button. */
export function playerKeys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || !state.result) return;
  if (event.target.closest("input, textarea, select, button, summary, a, [role=slider], [role=tab]")) return;
  const step = { ArrowLeft: -2, ArrowRight: 2, j: -10, l: 10 }[event.key];
  if (step) player.seek(player.now() + step, false);
  else if (event.key === " " || event.key === "k") player.toggle();
  else return;
  event.preventDefault();
}
