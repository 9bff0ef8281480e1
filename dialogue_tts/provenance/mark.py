"""Marking sound: a time-varying filter, the same for every sound, that needs nothing of what comes later."""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from scipy import fft

from dialogue_tts.config import strict
from dialogue_tts.errors import SettingsError
from dialogue_tts.provenance.pattern import CHIP, TAPS, filters, pattern

MOST_OPERATORS = 256  # a byte
FADE = CHIP  # samples over which one chip's filter gives way to the next one's: as gently as can be
SPAN = FADE + CHIP  # samples of sound that a chip's filter hears
SILENT = 1e-7  # below are the transforms' own roundings: silence stays silence
REACH = -(-(SPAN + TAPS) // CHIP)  # chips that its answer reaches over


@strict
class Mark:
    """What the mark says: which bundle made the sound, and who runs it.

    Attributes:
        bundle: the first byte of a hash, see `bundle_code`; one bundle in 256 has the same.
        operator: 0 to 255; 0 where nobody said who.

    Raises:
        SettingsError: a number is out of range.
    """

    bundle: int
    operator: int = 0

    def __post_init__(self) -> None:
        for name, value in (("bundle", self.bundle), ("operator", self.operator)):
            if not 0 <= value < MOST_OPERATORS:
                raise SettingsError(f"{name} {value} is out of range; a mark holds 0 to {MOST_OPERATORS - 1}.")

    @property
    def message(self) -> int:
        """The 16 bits."""
        return self.bundle | self.operator << 8

    @classmethod
    def of_message(cls, message: int) -> Mark:
        """What 16 bits say."""
        return cls(message & 255, message >> 8)

    def made_by(self, name: str, sha256: str) -> Mark:
        """What another bundle made, and the same operator hands on."""
        return Mark(bundle_code(name, sha256), self.operator)

    def applied(self, wave: np.ndarray) -> np.ndarray:
        """A whole sound, float32 (samples,) at 24 kHz, from its beginning -> the same with the mark in it."""
        return Marker(self).add(wave)


def bundle_code(name: str, sha256: str) -> int:
    """The byte that stands for a bundle: of the hash of its list of checksums, or of its name if it was never saved."""
    return hashlib.sha256((sha256 or name).encode()).digest()[0]


class Marker:
    """Marks a sound piece by piece: as much goes out as comes in, and pieces of one sound must come in order.

    What would rise above full scale is cut there.
    """

    def __init__(self, mark: Mark) -> None:
        self._responses = _responses(mark.message)
        self._at = 0  # samples so far
        self._rest = np.zeros(0, np.float32)  # what filters still answer to sound that is over

    @classmethod
    def of_signs(cls, signs: np.ndarray) -> Marker:
        """One with any pattern, (chips, BANDS) of {-1, 1}, over and over: what a detector learns from."""
        marker = cls(Mark(0))
        marker._responses = _spectra(signs)
        return marker

    def add(self, wave: np.ndarray) -> np.ndarray:
        """float32 (samples,) -> float32 (samples,)"""
        if not wave.size:
            return wave
        first = self._at // CHIP  # the chip whose filter hears the first sample
        start = first * CHIP - FADE  # a chip fades in before it begins
        count = (self._at + wave.size + FADE - 1) // CHIP - first + 1
        heard = np.zeros((count - 1) * CHIP + SPAN, np.float32)
        heard[self._at - start : self._at - start + wave.size] = wave
        pieces = np.lib.stride_tricks.sliding_window_view(heard, SPAN)[::CHIP] * _fades()
        spectra = (
            fft.rfft(pieces, REACH * CHIP, axis=1)
            * self._responses[np.arange(first, first + count) % len(self._responses)]
        )
        answers = fft.irfft(spectra, REACH * CHIP, axis=1).reshape(count, REACH, CHIP)
        whole = np.zeros((count + REACH - 1, CHIP), np.float32)
        for later in range(REACH):
            whole[later : later + count] += answers[:, later]
        marked = whole.reshape(-1)[self._at - start :]
        marked[: self._rest.size] += self._rest
        self._at += wave.size
        self._rest = marked[wave.size : wave.size + TAPS].copy()
        final = np.clip(marked[: wave.size], -1, 1)
        final[np.abs(final) < SILENT] = 0
        return final


@cache
def _fades() -> np.ndarray:
    """(SPAN,): up, stay, down; neighbours add up to one."""
    rising = 0.5 - 0.5 * np.cos(np.pi * (np.arange(FADE) + 0.5) / FADE)
    return np.concatenate([rising, np.ones(CHIP - FADE), rising[::-1]]).astype(np.float32)


@cache
def _responses(message: int) -> np.ndarray:
    """complex64 (CHIPS, REACH * CHIP // 2 + 1)"""
    return _spectra(pattern(message))


def _spectra(signs: np.ndarray) -> np.ndarray:
    """(chips, BANDS) -> what the chips' filters answer, complex64 (chips, REACH * CHIP // 2 + 1)"""
    return np.asarray(fft.rfft(filters(signs), REACH * CHIP, axis=1), np.complex64)
