"""How much a dialogue's turns sound like the recordings of their voices, in words. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dialogue_tts.dialogue.turns import SpokenTurn

# Cosines of speaker embeddings. Halves of one recording of the voices of `en-small` are at 0.72 to 0.96, half of
# them over 0.85; of two voices nine of ten are at less than 0.49.
VERY_ALIKE, ALIKE = 0.85, 0.7
SHORTEST_S = 1.0  # less sound says little of a voice


class Likeness(NamedTuple):
    """Of one speaker.

    Attributes:
        match: mean cosine of the turns' speaker embeddings to the prompt's, weighted by length, 1 at best.
        rival: the same to the most similar of the other speakers' prompts; None where there is no other voice.
        says: that in words, a sentence without a capital.
    """

    match: float
    rival: float | None
    says: str


def likeness_of(turns: Iterable[SpokenTurn]) -> dict[str, Likeness]:
    """By speaker; who said less than a second is left out."""
    by_speaker: dict[str, list[SpokenTurn]] = {}
    for turn in turns:
        by_speaker.setdefault(turn.speaker, []).append(turn)
    return {
        speaker: _of(said) for speaker, said in by_speaker.items() if sum(t.end - t.start for t in said) >= SHORTEST_S
    }


def _of(said: list[SpokenTurn]) -> Likeness:
    lengths = [turn.end - turn.start for turn in said]

    def mean(values: Iterable[float]) -> float:
        return sum(value * length for value, length in zip(values, lengths, strict=True)) / sum(lengths)

    match = mean(turn.check.voice_match for turn in said)
    known = [turn.check.rival_match for turn in said]
    rivals = [rival for rival in known if rival is not None]
    rival = mean(rivals) if len(rivals) == len(said) else None
    if rival is not None and rival >= match:
        says = "what was made sounds more like another speaker's recording than like this voice's; make it again."
    elif match >= VERY_ALIKE:
        says = "what was made sounds very much like the voice's recording."
    elif match >= ALIKE:
        says = "what was made sounds like the voice's recording."
    else:
        says = "what was made sounds only a little like the voice's recording; a longer or cleaner one may help."
    return Likeness(match, rival, says)
