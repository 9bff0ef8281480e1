"""A request's place in the queue: how far it is, what it has made, and who is told."""

from __future__ import annotations

import contextvars
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Condition
from typing import Literal, Protocol

import numpy as np

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.mix import mix
from dialogue_tts.dialogue.result import Chunk, Dialogue, Take, TurnTakes
from dialogue_tts.dialogue.turns import SpokenTurn
from dialogue_tts.errors import Cancelled
from dialogue_tts.synthesis.request import DialogueRequest
from dialogue_tts.synthesis.synthesizer import DrawnTake

State = Literal["waiting", "working", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
LOOK_S = 0.1  # how often a caller's `cancelled` is asked while nothing changes

TellProgress = Callable[[int, int], None]
"""Called with (turns done, turns in all)."""


@dataclass(frozen=True)
class QueueLimits:
    """What a queue takes on for a caller.

    Attributes:
        requests: dialogues waiting or being made at once.
        waiting_sound_s: expected sound of all these together; one alone may be longer.
        sound_s: of one dialogue.
        unheard_s: sound that is made ahead of the listener of a stream.
    """

    requests: float = math.inf
    waiting_sound_s: float = math.inf
    sound_s: float = math.inf
    unheard_s: float = 60.0


@dataclass(frozen=True)
class Failure:
    """Why a dialogue is not made to its end: what went wrong in which turn, from 0."""

    turn: int
    error: Exception


class QueueObserver:
    """What is told how tickets go, from the scheduler's thread or that of a caller; this one does nothing with it."""

    def active(self, tickets: int) -> None:
        """So many are waiting or being made."""

    def drawn_together(self, takes: int) -> None:
        """Semantic tokens of so many takes were drawn in one batch."""

    def heard(self, sound_s: float, first_after_s: float | None) -> None:
        """A turn was made: how much sound, and if it is a ticket's first, how long after it was asked for."""

    def ended(self, state: State, failure: Failure | None) -> None:
        """A ticket is over."""


@dataclass(frozen=True)
class TicketProgress:
    """How far a ticket is, at one moment."""

    state: State
    turns: tuple[SpokenTurn, ...]
    sound_s: float
    failure: Failure | None


class Queue(Protocol):
    """What a ticket needs of its scheduler."""

    changed: Condition
    clock: Callable[[], float]

    def end(self, ticket: Ticket, state: State, failure: Failure | None = None) -> None:
        """Nothing more is made for a ticket."""


class Ticket:
    """A request's place in the queue. The methods of the first half may be called from any thread."""

    def __init__(
        self,
        queue: Queue,
        request: DialogueRequest,
        streamed: bool,
        patient: bool,
        limits: QueueLimits,
        observer: QueueObserver,
    ) -> None:
        self.request, self.streamed, self.patient = request, streamed, patient
        self.limits, self.observer = limits, observer
        self.expected_s = request.expected_s
        self.wanted = request.wanted
        self.context = contextvars.copy_context()  # with it, whoever measures the caller measures the work, too
        self.drawn: deque[DrawnTake] = deque()
        self.begun = 0  # takes drawn so far
        self.paid = 0.0
        self.sound_s = 0.0
        self._queue, self._changed = queue, queue.changed
        self._asked_at = queue.clock()
        self._state: State = "waiting"
        self._failure: Failure | None = None
        self._version = 0
        self._takes: list[Take] = []  # of the turn that is being made
        self._at = 0  # which turn that is
        self._complete: deque[TurnTakes] = deque()
        self._mixed = self._mix()
        self._turn_takes: list[TurnTakes] = []  # unless streamed
        self._turns: list[SpokenTurn] = []
        self._unheard: deque[Chunk] = deque()  # if streamed
        self._listeners: list[Callable[[], None]] = []

    def progress(self) -> TicketProgress:
        """How far it is."""
        with self._changed:
            return TicketProgress(self._state, tuple(self._turns), self.sound_s, self._failure)

    @property
    def ended(self) -> bool:
        """Nothing comes any more."""
        return self._state in ENDED

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._version

    def next_chunk(self) -> Chunk | None:
        """The next of a stream, if it is there; room for another is made."""
        with self._changed:
            chunk = self._unheard.popleft() if self._unheard else None
            self._changed.notify_all()
        return chunk

    def turn_takes(self, first: int = 0) -> list[TurnTakes]:
        """The turns so far, from the `first` on, of one that is not streamed."""
        with self._changed:
            return self._turn_takes[first:]

    def dialogue(self) -> Dialogue:
        """The turns so far of one that is not streamed. Raises SettingsError if there are none."""
        return self.request.dialogue(self.turn_takes())

    def wait(self, since: int, timeout_s: float | None = None) -> int:
        """The version, as soon as it is another than `since`, or when the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._version != since, timeout_s)
            return self._version

    def result(self, progress: TellProgress | None = None, cancelled: Callable[[], bool] | None = None) -> Dialogue:
        """The whole dialogue, as soon as it is made.

        Raises:
            Cancelled: `cancelled` said so, or somebody else cancelled it; or else what went wrong in a turn.
        """
        seen = version = 0
        try:
            while True:
                ended, done = self.ended, len(self._turns)
                for number in range(seen + 1, done + 1):
                    raise_if(cancelled)
                    if progress:
                        progress(number, len(self.request.turns))
                seen = done
                if ended:
                    self.raise_failure()
                    return self.dialogue()
                version = self.wait(version, LOOK_S if cancelled else None)
                raise_if(cancelled)
        finally:
            self.cancel()

    def chunks(self, cancelled: Callable[[], bool] | None = None) -> Iterator[Chunk]:
        """The turns of a stream, as they come. Raises as `result` does, and leaves it to others to cancel the ticket."""
        while True:
            raise_if(cancelled)
            version, ended = self._version, self.ended
            chunk = self.next_chunk()
            if chunk is not None:
                yield chunk
            elif ended:
                self.raise_failure()
                return
            else:
                self.wait(version, LOOK_S if cancelled else None)

    def raise_failure(self) -> None:
        """Raises what went wrong, or Cancelled, if it did not come to its end."""
        if self._failure:
            raise self._failure.error
        if self._state == "cancelled":
            raise Cancelled("the synthesis was cancelled; what was finished before stays.")

    def cancel(self) -> None:
        """Stop the work, if it is not over; the turns so far stay."""
        self._queue.end(self, "cancelled")

    def listen(self, told: Callable[[], None]) -> None:
        """Call `told` after each change, from whichever thread makes it."""
        with self._changed:
            self._listeners.append(told)

    def unlisten(self, told: Callable[[], None]) -> None:
        """No more calls."""
        with self._changed:
            self._listeners.remove(told)

    # What follows is the scheduler's.

    @property
    def turn(self) -> int:
        """Turns handed on so far."""
        return len(self._turns)

    @property
    def is_ahead(self) -> bool:
        """Its listener has enough to hear."""
        unheard = sum(chunk.waveform.size for chunk in self._unheard) / SAMPLE_RATE_HZ
        return unheard > self.limits.unheard_s

    def begin(self) -> None:
        """Somebody works on it."""
        if self._state == "waiting":
            self._state = "working"
            self._tell()

    def complete(self, take: Take | None) -> Iterator[Chunk]:
        """The turns that are complete with a take more, each with the sound that is final with it."""
        if take is not None:
            self._takes.append(take)
        while self._at < len(self.request.turns) and not self.is_ahead:
            turn = self.request.turns[self._at]
            if len(self._takes) < len(turn.wanted):
                return
            self._complete.append(turn.with_made(self._takes))
            self._at, self._takes = self._at + 1, []
            yield next(self._mixed)

    def add(self, chunk: Chunk) -> None:
        """Hand on a turn."""
        first_after_s = None if self._turns else self._queue.clock() - self._asked_at
        self._turns.append(chunk.turn)
        sound_s = chunk.waveform.size / SAMPLE_RATE_HZ
        self.sound_s += sound_s
        if self.streamed:
            self._unheard.append(chunk)
        else:
            self._turn_takes.append(chunk.turn_takes)
        self.observer.heard(sound_s, first_after_s)
        self._tell()

    def finish(self, state: State, failure: Failure | None) -> None:
        """Nothing comes any more."""
        self._state, self._failure = state, failure
        self.drawn.clear()
        if state == "cancelled":
            self._unheard.clear()
        self._tell()

    def _tell(self) -> None:
        self._version += 1
        for told in list(self._listeners):
            told()

    def _mix(self) -> Iterator[Chunk]:
        """Complete turns, each placed behind or over the one before."""
        placed_parts: deque[TurnTakes] = deque()

        def waves() -> Iterator[np.ndarray]:
            while True:
                placed_parts.append(self._complete.popleft())
                yield placed_parts[-1].take.waveform

        asked = self.request
        for index, placed in enumerate(mix(waves(), asked.offsets, asked.starts, asked.mark)):
            part = placed_parts.popleft()
            yield Chunk(placed.samples, placed.first / SAMPLE_RATE_HZ, part.spoken(index, placed), part)


def raise_if(cancelled: Callable[[], bool] | None) -> None:
    """Raises Cancelled if there is somebody to ask, and the answer is yes."""
    if cancelled is not None and cancelled():
        raise Cancelled("the synthesis was cancelled; what was finished before stays.")
