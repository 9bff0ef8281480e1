"""A dialogue as a page of its own: the transcript follows the sound, and a click on a word is heard. One file, no network."""

from __future__ import annotations

import html
from collections.abc import Sequence

from dialogue_tts.audio.tagged import ChapterMark
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.dialogue.subtitles import cues

COLOURS = ("#1d6a9f", "#ad4417", "#35732f", "#7446ab", "#9f2d67", "#7f5a00", "#1f7371", "#555a93")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.05rem/1.6 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1rem 1rem 6rem; }}
audio {{ position: fixed; left: 0; right: 0; bottom: 0; width: 100%; }}
.turn {{ margin: 0.6rem 0; scroll-margin: 4rem 0 8rem; }}
.turn b {{ color: light-dark(var(--who), color-mix(in srgb, var(--who) 45%, white)); }}
.turn button {{ font: inherit; font-size: 0.8rem; border: 0; background: none; color: inherit; opacity: 0.8;
  text-decoration: underline; cursor: pointer; min-width: 3rem; min-height: 1.5rem; }}
[data-t] {{ cursor: pointer; }}
.lit {{ background: light-dark(#d9edf7, #28465a); border-radius: 0.2rem; }}
.fine {{ font-size: 0.85rem; }}
</style>
<h1>{title}</h1>
{by}
<main>
{turns}
</main>
<p class="fine">{provenance}</p>
<audio controls preload="metadata" src="{sound}"></audio>
<script>
const sound = document.querySelector("audio");
const words = [...document.querySelectorAll("span[data-t]")].map((e) => [Number(e.dataset.t), e]).sort((a, b) => a[0] - b[0]);
let lit = null;
document.querySelector("main").addEventListener("click", (event) => {{
  const at = event.target.closest("[data-t]");
  if (at) {{ sound.currentTime = Number(at.dataset.t); sound.play(); }}
}});
sound.addEventListener("timeupdate", () => {{
  let found = null;
  for (const [start, element] of words) if (start <= sound.currentTime + 0.05) found = element; else break;
  if (found === lit) return;
  lit?.classList.remove("lit");
  lit = found;
  lit?.classList.add("lit");
  if (!sound.paused) lit?.closest(".turn").scrollIntoView({{ block: "nearest" }});
}});
</script>
</html>
"""


def transcript(
    dialogue: Dialogue, sound: str, title: str = "", author: str = "", chapters: Sequence[ChapterMark] = ()
) -> str:
    """The page, whose player plays `sound`: a file beside it, or a data URL that holds all of it."""
    colours = {speaker: COLOURS[n % len(COLOURS)] for n, speaker in enumerate(dialogue.voices)}
    waiting, lines = list(chapters), []
    for turn in dialogue.turns:
        while waiting and waiting[0].start <= turn.start + 0.001:
            lines.append(f"<h2>{html.escape(waiting.pop(0).title)}</h2>")
        pieces = [piece for cue in cues([turn]) for piece in cue.pieces]
        words = " ".join(f'<span data-t="{start:.3f}">{html.escape(text)}</span>' for text, start in pieces)
        clock = f"{int(turn.start) // 60}:{int(turn.start) % 60:02}"
        button = f'<button type="button" data-t="{turn.start:.3f}" aria-label="Play from {clock}">{clock}</button>'
        who = f"<b>{html.escape(turn.speaker)}</b>"
        lines.append(f'<p class="turn" style="--who: {colours[turn.speaker]}">{button} {who} {words}</p>')
    return _PAGE.format(
        title=html.escape(title or "Transcript"),
        by=f"<p>{html.escape(author)}</p>" if author else "",
        turns="\n".join(lines),
        provenance=html.escape(dialogue.provenance),
        sound=html.escape(sound),
    )
