"""Self-attention with rotary positions, and its key-value cache as a value.

Letters: B batch, T frames or text positions, H heads, D width, K width of one head.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def rotary_table(positions: Tensor, head_width: int, base: float = 10_000.0) -> tuple[Tensor, Tensor]:
    """Cosines and sines of RoPE (Su et al. 2021, section 3.4): positions (...,) -> two of (..., K/2), float32."""
    inverse = base ** (-torch.arange(0, head_width, 2, device=positions.device, dtype=torch.float32) / head_width)
    angles = positions.float().unsqueeze(-1) * inverse
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the halves of each head by its position's angles: x (B, H, T, K), tables broadcastable to (B, H, T, K/2)."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
    """Scaled dot-product attention: q, k, v (B, H, T, K), mask bool as in PyTorch -> (B, H, T, K)."""
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        fused: Tensor = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal and mask is None)
        return fused
    # With gradients the CPU is faster without the fused kernel at our lengths, and with the mask as the sum's first term.
    rows, heads, frames, _ = q.shape
    if causal and mask is None:
        mask = torch.ones(frames, k.shape[2], dtype=torch.bool, device=q.device).tril()
    keys, scale = k.flatten(0, 1).transpose(1, 2), q.shape[-1] ** -0.5
    queries = (q * scale).flatten(0, 1)
    if mask is None:
        scores = queries @ keys
    else:
        hidden = torch.zeros_like(mask, dtype=q.dtype).masked_fill(~mask, torch.finfo(q.dtype).min / 2)
        scores = torch.baddbmm(hidden.expand(rows, heads, frames, k.shape[2]).flatten(0, 1), queries, keys)
    mixed: Tensor = scores.softmax(dim=-1) @ v.flatten(0, 1)
    return mixed.view(rows, heads, frames, -1)


class SharedDropout(nn.Module):
    """Dropout whose mask is the same for all positions of a row (Gal & Ghahramani 2016, arXiv 1512.05287).

    Besides regularising whole features, it needs T times fewer random numbers: on CPUs ordinary dropout took a
    third of a training step.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D); the identity outside training."""
        if not self.training or self.rate == 0:
            return x
        keep = torch.rand(x.shape[0], 1, x.shape[-1], device=x.device) >= self.rate
        return x * (keep / (1 - self.rate)).to(x.dtype)


class KeyValues(NamedTuple):
    """Keys and values of one layer for all positions allocated: each (B, H, capacity, K); written in place."""

    keys: Tensor
    values: Tensor

    def grown(self, capacity: int) -> KeyValues:
        """The same with room for more positions."""
        more = capacity - self.keys.shape[2]
        return KeyValues(F.pad(self.keys, (0, 0, 0, more)), F.pad(self.values, (0, 0, 0, more)))


class SelfAttention(nn.Module):
    """Multi-head self-attention with rotary positions."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads or (width // heads) % 2:
            raise ValueError(f"width {width} must split into {heads} heads of even width")
        self.heads = heads
        self.head_width = width // heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v  # each (B, H, T, K)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | None, causal: bool = False) -> Tensor:
        """x (B, T, D); mask bool broadcastable to (B, H, T, T), True where a query may look -> (B, T, D)."""
        return self.forward_with_cache(x, rotary, mask, None, causal)[0]

    def forward_with_cache(
        self,
        x: Tensor,
        rotary: tuple[Tensor, Tensor],
        mask: Tensor | None,
        seen: KeyValues | None,
        causal: bool = False,
    ) -> tuple[Tensor, KeyValues]:
        """The same for positions that also look at `seen` ones before them, S of them: mask (B, H, T, S + T).

        Returns:
            (B, T, D), and keys and values of the T positions alone.
        """
        q, k, v = self._split(x)
        q, k = rotate(q, *rotary), rotate(k, *rotary)
        own = KeyValues(k, v)
        if seen is not None:
            k, v = torch.cat([seen.keys, k], dim=2), torch.cat([seen.values, v], dim=2)
        mixed = attend(q, k, v, mask, causal)
        return self.out(mixed.transpose(1, 2).flatten(2)), own

    def step(self, x: Tensor, rotary: tuple[Tensor, Tensor], cache: KeyValues, position: int) -> Tensor:
        """One new position for every row: x (B, 1, D) at `position` -> (B, 1, D). Writes its key and value to `cache`."""
        q, k, v = self._split(x)
        cache.keys[:, :, position] = rotate(k, *rotary)[:, :, 0]
        cache.values[:, :, position] = v[:, :, 0]
        seen_k, seen_v = cache.keys[:, :, : position + 1], cache.values[:, :, : position + 1]
        mixed = F.scaled_dot_product_attention(rotate(q, *rotary), seen_k, seen_v)
        out: Tensor = self.out(mixed.transpose(1, 2).flatten(2))
        return out

    def new_cache(self, batch: int, capacity: int) -> KeyValues:
        """An empty cache for `capacity` positions on this layer's device and in its dtype."""
        weight = self.out.weight
        shape = (batch, self.heads, capacity, weight.shape[0] // self.heads)
        return KeyValues(weight.new_zeros(shape), weight.new_zeros(shape))


class FeedForward(nn.Module):
    """Two linear layers with SiLU between, as in the Conformer (Gulati et al. 2020, section 2.3)."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.rise = nn.Linear(width, hidden)
        self.fall = nn.Linear(hidden, width)
        self.dropout = SharedDropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) -> (..., D)."""
        out: Tensor = self.fall(self.dropout(F.silu(self.rise(x))))
        return out


class TransformerBlock(nn.Module):
    """Pre-norm Transformer block: self-attention, then feed-forward."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.feed_norm = nn.LayerNorm(width)
        self.feed = FeedForward(width, hidden, dropout)
        self.dropout = SharedDropout(dropout)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], mask: Tensor | None, causal: bool = False) -> Tensor:
        """(B, T, D) -> (B, T, D); mask as in `SelfAttention.forward`."""
        x = x + self.dropout(self.attention(self.attention_norm(x), rotary, mask, causal))
        x = x + self.dropout(self.feed(self.feed_norm(x)))
        return x

    def step(self, x: Tensor, rotary: tuple[Tensor, Tensor], cache: KeyValues, position: int) -> Tensor:
        """One new position: (B, 1, D) -> (B, 1, D)."""
        x = x + self.attention.step(self.attention_norm(x), rotary, cache, position)
        x = x + self.feed(self.feed_norm(x))
        return x
