"""Conformer encoder (Gulati et al. 2020, arXiv 2005.08100), with LayerNorm in the convolution and rotary positions.

BatchNorm is replaced since a row's output must not depend on what else is in the batch; for the same reason the
convolution never sees padding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.nn.attention import FeedForward, SelfAttention, SharedDropout, rotary_table


@dataclass(frozen=True)
class ConformerConfig:
    """Size of a Conformer stack."""

    width: int = 256
    heads: int = 4
    layers: int = 6
    hidden: int = 1024
    kernel: int = 5
    dropout: float = 0.1


class ConvolutionModule(nn.Module):
    """Pointwise, gated, depthwise, norm, SiLU, pointwise (section 2.2)."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel} must be odd, so that a frame stays in the middle")
        self.enter = nn.Linear(width, 2 * width)
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, width)

    def forward(self, x: Tensor, valid: Tensor | None) -> Tensor:
        """x (B, T, D), valid bool (B, T) or None -> (B, T, D)."""
        x = F.glu(self.enter(x), dim=-1)
        if valid is not None:
            x = x.masked_fill(~valid.unsqueeze(-1), 0.0)
        x = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return self.leave(F.silu(self.norm(x)))


class ConformerBlock(nn.Module):
    """Half feed-forward, self-attention, convolution, half feed-forward, norm (figure 1)."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        width = config.width
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(5))
        self.feed_in = FeedForward(width, config.hidden, config.dropout)
        self.attention = SelfAttention(width, config.heads)
        self.convolution = ConvolutionModule(width, config.kernel)
        self.feed_out = FeedForward(width, config.hidden, config.dropout)
        self.dropout = SharedDropout(config.dropout)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], valid: Tensor | None) -> Tensor:
        """x (B, T, D), valid bool (B, T) or None where all frames are -> (B, T, D)."""
        mask = None if valid is None else valid[:, None, None, :]
        x = x + 0.5 * self.dropout(self.feed_in(self.norms[0](x)))
        x = x + self.dropout(self.attention(self.norms[1](x), rotary, mask))
        x = x + self.dropout(self.convolution(self.norms[2](x), valid))
        x = x + 0.5 * self.dropout(self.feed_out(self.norms[3](x)))
        return self.norms[4](x)


class Conformer(nn.Module):
    """A stack of Conformer blocks over frames."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.head_width = config.width // config.heads
        self.blocks = nn.ModuleList(ConformerBlock(config) for _ in range(config.layers))

    def forward(self, x: Tensor, valid: Tensor | None = None) -> Tensor:
        """x (B, T, D), valid bool (B, T): False on padding; None if there is none -> (B, T, D)."""
        rotary = rotary_table(torch.arange(x.shape[1], device=x.device), self.head_width)
        for block in self.blocks:
            x = block(x, rotary, valid)
        return x
