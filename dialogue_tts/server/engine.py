"""One thread makes the sound of all requests, a turn at a time, and each request gets its fair share of it.

Requests pay for what they get with the phones of their turns, and whoever has paid least comes next; a request that
comes in later starts level with that one. So nobody waits for another's long script, only for a turn of it. Semantic
tokens are drawn for turns of several requests at once, since a batch has ROWS rows whether they are used or not.
"""

from __future__ import annotations

import atexit
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.result import Chunk, Dialogue, Take
from dialogue_tts.dialogue.turns import SpokenTurn
from dialogue_tts.errors import Cancelled
from dialogue_tts.pipeline import DialogueTTS, Drawn
from dialogue_tts.script.lint import WORK_PER_S
from dialogue_tts.script.segments import pieces
from dialogue_tts.semantic.generate import ROWS
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.metrics import Metrics
from dialogue_tts.synthesis.request import Order, Plan

State = Literal["waiting", "working", "done", "failed", "cancelled"]
ENDED = ("done", "failed", "cancelled")
LONGEST_RETRY_S = 60

log = logging.getLogger(__name__)


class Busy(Exception):
    """The engine has enough to do; `retry_after_s` says when to ask again."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"the server is busy; try again in {retry_after_s} s.")
        self.retry_after_s = retry_after_s


class _Size(NamedTuple):
    """What a turn costs: rows in a batch, phones of its longest piece, phones of them all."""

    rows: int
    longest: int
    phones: int


class Failure(NamedTuple):
    """Why a dialogue is not made to its end."""

    message: str
    code: Literal["fault", "too_long"]


@dataclass(frozen=True)
class Progress:
    """How far a ticket is, at one moment."""

    state: State
    turns: tuple[SpokenTurn, ...]
    sound_s: float
    failure: Failure | None


class Ticket:
    """A request's place in the engine. Its methods may be called from any thread."""

    def __init__(self, engine: Engine, plan: Plan, expected_s: float, streamed: bool) -> None:
        self.plan, self.expected_s, self.streamed = plan, expected_s, streamed
        self._engine = engine
        self._asked_at = time.monotonic()
        self._state: State = "waiting"
        self._failure: Failure | None = None
        self._sizes = [_size(order) for order in plan.orders]
        self._drawn: deque[Drawn] = deque()
        self._begun = 0  # turns drawn so far
        self._paid = 0.0
        self._mixing: deque[Take] = deque()
        self._mixer = plan.chunks(self._to_mix())
        self._takes: list[Take] = []  # unless streamed
        self._turns: list[SpokenTurn] = []
        self._sound_s = 0.0
        self._unheard: deque[Chunk] = deque()  # if streamed
        self._listeners: list[Callable[[], None]] = []

    def progress(self) -> Progress:
        """How far it is."""
        with self._engine.lock:
            return Progress(self._state, tuple(self._turns), self._sound_s, self._failure)

    @property
    def ended(self) -> bool:
        """Nothing comes any more."""
        return self._state in ENDED

    def next_chunk(self) -> Chunk | None:
        """The next of a stream, if it is there; room for another is made."""
        with self._engine.lock:
            chunk = self._unheard.popleft() if self._unheard else None
            self._engine.changed.notify()
        return chunk

    def dialogue(self) -> Dialogue:
        """The turns so far of one that is not streamed. Raises SettingsError if there are none."""
        with self._engine.lock:
            takes = list(self._takes)
        return self.plan.dialogue(takes)

    def cancel(self) -> None:
        """Stop the work, if it is not over; the turns so far stay."""
        self._engine.end(self, "cancelled")

    def listen(self, told: Callable[[], None]) -> None:
        """Call `told` after each change, from the engine's thread."""
        with self._engine.lock:
            self._listeners.append(told)

    def unlisten(self, told: Callable[[], None]) -> None:
        """No more calls."""
        with self._engine.lock:
            self._listeners.remove(told)

    def _to_mix(self) -> Iterator[Take]:
        while True:
            yield self._mixing.popleft()


