"""The sound files of one dialogue: its takes, the whole, what is played while it is made, downloads. What is old is deleted."""

from __future__ import annotations

import logging
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np

from dialogue_tts.audio.io import write_audio
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.result import Take
from dialogue_tts.errors import AudioError, DialogueTTSError
from dialogue_tts.provenance.mark import Mark

MOST_DOWNLOADS = 24  # whose files are held
log = logging.getLogger(__name__)


class FullError(DialogueTTSError):
    """There is no place for sounds."""


class JobFiles:
    """Whoever uses it sees to it that one thread does at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._takes: dict[int, tuple[Take, Path]] = {}  # by id, which stays good as long as the take is held
        self._before: set[int] = set()  # takes that were in the dialogue
        self._wholes: list[Path] = []  # as it is and as it was: that may still be playing
        self._downloads: list[Path] = []
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, wave: np.ndarray, kind: str) -> Path:
        """A new file each time: a browser plays the old sound of an old name. Raises FullError."""
        path = self.folder / f"{kind}-{secrets.token_hex(8)}.wav"
        try:
            write_audio(path, wave, SAMPLE_RATE_HZ)
        except AudioError:
            log.exception("the studio cannot write %s", path)
            raise FullError(
                "the studio cannot write its sounds; make room on its disk, then make the dialogue again."
            ) from None
        return path

    def whole(self, wave: np.ndarray) -> Path:
        """The dialogue as it is now; the one before the last goes. Raises FullError."""
        self._wholes.append(self.write(wave, "dialogue"))
        for old in self._wholes[:-2]:
            old.unlink(missing_ok=True)
        del self._wholes[:-2]
        return self._wholes[-1]

    def take(self, take: Take, mark: Mark | None) -> str:
        """A take alone; "" where there is no place, which the page is told where the whole is written."""
        with suppress(FullError):
            if id(take) not in self._takes:
                self._takes[id(take)] = take, self.write(take.marked(mark), "take")
        return str(self._takes[id(take)][1]) if id(take) in self._takes else ""

    def forget_takes(self, there: Iterable[Take]) -> None:
        """Delete the files of takes that were not in the dialogue the last two times."""
        now = {id(take) for take in there}
        held, self._before = now | self._before, now
        for key in [key for key in self._takes if key not in held]:
            self._takes.pop(key)[1].unlink(missing_ok=True)

    def download_folder(self) -> Path:
        """A new folder for a download; of too many, the oldest goes."""
        folder = self.folder / secrets.token_hex(8)
        folder.mkdir()
        self._downloads.append(folder)
        for old in self._downloads[:-MOST_DOWNLOADS]:
            shutil.rmtree(old, ignore_errors=True)
        del self._downloads[:-MOST_DOWNLOADS]
        return folder

    def delete(self) -> None:
        """All of them."""
        shutil.rmtree(self.folder, ignore_errors=True)
