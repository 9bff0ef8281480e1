"""SubRip, by srt: of scripts whose turns have times. A spoken dialogue's own times are in `Dialogue.save_srt`."""

from __future__ import annotations

from datetime import timedelta

import srt

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.inline import plain_text
from dialogue_tts.script.turns import Script


def srt_of(script: Script) -> str:
    """A cue a turn, which begins with the speaker's name. Raises ScriptError where a turn has no times."""
    cues = []
    for number, turn in enumerate(script.turns, start=1):
        if turn.start_s is None or turn.end_s is None:
            told = f"turn {number} ({turn.speaker}) has no times; speak the script, and take the subtitles of that"
            raise ScriptError(f"{told}: `synthesize --srt`.")
        begin, end = timedelta(seconds=turn.start_s), timedelta(seconds=turn.end_s)
        cues.append(srt.Subtitle(number, begin, end, f"{turn.speaker}: {plain_text(turn.text)}"))
    return str(srt.compose(cues))
