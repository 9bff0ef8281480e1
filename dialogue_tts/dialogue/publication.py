"""A dialogue for listeners: tags, chapters, a cover, and whether it is as loud as its shop wants it."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from dialogue_tts.audio.mastering import Levels, levels_of
from dialogue_tts.audio.tagged import ChapterMark, Encoding, Picture, write_tagged
from dialogue_tts.config import from_dict, read_json, strict
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.errors import AudioError, SettingsError
from dialogue_tts.script.parser import Draft
from dialogue_tts.script.scenes import scenes_of
from dialogue_tts.script.turns import Heading, Script

if TYPE_CHECKING:
    from dialogue_tts.provenance.credentials import ContentSigner

MOST_CHAPTERS, LONGEST_TITLE = 500, 200
ACX_RMS_DB, ACX_PEAK_DB, ACX_FLOOR_DB = (-23.0, -18.0), -3.0, -60.0
ACX_KBPS, ACX_RATE_HZ, ACX_LONGEST_S = 192, 44_100, 7200.0
_HEADING = re.compile(r"##+\s*(\S.*)")


@strict
class Chapter:
    """Begins with a turn, counted from 0."""

    turn: Annotated[int, Field(ge=0)]
    title: Annotated[str, Field(min_length=1, max_length=LONGEST_TITLE)]


@strict
class Publication:
    """What listeners are told of a dialogue, and how its files are written.

    Attributes:
        show: of which it is an episode, or the album; episode: its number.
        date: as 2026-01-31, or a year.
        cover: JPEG or PNG in base64; "" for none.
        bitrate_kbps: of formats that lose something; the sound has a band of 12 kHz whatever `sample_rate_hz` is.
    """

    title: Annotated[str, Field(max_length=LONGEST_TITLE)] = ""
    author: Annotated[str, Field(max_length=LONGEST_TITLE)] = ""
    show: Annotated[str, Field(max_length=LONGEST_TITLE)] = ""
    episode: Annotated[int | None, Field(ge=0, le=100_000)] = None
    date: Annotated[str, Field(pattern=r"^(\d{4}(-\d\d-\d\d)?)?$")] = ""
    chapters: Annotated[tuple[Chapter, ...], Field(max_length=MOST_CHAPTERS)] = ()
    cover: str = ""
    bitrate_kbps: Literal[64, 96, 128, 160, 192, 256] = 128
    sample_rate_hz: Literal[44_100, 48_000] = 44_100

    def picture(self) -> Picture | None:
        """The cover. Raises AudioError if it is none."""
        try:
            return Picture.parse(base64.b64decode(self.cover, validate=True)) if self.cover else None
        except binascii.Error:
            raise AudioError("the cover is damaged; choose its file again.") from None

    def marks(self, dialogue: Dialogue) -> tuple[ChapterMark, ...]:
        """When chapters are heard, by their turns; what comes before the first word belongs to the first.

        Raises:
            SettingsError: a chapter begins with a turn that there is not.
        """
        turns = dialogue.turns
        late = next((chapter.turn for chapter in self.chapters if chapter.turn >= len(turns)), None)
        if late is not None:
            raise SettingsError(f"a chapter begins with turn {late}, but there are {len(turns)}, counted from 0.")
        titles = {chapter.turn: chapter.title for chapter in sorted(self.chapters, key=lambda chapter: chapter.turn)}
        starts = [0.0 if turn == 0 else turns[turn].start for turn in titles]
        ends = [*starts[1:], dialogue.duration]
        return tuple(map(ChapterMark, starts, ends, titles.values()))

    def save(self, dialogue: Dialogue, path: str | Path, signer: ContentSigner | None = None) -> None:
        """Write the sound with its tags and chapters: .mp3, .m4a, .m4b, .opus or .flac.

        Args:
            signer: puts Content Credentials into it, unless it is .opus.

        Raises:
            AudioError: another ending, a place that cannot be written to, no cover in `cover`, or PyAV is missing;
                SettingsError: such files cannot be signed.
        """
        sign = signer.signs(Path(path)) if signer else None
        tags = {
            "title": self.title,
            "artist": self.author,
            "album": self.show,
            "track": "" if self.episode is None else str(self.episode),
            "date": self.date,
            "comment": dialogue.provenance,
        }
        encoding = Encoding(self.sample_rate_hz, self.bitrate_kbps)
        marks, picture = self.marks(dialogue), self.picture()
        write_tagged(path, dialogue.waveform, dialogue.sample_rate, encoding, tags, marks, picture, sign)


@dataclass(frozen=True)
class Measure:
    """One line of a report: what was found, whether it is as asked for, and both in words."""

    name: str
    passed: bool
    says: str


def acx_report(dialogue: Dialogue, publication: Publication) -> tuple[Measure, ...]:
    """Whether it meets ACX's requirements for audiobooks, as far as they can be measured; listening is yours.

    From ACX's "Audio Submission Requirements": RMS, peak, noise floor, length, 192 kb/s MP3 at 44.1 kHz.
    """
    found: Levels = levels_of(dialogue.waveform, dialogue.sample_rate)
    low, high = ACX_RMS_DB
    rows = (
        ("RMS", low <= found.rms_db <= high, f"{found.rms_db:.1f} dB", f"{low:g} to {high:g} dB"),
        ("peak", found.peak_db <= ACX_PEAK_DB, f"{found.peak_db:.1f} dB", f"at most {ACX_PEAK_DB:g} dB"),
        ("noise floor", found.floor_db <= ACX_FLOOR_DB, f"{found.floor_db:.1f} dB", f"at most {ACX_FLOOR_DB:g} dB"),
        ("length", dialogue.duration <= ACX_LONGEST_S, f"{dialogue.duration / 60:.1f} min", "at most 120 min a file"),
        (
            "bit rate",
            publication.bitrate_kbps >= ACX_KBPS,
            f"{publication.bitrate_kbps} kb/s",
            f"at least {ACX_KBPS} kb/s",
        ),
        (
            "sample rate",
            publication.sample_rate_hz == ACX_RATE_HZ,
            f"{publication.sample_rate_hz} Hz",
            f"{ACX_RATE_HZ} Hz",
        ),
    )
    return tuple(Measure(name, good, f"{name} {has}; {wanted} is asked for") for name, good, has, wanted in rows)


def chapters_of(draft: Draft) -> tuple[Chapter, ...]:
    """A script's chapters, each for the turn below it: its headings (`Scene 2: The harbour`), and comment lines such as
    `## The harbour`."""
    comments = ((n, _HEADING.fullmatch(line.strip())) for n, line in enumerate(draft.lines, 1))
    titles = dict(draft.headings) | {n: found[1] for n, found in comments if found}
    headings = tuple(Heading(line, titles[line]) for line in sorted(titles))
    scenes = scenes_of(Script(draft.turns, headings=headings))
    return tuple(Chapter(scene.first, scene.title[:LONGEST_TITLE]) for scene in scenes if scene.title)


def read_publication(path: str | Path) -> Publication:
    """From a JSON file, whose `cover` is the path of a picture beside it. Raises ConfigError, AudioError."""
    values = read_json(path)
    cover = values.get("cover") if isinstance(values, dict) else None
    if isinstance(cover, str) and cover:
        try:
            data = (Path(path).parent / cover).read_bytes()
        except OSError as error:
            raise AudioError(f"{cover}: the cover cannot be read ({error.strerror}); give a JPEG or PNG.") from None
        Picture.parse(data)
        values = values | {"cover": base64.b64encode(data).decode()}
    return from_dict(Publication, values, f"{path}: ")
