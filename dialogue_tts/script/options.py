"""What may stand behind a speaker's name: `[Ben | overlap 0.3s | speed 1.2]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from dialogue_tts.script.findings import shorten
from dialogue_tts.script.inline import Mistake, number
from dialogue_tts.script.turns import FASTEST, LATEST_S, MAX_PAUSE_S, SLOWEST, Turn

_TIMED = re.compile(
    r"(overlap|at|until)\s*[:=]?\s*(\d{1,9}(?:\.\d{1,40})?|\.\d{1,40})\s*(ms|s|sec|secs|seconds?)", re.IGNORECASE
)
_SPEED = re.compile(r"speed\s*[:=]?\s*(\d{1,9}(?:\.\d{1,40})?|\.\d{1,40})\s*x?", re.IGNORECASE)
_FIELDS = {"overlap": "overlap_s", "at": "start_s", "until": "end_s"}


class Options(NamedTuple):
    """Of one turn."""

    overlap_s: float = 0.0
    speed: float = 1.0
    start_s: float | None = None
    end_s: float | None = None


def read_options(name: str, written: str) -> Options:
    """`overlap 0.3s | speed 1.2`, in any order; a comma may stand for the bar. Raises Mistake."""
    found: dict[str, float] = {}
    for option in (part.strip() for part in re.split(r"[|,]", written)):
        if match := _TIMED.fullmatch(option):
            key, value = _FIELDS[match[1].lower()], float(match[2]) / (1000 if match[3].lower() == "ms" else 1)
            if key == "overlap_s" and not 0 < value <= MAX_PAUSE_S:
                raise Mistake(f'"{option}" is out of range; ask for more than 0 s and at most {MAX_PAUSE_S:g} s')
            if value > LATEST_S:
                raise Mistake(f'"{option}" is out of range; times go up to {LATEST_S:g} s')
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
    if wrong := wrong_times(found.get("start_s"), found.get("end_s"), found.get("overlap_s", 0.0)):
        raise Mistake(f"[{name} | {written}]: {wrong}")
    return Options(found.get("overlap_s", 0.0), found.get("speed", 1.0), found.get("start_s"), found.get("end_s"))


def wrong_times(start_s: float | None, end_s: float | None, overlap_s: float) -> str | None:
    """What is wrong with when a turn is to be heard; None if nothing is."""
    if start_s is not None and not 0 <= start_s <= LATEST_S:
        return f"times go from 0 to {LATEST_S:g} s"
    if end_s is not None and (start_s is None or not start_s < end_s <= LATEST_S):
        return "`until` needs an `at` in front of it in time"
    return "a turn with a time of its own cannot overlap, too" if start_s is not None and overlap_s else None


def format_options(turn: Turn) -> str:
    """A turn's options as they stand behind its name."""
    overlap = f" | overlap {number(turn.overlap_s)}s" if turn.overlap_s else ""
    speed = f" | speed {number(turn.speed)}" if turn.speed != 1 else ""
    start = f" | at {number(turn.start_s)}s" if turn.start_s is not None else ""
    end = f" | until {number(turn.end_s)}s" if turn.end_s is not None else ""
    return overlap + speed + start + end
