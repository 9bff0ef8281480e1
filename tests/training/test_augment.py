"""Augmentations keep lengths and what they promise about levels."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from dialogue_tts.audio.pitch import pitch
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.training.augment import (
    add_noise,
    add_room,
    band_limit,
    change_rate,
    colour,
    degrade,
    set_level,
    shift_formants,
    through_coder,
)

SAME_LENGTH = [colour, add_noise, add_room, set_level, through_coder]
Augmentation = Callable[[Tensor, np.random.Generator], Tensor]


def _tone(hz: float = 180.0, frames: int = 15) -> Tensor:
    phase = 2 * torch.pi * hz * torch.arange(frames * HOP) / SAMPLE_RATE_HZ
    return 0.2 * (phase.sin() + (2 * phase).sin() / 2 + (3 * phase).sin() / 3)


def _rms(wave: Tensor) -> float:
    return float(wave.square().mean().sqrt())


@pytest.mark.parametrize("augment", SAME_LENGTH)
@pytest.mark.parametrize("samples", [15 * HOP, HOP + 1])
def test_length_and_type_stay(augment: Augmentation, samples: int) -> None:
    wave = _tone()[:samples]
    before = wave.clone()
    for seed in range(5):
        out = augment(wave, np.random.default_rng(seed))
        assert out.shape == (samples,) and out.dtype == torch.float32
        assert out.isfinite().all() and not torch.equal(out, wave)
    assert torch.equal(wave, before), "the input is left alone"


@pytest.mark.parametrize("augment", SAME_LENGTH)
def test_the_generator_decides(augment: Augmentation) -> None:
    first, again, other = (augment(_tone(), np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("augment", SAME_LENGTH)
def test_silence_stays_silence(augment: Augmentation) -> None:
    assert augment(torch.zeros(3 * HOP), np.random.default_rng(1)).abs().max() < 1e-4


def test_a_band_limit_leaves_the_band_and_nothing_else() -> None:
    seconds = torch.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tones = {hz: 0.1 * (2 * torch.pi * hz * seconds).sin() for hz in (100, 1000, 6000)}
    limited = band_limit(torch.stack(list(tones.values())).sum(0), 300, 3400)
    torch.testing.assert_close(limited[960:-960], tones[1000][960:-960], atol=2e-3, rtol=0)


def test_degraded_recordings_are_as_long_and_mostly_others() -> None:
    wave = _tone()
    found = [degrade(wave, np.random.default_rng(seed)) for seed in range(40)]
    assert all(w.shape == wave.shape and w.isfinite().all() and float(w.abs().max()) <= 1 for w in found)
    assert sum(not torch.equal(w, wave) for w in found) > 32
    assert torch.equal(found[3], degrade(wave, np.random.default_rng(3)))


@pytest.mark.parametrize("factor", [0.84, 1.0, 1.19])
def test_changed_rates_are_whole_frames_at_another_pitch(factor: float) -> None:
    out = change_rate(_tone(), factor)
    assert out.shape == (round(15 / factor) * HOP,)
    hz, voiced = pitch(out[None])
    assert voiced[0, 1:-1].all()
    wanted = 180 * 15 / round(15 / factor)
    torch.testing.assert_close(hz[0, 1:-1], torch.full_like(hz[0, 1:-1], wanted), atol=0, rtol=0.01)


def test_a_changed_rate_leaves_at_least_a_frame() -> None:
    assert change_rate(_tone(frames=1), 3.0).shape == (HOP,)


def _vowel(formant_hz: float) -> Tensor:
    """Harmonics of 120 Hz under one formant."""
    hz = 120.0 * torch.arange(1, 60)
    time = torch.arange(20 * HOP) / SAMPLE_RATE_HZ
    loud = (-((hz - formant_hz) / 350).square()).exp()
    return 0.05 * (loud.unsqueeze(1) * (2 * torch.pi * hz.unsqueeze(1) * time).cos()).sum(0)


@pytest.mark.parametrize("factor", [0.85, 1.2])
def test_formants_move_and_pitch_stays(factor: float) -> None:
    wave = _vowel(1_500)
    out = shift_formants(wave, factor)
    assert out.shape == wave.shape and _rms(out) == pytest.approx(_rms(wave), rel=0.01)
    power = torch.fft.rfft(out).abs().square()
    centre = float((power * torch.linspace(0, SAMPLE_RATE_HZ / 2, power.shape[0])).sum() / power.sum())
    assert centre == pytest.approx(1_500 * factor, rel=0.05)
    hz, voiced = pitch(out[None])
    assert voiced[0, 1:-1].all()
    torch.testing.assert_close(hz[0, 1:-1], torch.full_like(hz[0, 1:-1], 120), atol=0, rtol=0.01)


def test_formants_of_silence_are_silence() -> None:
    assert shift_formants(torch.zeros(3 * HOP), 1.2).abs().max() < 1e-6


def test_noise_is_as_loud_as_asked() -> None:
    wave = _tone()
    found = []
    for seed in range(40):
        noise = add_noise(wave, np.random.default_rng(seed), lowest_db=5, highest_db=20) - wave
        found.append(20 * np.log10(_rms(wave) / _rms(noise)))
    assert 4.9 < min(found) < 8 and 17 < max(found) < 20.1


def test_colour_bends_by_no_more_than_its_depth() -> None:
    rng = np.random.default_rng(4)
    click = torch.zeros(4 * HOP)
    click[2 * HOP] = 1
    limited = 0
    for _ in range(40):
        gain_db = 20 * torch.fft.rfft(colour(click, rng, 6.0)).abs().clamp_min(1e-9).log10()
        assert gain_db.max() <= 6.01
        hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, gain_db.shape[0])
        assert gain_db[hz < 3_300].min() >= -6.01, "a band limit is at 3.4 kHz or above"
        limited += int(gain_db.min() < -40)
    assert 3 <= limited <= 20


def test_a_room_lets_the_direct_sound_through_and_rings_on() -> None:
    click = torch.zeros(15 * HOP)
    click[HOP] = 0.5
    out = add_room(click, np.random.default_rng(5))
    torch.testing.assert_close(out[: HOP + 1], click[: HOP + 1], atol=1e-4, rtol=0)
    early, late = out[HOP + 1 : 2 * HOP], out[-HOP:]
    assert _rms(early) > 1e-3 and _rms(late) < _rms(early) / 20


def test_levels_are_those_of_speech_and_do_not_clip() -> None:
    levels = [20 * np.log10(_rms(set_level(_tone(), np.random.default_rng(seed)))) for seed in range(40)]
    assert -32.1 < min(levels) < -28 and -18 < max(levels) < -13.9
    clicks = torch.zeros(10 * HOP)
    clicks[::HOP] = 0.1
    assert all(set_level(clicks, np.random.default_rng(seed)).abs().max() <= 0.991 for seed in range(20))
