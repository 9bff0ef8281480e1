"""Rotary positions, masks, and the key-value cache against the plain forward pass."""

import pytest
import torch
from torch import Tensor

from dialogue_tts.nn.attention import SelfAttention, SharedDropout, TransformerBlock, attend, rotary_table, rotate

WIDTH, HEADS, HIDDEN = 24, 3, 40  # so that a head is 8 wide


def _rotary(first: int, length: int) -> tuple[Tensor, Tensor]:
    return rotary_table(torch.arange(first, first + length), WIDTH // HEADS)


@pytest.fixture
def block() -> TransformerBlock:
    torch.manual_seed(1)
    return TransformerBlock(WIDTH, HEADS, HIDDEN, dropout=0.3).eval()


def test_rotation_shows_distance_only() -> None:
    rng = torch.Generator().manual_seed(2)
    q, k = torch.randn(2, 1, 1, 1, 8, generator=rng)

    def product(query_at: int, key_at: int) -> Tensor:
        tables = [rotary_table(torch.tensor([at]), 8) for at in (query_at, key_at)]
        return (rotate(q, *tables[0]) * rotate(k, *tables[1])).sum()

    for distance in (0, 1, 13):
        torch.testing.assert_close(product(distance, 0), product(distance + 57, 57), atol=1e-4, rtol=0)
    assert abs(float(product(1, 0) - product(13, 0))) > 1e-2


def test_rotation_keeps_lengths_and_position_0_as_it_is() -> None:
    x = torch.randn(2, 3, 5, 8, generator=torch.Generator().manual_seed(3))
    turned = rotate(x, *_rotary(0, 5))
    torch.testing.assert_close(turned.norm(dim=-1), x.norm(dim=-1))
    torch.testing.assert_close(turned[:, :, 0], x[:, :, 0])
    assert not torch.allclose(turned[:, :, 1], x[:, :, 1], atol=1e-2)


@pytest.mark.parametrize("kind", ["plain", "causal", "masked"])
def test_attention_is_the_same_with_and_without_gradients(kind: str) -> None:
    q, k, v = torch.randn(3, 2, 3, 5, 8, generator=torch.Generator().manual_seed(4))
    mask = torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()[:, None, None] if kind == "masked" else None
    slow = attend(q, k, v, mask, causal=kind == "causal")
    with torch.inference_mode():
        fast = attend(q, k, v, mask, causal=kind == "causal")
    torch.testing.assert_close(slow, fast, atol=1e-5, rtol=0)


def test_causal_forward_sees_nothing_later(block: TransformerBlock) -> None:
    x = torch.randn(2, 7, WIDTH, generator=torch.Generator().manual_seed(5))
    other = x.clone()
    other[:, 4:] = other[:, 4:].flip(-1)
    before, after = (block(y, _rotary(0, 7), None, causal=True) for y in (x, other))
    torch.testing.assert_close(before[:, :4], after[:, :4], atol=1e-6, rtol=0)
    assert (before[:, 4:] - after[:, 4:]).abs().amax(-1).min() > 1e-3


@pytest.mark.parametrize("grown_at", [None, 3])
def test_steps_with_a_cache_equal_the_causal_forward(block: TransformerBlock, grown_at: int | None) -> None:
    x = torch.randn(2, 7, WIDTH, generator=torch.Generator().manual_seed(6))
    whole = block(x, _rotary(0, 7), None, causal=True)
    cache = block.attention.new_cache(2, 7 if grown_at is None else grown_at)
    for position in range(7):
        if position == grown_at:
            cache = cache.grown(9)
        stepped = block.step(x[:, position : position + 1], _rotary(position, 1), cache, position)
        torch.testing.assert_close(stepped[:, 0], whole[:, position], atol=1e-5, rtol=0)


def test_masked_positions_have_no_say(block: TransformerBlock) -> None:
    x = torch.randn(2, 7, WIDTH, generator=torch.Generator().manual_seed(7))
    mask = (torch.arange(7) < torch.tensor([[4], [7]]))[:, None, None]
    padded = block(x, _rotary(0, 7), mask)
    alone = block(x[:1, :4], _rotary(0, 4), None)
    torch.testing.assert_close(padded[:1, :4], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("width", "heads"), [(24, 5), (15, 5)])
def test_heads_must_be_whole_and_even(width: int, heads: int) -> None:
    with pytest.raises(ValueError, match=f"{heads} heads of even width"):
        SelfAttention(width, heads)


def test_dropout_is_shared_by_positions_and_keeps_the_mean() -> None:
    torch.manual_seed(8)
    dropout = SharedDropout(0.25)
    x = torch.ones(50, 6, 40)
    dropped = dropout(x)
    assert (dropped == dropped[:, :1]).all()
    torch.testing.assert_close(dropped.unique(), torch.tensor([0.0, 4 / 3]))
    assert abs(float(dropped.mean()) - 1) < 0.05
    assert torch.equal(dropout.eval()(x), x)
