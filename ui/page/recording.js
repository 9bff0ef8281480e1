/** A voice from the microphone: something to read aloud, a level, a report of what was recorded, and a second try. */

import { ask } from "./ask.js";
import { dialog, h, setSign, signButton } from "./dom.js";
import { levelShare, levelTold } from "./levels.js";
import * as player from "./player.js";
import { startRecording } from "./recorder.js";
import { deletion } from "./state.js";

// From the fable that phoneticians let people read: most sounds of English, some seventeen seconds.
const READ_ALOUD = "The North Wind and the Sun were arguing which of them was the stronger, when a traveller came along, wrapped in a warm cloak. They agreed that whoever first made the traveller take his cloak off should be the stronger one.";
const LONGEST_S = 30;
const LATELY = 25; // levels, of two seconds

/** What was measured of a recording, as list entries: what is not good is a warning. */
export const reportOf = (voice) => (voice.report || []).map(({ good, says }) => h("li", { class: good ? null : "warning" }, says));

/** Ask for a recording of a speaker; `bring(file)` makes it a voice. Resolves to what the server said of it, or undefined. */
export function recordVoice(root, speaker, bring) {
  player.quiet();
  let stop = null; // ends the recording that runs
  let brought = null; // the answer for the one that is made
  return dialog(root, `Record ${speaker}'s voice`, (close) => {
    const meter = h("meter", { min: 0, max: 1, low: levelShare(0.025), high: levelShare(0.9), optimum: 0.7, "aria-label": "Level" });
    const told = h("p", { role: "status" }, "Read this aloud in a quiet room, or say a few sentences of your own, 5 to 20 seconds.");
    const report = h("ul", { class: "told report", "aria-label": "What was recorded" });
    const use = h("button", { type: "button", class: "main", hidden: true, onclick: () => { const answer = brought; brought = null; close(answer); } }, "Use it");
    const hear = signButton("play", "Hear the recording", () => listen(brought.ref, hear), { hidden: true });
    const button = h("button", { type: "button", class: "main", onclick: () => (stop ? end() : begin()) }, "Start recording");
    const say = (text, wrong = false) => { if (told.textContent !== text) told.textContent = text; told.className = wrong ? "error" : ""; };

    async function begin() {
      player.quiet();
      forget();
      report.replaceChildren();
      use.hidden = hear.hidden = true;
      const lately = [];
      let began = 0;
      try {
        stop = await startRecording((peak) => {
          lately.push(peak);
          if (lately.length > LATELY) lately.shift();
          meter.value = levelShare(peak);
          const seconds = (Date.now() - began) / 1000;
          button.textContent = `Stop (${seconds.toFixed(0)} s)`;
          if (seconds > 1.5) say(levelTold(lately));
          if (seconds > LONGEST_S) end();
        });
        began = Date.now();
        button.textContent = "Stop";
        button.className = "main";
        say("Recording…");
      } catch (error) {
        say(error.message, true);
      }
    }

    async function end() {
      const finish = stop;
      if (!finish) return;
      stop = null;
      button.disabled = true;
      meter.value = 0;
      say("Listening to it…");
      try {
        brought = await bring(await finish());
        const voice = brought.voices.find((one) => one.ref === brought.ref);
        const doubts = voice.report.filter((measure) => !measure.good).length;
        say(doubts ? `It can serve, but ${doubts === 1 ? "one thing" : `${doubts} things`} may spoil the voice:` : "A good recording.");
        report.replaceChildren(...reportOf(voice));
        use.hidden = hear.hidden = false;
      } catch (error) {
        say(error.message || "The recording could not be sent; try again.", true);
      }
      button.disabled = false;
      button.textContent = "Record again";
      button.className = "quiet";
    }

    /** What was recorded and not taken is not kept. */
    function forget() {
      if (brought) ask("forget_voice", { ref: brought.ref });
      brought = null;
    }

    setTimeout(() => button.closest("dialog")?.addEventListener("close", () => { stop?.().catch(() => {}); player.quiet(); forget(); }));
    return [h("blockquote", { class: "read-aloud" }, READ_ALOUD), told, meter, report,
      h("p", { class: "fine" }, `Use only your own voice, or that of a person who agreed. ${deletion("Recordings that are not kept")}`),
      h("div", { class: "actions" }, hear, button, use)];
  });
}

async function listen(ref, button) {
  const answer = await ask("sample", { ref });
  if (answer.error) return;
  const over = player.playSolo(answer.file);
  setSign(button, "pause", "Stop the recording");
  await over;
  setSign(button, "play", "Hear the recording");
}
