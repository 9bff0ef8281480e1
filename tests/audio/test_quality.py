"""What is measured of recordings, against signals that were made to have it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from dialogue_tts.audio.quality import bandwidth_hz, clipped_share, decay_s

RATE_HZ = 24_000


def noise(seconds: float, seed: int = 0) -> Tensor:
    return 0.1 * torch.randn(round(seconds * RATE_HZ), generator=torch.Generator().manual_seed(seed))


def bursts(ring_s: float) -> Tensor:
    """Syllables of noise, whose sound then falls by 60 dB in that time."""
    at = torch.arange(round(0.6 * RATE_HZ)) / RATE_HZ
    envelope = torch.where(at < 0.15, torch.ones(()), 10 ** (-3 * (at - 0.15) / ring_s))
    return noise(6.0) * envelope.repeat(10) + 0.001 * noise(6.0, seed=1)


@pytest.mark.parametrize("ring_s", [0.3, 0.5, 1.0])
def test_the_ringing_of_a_room_is_found(ring_s: float) -> None:
    assert decay_s(bursts(ring_s), RATE_HZ) == pytest.approx(ring_s, rel=0.25)


def test_of_a_steady_sound_no_room_is_told() -> None:
    tone = torch.sin(2 * math.pi * 250 * torch.arange(3 * RATE_HZ) / RATE_HZ)
    assert decay_s(tone, RATE_HZ) is None and decay_s(tone[:1000], RATE_HZ) is None


@pytest.mark.parametrize("hz", [3400.0, 8000.0])
def test_the_band_ends_where_it_was_cut(hz: float) -> None:
    spectrum = torch.fft.rfft(noise(2.0))
    spectrum[round(hz * 2.0) :] = 0
    assert bandwidth_hz(torch.fft.irfft(spectrum), RATE_HZ) == pytest.approx(hz, rel=0.06)


def test_a_whole_band_reaches_the_end() -> None:
    assert bandwidth_hz(noise(1.0), RATE_HZ) > 11_800 and bandwidth_hz(torch.zeros(RATE_HZ), RATE_HZ) == 0


def test_flat_tops_are_counted() -> None:
    tone = torch.sin(2 * math.pi * 100 * torch.arange(RATE_HZ) / RATE_HZ)
    assert clipped_share((3 * tone).clamp(-1, 1)) > 0.7 and clipped_share(noise(1.0)) == 0
