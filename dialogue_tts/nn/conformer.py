"""Conformer encoder (Gulati et al. 2020, arXiv 2005.08100), with LayerNorm in the convolution and rotary positions.

BatchNorm is replaced since a row's output must not depend on what else is in the batch; for the same reason the
convolution never sees padding.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.config import strict
from dialogue_tts.nn.attention import FeedForward, KeyValues, SelfAttention, SharedDropout, rotary_table
from dialogue_tts.nn.stack import Stack


@strict
class ConformerConfig:
    """Size of a Conformer stack."""

    width: int = 256
    heads: int = 4
    layers: int = 6
    hidden: int = 1024
    kernel: int = 5
    dropout: float = 0.1


class BlockCache(NamedTuple):
    """What one block keeps of frames that come before others."""

    seen: KeyValues
    ending: Tensor  # (B, kernel // 2, D): the last of what its convolution reads


class ConvolutionModule(nn.Module):
    """Pointwise, gated, depthwise, norm, SiLU, pointwise (section 2.2)."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel} must be odd, so that a frame stays in the middle")
        self.side = kernel // 2
        self.enter = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=self.side, groups=width)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, width)

    def forward(self, x: Tensor, valid: Tensor | None, given: Tensor | None = None) -> Tensor:
        """x (B, T, D), valid and given bool (B, T) or None -> (B, T, D)."""
        x = self._gated(x, valid)
        mixed = self._mixed(x)
        if given is not None:
            given = given.unsqueeze(-1)
            mixed = torch.where(given, self._mixed(x * given), mixed)
        out: Tensor = self.leave(F.silu(self.norm(mixed)))
        return out

    def forward_with_cache(
        self, x: Tensor, valid: Tensor | None, ending: Tensor | None, lengths: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Frames that follow others: ending as in `BlockCache`, lengths int64 (B,) -> (B, T, D), and their own ending."""
        x = self._gated(x, valid)
        # The last frames of each row, which are not the last of the batch where rows are padded; zeros where too few.
        room = F.pad(x, (0, 0, self.side, 0))
        places = lengths.unsqueeze(1) + torch.arange(self.side, device=x.device)
        own = room.gather(1, places.unsqueeze(-1).expand(-1, -1, x.shape[-1]))
        if ending is None:
            mixed = self._mixed(x)
        else:
            mixed = self._mixed(torch.cat([ending, x], dim=1))[:, self.side :]
        return self.leave(F.silu(self.norm(mixed))), own

    def _gated(self, x: Tensor, valid: Tensor | None) -> Tensor:
        x = F.glu(self.enter(x), dim=-1)
        return x if valid is None else x.masked_fill(~valid.unsqueeze(-1), 0.0)

    def _mixed(self, x: Tensor) -> Tensor:
        mixed: Tensor = self.depthwise(x.transpose(1, 2))
        return mixed.transpose(1, 2)


class ConformerBlock(nn.Module):
    """Half feed-forward, self-attention, convolution, half feed-forward, norm (figure 1)."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        width = config.width
        self.norms = Stack(nn.LayerNorm(width) for _ in range(5))
        self.feed_in = FeedForward(width, config.hidden, config.dropout)
        self.attention = SelfAttention(width, config.heads)
        self.convolution = ConvolutionModule(width, config.kernel)
        self.feed_out = FeedForward(width, config.hidden, config.dropout)
        self.dropout = SharedDropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | None,
        valid: Tensor | None,
        given: Tensor | None,
    ) -> Tensor:
        """x (B, T, D), mask of the attention, valid and given bool (B, T) or None -> (B, T, D)."""
        x = x + 0.5 * self.dropout(self.feed_in(self.norms[0](x)))
        x = x + self.dropout(self.attention(self.norms[1](x), rotary, mask))
        x = x + self.dropout(self.convolution(self.norms[2](x), valid, given))
        x = x + 0.5 * self.dropout(self.feed_out(self.norms[3](x)))
        out: Tensor = self.norms[4](x)
        return out

    def forward_with_cache(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | None,
        valid: Tensor | None,
        lengths: Tensor,
        before: BlockCache | None,
    ) -> tuple[Tensor, BlockCache]:
        """The same for frames that follow others, without dropout; see `Conformer.forward_with_cache`."""
        x = x + 0.5 * self.feed_in(self.norms[0](x))
        mixed, seen = self.attention.forward_with_cache(self.norms[1](x), rotary, mask, before.seen if before else None)
        x = x + mixed
        mixed, ending = self.convolution.forward_with_cache(
            self.norms[2](x), valid, before.ending if before else None, lengths
        )
        x = x + mixed
        x = x + 0.5 * self.feed_out(self.norms[3](x))
        return self.norms[4](x), BlockCache(seen, ending)


class PromptCache(NamedTuple):
    """What a Conformer keeps of frames that come before others."""

    blocks: list[BlockCache]
    valid: Tensor | None  # (B, S) bool, None where all frames are


class Conformer(nn.Module):
    """A stack of Conformer blocks over frames.

    The first frames of a row may be given ones, which see each other alone. What is kept of them then serves as often
    as there are passes over the frames that follow.
    """

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.head_width = config.width // config.heads
        self.blocks = Stack(ConformerBlock(config) for _ in range(config.layers))

    def forward(self, x: Tensor, valid: Tensor | None = None, given: Tensor | None = None) -> Tensor:
        """Frames of whole rows.

        Args:
            x: (B, T, D).
            valid: bool (B, T), False on padding; None if there is none.
            given: bool (B, T): these, at each row's head, see each other alone; None for none.

        Returns:
            (B, T, D).
        """
        rotary = rotary_table(torch.arange(x.shape[1], device=x.device), self.head_width)
        mask = None if valid is None else valid[:, None, None, :]
        if given is not None:
            visible = ~given[:, None, :, None] | given[:, None, None, :]
            mask = visible if mask is None else mask & visible
        for block in self.blocks:
            x = block(x, rotary, mask, valid, given)
        return x

    def forward_with_cache(
        self, x: Tensor, valid: Tensor | None = None, cache: PromptCache | None = None
    ) -> tuple[Tensor, PromptCache]:
        """Frames that follow given ones, or given frames alone: as in `forward`, in two parts and without dropout.

        Args:
            x: (B, T, D); valid: bool (B, T), None if all are.
            cache: of the frames before them.

        Returns:
            (B, T, D), and the cache of these frames (without those before them).
        """
        rows, length, _ = x.shape
        lengths = torch.full((rows,), length, device=x.device) if valid is None else valid.sum(1)
        # Only distances count: what follows begins at 0, and given frames end before it, in each row for itself.
        places = torch.arange(length, device=x.device)
        places = places if cache is not None else places - lengths.view(-1, 1, 1)
        rotary = rotary_table(places, self.head_width)
        mask = valid
        if cache is not None and (valid is not None or cache.valid is not None):
            every = x.new_ones(rows, length, dtype=torch.bool) if valid is None else valid
            kept = cache.blocks[0].seen.keys.shape[2]
            seen = x.new_ones(rows, kept, dtype=torch.bool) if cache.valid is None else cache.valid
            mask = torch.cat([seen, every], dim=1)
        mask = None if mask is None else mask[:, None, None, :]
        kept_blocks = []
        for number, block in enumerate(self.blocks):
            x, before = block.forward_with_cache(
                x, rotary, mask, valid, lengths, cache.blocks[number] if cache else None
            )
            kept_blocks.append(before)
        return x, PromptCache(kept_blocks, valid)
