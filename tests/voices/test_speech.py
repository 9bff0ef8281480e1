"""Tones, noise and music are no voices: with a tokenizer that hears what it is told, and with the bundle's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.errors import VoiceError
from dialogue_tts.semantic.tokenizer import READ_RATE, SemanticTokenizer, SemanticTokenizerConfig
from dialogue_tts.voices.recording import inspect_recording
from dialogue_tts.voices.speech import check_speech, hear_speech
from dialogue_tts.voices.voice import make_voice, prompt_wave
from tests.conftest import buzz

FRAMES = 100


class Told(SemanticTokenizer):
    """Hears at each step the phone it is told, 0 for none, and is as sure of it as it is told."""

    def __init__(self, phones: list[int], sure: float = 0.9, least: float = 2.2) -> None:
        super().__init__(SemanticTokenizerConfig("abcdefghijklmnop", levels=(2, 2), least_phones_a_second=least))
        self.phones, self.sure = phones, sure

    def hear(self, wave: Tensor) -> Tensor:
        steps = wave.shape[-1] // HOP * READ_RATE
        heard = torch.full((1, steps, len(self.config.phones) + 1), (1 - self.sure) / len(self.config.phones))
        told = torch.tensor([*self.phones, *[0] * steps])[:steps]
        return heard.scatter(2, told.view(1, -1, 1), self.sure).log()


def _every(steps: int, phones: int, until: int = FRAMES * READ_RATE) -> list[int]:
    """One of so many phones in turn, and blanks between them."""
    return [1 + (i // steps) % phones if i % steps == 0 else 0 for i in range(until)]


def test_different_sure_phones_are_counted_and_their_surroundings_are_speech() -> None:
    wave = torch.zeros(FRAMES * HOP)  # four seconds
    assert hear_speech(wave, Told(_every(10, 16))) == (4.0, 1.0)
    assert hear_speech(wave, Told(_every(10, 2))) == (0.5, 1.0), "the same two again and again"
    assert hear_speech(wave, Told(_every(10, 16), sure=0.45)) == (0.0, 0.0), "it is not sure of them"
    half = hear_speech(wave, Told(_every(5, 16, until=100)))
    assert half.phones_a_second == 4.0 and 0.5 < half.share < 0.65


def test_what_holds_no_speech_is_refused_with_the_reason(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    codec = Bundle.load(tiny_bundle_dir).codec
    wave = torch.from_numpy(buzz(4.0))
    with pytest.raises(VoiceError, match="no speech is heard"):
        make_voice("x", wave, Told(_every(5, 3)), codec)
    assert make_voice("x", wave, Told(_every(5, 3), least=0.0), codec).name == "x", "it cannot tell"
    soundfile.write(tmp_path / "a.wav", buzz(4.0), SAMPLE_RATE_HZ)
    with pytest.raises(VoiceError, match="^no speech is heard"):
        inspect_recording(tmp_path / "a.wav", Told(_every(5, 3)))
    for told, warned in ((_every(3, 16, until=50), True), (_every(10, 16), False)):
        warnings = inspect_recording(tmp_path / "a.wav", Told(told)).warnings
        assert any("sound like speech" in warning for warning in warnings) == warned


def _noise(tilt: float) -> np.ndarray:
    found = np.fft.rfft(np.random.default_rng(0).standard_normal(4 * SAMPLE_RATE_HZ))
    wave = np.fft.irfft(found / np.maximum(np.arange(len(found)), 30) ** tilt)
    return 0.1 * wave / np.sqrt(np.square(wave).mean())


SECONDS = np.arange(4 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ


@pytest.mark.parametrize(
    "wave",
    [0.3 * np.sin(2 * np.pi * hz * SECONDS) for hz in (150, 1000)] + [_noise(0), _noise(1)],
    ids=["hum", "tone", "white", "pink"],
)
def test_the_bundle_refuses_what_is_no_speech(wave: np.ndarray) -> None:
    tokenizer = _bundled()
    with pytest.raises(VoiceError, match="no speech is heard"):
        check_speech(prompt_wave(torch.from_numpy(wave.astype(np.float32))), tokenizer)


def test_the_bundle_hears_speech_in_its_voices() -> None:
    for path in sorted((find_bundle() / "voices").glob("*.flac"))[:4]:
        (data, rate) = soundfile.read(path, dtype="float32")
        assert rate == SAMPLE_RATE_HZ
        heard = check_speech(prompt_wave(torch.from_numpy(data)), _bundled())
        assert heard is not None and heard.share > 0.9


_LOADED: list[SemanticTokenizer] = []


def _bundled() -> SemanticTokenizer:
    if not _LOADED:
        _LOADED.append(Bundle.load(find_bundle()).semantic_tokenizer)
    return _LOADED[0]
