"""Jobs outlive the process that makes them: what is finished stays, the rest is made, and the sound is the same."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from dialogue_tts.dialogue.result import Take
from dialogue_tts.errors import StoreError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.mark import Mark, bundle_code
from dialogue_tts.server.app import create_app
from dialogue_tts.server.job_runner import ALIVE_S, FAULT, MOST_BEGUN, JobRunner
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.metrics import Metrics
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.store.database import Database
from dialogue_tts.store.jobs import JobStore
from dialogue_tts.synthesis.synthesizer import DrawnTake

CONFIG = SynthesisConfig(takes=1, sound_takes=1)
SCRIPT = "\n".join(f"[{'AB'[n % 2]}] This is number {n}." for n in range(5))


class Gated(DialogueTTS):
    """Makes as many turns as it is let; what it made is in `made`."""

    def __init__(self, tts: DialogueTTS, turns: int = 0) -> None:
        super().__init__(tts.bundle, CONFIG)
        self.made: list[str] = []
        self._gate, self._render = threading.Semaphore(turns), self.synthesizer.render
        self.synthesizer.render = self._wait  # type: ignore[method-assign]

    def let(self, turns: int) -> None:
        self._gate.release(turns)

    def _wait(self, drawn: DrawnTake) -> Take:
        self._gate.acquire()
        self.made.append(drawn.request.turn.text)
        return self._render(drawn)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database.open(str(tmp_path / "store.db"))
    yield found
    found.close()


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database)


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def runner(tts: DialogueTTS, store: JobStore, now: float = 0.0, limits: Limits | None = None) -> JobRunner:
    """One whose clock stands still."""
    return JobRunner(tts, store, limits or Limits(), Metrics(), clock=lambda: now)


def ask(tts: DialogueTTS, jobs: JobRunner) -> str:
    return jobs.add(tts.scheduler.submit(tts.plan.script(SCRIPT, {}, 3, CONFIG))).id


def test_another_goes_on_where_a_dead_one_stopped(tiny_tts: DialogueTTS, store: JobStore) -> None:
    dying, living = Gated(tiny_tts, 2), Gated(tiny_tts, 9)
    first, second = runner(dying, store), runner(living, store, ALIVE_S + 1)
    first.tend()
    job = ask(dying, first)
    until(lambda: store.get(job).turns_done == 2)  # and there it hangs
    runner(living, store, ALIVE_S - 1).tend()
    assert store.get(job).state == "working" and not living.made
    second.tend()
    until(lambda: store.get(job).state == "done")
    assert living.made == ["This is number 2.", "This is number 3.", "This is number 4."]
    whole = tiny_tts.synthesize(SCRIPT, seed=3, config=CONFIG)
    assert second.dialogue(store.get(job)).sha256 == whole.sha256
    assert [times["text"] for times in store.times(job)] == [turn.text for turn in whole.turns]
    dying.let(1)  # it was not dead, only late
    until(lambda: not first._working)
    assert len(dying.made) == 3 and store.get(job).turns_done == 5
    assert second.dialogue(store.get(job)).sha256 == whole.sha256
    dying.let(9)


def test_an_idle_server_takes_a_job_of_a_busy_one(tiny_tts: DialogueTTS, store: JobStore) -> None:
    busy, idle = Gated(tiny_tts, 1), Gated(tiny_tts, 20)
    first, second = runner(busy, store), runner(idle, store)
    first.tend()
    older = ask(busy, first)
    first._clock = lambda: 1.0
    younger = ask(busy, first)
    second.tend()
    assert not idle.scheduler.active  # nobody has said yet how much the first has to do
    first.tend()
    until(lambda: store.get(older).turns_done == 1)
    second.tend()
    until(lambda: store.get(younger).state == "done")
    assert len(idle.made) == 5 and store.get(older).state == "working"
    whole = tiny_tts.synthesize(SCRIPT, seed=3, config=CONFIG)
    assert second.dialogue(store.get(younger)).sha256 == whole.sha256
    first.tend()  # it hears that the younger is not its any more
    assert busy.scheduler.active == 1
    second.tend()
    assert not idle.scheduler.active  # the older one is all that the first has to do
    busy.let(9)
    until(lambda: store.get(older).state == "done")
    assert first.dialogue(store.get(older)).sha256 == whole.sha256
    until(lambda: not first._working)


def test_a_server_that_stops_gives_back_its_jobs(tiny_tts: DialogueTTS, database: Database) -> None:
    tts = Gated(tiny_tts, 2)
    close, tending = tts.scheduler.close, list[threading.Thread]()

    def closing() -> None:
        for ticket in list(tts.scheduler._active):
            ticket.cancel()
        tts.let(1)  # the turn at hand, which nobody wants any more
        tending.extend(thread for thread in threading.enumerate() if thread.name == "dialogue-tts jobs")
        close()

    tts.scheduler.close = closing  # type: ignore[method-assign]
    with TestClient(create_app(tts, database=database)) as client:
        job = client.post("/v1/jobs", json={"script": SCRIPT, "seed": 3}).json()["id"]
        until(lambda: client.get(f"/v1/jobs/{job}").json()["turns_done"] == 2)
    assert JobStore(database).get(job).state == "waiting"
    assert not tending, "what is given back could be taken up again"
    tts = Gated(tiny_tts, 9)
    with TestClient(create_app(tts, database=database)) as client:
        found = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "1"}).text
        assert found.count("event: turn") == 4 and "event: done" in found
        assert tts.made == ["This is number 2.", "This is number 3.", "This is number 4."]
        pcm = client.get(f"/v1/jobs/{job}/result?format=pcm").content
        body = {"script": SCRIPT, "seed": 3, "format": "pcm"}
        assert pcm == client.post("/v1/dialogue", json=body).content


def test_another_take_is_made_elsewhere(tiny_tts: DialogueTTS, store: JobStore) -> None:
    dying, living = Gated(tiny_tts, 5), Gated(tiny_tts, 9)
    first, second = runner(dying, store), runner(living, store, ALIVE_S + 1)
    job = ask(dying, first)
    until(lambda: store.get(job).state == "done")
    old = first.dialogue(store.get(job))
    again = first.add(dying.scheduler.submit(dying.plan.redo(old, 1, 8, "No.")))
    store.delete(job)  # whose takes it has itself
    second.tend()
    until(lambda: store.get(again.id).state == "done")
    found = second.dialogue(store.get(again.id))
    assert living.made == ["No."] and [len(part.takes) for part in found.turn_takes] == [1, 2, 1, 1, 1]
    assert found.sha256 == tiny_tts.redo(old, 1, 8, "No.").sha256
    dying.let(9)
    until(lambda: not first._working)


def test_what_is_cancelled_elsewhere_stops_here(tiny_tts: DialogueTTS, store: JobStore) -> None:
    tts = Gated(tiny_tts, 1)
    jobs = runner(tts, store)
    job = ask(tts, jobs)
    until(lambda: store.get(job).turns_done == 1)
    runner(tiny_tts, store).cancel(job)
    jobs.tend()
    assert not tts.scheduler._active
    tts.let(1)
    until(lambda: not jobs._working)
    assert store.get(job).state == "cancelled" and store.get(job).turns_done == 1


def test_a_store_that_fails_for_a_while(
    tiny_tts: DialogueTTS, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts, store = Gated(tiny_tts, 9), JobStore(database)
    jobs = runner(tts, store)
    fail = 1

    def failing(*arguments: Any) -> bool:
        nonlocal fail
        if arguments[2]["index"] == 2 and fail:
            fail -= 1
            raise StoreError("the disk is full.")
        return JobStore.add_turn(store, *arguments)

    monkeypatch.setattr(store, "add_turn", failing)
    job = ask(tts, jobs)
    until(lambda: not jobs._working)
    assert store.get(job).state == "working" and store.get(job).turns_done == 2
    jobs.tend()
    until(lambda: store.get(job).state == "done")
    assert jobs.dialogue(store.get(job)).sha256 == tiny_tts.synthesize(SCRIPT, seed=3, config=CONFIG).sha256


def test_a_fault_while_a_turn_is_written_ends_that_job_alone(
    tiny_tts: DialogueTTS, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts = Gated(tiny_tts, 20)
    jobs = runner(tts, store)

    def failing(*arguments: Any) -> bool:
        raise ArithmeticError

    with monkeypatch.context() as patch:
        patch.setattr(store, "add_turn", failing)
        faulty = ask(tts, jobs)
        until(lambda: not jobs._working)
    assert (store.get(faulty).state, store.get(faulty).error) == ("failed", FAULT)
    good = ask(tts, jobs)
    until(lambda: store.get(good).state == "done")


def test_nobody_is_told_on_a_loop_that_closes(
    tiny_tts: DialogueTTS, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, loop = runner(tiny_tts, store), asyncio.new_event_loop()
    loop.close()
    monkeypatch.setattr(loop, "is_closed", lambda: False)  # it was not, a moment ago
    jobs._waiting.append(("a job", loop, asyncio.Event()))
    jobs._tell("a job")


def test_a_server_that_cannot_look_after_its_jobs_says_so(
    tiny_tts: DialogueTTS, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(server: str) -> set[str]:
        raise ArithmeticError

    monkeypatch.setattr(store, "held", failing)
    jobs = runner(tiny_tts, store)
    jobs.start()
    until(lambda: jobs.failed)
    jobs.close()


def test_a_result_is_marked_as_what_the_jobs_bundle_made(tiny_tts: DialogueTTS, store: JobStore) -> None:
    tts = Gated(tiny_tts, 5)
    jobs = runner(tts, store)
    job = ask(tts, jobs)
    until(lambda: store.get(job).state == "done")
    upgraded = Gated(tiny_tts)
    upgraded.mark = Mark(bundle_code("newer", "0" * 64), 7)
    found = runner(upgraded, store).dialogue(store.get(job))
    assert tts.mark and found.mark == Mark(tts.mark.bundle, 7) != upgraded.mark
    upgraded.mark = None
    assert runner(upgraded, store).dialogue(store.get(job)).mark is None


def test_jobs_that_cannot_be_gone_on_with(tiny_tts: DialogueTTS, store: JobStore, database: Database) -> None:
    jobs = runner(tiny_tts, store)
    request = tiny_tts.plan.script(SCRIPT, {}, 3, CONFIG)
    deadly, damaged = store.add(request, "dead", 0.0), store.add(request, "dead", 1.0)
    for _ in range(MOST_BEGUN - 1):
        assert store.claim("dead", request.bundle.sha256, 0.0, {damaged}) is not None
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE dialogue_tts_job_voices SET data = x'00' WHERE job = ?", (damaged,))
    jobs.tend()
    assert store.get(deadly).state == store.get(damaged).state == "failed"
    assert "the server ended 5 times while a turn was made" in str(store.get(deadly).error)
    assert "this is no voice" in str(store.get(damaged).error)


def test_no_more_is_taken_up_than_there_is_room_for(tiny_tts: DialogueTTS, store: JobStore) -> None:
    tts = Gated(tiny_tts)
    jobs = runner(tts, store, limits=Limits(requests=2))
    request = tts.plan.script(SCRIPT, {}, 3, CONFIG)
    waiting = [store.add(request, "dead", float(number)) for number in range(3)]
    jobs.tend()
    assert len(store.held("dead")) == 1 and [store.get(job).state for job in waiting][2] == "waiting"
    tts.let(10)
    until(lambda: not jobs._working)
    tts.let(5)
    jobs.tend()
    until(lambda: store.get(waiting[2]).state == "done")


def test_a_full_server_leaves_jobs_as_they_were(
    tiny_tts: DialogueTTS, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts = Gated(tiny_tts)
    request = tts.plan.script(SCRIPT, {}, 3, CONFIG)
    tts.scheduler.submit(request)
    waiting = store.add(request, "dead", 0.0)
    runner(tts, store, limits=Limits(waiting_sound_s=request.expected_s / 2)).tend()
    assert store.held("dead") == {waiting}  # nobody looks at what it would cost
    jobs = runner(tts, store, limits=Limits(waiting_sound_s=request.expected_s * 1.5))
    jobs.tend()
    assert store.held("dead") == set() and store.get(waiting).state == "waiting"
    with monkeypatch.context() as patch:
        patch.setattr(
            store,
            "claim",
            lambda *_: pytest.fail("a job is planned again, for which there is no more room than before"),
        )
        jobs.tend()
    assert store.claim("dead", request.bundle.sha256, 0.0, ()) == (waiting, 2)  # nor was it begun
    store.give_back(waiting, "dead")
    tts.let(10)
    until(lambda: not tts.scheduler.active)
    jobs.tend()
    until(lambda: store.get(waiting).state == "done")


def test_the_event_loop_never_waits_for_the_database(
    tiny_tts: DialogueTTS, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dialogue_tts.store.voices import StoredVoices

    database = Database.open(str(tmp_path / "store.db"))
    tts = DialogueTTS(tiny_tts.bundle, CONFIG, StoredVoices(database))
    threads: set[int] = set()
    for name in ("reading", "writing"):
        original = getattr(database, name)

        def noted(*arguments: Any, original: Any = original, **named: Any) -> Any:
            threads.add(threading.get_ident())
            return original(*arguments, **named)

        monkeypatch.setattr(database, name, noted)
    with TestClient(create_app(tts, database=database)) as client:
        assert client.portal is not None
        loop = client.portal.call(threading.get_ident)
        job = client.post("/v1/jobs", json={"script": SCRIPT}).json()["id"]
        assert "event: done" in client.get(f"/v1/jobs/{job}/events").text
        for path in ("", "/result", "/result?format=srt"):
            assert client.get(f"/v1/jobs/{job}{path}").status_code == 200
        again = client.post(f"/v1/jobs/{job}/turns/0/redo", json={}).json()["id"]
        client.delete(f"/v1/jobs/{again}")
        assert client.delete(f"/v1/jobs/{job}").status_code == 200
        speech = {"model": "tiny", "voice": "Low", "input": "Hello."}
        assert client.post("/v1/audio/speech", json=speech).status_code == 200
        assert client.get("/v1/audio/voices").status_code == client.get("/metrics").status_code == 200
        assert client.delete("/v1/audio/voices/Cleo").status_code == 404
    assert threads and loop not in threads
    database.close()
