"""Sound as bytes while it is made: an encoder for each format a stream can have."""

from __future__ import annotations

import io
from typing import Protocol

import numpy as np
import soundfile

from dialogue_tts.audio.io import BLOCK, FORMATS, fitting, pcm16, wav_header
from dialogue_tts.errors import AudioError
from dialogue_tts.extras import check_extra

MP3_RATE = {
    "bitrate_mode": "CONSTANT",
    "compression_level": 0.5,
}  # 80 kb/s: players guess the length by the first frame
STREAMED = ("pcm", "aac", *(ending.removeprefix(".") for ending in FORMATS))  # pcm: the samples of a wav alone
AAC_BITS_PER_S = 64_000


def check_encoder(kind: str) -> None:
    """Raises AudioError if there is no encoder for it."""
    if kind not in STREAMED:
        raise AudioError(f"{kind}: no such format can be streamed; use {', '.join(STREAMED)}.")
    if kind == "aac":
        check_extra("aac", "aac, where the speech is made,", "take mp3", AudioError)


class SoundEncoder:
    """Takes mono sound piece by piece and gives the bytes that are ready; all of them together are a file.

    The length that a header would hold is unknown, as in any stream; players read on until its end. Not so those of
    FLAC, so all its bytes come at the end. AAC comes in ADTS frames.
    """

    def __init__(self, kind: str, sample_rate_hz: int, comment: str = "") -> None:
        """kind: one of STREAMED; comment: for the metadata of all but pcm and aac, which have none.

        Raises AudioError for other kinds, and for aac where PyAV is missing.
        """
        check_encoder(kind)
        self._pipe = _Pipe()
        self._at_once = kind != "flac"
        self._file: _File | None = None
        if kind == "wav":
            self._pipe.write(wav_header(sample_rate_hz, comment))
        elif kind == "aac":
            self._file = _AacFile(self._pipe, sample_rate_hz)
        elif kind != "pcm":
            form, subtype = FORMATS[f".{kind}"]
            rate = MP3_RATE if kind == "mp3" else {}
            file = soundfile.SoundFile(self._pipe, "w", sample_rate_hz, 1, subtype, format=form, **rate)
            if comment:
                file.comment, file.software = fitting(comment), "dialogue-tts"
            self._file = file

    def add(self, wave: np.ndarray) -> bytes:
        """float32 (samples,) in [-1, 1] -> what can be sent so far."""
        if self._file is None:
            self._pipe.write(pcm16(wave))
        else:
            for first in range(0, len(wave), BLOCK):
                self._file.write(wave[first : first + BLOCK])
        return self._pipe.take() if self._at_once else b""

    def finish(self) -> bytes:
        """The rest."""
        if self._file is not None:
            self._file.close()
        return self._pipe.take()


class _File(Protocol):
    """What takes samples and writes bytes."""

    def write(self, data: np.ndarray) -> None: ...

    def close(self) -> None: ...


class _AacFile:
    """AAC-LC in ADTS frames (ISO/IEC 13818-7), by FFmpeg's own encoder."""

    def __init__(self, pipe: _Pipe, sample_rate_hz: int) -> None:
        import av

        self._container = av.open(pipe, "w", format="adts")
        self._stream = self._container.add_stream("aac", rate=sample_rate_hz, layout="mono")
        self._stream.bit_rate = AAC_BITS_PER_S
        self._rate_hz, self._at = sample_rate_hz, 0

    def write(self, data: np.ndarray) -> None:
        """float32 (samples,)"""
        from av import AudioFrame

        if not data.size:
            return
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(data[None], np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = self._rate_hz, self._at
        self._at += data.size
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _Pipe:
    """A file whose bytes can be taken away. What is written over bytes that are gone, is gone too."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._gone = 0  # bytes taken so far
        self._at = 0

    def take(self) -> bytes:
        taken = bytes(self._held)
        self._held.clear()
        self._gone += len(taken)
        return taken

    def write(self, data: bytes) -> int:
        lost = min(max(0, self._gone - self._at), len(data))
        first = max(0, self._at - self._gone)
        self._held[first : first + len(data) - lost] = data[lost:]
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._gone + len(self._held)}[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Encoders do not read; soundfile wants it to be there."""
        raise io.UnsupportedOperation("read")
