"""Finite scalar quantisation (Mentzer et al. 2023, arXiv 2309.15505): a fixed grid, so no codebook can collapse."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class FiniteScalarQuantizer(nn.Module):
    """Each dimension is squashed and rounded to one of a few levels; their product is the codebook."""

    levels: Tensor  # (dims,) int64, a buffer
    places: Tensor  # (dims,) int64, a buffer: what a step on each dimension adds to the id

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.size = math.prod(levels)
        self.register_buffer("levels", torch.tensor(levels), persistent=False)
        places = [math.prod(levels[:i]) for i in range(len(levels))]
        self.register_buffer("places", torch.tensor(places), persistent=False)

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """latent (..., dims) -> (grid values in [-1, 1] with a straight-through gradient, ids int64 (...))."""
        steps = (self.levels - 1).to(latent.dtype)
        position = (self.unrounded(latent) + 1) / 2 * steps  # [0, levels - 1]
        nearest = position.round()
        ids = (nearest.long() * self.places).sum(-1)
        through = position + (nearest - position).detach()
        return through / steps * 2 - 1, ids

    def unrounded(self, latent: Tensor) -> Tensor:
        """Where latents lie between the grid's values: (..., dims) -> (..., dims) in [-1, 1]."""
        return torch.tanh(latent)

    def neighbours(self, ids: Tensor, steps: Tensor) -> Tensor:
        """Ids so many levels away on each dimension, at most as far as the edge: ids (...), steps (..., dims) int64."""
        digits = ids.unsqueeze(-1) // self.places % self.levels + steps
        return (digits.clamp_min(0).minimum(self.levels - 1) * self.places).sum(-1)

    def values(self, ids: Tensor) -> Tensor:
        """Grid values of ids: int64 (...) -> float32 (..., dims) in [-1, 1]."""
        digits = ids.unsqueeze(-1) // self.places % self.levels
        return digits.float() / (self.levels - 1) * 2 - 1
