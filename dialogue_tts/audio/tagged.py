"""Sound files for listeners: their rate and bit rate, with tags, chapters and a cover, by FFmpeg's libraries (PyAV)."""

from __future__ import annotations

import base64
import importlib.util
import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dialogue_tts.audio.io import check_writable, fitting
from dialogue_tts.errors import AudioError
from dialogue_tts.extras import check_extra
from dialogue_tts.files import whole_file

if TYPE_CHECKING:
    from av import Packet
    from av.container import OutputContainer
    from av.container.core import Chapter

CODECS = {  # ending -> container and codec
    ".mp3": ("mp3", "libmp3lame"),
    ".m4a": ("mp4", "aac"),
    ".m4b": ("mp4", "aac"),
    ".opus": ("opus", "libopus"),
    ".flac": ("flac", "flac"),
}
OPTIONS = {".mp3": {"id3v2_version": "3"}, ".m4a": {"brand": "M4A "}, ".m4b": {"brand": "M4B "}}
OPUS_RATE_HZ = 48_000  # the only one of those below that it has
FED_AT_ONCE = 65_536  # samples
LARGEST_PICTURE, MOST_PIXELS = 4_000_000, 4096  # bytes; of a side
FRONT_COVER = 3  # as ID3 and FLAC count kinds of pictures
MILLISECOND = Fraction(1, 1000)
VORBIS_COMMENTS = ("opus", "flac")  # containers whose tags are such


@dataclass(frozen=True)
class Picture:
    """A cover: JPEG or PNG, as its file's bytes."""

    data: bytes = field(repr=False)
    mime: str
    width: int
    height: int

    @classmethod
    def parse(cls, data: bytes) -> Picture:
        """Raises AudioError if it is no such picture, or too large."""
        mime, size = (
            ("image/png", _png_size(data)) if data[:8] == b"\x89PNG\r\n\x1a\n" else ("image/jpeg", _jpeg_size(data))
        )
        if size is None or len(data) > LARGEST_PICTURE or not 0 < max(size) <= MOST_PIXELS or not min(size):
            most = f"of at most {LARGEST_PICTURE // 10**6} MB and {MOST_PIXELS} pixels a side"
            raise AudioError(f"the cover is no JPEG or PNG {most}; save it as one.")
        return cls(data, mime, *size)


@dataclass(frozen=True)
class ChapterMark:
    """A chapter, in seconds from the beginning."""

    start: float
    end: float
    title: str


@dataclass(frozen=True)
class Encoding:
    """How a file is written; `kbps` is that of formats that lose something."""

    sample_rate_hz: int = 44_100
    kbps: int = 128


def check_tagged_file(path: str | Path) -> None:
    """Raises AudioError if no tagged file can be written there, or PyAV is missing."""
    check_extra("publish", "a file with chapters and a cover", "save without them", AudioError)
    if Path(path).suffix.lower() not in CODECS:
        raise AudioError(f"{path}: the ending names no format with tags and chapters; use {', '.join(CODECS)}.")
    check_writable(path)


def write_tagged(
    path: str | Path,
    wave: np.ndarray,
    sample_rate_hz: int,
    encoding: Encoding,
    tags: dict[str, str],
    chapters: Sequence[ChapterMark] = (),
    picture: Picture | None = None,
    sign: Callable[[Path], None] | None = None,
) -> None:
    """Write mono float32 (samples,) in [-1, 1], whole or not at all.

    Args:
        tags: FFmpeg's names of them: title, artist, album, track, date, comment.
        sign: signs the file where it lies, before it takes its name.
        chapters: by rising start. MP3 has them as ID3v2 CHAP frames, MP4 as a track and a list, Vorbis as CHAPTER000.

    Raises:
        AudioError: unknown ending, a place that cannot be written to, or PyAV is missing.
    """
    check_tagged_file(path)
    import av

    kind, codec = CODECS[Path(path).suffix.lower()]
    rate_hz = OPUS_RATE_HZ if codec == "libopus" else encoding.sample_rate_hz
    told = {name: fitting(text) for name, text in tags.items() if text}
    if kind in VORBIS_COMMENTS:
        told |= _vorbis_chapters(chapters)
    if picture and kind == "opus":
        told["METADATA_BLOCK_PICTURE"] = base64.b64encode(_flac_picture(picture)).decode()
    try:
        with whole_file(path) as draft:
            with av.open(str(draft), "w", format=kind, options=OPTIONS.get(Path(path).suffix.lower())) as file:
                file.metadata.update(told)
                stream: Any = file.add_stream(codec, rate=rate_hz, layout="mono")
                if codec != "flac":
                    stream.bit_rate = 1000 * encoding.kbps
                if kind == "opus":
                    stream.metadata.update(told)
                if kind not in VORBIS_COMMENTS:
                    file.set_chapters([_chapter(n, mark) for n, mark in enumerate(chapters)])
                cover = _cover(file, picture) if picture and kind != "opus" else None
                file.start_encoding()
                if cover:
                    file.mux(cover)
                _encode(file, stream, wave, sample_rate_hz)
            if sign:
                sign(draft)
    except (av.FFmpegError, OSError, ValueError) as error:
        raise AudioError(f"{path}: cannot write the sound there ({error}); choose another place or ending.") from None


