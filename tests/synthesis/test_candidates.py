"""Which candidate is better, and which are drawn next."""

from __future__ import annotations

import torch

from dialogue_tts.dialogue.words import Reading
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.candidates import (
    AcousticCandidate,
    SemanticCandidate,
    better_acoustic,
    better_semantic,
    next_draws,
)

CONFIG = SynthesisConfig(max_phone_error=0.1, max_pace_ratio=1.5)
TOKENS = torch.zeros(4, dtype=torch.int64)
READING = Reading(4, torch.zeros(8, 3), [1])


def semantic(error: float, pace: float = 1.0, number: int = 1) -> SemanticCandidate:
    return SemanticCandidate(TOKENS, TOKENS[:, None].expand(-1, 2), READING, error, pace, number)


def acoustic(nll: float, error: float = 0.0, number: int = 1) -> AcousticCandidate:
    return AcousticCandidate(TOKENS[:, None], torch.zeros(9), error, nll, number)


def test_the_candidate_with_fewer_wrong_phones_is_better() -> None:
    worse, better = semantic(0.4), semantic(0.2, number=2)
    assert better_semantic(None, worse, CONFIG) is worse
    assert better_semantic(worse, better, CONFIG) is better and better_semantic(better, worse, CONFIG) is better
    first, second = semantic(0.2), semantic(0.2, number=2)
    assert better_semantic(first, second, CONFIG) is first, "of equals the earlier"


def test_a_pace_that_the_voice_would_not_have_is_worse_than_wrong_phones() -> None:
    for pace in (1.6, 1 / 1.6):
        hurried, wrong = semantic(0.0, pace), semantic(0.9, 1.4, 2)
        assert better_semantic(hurried, wrong, CONFIG) is wrong and better_semantic(wrong, hurried, CONFIG) is wrong
        assert not hurried.will_do(CONFIG)
    assert semantic(0.1, 1.5).will_do(CONFIG) and not semantic(0.11).will_do(CONFIG)


def test_sound_whose_text_is_likelier_is_better_whatever_it_reads_like() -> None:
    worse, better = acoustic(0.4, error=0.0), acoustic(0.2, error=0.3, number=2)
    assert better_acoustic(None, worse) is worse
    assert better_acoustic(worse, better) is better and better_acoustic(better, worse) is better
    first, second = acoustic(0.2), acoustic(0.2, number=2)
    assert better_acoustic(first, second) is first, "of equals the earlier"


def test_each_place_has_its_first_draw_before_any_has_a_second() -> None:
    assert next_draws([0, 1, 3], [3, 2, 3], 9) == [(0, 1), (1, 2), (0, 2), (0, 3)]
    assert next_draws([0, 1, 3], [3, 2, 3], 2) == [(0, 1), (1, 2)]
    assert next_draws([2], [2], 5) == [] == next_draws([], [], 5)
