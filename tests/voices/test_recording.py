"""What is told about recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dialogue_tts.errors import VoiceError
from dialogue_tts.voices.recording import inspect_recording
from tests.conftest import RATE_HZ, buzz


def speech(seconds: float) -> np.ndarray:
    """Four syllables a second that die away fast, as in a dry room, with a breath that fills the band."""
    wave = buzz(seconds)
    breath = np.random.default_rng(1).normal(0, 0.01, wave.size) * (wave != 0)
    dying = 10 ** (-2.5 * (np.arange(wave.size) / RATE_HZ * 4.0 % 1))
    return (2 * (wave + breath) * dying).astype(np.float32)


def in_a_room(wave: np.ndarray, seconds: float) -> np.ndarray:
    """As heard far from a speaker, in a room whose sound falls by 60 dB in that time."""
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    response = np.random.default_rng(2).normal(0, 1, at.size) * 10 ** (-3 * at / seconds)
    heard = np.fft.irfft(np.fft.rfft(wave, 2 * wave.size) * np.fft.rfft(response, 2 * wave.size))[: wave.size]
    return (0.5 * heard / np.abs(heard).max()).astype(np.float32)


def narrow(wave: np.ndarray, hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(wave)
    spectrum[round(hz * wave.size / RATE_HZ) :] = 0
    return np.fft.irfft(spectrum, wave.size).astype(np.float32)


SILENCE = np.zeros(RATE_HZ, np.float32)


def told(tmp_path: Path, wave: np.ndarray) -> tuple[str, ...]:
    soundfile.write(tmp_path / "r.wav", wave, RATE_HZ)
    return inspect_recording(tmp_path / "r.wav").warnings


def test_the_part_with_speech_is_found(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "r.wav", np.concatenate([SILENCE, speech(4.0), SILENCE]), RATE_HZ)
    found = inspect_recording(tmp_path / "r.wav")
    assert found.seconds == 6 and found.start == pytest.approx(1, abs=0.2)
    assert found.prompt.size / RATE_HZ == pytest.approx(4, abs=0.3) and found.warnings == ()


@pytest.mark.parametrize(
    ("wave", "words"),
    [
        (np.concatenate([SILENCE, speech(1.5), SILENCE]), "are speech"),
        (speech(4.0) * 0.03, "quiet"),
        (speech(4.0) + np.random.default_rng(0).normal(0, 0.1, 4 * RATE_HZ).astype(np.float32), "noisy"),
        (np.clip(20 * speech(4.0), -0.8, 0.8), "clipped"),
        (narrow(speech(4.0), 3400.0), "band ends at 3.5 kHz"),
    ],
)
def test_each_fault_is_told_alone(tmp_path: Path, wave: np.ndarray, words: str) -> None:
    (warning,) = told(tmp_path, wave)
    assert words in warning


def test_a_room_is_told(tmp_path: Path) -> None:
    assert any("the room is heard" in warning for warning in told(tmp_path, in_a_room(speech(4.0), 0.9)))


def test_what_cannot_serve_is_an_error_without_the_path(tmp_path: Path) -> None:
    (tmp_path / "r.wav").write_text("no sound")
    for wave in (None, buzz(1.0), np.concatenate([SILENCE, SILENCE, SILENCE])):
        if wave is not None:
            soundfile.write(tmp_path / "r.wav", wave, RATE_HZ)
        with pytest.raises(VoiceError) as error:
            inspect_recording(tmp_path / "r.wav")
        assert not str(error.value).startswith(str(tmp_path))
