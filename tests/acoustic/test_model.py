"""SoundStorm's network: sums of embeddings, padding, heads, and the start from the codec's codebooks."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from dialogue_tts.acoustic.masking import places_by_level
from dialogue_tts.acoustic.model import (
    Frames,
    SoundStorm,
    SoundStormConfig,
    embed_codes_like,
    embed_tokens_like,
    fold_best_quality,
)
from dialogue_tts.codec.rvq import ResidualQuantizer
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.semantic.fsq import FiniteScalarQuantizer

CONFIG = SoundStormConfig(
    semantic_vocabulary=29,
    levels=5,
    codebook_size=17,
    slots=3,
    conformer=ConformerConfig(width=24, heads=3, layers=2, hidden=40, kernel=5),
    phone_kinds=13,
)


@pytest.fixture
def model() -> SoundStorm:
    torch.manual_seed(1)
    return SoundStorm(CONFIG).eval()


def _frames(*lengths: int, seed: int = 2) -> tuple[Frames, Tensor]:
    """Random frames, some of them hidden and some of them prompts; nonsense on padding."""
    rng = torch.Generator().manual_seed(seed)
    shape = (len(lengths), max(lengths))
    frames = Frames(
        torch.randint(CONFIG.semantic_vocabulary, shape, generator=rng),
        torch.randint(CONFIG.codebook_size + 1, (*shape, CONFIG.levels), generator=rng),
        torch.randint(CONFIG.slots, shape, generator=rng),
        torch.rand(shape, generator=rng) < 0.3,
        torch.randint(CONFIG.phone_kinds, (*shape, 2), generator=rng),
    )
    return frames, torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)


def test_frames_are_sums_of_embeddings(model: SoundStorm) -> None:
    frames, _ = _frames(7, 7)
    tables = model.codes.weight.view(CONFIG.levels, CONFIG.codebook_size + 1, -1)
    x = model.semantic(frames.semantic) + model.slots(frames.slots)
    for level in range(CONFIG.levels):
        x = x + F.embedding(frames.codes[..., level], tables[level])
    said, following = model.phones.weight.view(2, CONFIG.phone_kinds, -1)
    x = x + said[frames.phones[..., 0]] + following[frames.phones[..., 1]]
    x[frames.is_prompt] += model.prompt
    torch.testing.assert_close(model(frames), model.conformer(x, None, frames.is_prompt), atol=1e-5, rtol=0)


def test_the_best_quality_is_folded_into_other_weights(model: SoundStorm) -> None:
    assert fold_best_quality(model) is model
    torch.manual_seed(6)
    told = SoundStorm(replace(CONFIG, qualities=4)).eval()
    torch.nn.init.normal_(told.quality.weight)
    folded = fold_best_quality(told)
    assert folded.config == CONFIG and not folded.training
    frames, valid = _frames(6, 11)
    qualities = [told(frames, valid, torch.full_like(frames.semantic, quality))[valid] for quality in range(4)]
    torch.testing.assert_close(folded(frames, valid)[valid], qualities[-1], atol=1e-5, rtol=0)
    assert all((a - b).abs().mean() > 0.1 for a, b in zip(qualities, qualities[1:])), "they say it otherwise"
    shown = frames._replace(is_prompt=torch.zeros_like(frames.is_prompt))
    best = told(shown, valid, torch.full_like(frames.semantic, 3))[valid]
    torch.testing.assert_close(folded.forward_with_cache(shown, valid, None)[valid], best, atol=1e-5, rtol=0)


def test_a_row_alone_equals_the_row_in_a_padded_batch(model: SoundStorm) -> None:
    frames, valid = _frames(6, 11, 1)
    together = model(frames, valid)
    for row, length in enumerate((6, 11, 1)):
        alone = model(Frames(*(part[row : row + 1, :length] for part in frames)))
        torch.testing.assert_close(together[row, :length], alone[0], atol=1e-5, rtol=0)


def test_sum_of_embeddings_starts_with_unit_variance() -> None:
    torch.manual_seed(3)
    model = SoundStorm(CONFIG)
    seen: list[Tensor] = []
    model.conformer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    model(_frames(200, 200)[0])
    assert 0.8 < float(seen[0].std()) < 1.15


def test_logits_at_places_equal_level_logits_there(model: SoundStorm) -> None:
    hidden = torch.randn(4, 9, 24, generator=torch.Generator().manual_seed(4))
    masked = torch.rand(4, 9, generator=torch.Generator().manual_seed(5)) < 0.4
    levels = torch.tensor([3, 0, 3, 1])
    places, counts = places_by_level(masked, levels, CONFIG.levels)
    logits = model.logits_at(hidden, places, counts)
    assert logits.shape == (int(masked.sum()), CONFIG.codebook_size)
    for found, place in zip(logits, places.tolist(), strict=True):
        row, frame = divmod(place, 9)
        wanted = model.level_logits(hidden, int(levels[row]))[row, frame]
        torch.testing.assert_close(found, wanted, atol=1e-6, rtol=0)


def test_only_the_heads_of_masked_levels_learn(model: SoundStorm) -> None:
    frames, valid = _frames(6, 11)
    places, counts = places_by_level(valid & ~frames.is_prompt, torch.tensor([3, 1]), CONFIG.levels)
    model.logits_at(model(frames, valid), places, counts).logsumexp(-1).sum().backward()
    assert [head.weight.grad is not None for head in model.heads] == [False, True, False, True, False]


def test_every_level_has_a_head_and_a_mask_of_its_own(model: SoundStorm) -> None:
    hidden = torch.randn(3, 24)
    outputs = [model.level_logits(hidden, level) for level in range(CONFIG.levels)]
    assert not any(torch.allclose(a, b, atol=1e-2) for a, b in zip(outputs, outputs[1:], strict=False))
    assert model.mask_id == 17
    frames, _ = _frames(1)
    for level in range(CONFIG.levels):
        codes = torch.zeros_like(frames.codes)
        codes[..., level] = model.mask_id
        model.zero_grad()
        model(frames._replace(codes=codes)).square().sum().backward()
        used = (model.codes.weight.grad.abs().sum(1) > 0).nonzero().squeeze(-1).tolist()
        assert used == [18 * q + (17 if q == level else 0) for q in range(CONFIG.levels)]


@pytest.mark.parametrize("latent_width", [10, 33])
def test_embeddings_start_like_the_codebooks(model: SoundStorm, latent_width: int) -> None:
    torch.manual_seed(6)
    quantizer = ResidualQuantizer(latent_width, CONFIG.levels, CONFIG.codebook_size, code_width=3)
    before = model.codes.weight.detach().clone().view(CONFIG.levels, 18, 24)
    embed_codes_like(model, quantizer, seed=7)
    tables = model.codes.weight.detach().view(CONFIG.levels, 18, 24)
    assert torch.equal(tables[:, 17], before[:, 17]), "masks keep their random start"
    for level, table in enumerate(tables[:, :17]):
        torch.testing.assert_close(table.std(), torch.tensor(model.embedding_std), atol=1e-5, rtol=0)
        torch.testing.assert_close(table.mean(0), torch.zeros(24), atol=1e-5, rtol=0)
        decoded = quantizer.levels[level].decode(torch.arange(17)).detach()
        decoded = decoded - decoded.mean(0)
        near, wanted = (F.normalize(x, dim=-1) @ F.normalize(x, dim=-1).T for x in (table, decoded))
        if latent_width <= 24:  # the projection turns and drops nothing
            torch.testing.assert_close(near, wanted, atol=1e-4, rtol=0)
        likeness = torch.corrcoef(torch.stack([near.flatten(), wanted.flatten()]))[0, 1]
        assert likeness > 0.9, "codes that sound alike look alike"


def test_embedding_start_follows_its_seed(model: SoundStorm) -> None:
    torch.manual_seed(8)
    quantizer = ResidualQuantizer(10, CONFIG.levels, CONFIG.codebook_size, code_width=3)
    tables = []
    for seed in (1, 1, 2):
        embed_codes_like(model, quantizer, seed)
        tables.append(model.codes.weight.detach().clone())
    assert torch.equal(tables[0], tables[1])
    assert not torch.allclose(tables[0], tables[2], atol=1e-2)


def test_semantic_embeddings_start_from_the_grid() -> None:
    """Tokens that differ on one axis only look more alike than tokens that differ on all."""
    model = SoundStorm(SoundStormConfig(12, 2, 7, 2, ConformerConfig(width=64, heads=2, layers=1, hidden=12, kernel=3)))
    grid = FiniteScalarQuantizer((3, 4)).values(torch.arange(12))
    embed_tokens_like(model, grid)
    table = torch.nn.functional.normalize(model.semantic.weight, dim=-1)
    likeness = table @ table.T
    shared = (grid.unsqueeze(1) == grid.unsqueeze(0)).sum(-1)
    assert likeness[shared == 1].mean() > likeness[shared == 0].mean() + 0.2
    torch.testing.assert_close(model.semantic.weight.std(), torch.tensor(model.embedding_std), atol=1e-4, rtol=0)


def test_prompts_read_before_are_prompts_at_the_head_of_rows(model: SoundStorm) -> None:
    """Rows with prompts of 5, 2 and no frames, targets of 3, 8 and 6."""
    prompts, prompt_valid = _frames(5, 2, 0, seed=9)
    targets, target_valid = _frames(3, 8, 6, seed=10)
    prompts = prompts._replace(is_prompt=torch.ones_like(prompts.is_prompt))
    targets = targets._replace(is_prompt=torch.zeros_like(targets.is_prompt))
    with torch.inference_mode():
        found = model.forward_with_cache(targets, target_valid, model.read_prompt(prompts, prompt_valid))
        for row, (given, length) in enumerate(((5, 3), (2, 8), (0, 6))):
            parts = [torch.cat([p[row, :given], t[row, :length]]) for p, t in zip(prompts, targets, strict=True)]
            whole = model(Frames(*(part[None] for part in parts)))
            torch.testing.assert_close(found[row, :length], whole[0, given:], atol=1e-5, rtol=0)
