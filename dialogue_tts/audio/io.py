"""Reading, writing and resampling sound files: the only code that opens them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from torch import Tensor

from dialogue_tts.errors import AudioError

WRITABLE = ("WAV", "FLAC", "OGG", "MP3")


def read_audio(path: str | Path, sample_rate_hz: int) -> Tensor:
    """A file in any format libsndfile reads, as mono float32 (samples,) in [-1, 1] at `sample_rate_hz`.

    Raises:
        AudioError: the file is missing, unreadable, empty, or holds values that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: there is no such file; give the path of a sound file.")
    try:
        data, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(
            f"{path}: this is no sound file that can be read ({error}); use WAV, FLAC, OGG or MP3."
        ) from None
    if data.shape[0] == 0:
        raise AudioError(f"{path}: the file holds no sound; record it again.")
    if not np.isfinite(data).all():
        raise AudioError(f"{path}: the file holds values that are no numbers; export it again.")
    return resample(torch.from_numpy(data.mean(axis=1)), rate, sample_rate_hz).clamp(-1, 1)


def resample(wave: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Windowed-sinc resampling: (..., samples) at `from_hz` -> (..., samples') at `to_hz`."""
    if from_hz == to_hz:
        return wave
    return torchaudio.functional.resample(wave, from_hz, to_hz)


def check_writable(path: str | Path) -> None:
    """Raises AudioError if a file cannot be made at `path`, before any work has been done for it."""
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        what = "this is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise AudioError(f"{path}: {what}; name a file in a folder that exists.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise AudioError(f"{path}: nothing can be written there; choose another place.")


def check_sound_file(path: str | Path) -> None:
    """`check_writable`, and the ending must name a format that can be written."""
    ending = Path(path).suffix[1:].upper()
    if ending not in WRITABLE:
        raise AudioError(f"{path}: the ending names no known format; use .wav, .flac, .ogg or .mp3.")
    check_writable(path)


def write_audio(path: str | Path, wave: np.ndarray, sample_rate_hz: int) -> None:
    """Write mono float32 (samples,) in the format that the file's ending names (16-bit PCM for WAV and FLAC).

    Raises:
        AudioError: unknown ending, or the place cannot be written to.
    """
    try:
        soundfile.write(path, wave, sample_rate_hz)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
        raise AudioError(f"{path}: cannot write the sound there ({error}); choose another place or ending.") from None
