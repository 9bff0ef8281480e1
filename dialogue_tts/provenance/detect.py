"""Finding the mark: the sound's tiles, freed of what speech itself does, against all messages at every offset and speed.

A tile's level is compared with those beside it in time and frequency, and counts the less the nearer it is to the band's
noise floor. What is left is folded at the mark's period, and correlated with all code words at once (fast Hadamard
transform). Each correlation is divided by the size of what was correlated, so that for sound without a mark they are those of
a random direction, whatever the sound: thresholds come from theory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import fft, ndimage, special

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.provenance.pattern import BANDS, BYTES, CHIP, CHIPS, SIGNS, band_edges, code_words, tiles

RATE_HZ = 8_000  # of the sound that is looked through: all of the mark is in it
HOP, WINDOW, FFT = 64, 256, 512  # samples at that rate
STEPS = CHIP * RATE_HZ // (SAMPLE_RATE_HZ * HOP)  # offsets tried in a chip
PERIOD = CHIPS * STEPS
SPEED_STEP, SPEED_STEPS = 0.01, 6  # +-6 %
WINDOW_S = 3.0  # of sound looked at together, where nothing else is asked for
SHORTEST_S = 1.0  # less cannot be told
FALSE_ALARMS = 1e-3
NEIGHBOURS = 3  # bands on each side
AROUND, NEAR = 21, 5  # frames: what a tile is compared with, and what its noise is judged by
MOST_DB = 8.0  # that a tile counts
NOISE = (0.15, 3.0)  # the floor: this quantile of a band's levels, times so much


@dataclass(frozen=True)
class Speed:
    """How a sound was changed: chips pass `tempo` times as fast, and bands lie `pitch` times as high."""

    tempo: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True)
class Found:
    """The likeliest message of a window.

    Attributes:
        chance: that a window without a mark would look as much like one, at most; all offsets and speeds tried are in it.
        mark: what it says, if it is one.
        speed: at which it was found.
    """

    chance: float
    mark: Mark
    speed: Speed

    @property
    def sure(self) -> bool:
        """It is one: of a thousand windows without a mark, one would be taken for marked."""
        return self.chance < FALSE_ALARMS


@cache
def speeds() -> tuple[Speed, ...]:
    """All that are tried: none first, then played faster or slower, then with the pitch kept."""
    others = [1 + SPEED_STEP * step for step in range(-SPEED_STEPS, SPEED_STEPS + 1) if step]
    return (Speed(), *(Speed(s, s) for s in others), *(Speed(s, 1.0) for s in others))


def find_mark(wave: np.ndarray, tried: tuple[Speed, ...] | None = None) -> Found:
    """The likeliest message of a window, float32 (samples,) at RATE_HZ.

    Args:
        tried: speeds to look at; by default all, but no more once one is sure.
    """
    tried = speeds() if tried is None else tried
    power = _power(wave)
    best: tuple[float, int, Speed] = (0.0, 0, tried[0])
    for pitch, tempos in _by_pitch(tried):
        levels = _levels(power, pitch)
        for tempo in tempos:
            score, message = _best_message(_folded(levels, tempo))
            best = max(best, (score, message, Speed(tempo, pitch)), key=lambda one: one[0])
        if _chance(best[0], len(tried)) < FALSE_ALARMS / 10:
            break
    return Found(_chance(best[0], len(tried)), Mark.of_message(best[1]), best[2])


def _by_pitch(tried: tuple[Speed, ...]) -> Iterator[tuple[float, list[float]]]:
    """What needs the same spectrum, together; a single speed that comes first stays first."""
    yield tried[0].pitch, [tried[0].tempo]
    rest: dict[float, list[float]] = {}
    for speed in tried[1:]:
        rest.setdefault(speed.pitch, []).append(speed.tempo)
    yield from rest.items()


def _power(wave: np.ndarray) -> np.ndarray:
    """(samples,) -> power spectra (frames, FFT // 2 + 1), a frame every HOP"""
    padded = np.pad(np.asarray(wave, np.float32), WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * np.hanning(WINDOW + 1)[:-1].astype(
        np.float32
    )
    spectra = fft.rfft(frames, FFT, axis=1)
    return np.asarray(spectra.real**2 + spectra.imag**2)


@cache
def _bands(pitch: float) -> np.ndarray:
    """(FFT // 2 + 1, BANDS): which lines of the spectrum a band is"""
    hz = np.arange(FFT // 2 + 1)[:, None] * RATE_HZ / FFT / pitch
    edges = band_edges()
    return np.asarray((hz >= edges[:-1]) & (hz < edges[1:]), np.float32)


def _levels(power: np.ndarray, pitch: float) -> np.ndarray:
    """Power spectra -> (BANDS, frames): by how many dB a band is louder than those around it, weighed"""
    energy = (power @ _bands(pitch)).T
    decibels = 10 * np.log10(energy + max(float(np.quantile(energy, 0.95)) * 1e-5, 1e-20))
    level = decibels - ndimage.convolve1d(decibels, _smooth(AROUND), axis=1, mode="nearest")
    level -= ndimage.uniform_filter1d(level, 2 * NEIGHBOURS + 1, axis=0, mode="nearest")
    quantile, times = NOISE
    floor = times * np.quantile(energy, quantile, axis=1, keepdims=True)
    around = ndimage.convolve1d(energy, _smooth(NEAR), axis=1, mode="nearest")
    return np.asarray(np.clip(level, -MOST_DB, MOST_DB) * np.clip(1 - floor / (around + 1e-20), 0, 1), np.float32)


@cache
def _smooth(size: int) -> np.ndarray:
    window = np.hanning(size + 2)[1:-1]
    return np.asarray(window / window.sum())


def _folded(levels: np.ndarray, tempo: float) -> np.ndarray:
    """(BANDS, frames) -> (BANDS, PERIOD): the sum of all periods, at the mark's own speed"""
    at = np.arange(int((levels.shape[1] - 1) * tempo)) / tempo
    before, part = at.astype(int), (at % 1).astype(np.float32)
    even = levels[:, before] * (1 - part) + levels[:, before + 1] * part
    even = np.pad(even, ((0, 0), (0, -even.shape[1] % PERIOD)))
    return np.asarray(even.reshape(BANDS, -1, PERIOD).sum(axis=1))


@cache
def _tiles_by_sign() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(bands, places in the folded sound for each offset, own signs, where each sign's tiles begin), tiles in order of signs"""
    which, own = (one.reshape(-1) for one in tiles())
    order = np.argsort(which, kind="stable")
    chips, bands = order // BANDS, order % BANDS
    places = (chips * STEPS + np.arange(PERIOD)[:, None]) % PERIOD
    return bands, places, own[order].astype(np.float32), np.searchsorted(which[order], np.arange(BYTES * SIGNS))


def _best_message(folded: np.ndarray) -> tuple[float, int]:
    """(BANDS, PERIOD) -> how much it looks like its likeliest message at its likeliest offset, and that message"""
    bands, places, own, begins = _tiles_by_sign()
    sums = np.add.reduceat(folded[bands, places] * own, begins, axis=1).reshape(PERIOD, BYTES, SIGNS)
    size = np.sqrt(np.square(sums).mean(axis=2, keepdims=True)) * np.sqrt(SIGNS)
    likeness = sums @ code_words() / (size + 1e-20)
    score = np.abs(likeness).max(axis=2).sum(axis=1)
    offset = int(score.argmax())
    message = 0
    for part, row in enumerate(likeness[offset]):
        word = int(np.abs(row).argmax())
        message |= (word + (SIGNS if row[word] < 0 else 0)) << 8 * part
    return float(score[offset]), message


def _chance(score: float, speeds_tried: int) -> float:
    """That sound without a mark reaches a score somewhere, at most: the sum over all offsets and speeds."""
    grid, beyond = _beyond()
    return float(min(1.0, PERIOD * speeds_tried * np.interp(score, grid, beyond)))


@cache
def _beyond() -> tuple[np.ndarray, np.ndarray]:
    """Scores, and how often the sum of the largest of SIGNS normal variables' sizes, one for each byte, is above."""
    grid = np.linspace(0, 12, 2401)
    below = (1 - 2 * special.ndtr(-grid)) ** SIGNS
    density = np.diff(below, prepend=0.0)
    both = np.convolve(density, density)
    return np.linspace(0, 24, both.size), np.cumsum(both[::-1])[::-1]
