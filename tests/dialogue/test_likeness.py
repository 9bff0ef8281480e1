"""How much turns sound like the recordings of their voices."""

from __future__ import annotations

import pytest

from dialogue_tts.dialogue.likeness import likeness_of
from dialogue_tts.dialogue.turns import Check, SpokenTurn


def turn(speaker: str, seconds: float, match: float, rival: float | None) -> SpokenTurn:
    return SpokenTurn(0, speaker, "Hello.", 1.0, 1.0 + seconds, (), 0, 1, Check(0.0, 1.0, match, rival))


def test_long_turns_count_more_and_a_word_says_nothing() -> None:
    found = likeness_of([turn("Anna", 3.0, 0.9, 0.1), turn("Ben", 0.7, 0.2, 0.1), turn("Anna", 1.0, 0.5, 0.3)])
    assert list(found) == ["Anna"]
    assert found["Anna"].match == pytest.approx(0.8) and found["Anna"].rival == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("match", "rival", "words"),
    [
        (0.9, 0.2, "very much like"),
        (0.75, None, "sounds like the voice's"),
        (0.3, 0.2, "only a little"),
        (0.7, 0.8, "more like another speaker's"),
    ],
)
def test_it_is_said_plainly(match: float, rival: float | None, words: str) -> None:
    assert words in likeness_of([turn("Anna", 2.0, match, rival)])["Anna"].says
