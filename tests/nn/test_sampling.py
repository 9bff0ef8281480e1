"""Drawing ids: greedy at 0, the right shares, top-k, and rows that do not disturb each other."""

import pytest
import torch
from torch import Tensor

from dialogue_tts.nn.sampling import generators, gumbel, row_gumbel, sample


def _logits(places: int, vocabulary: int = 17) -> Tensor:
    return torch.randn(places, vocabulary, generator=torch.Generator().manual_seed(1))


def test_temperature_0_is_argmax_and_draws_nothing() -> None:
    logits, rngs = _logits(5), generators([3, 4])
    before = [rng.get_state() for rng in rngs]
    assert torch.equal(sample(logits, 0, rngs, [2, 3], top_k=4), logits.argmax(-1))
    assert all(torch.equal(rng.get_state(), state) for rng, state in zip(rngs, before, strict=True))


def test_same_seed_same_draws_and_another_seed_others() -> None:
    logits = _logits(40)
    first, again, other = (sample(logits, 1.0, generators([seed]), [40]) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("top_k", [None, 5])
def test_a_row_draws_the_same_whoever_is_beside_it(top_k: int | None) -> None:
    logits = _logits(30)
    together = sample(logits, 1.3, generators([5, 6, 7]), [11, 4, 15], top_k)
    alone = sample(logits[11:15], 1.3, generators([6]), [4], top_k)
    assert torch.equal(together[11:15], alone)
    others = sample(logits[:19], 1.3, generators([50, 6, 70]), [11, 4, 4], top_k)
    assert torch.equal(others[11:15], alone)


def test_counts_default_to_one_place_a_row() -> None:
    logits = _logits(3)
    assert torch.equal(
        sample(logits, 1.0, generators([1, 2, 3])), sample(logits, 1.0, generators([1, 2, 3]), [1, 1, 1])
    )


@pytest.mark.parametrize("top_k", [1, 3])
def test_top_k_is_respected(top_k: int) -> None:
    logits = _logits(1).expand(2000, -1)
    drawn = sample(logits, 5.0, generators([2]), [2000], top_k)
    assert set(drawn.tolist()) == set(logits[0].topk(top_k).indices.tolist())


def test_top_k_of_all_ids_leaves_none_out() -> None:
    drawn = sample(torch.zeros(2000, 17), 1.0, generators([2]), [2000], top_k=17)
    assert len(drawn.unique()) == 17


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (0.6, None), (1.0, 2)])
def test_ids_come_as_often_as_they_should(temperature: float, top_k: int | None) -> None:
    logits = torch.tensor([1.0, -0.5, 0.3, 0.0])
    wanted = (logits / temperature).softmax(-1)
    if top_k:
        wanted = torch.where(wanted >= wanted.topk(top_k).values[-1], wanted, 0.0)
        wanted = wanted / wanted.sum()
    drawn = sample(logits.expand(40_000, -1), temperature, generators([9]), [40_000], top_k)
    shares = torch.bincount(drawn, minlength=4) / 40_000
    torch.testing.assert_close(shares, wanted, atol=0.012, rtol=0)


def test_gumbel_noise_is_standard_and_finite() -> None:
    noise = gumbel((200_000,), torch.Generator().manual_seed(4))
    assert noise.isfinite().all()
    assert abs(float(noise.mean()) - 0.5772) < 0.01  # Euler's constant
    assert abs(float(noise.var()) - torch.pi**2 / 6) < 0.03


def test_row_noise_comes_from_the_rows_own_generators() -> None:
    noise = row_gumbel([2, 0, 3], (5,), generators([1, 2, 3]))
    assert noise.shape == (5, 5)
    assert torch.equal(noise[:2], gumbel((2, 5), torch.Generator().manual_seed(1)))
    assert torch.equal(noise[2:], gumbel((3, 5), torch.Generator().manual_seed(3)))
