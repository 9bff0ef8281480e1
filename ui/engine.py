"""One work after another, in the order they came, whoever asked for them: two at once would only share the processor."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from dialogue_tts.errors import DialogueTTSError

log = logging.getLogger(__name__)


class BusyError(DialogueTTSError):
    """Too much waits already."""


class Engine:
    """A thread that does what is submitted. Safe to use from several threads."""

    def __init__(self, longest_queue: int = 8) -> None:
        self._longest = longest_queue
        self._waiting: deque[Callable[[], None]] = deque()
        self._running: Callable[[], None] | None = None
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], None]) -> None:
        """Do this when all that was submitted before is done. Raises BusyError if too much waits."""
        with self._changed:
            if len(self._waiting) >= self._longest:
                raise BusyError(
                    f"{len(self._waiting)} dialogues wait already; try again in a minute. Your script stays here."
                )
            self._waiting.append(work)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="studio", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def in_front_of(self, work: Callable[[], None]) -> int:
        """How many works are done before this one; 0 while it runs, or when it is over."""
        with self._changed:
            if work not in self._waiting:
                return 0
            return list(self._waiting).index(work) + (self._running is not None)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._waiting))
                self._running = self._waiting.popleft()
            try:
                self._running()
            except Exception:  # whatever it was, the next one has its turn
                log.exception("a work of the studio failed")
            with self._changed:
                self._running = None
