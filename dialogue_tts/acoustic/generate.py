"""Decoding of SoundStorm: sequences are assembled, then filled level by level, the most confident tokens first.

Letters: B batch, T frames (of the network, see `SoundStormConfig.rate`), Q levels, V codebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dialogue_tts.acoustic.masking import tokens_masked_after
from dialogue_tts.acoustic.model import Frames, SoundStorm, SoundStormConfig
from dialogue_tts.config import strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.nn.conformer import PromptCache
from dialogue_tts.nn.devices import device_of
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.nn.precision import multiplies_bf16_fast
from dialogue_tts.nn.sampling import generators, row_gumbel, sample
from dialogue_tts.stages import stage


@strict
class DecodingConfig:
    """How codes are drawn.

    Attributes:
        passes: of the network, for each level; a level with one pass is filled greedily.
        temperature, confidence_noise: at the start of a level; both fall linearly and are 0 in its last pass. Noise is
            the weight of Gumbel noise on log-probabilities when tokens are ranked: with none, easy tokens (silence)
            always settle first.
        top_k: candidates at each place; None for all.
        guidance: weight of what the prompts add to a guess made without them (classifier-free guidance, Ho & Salimans
            2022, arXiv 2207.12598); 0 for none. It doubles the passes of the guided levels.
        guided_levels: from the first; the others follow anyway.
        bf16: matrix products in bfloat16 where the machine is faster at them.
    """

    passes: tuple[int, ...] = (4, 1, 1, 1, 1, 1, 1, 1)
    temperature: float = 0.7
    top_k: int | None = None
    confidence_noise: float = 1.0
    guidance: float = 0.0
    guided_levels: int = 1
    bf16: bool = True


class Prompt(NamedTuple):
    """How a slot's voice sounds."""

    slot: int
    semantic: Tensor  # (P,) int64
    codes: Tensor  # (P, codes of a token) int64, see `FrameRate`


class TokenSequence(NamedTuple):
    """One row: the voices, and what they are to say, token by token."""

    prompts: Sequence[Prompt]
    semantic: Tensor  # (S,) int64
    slots: Tensor  # (S,) int64: who speaks
    phones: Tensor | None = None  # (S, 2) int64, see `Frames`, where the text is known
    codes: Tensor | None = None  # (S, codes of a token) int64 where known (training)
    quality: Tensor | None = None  # (S,) int64, see `SoundStorm.forward` (training)


def assemble(passages: Sequence[TokenSequence], config: SoundStormConfig) -> tuple[Frames, Tensor]:
    """Put each row's prompts, by rising slot, in front of its target, and pad all rows to the longest with zeros.

    Returns:
        (frames of the network, valid bool (B, T): False on padding). Unknown target codes are 0; where the codec has no frame,
        the mask stands.
    """
    rows: list[Frames] = []
    for passage in passages:
        prompts = sorted(passage.prompts, key=lambda prompt: prompt.slot)
        spoken = passage.semantic.shape[0]
        levels = config.levels * config.rate.codec_frames
        codes = passage.semantic.new_zeros(spoken, levels) if passage.codes is None else passage.codes
        prompted = sum(prompt.semantic.shape[0] for prompt in prompts)
        phones = passage.semantic.new_zeros(prompted + spoken, 2)
        if passage.phones is not None:
            phones[prompted:] = passage.phones
        row = Frames(
            torch.cat([*(p.semantic for p in prompts), passage.semantic]),
            torch.cat([_of_network(part, config) for part in (*(p.codes for p in prompts), codes)]),
            torch.cat([*(torch.full_like(p.semantic, p.slot) for p in prompts), passage.slots]),
            torch.arange(prompted + spoken, device=passage.semantic.device) < prompted,
            phones,
        )
        rows.append(row if config.rate.codec_frames == 1 else _repeated(row, config.rate.codec_frames))
    frames = Frames(*(pad_sequence(list(part), batch_first=True) for part in zip(*rows, strict=True)))
    lengths = torch.tensor([row.semantic.shape[0] for row in rows], device=frames.semantic.device)
    valid = torch.arange(frames.semantic.shape[1], device=lengths.device) < lengths.unsqueeze(1)
    return frames, valid


def _of_network(codes: Tensor, config: SoundStormConfig) -> Tensor:
    """Codes of a prompt or target in frames of the network: (S, codes of a token) -> (T, Q)."""
    if config.rate.tokens == 1:
        return config.rate.own_frames(codes)
    codes = codes.clone()
    codes[torch.arange(codes.shape[0], device=codes.device) % config.rate.tokens != 0] = config.codebook_size
    return codes


def _repeated(row: Frames, times: int) -> Frames:
    """Each token for all frames of the codec in it; codes are there already."""
    return Frames(*(part.repeat_interleave(times, dim=0) for part in row))._replace(codes=row.codes)


def to_fill(frames: Frames, valid: Tensor, config: SoundStormConfig) -> Tensor:
    """Where codes are to be guessed, bool (B, T): frames of the target at which the codec has one. `frames` as assembled."""
    return valid & ~frames.is_prompt & (frames.codes[..., 0] != config.codebook_size)


def share_left(number: int, passes: int) -> float:
    """Share of temperature and noise in pass `number` (from 0) of a level: falls linearly, 0 in the last."""
    return 1 - (number + 1) / passes


