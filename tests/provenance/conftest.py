"""Sound that is rich enough to be marked: noise with the spectrum and the pauses of speech."""

from __future__ import annotations

import numpy as np
import pytest

from dialogue_tts.config import SAMPLE_RATE_HZ


@pytest.fixture(scope="session")
def speech() -> np.ndarray:
    """float32 (samples,), 8 s at 24 kHz."""
    drawn = np.random.default_rng(5).standard_normal(8 * SAMPLE_RATE_HZ)
    spectrum = np.fft.rfft(drawn)
    hz = np.fft.rfftfreq(drawn.size, 1 / SAMPLE_RATE_HZ)
    wave = np.fft.irfft(spectrum / (1 + (hz / 700) ** 2), drawn.size)
    seconds = np.arange(drawn.size) / SAMPLE_RATE_HZ
    wave *= np.clip(0.6 + np.sin(2 * np.pi * 1.3 * seconds), 0.02, 1)
    return np.asarray(0.1 * wave / wave.std(), np.float32)
