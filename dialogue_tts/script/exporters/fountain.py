"""Fountain (fountain.io, syntax 1.1): names forced with @, so that they stay as they are written; pauses as notes."""

from __future__ import annotations

import re

from dialogue_tts.script.inline import Pause, number, split_inline
from dialogue_tts.script.turns import Script

_MARKS = re.compile(r"([*_\\])")


def fountain_of(script: Script) -> str:
    """What is said and by whom; pronunciations, overlaps, speeds and times have no form in a screenplay."""
    speeches = []
    for turn in script.turns:
        words = "".join(
            " " if isinstance(piece, Pause) else piece if isinstance(piece, str) else piece.word
            for piece in split_inline(turn.text)
        )
        pause = f"[[pause {number(turn.pause_s)}s]]\n\n" if turn.pause_s else ""
        said = _MARKS.sub(r"\\\1", " ".join(words.split()))
        speeches.append(f"{pause}@{turn.speaker}\n{said}\n")
    return "\n".join(speeches)
