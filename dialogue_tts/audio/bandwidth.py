"""Bandwidth extension: what a telephone took from a voice, put back as it may have been.

A prompt that holds no low and no high sounds makes a voice without them. A small network tells from the bands that a
telephone leaves how loud the others were, frame by frame and for the voice as a whole (after Jax and Vary: On artificial
bandwidth extension of telephone speech, Signal Processing 83, 2003). Above, spectral translation fills them: what is left,
moved up (Makhoul and Berouti: High-frequency regeneration in speech coding systems, ICASSP 1979). Below, what little came
through is raised. Bands that are there stay. `dialogue_tts/training/bandwidth.py` trains the network.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.audio.quality import bandwidth_hz
from dialogue_tts.audio.signal import istft, stft
from dialogue_tts.config import SAMPLE_RATE_HZ

NARROW_HZ = 6000.0  # a band that sounds dull
N_FFT, HOP = 1024, 240
HEARD_HZ = (250, 300, 350, *range(425, 2026, 100), *range(2175, 3076, 150), 3300)
LOW_HZ = (50, 100, 150, 200, 250, 350)
HIGH_HZ = (3300, 3700, 4200, 4800, 5500, 6300, 7200, 8200, 9400, 10800, 12000)
TOLD = len(LOW_HZ) + len(HIGH_HZ) - 2  # bands that may be missing
WIDTH, KERNEL, DILATIONS = 128, 5, (1, 2, 4, 8)
UNIT_DB, SOFTEST = 20.0, 1e-7  # of levels, which are relative to the loudest frames'
LOUD, MISSING_DB = 0.9, 3.0  # a quantile; a band that lies so far below what is told of it is missing
SPOKEN_DB = 20.0  # frames that are at most so far below the loud ones tell of the voice
MOST_DB = 40.0  # that anything is raised
MOVED_HZ = 1500.0  # width of the band that is moved up, over and over
WEIGHTS = Path(__file__).with_name("bandwidth.safetensors")


class BandNetwork(nn.Module):
    """(B, heard bands, T) -> (B, TOLD, T): levels in UNIT_DB, a frame every 10 ms.

    Dilated convolutions see .6 s; mean and spread over all spoken frames tell whose voice it is (after Desplanques et al.,
    arXiv 2005.07143, section 3.1).
    """

    def __init__(self) -> None:
        super().__init__()
        self.first = _convolution(len(HEARD_HZ) - 1, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(_convolution(WIDTH, dilation), nn.GELU(), nn.Conv1d(WIDTH, WIDTH, 1))
            for dilation in DILATIONS
        )
        self.voice = nn.Linear(2 * WIDTH, WIDTH)
        self.last = nn.Sequential(nn.Conv1d(WIDTH, WIDTH, 1), nn.GELU(), nn.Conv1d(WIDTH, TOLD, 1))

    def forward(self, levels: Tensor) -> Tensor:
        """levels: from `levels_of`, of the heard bands."""
        hidden = F.gelu(self.first(levels))
        for block in self.blocks:
            hidden = hidden + block(hidden)
        spoken = (under_loud(levels) > -SPOKEN_DB / UNIT_DB).float()
        count = spoken.sum(-1)
        mean = (hidden * spoken).sum(-1) / count
        variance = ((hidden - mean.unsqueeze(-1)).square() * spoken).sum(-1) / count
        found: Tensor = self.last(hidden + self.voice(torch.cat([mean, (variance + 1e-4).sqrt()], 1)).unsqueeze(-1))
        return found


def _convolution(channels: int, dilation: int) -> nn.Conv1d:
    padding = dilation * (KERNEL // 2)
    return nn.Conv1d(channels, WIDTH, KERNEL, padding=padding, padding_mode="replicate", dilation=dilation)


def under_loud(levels: Tensor) -> Tensor:
    """levels (B, bands, T) in UNIT_DB -> (B, 1, T): of each frame, beside the loud ones."""
    mean = levels.mean(1, keepdim=True)
    return mean - mean.quantile(LOUD, dim=-1, keepdim=True)


@cache
def band_network() -> BandNetwork:
    """The trained one, on the CPU."""
    network = BandNetwork()
    network.load_state_dict({name: weight.float() for name, weight in load_file(WEIGHTS).items()})
    return network.eval().requires_grad_(False)


def power_of(spectrum: Tensor) -> Tensor:
    """complex -> float32 of the same shape"""
    return spectrum.real.square() + spectrum.imag.square()


def loudness_of(power: Tensor) -> Tensor:
    """(B, N_FFT // 2 + 1, T) -> (B, 1, 1): of the loudest frames, in what a telephone leaves"""
    return band_energies(power, (LOW_HZ[-1], HIGH_HZ[0])).quantile(LOUD, dim=-1, keepdim=True).clamp_min(1e-20)


def band_energies(power: Tensor, edges: tuple[int, ...]) -> Tensor:
    """(B, N_FFT // 2 + 1, T) -> (B, bands, T): means of the lines between two edges"""
    return torch.stack([power[:, lines].mean(1) for lines in _lines(edges)], 1)


def levels_of(energies: Tensor, loudness: Tensor) -> Tensor:
    """In UNIT_DB."""
    return 10 / UNIT_DB * (energies / loudness + SOFTEST).log10()


def missing_energies(power: Tensor) -> Tensor:
    """(B, N_FFT // 2 + 1, T) -> (B, TOLD, T), low bands first"""
    return torch.cat([band_energies(power, LOW_HZ), band_energies(power, HIGH_HZ)], 1)


def _lines(edges: tuple[int, ...]) -> list[slice]:
    """Of a spectrum, in each band."""
    line = SAMPLE_RATE_HZ / N_FFT
    first = [-int(-edge // line) for edge in edges]
    return [slice(low, high) for low, high in zip(first, first[1:], strict=False)]


def is_narrow(wave: Tensor) -> bool:
    """Whether a recording, float32 (samples,), went through a telephone or the like."""
    return bandwidth_hz(wave, SAMPLE_RATE_HZ) < NARROW_HZ


def whole_band(wave: Tensor) -> Tensor:
    """A recording as a prompt is heard, float32 (frames * HOP,) at 24 kHz: extended where its band is narrow."""
    return extend_bandwidth(wave) if is_narrow(wave) else wave


@torch.inference_mode()
def extend_bandwidth(wave: Tensor) -> Tensor:
    """Speech with a narrow band -> with a whole one: float32 (frames * HOP,) at 24 kHz, of the same length, peaks below 1."""
    spectrum = stft(wave[None], N_FFT, HOP)
    power = power_of(spectrum)
    loudness = loudness_of(power)
    told = band_network()(levels_of(band_energies(power, HEARD_HZ), loudness))
    found = levels_of(missing_energies(power), loudness)
    loud = band_energies(power, HEARD_HZ).mean(1)[0] > loudness[0, 0] / 10
    missing = UNIT_DB * (told - found)[0, :, loud].mean(-1) > MISSING_DB
    wanted = loudness * 10 ** (told * UNIT_DB / 10)
    moved = _moved_up(spectrum)
    extended = spectrum.clone()
    sources = [spectrum] * (len(LOW_HZ) - 1) + [moved] * (len(HIGH_HZ) - 1)
    for band, (lines, source) in enumerate(zip(_lines(LOW_HZ) + _lines(HIGH_HZ), sources, strict=True)):
        if missing[band]:
            there = power_of(source[:, lines]).mean(1).clamp_min(1e-20)
            gain = (wanted[:, band] / there).sqrt().clamp_max(10 ** (MOST_DB / 20))
            extended[:, lines] = source[:, lines] * gain[:, None]
    whole = istft(extended, N_FFT, HOP)[0]
    return whole * (0.99 / whole.abs().max().clamp_min(0.99))


def _moved_up(spectrum: Tensor) -> Tensor:
    """The highest MOVED_HZ of what a telephone leaves, over and over above it; moved lines turn with their new frequency."""
    lines = torch.arange(spectrum.shape[1])
    start, width = _lines(HIGH_HZ)[0].start, round(MOVED_HZ * N_FFT / SAMPLE_RATE_HZ)
    source = torch.where(lines < start, lines, start - width + (lines - start) % width)
    turns = (lines - source)[:, None] * (HOP / N_FFT) * torch.arange(spectrum.shape[2])
    return spectrum[:, source] * torch.polar(torch.ones_like(turns), 2 * torch.pi * (turns % 1))
