"""The pattern of the mark: which band is a little louder or softer when, for each of 65,536 messages.

Time is cut into chips of 32 ms, the band of a telephone into 20 bands: a tile is one band for one chip. A period of 32 chips
repeats without end. Shorter chips are found more easily, but put noise between the harmonics of a voice. Each byte of a
message is a biorthogonal code word of 128 signs (a row of a Hadamard matrix, or its negative); each sign is spread over the
tiles that a keyed permutation gives it, times a keyed sign of their own (spread spectrum: Cox et al., "Secure spread spectrum
watermarking for multimedia", 1997). The key is public: it keeps tiles independent of sound, not secret.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np
from scipy.linalg import hadamard

from dialogue_tts.config import SAMPLE_RATE_HZ

KEY = b"dialogue-tts mark 1"
CHIP = 768  # samples at 24 kHz
CHIPS = 32  # in a period
LOWEST_HZ, HIGHEST_HZ, BANDS = 300.0, 3300.0, 20  # what a telephone lets through
SIGNS = 128  # of a byte's code word
BYTES = 2  # of a message
STRENGTH_DB = 1.7  # by so much a tile is louder or softer
EDGE_HZ = 50.0  # half of what a band's edge takes
TAPS = 256  # of a chip's filter
FFT = 2048


def band_edges() -> np.ndarray:
    """(BANDS + 1,) in Hz."""
    return np.linspace(LOWEST_HZ, HIGHEST_HZ, BANDS + 1)


@cache
def tiles() -> tuple[np.ndarray, np.ndarray]:
    """(which of the BYTES * SIGNS signs, own sign in {-1, 1}) of each tile, (CHIPS, BANDS) each."""
    count = CHIPS * BANDS
    drawn = np.frombuffer(hashlib.shake_256(KEY).digest(8 * count), "<u4").reshape(2, count)
    places = np.argsort(drawn[0], kind="stable") % (BYTES * SIGNS)
    return places.reshape(CHIPS, BANDS), (1 - 2 * (drawn[1] & 1).astype(np.int64)).reshape(CHIPS, BANDS)


@cache
def code_words() -> np.ndarray:
    """(SIGNS, SIGNS) of {-1, 1}: row i is the byte i's word, and its negative that of i + SIGNS."""
    return np.asarray(hadamard(SIGNS), np.float32)


def pattern(message: int) -> np.ndarray:
    """A message of 16 bits -> (CHIPS, BANDS) of {-1, 1}: louder or softer."""
    parts = [(message >> (8 * part)) & 255 for part in range(BYTES)]
    signs = np.concatenate([code_words()[part % SIGNS] * (1 - 2 * (part // SIGNS)) for part in parts])
    which, own = tiles()
    return np.asarray(signs[which] * own, np.float32)


def filters(signs: np.ndarray) -> np.ndarray:
    """Signs (chips, BANDS) -> float32 (chips, TAPS): minimum-phase filters, one a chip, that raise and lower the bands.

    Minimum phase, by the folded cepstrum (Oppenheim and Schafer, "Discrete-time signal processing", 13.5), so that nothing of
    a sound is marked before it is there: a stream needs no sound that comes later.
    """
    hz = np.arange(FFT // 2 + 1)[:, None] * SAMPLE_RATE_HZ / FFT
    rise = 0.5 + 0.5 * np.sin(np.pi / 2 * np.clip((hz - band_edges()) / EDGE_HZ, -1, 1))
    log_gain = STRENGTH_DB * np.log(10) / 20 * signs @ (rise[:, :-1] - rise[:, 1:]).T
    cepstrum = np.fft.irfft(log_gain, axis=1)
    cepstrum[:, 1 : FFT // 2] *= 2
    cepstrum[:, FFT // 2 + 1 :] = 0
    return np.asarray(np.fft.irfft(np.exp(np.fft.rfft(cepstrum, axis=1)), axis=1)[:, :TAPS], np.float32)