@stage("SoundStorm")
@torch.inference_mode()
def generate_codes(
    model: SoundStorm,
    frames: Frames,
    valid: Tensor,
    config: DecodingConfig,
    seeds: Sequence[int],
    cache: PromptCache | None = None,
    given: int = 0,
) -> Tensor:
    """Fill in the target frames.

    Args:
        frames, valid: from `assemble`; codes of target frames are not looked at, but for those of `given` levels.
        given: so many levels, from the first, are known and stay.
        seeds: one a row. A row's codes depend on its own frames and seed only.
        cache: of just these prompts, from `read_prompts`; without it they are read here.

    Returns:
        codes int64 (B, T, Q) in [0, V), where `frames` lie; those that are not to be filled are as given.
    """
    if len(config.passes) != model.config.levels or min(config.passes) < 1:
        raise ConfigError(f"passes: expected {model.config.levels} numbers of at least 1, found {list(config.passes)}.")
    filled, device = frames.codes.clone(), device_of(model)
    frames, valid = frames.to(device), valid.to(device)
    bf16 = _in_bf16(config, model)
    rngs = generators(seeds)
    target = valid & ~frames.is_prompt
    spoken, there = _part(frames, target)
    here = to_fill(spoken, there, model.config)
    unknown = torch.arange(model.config.levels, device=device) >= given
    codes = spoken.codes.masked_fill(here.unsqueeze(-1) & unknown, model.mask_id)
    shown = _unless_all(there)
    if cache is None:
        cache = read_prompts(model, frames, config)
    for level, passes in enumerate(config.passes[given:], start=given):
        masked = here
        for number in range(passes):
            seen = spoken._replace(codes=codes)
            with bf16:
                logits = model.level_logits(model.forward_with_cache(seen, shown, cache)[masked], level).float()
            if config.guidance and level < config.guided_levels:
                with bf16:
                    unprompted = model.level_logits(model.forward_with_cache(seen, shown, None)[masked], level).float()
                logits = logits + config.guidance * (logits - unprompted)
            at = _Pass(level, number, passes)
            masked = _settle(logits, codes[..., level], masked, at, here, config, rngs, model.mask_id)
    filled[target.to(filled.device)] = codes[there].to(filled.device)
    return filled


@stage("SoundStorm")
@torch.inference_mode()
def read_prompts(model: SoundStorm, frames: Frames, config: DecodingConfig) -> PromptCache | None:
    """What a model keeps of each row's prompts, None where there are none: it depends on nothing that follows them. It lies
    where the model does."""
    frames = frames.to(device_of(model))
    prompts, valid = _part(frames, frames.is_prompt)
    if not prompts.semantic.shape[1]:
        return None
    with _in_bf16(config, model):
        return model.read_prompt(prompts, _unless_all(valid))


def _in_bf16(config: DecodingConfig, model: SoundStorm) -> AbstractContextManager[object]:
    """Where it pays; a network in half precision stays in its own, since autocast would mix the two."""
    device, dtype = device_of(model), next(model.parameters()).dtype
    pays = config.bf16 and dtype is torch.float32 and multiplies_bf16_fast(device)
    return torch.autocast(device.type, torch.bfloat16) if pays else nullcontext()  # which not all devices have


def _part(frames: Frames, kept: Tensor) -> tuple[Frames, Tensor]:
    """The kept frames of each row, bool (B, T), moved to its head -> (frames (B, T'), valid bool (B, T'))."""
    rows = [[row[k] for row, k in zip(part, kept, strict=True)] for part in frames]
    lengths = kept.sum(1)
    valid = torch.arange(int(lengths.max()), device=kept.device) < lengths.unsqueeze(1)
    return Frames(*(pad_sequence(part, batch_first=True) for part in rows)), valid


def _unless_all(valid: Tensor) -> Tensor | None:
    """None where a mask would hide nothing, and only cost time."""
    return None if bool(valid.all()) else valid


def target_codes(codes: Tensor, frames: Frames, valid: Tensor, rate: FrameRate) -> list[Tensor]:
    """What was generated, without prompts and padding, as a `TokenSequence` has it: (S_row, codes of a token) for each row."""
    target = valid & ~frames.is_prompt
    rows = [row[kept] for row, kept in zip(codes, target, strict=True)]
    return [rate.our_frames(row[:: rate.tokens], row.shape[0] // rate.codec_frames) for row in rows]


class _Pass(NamedTuple):
    """Which pass of which level."""

    level: int
    number: int  # from 0
    passes: int


def _settle(
    logits: Tensor,
    level_codes: Tensor,
    masked: Tensor,
    at: _Pass,
    target: Tensor,
    config: DecodingConfig,
    rngs: Sequence[torch.Generator],
    mask_id: int,
) -> Tensor:
    """Draw the masked tokens of a level, keep the most confident as the schedule says, and hide the others again.

    Args:
        logits: (N, V) of the masked tokens.
        level_codes: int64 (B, T), written in place.
        masked: bool (B, T): still hidden; target: bool (B, T): hidden when the level began.

    Returns:
        bool (B, T): hidden after this pass.
    """
    left = share_left(at.number, at.passes)
    counts = masked.sum(1).tolist()
    chosen = sample(logits, config.temperature * left, rngs, counts, config.top_k)
    level_codes[masked] = chosen
    if at.number + 1 == at.passes:
        return torch.zeros_like(masked)
    confidence = logits.log_softmax(-1).gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
    if config.confidence_noise:
        confidence = confidence + config.confidence_noise * left * row_gumbel(counts, (), rngs).to(confidence.device)
    ranked = torch.full(masked.shape, torch.inf, device=masked.device)
    ranked[masked] = confidence
    remaining = [tokens_masked_after(at.number, at.passes, count) for count in target.sum(1).tolist()]
    rank = ranked.argsort(dim=1).argsort(dim=1)  # 0 for the least confident; settled tokens come last
    still = masked & (rank < torch.tensor(remaining, device=masked.device).unsqueeze(1))
    level_codes[still] = mask_id
    return still
