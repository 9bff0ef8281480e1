"""What hears the mark in single tiles: a small convolutional network over a sound's spectrum, four sub-bands to a band.

What speech does by itself is the noise that the mark hides in. How loud a tile would be without the mark can be told in part
from what lies around it: a harmonic that goes through, a vowel that fades, a floor of noise. The network learns that from
marked recordings that went through noise, music and coders, and says for each tile whether it is louder or softer than it was,
as a log-likelihood ratio: near 0 where it cannot tell. It is trained on random patterns, so it knows nothing of messages.
`dialogue_tts/training/mark_network.py` trains it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from scipy import fft
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.provenance.pattern import BANDS, HIGHEST_HZ, LOWEST_HZ

RATE_HZ = 8_000  # of the sound that is looked through: all of the mark is in it
HOP, WINDOW, FFT = 64, 256, 512  # samples at that rate
SUB_BANDS = 4  # of a band; a band more on each side is heard, too
HEARD = SUB_BANDS * (BANDS + 2)
CHANNELS, DILATIONS = 20, (1, 2, 4, 8, 2, 1)  # it hears 0.3 s to each side, less than the mark's period
LOUD, SOFTEST = 0.95, 1e-6  # levels are relative to this quantile's, and counted down to so much of its energy
WEIGHTS = Path(__file__).with_name("mark_network.safetensors")


class MarkNetwork(nn.Module):
    """See above; two frames are one in between, which halves the work."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(1, CHANNELS, (3 * SUB_BANDS, 6), (SUB_BANDS, 2), (0, 2))
        self.place = nn.Parameter(torch.zeros(CHANNELS, BANDS, 1))  # bands differ in what speech does there
        self.blocks = nn.ModuleList(
            nn.Conv2d(CHANNELS, CHANNELS, 3, padding=(1, dilation), dilation=(1, dilation)) for dilation in DILATIONS
        )
        self.leave = nn.Conv2d(CHANNELS, 2, 1)

    def forward(self, levels: Tensor) -> Tensor:
        """(B, HEARD, T) as of `levels_of` -> (B, BANDS, T): log-likelihood ratios of louder against softer"""
        frames = levels.shape[2]
        hidden = self.enter(F.pad(levels, (0, frames % 2))[:, None]) + self.place
        for block in self.blocks:
            hidden = hidden + block(F.relu(hidden))
        both = self.leave(F.relu(hidden))  # (B, 2, BANDS, T / 2)
        return torch.stack(both.unbind(1), -1).flatten(2)[:, :, :frames]


@cache
def mark_network() -> MarkNetwork:
    """The trained one, on the CPU."""
    network = MarkNetwork()
    network.load_state_dict(load_file(WEIGHTS))
    return network.eval().requires_grad_(False)


def power_of(wave: np.ndarray) -> np.ndarray:
    """(samples,) -> power spectra (frames, FFT // 2 + 1), a frame every HOP, the first around the first sample"""
    padded = np.pad(np.asarray(wave, np.float32), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW + 1)[:-1].astype(
        np.float32
    )
    spectra = fft.rfft(frames, FFT, axis=1)
    return np.asarray(spectra.real**2 + spectra.imag**2)


def levels_of(power: np.ndarray, pitch: float = 1.0) -> np.ndarray:
    """Power spectra -> float32 (HEARD, frames): levels of sub-bands in 10 dB, those of a sound played `pitch` times as high"""
    energy = (power @ _sub_bands(pitch)).T
    loud = max(float(np.quantile(energy, LOUD)), 1e-20)
    return np.asarray(np.log10(energy / loud + SOFTEST), np.float32)


@cache
def _sub_bands(pitch: float) -> np.ndarray:
    """(FFT // 2 + 1, HEARD): how much of a line of the spectrum is in a sub-band"""
    band, line = (HIGHEST_HZ - LOWEST_HZ) / BANDS, RATE_HZ / FFT
    edges = np.linspace(LOWEST_HZ - band, HIGHEST_HZ + band, HEARD + 1) * pitch / line
    lines = np.arange(FFT // 2 + 1)[:, None]
    upper, lower = np.minimum(lines + 0.5, edges[1:]), np.maximum(lines - 0.5, edges[:-1])
    return np.asarray(np.clip(upper - lower, 0, None), np.float32)
