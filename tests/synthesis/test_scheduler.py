"""The one queue: fair turns, batches of several requests, and nobody's sound depends on anybody else.

A scheduler is stepped by hand here, with a clock of its own: nothing waits for a thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dialogue_tts.dialogue.result import Take
from dialogue_tts.errors import BusyError, Cancelled, TooLongError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.request import DialogueRequest, TakeRequest
from dialogue_tts.synthesis.scheduler import Scheduler
from dialogue_tts.synthesis.synthesizer import DrawnTake
from dialogue_tts.synthesis.ticket import QueueLimits, Ticket
from tests.conftest import TWICE

LINES = (
    "Good evening.",
    "Is it late?",
    "No, it rained all the way to the harbour.",
    "Oh.",
    "Tea, then?",
    "Yes, please.",
)


class Watched:
    """A synthesizer that notes what it is asked for, takes a second for each, and fails at words it is told."""

    def __init__(self, tts: DialogueTTS) -> None:
        self._inner = tts.synthesizer
        self.batch_rows, self.window_phones = self._inner.batch_rows, self._inner.window_phones
        self.now = 0.0
        self.batches: list[list[str]] = []
        self.rendered: list[tuple[str, str]] = []  # (speaker, text)
        self.no_draw = self.no_render = "nothing"

    def draw(self, requests: Sequence[TakeRequest], cancelled: Callable[[], bool]) -> list[DrawnTake]:
        self.now += 1
        self.batches.append([request.turn.speaker for request in requests])
        if any(self.no_draw in request.turn.text for request in requests):
            raise ArithmeticError(self.no_draw)
        return self._inner.draw(requests, cancelled)

    def render(self, drawn: DrawnTake) -> Take:
        self.now += 1
        self.rendered.append((drawn.request.turn.speaker, drawn.request.turn.text))
        if self.no_render in drawn.request.turn.text:
            raise ArithmeticError(self.no_render)
        return self._inner.render(drawn)


class Stepped(Scheduler):
    """No thread: it works when it is told to."""

    def __init__(self, watched: Watched) -> None:
        super().__init__(watched, clock=lambda: watched.now)  # type: ignore[arg-type]

    def _wake(self) -> None:
        pass

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Until then, or until nobody can take a turn."""
        while not until() and self.step():
            pass


@pytest.fixture
def watched(tiny_tts: DialogueTTS) -> Watched:
    return Watched(tiny_tts)


@pytest.fixture
def scheduler(watched: Watched) -> Stepped:
    return Stepped(watched)


def request(tts: DialogueTTS, speaker: str, lines: Sequence[str]) -> DialogueRequest:
    script = "\n".join(f"[{speaker}] {line}" for line in lines)
    return tts.plan.script(script, {}, len(lines), SynthesisConfig(takes=1, sound_takes=1))


def alone(tts: DialogueTTS, speaker: str, lines: Sequence[str], turns: int | None = None) -> bytes:
    """The same, or its first turns, by the shortest way: what everybody else must not change."""
    wanted = request(tts, speaker, lines).wanted[:turns]
    takes = [tts.synthesizer.render(drawn) for drawn in tts.synthesizer.draw(wanted)]
    return b"".join(take.waveform.tobytes() for take in takes)


def sounds(ticket: Ticket) -> bytes:
    return b"".join(part.take.waveform.tobytes() for part in ticket.turn_takes())


def test_short_requests_do_not_wait_for_a_long_one(tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped) -> None:
    long = scheduler.submit(request(tiny_tts, "Long", LINES * 2))
    scheduler.step()
    assert long.progress().state == "working"
    short = [scheduler.submit(request(tiny_tts, f"Short {n}", LINES[:2])) for n in "ABC"]
    assert [scheduler.in_front_of(ticket) for ticket in (long, *short)] == [0, 1, 2, 3]
    scheduler.run()
    assert {ticket.progress().state for ticket in (long, *short)} == {"done"}
    order = [speaker for speaker, _ in watched.rendered]
    last_short = max(i for i, speaker in enumerate(order) if speaker.startswith("Short"))
    assert order[: last_short + 1].count("Long") <= 5, order
    assert [text for speaker, text in watched.rendered if speaker == "Long"] == list(LINES * 2)
    assert sounds(long) == alone(tiny_tts, "Long", LINES * 2) and sounds(short[1]) == alone(
        tiny_tts, "Short B", LINES[:2]
    )


