"""The residual quantiser: fast paths against the training path, codes by angle, dropout of levels, dead codes."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dialogue_tts.codec.rvq import CodebookLevel, ResidualQuantizer

WIDTH, LEVELS, SIZE, CODE_WIDTH = 20, 4, 17, 5


@pytest.fixture
def quantizer() -> ResidualQuantizer:
    torch.manual_seed(1)
    return ResidualQuantizer(WIDTH, LEVELS, SIZE, CODE_WIDTH).eval()


def _latent(rows: int = 3, frames: int = 11, seed: int = 2) -> Tensor:
    return torch.randn(rows, frames, WIDTH, generator=torch.Generator().manual_seed(seed))


def test_encode_and_decode_equal_the_training_path(quantizer: ResidualQuantizer) -> None:
    out = quantizer(_latent())
    codes = quantizer.encode(_latent())
    assert codes.shape == (3, 11, LEVELS) and codes.dtype == torch.int64
    assert torch.equal(codes, out.codes)
    torch.testing.assert_close(quantizer.decode(codes), out.latent, atol=1e-5, rtol=0)


def test_each_level_quantises_what_is_left_over(quantizer: ResidualQuantizer) -> None:
    residual, codes = _latent(), quantizer.encode(_latent())
    for number, level in enumerate(quantizer.levels):
        assert torch.equal(codes[..., number], level.nearest(level.down(residual)))
        residual = residual - level.decode(codes[..., number])
    torch.testing.assert_close(_latent() - residual, quantizer.decode(codes), atol=1e-5, rtol=0)


def test_nearest_is_nearest_by_angle(quantizer: ResidualQuantizer) -> None:
    level = quantizer.levels[0]
    with torch.no_grad():  # long codes must not win by their length
        level.codes.weight *= torch.linspace(0.1, 10, SIZE).unsqueeze(1)
    low = torch.randn(4, 50, CODE_WIDTH, generator=torch.Generator().manual_seed(3))
    found = level.nearest(low)
    likeness = F.cosine_similarity(low.unsqueeze(2), level.codes.weight, dim=-1)
    assert torch.equal(found, likeness.argmax(-1))
    assert torch.equal(found, level.nearest(low * 100))
    assert torch.equal(level.nearest(level.codes.weight), torch.arange(SIZE))


def test_used_drops_fine_levels(quantizer: ResidualQuantizer) -> None:
    whole, some = quantizer(_latent()), quantizer(_latent(), torch.tensor([1, 4, 2]))
    assert torch.equal(whole.codes, some.codes), "what is encoded does not change"
    for row, used in enumerate((1, 4, 2)):
        parts = [level.decode(whole.codes[row, :, number]) for number, level in enumerate(quantizer.levels[:used])]
        torch.testing.assert_close(some.latent[row], sum(parts), atol=1e-5, rtol=0)


def test_losses_move_codes_and_encoder_apart(quantizer: ResidualQuantizer) -> None:
    level = CodebookLevel(WIDTH, SIZE, CODE_WIDTH)
    one = ResidualQuantizer(WIDTH, 1, SIZE, CODE_WIDTH).eval()
    one.levels[0].load_state_dict(level.state_dict())
    out = one(_latent())
    low = level.down(_latent())
    wanted = F.mse_loss(level.codes(level.nearest(low)), low)
    torch.testing.assert_close(out.codebook_loss, wanted)
    torch.testing.assert_close(out.commitment_loss, wanted)
    out.codebook_loss.backward(retain_graph=True)
    assert one.levels[0].down.weight.grad is None and one.levels[0].codes.weight.grad.abs().sum() > 0
    one.zero_grad()
    out.commitment_loss.backward()
    assert one.levels[0].codes.weight.grad is None and one.levels[0].down.weight.grad.abs().sum() > 0


def test_gradient_goes_straight_through_to_the_latent() -> None:
    torch.manual_seed(4)
    one = ResidualQuantizer(WIDTH, 1, SIZE, CODE_WIDTH).eval()
    latent = _latent().requires_grad_()
    weight = torch.randn(3, 11, WIDTH)
    (one(latent).latent * weight).sum().backward()
    level = one.levels[0]
    torch.testing.assert_close(latent.grad, weight @ level.up.weight @ level.down.weight, atol=1e-5, rtol=0)
    assert level.codes.weight.grad is None


def test_codes_hardly_used_are_put_where_something_was_encoded() -> None:
    torch.manual_seed(5)
    level = CodebookLevel(WIDTH, SIZE, CODE_WIDTH)
    low = torch.randn(1, 40, CODE_WIDTH)
    level.usage.fill_(1.0)
    level.usage[[3, 8]] = 0.0
    before = level.codes.weight.detach().clone()
    level.revive(low, torch.full((1, 40), 5))
    changed = (level.codes.weight != before).any(1).nonzero().squeeze(-1).tolist()
    assert changed == [3, 8]
    assert all((low[0] == level.codes.weight[code]).all(1).any() for code in changed)
    assert level.usage[5] > 1 > level.usage[4] > 0.9


def test_the_first_batch_is_the_first_codebook_and_evaluation_leaves_it_alone(quantizer: ResidualQuantizer) -> None:
    before = [level.codes.weight.detach().clone() for level in quantizer.levels]
    quantizer(_latent())
    assert all(torch.equal(a, level.codes.weight) for a, level in zip(before, quantizer.levels, strict=True))
    quantizer.train()
    quantizer(_latent())
    changed = [(a != level.codes.weight).any(1).sum().item() for a, level in zip(before, quantizer.levels, strict=True)]
    assert min(changed) >= SIZE // 2


def test_a_loaded_codebook_is_not_replaced_by_the_first_batch() -> None:
    torch.manual_seed(7)
    level = CodebookLevel(WIDTH, SIZE, CODE_WIDTH)
    low = torch.randn(1, 40, CODE_WIDTH)
    fresh = CodebookLevel(WIDTH, SIZE, CODE_WIDTH)
    fresh.load_state_dict(level.state_dict())
    fresh.revive(low, torch.full((1, 40), 5))
    assert torch.equal(fresh.codes.weight, level.codes.weight)
    before = level.codes.weight.clone()
    level.revive(low, torch.full((1, 40), 5))
    assert not torch.equal(level.codes.weight, before), "a new one is"
