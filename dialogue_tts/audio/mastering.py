"""One loudness for a whole programme, for where it goes, and what is measured of it. Waves are float32 (samples,)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from dialogue_tts.audio.loudness import CEILING_DB, LARGEST_GAIN_DB, limiting_gain, loudness, true_peak

BLOCK_S, CONTEXT_S = 30.0, 0.1  # the limiter works through long sounds in blocks, each with what is around it
ROUNDS = 3  # of level and limiter: what is limited gets quieter
FLOOR_S = 0.5  # the quietest stretch of that length is the noise floor
SILENT_DB = -120.0


@dataclass(frozen=True)
class Master:
    """How loud a programme is to be.

    Attributes:
        lufs: integrated loudness (ITU-R BS.1770); None where `rms_db` says it.
        ceiling_db: of true peaks. The mark comes later and may add a decibel, which is left for it.
    """

    lufs: float | None
    rms_db: float | None = None
    ceiling_db: float = -2.0


MASTERS = {
    "podcast": Master(-16.0),
    "broadcast": Master(-23.0),  # EBU R128
    "audiobook": Master(None, -20.0, -4.5),  # ACX: RMS of -23 to -18 dB, peaks up to -3 dB
}


@dataclass(frozen=True)
class Levels:
    """What is measured of a sound.

    Attributes:
        lufs: integrated loudness; peak_db: true peak; rms_db: of all of it; floor_db: RMS of its quietest half second.
    """

    lufs: float
    peak_db: float
    rms_db: float
    floor_db: float


def mastering_gain(wave: np.ndarray, sample_rate_hz: int, master: Master | None) -> np.ndarray:
    """What a programme has to be multiplied with, (samples,): one level, and less around peaks over the ceiling."""
    if master is None:
        return _limiting(wave, sample_rate_hz, CEILING_DB)
    level, gain = 1.0, np.ones(wave.size, np.float32)
    for _ in range(ROUNDS):
        now = wave * gain
        measured = rms_db(now) if master.lufs is None else loudness(torch.from_numpy(now), sample_rate_hz)
        wanted = master.rms_db if master.lufs is None else master.lufs
        if wanted is None or not math.isfinite(measured) or measured <= SILENT_DB:
            return np.ones(wave.size, np.float32)
        level = min(level * 10 ** ((wanted - measured) / 20), 10 ** (LARGEST_GAIN_DB / 20))
        gain = np.float32(level) * _limiting(wave * np.float32(level), sample_rate_hz, master.ceiling_db)
    return gain


def _limiting(wave: np.ndarray, sample_rate_hz: int, ceiling_db: float) -> np.ndarray:
    block, around = round(BLOCK_S * sample_rate_hz), round(CONTEXT_S * sample_rate_hz)
    gain = np.ones(wave.size, np.float32)
    for first in range(0, wave.size, block):
        begin, last = max(0, first - around), min(wave.size, first + block)
        found = limiting_gain(torch.from_numpy(wave[begin : last + around]), sample_rate_hz, ceiling_db)
        if found is not None:
            gain[first:last] = found.numpy()[first - begin : last - begin]
    return gain


def levels_of(wave: np.ndarray, sample_rate_hz: int) -> Levels:
    """Measure a sound."""
    block = round(BLOCK_S * sample_rate_hz)
    peak = max((true_peak(torch.from_numpy(wave[n : n + block])) for n in range(0, wave.size, block)), default=0.0)
    stretch = max(1, round(FLOOR_S * sample_rate_hz))
    count = wave.size // stretch
    stretches = np.square(wave[: count * stretch].reshape(count, stretch)).mean(axis=1) if count else np.square(wave)
    floor = 10 * math.log10(max(float(stretches.min(initial=1.0)), 1e-12))
    lufs = max(loudness(torch.from_numpy(wave), sample_rate_hz), SILENT_DB)
    return Levels(lufs, 20 * math.log10(max(peak, 1e-6)), rms_db(wave), floor)


def rms_db(wave: np.ndarray) -> float:
    """Of all of it, in dB of full scale."""
    power = float(np.square(wave, dtype=np.float64).mean()) if wave.size else 0.0
    return 10 * math.log10(max(power, 1e-12))