def test_a_late_request_starts_level_with_the_others(
    tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    first = scheduler.submit(request(tiny_tts, "First", LINES * 4))
    scheduler.run(lambda: first.turn == 8)
    watched.rendered.clear()
    late = scheduler.submit(request(tiny_tts, "Late", LINES * 4))
    scheduler.run(lambda: late.turn == 6)
    speakers = [speaker for speaker, _ in watched.rendered]
    assert 4 <= speakers.count("First") <= 8, "who comes late gets no more than a fair share"


def test_turns_of_several_requests_are_drawn_together(
    tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    for n in "ABCDEFGHIJ":
        scheduler.submit(request(tiny_tts, n, LINES[:1]))
    scheduler.run()
    assert watched.batches == [list("ABCDEFGH"), list("IJ")]


def test_the_turns_of_one_whom_nobody_disturbs_are_drawn_by_the_dozen(
    tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    scheduler.submit(request(tiny_tts, "Patient", LINES * 2), patient=True)
    scheduler.run()
    assert watched.batches == [["Patient"] * 12]


def test_a_first_turn_of_a_long_script_soon_shows_that_it_goes_on(
    tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    ticket = scheduler.submit(request(tiny_tts, "Patient", LINES * 2), patient=True)
    watched.window_phones = sum(take.phones for take in ticket.wanted) - 1  # all turns but one would be drawn together
    scheduler.run()
    assert [len(batch) for batch in watched.batches] == [watched.batch_rows, 12 - watched.batch_rows]
    watched.batches.clear()
    scheduler.submit(request(tiny_tts, "Patient", LINES * 2), patient=True)
    scheduler.submit(request(tiny_tts, "Other", LINES[:1]))
    scheduler.run()
    assert max(map(len, watched.batches)) <= watched.batch_rows


def test_the_first_sound_of_a_stream_does_not_wait_for_longer_turns(
    tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    stream = scheduler.submit(request(tiny_tts, "Stream", [LINES[0], *LINES]), streamed=True)
    scheduler.submit(request(tiny_tts, "Short", [LINES[3], *LINES]))
    scheduler.submit(request(tiny_tts, "Long", [LINES[2], *LINES]))
    scheduler.run()
    assert watched.batches[0] == ["Stream", "Short"] and stream.ended
    assert any(batch.count("Stream") > 1 for batch in watched.batches[1:])


def test_sound_does_not_depend_on_other_requests(tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped) -> None:
    settings = (TWICE, replace(TWICE, speed=1.3), replace(TWICE, takes=1), replace(TWICE, gap_s=0.1))
    wanted = [
        (f"[{a}] {LINES[n % 6]} [{b}] {LINES[(n + 1) % 6]} [{a}] {LINES[(n + 2) % 6]}", n, settings[n % 4])
        for n, (a, b) in enumerate([("Ann", "Bob"), ("Bob", "Ann"), ("Cy", "Di")] * 2)
    ]
    tickets = [scheduler.submit(tiny_tts.plan.script(script, {}, seed, config)) for script, seed, config in wanted]
    scheduler.run()
    assert any(len(set(batch)) > 1 for batch in watched.batches)
    for ticket, (script, seed, config) in zip(tickets, wanted, strict=True):
        whole = tiny_tts.synthesize(script, seed=seed, config=config)
        assert ticket.dialogue().sha256 == whole.sha256
        assert ticket.progress().turns == whole.turns == ticket.dialogue().turns


def test_a_stream_is_made_no_further_ahead_than_it_may(
    tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    limits = QueueLimits(unheard_s=0.5)
    stream = scheduler.submit(request(tiny_tts, "Stream", LINES * 2), streamed=True, limits=limits)
    other = scheduler.submit(request(tiny_tts, "Other", LINES))
    scheduler.run()
    assert other.progress().state == "done" and stream.progress().state == "working"
    assert 0 < stream.turn < 12 and stream.is_ahead
    chunks = []
    while not (stream.ended and len(chunks) == 12):
        chunk = stream.next_chunk()
        if chunk is None:
            scheduler.run()
        else:
            chunks.append(chunk)
    whole = request(tiny_tts, "Stream", LINES * 2).dialogue([chunk.turn_takes for chunk in chunks])
    assert np.concatenate([chunk.waveform for chunk in chunks]).tobytes() == whole.waveform.tobytes()
    assert b"".join(c.take.waveform.tobytes() for c in chunks) == alone(tiny_tts, "Stream", LINES * 2)


def test_a_cancelled_request_keeps_its_turns_and_others_go_on(tiny_tts: DialogueTTS, scheduler: Stepped) -> None:
    gone, other = (scheduler.submit(request(tiny_tts, who, LINES * n)) for who, n in (("Gone", 6), ("Other", 1)))
    told: list[str] = []
    gone.listen(lambda: told.append(gone.progress().state))
    scheduler.run(lambda: gone.turn == 3)
    gone.cancel()
    assert told[-1] == "cancelled" and gone.ended
    scheduler.run()
    assert other.progress().state == "done"
    assert alone(tiny_tts, "Gone", LINES * 6, 3) == sounds(gone)
    gone.cancel()
    with pytest.raises(Cancelled):
        gone.result()
    assert len(gone.dialogue().turns) == 3


@pytest.mark.parametrize("fault", ["no_draw", "no_render"])
def test_a_fault_fells_the_request_that_has_it_alone(
    fault: str, tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    setattr(watched, fault, "banana")
    good = scheduler.submit(request(tiny_tts, "Good", LINES))
    bad = scheduler.submit(request(tiny_tts, "Bad", [*LINES[:2], "A banana.", LINES[3]]))
    scheduler.run()
    assert good.progress().state == "done"
    failure = bad.progress().failure
    assert failure and failure.turn == 2 and isinstance(failure.error, ArithmeticError)
    assert [turn.text for turn in bad.dialogue().turns] == list(LINES[:2])
    with pytest.raises(ArithmeticError):
        bad.result()
    late = scheduler.submit(request(tiny_tts, "Late", LINES[:1]))
    scheduler.run()
    assert late.progress().state == "done"


def test_a_full_queue_says_when_to_come_back(tiny_tts: DialogueTTS, scheduler: Stepped) -> None:
    first, *_ = (scheduler.submit(request(tiny_tts, speaker, LINES)) for speaker in "AB")
    limits = QueueLimits(requests=2)
    with pytest.raises(BusyError) as busy:
        scheduler.submit(request(tiny_tts, "C", LINES), limits=limits)
    assert 1 <= busy.value.retry_after_s <= 60 and f"{busy.value.retry_after_s} s" in str(busy.value)
    first.cancel()
    scheduler.submit(request(tiny_tts, "C", LINES), limits=limits)


def test_the_sound_that_waits_is_limited_but_one_request_always_may(tiny_tts: DialogueTTS, scheduler: Stepped) -> None:
    limits = QueueLimits(waiting_sound_s=1)
    scheduler.submit(request(tiny_tts, "A", LINES), limits=limits)
    with pytest.raises(BusyError):
        scheduler.submit(request(tiny_tts, "B", LINES[:1]), limits=limits)


def test_a_dialogue_that_grows_too_long_ends_with_its_turns(tiny_tts: DialogueTTS, scheduler: Stepped) -> None:
    ticket = scheduler.submit(request(tiny_tts, "A", LINES * 3), limits=QueueLimits(sound_s=1.0))
    scheduler.run()
    failure = ticket.progress().failure
    assert failure and isinstance(failure.error, TooLongError) and "longer than 1 s" in str(failure.error)
    assert ticket.sound_s > 1 and 0 < len(ticket.dialogue().turns) < 18


def test_what_is_kept_costs_nothing(tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped) -> None:
    made = scheduler.submit(request(tiny_tts, "A", LINES[:3]))
    scheduler.run()
    again = scheduler.submit(tiny_tts.plan.redo(made.dialogue(), 1, None, None))
    watched.rendered.clear()
    scheduler.run()
    assert watched.rendered == [("A", LINES[1])]
    redone = again.dialogue()
    assert len(redone.takes(1)) == 2 and redone.turn_takes[1].chosen == 1
    assert redone.turn_takes[2].take is made.dialogue().turn_takes[2].take


def test_a_scheduler_without_a_thread_or_stuck_does_not_work(
    tiny_tts: DialogueTTS, watched: Watched, scheduler: Stepped
) -> None:
    assert scheduler.works(10)
    scheduler.submit(request(tiny_tts, "A", LINES[:1]))
    assert not scheduler.works(10), "there is work and nobody who does it"
    real = Scheduler(watched, clock=lambda: watched.now)  # type: ignore[arg-type]
    seen: list[bool] = []
    draw = watched.draw

    def late(*rest: Any) -> list[DrawnTake]:
        seen.append(real.works(10))
        watched.now += 20
        seen.append(real.works(10))
        return draw(*rest)

    watched.draw = late  # type: ignore[method-assign]
    real.submit(request(tiny_tts, "A", LINES[:1])).result()
    real.close()
    assert seen == [True, False] and real.works(10)


def test_closing_ends_everything_and_the_thread(tiny_tts: DialogueTTS) -> None:
    scheduler = Scheduler(tiny_tts.synthesizer)
    tickets = [scheduler.submit(request(tiny_tts, speaker, LINES * 20)) for speaker in "ABC"]
    before = {thread for thread in threading.enumerate() if thread.name == "dialogue-tts"}
    assert before
    scheduler.close()
    assert [ticket.progress().state for ticket in tickets] == ["cancelled"] * 3
    assert not any(thread.is_alive() for thread in before)
    assert len(scheduler.submit(request(tiny_tts, "D", LINES[:1])).result().turns) == 1
