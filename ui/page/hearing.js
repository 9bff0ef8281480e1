/** How one hears: keys for the player, its speed and volume, a turn in a loop, and a page that follows what is said. */

import { h } from "./dom.js";
import * as player from "./player.js";
import { state } from "./state.js";

const KEY = "dialogue-studio-hearing";
const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const kept = { rate: 1, volume: 1, follow: true, ...read() };

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
  const toggle = (label, name, isOn, flip) => {
    const button = h("button", { type: "button", class: "quiet toggle", "aria-pressed": String(isOn()), title: name, "aria-label": name, onclick: () => { flip(); button.setAttribute("aria-pressed", String(isOn())); } }, label);
    return button;
  };
  const loop = toggle("Loop", "Loop the turn that is heard", () => player.isLooping(), () => player.loopTurn(!player.isLooping()));
  const follow = toggle("Follow", "The page follows what is heard", () => kept.follow, () => { kept.follow = !kept.follow; keep(); });
  keep();
  return h("div", { class: "hearing" }, rate, volume, loop, follow);
}

/** Bring what is heard into view, unless somebody is writing. */
export function followHeard() {
  if (!kept.follow || !state.playing || player.playback.mode === "solo" || !player.isPlaying()) return;
  if (document.activeElement?.matches("input, textarea, select") || document.querySelector("dialog[open]")) return;
  const shown = [...document.querySelectorAll(`[data-row="${state.playing}"]`)].find((element) => element.offsetParent);
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
