"""Who makes a batch's jobs: this process, several processes of this machine, or a Ray cluster."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, cast

from dialogue_tts.batch.jobs import BatchContext, BatchJob, Outcome
from dialogue_tts.errors import DialogueTTSError, SettingsError
from dialogue_tts.extras import check_extra


def in_this_process(jobs: Sequence[BatchJob], context: BatchContext) -> Iterator[Outcome]:
    """One after the other."""
    tts = context.open()
    for job in jobs:
        yield context.make(job, tts)


def in_processes(jobs: Sequence[BatchJob], context: BatchContext, workers: int) -> Iterator[Outcome]:
    """As they get ready, from several processes. A process that dies takes one job with it, and is replaced.

    Raises:
        DialogueTTSError: no process can start, for example since the bundle is damaged.
    """
    crew = _WorkerPool(jobs, context)
    try:
        for _ in range(min(workers, len(jobs))):
            crew.start()
        while crew.busy:
            for connection in wait(list(crew.busy)):
                outcome = crew.take(cast("Connection", connection))  # `wait` gives back what it is given
                if outcome:
                    yield outcome
    finally:
        crew.stop()


class _WorkerPool:
    """Processes and what each is at: None while it loads the bundle."""

    def __init__(self, jobs: Sequence[BatchJob], context: BatchContext) -> None:
        self.waiting = deque(jobs)
        self.busy: dict[Connection, tuple[BaseProcess, BatchJob | None]] = {}
        self._workshop = context
        self._context = multiprocessing.get_context("spawn")

    def start(self) -> None:
        here, there = self._context.Pipe()
        process = self._context.Process(target=_work, args=(there, self._workshop), daemon=True)
        process.start()
        there.close()  # so that the process's end is the pipe's
        self.busy[here] = process, None

    def take(self, connection: Connection) -> Outcome | None:
        """What a process has to say; it gets its next job."""
        process, job = self.busy.pop(connection)
        try:
            found: Outcome | DialogueTTSError = connection.recv()
        except (EOFError, ConnectionResetError):
            return self._lost(process, job)
        if isinstance(found, DialogueTTSError):
            raise found
        self._go_on(connection, process)
        return found

    def stop(self) -> None:
        for process, _ in self.busy.values():
            process.terminate()
            process.join()

    def _go_on(self, connection: Connection, process: BaseProcess) -> None:
        job = self.waiting.popleft() if self.waiting else None
        self.busy[connection] = process, job
        try:
            connection.send(job)
        except (BrokenPipeError, ConnectionResetError):
            return  # it died; `take` will see that
        if job is None:
            del self.busy[connection]
            process.join()

    def _lost(self, process: BaseProcess, job: BatchJob | None) -> Outcome | None:
        process.join()
        died = f"its process died (exit code {process.exitcode}), perhaps for lack of memory"
        if job is None and self.waiting:
            raise DialogueTTSError(f"a worker cannot start: {died}; take fewer workers.")
        if self.waiting:
            self.start()
        return Outcome(job.id, died) if job else None


def _work(connection: Connection, context: BatchContext) -> None:
    """In a process of its own: say that it is there, then make what comes until nothing does."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who waits for the outcomes ends this,
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so, and half a file is removed on the way out
    try:
        tts = context.open()
    except DialogueTTSError as error:
        connection.send(error)
        return
    connection.send(None)
    try:
        while job := connection.recv():
            connection.send(context.make(job, tts))
    except (EOFError, BrokenPipeError):
        return


def _end_with_parent() -> None:
    """A worker whose parent was killed would hold its job's work folder against whoever goes on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def on_ray(jobs: Sequence[BatchJob], context: BatchContext, workers: int) -> Iterator[Outcome]:
    """As they get ready, from a Ray cluster: the one that RAY_ADDRESS names, or one on this machine.

    Raises:
        SettingsError: Ray is not installed.
    """
    ray = import_ray()
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(log_to_driver=False, include_dashboard=False, logging_level="ERROR")
    remote = ray.remote(num_cpus=context.threads or 1, max_restarts=-1)(_RayWorker)
    waiting = deque(jobs)
    busy: dict[Any, tuple[Any, BatchJob]] = {}
    try:
        for _ in range(min(workers, len(jobs))):
            worker, job = remote.remote(context), waiting.popleft()
            busy[worker.make.remote(job)] = worker, job
        while busy:
            (ready,), _ = ray.wait(list(busy), num_returns=1)
            worker, job = busy.pop(ready)
            try:
                outcome = ray.get(ready)
            except ray.exceptions.RayError as error:
                outcome = Outcome(job.id, f"its worker failed ({str(error).strip().splitlines()[-1]})")
            if waiting:
                following = waiting.popleft()
                busy[worker.make.remote(following)] = worker, following
            yield outcome
    finally:
        if started_here:
            ray.shutdown()


class _RayWorker:
    """Lives on some machine of the cluster."""

    def __init__(self, context: BatchContext) -> None:
        self._workshop, self._tts = context, context.open()

    def make(self, job: BatchJob) -> Outcome:
        return self._workshop.make(job, self._tts)


def import_ray() -> Any:
    """Raises SettingsError if Ray is not installed."""
    check_extra("ray", "--ray", error=SettingsError)
    import ray

    return ray


def share_of_cores(workers: int) -> int:
    """Threads for each of so many workers on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // workers)
