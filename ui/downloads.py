"""A dialogue as the files that a page offers."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from dialogue_tts.audio.io import write_audio
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.script.writing import format_script

SOUNDS = ("wav", "flac", "mp3", "ogg", "opus")


def file_stem(title: str) -> str:
    """A plain file name."""
    return re.sub(r"[^\w-]+", "-", title).strip("-")[:48] or "dialogue"


def _sound(ending: str, stereo: bool = False) -> Callable[[Dialogue, Path, str], Path]:
    def write(dialogue: Dialogue, folder: Path, stem: str) -> Path:
        path = folder / f"{stem}{'-stereo' if stereo else ''}.{ending}"
        dialogue.save(path, stereo)
        return path

    return write


def _saved(ending: str, save: Callable[[Dialogue, Path], None]) -> Callable[[Dialogue, Path, str], Path]:
    def write(dialogue: Dialogue, folder: Path, stem: str) -> Path:
        path = folder / f"{stem}{ending}"
        save(dialogue, path)
        return path

    return write


def _script(dialogue: Dialogue, path: Path) -> None:
    path.write_text(format_script(dialogue.script), encoding="utf-8")


def _tracks(dialogue: Dialogue, folder: Path, stem: str) -> Path:
    inside = folder / "tracks"
    return _zipped(folder / f"{stem}-tracks.zip", dialogue.save_tracks(inside))


def _turns(dialogue: Dialogue, folder: Path, stem: str) -> Path:
    paths = []
    for turn in dialogue.turns:
        path = folder / f"{turn.index + 1:03}-{file_stem(turn.speaker)}-{file_stem(turn.text)[:24].strip('-')}.wav"
        write_audio(path, dialogue.turn_waveform(turn.index), dialogue.sample_rate, dialogue.provenance)
        paths.append(path)
    return _zipped(folder / f"{stem}-turns.zip", paths)


def _everything(dialogue: Dialogue, folder: Path, stem: str) -> Path:
    kinds = ("wav", "mp3", "srt", "vtt", "json", "labels", "script", "project")
    return _zipped(folder / f"{stem}.zip", [WRITERS[kind](dialogue, folder, stem) for kind in kinds])


def _zipped(target: Path, paths: list[Path]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)
    return target


WRITERS: dict[str, Callable[[Dialogue, Path, str], Path]] = {
    **{ending: _sound(ending) for ending in SOUNDS},
    "stereo": _sound("wav", stereo=True),
    "srt": _saved(".srt", Dialogue.save_srt),
    "vtt": _saved(".vtt", Dialogue.save_vtt),
    "json": _saved(".json", Dialogue.save_timestamps),
    "labels": _saved("-labels.txt", Dialogue.save_labels),
    "script": _saved("-script.txt", _script),
    "project": _saved(".dialogue.json", lambda dialogue, path: Project.of(dialogue).save(path)),
    "tracks": _tracks,
    "turns": _turns,
    "all": _everything,
}
