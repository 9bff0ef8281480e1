"""Loudness after ITU-R BS.1770 and EBU R128, and a limiter for true peaks. Waves are float32 (samples,)."""

from __future__ import annotations

import math

import torch
import torchaudio
from torch import Tensor
from torch.nn import functional as F

CEILING_DB = -1.0  # true peak, in dB of full scale (EBU R128, section h)
OVERSAMPLING = 4
BLOCK_S = 0.4  # loudness is measured in blocks
LARGEST_GAIN_DB = 24.0  # near-silence is not blown up to speech
LOOK_AHEAD_S = 0.005


def loudness(wave: Tensor, sample_rate_hz: int) -> float:
    """Integrated loudness in LUFS; minus infinity for silence. What is shorter than a block is measured repeated."""
    block = math.ceil(BLOCK_S * sample_rate_hz)
    if wave.shape[0] < block:
        wave = wave.repeat(-(-block // max(1, wave.shape[0])))
    peak = float(wave.abs().max()) if wave.shape[0] else 0.0
    if peak == 0:
        return -math.inf
    # torchaudio's filters clip at full scale, which the boost of high frequencies would reach: measured at a quarter.
    measured = float(torchaudio.functional.loudness(wave[None] * (0.25 / peak), sample_rate_hz))
    return measured + 20 * math.log10(peak / 0.25) if math.isfinite(measured) else -math.inf


def true_peak(wave: Tensor) -> float:
    """Largest magnitude between samples too, linear, by four times oversampling."""
    return float(_between(wave).abs().max()) if wave.shape[0] else 0.0


def at_loudness(wave: Tensor, sample_rate_hz: int, target_lufs: float) -> Tensor:
    """The wave at that loudness, with its true peaks limited to CEILING_DB."""
    measured = loudness(wave, sample_rate_hz)
    if measured == -math.inf:
        return wave
    gain_db = min(target_lufs - measured, LARGEST_GAIN_DB)
    return limited(wave * 10 ** (gain_db / 20), sample_rate_hz)


def limited(wave: Tensor, sample_rate_hz: int) -> Tensor:
    """Turned down smoothly around true peaks over CEILING_DB; untouched where there are none."""
    gain = limiting_gain(wave, sample_rate_hz, CEILING_DB)
    return wave if gain is None else wave * gain


def limiting_gain(wave: Tensor, sample_rate_hz: int, ceiling_db: float) -> Tensor | None:
    """What turns a wave down around true peaks over a ceiling: (samples,); None where there are none."""
    ceiling = 10 ** (ceiling_db / 20)
    if true_peak(wave) <= ceiling:
        return None
    around = F.max_pool1d(_between(wave).abs()[None, None], 2 * OVERSAMPLING + 1, OVERSAMPLING, OVERSAMPLING)
    gain = (ceiling * 0.995 / around.clamp_min(1e-9)).clamp(max=1.0)[..., : wave.shape[0]]
    # The least gain within reach, then the mean of those: falls before the peak, and at the peak is low enough.
    side = round(LOOK_AHEAD_S * sample_rate_hz)
    least = -F.max_pool1d(-F.pad(gain, (2 * side, 2 * side), value=1.0), 2 * side + 1, 1)
    window = torch.hann_window(2 * side + 3, periodic=False)[1:-1]
    smooth: Tensor = F.conv1d(least, (window / window.sum())[None, None])[0, 0]
    return smooth


def _between(wave: Tensor) -> Tensor:
    """(samples,) -> (samples * OVERSAMPLING,)."""
    between: Tensor = torchaudio.functional.resample(wave, 1, OVERSAMPLING, lowpass_filter_width=12)
    return between
