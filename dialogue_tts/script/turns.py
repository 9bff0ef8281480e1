"""A script, parsed: its turns."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import NamedTuple

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.findings import Finding

MAX_PAUSE_S = 10.0
SLOWEST, FASTEST = 0.25, 4.0  # speeds of a turn, and of what turn and settings make together
LONGEST_TURN = 20_000  # characters: twenty minutes without anybody else
LATEST_S = 10 * 3600.0  # for turns that are to be heard at a time


@dataclass(frozen=True)
class Turn:
    """One speaker's turn in a script.

    Attributes:
        speaker: name as written in the script, a letter and its accent as one character.
        text: what to say, on one line; may hold `[word](/phonemes/)` pronunciations.
        pause_s: extra silence asked for in front of the turn, in seconds (`[pause 0.5s]`).
        line: line of the script where the turn starts, from 1.
        overlap_s: the turn starts so long before what is heard already ends, in seconds (`[Ben | overlap 0.3s]`).
        speed: of this turn (`[Ben | speed 1.2]`); 2 is twice as fast as the voice speaks by itself. Pitch stays.
        start_s: when it is to be heard, in seconds from the beginning (`[Ben | at 62.5s]`), as a subtitle; None right behind
            what is in front.
        end_s: when it is to be over (`[Ben | at 62.5s | until 65s]`); it is spoken faster to be, within bounds.
    """

    speaker: str
    text: str
    pause_s: float = 0.0
    line: int = 1
    overlap_s: float = 0.0
    speed: float = 1.0
    start_s: float | None = None
    end_s: float | None = None

    @property
    def room_s(self) -> float | None:
        """How long it may take; None where that is not said."""
        return None if self.start_s is None or self.end_s is None else self.end_s - self.start_s

    def __post_init__(self) -> None:
        if not isinstance(self.speaker, str) or not isinstance(self.text, str):
            raise ScriptError(
                f"Turn({self.speaker!r:.40}, {self.text!r:.40}): give the speaker's name and what to say."
            )
        numbers = {"pause_s": self.pause_s, "overlap_s": self.overlap_s, "speed": self.speed, "line": self.line}
        for name, value in numbers.items():
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ScriptError(f"Turn({self.speaker!r:.40}): {name} {value!r:.40} is no number.")
        object.__setattr__(self, "speaker", unicodedata.normalize("NFC", self.speaker))


class Heading(NamedTuple):
    """Where a scene, an act or a chapter begins: its line, and what stands there."""

    line: int
    text: str


@dataclass(frozen=True)
class Script:
    """A dialogue in writing: at least one turn.

    Attributes:
        turns: in order.
        findings: what was left out when it was read, or understood in an uncommon form; two scripts with the same turns are
            equal whatever was found in them.
        headings: by line; they belong to the turns from that line on.
    """

    turns: tuple[Turn, ...]
    findings: tuple[Finding, ...] = field(default=(), compare=False, repr=False)
    headings: tuple[Heading, ...] = field(default=(), compare=False, repr=False)

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names in order of first appearance."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))
