"""Whose voice a stretch of acoustic tokens has: enough to tell a dialogue's speakers apart, at no cost."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.config import strict


@strict
class SpeakerEmbeddingConfig:
    """Size of the network.

    Attributes:
        latent_width: of the codec's latents.
        size: of a print.
    """

    latent_width: int = 320
    size: int = 64


class SpeakerEmbedding(nn.Module):
    """Mean and spread of the codec's latents over time (statistics pooling, Snyder et al. 2018, x-vectors), projected
    onto what tells voices apart."""

    centre: Tensor  # (2 * latent_width,), a buffer
    scale: Tensor  # (2 * latent_width,), a buffer

    def __init__(self, config: SpeakerEmbeddingConfig) -> None:
        super().__init__()
        self.config = config
        # Of the statistics, over many recordings.
        self.register_buffer("centre", torch.zeros(2 * config.latent_width))
        self.register_buffer("scale", torch.ones(2 * config.latent_width))
        self.project = nn.Linear(2 * config.latent_width, config.size)

    @staticmethod
    def statistics(latent: Tensor) -> Tensor:
        """Latents of the codec's quantiser, float32 (B, T, latent_width), T > 1 -> (B, 2 * latent_width)."""
        return torch.cat([latent.mean(1), latent.var(1).add(1e-6).sqrt()], dim=-1)

    def forward(self, latent: Tensor) -> Tensor:
        """Latents as in `statistics` -> prints (B, size) of length one: the cosine of two says how alike voices are."""
        return F.normalize(self.project((self.statistics(latent) - self.centre) / self.scale), dim=-1)
