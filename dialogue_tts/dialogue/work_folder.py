"""The turns of a dialogue that is being made, in a folder beside its sound file: what is made once is never lost.

    talk.wav.work/
      work.json       which dialogue it is, by hashes
      00012.0.take    take 0 of turn 12, both from 0, see `saved_takes`
      lock            held by the process that makes it, until it ends, however it does

Files are there whole or not at all, after a loss of power too. The folder goes away when the sound file is whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from dialogue_tts.config import from_dict, strict, to_dict
from dialogue_tts.dialogue.result import BundleId, Take
from dialogue_tts.dialogue.saved_takes import take_from_bytes, take_to_bytes
from dialogue_tts.errors import ConfigError, ProjectError, WorkFolderError
from dialogue_tts.files import remove_drafts, whole_file

KIND = "dialogue-tts work 1"
ENDING, MANIFEST, LOCK = ".work", "work.json", "lock"
BYTES_PER_S = 96_000  # of a saved take
_OURS = re.compile(r"\d{5,}\.\d+\.take|work\.json|lock|\..+\.part")


@strict
class WorkManifest:
    """Which dialogue is being made: all that its turns' sound depends on.

    Attributes:
        version: of dialogue-tts.
        script, settings, voices: SHA-256 of each.
    """

    version: str
    bundle: BundleId
    script: str
    settings: str
    voices: str
    seed: int
    kind: str = KIND

    def differs_in(self, other: WorkManifest) -> str | None:
        """The first thing that is not the same, in words."""
        pairs = {
            "version of dialogue-tts": (self.version, other.version),
            "bundle": (self.bundle, other.bundle),
            "seed": (self.seed, other.seed),  # before the script, whose turns have seeds that follow from it
            "script": (self.script, other.script),
            "settings": (self.settings, other.settings),
            "cast of voices": (self.voices, other.voices),
        }
        return next((name for name, (here, there) in pairs.items() if here != there), None)


class WorkFolder:
    """Get one from `opened`, which holds its lock, or from `looked_at`."""

    def __init__(self, folder: Path, lock: BaseFileLock | None = None) -> None:
        self.folder, self._lock = folder, lock
        self.manifest = self._read_manifest()

    def begin(self, manifest: WorkManifest) -> None:
        """From here on it holds that dialogue. Raises WorkFolderError if it holds another, or cannot be written to."""
        if self.manifest is None or self.is_empty:
            self._write(MANIFEST, json.dumps(to_dict(manifest), indent=1).encode())
            self.manifest = manifest
        self.check(manifest)

    def check(self, manifest: WorkManifest) -> None:
        """Raises WorkFolderError if it holds another dialogue."""
        if self.manifest is not None and (what := self.manifest.differs_in(manifest)):
            raise WorkFolderError(
                f"{self.folder}: the unfinished work there has another {what}; finish it with its own command, remove the "
                "folder, or choose another output."
            )

    def find(self, turn: int, take: int) -> Take | None:
        """A take that was made before; None where it was not, or its file is damaged: then it is made again."""
        try:
            return take_from_bytes((self.folder / _name(turn, take)).read_bytes())
        except (FileNotFoundError, ProjectError):
            return None
        except OSError as error:
            raise WorkFolderError(
                f"{self.folder}: a turn cannot be read ({error.strerror}); see to its rights."
            ) from None

    def keep(self, turn: int, take: int, made: Take) -> None:
        """Save a take. Raises WorkFolderError if the disk is full, or the like."""
        self._write(_name(turn, take), take_to_bytes(made))

    @property
    def is_empty(self) -> bool:
        """Whether no take is in it."""
        return not any(self.folder.glob("*.take"))

    def remove(self) -> None:
        """The sound file is whole: take everything away, the last turn first."""
        try:
            for path in sorted(self.folder.glob("*.take"), reverse=True):
                path.unlink()
            (self.folder / MANIFEST).unlink(missing_ok=True)
            if self._lock is not None:
                self._lock.release(force=True)  # not all systems remove a file that is locked
            (self.folder / LOCK).unlink(missing_ok=True)
            self.folder.rmdir()
        except OSError as error:
            raise WorkFolderError(f"{self.folder}: cannot be removed ({error.strerror}); remove it yourself.") from None

    def _write(self, name: str, data: bytes) -> None:
        try:
            with whole_file(self.folder / name) as draft:
                draft.write_bytes(data)
        except OSError as error:
            told = f"nothing more can be kept ({error.strerror}); make room, and run the same command again to go on"
            raise WorkFolderError(f"{self.folder}: {told}.") from None

    def _read_manifest(self) -> WorkManifest | None:
        """None where there is none yet. Raises WorkFolderError if it is of another version, or this is no work folder."""
        strangers = [path.name for path in self.folder.iterdir() if not _OURS.fullmatch(path.name)]
        if strangers:
            told = f"this folder holds {min(strangers)}, which is no work of dialogue-tts"
            raise WorkFolderError(f"{self.folder}: {told}; move it, or choose another output.")
        path = self.folder / MANIFEST
        if not path.exists() and self.is_empty:
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(values, dict) or values.get("kind") != KIND:
                raise ConfigError("it is of another version of dialogue-tts")
            return from_dict(WorkManifest, values)
        except (OSError, ValueError, ConfigError) as error:
            told = f"the unfinished work there cannot be used ({error})"
            raise WorkFolderError(f"{self.folder}: {told}; remove the folder, or choose another output.") from None


def _name(turn: int, take: int) -> str:
    return f"{turn:05}.{take}.take"


def work_folder_of(out: Path) -> Path:
    """Where the work on a sound file is kept."""
    return out.with_name(out.name + ENDING)


@contextmanager
def opened(out: Path) -> Iterator[WorkFolder]:
    """The work folder of a sound file, made if need be, for this process alone. One in which no turn is goes away at the end.

    Raises:
        WorkFolderError: another process has it, it is of another version or none of ours, or it cannot be made.
    """
    folder = work_folder_of(out)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        folder.mkdir(exist_ok=True)
        WorkFolder(folder)  # before the lock's file is put into what may be somebody else's
        lock.acquire()
    except Timeout:
        told = "another process is making this dialogue; wait for it, or choose another output"
        raise WorkFolderError(f"{folder}: {told}.") from None
    except OSError as error:
        raise WorkFolderError(f"{folder}: cannot be made ({error.strerror}); choose another place.") from None
    try:
        remove_drafts(out)
        remove_drafts(folder)
        work = WorkFolder(folder, lock)
        yield work
    finally:
        if folder.exists() and not any(folder.glob("*.take")):
            WorkFolder(folder, lock).remove()
        lock.release(force=True)


def looked_at(out: Path) -> WorkFolder:
    """The work folder of a sound file, to read in it, also while another process fills it.

    Raises:
        WorkFolderError: there is none, or it is of another version.
    """
    folder = work_folder_of(out)
    if not folder.is_dir():
        raise WorkFolderError(f"{out}: there is no unfinished work on it; leave out --partial to make it.")
    return WorkFolder(folder)
