"""The Conformer: padding changes nothing, and frames look both ways."""

import pytest
import torch

from dialogue_tts.nn.conformer import Conformer, ConformerConfig, ConvolutionModule

CONFIG = ConformerConfig(width=24, heads=3, layers=2, hidden=40, kernel=5, dropout=0.2)


@pytest.fixture
def conformer() -> Conformer:
    torch.manual_seed(1)
    return Conformer(CONFIG).eval()


@pytest.mark.parametrize("padding", [0.0, 1e3])
def test_a_row_alone_equals_the_row_in_a_padded_batch(conformer: Conformer, padding: float) -> None:
    rng = torch.Generator().manual_seed(2)
    lengths = (6, 11, 1)
    rows = [torch.randn(length, CONFIG.width, generator=rng) for length in lengths]
    batch = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=padding)
    out = conformer(batch, torch.arange(11) < torch.tensor(lengths).unsqueeze(1))
    for number, row in enumerate(rows):
        torch.testing.assert_close(out[number, : row.shape[0]], conformer(row[None])[0], atol=1e-5, rtol=0)


def test_no_mask_is_a_mask_of_ones(conformer: Conformer) -> None:
    x = torch.randn(2, 9, CONFIG.width, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(conformer(x), conformer(x, torch.ones(2, 9, dtype=torch.bool)), atol=1e-5, rtol=0)


def test_frames_look_both_ways(conformer: Conformer) -> None:
    x = torch.randn(1, 30, CONFIG.width, generator=torch.Generator().manual_seed(4))
    other = x.clone()
    other[:, 15] = x[:, 15].flip(-1)
    changed = (conformer(x) - conformer(other)).abs().amax(-1)[0]
    assert changed.min() > 1e-5  # attention reaches all of them, beyond the convolutions' four frames


def test_given_frames_see_each_other_alone(conformer: Conformer) -> None:
    x = torch.randn(1, 20, CONFIG.width, generator=torch.Generator().manual_seed(6))
    given = torch.arange(20)[None] < 8
    out = conformer(x, None, given)
    torch.testing.assert_close(out[:, :8], conformer(x[:, :8]), atol=1e-5, rtol=0)
    other = x.clone()
    other[:, 3] = x[:, 3].flip(-1)
    changed = (out - conformer(other, None, given)).abs().amax(-1)[0]
    assert changed[8:].min() > 1e-5, "all others see them"


@pytest.mark.parametrize("given", [1, 2, 7, 12])
def test_in_two_parts_as_at_once(conformer: Conformer, given: int) -> None:
    x = torch.randn(2, 13, CONFIG.width, generator=torch.Generator().manual_seed(7))
    whole = conformer(x, None, (torch.arange(13) < given).expand(2, 13))
    first, cache = conformer.forward_with_cache(x[:, :given])
    torch.testing.assert_close(first, whole[:, :given], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        conformer.forward_with_cache(x[:, given:], None, cache)[0], whole[:, given:], atol=1e-5, rtol=0
    )


def test_convolution_sees_its_kernel_and_no_more() -> None:
    torch.manual_seed(5)
    convolution = ConvolutionModule(6, kernel=5)
    x = torch.randn(1, 13, 6)
    other = x.clone()
    other[:, 6] += 1
    changed = (convolution(x, None) - convolution(other, None)).abs().amax(-1)[0] > 0
    assert changed.nonzero().squeeze(-1).tolist() == [4, 5, 6, 7, 8]


def test_kernel_must_be_odd() -> None:
    with pytest.raises(ValueError, match="kernel 4 must be odd"):
        ConvolutionModule(6, kernel=4)
