"""Where the time goes: seconds that each stage takes, while somebody measures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_measured: ContextVar[dict[str, float] | None] = ContextVar("measured", default=None)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Marks a function (`@stage("codec")`) or block as part of a stage. Stages do not hold each other."""
    seconds = _measured.get()
    began = time.perf_counter()
    try:
        yield
    finally:
        if seconds is not None:
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Seconds by stage, of what this thread does in the block."""
    seconds: dict[str, float] = {}
    token = _measured.set(seconds)
    try:
        yield seconds
    finally:
        _measured.reset(token)
