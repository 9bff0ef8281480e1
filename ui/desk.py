"""What belongs to one user, and when it goes. A user is a browser, known by a secret of its own."""

from __future__ import annotations

import secrets
import shutil
import threading
import time
from pathlib import Path

from dialogue_tts._ui.voices import VoiceShelf
from dialogue_tts._ui.work import Work
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.pipeline import DialogueTTS

MOST_WORKS = 8  # dialogues of one user whose sound is held; scripts stay in the browser
MOST_DESKS = 500
LOOK_S = 60.0  # between two looks for desks that were left


class Desk:
    """Dialogues and voices of one user. Safe to use from several threads."""

    def __init__(self, tts: DialogueTTS, folder: Path, personal: bool) -> None:
        self.folder = folder
        self.seen = time.monotonic()
        self.voices = VoiceShelf(tts, folder, personal)
        self._tts = tts
        self._works: dict[str, Work] = {}
        self._lock = threading.Lock()
        folder.mkdir(parents=True, mode=0o700)

    def work(self, name: str) -> Work | None:
        """The dialogue of that name, if it is still here."""
        with self._lock:
            return self._works.get(name)

    def open(self, name: str) -> Work:
        """The dialogue of that name, or a new one; of too many, the one that was opened first goes."""
        with self._lock:
            work = self._works.pop(name, None) or Work(self._tts, self.folder / secrets.token_hex(16))
            self._works[name] = work
            idle = [key for key, held in self._works.items() if not held.job and key != name]
            gone = [self._works.pop(key) for key in idle[: max(0, len(self._works) - MOST_WORKS)]]
        for old in gone:
            old.delete()
        return work

    @property
    def at_work(self) -> bool:
        """Whether something is being made here."""
        with self._lock:
            return any(work.job for work in self._works.values())

    def delete(self) -> None:
        """With all sounds and voices."""
        with self._lock:
            works, self._works = self._works, {}
        for work in works.values():
            work.delete()
        shutil.rmtree(self.folder, ignore_errors=True)


class Desks:
    """All desks. One that nobody has come to for a while is deleted, with all its files."""

    def __init__(self, tts: DialogueTTS, folder: Path, personal: bool, keep_s: float) -> None:
        self._tts, self._folder, self._personal, self._keep_s = tts, folder, personal, keep_s
        self._desks: dict[str, Desk] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._look, name="studio-desks", daemon=True).start()

    def of(self, secret: str) -> Desk:
        """A user's desk; a new one for somebody new."""
        with self._lock:
            if secret not in self._desks:
                if len(self._desks) >= MOST_DESKS:
                    raise DialogueTTSError("too many people are here; try again later. Your script stays here.")
                self._desks[secret] = Desk(self._tts, self._folder / secrets.token_hex(16), self._personal)
            self._desks[secret].seen = time.monotonic()
            return self._desks[secret]

    def forget(self, secret: str) -> None:
        """Delete all that a user has here."""
        with self._lock:
            desk = self._desks.pop(secret, None)
        if desk:
            desk.delete()

    def sweep(self) -> None:
        """Delete what was left."""
        with self._lock:
            late = time.monotonic() - self._keep_s
            left = [key for key, desk in self._desks.items() if desk.seen < late and not desk.at_work]
            gone = [self._desks.pop(key) for key in left]
        for desk in gone:
            desk.delete()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()

    def _look(self) -> None:
        while not self._closed.wait(min(LOOK_S, self._keep_s)):
            self.sweep()
