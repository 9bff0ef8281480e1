"""Finding the mark: what a network hears in the sound's tiles, against all messages at every offset and speed.

The network's log-likelihood ratios are folded at the mark's period, and correlated with all code words at once (fast Hadamard
transform). Each correlation is divided by the size of what was correlated, so that for sound without a mark they are sums with
random signs, the key's, whatever the sound and the network: thresholds come from theory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy import special

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.provenance.network import HOP, RATE_HZ, levels_of, mark_network, power_of
from dialogue_tts.provenance.pattern import BANDS, BYTES, CHIP, CHIPS, SIGNS, code_words, tiles

STEPS = CHIP * RATE_HZ // (SAMPLE_RATE_HZ * HOP)  # offsets tried in a chip
PERIOD = CHIPS * STEPS
SPEED_STEP, SPEED_STEPS = 0.01, 6  # +-6 %
WINDOW_S = 3.0  # of sound looked at together, where nothing else is asked for
SHORTEST_S = 1.0  # less cannot be told
FALSE_ALARMS = 1e-3
CLEAR = 1e-12  # a mark so sure is not looked for at other speeds; at a speed 2 % off one is found, but is less sure


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
        tried: speeds to look at; by default all, but no more once it is clear.
    """
    tried = speeds() if tried is None else tried
    power = power_of(wave)
    best = Found(1.0, Mark(0), tried[0])
    for pitch, tempos in _by_pitch(tried):
        ratios = _ratios(power, pitch)
        for tempo in tempos:
            score, message = _best_message(_folded(ratios, tempo))
            speed = Speed(tempo, pitch)
            chance = _chance(score, 1 if len(tried) == 1 else 2 if speed == tried[0] else 2 * (len(tried) - 1))
            best = min(best, Found(chance, Mark.of_message(message), speed), key=lambda one: one.chance)
        if best.chance < CLEAR:
            break
    return best


def _by_pitch(tried: tuple[Speed, ...]) -> Iterator[tuple[float, list[float]]]:
    """What needs the same spectrum, together; a single speed that comes first stays first."""
    yield tried[0].pitch, [tried[0].tempo]
    rest: dict[float, list[float]] = {}
    for speed in tried[1:]:
        rest.setdefault(speed.pitch, []).append(speed.tempo)
    yield from rest.items()


def _ratios(power: np.ndarray, pitch: float) -> np.ndarray:
    """Power spectra -> (BANDS, frames): log-likelihood ratios of louder against softer"""
    with torch.inference_mode():
        return np.asarray(mark_network()(torch.from_numpy(levels_of(power, pitch))[None])[0])


def _folded(ratios: np.ndarray, tempo: float) -> np.ndarray:
    """(BANDS, frames) -> (BANDS, PERIOD): the sum of all periods, at the mark's own speed"""
    at = np.arange(int((ratios.shape[1] - 1) * tempo)) / tempo
    before, part = at.astype(int), (at % 1).astype(np.float32)
    even = ratios[:, before] * (1 - part) + ratios[:, before + 1] * part
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


def _chance(score: float, share: int) -> float:
    """That sound without a mark reaches a score at some offset, at most, times `share`: of all that is tried, the first speed
    has half of the false alarms, since most sound is not played faster, and all others have the other half together."""
    grid, beyond = _beyond()
    return float(min(1.0, PERIOD * share * np.interp(score, grid, beyond)))


@cache
def _beyond() -> tuple[np.ndarray, np.ndarray]:
    """Scores, and how often the sum of the largest of SIGNS normal variables' sizes, one for each byte, is above.

    The tail of a sum of given numbers with random signs is at most a normal variable's (Hoeffding's inequality); a random
    direction's is lighter, and so light was not what keys drawn by chance found.
    """
    grid = np.linspace(0, 12, 2401)
    largest = -np.expm1(SIGNS * np.log1p(-np.minimum(2 * special.ndtr(-grid), 1 - 1e-16)))
    density = -np.diff(largest, append=0.0)
    both = np.convolve(density, density)
    return np.linspace(0, 2 * grid[-1], both.size), np.cumsum(both[::-1])[::-1]
