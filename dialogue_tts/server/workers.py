"""Several processes at one address: each is a server with a bundle of its own, and all share the store.

This process computes nothing: it starts the others, starts another where one dies, and ends them when it is told to.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence

LISTENER, ALIVE = (
    "DIALOGUE_TTS_LISTENER",
    "DIALOGUE_TTS_ALIVE",
)  # a worker's environment: what it inherits, as descriptors
LOOK_S = 0.2
SLACK_S = 20.0  # beside the time that requests have to end in: a turn may be at hand

log = logging.getLogger(__name__)


class Workers:
    """Processes that run `command` with a listening socket in common."""

    def __init__(self, command: Sequence[str], count: int, listener: socket.socket) -> None:
        """Each gets its share of the cores, unless OMP_NUM_THREADS says how many threads it is to have."""
        self.processes: list[subprocess.Popen[bytes]] = []
        self._command, self._count = command, count
        # Nobody writes into it: its end comes with this process, whatever ends that.
        self._alive, self._ending = os.pipe()
        threads = str(max(1, (os.cpu_count() or 1) // count))
        self._inherited = listener.fileno(), self._alive
        named = {LISTENER: str(listener.fileno()), ALIVE: str(self._alive)}
        self._environment = {"OMP_NUM_THREADS": threads} | os.environ | named
        self._stopping = False

    def run(self, stop_within_s: float, fatal: int) -> int:
        """Until SIGTERM or SIGINT: then 0. Or until a worker ends with the exit code `fatal`: then that, and all end."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stop())
        try:
            self.processes = [self._start() for _ in range(self._count)]
            while not self._stopping:
                time.sleep(LOOK_S)
                for place, process in enumerate(self.processes):
                    code = process.poll()
                    if code == fatal:
                        return fatal
                    if code is not None and not self._stopping:
                        log.error("a worker ended (exit code %d); another takes its place", code)
                        self.processes[place] = self._start()
            return 0
        finally:
            self._end(stop_within_s + SLACK_S)

    def stop(self) -> None:
        """Let `run` end."""
        self._stopping = True

    def _start(self) -> subprocess.Popen[bytes]:
        # Of a session of its own, so that Ctrl-C reaches it by us alone.
        return subprocess.Popen(self._command, env=self._environment, pass_fds=self._inherited, start_new_session=True)

    def _end(self, within_s: float) -> None:
        until = time.monotonic() + within_s
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        os.close(self._alive)
        os.close(self._ending)


def inherited_listener() -> socket.socket | None:
    """The socket that a worker is to serve at, which ends when its starter does; None in any other process."""
    if LISTENER not in os.environ:
        return None
    alive = int(os.environ.pop(ALIVE))

    def end_with_starter() -> None:
        os.read(alive, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end_with_starter, daemon=True).start()
    return socket.socket(fileno=int(os.environ.pop(LISTENER)))
