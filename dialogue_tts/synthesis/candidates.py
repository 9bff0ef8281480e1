"""Which candidate is better, and which to draw next: pure functions of what the self-check measured.

A candidate is one draw of one segment; takes that a user chooses among are `dialogue.result.TurnTakes`. The first
candidate that `will_do` ends the drawing, so that `better_...` only choose where none before it would.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from dialogue_tts.dialogue.words import Reading
from dialogue_tts.settings import SynthesisConfig


@dataclass(frozen=True)
class SemanticCandidate:
    """A segment's semantic tokens and how well they read back.

    Attributes:
        tokens: int64 (T,).
        phones: int64 (T, 2): what of the text each frame says, and what follows.
        error: share of phones that read wrong; pace: beside the voice's prompt.
        number: which draw it is, from 1.
    """

    tokens: Tensor
    phones: Tensor
    reading: Reading
    error: float
    pace: float
    number: int

    def off_pace(self, config: SynthesisConfig) -> bool:
        """Whether its pace is none that the voice would have."""
        return max(self.pace, 1 / self.pace) > config.max_pace_ratio

    def will_do(self, config: SynthesisConfig) -> bool:
        """Whether nothing better needs to be drawn."""
        return self.error <= config.max_phone_error and not self.off_pace(config)


@dataclass(frozen=True)
class AcousticCandidate:
    """A segment's acoustic codes and how well their sound reads back.

    Attributes:
        codes: int64 (T, Q).
        sound: float32 (T * HOP,), at its own speed.
        error: share of phones that read wrong.
        nll: how unlikely the text is in nats a phone, see `unlikelihood`.
        number: which draw it is, from 1.
    """

    codes: Tensor
    sound: Tensor
    error: float
    nll: float
    number: int

    def will_do(self, config: SynthesisConfig) -> bool:
        """Whether nothing better needs to be drawn."""
        return self.nll <= config.max_ctc_nll


def better_semantic(
    best: SemanticCandidate | None, other: SemanticCandidate, config: SynthesisConfig
) -> SemanticCandidate:
    """The one at a pace the voice would have, then with fewer wrong phones; of equals the earlier."""
    if best is None:
        return other
    return min(best, other, key=lambda candidate: (candidate.off_pace(config), candidate.error))


def better_acoustic(best: AcousticCandidate | None, other: AcousticCandidate) -> AcousticCandidate:
    """The one whose text is likelier; of equals the earlier."""
    return other if best is None or other.nll < best.nll else best


def next_draws(drawn: Sequence[int], most: Sequence[int], rows: int) -> list[tuple[int, int]]:
    """Which candidates to draw in so many rows: (place, number of the draw), a first of each place before a second of any.

    Rows that nobody needs make later draws ahead of time: they cost nothing, and which is taken does not depend on them.

    Args:
        drawn: how many candidates each place has; most: how many it may have.
    """
    left = [total - so_far for so_far, total in zip(drawn, most, strict=True)]
    asked = [
        (place, drawn[place] + further)
        for further in range(1, max(left, default=0) + 1)
        for place in range(len(drawn))
        if further <= left[place]
    ]
    return asked[:rows]
