"""SoundStorm's network (Borsos et al. 2023, arXiv 2305.09636): semantic tokens and what is known of the codes -> codes.

All tokens of a frame are embedded and summed, a bidirectional Conformer looks at the frames, and each level has its own
head. Ours adds to every frame the speaker slot that talks in it, and where the text is known the phone of it that the
frame says and the one that follows: the semantic tokens of en-small read back 7 % of the phones of unseen voices wrong
(v or b, n or ng), text does not. The prompts of all slots stand in front of the target and do not see it, so that they
are read once and not in every pass.

Letters: B batch, T frames (prompts and target), Q levels, V codebook, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.codec.rvq import ResidualQuantizer
from dialogue_tts.config import strict
from dialogue_tts.nn.conformer import Conformer, ConformerConfig, PromptCache
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.nn.stack import Stack


@strict
class SoundStormConfig:
    """Size of the network.

    Attributes:
        semantic_vocabulary: semantic tokens there are.
        levels, codebook_size: as the codec has them, in a frame of its own.
        rate: the codec's frames beside those of semantic tokens. The network sees whichever are more: a token is repeated for
            each of the codec's frames that lie in it (as in Borsos et al. 2023, where there are two), and where a codec's frame
            spans several tokens, its codes stand at the first and are unknown at the others.
        slots: voices that one sequence can hold.
        phone_kinds: kinds of phones and pause marks of the text, of which 0 is the unknown one.
        qualities: kinds of recordings that training tells apart, 0 the unknown ones and the last the best; 0 for none, as in
            bundles: see `fold_best_quality`.
    """

    semantic_vocabulary: int
    levels: int = 8
    codebook_size: int = 1024
    slots: int = 4
    conformer: ConformerConfig = field(default_factory=ConformerConfig)
    phone_kinds: int = 1
    qualities: int = 0
    rate: FrameRate = FrameRate()


class Frames(NamedTuple):
    """What the network reads, frame by frame."""

    semantic: Tensor  # (B, T) int64 in [0, semantic_vocabulary)
    codes: Tensor  # (B, T, Q) int64 in [0, V], where V is the mask id
    slots: Tensor  # (B, T) int64 in [0, slots): which voice speaks
    is_prompt: Tensor  # (B, T) bool
    phones: (
        Tensor  # (B, T, 2) int64 in [0, phone_kinds): what of the text a frame says, and what follows; 0 where unknown
    )

    def to(self, device: torch.device | str) -> Frames:
        """The same on another device."""
        return Frames(*(part.to(device) for part in self))


class SoundStorm(nn.Module):
    """Embeddings, Conformer, heads."""

    first_rows: Tensor  # (Q,) int64, a buffer

    def __init__(self, config: SoundStormConfig) -> None:
        super().__init__()
        self.config = config
        width = config.conformer.width
        # One table for all levels: level q owns rows [q * (V + 1), (q + 1) * (V + 1)), the last of them its mask.
        self.codes = nn.Embedding(config.levels * (config.codebook_size + 1), width)
        self.semantic = nn.Embedding(config.semantic_vocabulary, width)
        self.slots = nn.Embedding(config.slots, width)
        # Two tables in one: what a frame says, and what follows.
        self.phones = nn.Embedding(2 * config.phone_kinds, width)
        self.prompt = nn.Parameter(torch.randn(width) * self.embedding_std)
        self.conformer = Conformer(config.conformer)
        self.heads = Stack(nn.Linear(width, width) for _ in range(config.levels))
        self.head_bias = nn.Parameter(torch.zeros(config.levels, config.codebook_size))
        first_rows = torch.arange(config.levels) * (config.codebook_size + 1)
        self.register_buffer("first_rows", first_rows, persistent=False)
        if config.qualities:
            self.quality = nn.Embedding(config.qualities, width)
            nn.init.zeros_(self.quality.weight)
        for table in (self.codes, self.semantic, self.slots, self.phones):
            nn.init.normal_(table.weight, std=self.embedding_std)
        for head in self.heads:
            nn.init.normal_(head.weight, std=0.1 * width**-0.5)

    @property
    def mask_id(self) -> int:
        """The id that hides a code."""
        return self.config.codebook_size

    @property
    def embedding_std(self) -> float:
        """Such that the sum of a frame's embeddings starts with about unit variance."""
        return float((self.config.levels + 3) ** -0.5)

    def forward(self, frames: Frames, valid: Tensor | None = None, quality: Tensor | None = None) -> Tensor:
        """frames as in `Frames` -> hidden (B, T, D).

        Args:
            valid: bool (B, T), False on padding; None if there is none.
            quality: int64 (B, T) in [0, qualities): how good the recording of a target frame is; of prompts it is not read.
        """
        seen = self._seen(frames)
        if quality is not None:
            seen = seen + self.quality(quality) * ~frames.is_prompt.unsqueeze(-1)
        hidden: Tensor = self.conformer(seen, valid, frames.is_prompt)
        return hidden

    def read_prompt(self, prompts: Frames, valid: Tensor | None = None) -> PromptCache:
        """What is kept of the prompts of each row, which are at its head in `forward`."""
        return self.conformer.forward_with_cache(self._seen(prompts), valid)[1]

    def forward_with_cache(self, frames: Frames, valid: Tensor | None, cache: PromptCache | None) -> Tensor:
        """Target frames after their prompts, None for rows without: hidden (B, T, D), as in `forward` up to rounding."""
        return self.conformer.forward_with_cache(self._seen(frames), valid, cache)[0]

    def _seen(self, frames: Frames) -> Tensor:
        """Sum of what is known of each frame, (B, T, D)."""
        rows = (frames.codes + self.first_rows).flatten(0, 1)
        x: Tensor = F.embedding_bag(rows, self.codes.weight, mode="sum").unflatten(0, frames.semantic.shape)
        following = self.config.phone_kinds * torch.arange(2, device=frames.phones.device)
        x = (
            x
            + self.semantic(frames.semantic)
            + self.slots(frames.slots)
            + self.phones(frames.phones + following).sum(2)
        )
        return x + self.prompt * frames.is_prompt.unsqueeze(-1)

    def level_logits(self, hidden: Tensor, level: int) -> Tensor:
        """hidden (..., D) -> logits (..., V) of one level.

        Output and input share the codes' embeddings: codes that sound alike are guessed alike from the start.
        """
        first = level * (self.config.codebook_size + 1)
        table = self.codes.weight[first : first + self.config.codebook_size]
        return F.linear(self.heads[level](hidden), table, self.head_bias[level])

    def logits_at(self, hidden: Tensor, places: Tensor, counts: Sequence[int]) -> Tensor:
        """Logits at masked frames only, where each row has its own level: no head runs over more than it must.

        Args:
            hidden: (B, T, D).
            places: int64 (N,) in the flattened (B * T), ordered by level, see `masking.places_by_level`.
            counts: Q numbers, how many of them each level has.

        Returns:
            (N, V).
        """
        # index_select, since its backward pass is much faster on CPUs than that of a boolean index.
        groups = hidden.flatten(0, 1).index_select(0, places).split(list(counts))
        logits = [self.level_logits(group, level) for level, group in enumerate(groups) if group.shape[0]]
        return torch.cat(logits)


