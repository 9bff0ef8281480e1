"""Loudness against pyloudnorm, and the limiter against a finer interpolation than its own."""

from __future__ import annotations

import math

import numpy as np
import pyloudnorm
import pytest
import torch
from scipy.signal import resample_poly
from torch import Tensor

from dialogue_tts.audio.loudness import CEILING_DB, at_loudness, limited, loudness, true_peak

RATE_HZ = 24_000


def speechlike(seconds: float, seed: int = 0) -> Tensor:
    """Noise that comes in syllables."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    envelope = np.clip(np.sin(2 * np.pi * 3.1 * t), 0, None) * (np.sin(2 * np.pi * 0.4 * t) > -0.7)
    return torch.from_numpy((0.2 * envelope * rng.standard_normal(t.size)).astype(np.float32))


@pytest.mark.parametrize("seconds", [0.5, 1.0, 7.3])
def test_agrees_with_pyloudnorm(seconds: float) -> None:
    wave = speechlike(seconds)
    judged = pyloudnorm.Meter(RATE_HZ).integrated_loudness(wave.double().numpy())
    assert loudness(wave, RATE_HZ) == pytest.approx(judged, abs=0.3)


def test_a_sine_of_full_scale_is_as_loud_as_the_standard_says() -> None:
    t = torch.arange(4 * RATE_HZ) / RATE_HZ
    assert loudness(torch.sin(2 * torch.pi * 997 * t), RATE_HZ) == pytest.approx(-3.01, abs=0.1)


@pytest.mark.parametrize("gain", [0.1, 1.0, 4.0])
@pytest.mark.parametrize("target", [-23.0, -16.0])
def test_the_target_is_met(gain: float, target: float) -> None:
    made = at_loudness(gain * speechlike(4.0), RATE_HZ, target)
    assert pyloudnorm.Meter(RATE_HZ).integrated_loudness(made.double().numpy()) == pytest.approx(target, abs=0.7)


def test_a_short_turn_has_a_loudness_and_silence_has_none() -> None:
    assert loudness(speechlike(4.0)[2000:5000], RATE_HZ) > -40
    assert loudness(torch.zeros(RATE_HZ), RATE_HZ) == -math.inf == loudness(torch.zeros(0), RATE_HZ)
    assert not at_loudness(torch.zeros(3000), RATE_HZ, -16.0).any()
    faint = 1e-5 * speechlike(2.0)
    assert float(at_loudness(faint, RATE_HZ, -16.0).abs().max()) < 1e-3


def test_peaks_between_samples_count() -> None:
    wave = torch.sin(torch.pi / 2 * torch.arange(2000) + torch.pi / 4)  # samples at .71 of a sine of 1
    assert float(wave.abs().max()) < 0.71
    assert true_peak(wave[200:-200]) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_true_peaks_are_limited_and_the_rest_is_left_alone(seed: int) -> None:
    wave = 0.4 * speechlike(3.0, seed)
    wave[30_000:30_040] *= 14
    made = limited(wave, RATE_HZ)
    finer = resample_poly(made.double().numpy(), 16, 1)
    assert np.abs(finer).max() <= 10 ** (CEILING_DB / 20) * 1.02
    assert torch.equal(made[:29_700], wave[:29_700]) or float(wave.abs().max()) <= 10 ** (CEILING_DB / 20)
    assert made.shape == wave.shape and bool(made.isfinite().all())
    quiet = 0.1 * wave
    assert limited(quiet, RATE_HZ) is quiet
