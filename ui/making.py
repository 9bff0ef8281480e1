"""What the page wants to have made, and how far that is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from dialogue_tts._ui.page_mix import PageMix
from dialogue_tts._ui.turns import Row
from dialogue_tts.dialogue.result import TurnTakes
from dialogue_tts.script.turns import Script
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.voice import Voice

OVERHEAD = 12  # characters that a turn costs beside its text, for the time left


@dataclass(frozen=True)
class MakeRequest:
    """What the page wants to have made.

    Attributes:
        rows: all that the result will hold, in order.
        voices: of each speaker, as the library takes them; refs: as the page names them.
        seeds: row's number -> seed, for rows that are not to have the one that follows from `seed`.
        mix: of the result.
    """

    rows: tuple[Row, ...]
    voices: Mapping[str, str | Voice]
    refs: Mapping[str, str]
    seed: int
    config: SynthesisConfig
    seeds: Mapping[int, int] = field(default_factory=dict)
    mix: PageMix = PageMix()

    @property
    def script(self) -> Script:
        """Lines are the rows' numbers."""
        return Script(tuple(replace(row.turn, line=n) for n, row in enumerate(self.rows, start=1)))

    def without(self, row: str) -> MakeRequest:
        """The same, less one row."""
        places = [n for n, r in enumerate(self.rows) if r.id != row]
        seeds = {place: self.seeds[n] for place, n in enumerate(places) if n in self.seeds}
        return replace(self, rows=tuple(self.rows[n] for n in places), seeds=seeds)


@dataclass
class Making:
    """A ticket that waits or is worked on, and what came of it.

    Attributes:
        pace_s: seconds a character takes, as far as is known beforehand.
        costs: row -> characters, of the rows that have to be computed.
        kept, made: row -> part, as they were before and as they came.
        began, came: when it began, and when the last of its rows came.
        sha256: of the sound that is expected, where a project says so.
    """

    request: MakeRequest
    cast: Mapping[str, Voice]
    pace_s: float
    costs: Mapping[str, int] = field(default_factory=dict)
    kept: dict[str, TurnTakes] = field(default_factory=dict)
    made: dict[str, TurnTakes] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    began: float | None = None
    came: float | None = None
    sha256: str | None = None

    @property
    def done(self) -> int:
        """How many of the rows that have to be computed are."""
        return len(self.costs.keys() & (self.made.keys() | self.failed))

    def left_s(self) -> float:
        """Expected, by its own pace once that shows; a quarter of it stays while a turn takes longer than its share."""
        all_of_it = sum(self.costs.values())
        spent = sum(cost for row, cost in self.costs.items() if row in self.made or row in self.failed)
        came = self.came or self.began or time.monotonic()
        pace_s = (came - self.began) / spent if self.began and spent > 0.25 * all_of_it else self.pace_s
        rest_s = pace_s * (all_of_it - spent)
        return max(rest_s / 4, rest_s - (time.monotonic() - came))


def cost_of(row: Row) -> int:
    """Characters, for the time left."""
    return len(row.turn.text) + OVERHEAD
