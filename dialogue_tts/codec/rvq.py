"""Residual vector quantiser with low-dimensional, L2-normalised codebooks (Kumar et al. 2023, arXiv 2306.06546)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.nn.stack import Stack


class QuantizerOutput(NamedTuple):
    """What training sees."""

    latent: Tensor  # (B, T, D) quantised, with a straight-through gradient
    codes: Tensor  # (B, T, Q) int64
    codebook_loss: Tensor  # moves codes to what is encoded
    commitment_loss: Tensor  # moves what is encoded to codes


class CodebookLevel(nn.Module):
    """One level: project down, take the nearest code by angle, project up."""

    usage: Tensor  # (size,) float32, a buffer: how often each code is used beside what is even

    def __init__(self, width: int, size: int, code_width: int) -> None:
        super().__init__()
        self.down = nn.Linear(width, code_width)
        self.codes = nn.Embedding(size, code_width)
        self.up = nn.Linear(code_width, width)
        self.register_buffer("usage", torch.zeros(size), persistent=False)  # so the first batch is the first codebook
        self.register_load_state_dict_post_hook(_count_as_used)  # type: ignore[no-untyped-call]

    def nearest(self, low: Tensor) -> Tensor:
        """(..., code_width) -> int64 (...)."""
        # For vectors of length one the nearest has the greatest dot product.
        return (F.normalize(low, dim=-1) @ F.normalize(self.codes.weight, dim=-1).T).argmax(-1)

    def decode(self, ids: Tensor) -> Tensor:
        """int64 (...) -> (..., D)."""
        out: Tensor = self.up(self.codes(ids))
        return out

    @torch.no_grad()
    def revive(self, low: Tensor, ids: Tensor, rate: float = 0.99, least: float = 0.02) -> None:
        """Track how often codes are used; put those hardly used where something was just encoded."""
        counts = torch.bincount(ids.flatten(), minlength=self.usage.shape[0]).to(self.usage)
        expected = ids.numel() / self.usage.shape[0]
        self.usage.mul_(rate).add_(counts / expected, alpha=1 - rate)
        dead = (self.usage < least).nonzero().squeeze(-1)
        if dead.numel():
            seen = low.flatten(0, -2)
            chosen = torch.randint(seen.shape[0], (dead.numel(),), device=seen.device)
            self.codes.weight[dead] = seen[chosen].to(self.codes.weight)
            self.usage[dead] = 0.2


def _count_as_used(level: CodebookLevel, _: object) -> None:
    """A codebook that was loaded is not to be replaced by what the first batch brings."""
    if not level.usage.any():
        level.usage.fill_(1.0)


class ResidualQuantizer(nn.Module):
    """Q levels, each quantising what the ones before left over."""

    def __init__(self, width: int, levels: int, size: int, code_width: int) -> None:
        super().__init__()
        self.levels = Stack(CodebookLevel(width, size, code_width) for _ in range(levels))

    def forward(self, latent: Tensor, used: Tensor | None = None) -> QuantizerOutput:
        """latent float32 (B, T, D); used int64 (B,): levels kept in each row (quantiser dropout), None for all."""
        residual, total = latent, torch.zeros_like(latent)
        codes, codebook_loss, commitment_loss = [], latent.new_zeros(()), latent.new_zeros(())
        for number, level in enumerate(self.levels):
            low = level.down(residual)
            ids = level.nearest(low)
            near = level.codes(ids)
            if self.training:
                level.revive(low, ids)
            codebook_loss = codebook_loss + F.mse_loss(near, low.detach())
            commitment_loss = commitment_loss + F.mse_loss(low, near.detach())
            found = level.up(low + (near - low).detach())
            residual = residual - found
            kept = found if used is None else found * (used > number).view(-1, 1, 1).to(found.dtype)
            total = total + kept
            codes.append(ids)
        return QuantizerOutput(total, torch.stack(codes, dim=-1), codebook_loss, commitment_loss)

    @torch.no_grad()
    def encode(self, latent: Tensor) -> Tensor:
        """(B, T, D) -> codes int64 (B, T, Q)."""
        residual, codes = latent, []
        for level in self.levels:
            codes.append(level.nearest(level.down(residual)))
            residual = residual - level.decode(codes[-1])
        return torch.stack(codes, dim=-1)

    def decode(self, codes: Tensor, used: Tensor | None = None) -> Tensor:
        """codes int64 (B, T, Q); used int64 (B,): levels kept in each row, None for all -> (B, T, D)."""
        parts = torch.stack([level.decode(codes[..., number]) for number, level in enumerate(self.levels)])
        if used is not None:
            parts = parts * (used > torch.arange(len(self.levels), device=used.device).unsqueeze(1))[..., None, None]
        return parts.sum(0)
