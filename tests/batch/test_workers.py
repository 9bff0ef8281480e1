"""Several processes make the same as one, and the death of one is not that of the batch."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dialogue_tts.batch.jobs import BatchContext, BatchJob, Outcome
from dialogue_tts.batch.workers import import_ray, in_processes, in_this_process, on_ray, share_of_cores
from dialogue_tts.errors import BundleError, SettingsError
from tests.conftest import ONCE

JOBS = [BatchJob(f"job-{n}", f"[Anna] This is number {n}. [Ben] Yes, it is.", seed=n, config=ONCE) for n in range(5)]
BAD = BatchJob("bad", "no speaker")


@pytest.fixture
def context(tiny_bundle_dir: Path, tmp_path: Path) -> Iterator[BatchContext]:
    threads = torch.get_num_threads()
    yield BatchContext(tmp_path, bundle=str(tiny_bundle_dir), threads=1)
    torch.set_num_threads(threads)  # a context opened in this process changes it


def hashes(context: BatchContext, jobs: list[BatchJob]) -> list[str]:
    return [json.loads(context.record(job).read_text(encoding="utf-8"))["sha256"] for job in jobs]


def errors(outcomes: Iterator[Outcome] | list[Outcome]) -> dict[str, str | None]:
    return {outcome.id: outcome.error for outcome in outcomes}


def test_processes_make_what_one_makes(context: BatchContext, tmp_path: Path) -> None:
    told = errors(in_processes([*JOBS[:2], BAD, *JOBS[2:]], context, 2))
    assert set(told) == {BAD.id, *(job.id for job in JOBS)}
    assert "line 1" in told.pop(BAD.id) and set(told.values()) == {None}
    (tmp_path / "again").mkdir()
    again = BatchContext(tmp_path / "again", bundle=context.bundle, threads=1)
    assert set(errors(in_this_process(JOBS, again)).values()) == {None}
    assert hashes(context, JOBS) == hashes(again, JOBS)


class Killer(BatchContext):
    """Its worker is killed in the midst of one job."""

    def make(self, job: BatchJob, tts: object) -> Outcome:
        if job.id == "job-1":
            os.kill(os.getpid(), signal.SIGKILL)
        return Outcome(job.id)


@pytest.mark.usefixtures("forked")
def test_a_process_that_is_killed_takes_one_job_with_it(context: BatchContext) -> None:
    told = errors(in_processes(JOBS, Killer(context.out, bundle=context.bundle), 1))
    assert "its process died (exit code -9)" in told.pop("job-1")
    assert told == dict.fromkeys(("job-0", "job-2", "job-3", "job-4"))


@pytest.mark.usefixtures("forked")
def test_a_bundle_that_is_not_there_is_told_once(context: BatchContext, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="this is no bundle"):
        list(in_processes(JOBS, BatchContext(context.out, bundle=str(tmp_path)), 2))


class Sleeper(BatchContext):
    """Leaves half a file if nobody cleans up."""

    def make(self, job: BatchJob, tts: object) -> Outcome:
        from dialogue_tts.files import whole_file

        if job.id != "job-0":
            with whole_file(self.sound(job)) as draft:
                draft.write_text("half", encoding="utf-8")
                time.sleep(60)
        return Outcome(job.id)


@pytest.mark.usefixtures("forked")
def test_who_stops_listening_ends_the_processes(context: BatchContext, tmp_path: Path) -> None:
    outcomes = in_processes(JOBS, Sleeper(context.out, bundle=context.bundle), 1)
    assert next(outcomes).id == "job-0"
    deadline = time.monotonic() + 120
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    began = time.monotonic()
    outcomes.close()
    assert time.monotonic() - began < 30
    assert list(tmp_path.iterdir()) == []


def test_cores_are_shared() -> None:
    cores = share_of_cores(1)
    assert cores >= 1 and share_of_cores(cores) == 1 and share_of_cores(10 * cores) == 1


@pytest.mark.flaky(reruns=1)  # its agents have half a minute to come up, which a busy machine may not give
def test_a_local_ray_makes_what_one_makes(context: BatchContext, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="RAY IS NOT INSTALLED: pip install -e '.[ray]' tests the backend")
    told = errors(on_ray([*JOBS[:3], BAD], context, 2))
    assert "line 1" in told.pop(BAD.id) and told == dict.fromkeys(job.id for job in JOBS[:3])
    (tmp_path / "again").mkdir()
    again = BatchContext(tmp_path / "again", bundle=context.bundle, threads=1)
    assert len(list(in_this_process(JOBS[:3], again))) == 3
    assert hashes(context, JOBS[:3]) == hashes(again, JOBS[:3])


def test_without_ray_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r'--ray needs ray: pip install "dialogue-tts\[ray\]"'):
        import_ray()
