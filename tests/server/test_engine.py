"""The engine: fair turns, batches of several requests, and nobody's sound depends on anybody else."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from dialogue_tts.pipeline import DialogueTTS, Drawn
from dialogue_tts.semantic.generate import ROWS
from dialogue_tts.server.engine import Busy, Engine, Ticket
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.metrics import Metrics
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.request import Order

LINES = (
    "Good evening.",
    "Is it late?",
    "No, it rained all the way to the harbour.",
    "Oh.",
    "Tea, then?",
    "Yes, please.",
)


class Watched:
    """A pipeline that notes what it is asked for, waits before its first batch, and fails at words it is told."""

    def __init__(self, tts: DialogueTTS) -> None:
        self.tts = tts
        self.go = threading.Event()
        self.batches: list[list[str]] = []
        self.rendered: list[tuple[str, str]] = []  # (speaker, text)
        self.no_draw = self.no_render = "nothing"

    def draw(self, orders: Sequence[Order], cancelled: Callable[[], bool] | None = None) -> list[Drawn]:
        assert self.go.wait(30)
        self.batches.append([order.turn.speaker for order in orders])
        if any(self.no_draw in order.turn.text for order in orders):
            raise ArithmeticError(self.no_draw)
        return self.tts.draw(orders, cancelled)

    def render(self, drawn: Drawn) -> Any:
        self.rendered.append((drawn.order.turn.speaker, drawn.order.turn.text))
        if self.no_render in drawn.order.turn.text:
            raise ArithmeticError(self.no_render)
        return self.tts.render(drawn)


@pytest.fixture
def watched(tiny_tts: DialogueTTS) -> Watched:
    return Watched(tiny_tts)


@pytest.fixture
def start(watched: Watched) -> Iterator[Callable[..., Engine]]:
    """Makes engines on `watched`, and closes them."""
    engines: list[Engine] = []

    def make(**limits: float) -> Engine:
        engines.append(Engine(watched, Limits(**limits), Metrics()))  # type: ignore[arg-type]
        return engines[-1]

    yield make
    watched.go.set()
    for engine in engines:
        engine.close()
    assert not [t for t in threading.enumerate() if t.name == "dialogue-tts-engine"]


def submit(engine: Engine, tts: DialogueTTS, speaker: str, lines: Sequence[str], streamed: bool = False) -> Ticket:
    script = "\n".join(f"[{speaker}] {line}" for line in lines)
    return engine.submit(tts.plan(script, seed=len(lines)), tts.expected_duration(script), streamed)


def wait(ticket: Ticket, until: Callable[[Ticket], bool] = lambda ticket: ticket.ended) -> None:
    end = time.monotonic() + 30
    while not until(ticket):
        assert time.monotonic() < end, ticket.progress()
        time.sleep(0.002)


def test_short_requests_do_not_wait_for_a_long_one(
    tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start()
    long = submit(engine, tiny_tts, "Long", LINES * 4)
    wait(long, lambda ticket: ticket.progress().state == "working")
    short = [submit(engine, tiny_tts, f"Short {n}", LINES[:2]) for n in "ABC"]
    watched.go.set()
    for ticket in (long, *short):
        wait(ticket)
        assert ticket.progress().state == "done"
    order = [speaker for speaker, _ in watched.rendered]
    last_short = max(i for i, speaker in enumerate(order) if speaker.startswith("Short"))
    assert order[: last_short + 1].count("Long") <= 5, order
    assert [text for speaker, text in watched.rendered if speaker == "Long"] == list(LINES * 4)


def test_turns_of_several_requests_are_drawn_together(
    tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start()
    first = submit(engine, tiny_tts, "First", LINES[:1])
    wait(first, lambda ticket: ticket.progress().state == "working")
    others = [submit(engine, tiny_tts, f"Other {n}", LINES[:1]) for n in "ABCDEFGHIJ"]
    watched.go.set()
    for ticket in others:
        wait(ticket)
    assert watched.batches[0] == ["First"]
    assert len(watched.batches) == 3 and len(watched.batches[1]) == ROWS
    assert sorted(watched.batches[1] + watched.batches[2]) == [f"Other {n}" for n in "ABCDEFGHIJ"]


def test_the_first_sound_of_a_stream_does_not_wait_for_longer_turns(
    tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start()
    blocker = submit(engine, tiny_tts, "Blocker", LINES[:1])
    wait(blocker, lambda ticket: ticket.progress().state == "working")
    stream = submit(engine, tiny_tts, "Stream", [LINES[0], *LINES], streamed=True)
    short = submit(engine, tiny_tts, "Short", [LINES[3], *LINES])
    long = submit(engine, tiny_tts, "Long", [LINES[2], *LINES])
    watched.go.set()
    for ticket in (stream, short, long):
        wait(ticket)
    at = next(i for i, batch in enumerate(watched.batches) if "Stream" in batch)
    assert sorted(watched.batches[at]) == ["Short", "Stream"]
    assert any(batch.count("Stream") > 1 for batch in watched.batches[at + 1 :])


def test_sound_does_not_depend_on_other_requests(tiny_tts: DialogueTTS, start: Callable[..., Engine]) -> None:
    engine = start()
    settings = (SynthesisConfig(), SynthesisConfig(speed=1.3), SynthesisConfig(takes=1), SynthesisConfig(gap_s=0.1))
    wanted = [
        (f"[{a}] {LINES[n % 6]} [{b}] {LINES[(n + 1) % 6]} [{a}] {LINES[(n + 2) % 6]}", n, settings[n % 4])
        for n, (a, b) in enumerate([("Ann", "Bob"), ("Bob", "Ann"), ("Cy", "Di")] * 4)
    ]
    tickets = [engine.submit(tiny_tts.plan(script, None, seed, config), 3, False) for script, seed, config in wanted]
    engine._tts.go.set()  # type: ignore[attr-defined]
    for ticket, (script, seed, config) in zip(tickets, wanted, strict=True):
        wait(ticket)
        alone = tiny_tts.synthesize(script, seed=seed, config=config)
        assert ticket.dialogue().sha256 == alone.sha256
        assert ticket.progress().turns == alone.turns == ticket.dialogue().turns
    assert any(len(set(batch)) > 1 for batch in engine._tts.batches)  # type: ignore[attr-defined]


def test_a_stream_is_made_no_further_ahead_than_it_may(
    tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start(unheard_s=0.5)
    watched.go.set()
    stream = submit(engine, tiny_tts, "Stream", LINES * 2, streamed=True)
    other = submit(engine, tiny_tts, "Other", LINES)
    wait(other)
    time.sleep(0.1)
    made = len(stream.progress().turns)
    assert 0 < made < 12
    time.sleep(0.1)
    assert len(stream.progress().turns) == made
    chunks = []
    while len(chunks) < 12:
        chunk = stream.next_chunk()
        if chunk is None:
            time.sleep(0.002)
        else:
            chunks.append(chunk.waveform)
    wait(stream)
    whole = tiny_tts.synthesize("\n".join(f"[Stream] {line}" for line in LINES * 2), seed=12)
    assert np.concatenate(chunks).tobytes() == whole.waveform.tobytes()


def test_a_cancelled_request_keeps_its_turns_and_others_go_on(
    tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start()
    gone, other = submit(engine, tiny_tts, "Gone", LINES * 6), submit(engine, tiny_tts, "Other", LINES)
    told = threading.Event()
    gone.listen(told.set)
    watched.go.set()
    wait(gone, lambda ticket: len(ticket.progress().turns) >= 3)
    gone.cancel()
    made = gone.dialogue()
    assert gone.progress().state == "cancelled" and told.is_set()
    wait(other)
    assert other.progress().state == "done"
    assert 3 <= len(made.turns) < 36 and len(gone.dialogue().turns) == len(made.turns)
    alone = tiny_tts.synthesize("\n".join(f"[Gone] {line}" for line in LINES * 6), seed=36)
    assert [t.waveform.tobytes() for p in made.parts for t in p.takes] == [
        alone.turn_waveform(i).tobytes() for i in range(len(made.parts))
    ]
    gone.cancel()
    assert gone.progress().state == "cancelled"


@pytest.mark.parametrize("fault", ["no_draw", "no_render"])
def test_a_fault_fells_the_request_that_has_it_alone(
    fault: str, tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start()
    setattr(watched, fault, "banana")
    good = submit(engine, tiny_tts, "Good", LINES)
    bad = submit(engine, tiny_tts, "Bad", [*LINES[:2], "A banana.", LINES[3]])
    watched.go.set()
    wait(bad)
    wait(good)
    assert good.progress().state == "done"
    found = bad.progress()
    assert found.state == "failed" and found.failure and found.failure.code == "fault"
    assert "turn 3 could not be made" in found.failure.message and "banana" not in found.failure.message
    assert [turn.text for turn in bad.dialogue().turns] == list(LINES[:2])
    late = submit(engine, tiny_tts, "Late", LINES[:1])
    wait(late)
    assert late.progress().state == "done"


def test_a_full_queue_says_when_to_come_back(
    tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start(requests=2)
    first = submit(engine, tiny_tts, "A", LINES)
    submit(engine, tiny_tts, "B", LINES)
    with pytest.raises(Busy) as busy:
        submit(engine, tiny_tts, "C", LINES)
    assert 1 <= busy.value.retry_after_s <= 60 and f"{busy.value.retry_after_s} s" in str(busy.value)
    first.cancel()
    submit(engine, tiny_tts, "C", LINES)


def test_the_sound_that_waits_is_limited_but_one_request_always_may(
    tiny_tts: DialogueTTS, start: Callable[..., Engine]
) -> None:
    engine = start(waiting_sound_s=1)
    submit(engine, tiny_tts, "A", LINES)
    with pytest.raises(Busy):
        submit(engine, tiny_tts, "B", LINES[:1])


def test_a_dialogue_that_grows_too_long_ends_with_its_turns(
    tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]
) -> None:
    engine = start(sound_s=1.0)
    watched.go.set()
    ticket = submit(engine, tiny_tts, "A", LINES * 3)
    wait(ticket)
    found = ticket.progress()
    assert found.failure and found.failure.code == "too_long" and "longer than 1 s" in found.failure.message
    assert found.sound_s > 1 and 0 < len(ticket.dialogue().turns) < 18


def test_closing_ends_everything(tiny_tts: DialogueTTS, watched: Watched, start: Callable[..., Engine]) -> None:
    engine = start()
    tickets = [submit(engine, tiny_tts, speaker, LINES * 20) for speaker in "ABC"]
    watched.go.set()
    engine.close()
    assert [ticket.progress().state for ticket in tickets] == ["cancelled"] * 3
    with pytest.raises(Busy):
        submit(engine, tiny_tts, "D", LINES)
