"""A project in one file: the project, voices that may be handed on, and all takes as they sound.

It opens elsewhere with the same bytes, as no network has to compute anything again. A zip; nothing in it is trusted.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from dialogue_tts.config import SAMPLE_RATE_HZ, from_dict, strict, to_dict
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.publication import Publication
from dialogue_tts.dialogue.result import Dialogue, Take, TurnTakes
from dialogue_tts.dialogue.turns import Check, SpokenWord
from dialogue_tts.errors import ConfigError, DialogueTTSError, ProjectError
from dialogue_tts.files import writable
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.voices.voice import ENDING as VOICE_ENDING
from dialogue_tts.voices.voice import Voice

ENDING = ".dialogue"
PROJECT, PUBLICATION, TAKES, VOICES = "project.json", "publication.json", "takes.json", "voices"
MOST_BYTES = 1 << 30  # of all parts together, unpacked
LARGEST_TEXT, LARGEST_VOICE = 64 << 20, 1 << 20
LONGEST_TAKE_S = 1800.0


@strict
class StoredWord:
    """A word of a take; see `SpokenWord`."""

    word: str
    start: float
    end: float


@strict
class StoredCheck:
    """See `Check`."""

    phone_error: float
    pace: float
    voice_match: float
    rival_match: float | None


@strict
class StoredTake:
    """What is known of a take beside its sound, which is `{turn}-{take}.wav`."""

    words: tuple[StoredWord, ...]
    draws: int
    check: StoredCheck


@strict
class StoredTakes:
    """Of all turns, in order."""

    turns: tuple[tuple[StoredTake, ...], ...]


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
            mark: as it was then, for the same bytes.

        Raises:
            ProjectError: a voice or a sound of the mix is another.
        """
        project = self.project
        project.check_voices(voices)
        cast = project.in_its_accents(voices)
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
    stored = [[_told(take) for take in part.takes] for part in dialogue.turn_takes]
    with writable(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr(PROJECT, json.dumps(to_dict(Project.of(dialogue)), ensure_ascii=False))
        file.writestr(PUBLICATION, json.dumps(to_dict(publication or Publication()), ensure_ascii=False))
        file.writestr(TAKES, json.dumps({"turns": stored}, ensure_ascii=False))
        for number, (speaker, voice) in enumerate(dialogue.voices.items()):
            if voice.consent is None:
                kept_back.append(speaker)
                continue
            with tempfile.TemporaryDirectory() as folder:
                voice.save(Path(folder) / f"voice{VOICE_ENDING}")
                file.write(Path(folder) / f"voice{VOICE_ENDING}", f"{VOICES}/{number}{VOICE_ENDING}")
        for n, part in enumerate(dialogue.turn_takes):
            for k, take in enumerate(part.takes):
                held = io.BytesIO()
                soundfile.write(held, take.waveform, SAMPLE_RATE_HZ, "FLOAT", format="WAV")
                file.writestr(f"{n}-{k}.wav", held.getvalue())
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
    stored = from_dict(StoredTakes, json.loads(_part(file, TAKES, LARGEST_TEXT)), TAKES + ": ")
    if [len(turn.takes) for turn in project.turns] != [len(turn) for turn in stored.turns]:
        raise ConfigError("its project and its takes do not belong together; save it again.")
    takes = tuple(
        tuple(
            _take(file, f"{n}-{k}.wav", told, saved.text, saved.seed)
            for k, (told, saved) in enumerate(zip(stored.turns[n], turn.takes, strict=True))
        )
        for n, turn in enumerate(project.turns)
    )
    found = [_voice(file, name) for name in file.namelist() if name.startswith(f"{VOICES}/")]
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


def _voice(file: zipfile.ZipFile, name: str) -> Voice:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"voice{VOICE_ENDING}"
        path.write_bytes(_part(file, name, LARGEST_VOICE))
        return Voice.load(path)


def _take(file: zipfile.ZipFile, name: str, told: StoredTake, text: str, seed: int) -> Take:
    most = round(LONGEST_TAKE_S * SAMPLE_RATE_HZ)
    data = _part(file, name, 4 * most + 4096)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as sound:
            if (sound.samplerate, sound.channels, sound.subtype) != (SAMPLE_RATE_HZ, 1, "FLOAT") or sound.frames > most:
                raise ConfigError(f"its part {name} is another kind of sound than is saved.")
            wave = sound.read(dtype="float32")
    except soundfile.LibsndfileError as error:
        raise ConfigError(f"its part {name} is damaged ({error.error_string}); save it again.") from None
    if not np.isfinite(wave).all() or np.abs(wave).max(initial=0.0) > 1:
        raise ConfigError(f"its part {name} holds values that are no sound; save it again.")
    words = tuple(SpokenWord(word.word, word.start, word.end) for word in told.words)
    check = Check(*asdict(told.check).values())
    return Take(text=text, seed=seed, waveform=wave, words=words, draws=told.draws, check=check)


def _told(take: Take) -> dict[str, object]:
    return {"words": [asdict(word) for word in take.words], "draws": take.draws, "check": asdict(take.check)}
