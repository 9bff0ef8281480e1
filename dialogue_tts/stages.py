"""Where the time goes: seconds that each stage takes, told to whoever wants to know."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

StageObserver = Callable[[str, float], None]
"""Called at the end of a stage with its name, and how long it took in seconds."""

_observers: ContextVar[tuple[StageObserver, ...]] = ContextVar("stage_observers", default=())


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Marks a function (`@stage("codec")`) or block as part of a stage. Stages do not hold each other."""
    observers = _observers.get()
    began = time.perf_counter()
    try:
        yield
    finally:
        for told in observers:
            told(name, time.perf_counter() - began)


@contextmanager
def observing(*observers: StageObserver) -> Iterator[None]:
    """They are told of stages of what this thread does in the block, and of tickets that it submits."""
    token = _observers.set((*_observers.get(), *observers))
    try:
        yield
    finally:
        _observers.reset(token)


@contextmanager
def measured() -> Iterator[dict[str, float]]:
    """Seconds by stage, of what this thread does in the block."""
    seconds: dict[str, float] = {}

    def add(name: str, more: float) -> None:
        seconds[name] = seconds.get(name, 0.0) + more

    with observing(add):
        yield seconds
