"""Finite scalar quantisation: ids and grid values, and the gradient through them."""

import pytest
import torch

from dialogue_tts.semantic.fsq import FiniteScalarQuantizer

LEVELS = (5, 4, 3, 2)


@pytest.fixture
def quantizer() -> FiniteScalarQuantizer:
    return FiniteScalarQuantizer(LEVELS)


def test_ids_to_values_and_back(quantizer: FiniteScalarQuantizer) -> None:
    ids = torch.arange(quantizer.size).view(4, -1)
    values = quantizer.values(ids)
    assert values.shape == (4, 30, 4) and values.dtype == torch.float32
    assert values.abs().max() == 1
    assert len(values.flatten(0, 1).unique(dim=0)) == 120
    grid, found = quantizer(values.clamp(-0.9999, 0.9999).atanh())
    assert torch.equal(found, ids)
    torch.testing.assert_close(grid, values)


def test_grid_values_are_those_of_the_ids(quantizer: FiniteScalarQuantizer) -> None:
    latent = torch.randn(3, 50, 4, generator=torch.Generator().manual_seed(1)) * 2
    grid, ids = quantizer(latent)
    torch.testing.assert_close(grid, quantizer.values(ids))
    # Rounding takes the nearest grid value of each dimension.
    half_steps = 1 / (torch.tensor(LEVELS) - 1)
    assert ((grid - latent.tanh()).abs() <= half_steps + 1e-6).all()


def test_every_id_can_be_reached_and_no_other(quantizer: FiniteScalarQuantizer) -> None:
    latent = torch.randn(20_000, 4, generator=torch.Generator().manual_seed(2))
    ids = quantizer(latent)[1]
    assert ids.dtype == torch.int64
    assert ids.unique().tolist() == list(range(120))
    far = quantizer(torch.tensor([[1e4] * 4, [-1e4] * 4]))[1]
    assert far.tolist() == [119, 0]


def test_gradient_goes_straight_through(quantizer: FiniteScalarQuantizer) -> None:
    latent = torch.randn(30, 4, generator=torch.Generator().manual_seed(3), requires_grad=True)
    weight = torch.randn(30, 4, generator=torch.Generator().manual_seed(4))
    (quantizer(latent)[0] * weight).sum().backward()
    torch.testing.assert_close(latent.grad, weight * (1 - latent.detach().tanh().square()), atol=1e-5, rtol=0)


def test_neighbours_are_so_many_levels_away_and_stay_on_the_grid(quantizer: FiniteScalarQuantizer) -> None:
    ids = torch.arange(120)
    assert torch.equal(quantizer.neighbours(ids, torch.zeros(120, 4, dtype=torch.long)), ids)
    steps = torch.randint(-2, 3, (120, 4), generator=torch.Generator().manual_seed(5))
    found = quantizer.values(quantizer.neighbours(ids, steps))
    wanted = quantizer.values(ids) + steps * 2 / (quantizer.levels - 1)
    torch.testing.assert_close(found, wanted.clamp(-1, 1), atol=1e-6, rtol=0)
