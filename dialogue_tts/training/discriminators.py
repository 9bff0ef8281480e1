"""Critics of the codec's waves: over periods (Kong et al. 2020, arXiv 2010.05646) and over complex STFTs (Défossez et al.
2022, arXiv 2210.13438, section 3.4), both slim enough for CPUs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from dialogue_tts.audio.signal import stft
from dialogue_tts.config import strict

LOUDER = 5.0  # speech at -22 dB reaches the discriminators at about -8: with faint inputs they learn for hours before they tell
COMPRESSION = 0.3  # magnitudes to this power (Braun & Tashev 2020, arXiv 2009.12286): faint highs count as loud lows do


@strict
class DiscriminatorConfig:
    """Sizes of the discriminators.

    Attributes:
        periods, period_channels: one critic a period, that looks at every period-th sample.
        windows, spectrum_channels: one critic a window of the STFT, which hops by a quarter.
    """

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    period_channels: tuple[int, ...] = (8, 32, 96, 192)
    windows: tuple[int, ...] = (480, 960, 1920)
    spectrum_channels: int = 16


class Judgement(NamedTuple):
    """What one critic says."""

    score: Tensor  # (B, ...) high for recordings
    features: list[Tensor]  # activations of its layers


class PeriodCritic(nn.Module):
    """Folds the wave into rows of `period` samples and looks down the columns."""

    def __init__(self, period: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.period = period
        sizes = (1, *channels)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(a, b, (5, 1), (3, 1), padding=(2, 0))) for a, b in zip(sizes, sizes[1:])
        )
        self.last = weight_norm(nn.Conv2d(sizes[-1], 1, (3, 1), padding=(1, 0)))

    def forward(self, wave: Tensor) -> Judgement:
        """wave (B, samples)."""
        x = F.pad(LOUDER * wave, (0, -wave.shape[-1] % self.period)).unflatten(-1, (-1, self.period)).unsqueeze(1)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return Judgement(self.last(x), features)


class SpectrumCritic(nn.Module):
    """2-D convolutions over real part, imaginary part and magnitude of an STFT.

    The magnitude is shown besides, since two layers would go into finding it, and blurred harmonics are seen there first.
    """

    def __init__(self, window: int, channels: int) -> None:
        super().__init__()
        self.window = window
        self.layers = nn.ModuleList(
            [
                weight_norm(nn.Conv2d(3, channels, (7, 3), (2, 1), padding=(3, 1))),
                weight_norm(nn.Conv2d(channels, channels, (7, 3), (2, 1), padding=(3, 1))),
                weight_norm(nn.Conv2d(channels, channels, (7, 3), (2, 1), padding=(3, 1))),
                weight_norm(nn.Conv2d(channels, channels, (5, 3), (2, 1), padding=(2, 1))),
            ]
        )
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> Judgement:
        """wave (B, samples)."""
        spectrum = stft(LOUDER * wave, self.window, self.window // 4) / self.window**0.5
        x = torch.stack([spectrum.real, spectrum.imag], dim=1)
        power = x.square().sum(1, keepdim=True) + 1e-8
        x = torch.cat([x * power ** ((COMPRESSION - 1) / 2), power ** (COMPRESSION / 2)], dim=1)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return Judgement(self.last(x), features)


class Discriminators(nn.Module):
    """All discriminators."""

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(
            [
                *(PeriodCritic(period, config.period_channels) for period in config.periods),
                *(SpectrumCritic(window, config.spectrum_channels) for window in config.windows),
            ]
        )

    def forward(self, wave: Tensor) -> list[Judgement]:
        """wave (B, samples), samples a multiple of every window's quarter."""
        return [critic(wave) for critic in self.discriminators]


def discriminator_loss(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """Hinge loss, mean over discriminators."""
    terms = [F.relu(1 - r.score).mean() + F.relu(1 + m.score).mean() for r, m in zip(real, made, strict=True)]
    return torch.stack(terms).mean()


def adversarial_loss(made: list[Judgement]) -> Tensor:
    """What the decoder wants: high scores for what it made."""
    return torch.stack([-m.score.mean() for m in made]).mean()


def feature_loss(real: list[Judgement], made: list[Judgement]) -> Tensor:
    """L1 between the discriminators' activations, relative to their size."""
    terms = [
        relative_l1(a, b) for r, m in zip(real, made, strict=True) for a, b in zip(r.features, m.features, strict=True)
    ]
    return torch.stack(terms).mean()


def relative_l1(real: Tensor, made: Tensor) -> Tensor:
    """Mean distance of activations, as a share of their size; gradients flow into `made` only."""
    return (real.detach() - made).abs().mean() / real.detach().abs().mean().clamp_min(1e-4)
