"""Reading and writing sound files: what a user can get wrong is an AudioError of one line."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from dialogue_tts.audio import io
from dialogue_tts.audio.io import read_audio, resample, write_audio
from dialogue_tts.audio.tagged import Encoding, write_tagged
from dialogue_tts.errors import AudioError


def _sine(hz: float, rate: int, seconds: float = 0.5) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def _refused(path: Path) -> str:
    with pytest.raises(AudioError) as caught:
        read_audio(path, 24_000)
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message and message.endswith(".")
    return message


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert "there is no such file" in _refused(tmp_path / "no.wav")
    assert "there is no such file" in _refused(tmp_path)


@pytest.mark.parametrize("content", [b"", b"hello, I am a text", b"RIFF\x00\x00\x00\x00WAVE", b"\xff\xfb" * 50])
def test_files_that_are_no_sound(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert "no sound" in _refused(path)


def test_a_file_without_samples(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    soundfile.write(path, np.zeros(0, np.float32), 24_000)
    assert "holds no sound" in _refused(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_file_with_values_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    wave = _sine(300, 24_000)
    wave[77] = value
    path = tmp_path / "nan.wav"
    soundfile.write(path, wave, 24_000, subtype="FLOAT")
    assert "no numbers" in _refused(path)


def test_stereo_becomes_the_mean_of_both(tmp_path: Path) -> None:
    left, right = _sine(300, 24_000), _sine(500, 24_000)
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([left, right], axis=1), 24_000, subtype="FLOAT")
    wave = read_audio(path, 24_000)
    assert wave.shape == (12_000,) and wave.dtype == torch.float32
    np.testing.assert_allclose(wave.numpy(), (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_other_rates_are_resampled(tmp_path: Path, rate: int) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, _sine(440, rate), rate)
    wave = read_audio(path, 24_000)
    assert wave.shape == (12_000,)
    wanted = torch.from_numpy(_sine(440, 24_000))
    torch.testing.assert_close(wave[500:-500], wanted[500:-500], atol=0.01, rtol=0)


def test_resampling_keeps_what_is_above_the_new_rate_out() -> None:
    high = torch.from_numpy(_sine(15_000, 48_000))
    assert resample(high, 48_000, 24_000)[500:-500].abs().max() < 0.01
    assert resample(high, 48_000, 48_000) is high


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_what_is_written_is_read_again(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"out.{ending}"
    wave = _sine(300, 24_000)
    write_audio(path, wave, 24_000)
    assert soundfile.info(path).subtype == "PCM_16" and soundfile.info(path).samplerate == 24_000
    np.testing.assert_allclose(read_audio(path, 24_000).numpy(), wave, atol=1 / 32_000)


@pytest.mark.parametrize("name", ["out.xyz", "out", "no/such/folder/out.wav"])
def test_places_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match="cannot write the sound there|ending names no known format") as caught:
        write_audio(tmp_path / name, _sine(300, 24_000), 24_000)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_that_cancel_out_leave_the_loudest(tmp_path: Path, channels: int) -> None:
    tone = 0.3 * np.sin(np.arange(4800) / 9).astype(np.float32)
    data = np.zeros((tone.size, channels), np.float32)
    data[:, -1], data[:, -2] = tone, -0.99 * tone
    soundfile.write(tmp_path / "a.wav", data, 24_000, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 24_000).numpy(), tone, atol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_no_more_than_a_block_of_all_channels_is_held(
    sign: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tone, path = _sine(300, 24_000), tmp_path / "a.wav"
    soundfile.write(path, np.stack([tone, sign * 0.9 * tone], axis=1), 24_000, subtype="FLOAT")
    whole = read_audio(path, 24_000)
    assert whole.abs().max() > 0.35
    asked: list[int] = []
    read = soundfile.SoundFile.read

    def noted(file: soundfile.SoundFile, frames: int = -1, **named: Any) -> np.ndarray:
        asked.append(frames)
        return read(file, frames, **named)

    monkeypatch.setattr(soundfile.SoundFile, "read", noted)
    monkeypatch.setattr(io, "MIXED_AT_ONCE", 1000)
    assert torch.equal(read_audio(path, 24_000), whole)
    assert set(asked) == {1000}


@pytest.mark.parametrize("ending", ["flac", "m4a"])
def test_what_strangers_send_is_not_too_much(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, wave = tmp_path / f"a.{ending}", np.zeros(96_000, np.float32)
    if ending == "flac":
        soundfile.write(path, wave, 96_000)
    else:
        write_tagged(path, wave, 96_000, Encoding(), {})
    assert len(read_audio(path, 24_000, longest_s=2)) == pytest.approx(24_000, abs=4_000)
    monkeypatch.setattr(io, "MOST_FRAMES", 30_000)
    with pytest.raises(AudioError, match=r"at most .* s at \d+ Hz can be used; export it at 48000 Hz"):
        read_audio(path, 24_000, longest_s=2)
    assert len(read_audio(path, 24_000)) == pytest.approx(24_000, abs=4_000)  # one's own


def test_rates_whose_filters_would_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, _sine(300, 44_101), 44_101)
    assert "44101 Hz is an unusual sampling rate; export it at 44100 or 48000 Hz" in _refused(path)


def test_mp4_is_read_as_other_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wave = 0.3 * np.sin(np.arange(36_000) / 30).astype(np.float32)
    path = tmp_path / "talk.m4a"
    write_tagged(path, wave, 24_000, Encoding(), {})
    read = read_audio(path, 24_000, longest_s=2).numpy()
    assert abs(read.size - wave.size) < 4_000  # a coder adds some silence
    power = np.abs(np.fft.rfft(read))
    assert power.argmax() / read.size == pytest.approx(1 / 30 / 2 / np.pi, rel=0.01)
    with pytest.raises(AudioError, match="longer than 1 s"):
        read_audio(path, 24_000, longest_s=1)
    broken = tmp_path / "broken.m4a"
    broken.write_bytes(path.read_bytes()[:900])
    with pytest.raises(AudioError, match=r"broken.m4a: this MP4 file cannot be read \([A-Z][a-z ]+\); use"):
        read_audio(broken, 24_000)
    broken.write_bytes(path.read_bytes().replace(b"mp4a", b"zzzz").replace(b"esds", b"zzzz"))
    with pytest.raises(AudioError, match="broken.m4a: this MP4 file holds no sound that can be read"):
        read_audio(broken, 24_000)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(AudioError, match=r"needs av: pip install .*\[publish\]"):
        read_audio(path, 24_000)
