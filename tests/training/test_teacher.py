"""Kokoro's voices as blends: many, always the same, and none that is kept for judging."""

from __future__ import annotations

import numpy as np
import pytest

from dialogue_tts.training.teacher import JUDGED_PAIRS, TIMBRE_WIDTH, KokoroTeacher, blends

VOICES = [f"{sex}_{name}" for sex in ("af", "bm") for name in ("ada", "bea", "cyd", "dot")]


def test_blends_are_many_and_the_same_every_time() -> None:
    prosodies = VOICES[:5]
    found = blends(VOICES, prosodies, 60)
    assert len(found) == 60 and found == blends(VOICES, prosodies, 60)
    for name, blend in found.items():
        assert name == f"{blend.first}+{blend.second}@{blend.share}/{blend.prosody}"
        assert blend.first != blend.second and 0.1 <= blend.share <= 0.9
    assert {v for b in found.values() for v in (b.first, b.second)} == set(VOICES)
    assert {b.prosody for b in found.values()} == set(prosodies)


def test_blends_leave_out_the_pairs_that_are_judged() -> None:
    voices = sorted({voice for pair in JUDGED_PAIRS for voice in pair})
    found = blends(voices, voices, 300)
    assert not {frozenset((b.first, b.second)) for b in found.values()} & JUDGED_PAIRS


class _Speaks:
    """Kokoro, but it says what style it was given."""

    def __init__(self, styles: dict[str, np.ndarray]) -> None:
        self.styles = styles

    def get_voice_style(self, name: str) -> np.ndarray:
        return self.styles[name]

    def create(self, phonemes: str, voice: np.ndarray, is_phonemes: bool) -> tuple[np.ndarray, int]:
        assert is_phonemes and voice.dtype == np.float32
        return voice, 24_000


@pytest.mark.parametrize("middle", [(), (1,)], ids=["flat", "as published"])
def test_a_blend_has_the_timbre_of_two_and_the_prosody_of_a_third(middle: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    styles = {voice: rng.normal(size=(7, *middle, 2 * TIMBRE_WIDTH)).astype(np.float32) for voice in VOICES}
    teacher = KokoroTeacher.__new__(KokoroTeacher)
    teacher._tts, teacher._blends = _Speaks(styles), blends(VOICES, VOICES, 9)
    for name, blend in teacher._blends.items():
        style = teacher.speak("həlˈO", name, seed=0).reshape(7, -1)
        first, second, third = (styles[v].reshape(7, -1) for v in (blend.first, blend.second, blend.prosody))
        timbre = blend.share * first + (1 - blend.share) * second
        assert np.allclose(style[:, :TIMBRE_WIDTH], timbre[:, :TIMBRE_WIDTH], atol=1e-6)
        assert np.array_equal(style[:, TIMBRE_WIDTH:], third[:, TIMBRE_WIDTH:])