@torch.no_grad()
def fold_best_quality(model: SoundStorm) -> SoundStorm:
    """A network without qualities that says everything as the best recordings say it.

    What is added to all target frames and to no prompt lies in the semantic tokens' embeddings, and is taken from the
    prompts' own vector again: a bundle needs neither a table nor a setting for it.
    """
    if not model.config.qualities:
        return model
    weights = dict(model.state_dict())
    best = weights.pop("quality.weight")[-1]
    weights["semantic.weight"] = weights["semantic.weight"] + best
    weights["prompt"] = weights["prompt"] - best
    folded = SoundStorm(replace(model.config, qualities=0))
    folded.load_state_dict(weights)
    return folded.train(model.training)


@torch.no_grad()
def embed_tokens_like(model: SoundStorm, grid: Tensor, seed: int = 0) -> None:
    """Start the semantic embeddings from the quantiser's grid, so that tokens that lie side by side look alike.

    grid: (semantic_vocabulary, dims), each token's place. Every place on every axis gets a random vector; a token's
    embedding is the sum over its axes, and a fifth of something of its own.
    """
    rng = torch.Generator().manual_seed(seed)
    width = model.semantic.embedding_dim
    table = 0.2 * torch.randn(grid.shape[0], width, generator=rng)
    for axis in grid.T:
        places, which = axis.unique(return_inverse=True)
        table += torch.randn(places.shape[0], width, generator=rng)[which]
    table -= table.mean(0)
    model.semantic.weight.copy_(table * (model.embedding_std / table.std()))


@torch.no_grad()
def embed_codes_like(model: SoundStorm, quantizer: ResidualQuantizer, seed: int = 0) -> None:
    """Start the code embeddings from the codec's codebooks, so that codes that sound alike look alike from the start.

    All levels share one orthogonal projection from the codec's width; each is centred and scaled to `embedding_std`:
    the fine levels, faint in the codec's latent, are as easy to read as the coarse ones. Masks keep their random start.
    """
    config, width = model.config, model.config.conformer.width
    latent_width = quantizer.levels[0].up.out_features
    rng = torch.Generator().manual_seed(seed)
    square = torch.randn(max(width, latent_width), max(width, latent_width), generator=rng)
    projection = torch.linalg.qr(square).Q[:latent_width, :width]
    ids = torch.arange(config.codebook_size)
    for number, level in enumerate(quantizer.levels):
        table = level.decode(ids.to(level.codes.weight.device)).float().cpu() @ projection
        table = table - table.mean(0)
        start = number * (config.codebook_size + 1)
        scaled = table * (model.embedding_std / table.std().clamp_min(1e-8))
        model.codes.weight[start : start + config.codebook_size] = scaled.to(model.codes.weight)
