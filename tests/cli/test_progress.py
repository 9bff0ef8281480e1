"""How far a command is, at a terminal and in a log; no clock but a fake one."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from dialogue_tts.cli import progress
from dialogue_tts.cli.progress import Meter, progress_bar, tell_now_and_then


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_what_is_told_of_turns() -> None:
    clock = Clock()
    meter = Meter("Loading", "turns", clock)
    assert (meter.name, meter.told(), meter.left_s) == ("Loading", "", None)
    clock.now += 1000  # loading is no part of the pace
    meter.update("Speaking", 20, 600)
    assert meter.told() == "20 of 600 turns"
    clock.now += 10
    meter.update("Speaking", 40, 600, 75.4)
    assert meter.told() == "40 of 600 turns, 75 s made, about 5 min left"  # 20 turns took 10 s, 560 are left
    clock.now += 270
    meter.update("Speaking", 580, 600, 2000.0)
    assert meter.told().endswith("about 10 s left")
    meter.update("Speaking", 600, 600, 2050.0)
    assert meter.told() == "600 of 600 turns, 2050 s made"
    meter.begin("Writing")
    assert (meter.name, meter.told()) == ("Writing", "")


def test_hours_are_told_as_hours() -> None:
    clock = Clock()
    meter = Meter("Speaking", "scripts", clock)
    meter.update("Speaking", 0, 101)
    clock.now += 75
    meter.update("Speaking", 1, 101)
    assert meter.told() == "1 of 101 scripts, about 2 h 5 min left"


def test_a_log_gets_a_line_every_ten_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 10.0)
    meter = Meter("Loading", "turns", Clock())
    waited: list[float] = []

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        if len(waited) == 2:
            meter.update("Speaking", 3, 9, 12.0)
        return len(waited) == 3

    tell_now_and_then(meter, wait)
    assert waited == [10.0] * 3
    assert capsys.readouterr().err.splitlines() == ["Loading ...", "Speaking: 3 of 9 turns, 12 s made"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    shown = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=shown, force_terminal=True, width=120))
    yield shown


def test_the_bar_moves_before_anything_is_counted(terminal: io.StringIO) -> None:
    with progress_bar("Loading", of="turns") as update:
        assert "Loading" in terminal.getvalue() and "0/" not in terminal.getvalue()
        update("Speaking", 2, 9, 5.0)
    assert "2 of 9 turns, 5 s made" in terminal.getvalue()


def test_quiet_shows_nothing(terminal: io.StringIO) -> None:
    with progress_bar("Loading", quiet=True) as update:
        update("Speaking", 1, 2)
        update.begin("Writing")
    assert terminal.getvalue() == ""
