"""What commands read, the options for it that they share, and what they check before the work starts."""

from __future__ import annotations

import json
import re
import sys
import unicodedata
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue_tts.errors import ProjectError, ScriptError, SettingsError, VoiceError
from dialogue_tts.files import check_not_read

if TYPE_CHECKING:
    from dialogue_tts.dialogue.project import Project
    from dialogue_tts.provenance.credentials import ContentSigner
    from dialogue_tts.script.parser import Draft
    from dialogue_tts.script.turns import Script
    from dialogue_tts.settings import SynthesisConfig

VoiceOption = Annotated[
    list[str] | None,
    typer.Option(
        "--voice",
        help="NAME=VOICE: a speaker's voice: the name of one, a sound file of 2 to 30 s, or a saved voice. "
        "May be repeated.",
    ),
]
CastOption = Annotated[
    Path | None,
    typer.Option(
        "--cast", help="YAML or JSON file of speaker: voice. Sound files are sought beside it; --voice goes before it."
    ),
]
SeedOption = Annotated[int | None, typer.Option(help="The same seed gives the same sound. Default: a new one.")]
GapOption = Annotated[float | None, typer.Option(help="Seconds between turns. Default: as people leave them.")]
SpeedOption = Annotated[float | None, typer.Option(help="0.25 to 4; pitch stays. Default: 1.")]
LoudnessOption = Annotated[float | None, typer.Option(help="Of every turn, in LUFS (EBU R128). Default: -23.")]
PronunciationsOption = Annotated[Path | None, typer.Option(help="Dictionary: lines of word, tab, phonemes.")]


class Directions(str, Enum):
    """What becomes of stage directions; see `dialogue_tts.script.directions.Treatment`."""

    left_out = "left_out"
    spoken = "spoken"
    narrator = "narrator"
    refused = "refused"


DirectionsOption = Annotated[
    Directions, typer.Option(help="Stage directions and headings: left out, spoken, read by a Narrator, or refused.")
]


class SoundFormat(str, Enum):
    """Endings of sound files."""

    wav = "wav"
    flac = "flac"
    mp3 = "mp3"
    ogg = "ogg"
    opus = "opus"


SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="NAME=VALUE: any other setting of the library, such as takes=2 or guidance=1. May be repeated.",
    ),
]


C2paOption = Annotated[
    tuple[Path, Path] | None,
    typer.Option(metavar="CERTIFICATE KEY", help="PEM files: sign whole sound files with Content Credentials."),
]


def signer_of(files: tuple[Path, Path] | None) -> ContentSigner | None:
    """Raises SettingsError if they cannot sign."""
    from dialogue_tts.provenance.credentials import ContentSigner

    return ContentSigner.load(*files) if files else None


def settings_of(
    gap: float | None = None,
    speed: float | None = None,
    loudness: float | None = None,
    pronunciations: Path | None = None,
    others: list[str] | None = None,
) -> SynthesisConfig:
    """Settings from options; those left out are the usual ones."""
    from dialogue_tts.config import from_dict
    from dialogue_tts.settings import SynthesisConfig
    from dialogue_tts.text.pronunciations import read_pronunciations

    words = read_pronunciations(pronunciations) if pronunciations else None
    options = {"gap_s": gap, "speed": speed, "loudness_lufs": loudness, "pronunciations": words}
    named = dict(_named(option) for option in others or [])
    return from_dict(SynthesisConfig, {n: v for n, v in options.items() if v is not None} | named, "--set ")


def _named(option: str) -> tuple[str, object]:
    name, separator, value = option.partition("=")
    try:
        return name.strip(), json.loads(value) if separator else None
    except ValueError:
        raise SettingsError(f"--set {option}: write a name and a number, as in --set takes=2.") from None


def given_voices(options: list[str] | None, cast: Path | None = None) -> dict[str, str]:
    """--voice options, and those of a --cast file that they do not name -> speaker: voice."""
    voices: dict[str, str] = {}
    for option in options or []:
        speaker, separator, voice = option.partition("=")
        speaker = unicodedata.normalize("NFC", speaker)  # as scripts have it
        if not separator or not speaker.strip() or not voice.strip():
            raise VoiceError(f'--voice {option}: write a speaker and a voice, as in --voice "Anna=anna.wav".')
        if speaker.strip() in voices:
            raise VoiceError(f"--voice {option}: {speaker.strip()} has a voice already; give one voice a speaker.")
        voices[speaker.strip()] = voice.strip()
    if cast is None:
        return voices
    from dialogue_tts.voices.cast import read_cast

    return {**read_cast(cast), **voices}


def turn_range(option: str | None) -> tuple[int, int] | None:
    """--turns -> first and last turn, from 0: `10-40`, or `7` alone."""
    if option is None:
        return None
    found = re.fullmatch(r"\s*(\d{1,9})\s*(?:[-–]\s*(\d{1,9})\s*)?", option)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= first <= last:
        raise SettingsError(
            f"--turns {option}: write the first and the last turn, counted from 1, as in --turns 10-40."
        )
    return first - 1, last - 1


def read_file(source: str) -> bytes:
    """A script's or project's bytes, or standard input's for -; no more of them than a script may have."""
    from dialogue_tts.script.documents import MOST_BYTES

    try:
        if source == "-":
            return sys.stdin.buffer.read(MOST_BYTES + 1)
        with Path(source).open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ScriptError(f"{source}: the script cannot be read ({error.strerror}); give a text file or -.") from None


def draft_of(data: bytes, source: str, directions: Directions) -> Draft:
    """What a script's bytes hold; its format is that of the file's ending. Raises ScriptError if they are no script at all."""
    from dialogue_tts.script.documents import read_draft

    if _is_project(data, source):
        raise ScriptError(f"{source}: this is a project, not a script; `dialogue-tts synthesize` speaks it.")
    try:
        return read_draft(data, "script.txt" if source == "-" else Path(source).name, directions.value)
    except ScriptError as error:
        raise ScriptError(f"{source}: {error}") from None


def tell_left_out(source: str, script: Script) -> None:
    """One line on standard error where something in a script is not spoken."""
    count = sum(finding.message.endswith("left out") for finding in script.findings)
    if count:
        told = f"{count} directions and the like are left out" if count > 1 else "one direction or the like is left out"
        typer.echo(f"{source}: {told}; `dialogue-tts check` lists them, --directions has other ways", err=True)


def project_in(data: bytes, source: str, settings_given: bool) -> Project | None:
    """The project, if the bytes are one."""
    if not _is_project(data, source):
        return None
    from dialogue_tts.dialogue.project import Project

    if settings_given:
        raise ProjectError(f"{source}: a project has a seed and settings of its own; leave out yours.")
    try:
        return Project.parse(data.decode("utf-8-sig"), source)
    except UnicodeDecodeError:
        raise ProjectError(f"{source}: this is no project file; give one that was saved by --project.") from None


def _is_project(data: bytes, source: str) -> bool:
    """No script begins with a brace, except a chat in a JSON file."""
    begins = data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    chat = Path(source).suffix.casefold() in (".json", ".jsonl") and not re.match(rb'\{\s*"kind"', begins)
    return begins.startswith(b"{") and not begins.startswith(b"{\\rtf") and not chat


def check_texts(paths: Sequence[Path], read: Sequence[str | Path] = ()) -> None:
    """Raises AudioError if files that are not sound cannot be written, or are among those that are `read`."""
    from dialogue_tts.audio.io import check_writable

    for path in paths:
        check_writable(path)
    check_not_read(paths, read)
