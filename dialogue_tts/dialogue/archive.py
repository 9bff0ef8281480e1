"""A project in one file: the project, voices that may be handed on, and all takes as they sound.

It opens elsewhere with the same bytes, as no network has to compute anything again. A zip; nothing in it is trusted.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dialogue_tts.config import from_dict, to_dict
from dialogue_tts.dialogue.project import Project, SavedTake
from dialogue_tts.dialogue.publication import Publication
from dialogue_tts.dialogue.result import Dialogue, Take, TurnTakes
from dialogue_tts.dialogue.saved_takes import take_from_bytes, take_to_bytes
from dialogue_tts.errors import ConfigError, DialogueTTSError, ProjectError
from dialogue_tts.files import writable
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.voices.voice import ENDING as VOICE_ENDING
from dialogue_tts.voices.voice import Voice

ENDING = ".dialogue"
PROJECT, PUBLICATION, TAKES, VOICES = "project.json", "publication.json", "takes", "voices"
TAKE_ENDING = ".safetensors"
MOST_BYTES = 1 << 30  # of all parts together, unpacked
LARGEST_TEXT, LARGEST_VOICE, LARGEST_TAKE = 64 << 20, 1 << 20, 256 << 20


@dataclass(frozen=True)
class Archive:
    """An archive that was read.

    Attributes:
        voices: speaker -> voice, of those that are in it.
        takes: of each turn, in order.
    """

    project: Project
    publication: Publication
    voices: Mapping[str, Voice]
    takes: tuple[tuple[Take, ...], ...]

    def dialogue(self, voices: Mapping[str, Voice], mark: Mark | None) -> Dialogue:
        """As it was saved; nothing is computed.

        Args:
            voices: of every speaker, as the project has them.
            mark: of whoever hands it on now; None for none. It says which bundle made the sound, whatever bundle it names.

        Raises:
            ProjectError: a voice or a sound of the mix is another.
        """
        project = self.project
        project.check_voices(voices)
        cast = project.in_its_accents(voices)
        mark = mark and mark.made_by(project.bundle.name, project.bundle.sha256)
        turns = zip(project.turns, self.takes, strict=True)
        parts = tuple(TurnTakes(saved.turn, takes, saved.chosen) for saved, takes in turns)
        return project.arrange(Dialogue(parts, cast, project.seed, project.config, project.bundle, mark))


def save_archive(dialogue: Dialogue, path: str | Path, publication: Publication | None = None) -> tuple[str, ...]:
    """Write a dialogue as one file.

    Returns:
        Speakers whose voices are not in it, as nobody recorded that they may be handed on (see `Consent`): voices of
        the bundle, which come with it, and others, which whoever opens the file has to have.

    Raises:
        AudioError: the place cannot be written to.
    """
    kept_back = []
    with writable(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr(PROJECT, json.dumps(to_dict(Project.of(dialogue)), ensure_ascii=False))
        file.writestr(PUBLICATION, json.dumps(to_dict(publication or Publication()), ensure_ascii=False))
        for number, (speaker, voice) in enumerate(dialogue.voices.items()):
            if voice.consent is None:
                kept_back.append(speaker)
            else:
                file.writestr(f"{VOICES}/{number}{VOICE_ENDING}", voice.to_bytes())
        for n, part in enumerate(dialogue.turn_takes):
            for k, take in enumerate(part.takes):
                file.writestr(f"{TAKES}/{n}-{k}{TAKE_ENDING}", take_to_bytes(take))
    return tuple(kept_back)


def load_archive(path: str | Path) -> Archive:
    """Read what `save_archive` wrote. Raises ProjectError if it is damaged, or none."""
    try:
        with zipfile.ZipFile(path) as file:
            if sum(part.file_size for part in file.infolist()) > MOST_BYTES:
                raise ProjectError(f"it unpacks to more than {MOST_BYTES >> 30} GB; open its project.json alone.")
            return _read(file)
    except DialogueTTSError as error:
        raise ProjectError(f"{path}: {error}") from None
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ProjectError(f"{path}: this is no project in one file, or it is damaged ({error}).") from None


def is_archive(path: str | Path) -> bool:
    """By how a file begins; what cannot be read is none."""
    try:
        with Path(path).open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


def _read(file: zipfile.ZipFile) -> Archive:
    project = Project.parse(_part(file, PROJECT, LARGEST_TEXT).decode(), PROJECT)
    publication = from_dict(Publication, json.loads(_part(file, PUBLICATION, LARGEST_TEXT)), PUBLICATION + ": ")
    takes = tuple(
        tuple(_take(file, f"{TAKES}/{n}-{k}{TAKE_ENDING}", saved) for k, saved in enumerate(turn.takes))
        for n, turn in enumerate(project.turns)
    )
    inside = [name for name in file.namelist() if name.startswith(f"{VOICES}/")]
    found = [Voice.from_bytes(_part(file, name, LARGEST_VOICE), name) for name in inside]
    by_hash = {voice.sha256: voice for voice in found}
    voices = {saved.speaker: by_hash[saved.sha256] for saved in project.voices if saved.sha256 in by_hash}
    return Archive(project, publication, voices, takes)


def _part(file: zipfile.ZipFile, name: str, most: int) -> bytes:
    try:
        with file.open(name) as part:
            data = part.read(most + 1)
    except KeyError:
        raise ConfigError(f"its part {name} is missing; save it again.") from None
    if len(data) > most:
        raise ConfigError(f"its part {name} is too large; save it again.")
    return data


def _take(file: zipfile.ZipFile, name: str, saved: SavedTake) -> Take:
    take = take_from_bytes(_part(file, name, LARGEST_TAKE))
    if (take.text, take.seed) != (saved.text, saved.seed):
        raise ConfigError(f"its part {name} is the take of another turn; save it again.")
    if not np.isfinite(take.waveform).all() or np.abs(take.waveform).max(initial=0.0) > 1:
        raise ConfigError(f"its part {name} holds values that are no sound; save it again.")
    return take
