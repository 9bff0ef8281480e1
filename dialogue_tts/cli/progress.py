"""How far a command is: a bar at a terminal, which moves from the start, and a line every ten seconds in a log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from dialogue_tts.cli.app import console

EVERY_S = 10.0  # between lines in a log


class Meter:
    """What is being done, and how much of it."""

    def __init__(self, title: str, of: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        """of: what is counted, as in "turns"."""
        self._name, self._of, self._clock = title, of, clock
        self._done: int | None = None
        self._total: int | None = None
        self._sound_s: float | None = None
        self._first, self._began = 0, 0.0  # what was done when the counting began, and when that was

    def update(self, name: str, done: int, total: int, sound_s: float | None = None) -> None:
        """So many are done of all; sound_s: how much sound there is of them."""
        if self._total is None or name != self._name or done < (self._done or 0):
            self._first, self._began = done, self._clock()
        self._name, self._done, self._total, self._sound_s = name, done, total, sound_s

    def begin(self, name: str) -> None:
        """Something whose end nobody knows yet."""
        self._name, self._done, self._total, self._sound_s = name, None, None, None

    @property
    def name(self) -> str:
        """What is being done."""
        return self._name

    @property
    def done(self) -> tuple[int, int | None]:
        """How many of how many; None where nobody knows."""
        return self._done or 0, self._total

    @property
    def left_s(self) -> float | None:
        """Seconds it will take at the pace so far; None where nothing can be said yet."""
        if self._done is None or self._total is None or self._done <= self._first:
            return None
        return (self._clock() - self._began) / (self._done - self._first) * (self._total - self._done)

    def told(self) -> str:
        """How far it is: `120 of 600 turns, 412 s made, about 9 min left`."""
        if self._done is None or self._total is None:
            return ""
        parts = [f"{self._done} of {self._total} {self._of}".rstrip()]
        if self._sound_s is not None:
            parts.append(f"{self._sound_s:.0f} s made")
        if (left_s := self.left_s) is not None and self._done < self._total:
            parts.append(f"about {_spoken(left_s)} left")
        return ", ".join(parts)


def _spoken(seconds: float) -> str:
    """`40 s`, `9 min`, `2 h 5 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


class Shown:
    """A meter that somebody sees: call it with (what is done, done, total), or `begin` something whose end nobody knows."""

    def __init__(self, meter: Meter, show: Callable[[], None]) -> None:
        self._meter, self._show = meter, show

    def __call__(self, name: str, done: int, total: int, sound_s: float | None = None) -> None:
        self._meter.update(name, done, total, sound_s)
        self._show()

    def begin(self, name: str) -> None:
        """See `Meter.begin`."""
        self._meter.begin(name)
        self._show()


@contextmanager
def progress_bar(title: str, quiet: bool = False, of: str = "") -> Iterator[Shown]:
    """A bar on standard error, or lines where that is no terminal; of: what is counted, as in "turns"."""
    meter = Meter(title, of)
    if quiet:
        yield Shown(meter, lambda: None)
    elif console.is_terminal:
        with _bar(meter) as show:
            yield Shown(meter, show)
    else:
        with _lines(meter):
            yield Shown(meter, lambda: None)


@contextmanager
def _bar(meter: Meter) -> Iterator[Callable[[], None]]:
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:  # one without a total moves to and fro
        task = bar.add_task(meter.name, total=None, told="")

        def show() -> None:
            done, total = meter.done
            bar.update(task, description=meter.name, completed=done, total=total, told=meter.told())

        yield show


@contextmanager
def _lines(meter: Meter) -> Iterator[None]:
    ended = threading.Event()
    teller = threading.Thread(target=tell_now_and_then, args=(meter, ended.wait), name="progress", daemon=True)
    teller.start()
    try:
        yield
    finally:
        ended.set()
        teller.join()


def tell_now_and_then(meter: Meter, wait: Callable[[float], bool]) -> None:
    """A line whenever ten seconds are over, until `wait`, which takes seconds, says that it is the end."""
    while not wait(EVERY_S):
        told = meter.told()
        typer.echo(f"{meter.name}: {told}" if told else f"{meter.name} ...", err=True)
