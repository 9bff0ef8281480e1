"""Reading, writing and resampling sound files: the only code that opens them."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio
from rich.filesize import decimal
from torch import Tensor

from dialogue_tts.errors import AudioError
from dialogue_tts.extras import check_extra
from dialogue_tts.files import whole_file

# Ending -> libsndfile's format and subtype; None is the format's usual one. Where it is offered by name is told by
# tests/audio/test_formats.py, which fails until a new one is offered everywhere.
FORMATS = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".mp3": ("MP3", None),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
}
BYTES_PER_S = {".wav": 48_000, ".flac": 48_000}  # of a channel at 24 kHz, at most
COMPRESSED_BYTES_PER_S = 12_000
LONGEST_COMMENT = 2_000  # bytes: libsndfile reads no more of it in WAV, and makes Opus files without sound of 64 kB
MP4_CODECS = ("aac", "alac", "flac", "mp3", "opus")
MOST_CHANNELS, HIGHEST_RATE_HZ = 8, 192_000  # of what strangers send
MOST_FRAMES = 3600 * 48_000  # of what strangers send: mixed down, 0.7 GB
MIXED_AT_ONCE = 1 << 21  # samples of each channel: a prompt is read at once, and nothing takes more than 0.1 GB
MOST_TAPS = 1 << 24  # of all filters that resample: from 44,101 to 24,000 Hz they would take eight gigabytes
CANCELLED = (
    0.1  # of the loudest channel's power: less is left of it where channels cancel out; one of two gives a quarter
)
Blocks = Callable[[], Iterator[np.ndarray]]
"""A sound from its beginning: float32 (samples, channels), piece by piece."""

BLOCK = 65_536  # samples written at once: libvorbis has been seen to overflow its stack on whole minutes


def read_audio(path: str | Path, sample_rate_hz: int, longest_s: float | None = None) -> Tensor:
    """A file in any format libsndfile reads, or MP4, as mono float32 (samples,) in [-1, 1] at `sample_rate_hz`: the mean of its
    channels, or the loudest one where that is all but nothing.

    Args:
        longest_s: a longer file is refused before it is decoded; None for one of any length.

    Raises:
        AudioError: the file is missing, unreadable, empty, too long, or holds values that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise AudioError(f"{path}: there is no such file; give the path of a sound file.")
    rate_hz, blocks = _opened_mp4(path, longest_s) if is_mp4(path) else _opened(path, longest_s)
    if rate_hz * sample_rate_hz // gcd(rate_hz, sample_rate_hz) ** 2 > MOST_TAPS:
        raise AudioError(f"{path}: {rate_hz} Hz is an unusual sampling rate; export it at 44100 or 48000 Hz.")
    return resample(torch.from_numpy(_mono(path, blocks)), rate_hz, sample_rate_hz).clamp(-1, 1)


def _opened(path: Path, longest_s: float | None) -> tuple[int, Blocks]:
    """What libsndfile reads: its rate in Hz, and its sound. Raises AudioError, and so do the blocks."""
    if longest_s is not None:
        check_length(path, longest_s)

    def blocks() -> Iterator[np.ndarray]:
        try:
            with soundfile.SoundFile(path) as file:
                while len(block := file.read(MIXED_AT_ONCE, dtype="float32", always_2d=True)):
                    yield block
        except (soundfile.LibsndfileError, OSError) as error:
            raise AudioError(_unreadable(path, error)) from None

    try:
        return soundfile.info(path).samplerate, blocks
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(_unreadable(path, error)) from None


def is_mp4(path: str | Path) -> bool:
    """M4A, M4B and the like, by how a file begins (ISO 14496-12, section 4.3); what cannot be read is none."""
    try:
        with Path(path).open("rb") as file:
            return file.read(8)[4:] == b"ftyp"
    except OSError:
        return False


