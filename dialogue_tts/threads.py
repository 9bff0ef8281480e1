"""Work in a thread of its own, and how PyTorch's threads wait for each other.

All of PyTorch's work is done in threads that end when there is nothing to do. OpenMP keeps helpers for every thread that
ever computed, and as soon as there are more of them than cores, they sleep at each step instead of waiting for the next
one. After a single computation in a program's main thread, any other thread would take twice as long.
"""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
WAITING = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}  # environment variables of OpenMP's libraries
BRIEFLY = {"GOMP_SPINCOUNT": "2000", "KMP_BLOCKTIME": "0"}  # GNU's counts turns of a loop, LLVM's milliseconds


def run_in_worker_thread(work: Callable[[], Result]) -> Result:
    """What `work` gives, or raises, when a thread of its own has done it; the thread ends with it."""
    context = contextvars.copy_context()  # with it, whoever measures this thread measures the work, too
    with ThreadPoolExecutor(1, thread_name_prefix="dialogue-tts") as worker:
        return worker.submit(context.run, work).result()


def asked_threads(environment: Mapping[str, str] = os.environ) -> int | None:
    """How many threads OMP_NUM_THREADS asks for, of several numbers (one for each level of nesting) the first; None where it
    is not set, or no number, which OpenMP does not heed either."""
    first = environment.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) else None


def wait_briefly(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let OpenMP's threads soon sleep while they wait for each other; it must be called before PyTorch is imported.

    As they come, they keep a core busy with waiting, at every one of a network's many small steps. Where other programs
    want the cores too, each then waits for one that is not even running. Never to wait at all costs a tenth of the time on
    an idle machine; so short a wait costs nothing. What the user's environment says stays.
    """
    if not environment.keys() & WAITING:
        environment.update(BRIEFLY)
