"""Jobs in a store: what comes back, whose they are, and that deleted ones are gone."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import sqlalchemy as sa

from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.turns import Check, SpokenWord
from dialogue_tts.errors import StoreError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.store.database import Database
from dialogue_tts.store.jobs import JobStore
from dialogue_tts.store.tables import metadata, servers
from dialogue_tts.synthesis.request import DialogueRequest

SCRIPT = (
    "[Anna] Good evening. (She sits down.)\n[Ben | overlap 0.1s] Yes. [Anna | speed 1.5] Ünïcödé \N{SLICE OF PIZZA}?"
)


@pytest.fixture(scope="module")
def request_(tiny_tts: DialogueTTS) -> DialogueRequest:
    return tiny_tts.plan.script(SCRIPT, {"Anna": "high"}, 1 << 63, SynthesisConfig(gap_s=0.25, takes=2))


@pytest.fixture
def store(database: Database) -> JobStore:
    return JobStore(database)


def take(number: int) -> Take:
    wave = np.linspace(-1, 1, 10 + number, dtype=np.float32)
    return Take(f"take {number}", 2**64 - 1 - number, wave, (SpokenWord("é", 0.125, 1 / 3),), 2, Check(0.1, 1.0, 0.5))


def turn_done(store: JobStore, job: str, server: str, index: int, end_s: float = 1.0) -> bool:
    return store.add_turn(job, server, {"index": index}, end_s, [take(index)], 0)


def test_a_job_comes_back_as_it_was_asked_for(
    store: JobStore, request_: DialogueRequest, tiny_tts: DialogueTTS
) -> None:
    job = store.add(request_, "one", 10.5)
    found = store.get(job)
    assert (found.state, found.turns, found.turns_done, found.sound_s, found.error) == ("waiting", 3, 0, 0.0, None)
    assert (found.created_at, found.ended_at, found.expected_s) == (10.5, None, pytest.approx(request_.expected_s))
    assert found.findings == request_.findings and found.findings and found.bundle == request_.bundle.sha256
    project = store.project(job)
    voices = dict(zip([voice.speaker for voice in project.voices], store.voices(job), strict=True))
    again = tiny_tts.plan.project(project, voices)
    assert [turn.seed for turn in again.turns] == [turn.seed for turn in request_.turns]
    assert [take.text for take in again.wanted] == [take.text for take in request_.wanted]
    assert (again.seed, again.config, again.offsets) == (request_.seed, request_.config, request_.offsets)
    assert {name: voice.sha256 for name, voice in again.voices.items()} == {
        name: voice.sha256 for name, voice in request_.voices.items()
    }
    assert store.begin(job, "one") and store.get(job).state == "working"
    assert turn_done(store, job, "one", 0) and turn_done(store, job, "one", 1, 2.5)
    found = store.get(job)
    assert (found.turns_done, found.sound_s) == (2, 2.5) and store.times(job, 1) == [{"index": 1}]
    takes = store.takes(job)
    assert takes == {0: [take(0)], 1: [take(1)]} and np.array_equal(takes[1][0].waveform, take(1).waveform)
    assert store.end(job, "one", "failed", 12.0, "It was too long.")
    found = store.get(job)
    assert (found.state, found.error, found.ended_at, found.turns_done) == ("failed", "It was too long.", 12.0, 2)
    for odd in ("none", "", "\0", "x" * 1000, "é", "../a"):
        assert store.find(odd) is None
    with pytest.raises(StoreError, match="the job was deleted"):
        store.get("none")


def test_a_job_is_one_servers_until_that_ends(store: JobStore, request_: DialogueRequest) -> None:
    job, bundle = store.add(request_, "one", 10.0), request_.bundle.sha256
    store.alive("one", 40.0)
    store.alive("two", 200.0)
    assert store.claim("two", bundle, 40.0, ()) is None
    assert store.claim("two", "another bundle", 41.0, ()) is None
    assert store.claim("one", bundle, 40.0, {job}) is None  # it works on it
    assert store.claim("two", bundle, 41.0, ()) == (job, 2)
    assert store.held("two") == {job} and store.held("one") == set()
    assert not store.begin(job, "one") and not turn_done(store, job, "one", 0) and store.takes(job) == {}
    assert not store.end(job, "one", "done", 42.0)
    store.give_back(job, "one")  # is not its any more
    assert store.claim("one", bundle, 42.0, ()) is None
    assert turn_done(store, job, "two", 0)  # after which it is not to blame for an end
    store.give_back(job, "two")
    assert store.claim("one", bundle, 42.0, ()) == (job, 1)
    assert store.claim("one", bundle, 42.0, ()) == (job, 2)  # it gave up a job without saying so
    store.give_back(job, "one", 1)  # it had no room for it
    assert store.claim("one", bundle, 42.0, ()) == (job, 2)
    store.leave("one")
    assert store.claim("two", bundle, 42.0, ()) == (job, 3)


def test_an_idle_server_takes_the_youngest_job_of_a_busy_one(store: JobStore, request_: DialogueRequest) -> None:
    bundle = request_.bundle.sha256
    older, younger = (store.add(request_, "busy", created_at) for created_at in (10.0, 11.0))
    store.alive("busy", 40.0, 1)
    store.alive("idle", 200.0)
    assert store.relieve("idle", bundle, 40.0) is None  # it has nothing else to do
    store.alive("busy", 40.0, 2)
    assert store.relieve("idle", "another bundle", 40.0) is None
    assert store.relieve("busy", bundle, 40.0) is None  # they are its own
    assert store.relieve("idle", bundle, 41.0) is None  # it is dead, and whoever claims them notes that
    assert store.relieve("idle", bundle, 40.0) == (younger, 1)
    assert store.relieve("idler", bundle, 40.0) is None  # only one is left
    assert store.held("idle") == {younger} and store.held("busy") == {older}
    assert not turn_done(store, younger, "busy", 0) and turn_done(store, younger, "idle", 0)
    store.alive("busy", 40.0, 2)
    store.cancel(older, 12.0)
    assert store.relieve("idle", bundle, 40.0) is None


def test_a_job_goes_to_one_of_many(store: JobStore, request_: DialogueRequest) -> None:
    jobs = {store.add(request_, "dead", float(number)) for number in range(12)}
    claimed: dict[str, list[str]] = {f"server {number}": [] for number in range(4)}
    for server in claimed:
        store.alive(server, 100.0)

    def claim(server: str) -> None:
        while (found := store.claim(server, request_.bundle.sha256, 50.0, claimed[server])) is not None:
            claimed[server].append(found[0])

    threads = [threading.Thread(target=claim, args=(server,)) for server in claimed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everyone = [job for found in claimed.values() for job in found]
    assert len(everyone) == 12 and set(everyone) == jobs


def test_what_is_cancelled_or_deleted(store: JobStore, request_: DialogueRequest, database: Database) -> None:
    job = store.add(request_, "one", 10.0)
    assert turn_done(store, job, "one", 0)
    store.cancel(job, 11.0)
    assert store.get(job).state == "cancelled" and store.held("one") == set() and store.get(job).turns_done == 1
    assert not turn_done(store, job, "one", 1)
    store.give_back(job, "one")
    store.cancel(job, 12.0)
    assert store.get(job).ended_at == 11.0 and store.claim("two", request_.bundle.sha256, 99.0, ()) is None
    store.delete(job)
    assert store.find(job) is None
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table.name


def test_old_jobs_go(store: JobStore, request_: DialogueRequest, database: Database) -> None:
    jobs = [store.add(request_, "one", float(number)) for number in range(4)]
    for number, job in enumerate(jobs[:3]):
        assert turn_done(store, job, "one", 0, 10.0)
        assert store.end(job, "one", "done", 100.0 + number)
    store.alive("one", 150.0)
    store.alive("two", 90.0)
    assert store.counts() == {"done": 3, "waiting": 1}
    store.tidy(149.0, 50.0, 30.0)
    assert store.counts() == {"done": 3, "waiting": 1}
    store.tidy(149.0, 50.0, 20.0)
    assert [store.find(job) is None for job in jobs] == [True, False, False, False]
    store.tidy(151.0, 50.0, 20.0)
    assert [store.find(job) is None for job in jobs] == [True, True, False, False]
    with database.reading() as connection:
        assert connection.scalars(sa.select(servers.c.id)).all() == ["one"]


def test_the_newest_job_stays_however_long_it_is(store: JobStore, request_: DialogueRequest) -> None:
    long, silent, later = (store.add(request_, "one", float(number)) for number in range(3))
    assert turn_done(store, long, "one", 0, 100.0) and store.end(long, "one", "done", 100.0)
    store.end(silent, "one", "failed", 101.0)
    store.tidy(102.0, 50.0, 20.0)
    assert store.find(long) and store.find(silent)
    assert turn_done(store, later, "one", 0, 10.0) and store.end(later, "one", "done", 103.0)
    store.tidy(104.0, 50.0, 20.0)
    assert store.find(long) is None and store.find(silent) and store.find(later)


def test_takes_of_another_job_come_along(store: JobStore, tiny_tts: DialogueTTS, request_: DialogueRequest) -> None:
    parts = [turn.with_made([take(number)]) for number, turn in enumerate(request_.turns)]
    redone = tiny_tts.plan.redo(request_.dialogue(parts), 1, 7, "No.")
    job = store.add(redone, "one", 10.0)
    assert store.takes(job) == {number: [take(number)] for number in range(3)} and store.get(job).turns_done == 0
    again = tiny_tts.plan.project(store.project(job), redone.voices, store.takes(job))
    assert [(wanted.turn.text, wanted.seed) for wanted in again.wanted] == [("No.", 7)]
    assert [turn.chosen for turn in again.turns] == [0, 1, 0]
    assert store.add_turn(job, "one", {"index": 0}, 1.0, [take(0)], 1)
    assert store.add_turn(job, "one", {"index": 1}, 2.0, [take(1), take(5)], 1)
    assert store.takes(job)[1] == [take(1), take(5)]
