"""A dialogue as the files that a page offers."""

from __future__ import annotations

import base64
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dialogue_tts.audio.io import write_audio
from dialogue_tts.dialogue.archive import ENDING, save_archive
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.publication import Publication
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.dialogue.transcript import transcript
from dialogue_tts.provenance.credentials import TYPES, ContentSigner
from dialogue_tts.script.writing import format_script


@dataclass(frozen=True)
class Download:
    """What is to be written.

    Attributes:
        folder: a new one; stem: what the file's name begins with.
        signer: of sound files that can be signed.
    """

    dialogue: Dialogue
    publication: Publication
    folder: Path
    stem: str
    signer: ContentSigner | None = None

    def path(self, rest: str) -> Path:
        """A file's, by what comes behind the stem."""
        return self.folder / f"{self.stem}{rest}"

    def signer_of(self, path: Path) -> ContentSigner | None:
        """None for a file that cannot be signed."""
        return self.signer if path.suffix in TYPES else None


def file_stem(title: str) -> str:
    """A plain file name."""
    return re.sub(r"[^\w-]+", "-", title).strip("-")[:48] or "dialogue"


def _sound(ending: str, stereo: bool = False) -> Callable[[Download], Path]:
    def write(wanted: Download) -> Path:
        path = wanted.path(f"{'-stereo' if stereo else ''}.{ending}")
        wanted.dialogue.save(path, stereo, wanted.signer_of(path))
        return path

    return write


def _tagged(ending: str) -> Callable[[Download], Path]:
    def write(wanted: Download) -> Path:
        path = wanted.path(f".{ending}")
        wanted.publication.save(wanted.dialogue, path, wanted.signer_of(path))
        return path

    return write


def _saved(ending: str, save: Callable[[Dialogue, Path], None]) -> Callable[[Download], Path]:
    def write(wanted: Download) -> Path:
        path = wanted.path(ending)
        save(wanted.dialogue, path)
        return path

    return write


def _script(dialogue: Dialogue, path: Path) -> None:
    path.write_text(format_script(dialogue.script), encoding="utf-8")


def _archive(wanted: Download) -> Path:
    path = wanted.path(ENDING)
    save_archive(wanted.dialogue, path, wanted.publication)
    return path


def _page(wanted: Download) -> Path:
    """The transcript with its sound inside."""
    sound = _tagged("mp3")(wanted)
    data = base64.b64encode(sound.read_bytes()).decode()
    sound.unlink()
    return _page_with(wanted, f"data:audio/mpeg;base64,{data}")


def _page_with(wanted: Download, sound: str) -> Path:
    told, path = wanted.publication, wanted.path(".html")
    page = transcript(wanted.dialogue, sound, told.title or wanted.stem, told.author, told.marks(wanted.dialogue))
    path.write_text(page, encoding="utf-8")
    return path


def _tracks(wanted: Download) -> Path:
    return _zipped(wanted.path("-tracks.zip"), _track_files(wanted))


def _track_files(wanted: Download) -> list[Path]:
    return wanted.dialogue.save_tracks(wanted.folder / "tracks", signer=wanted.signer)


def _turns(wanted: Download) -> Path:
    return _zipped(wanted.path("-turns.zip"), _turn_files(wanted))


def _turn_files(wanted: Download) -> list[Path]:
    paths, dialogue = [], wanted.dialogue
    for turn in dialogue.turns:
        name = f"{turn.index + 1:03}-{file_stem(turn.speaker)}-{file_stem(turn.text)[:24].strip('-')}.wav"
        path = wanted.folder / name
        sign = wanted.signer.signs(path) if wanted.signer else None
        write_audio(path, dialogue.turn_waveform(turn.index), dialogue.sample_rate, dialogue.provenance, sign)
        paths.append(path)
    return paths


def _everything(wanted: Download) -> Path:
    kinds = ("wav", "flac", "mp3", "m4b", "srt", "vtt", "json", "labels", "script", "project", "archive")
    files = {path.name: path for path in (WRITERS[kind](wanted) for kind in kinds)}
    page = _page_with(wanted, f"{wanted.stem}.mp3")
    tracks = {f"tracks/{path.name}": path for path in _track_files(wanted)}
    turns = {f"turns/{path.name}": path for path in _turn_files(wanted)}
    with zipfile.ZipFile(wanted.path(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in {**files, page.name: page, **tracks, **turns}.items():
            archive.write(path, name)
    return wanted.path(".zip")


def _zipped(target: Path, paths: list[Path]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)
    return target


WRITERS: dict[str, Callable[[Download], Path]] = {
    **{ending: _sound(ending) for ending in ("wav", "ogg")},
    **{ending: _tagged(ending) for ending in ("mp3", "m4a", "m4b", "flac", "opus")},
    "stereo": _sound("wav", stereo=True),
    "srt": _saved(".srt", Dialogue.save_srt),
    "vtt": _saved(".vtt", Dialogue.save_vtt),
    "json": _saved(".json", Dialogue.save_timestamps),
    "labels": _saved("-labels.txt", Dialogue.save_labels),
    "script": _saved("-script.txt", _script),
    "project": _saved(".dialogue.json", lambda dialogue, path: Project.of(dialogue).save(path)),
    "archive": _archive,
    "page": _page,
    "tracks": _tracks,
    "turns": _turns,
    "all": _everything,
}
