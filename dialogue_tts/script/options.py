"""What may stand behind a speaker's name: `[Ben | overlap 0.3s | speed 1.2]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from dialogue_tts.script.findings import shorten
from dialogue_tts.script.inline import Mistake, number
from dialogue_tts.script.turns import FASTEST, MAX_PAUSE_S, SLOWEST, Turn

_OVERLAP = re.compile(r"overlap\s*[:=]?\s*(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|sec|secs|seconds?)", re.IGNORECASE)
_SPEED = re.compile(r"speed\s*[:=]?\s*(\d+(?:\.\d+)?|\.\d+)\s*x?", re.IGNORECASE)


class Options(NamedTuple):
    """Of one turn."""

    overlap_s: float = 0.0
    speed: float = 1.0


def read_options(name: str, written: str) -> Options:
    """`overlap 0.3s | speed 1.2`, in any order; a comma may stand for the bar. Raises Mistake."""
    found: dict[str, float] = {}
    for option in (part.strip() for part in re.split(r"[|,]", written)):
        if match := _OVERLAP.fullmatch(option):
            key, value = "overlap_s", float(match[1]) / (1000 if match[2].lower() == "ms" else 1)
            if not 0 < value <= MAX_PAUSE_S:
                raise Mistake(f'"{option}" is out of range; ask for more than 0 s and at most {MAX_PAUSE_S:g} s')
        elif match := _SPEED.fullmatch(option):
            key, value = "speed", float(match[1])
            if not SLOWEST <= value <= FASTEST:
                raise Mistake(f'"{option}" is out of range; speeds go from {SLOWEST:g} to {FASTEST:g}')
        else:
            what = f'"{shorten(option)}" is no option of a turn' if option else "an option is missing"
            raise Mistake(f"{what}; write [{name} | overlap 0.3s] or [{name} | speed 1.2]")
        if key in found:
            raise Mistake(f'"{option}" is the second of its kind; give each option once')
        found[key] = value
    return Options(**found)


def format_options(turn: Turn) -> str:
    """A turn's options as they stand behind its name."""
    overlap = f" | overlap {number(turn.overlap_s)}s" if turn.overlap_s else ""
    speed = f" | speed {number(turn.speed)}" if turn.speed != 1 else ""
    return overlap + speed
