"""The jobs that this process makes: they are claimed in the store, made by the scheduler, and written down turn by turn.

Two threads of its own do that, so that the event loop never waits for a database: one writes what is made, the other says
now and then that the process lives, takes up jobs that nobody works on any more, or that wait where another has too much to
do, and forgets those that are old.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from queue import SimpleQueue

from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue, Take, TurnTakes, turn_times
from dialogue_tts.errors import BusyError, DialogueTTSError, ProjectError, StoreError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.metrics import Metrics
from dialogue_tts.server.waiting import message_of
from dialogue_tts.stages import StageObserver, observing
from dialogue_tts.store.jobs import Job, JobStore
from dialogue_tts.synthesis.scheduler import THREAD
from dialogue_tts.synthesis.ticket import ENDED, Ticket
from dialogue_tts.voices.voice import Voice

ALIVE_S = 30.0  # for how long a process counts as alive after it said so
TEND_S = 5.0  # how often it says so
MOST_BEGUN = 5  # a job that ends the process whenever it is begun is left alone
FAULT = "the job could not be gone on with, by a fault of the server; ask for it again, or report it."

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Working:
    """A job that is being made here."""

    id: str
    ticket: Ticket
    written: int  # turns that are in the store
    begun: bool = False  # the store knows


class JobRunner:
    """One for each application. Methods block, and may be called from any thread."""

    def __init__(
        self,
        tts: DialogueTTS,
        store: JobStore,
        limits: Limits,
        metrics: Metrics,
        stage_observers: Sequence[StageObserver] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` gives seconds since 1970; those of servers that share a store must agree within seconds."""
        self.store = store
        self.failed = False  # at the last look the store could not be used
        self._tts, self._limits, self._metrics, self._clock = tts, limits, metrics, clock
        self._stage_observers = stage_observers
        self._server = secrets.token_hex(16)
        self._working: dict[str, _Working] = {}
        self._claiming = threading.Lock()  # while jobs become this server's
        self._waiting: list[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = []
        self._changes: SimpleQueue[_Working | None] = SimpleQueue()
        self._writer: threading.Thread | None = None
        self._tender: threading.Thread | None = None
        self._stopping = threading.Event()
        self._refused_s = 0.0  # sound of the job for which there was no room at the last look

    def start(self) -> None:
        """Take up what was left, and look after the jobs from now on. Raises StoreError."""
        self._stopping.clear()
        self.store.alive(self._server, self._clock() + ALIVE_S)  # before the first job is this server's
        self._tender = threading.Thread(target=self._tend_on, name=f"{THREAD} jobs", daemon=True)
        self._tender.start()

    def stop_tending(self) -> None:
        """Nothing more is taken up; what is being made goes on."""
        self._stopping.set()
        if self._tender is not None:
            self._tender.join()
            self._tender = None

    def close(self) -> None:
        """Write down what is made, and give back the rest; the scheduler has ended all tickets."""
        self.stop_tending()
        if self._writer is not None:
            self._changes.put(None)
            self._writer.join()
            self._writer = None
        with suppress(StoreError):
            self.store.leave(self._server)

    def add(self, ticket: Ticket) -> Job:
        """A ticket's dialogue becomes a job. Raises StoreError, and ends the ticket then."""
        try:
            with self._claiming:
                job = self.store.add(ticket.request, self._server, self._clock())
                self._follow(job, ticket, 0)
        except StoreError:
            ticket.cancel()
            raise
        return self.store.get(job)

    def cancel(self, job: str) -> None:
        """Whoever makes it stops, here at once and elsewhere soon; the finished turns stay."""
        self.store.cancel(job, self._clock())
        if working := self._working.get(job):
            working.ticket.cancel()
        self._tell(job)

    def dialogue(self, job: Job) -> Dialogue:
        """The finished turns, of which there must be some. Raises StoreError, ProjectError or VoiceError."""
        project, cast, takes = self._asked(job.id)
        made = tuple(
            TurnTakes(saved.turn, tuple(takes[index]), saved.chosen)
            for index, saved in enumerate(project.turns[: job.turns_done])
        )
        voices = {speaker: cast[speaker] for speaker in dict.fromkeys(part.turn.speaker for part in made)}
        mark, bundle = self._tts.mark, project.bundle
        if mark is not None:  # the job may have been made with another bundle than the one here
            mark = mark.made_by(bundle.name, bundle.sha256)
        return Dialogue(made, voices, project.seed, project.config, bundle, mark, findings=job.findings)

    @contextmanager
    def listening(self, job: str) -> Iterator[asyncio.Event]:
        """An event of the running loop that is set when a job that is made here has changed in the store."""
        waiting = job, asyncio.get_running_loop(), asyncio.Event()
        self._waiting.append(waiting)
        try:
            yield waiting[2]
        finally:
            self._waiting.remove(waiting)

    def tend(self) -> None:
        """Say that this process lives, stop what was cancelled or taken elsewhere, take up what nobody makes, or what another
        has too much of, and forget what is old.

        Raises StoreError.
        """
        now = self._clock()
        working = list(self._working.values())
        held = self.store.held(self._server)
        for job in working:
            if job.id not in held:
                job.ticket.cancel()
        self.store.alive(self._server, now + ALIVE_S, self._tts.scheduler.active)
        # Where there is no room, nothing is claimed: a job would be planned again and again, only to be given back.
        while not self._stopping.is_set() and self._tts.scheduler.has_room(self._limits.queue, self._refused_s):
            self._refused_s = 0.0
            with self._claiming:
                claimed = self.store.claim(self._server, self._tts.bundle_id.sha256, now, set(self._working))
            if claimed is None or not self._take_up(*claimed):
                break
        if not self._working and not self._tts.scheduler.active:
            with self._claiming:
                claimed = self.store.relieve(self._server, self._tts.bundle_id.sha256, now)
            if claimed is not None:
                self._take_up(*claimed)
        self.store.tidy(now, self._limits.job_s, self._limits.job_sound_s)

    def _tend_on(self) -> None:
        while True:
            try:
                self.tend()
                self.failed = False
            except StoreError as error:
                log.error("%s", error)
                self.failed = True
            except Exception:  # whatever it is, the next look may find it otherwise
                log.exception("looking after the jobs")
                self.failed = True
            if self._stopping.wait(TEND_S):
                return

    def _take_up(self, job: str, begun: int) -> bool:
        """Go on with a job where it stopped. False if there is too much to do already."""
        try:
            if begun > MOST_BEGUN:
                raise ProjectError(f"the server ended {MOST_BEGUN} times while a turn was made; change its text.")
            project, cast, takes = self._asked(job)
            written = len(self.store.times(job))
            with observing(*self._stage_observers):
                request = self._tts.plan.project(project, cast, takes)
                ticket = self._tts.scheduler.submit(request, limits=self._limits.queue, observer=self._metrics)
        except BusyError:
            self._refused_s = request.expected_s
            self.store.give_back(job, self._server, begun - 1)
            return False
        except StoreError:
            raise
        except DialogueTTSError as error:
            self.store.end(job, self._server, "failed", self._clock(), str(error))
        except Exception:
            log.exception("going on with a job")
            self.store.end(job, self._server, "failed", self._clock(), FAULT)
        else:
            self._follow(job, ticket, written)
        return True

    def _asked(self, job: str) -> tuple[Project, dict[str, Voice], dict[int, list[Take]]]:
        project = self.store.project(job)
        cast = dict(zip([voice.speaker for voice in project.voices], self.store.voices(job), strict=True))
        return project, cast, self.store.takes(job)

    def _follow(self, job: str, ticket: Ticket, written: int) -> None:
        working = self._working[job] = _Working(job, ticket, written)
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name=f"{THREAD} store", daemon=True)
            self._writer.start()
        ticket.listen(lambda: self._changes.put(working))
        self._changes.put(working)

    def _write_on(self) -> None:
        while (working := self._changes.get()) is not None:
            if self._working.get(working.id) is not working:
                continue  # it is over
            if not self._written(working):
                working.ticket.cancel()
                del self._working[working.id]
            self._tell(working.id)

    def _written(self, working: _Working) -> bool:
        """`_write`, and whatever goes wrong ends no more than the job: the others need the thread."""
        try:
            return self._write(working)
        except StoreError as error:  # the job is taken up again when the store can be used
            log.error("a job stops: %s", error)
        except Exception:
            log.exception("writing down a job")
            with suppress(StoreError):
                self.store.end(working.id, self._server, "failed", self._clock(), FAULT)
        return False

    def _write(self, working: _Working) -> bool:
        """What is new of a job goes into the store. False if nothing more will."""
        progress, asked = working.ticket.progress(), working.ticket.request
        if progress.state != "waiting" and not working.begun:
            working.begun = self.store.begin(working.id, self._server)
        for turn in progress.turns[working.written :]:
            made, kept = working.ticket.turn_takes(turn.index)[0].takes, len(asked.turns[turn.index].kept)
            if not self.store.add_turn(working.id, self._server, turn_times(turn), turn.end, made, kept):
                return False
            working.written += 1
        if progress.state == "cancelled":  # unless a client did that
            self.store.give_back(working.id, self._server)
        elif progress.state in ENDED:
            error = message_of(progress.failure) if progress.failure else None
            self.store.end(working.id, self._server, progress.state, self._clock(), error)
            self.store.tidy(self._clock(), self._limits.job_s, self._limits.job_sound_s)
        return progress.state not in ENDED

    def _tell(self, job: str) -> None:
        for waited_for, loop, changed in list(self._waiting):
            if waited_for == job:
                with suppress(RuntimeError):  # the loop has closed
                    loop.call_soon_threadsafe(changed.set)
