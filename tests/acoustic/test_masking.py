"""What is hidden in training, and how many tokens stay hidden in each pass of decoding."""

import math
from typing import get_args, get_type_hints

import pytest
import torch
from torch import Tensor

from dialogue_tts.acoustic import masking
from dialogue_tts.acoustic.masking import (
    LEVEL_WEIGHTS,
    hide,
    level_shares,
    mask_for_training,
    mask_ratio,
    places_by_level,
    tokens_masked_after,
)
from dialogue_tts.config import from_dict
from dialogue_tts.errors import ConfigError
from dialogue_tts.training.soundstorm import SoundStormTrainingConfig

LEVELS, CODES = 5, 17
MASK = CODES


def _batch(rows: int = 400, length: int = 23, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Codes, and a target between a prompt and padding that differ from row to row."""
    rng = torch.Generator().manual_seed(seed)
    codes = torch.randint(CODES, (rows, length, LEVELS), generator=rng)
    prompt = torch.randint(0, length // 2, (rows, 1), generator=rng)
    end = torch.randint(length // 2 + 1, length + 1, (rows, 1), generator=rng)
    place = torch.arange(length)
    return codes, (place >= prompt) & (place < end)


def _rng(seed: int = 2) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_training_hides_level_q_in_part_and_finer_levels_whole() -> None:
    codes, target = _batch()
    mask = mask_for_training(codes, target, level_shares("uniform", LEVELS), MASK, _rng())
    hidden = mask.codes == MASK
    assert torch.equal(mask.codes[~hidden], codes[~hidden])
    assert not hidden[~target].any(), "neither prompt nor padding is ever hidden"
    assert not (mask.masked & ~target).any()
    assert mask.masked.any(1).all(), "every row learns something"
    assert set(mask.levels.tolist()) == set(range(LEVELS))
    for row, level in enumerate(mask.levels.tolist()):
        assert torch.equal(hidden[row, :, level], mask.masked[row]), "the loss is taken where level q is hidden"
        assert not hidden[row, :, :level].any(), "coarser levels are visible"
        assert hidden[row, target[row]][:, level + 1 :].all(), "finer levels are hidden"


def test_training_leaves_its_input_alone() -> None:
    codes, target = _batch(7)
    kept = codes.clone()
    mask_for_training(codes, target, level_shares("uniform", LEVELS), MASK, _rng())
    assert torch.equal(codes, kept)


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.85, 1.0])
def test_training_hides_the_given_ratio(monkeypatch: pytest.MonkeyPatch, ratio: float) -> None:
    monkeypatch.setattr(masking, "mask_ratio", lambda u: torch.full_like(u, ratio))
    codes = torch.zeros(400, 150, LEVELS, dtype=torch.int64)
    mask = mask_for_training(
        codes, torch.ones(400, 150, dtype=torch.bool), level_shares("uniform", LEVELS), MASK, _rng()
    )
    shares = mask.masked.float().mean(1)
    assert abs(float(shares.mean()) - ratio) < 0.005
    # Each token is drawn on its own.
    assert abs(float(shares.std()) - math.sqrt(ratio * (1 - ratio) / 150)) < 0.004


def test_training_hides_exactly_one_at_ratio_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "mask_ratio", torch.zeros_like)
    codes, target = _batch()
    mask = mask_for_training(codes, target, level_shares("uniform", LEVELS), MASK, _rng())
    assert mask.masked.sum(1).tolist() == [1] * 400


def test_training_ratios_are_the_cosine_of_a_uniform_number() -> None:
    codes = torch.zeros(3000, 400, 2, dtype=torch.int64)
    mask = mask_for_training(codes, torch.ones(3000, 400, dtype=torch.bool), level_shares("uniform", 2), MASK, _rng())
    shares = mask.masked.float().mean(1).sort(descending=True).values
    assert abs(float(shares.mean()) - 2 / math.pi) < 0.015
    quantiles = torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])
    found = shares[(quantiles * 3000).long()]
    torch.testing.assert_close(found, (quantiles * math.pi / 2).cos(), atol=0.03, rtol=0)


def test_training_hides_levels_whole_from_where_it_is_told() -> None:
    codes, target = _batch()
    part, whole = (
        mask_for_training(codes, target, level_shares("uniform", LEVELS), MASK, _rng(), n) for n in (None, 2)
    )
    assert torch.equal(part.levels, whole.levels)
    coarse = whole.levels < 2
    assert torch.equal(part.masked[coarse], whole.masked[coarse])
    assert torch.equal(whole.masked[~coarse], target[~coarse])
    assert not torch.equal(part.masked[~coarse], target[~coarse])


def test_mask_ratio_is_the_cosine() -> None:
    torch.testing.assert_close(mask_ratio(torch.tensor([0.0, math.pi / 3])), torch.tensor([1.0, 0.5]))


def test_training_chooses_levels_as_often_as_asked() -> None:
    codes, target = _batch(6000, 3)
    shares = torch.tensor([0.4, 0.0, 0.1, 0.3, 0.2])
    mask = mask_for_training(codes, target, shares, MASK, _rng())
    torch.testing.assert_close(torch.bincount(mask.levels, minlength=LEVELS) / 6000, shares, atol=0.02, rtol=0)
    assert not (mask.levels == 1).any()


def test_training_mask_follows_its_generator() -> None:
    codes, target = _batch(9)
    shares = level_shares("linear", LEVELS)
    first, again, other = (mask_for_training(codes, target, shares, MASK, _rng(seed)) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.masked, other.masked)


def test_hide_as_written_by_hand() -> None:
    codes = torch.arange(2 * 3 * 3).view(2, 3, 3)
    target = torch.tensor([[0, 1, 1], [1, 1, 0]]).bool()
    masked = torch.tensor([[0, 0, 1], [1, 0, 0]]).bool()
    m = 99
    wanted = [[[0, 1, 2], [3, 4, m], [6, m, m]], [[m, m, m], [12, m, m], [15, 16, 17]]]
    assert hide(codes, target, masked, torch.tensor([1, 0]), m).tolist() == wanted


def test_level_shares() -> None:
    torch.testing.assert_close(level_shares("uniform", 4), torch.full((4,), 0.25))
    torch.testing.assert_close(level_shares("linear", 4), torch.tensor([0.4, 0.3, 0.2, 0.1]))
    torch.testing.assert_close(level_shares("square", 3), torch.tensor([9.0, 4.0, 1.0]) / 14)
    with pytest.raises(ConfigError, match="level_weights: .*'cube'"):
        from_dict(SoundStormTrainingConfig, {"level_weights": "cosine"})
    known = get_args(get_type_hints(SoundStormTrainingConfig)["level_weights"])
    assert set(known) == set(LEVEL_WEIGHTS)


def test_schedule_is_the_floor_of_the_cosine() -> None:
    left = [500, *(tokens_masked_after(number, 18, 500) for number in range(18))]
    written = [500, 498, 492, 482, 469, 453, 433, 409, 383, 353, 321, 286, 250, 211, 171, 129, 86, 43, 0]
    assert left == written
    assert left[1:18] == [math.floor(500 * math.cos(math.pi / 2 * done / 18)) for done in range(1, 18)]


@pytest.mark.parametrize("passes", [1, 2, 5, 16])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 40])
def test_schedule_settles_a_token_a_pass_and_all_in_the_end(passes: int, count: int) -> None:
    left = [count, *(tokens_masked_after(number, passes, count) for number in range(passes))]
    assert left[-1] == 0
    for before, after in zip(left[:-1], left[1:-1], strict=False):
        assert 0 <= after <= count
        assert after < before or before <= 1, "a token is settled in each pass while there are two"
    if count:
        assert min(left[:-1]) >= 1, "no pass before the last has nothing to do"


def test_places_come_level_by_level_and_all_of_them_once() -> None:
    masked = torch.tensor([[0, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]], dtype=torch.bool)
    places, counts = places_by_level(masked, torch.tensor([2, 0, 1, 2]), LEVELS)
    assert counts == [1, 0, 4, 0, 0]
    assert places.tolist() == [3, 1, 2, 9, 10]
