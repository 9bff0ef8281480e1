"""What belongs to one user, and when it goes. A user is a browser, known by a secret of its own."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue_tts._ui.dialogue_job import DialogueJob
from dialogue_tts._ui.kept import KeptDesk
from dialogue_tts._ui.mixing import SessionSounds, mix_in
from dialogue_tts._ui.publishing import SessionCovers
from dialogue_tts._ui.session_voices import SessionVoices
from dialogue_tts.errors import DialogueTTSError, StoreError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.synthesis.ticket import QueueLimits

if TYPE_CHECKING:
    from dialogue_tts.store.desks import DeskStore

log = logging.getLogger(__name__)

MOST_DIALOGUES = 8  # of one user whose sound is held; scripts stay in the browser
MOST_SESSIONS = 500
MOST_SPOKEN_WORDS = 8  # heard alone, of one user
LEFT_S = 900.0  # unseen for so long, a session that holds something goes when there are too many
LOOK_S = 60.0  # between two looks for sessions that were left


class Session:
    """Dialogues and voices of one user. Safe to use from several threads."""

    def __init__(self, tts: DialogueTTS, folder: Path, personal: bool, limits: QueueLimits, kept: KeptDesk) -> None:
        """Raises StoreError: what is kept of the user cannot be read."""
        self.folder, self.kept = folder, kept
        self.seen = time.monotonic()
        self.voices = SessionVoices(tts, folder, personal, kept)
        self.sounds, self.covers = SessionSounds(), SessionCovers()
        self._tts, self._limits = tts, limits
        self._jobs: dict[str, DialogueJob] = {}
        self._lock, self._saying = threading.Lock(), threading.Lock()
        self._words: list[Path] = []
        folder.mkdir(parents=True, mode=0o700)

    def job(self, name: str) -> DialogueJob | None:
        """The dialogue of that name, if it is still here, or was kept."""
        with self._lock:
            job = self._jobs.get(name)
            return job or self._restored(name)

    def open(self, name: str) -> DialogueJob:
        """The dialogue of that name, or a new one; of too many, the one that was opened first goes."""
        with self._lock:
            found = self._jobs.pop(name, None)
            job = found or self._restored(name) or self._new(name)
            self._jobs[name] = job
            idle = [key for key, held in self._jobs.items() if not held.making and key != name]
            gone = [self._jobs.pop(key) for key in idle[: max(0, len(self._jobs) - MOST_DIALOGUES)]]
            elsewhere = [kept for kept in self.kept.dialogues() if kept not in self._jobs]  # not opened in this process
            too_many = max(0, len(self._jobs) + len(elsewhere) - MOST_DIALOGUES)
        for old in gone:
            old.delete()
        for unopened in elsewhere[:too_many]:
            self.kept.dialogue(unopened).delete()
        return job

    def _new(self, name: str) -> DialogueJob:
        folder = self.folder / secrets.token_hex(16)
        return DialogueJob(self._tts, folder, self._limits, self.kept.dialogue(name))

    def _restored(self, name: str) -> DialogueJob | None:
        """A dialogue that another process has made, or begun."""
        found = self.kept.dialogue(name).found(self._tts)
        if found is None:
            return None
        job = self._new(name)
        job.put(found.wanted, found.dialogue, found.missing)
        if found.mix is not None:
            with suppress(
                DialogueTTSError
            ):  # its sounds are not here any more, as the page is told when it asks for it
                job.arrange(mix_in(self.sounds.all, {"mix": found.mix}))
        self._jobs[name] = job
        return job

    @contextmanager
    def one_word(self) -> Iterator[None]:
        """Words are said one at a time. Raises DialogueTTSError while another is."""
        if not self._saying.acquire(blocking=False):
            raise DialogueTTSError("a word is being said already; wait for it.")
        try:
            yield
        finally:
            self._saying.release()

    def hold_word(self, path: Path) -> None:
        """The sound of a word; of too many, the oldest goes."""
        self._words.append(path)
        for old in self._words[:-MOST_SPOKEN_WORDS]:
            old.unlink(missing_ok=True)
        del self._words[:-MOST_SPOKEN_WORDS]

    @property
    def at_work(self) -> bool:
        """Whether something is being made here."""
        with self._lock:
            return any(job.making for job in self._jobs.values())

    @property
    def empty(self) -> bool:
        """Whether nothing is lost with it."""
        with self._lock:
            return not self._jobs and not self.voices.any_brought and not self.sounds.all

    def close(self) -> None:
        """Let go of all sounds and voices; what is kept of them stays."""
        with self._lock:
            jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            job.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def delete(self) -> None:
        """With all sounds and voices."""
        self.close()
        self.kept.delete()


class Sessions:
    """All sessions. One that nobody has come to for a while is deleted, with all its files."""

    def __init__(
        self,
        tts: DialogueTTS,
        folder: Path,
        personal: bool,
        keep_s: float,
        limits: QueueLimits | None = None,
        store: DeskStore | None = None,
    ) -> None:
        """`store` is where dialogues and voices outlive this process; None for nowhere."""
        self._keep_s, self._store = keep_s, store
        self._new: Callable[[str], Session] = lambda secret: Session(
            tts, folder / secrets.token_hex(16), personal, limits or QueueLimits(), KeptDesk(store, secret)
        )
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._look, name="studio-sessions", daemon=True).start()

    def of(self, secret: str) -> Session:
        """A user's session; a new one for somebody new.

        Invented secrets lock nobody out: of too many sessions, one that holds nothing makes room, or else one that was left.

        Raises:
            DialogueTTSError: all of them are in use.
            StoreError: what is kept of the user cannot be read.
        """
        with self._lock:
            if secret in self._sessions:
                self._sessions[secret].seen = time.monotonic()
                return self._sessions[secret]
        fresh = self._new(secret)  # which asks the store, while others go on
        gone: Session | None = fresh
        try:
            with self._lock:
                if secret not in self._sessions:  # nobody with that secret came meanwhile
                    gone = self._sessions.pop(self._least_missed()) if len(self._sessions) >= MOST_SESSIONS else None
                    self._sessions[secret] = fresh
                session = self._sessions[secret]
                session.seen = time.monotonic()
        finally:
            if gone:
                gone.close()
        return session

    def forget(self, secret: str) -> None:
        """Delete all that a user has here."""
        with self._lock:
            session = self._sessions.pop(secret, None)
        if session:
            session.delete()
        else:
            KeptDesk(self._store, secret).delete()

    def sweep(self) -> None:
        """Delete what was left."""
        with self._lock:
            there = list(self._sessions.values())
        if self._store:
            for session in there:
                session.kept.seen(0.0 if session.at_work else time.monotonic() - session.seen)
            self._store.tidy(time.time() - self._keep_s)
        with self._lock:
            late = time.monotonic() - self._keep_s
            left = [key for key, session in self._sessions.items() if session.seen < late and not session.at_work]
            gone = [self._sessions.pop(key) for key in left]
        for session in gone:
            session.delete()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()

    def _least_missed(self) -> str:
        late = time.monotonic() - LEFT_S
        by_age = sorted(self._sessions, key=lambda key: self._sessions[key].seen)
        empty = [key for key in by_age if self._sessions[key].empty]
        left = [key for key in by_age if self._sessions[key].seen < late and not self._sessions[key].at_work]
        if not empty and not left:
            raise DialogueTTSError("too many people are here; try again later. Your script stays here.")
        return (empty or left)[0]

    def _look(self) -> None:
        while not self._closed.wait(min(LOOK_S, self._keep_s)):
            try:
                self.sweep()
            except StoreError as error:
                log.error("%s", error)
