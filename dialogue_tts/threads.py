"""Work in a thread of its own.

All of PyTorch's work is done in threads that end when there is nothing to do. OpenMP keeps helpers for every thread that
ever computed, and as soon as there are more of them than cores, they sleep at each step instead of waiting for the next
one. After a single computation in a program's main thread, any other thread would take twice as long.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def run_in_worker_thread(work: Callable[[], Result]) -> Result:
    """What `work` gives, or raises, when a thread of its own has done it; the thread ends with it."""
    context = contextvars.copy_context()  # with it, whoever measures this thread measures the work, too
    with ThreadPoolExecutor(1, thread_name_prefix="dialogue-tts") as worker:
        return worker.submit(context.run, work).result()