def read_tagged_comment(path: str | Path) -> str:
    """The comment of a file that libsndfile finds none in; "" also where PyAV is missing, or the file is no sound."""
    if importlib.util.find_spec("av") is None:
        return ""
    import av

    try:
        with av.open(str(path)) as file:
            streams = (stream.metadata for stream in file.streams.audio)
            return next((held["comment"] for held in (file.metadata, *streams) if "comment" in held), "")
    except (av.FFmpegError, OSError, ValueError):
        return ""


def _encode(file: OutputContainer, stream: Any, wave: np.ndarray, sample_rate_hz: int) -> None:
    from av import AudioFrame, AudioResampler

    context = stream.codec_context
    resampler = AudioResampler(format=context.format, layout="mono", rate=stream.rate, frame_size=context.frame_size)
    for first in range(0, wave.size, FED_AT_ONCE):
        piece = np.ascontiguousarray(wave[None, first : first + FED_AT_ONCE], np.float32)
        frame = AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate_hz, first, Fraction(1, sample_rate_hz)
        for ready in resampler.resample(frame):
            file.mux(stream.encode(ready))
    for ready in resampler.resample(None):
        file.mux(stream.encode(ready))
    file.mux(stream.encode(None))


def _vorbis_chapters(chapters: Sequence[ChapterMark]) -> dict[str, str]:
    """As comments. FFmpeg, which would write them, rounds their seconds and then adds the milliseconds."""
    told = {}
    for number, mark in enumerate(chapters):
        seconds, ms = divmod(round(mark.start * 1000), 1000)
        told[f"CHAPTER{number:03}"] = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
        told[f"CHAPTER{number:03}NAME"] = fitting(mark.title)
    return told


def _chapter(number: int, mark: ChapterMark) -> Chapter:
    start, end = round(mark.start * 1000), round(mark.end * 1000)
    return {"id": number, "start": start, "end": end, "time_base": MILLISECOND, "metadata": {"title": mark.title}}


def _cover(file: OutputContainer, picture: Picture) -> Packet[Any]:
    """The picture as a stream of one packet, as containers with attached pictures want it."""
    import av
    from av.stream import Disposition

    form = "png_pipe" if picture.mime == "image/png" else "jpeg_pipe"
    with av.open(io.BytesIO(picture.data), "r", format=form) as image:
        stream = file.add_stream_from_template(image.streams.video[0])
        packet = next(image.demux(video=0))
    stream.disposition = Disposition.attached_pic
    stream.metadata["comment"] = "Cover (front)"  # by which FFmpeg knows what the picture is of
    packet.stream, packet.pts, packet.dts = stream, 0, 0
    return packet


def _flac_picture(picture: Picture) -> bytes:
    """A METADATA_BLOCK_PICTURE (RFC 9639, section 8.8)."""
    mime = picture.mime.encode()
    head = struct.pack(">II", FRONT_COVER, len(mime)) + mime + struct.pack(">I", 0)
    return head + struct.pack(">IIIII", picture.width, picture.height, 24, 0, len(picture.data)) + picture.data


def _png_size(data: bytes) -> tuple[int, int] | None:
    return struct.unpack(">II", data[16:24]) if data[12:16] == b"IHDR" and len(data) >= 24 else None


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """From the frame header (ITU-T T.81, B.2.2); None if there is none."""
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        at += 2 + max(2, length)
    return None
