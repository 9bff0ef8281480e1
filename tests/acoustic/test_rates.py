"""Codecs whose frames are not those of semantic tokens: what the network sees, guesses and gives back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dialogue_tts.acoustic.generate import (
    DecodingConfig,
    Prompt,
    TokenSequence,
    assemble,
    generate_codes,
    target_codes,
    to_fill,
)
from dialogue_tts.acoustic.model import SoundStorm, SoundStormConfig
from dialogue_tts.bundle import Bundle
from dialogue_tts.errors import BundleError, ConfigError
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.training.soundstorm import SoundStormTask, SoundStormTrainingConfig
from dialogue_tts.training.task import batches_of
from tests.training.test_soundstorm import _Arrays, _tokens

LEVELS, CODES = 3, 19  # as `_tokens` has them, of a token
RATES = {"as many": FrameRate(), "3 in a token": FrameRate(3, 1), "1 for 2 tokens": FrameRate(1, 2)}


def _config(rate: FrameRate) -> SoundStormConfig:
    conformer = ConformerConfig(width=16, heads=2, layers=1, hidden=22, kernel=3)
    return SoundStormConfig(12, LEVELS // rate.codec_frames, CODES, 2, conformer, phone_kinds=7, rate=rate)


def _codes(own_frames: int, rate: FrameRate, frames: int) -> Tensor:
    """Of a codec, kept in `frames` of tokens."""
    own = torch.randint(
        CODES, (own_frames, LEVELS // rate.codec_frames), generator=torch.Generator().manual_seed(frames)
    )
    return rate.our_frames(own, frames)


def _passages(rate: FrameRate) -> list[TokenSequence]:
    def codes(tokens: int) -> Tensor:
        return _codes(-(-tokens * rate.codec_frames // rate.tokens), rate, tokens)

    prompts = [Prompt(1, torch.full((5,), 2), codes(5)), Prompt(0, torch.full((4,), 3), codes(4))]
    return [
        TokenSequence(
            prompts, torch.arange(7), torch.tensor([0] * 4 + [1] * 3), torch.arange(14).view(7, 2) % 7, codes(7)
        ),
        TokenSequence([], torch.arange(2, 5), torch.zeros(3, dtype=torch.int64), None, codes(3)),
    ]


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_each_frame_of_the_codec_is_there_once_beside_its_token(rate: FrameRate) -> None:
    passages, config, times = _passages(rate), _config(rate), rate.codec_frames
    frames, valid = assemble(passages, config)
    assert frames.codes.shape == (2, 16 * times, LEVELS // times)
    wanted = [3] * 4 + [2] * 5 + list(range(7))
    assert frames.semantic[0].tolist() == [token for token in wanted for _ in range(times)]
    assert frames.is_prompt.sum(1).tolist() == [9 * times, 0] and valid.sum(1).tolist() == [16 * times, 3 * times]
    target = valid & ~frames.is_prompt
    fill = to_fill(frames, valid, config)
    for row, passage in enumerate(passages):
        assert passage.codes is not None
        own = rate.own_frames(passage.codes)
        assert torch.equal(frames.codes[row][fill[row]], own), "the codec's own frames, in their order"
    hollow = frames.codes[target & ~fill]
    assert bool((hollow == CODES).all()) and len(hollow) == (3 + 1 if rate.tokens == 2 else 0)
    for passage, codes in zip(passages, target_codes(frames.codes, frames, valid, rate), strict=True):
        assert torch.equal(codes, passage.codes), "nothing is lost on the way"


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_each_frame_of_the_codec_is_guessed_once(rate: FrameRate, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    config, passages = _config(rate), _passages(rate)
    model = SoundStorm(config).eval()
    for head in model.heads:
        torch.nn.init.normal_(head.weight, std=0.5)
    guessed: list[int] = []
    monkeypatch.setattr(model, "level_logits", _counting(model, guessed))
    unknown = [passage._replace(codes=None) for passage in passages]
    frames, valid = assemble(unknown, config)
    passes = (2, *[1] * (config.levels - 1))
    codes = generate_codes(model, frames, valid, DecodingConfig(passes=passes, temperature=1.0), [1, 2])
    own = sum(-(-len(p.semantic) * rate.codec_frames // rate.tokens) for p in passages)
    assert guessed[0] == own and guessed[2:] == [own] * (config.levels - 1)
    assert torch.equal(codes[frames.is_prompt], frames.codes[frames.is_prompt])
    for passage, found in zip(passages, target_codes(codes, frames, valid, rate), strict=True):
        assert found.shape == (len(passage.semantic), LEVELS) and 0 <= int(found.min()) <= int(found.max()) < CODES
        if rate.tokens == 2:
            assert torch.equal(found[1::2], found[::2][: len(found) // 2]), "a frame of the codec for two tokens"


def _counting(model: SoundStorm, counts: list[int]) -> object:
    whole = model.level_logits

    def level_logits(hidden: Tensor, level: int) -> Tensor:
        counts.append(hidden.shape[0])
        return whole(hidden, level)

    return level_logits


@pytest.mark.parametrize("rate", RATES.values(), ids=RATES)
def test_what_is_learnt_is_never_shown_beside_itself(rate: FrameRate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a code that stands for two tokens, one would give the other away."""
    monkeypatch.setattr("dialogue_tts.training.soundstorm.scores_of", lambda corpus: corpus.tokens("quality"))
    task = SoundStormTask(
        SoundStorm(replace(_config(rate), qualities=4)),
        SoundStormTrainingConfig(400, 10, 20, 60, pack_dialogue=0.0, quality_edges=(3.0, 4.0), unrated=0.0),
        corpora=[_Arrays([], {name: np.zeros(0) for name in ("semantic", "acoustic", "phones", "quality")})],  # type: ignore[list-item]
    )
    tokens = _tokens()
    if rate.tokens == 2:
        tokens.codes[1::2] = tokens.codes[::2][: len(tokens.codes[1::2])]
    task.train = [replace(tokens, scores=np.full(len(tokens.semantic), 5.0, np.float32))]
    for batch in batches_of(task, np.random.default_rng(1)):
        assert batch.frames.codes.shape[1] <= 400 and len(batch.places) == sum(batch.counts)
        hidden = batch.frames.codes.flatten(0, 1)[batch.places]
        assert bool((hidden == CODES).any(1).all()) and bool((batch.wanted < CODES).all())
        assert batch.quality is not None
        assert torch.equal(batch.quality == 3, batch.valid & ~batch.frames.is_prompt), "for each frame of the network"
        if rate.tokens == 2:
            row = batch.frames.codes[0][batch.valid[0] & batch.frames.is_prompt[0]]
            assert bool((row[1::2] == CODES).all()) and bool((row[::2] < CODES).all())
        loss = next(task.losses(batch, 0))[1]
        assert torch.isfinite(loss)


def test_what_does_not_fit_together_is_refused(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has to be 1"):
        FrameRate(3, 2)
    bundle = Bundle.load(tiny_bundle_dir)
    config = replace(bundle.config, soundstorm=replace(bundle.config.soundstorm, rate=FrameRate(1, 2)))
    replace(bundle, config=config).save(tmp_path / "bundle")
    with pytest.raises(BundleError, match="frame rates"):
        Bundle.load(tmp_path / "bundle")