class Engine:
    """Give it plans by `submit`; `close` ends them all."""

    def __init__(self, tts: DialogueTTS, limits: Limits, metrics: Metrics) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self._tts, self._limits, self._metrics = tts, limits, metrics
        self._active: list[Ticket] = []
        self._paid = 0.0  # by whoever came last
        self._closed = False
        self._worked_s, self._made_s = WORK_PER_S, 1.0  # so far, from a guess on
        self._thread = threading.Thread(target=self._run, name="dialogue-tts-engine", daemon=True)
        self._thread.start()
        atexit.register(self.close)  # the thread must not be inside PyTorch when the interpreter goes: that aborts it

    def submit(self, plan: Plan, expected_s: float, streamed: bool) -> Ticket:
        """Have a dialogue made.

        Args:
            expected_s: its likely length in seconds.
            streamed: chunks are to be heard as they come, and are not kept.

        Raises:
            Busy: there is too much to do already.
        """
        ticket = Ticket(self, plan, expected_s, streamed)
        with self.lock:
            waiting_s = sum(t.expected_s for t in self._active)
            full = len(self._active) >= self._limits.requests
            if full or self._closed or (self._active and waiting_s + expected_s > self._limits.waiting_sound_s):
                raise Busy(self._retry_after_s())
            ticket._paid = self._paid
            self._active.append(ticket)
            self._metrics.active.set(len(self._active))
            self.changed.notify()
        return ticket

    def end(self, ticket: Ticket, state: State, failure: Failure | None = None) -> None:
        """Nothing more is made for a ticket."""
        with self.lock:
            if ticket.ended:
                return
            ticket._state, ticket._failure = state, failure
            ticket._drawn.clear()
            self._active.remove(ticket)
            self._metrics.active.set(len(self._active))
            self._metrics.dialogues.labels(state).inc()
            if state == "cancelled":
                ticket._unheard.clear()
            self._tell(ticket)
            self.changed.notify()

    def close(self) -> None:
        """Stop all work, and the thread."""
        with self.lock:
            self._closed = True
            for ticket in list(self._active):
                self.end(ticket, "cancelled")
            self.changed.notify()
        self._thread.join()
        atexit.unregister(self.close)

    def _run(self) -> None:
        while (ticket := self._wait_for_next()) is not None:
            began = time.perf_counter()
            try:
                if not ticket._drawn:
                    self._draw(ticket)
                if ticket._drawn and not ticket.ended:
                    self._render(ticket)
            except Cancelled:
                pass
            except Exception:  # whatever it is, other requests go on
                log.exception("turn %d of a request", len(ticket._turns))
                told = f"turn {len(ticket._turns) + 1} could not be made, by a fault of the server"
                self.end(ticket, "failed", Failure(f"{told}; change its text, or report it.", "fault"))
            self._worked_s += time.perf_counter() - began

    def _wait_for_next(self) -> Ticket | None:
        """Whoever has paid least of those who can take a turn; None at the end of all work."""
        with self.lock:
            while not self._closed:
                able = [ticket for ticket in self._active if not self._is_ahead(ticket)]
                if able:
                    ticket = min(able, key=lambda t: t._paid)
                    self._paid = max(self._paid, ticket._paid)
                    ticket._state = "working"
                    return ticket
                self.changed.wait()
        return None

    def _is_ahead(self, ticket: Ticket) -> bool:
        unheard = sum(chunk.waveform.size for chunk in ticket._unheard) / SAMPLE_RATE_HZ
        return unheard > self._limits.unheard_s

    def _draw(self, leader: Ticket) -> None:
        with self.lock:
            batch = self._batch(leader)
        asked = [ticket.plan.orders[index] for ticket, index in batch]
        try:
            made = self._tts.draw(asked, lambda: all(ticket.ended for ticket, _ in batch))
        except Cancelled:
            raise
        except Exception:  # perhaps another's turn is to blame, so this one is tried alone
            if len(batch) == 1:
                raise
            log.exception("a batch of %d turns", len(batch))
            batch = batch[:1]
            made = self._tts.draw(asked[:1])
        self._metrics.batched_turns.observe(len(batch))
        with self.lock:
            for (ticket, index), drawn in zip(batch, made, strict=True):
                if not ticket.ended:
                    ticket._drawn.append(drawn)
                    ticket._begun = index + 1

    def _batch(self, leader: Ticket) -> list[tuple[Ticket, int]]:
        """Turns that are drawn together with the leader's next: (ticket, index of the turn), the leader's first.

        Whoever waits for the first sound of a stream does not wait for a longer turn of somebody else.
        """
        urgent = leader.streamed and not leader._turns
        first = leader._sizes[leader._begun]
        rows = first.rows
        batch = [(leader, leader._begun)]

        def join(ticket: Ticket, index: int) -> bool:
            nonlocal rows
            size = ticket._sizes[index]
            if rows + size.rows > ROWS or (urgent and size.longest > first.longest):
                return False
            rows += size.rows
            batch.append((ticket, index))
            return True

        for ticket in sorted(self._active, key=lambda t: t._paid):
            undrawn = ticket is not leader and not ticket._drawn and not self._is_ahead(ticket)
            if undrawn and ticket._begun < len(ticket._sizes):
                join(ticket, ticket._begun)
        following = leader._begun + 1
        while not urgent and following < len(leader._sizes) and join(leader, following):
            following += 1
        return batch

    def _render(self, ticket: Ticket) -> None:
        with self.lock:
            if not ticket._drawn:
                return
            drawn = ticket._drawn.popleft()
        take = self._tts.render(drawn)
        ticket._mixing.append(take)
        chunk = next(ticket._mixer)
        sound_s = chunk.waveform.size / SAMPLE_RATE_HZ
        with self.lock:
            if ticket.ended:
                return
            if not ticket._turns:
                self._metrics.first_sound.observe(time.monotonic() - ticket._asked_at)
            ticket._paid += ticket._sizes[len(ticket._turns)].phones
            ticket._turns.append(chunk.turn)
            ticket._sound_s += sound_s
            if ticket.streamed:
                ticket._unheard.append(chunk)
            else:
                ticket._takes.append(take)
            self._made_s += sound_s
            self._metrics.sound.inc(sound_s)
            if len(ticket._turns) == len(ticket.plan.orders):
                self.end(ticket, "done")
            elif ticket._sound_s > self._limits.sound_s:
                told = f"the dialogue got longer than {self._limits.sound_s:g} s after turn {len(ticket._turns)}"
                self.end(ticket, "failed", Failure(f"{told}; shorten the script.", "too_long"))
            else:
                self._tell(ticket)

    def _tell(self, ticket: Ticket) -> None:
        for told in list(ticket._listeners):
            told()

    def _retry_after_s(self) -> int:
        """When somebody is likely to be through."""
        left_s = [max(0.0, t.expected_s - t._sound_s) for t in self._active]
        work_s = min(left_s, default=1.0) * len(left_s) * self._worked_s / self._made_s
        return max(1, min(LONGEST_RETRY_S, math.ceil(work_s)))


def _size(order: Order) -> _Size:
    phones = [piece.phones for piece in pieces(order.text)]
    return _Size(len(phones), max(phones), sum(phones))
