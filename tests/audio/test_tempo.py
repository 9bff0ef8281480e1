"""The tempo of a sound, changed at the same pitch."""

from __future__ import annotations

import numpy as np
import pytest

from dialogue_tts.audio.tempo import at_tempo

RATE_HZ = 24_000


def buzz(hz: float, seconds: float = 2.0) -> np.ndarray:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.1 * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))).astype(np.float32)


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.9, 1.3, 2.0, 4.0])
@pytest.mark.parametrize("hz", [90.0, 137.0, 300.0])
def test_pitch_and_loudness_stay(hz: float, speed: float) -> None:
    wave = buzz(hz)
    heard = at_tempo(wave, speed, RATE_HZ)
    assert len(heard) == round(len(wave) / speed) and heard.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 1 << 19))
    assert np.argmax(spectrum) * RATE_HZ / (1 << 19) == pytest.approx(hz, abs=1)
    assert heard[500:-500].std() == pytest.approx(wave.std(), rel=0.02)
    assert np.abs(np.diff(heard)).max() < 1.1 * np.abs(np.diff(wave)).max()  # no clicks


def test_what_comes_late_still_comes_late() -> None:
    wave = np.concatenate([buzz(120, 1), np.zeros(RATE_HZ, np.float32), 3 * buzz(120, 1)])
    heard = at_tempo(wave, 2.0, RATE_HZ)
    thirds = [part.std() for part in np.split(heard, 3)]
    assert thirds[1] < 0.2 * thirds[0] and thirds[2] == pytest.approx(3 * thirds[0], rel=0.1)


def test_own_tempo_is_the_sound_itself() -> None:
    wave = buzz(120)
    assert at_tempo(wave, 1.0, RATE_HZ) is wave


@pytest.mark.parametrize("samples", [0, 1, 5, 100, 719, 720, 2000])
def test_the_shortest_sounds(samples: int) -> None:
    wave = buzz(120)[:samples]
    for speed in (0.25, 1.5, 4.0):
        heard = at_tempo(wave, speed, RATE_HZ)
        assert len(heard) == round(samples / speed) and np.isfinite(heard).all()
