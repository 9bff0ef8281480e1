"""What a telephone took is put back; what it left, and recordings that went through none, stay."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from dialogue_tts.audio.bandwidth import (
    HEARD_HZ,
    HIGH_HZ,
    LOW_HZ,
    NARROW_HZ,
    SPOKEN_DB,
    UNIT_DB,
    BandNetwork,
    band_network,
    extend_bandwidth,
    is_narrow,
    under_loud,
)
from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.quality import bandwidth_hz
from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.evaluation.sets import telephone
from dialogue_tts.voices.voice import cut_prompt, prompt_wave
from tests.conftest import buzz

VOICES = sorted((find_bundle() / "voices").glob("*.flac"))


def through_a_telephone(path: Path) -> tuple[Tensor, Tensor]:
    """A prompt as recorded, and as a telephone leaves it."""
    wave = read_audio(path, SAMPLE_RATE_HZ)
    return cut_prompt(wave).wave, cut_prompt(torch.from_numpy(telephone(wave.numpy()))).wave


def level_db(wave: Tensor, low_hz: float, high_hz: float) -> float:
    """Of a band, under that of 500 to 3000 Hz, which a telephone leaves."""
    power = torch.fft.rfft(wave).abs().square()
    hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, power.shape[0])
    band, kept = power[(hz >= low_hz) & (hz < high_hz)].mean(), power[(hz >= 500) & (hz < 3000)].mean()
    return float(10 * (band / kept + 1e-12).log10())


@pytest.mark.parametrize("path", VOICES[::6], ids=lambda path: path.stem)
def test_bands_are_as_loud_again_as_the_voice_has_them(path: Path) -> None:
    whole, heard = through_a_telephone(path)
    found = extend_bandwidth(heard)
    assert found.shape == heard.shape and found.abs().max() <= 0.991
    assert is_narrow(heard) and bandwidth_hz(found, SAMPLE_RATE_HZ) > NARROW_HZ
    for low, high in ((150, 250), (4200, 5500), (5500, 8200)):
        wanted = level_db(whole, low, high)
        assert abs(level_db(found, low, high) - wanted) < 12 < wanted - level_db(heard, low, high)
    assert level_db(found, 1000, 2000) == pytest.approx(level_db(heard, 1000, 2000), abs=0.1)


@torch.inference_mode()
def test_a_voice_is_more_itself_again() -> None:
    """As the bundle's own speaker embedding hears it."""
    bundle = Bundle.load(find_bundle())
    nearer = []
    for path in VOICES[::4]:
        whole, heard = through_a_telephone(path)
        own, before, after = (
            bundle.speaker_embedding(bundle.codec.latent(bundle.codec.encode(wave[None])))[0]
            for wave in (whole, heard, extend_bandwidth(heard))
        )
        nearer.append(float(own @ after - own @ before))
    assert sum(nearer) / len(nearer) > 0.1


@pytest.mark.parametrize("path", VOICES[::6], ids=lambda path: path.stem)
def test_a_recording_with_a_whole_band_stays_as_it_is(path: Path) -> None:
    whole, heard = through_a_telephone(path)
    assert not is_narrow(whole)
    assert torch.equal(prompt_wave(read_audio(path, SAMPLE_RATE_HZ)), whole)
    assert not torch.equal(prompt_wave(heard), heard)


def test_what_is_no_speech_stays_finite() -> None:
    for wave in (torch.from_numpy(buzz(2.0)), torch.zeros(2 * SAMPLE_RATE_HZ)):
        found = extend_bandwidth(wave)
        assert found.shape == wave.shape and torch.isfinite(found).all() and found.abs().max() < 1


def test_the_network_tells_each_missing_band_of_each_frame() -> None:
    heard = torch.zeros(1, len(HEARD_HZ) - 1, 200)
    heard[..., 100:] = -2 * SPOKEN_DB / UNIT_DB  # a pause
    assert under_loud(heard)[0, 0, [0, 199]].tolist() == [0.0, pytest.approx(-2 * SPOKEN_DB / UNIT_DB)]
    assert band_network()(heard).shape == (1, len(LOW_HZ) + len(HIGH_HZ) - 2, 200)
    heard.requires_grad_()
    BandNetwork()(heard)[0, :, 20].sum().backward()
    assert heard.grad is not None
    reached = heard.grad[0].abs().sum(0).nonzero().flatten().tolist()
    assert reached == list(range(132))  # all that is spoken, and what lies within .32 s of it
