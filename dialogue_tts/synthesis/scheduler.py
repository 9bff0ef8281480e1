"""One queue for all callers: requests come in as tickets, a turn of each is made at a time, and each gets its fair share.

Tickets pay for what they get with the phones of their takes, and whoever has paid least comes next; a ticket that comes in
later starts level with that one. So nobody waits for another's long script, only for a turn of it. Semantic tokens are
drawn for takes of several tickets at once, since a batch has its rows whether they are used or not.
"""

from __future__ import annotations

import atexit
import logging
import math
import threading
import time
from collections.abc import Callable

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.result import Take
from dialogue_tts.errors import BusyError, Cancelled, TooLongError
from dialogue_tts.script.lint import WORK_PER_S
from dialogue_tts.synthesis.request import DialogueRequest
from dialogue_tts.synthesis.synthesizer import Synthesizer
from dialogue_tts.synthesis.ticket import Failure, QueueLimits, QueueObserver, State, Ticket

THREAD = "dialogue-tts"
LONGEST_RETRY_S = 60

log = logging.getLogger(__name__)


class Scheduler:
    """Give it requests by `submit`, from any thread; its own thread works as long as there is something to do."""

    def __init__(self, synthesizer: Synthesizer, clock: Callable[[], float] = time.monotonic) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.clock = clock
        self._synthesizer = synthesizer
        self._active: list[Ticket] = []
        self._paid = 0.0  # by whoever came last
        self._worked_s, self._made_s = WORK_PER_S, 1.0  # so far, from a guess on
        self._thread: threading.Thread | None = None
        self._step_began: float | None = None

    @property
    def active(self) -> int:
        """How many tickets wait or are being made."""
        return len(self._active)

    def works(self, stuck_s: float) -> bool:
        """Whether what is asked for gets made: there is a thread where there are tickets, and no step takes for ever."""
        with self.changed:
            thread, began = self._thread, self._step_began
            alive = not self._active or (thread is not None and thread.is_alive())
        return alive and (began is None or self.clock() - began < stuck_s)

    def submit(
        self,
        request: DialogueRequest,
        streamed: bool = False,
        patient: bool = False,
        limits: QueueLimits | None = None,
        observer: QueueObserver | None = None,
    ) -> Ticket:
        """Have a dialogue made.

        Args:
            streamed: chunks are to be heard as they come, and are not kept.
            patient: nobody waits for its parts, so that its turns are drawn together by the dozen.
            limits: what is accepted; by default everything.
            observer: what is told how it goes.

        Raises:
            BusyError: there is too much to do already.
        """
        limits = limits or QueueLimits()
        ticket = Ticket(self, request, streamed, patient, limits, observer or QueueObserver())
        with self.changed:
            if not self.has_room(limits, ticket.expected_s):
                raise BusyError(self._retry_after_s())
            ticket.paid = self._paid
            self._active.append(ticket)
            ticket.observer.active(len(self._active))
            self._wake()
        return ticket

    def has_room(self, limits: QueueLimits, sound_s: float = 0.0) -> bool:
        """Whether a dialogue of so much sound is accepted."""
        with self.changed:
            waiting_s = sum(ticket.expected_s for ticket in self._active) + sound_s
            fits = not self._active or waiting_s <= limits.waiting_sound_s
            return fits and len(self._active) < limits.requests

    def in_front_of(self, ticket: Ticket) -> int:
        """How many others are being made, or came before, while it waits for its first turn; 0 once it is begun."""
        with self.changed:
            if ticket.progress().state != "waiting":
                return 0
            return self._active.index(ticket)

    def end(self, ticket: Ticket, state: State, failure: Failure | None = None) -> None:
        """Nothing more is made for a ticket. Its turns so far stay."""
        with self.changed:
            if ticket.ended:
                return
            ticket.finish(state, failure)
            self._active.remove(ticket)
            ticket.observer.active(len(self._active))
            ticket.observer.ended(state, failure)
            self.changed.notify_all()

    def close(self) -> None:
        """Cancel all tickets, and wait for the thread. Tickets that come later are made all the same."""
        with self.changed:
            for ticket in list(self._active):
                self.end(ticket, "cancelled")
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def step(self) -> bool:
        """Draw or render for whoever comes next; False where nobody can take a turn. In the scheduler's thread only."""
        with self.changed:
            able = [ticket for ticket in self._active if not ticket.is_ahead]
            if not able:
                return False
            ticket = min(able, key=lambda t: t.paid)
            self._paid = max(self._paid, ticket.paid)
            ticket.begin()
        began = self._step_began = self.clock()
        try:
            ticket.context.run(self._work_on, ticket)
        finally:
            self._step_began = None
        self._worked_s += self.clock() - began
        return True

    def _wake(self) -> None:
        """Let the thread look, which is started if there is none."""
        self.changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=THREAD, daemon=True)
            # A daemon thread is torn down as soon as it comes back from PyTorch after the interpreter's end, which aborts
            # the process; any other would be waited for before somebody could tell it to stop.
            atexit.register(self.close)
            self._thread.start()

    def _run(self) -> None:
        try:
            while self._work_or_wait():
                pass
        except Exception as error:  # not of a turn, those are caught: say so, and let a new thread do what comes
            log.exception("the scheduler's thread ends")
            with self.changed:
                self._thread = None
                atexit.unregister(self.close)
                for ticket in list(self._active):
                    self.end(ticket, "failed", Failure(ticket.turn, error))

    def _work_or_wait(self) -> bool:
        """False when there is nothing more to do, and the thread has been given up."""
        while self.step():
            pass
        with self.changed:
            if not self._active:
                self._thread = None
                atexit.unregister(self.close)
                return False
            if all(ticket.is_ahead for ticket in self._active):
                self.changed.wait()
        return True

    def _work_on(self, ticket: Ticket) -> None:
        try:
            self._advance(ticket)
            if not ticket.ended and not ticket.drawn and not ticket.is_ahead and ticket.begun < len(ticket.wanted):
                self._draw(ticket)
            if not ticket.ended and ticket.drawn:
                self._render(ticket)
        except Cancelled:
            pass
        except Exception as error:  # whatever it is, others go on
            log.debug("turn %d of a ticket", ticket.turn, exc_info=error)
            self.end(ticket, "failed", Failure(ticket.turn, error))

    def _draw(self, leader: Ticket) -> None:
        with self.changed:
            batch = self._batch(leader)
        requests = [ticket.wanted[index] for ticket, index in batch]
        try:
            made = self._synthesizer.draw(requests, lambda: all(ticket.ended for ticket, _ in batch))
        except Cancelled:
            raise
        except Exception as error:  # perhaps another's turn is to blame, so this one is tried alone
            if len(batch) == 1:
                raise
            log.debug("a batch of %d takes", len(batch), exc_info=error)
            batch = batch[:1]
            made = self._synthesizer.draw(requests[:1], lambda: leader.ended)
        leader.observer.drawn_together(len(batch))
        with self.changed:
            for (ticket, index), drawn in zip(batch, made, strict=True):
                if not ticket.ended:
                    ticket.drawn.append(drawn)
                    ticket.begun = index + 1

    def _batch(self, leader: Ticket) -> list[tuple[Ticket, int]]:
        """Takes that are drawn together with the leader's next: (ticket, place in its `wanted`), the leader's first.

        Whoever waits for the first sound of a stream does not wait for a longer turn of somebody else.
        """
        urgent = leader.streamed and not leader.begun
        first = leader.wanted[leader.begun]
        rows, phones = len(first.segments), first.phones
        longest = max(segment.phones for segment in first.segments)
        batch = [(leader, leader.begun)]
        window = self._synthesizer.window_phones if leader.patient and len(self._active) == 1 else 0
        if not leader.begun and sum(take.phones for take in leader.wanted) > window:
            window = 0  # where much is to come, a first turn soon shows that it goes on

        def join(ticket: Ticket, index: int) -> bool:
            nonlocal rows, phones
            take = ticket.wanted[index]
            fits = rows + len(take.segments) <= self._synthesizer.batch_rows or phones + take.phones <= window
            if not fits or (urgent and max(segment.phones for segment in take.segments) > longest):
                return False
            rows, phones = rows + len(take.segments), phones + take.phones
            batch.append((ticket, index))
            return True

        for ticket in sorted(self._active, key=lambda t: t.paid):
            undrawn = ticket is not leader and not ticket.drawn and not ticket.is_ahead
            if undrawn and ticket.begun < len(ticket.wanted):
                join(ticket, ticket.begun)
        following = leader.begun + 1
        while not urgent and following < len(leader.wanted) and join(leader, following):
            following += 1
        return batch

    def _render(self, ticket: Ticket) -> None:
        with self.changed:
            if not ticket.drawn:
                return
            drawn = ticket.drawn.popleft()
        take = self._synthesizer.render(drawn)
        ticket.paid += drawn.request.phones
        self._advance(ticket, take)

    def _advance(self, ticket: Ticket, take: Take | None = None) -> None:
        """Hand on the turns that are complete: with the take, or since nothing of them is to be made."""
        for chunk in ticket.complete(take):
            sound_s = chunk.waveform.size / SAMPLE_RATE_HZ
            with self.changed:
                if ticket.ended:
                    return
                ticket.add(chunk)
                if take is not None:
                    self._made_s += sound_s
                if ticket.turn == len(ticket.request.turns):
                    self.end(ticket, "done")
                elif ticket.sound_s > ticket.limits.sound_s:
                    told = f"the dialogue got longer than {ticket.limits.sound_s:g} s after turn {ticket.turn}"
                    error = TooLongError(f"{told}; shorten the script.")
                    self.end(ticket, "failed", Failure(ticket.turn, error))
                else:
                    self.changed.notify_all()

    def _retry_after_s(self) -> int:
        """When somebody is likely to be through."""
        left_s = [max(0.0, t.expected_s - t.sound_s) for t in self._active]
        work_s = min(left_s, default=1.0) * len(left_s) * self._worked_s / self._made_s
        return max(1, min(LONGEST_RETRY_S, math.ceil(work_s)))