def _opened_mp4(path: Path, longest_s: float | None) -> tuple[int, Blocks]:
    """As `_opened`, by FFmpeg's libraries: libsndfile does not know MP4. No more is decoded than may be read."""
    check_extra("publish", f"{path}: reading MP4", "save it as WAV, FLAC, OGG or MP3", AudioError)
    import av
    from av.container import InputContainer

    @contextmanager
    def opened() -> Iterator[tuple[InputContainer, av.AudioStream]]:
        try:
            with av.open(str(path), "r", format="mp4") as file:
                # What FFmpeg does not know has no codec's context at all.
                codec = file.streams.audio[0].codec_context if file.streams.audio else None
                if codec is None or codec.name not in MP4_CODECS:
                    told = "this MP4 file holds no sound that can be read; use WAV, FLAC, OGG or MP3."
                    raise AudioError(f"{path}: {told}")
                yield file, file.streams.audio[0]
        except (av.FFmpegError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error  # the rest of it is a number and the path
            raise AudioError(f"{path}: this MP4 file cannot be read ({reason}); use WAV, FLAC, OGG or MP3.") from None

    def blocks() -> Iterator[np.ndarray]:
        with opened() as (file, stream):
            resampler, frames = av.AudioResampler(format="fltp"), 0
            for frame in file.decode(stream):
                yield from (plain.to_ndarray().T for plain in resampler.resample(frame))
                frames += frame.samples
                if longest_s is None:
                    continue
                if frames > longest_s * stream.rate:
                    raise AudioError(f"{path}: the recording is longer than {longest_s:g} s; cut it.")
                _check_size(path, frames, stream.rate)

    with opened() as (_, stream):
        _check_kind(path, stream.channels, stream.rate)
        return int(stream.rate), blocks


def _mono(path: Path, blocks: Blocks) -> np.ndarray:
    """The mean of the channels, float32 (samples,); the loudest one where they cancel out, as a microphone on two channels of
    opposite sign, or where the others are all but silent. Of all channels, one block at a time is held.

    Raises AudioError."""
    pieces: list[np.ndarray] = []
    power, mixed_power = np.zeros(1), 0.0
    for block in blocks():
        if not np.isfinite(block).all():
            raise AudioError(f"{path}: the file holds values that are no numbers; export it again.")
        pieces.append(np.asarray(block.mean(axis=1), np.float32))
        power = power + np.square(block).sum(axis=0, dtype=np.float64)
        mixed_power += float(np.square(pieces[-1]).sum(dtype=np.float64))
    if not sum(piece.size for piece in pieces):
        raise AudioError(f"{path}: the file holds no sound; record it again.")
    if mixed_power < CANCELLED * power.max():
        pieces = [block[:, power.argmax()].copy() for block in blocks()]
    return np.concatenate(pieces)


def check_length(path: str | Path, longest_s: float) -> None:
    """Raises AudioError if a file is too long, or no sound; a small file may say that it holds hours."""
    try:
        told = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(_unreadable(path, error)) from None
    _check_kind(path, told.channels, told.samplerate)
    if told.frames > longest_s * told.samplerate:
        seconds = told.frames / told.samplerate
        raise AudioError(f"{path}: the recording lasts {seconds:.0f} s; cut it to at most {longest_s:g} s.")
    _check_size(path, told.frames, told.samplerate)


def _check_size(path: str | Path, frames: int, rate_hz: int) -> None:
    if frames > MOST_FRAMES:
        most = f"{MOST_FRAMES / rate_hz:.0f} s at {rate_hz} Hz can be used"
        raise AudioError(f"{path}: of the recording at most {most}; export it at 48000 Hz.")


def _check_kind(path: str | Path, channels: int, rate_hz: int) -> None:
    if channels > MOST_CHANNELS or rate_hz > HIGHEST_RATE_HZ:
        most = f"at most {MOST_CHANNELS} channels at {HIGHEST_RATE_HZ} Hz"
        raise AudioError(f"{path}: {channels} channels at {rate_hz} Hz cannot be used; export {most}.")


def _unreadable(path: str | Path, error: soundfile.LibsndfileError | OSError) -> str:
    reason = error.error_string if isinstance(error, soundfile.LibsndfileError) else error.strerror
    return f"{path}: this is no sound file that can be read ({reason}); use WAV, FLAC, OGG or MP3."


def resample(wave: Tensor, from_hz: int, to_hz: int) -> Tensor:
    """Windowed-sinc resampling: (..., samples) at `from_hz` -> (..., samples') at `to_hz`."""
    if from_hz == to_hz:
        return wave
    resampled: Tensor = torchaudio.functional.resample(wave, from_hz, to_hz)
    return resampled


def check_writable(path: str | Path) -> None:
    """Raises AudioError if a file cannot be made at `path`, before any work has been done for it."""
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        what = "this is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise AudioError(f"{path}: {what}; name a file in a folder that exists.")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise AudioError(f"{path}: nothing can be written there; choose another place.")


def check_folder(path: str | Path) -> None:
    """Raises AudioError if `path` is no folder that files can be written to, nor can become one."""
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise AudioError(f"{path}: this is a file; name a folder.")
    check_writable(path / "file" if path.is_dir() else path)


def check_ending(path: str | Path) -> None:
    """Raises AudioError if the ending names no format that can be written."""
    if Path(path).suffix.lower() not in FORMATS:
        raise AudioError(f"{path}: the ending names no known format; use {', '.join(FORMATS)}.")


def check_sound_file(path: str | Path) -> None:
    """`check_writable`, and the ending must name a format that can be written."""
    check_ending(path)
    check_writable(path)


def sound_bytes(ending: str, seconds: float, channels: int = 1) -> float:
    """About how many bytes a file with that ending takes at 24 kHz; rather too many."""
    return channels * seconds * BYTES_PER_S.get(ending.lower(), COMPRESSED_BYTES_PER_S)


def check_room(sizes: Mapping[Path, float]) -> None:
    """Raises AudioError if a disk lacks room for files of so many bytes each. Their folders exist."""
    needed: dict[int, float] = {}
    places: dict[int, Path] = {}
    for path, size in sizes.items():
        device = os.stat(path.parent).st_dev
        needed[device] = needed.get(device, 0.0) + size
        places.setdefault(device, path)
    for device, size in needed.items():
        free = shutil.disk_usage(places[device].parent).free
        if size > free:
            told = f"about {decimal(round(size))} are to be written there, but only {decimal(free)} are free"
            raise AudioError(f"{places[device]}: {told}; make room, or choose another place.")


def pcm16(wave: np.ndarray) -> bytes:
    """float32 (samples,) in [-1, 1] -> signed 16-bit samples, little-endian: those that libsndfile puts into a WAV file."""
    whole = np.rint(wave.astype(np.float64) * 2**31).clip(-(2**31), 2**31 - 1).astype(np.int64)  # it rounds to 32 bits
    return (whole >> 16).astype("<i2").tobytes()


def read_comment(path: str | Path) -> str:
    """What a sound file's metadata say of it; "" if nothing. Raises AudioError if it is no sound file."""
    try:
        with soundfile.SoundFile(path) as file:
            return str(file.comment or "")
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(_unreadable(path, error)) from None


def fitting(comment: str) -> str:
    """As much of a comment as all formats can hold."""
    return comment.encode()[:LONGEST_COMMENT].decode(errors="ignore")


def wav_header(sample_rate_hz: int, comment: str = "") -> bytes:
    """Of mono 16-bit sound whose length nobody knows yet: players read on until the stream ends."""
    unknown = 0xFFFFFFFF
    sizes = 16, 1, 1, sample_rate_hz, 2 * sample_rate_hz, 2, 16
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", unknown, b"WAVE", b"fmt ", *sizes)
    if comment:
        text = fitting(comment).encode() + b"\0"
        text += b"\0" * (len(text) % 2)
        head += struct.pack("<4sI4s4sI", b"LIST", 12 + len(text), b"INFO", b"ICMT", len(text)) + text
    return head + struct.pack("<4sI", b"data", unknown)


def write_audio(
    path: str | Path,
    wave: np.ndarray,
    sample_rate_hz: int,
    comment: str | None = None,
    sign: Callable[[Path], None] | None = None,
) -> None:
    """Write float32 (samples,) or (samples, channels) in the format that the file's ending names, whole or not at all.

    Args:
        comment: goes into the file's metadata.
        sign: signs the file where it lies, before it takes its name.

    Raises:
        AudioError: unknown ending, or the place cannot be written to.
    """
    check_ending(path)
    kind, subtype = FORMATS[Path(path).suffix.lower()]
    channels = 1 if wave.ndim == 1 else wave.shape[1]
    try:
        with whole_file(path) as draft:
            with soundfile.SoundFile(draft, "w", sample_rate_hz, channels, subtype, format=kind) as file:
                if comment:
                    file.comment, file.software = fitting(comment), "dialogue-tts"
                for first in range(0, len(wave), BLOCK):
                    file.write(wave[first : first + BLOCK])
            if sign:
                sign(draft)
    except (soundfile.LibsndfileError, OSError, ValueError, TypeError) as error:
        raise AudioError(f"{path}: cannot write the sound there ({error}); choose another place or ending.") from None
