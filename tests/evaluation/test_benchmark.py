"""Figures of speed and memory, on the tiny bundle: that they are there, and that they are what they say."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.errors import BundleError, SettingsError
from dialogue_tts.evaluation.benchmark import STAGES, Benchmark, Measurement, benchmark, check_plot, dialogue_of
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.parser import parse_script
from dialogue_tts.stages import measured, stage

MACHINE = {"threads": 2, "processor": "A machine"}


@pytest.fixture
def found() -> Benchmark:
    stages = dict(zip(STAGES, (0.1, 1.0, 1.5, 0.75, 0.25), strict=True))
    rows = (
        Measurement(10.0, 11.0, 0.5, 4.4, 0.4, stages, 700.0),
        Measurement(30.0, 29.0, 0.5, 10.0, 0.5, stages, None),
    )
    return Benchmark("tiny", MACHINE, rows)


def test_stages_are_measured_in_this_thread_only_while_asked() -> None:
    @stage("naps")
    def nap() -> int:
        time.sleep(0.02)
        return 7

    nap()
    with measured() as seconds:
        assert nap() == nap() == 7
        with pytest.raises(ZeroDivisionError), stage("sums"):
            _ = 1 / 0
    assert list(seconds) == ["naps", "sums"] and 0.04 <= seconds["naps"] and seconds["sums"] < seconds["naps"]
    until_here = dict(seconds)
    nap()
    assert seconds == until_here


def test_every_stage_of_a_synthesis_is_measured(tiny_tts: DialogueTTS) -> None:
    began = time.perf_counter()
    with measured() as seconds:
        tiny_tts.synthesize("[Anna] This has not been said by any other test. [Ben] Nor has this.")
    assert set(seconds) == set(STAGES) and min(seconds.values()) > 0
    assert 0.3 < sum(seconds.values()) / (time.perf_counter() - began) < 1


@pytest.mark.parametrize("length_s", [1, 10, 100, 600])
def test_dialogues_are_as_long_as_asked_and_never_repeat(length_s: float, tiny_tts: DialogueTTS) -> None:
    script = dialogue_of(length_s, tiny_tts.expected_duration)
    assert tiny_tts.expected_duration(script) == pytest.approx(length_s, rel=0.06, abs=3)
    texts = [turn.text for turn in parse_script(script).turns]
    numbered = [text for text in texts if any(c.isdigit() for c in text)]
    assert len(set(numbered)) == len(numbered)


def test_each_length_in_a_process_of_its_own(tiny_bundle_dir: Path) -> None:
    done: list[tuple[int, int]] = []
    found = benchmark(str(tiny_bundle_dir), (2, 12), 1, lambda *counts: done.append(counts))
    assert done == [(1, 2), (2, 2)]
    assert (found.bundle, found.machine["threads"]) == ("tiny", 1) and len(found.machine["bundle_sha256"]) == 64
    short, long = found.measurements
    assert (short.asked_s, long.asked_s) == (2, 12) and long.speech_s > 3 * short.speech_s
    for row in (short, long):
        assert set(row.stages_s) == set(STAGES)
        assert 0 < sum(row.stages_s.values()) <= row.work_s
        assert 0 < row.first_sound_s and 0 < row.load_s
        assert 100 < row.peak_mb < 4_000
    assert long.first_sound_s < long.work_s


@pytest.mark.usefixtures("forked")
def test_a_bundle_that_is_not_there_and_lengths_out_of_range(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="this is no bundle"):
        benchmark(str(tmp_path), (3,))
    for lengths in ((), (0.0,), (8_000,)):
        with pytest.raises(SettingsError, match="lengths go from 1 to 7200 seconds"):
            benchmark(None, lengths)


def test_json_holds_all_figures(found: Benchmark, tmp_path: Path) -> None:
    found.save(tmp_path / "a.json")
    saved = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert saved == found.to_dict()
    assert saved["measurements"][0]["real_time_factor"] == 0.4
    assert saved["measurements"][0]["stages_s"]["SoundStorm"] == 1.5 and saved["measurements"][1]["peak_mb"] is None


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_a_picture_is_drawn(found: Benchmark, tmp_path: Path, ending: str, begins: bytes) -> None:
    pytest.importorskip("matplotlib", reason="MATPLOTLIB IS NOT INSTALLED: pip install -e '.[plot]' tests the picture")
    found.plot(tmp_path / f"a.{ending}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    assert content.startswith(begins) and len(content) > 5_000


def test_pictures_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="the ending names no picture"):
        check_plot(tmp_path / "a.txt")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingsError, match="--plot needs matplotlib: pip install"):
        check_plot(tmp_path / "a.png")


@pytest.fixture
def no_work(found: Benchmark, monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """The command gets `found` at once; what it asked for."""
    asked: list[tuple] = []

    def fake(
        bundle: str | None, lengths_s: list[float], threads: int | None, progress: Callable, device: str
    ) -> Benchmark:
        asked.append((bundle, tuple(lengths_s), threads, device))
        progress(1, 1)
        return found

    monkeypatch.setattr("dialogue_tts.evaluation.benchmark.benchmark", fake)
    return asked


def test_the_command_shows_a_table_or_json(no_work: list[tuple], found: Benchmark, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["benchmark", "--bundle", "x", "--threads", "2", "--device", "y"])
    assert result.exit_code == 0 and no_work == [("x", (10, 30, 60, 300, 600), 2, "y")]
    for told in ("tiny, threads: 2, A machine", "SoundStorm", "0.400", "11.0", "700", "?", "0.80"):
        assert told in result.stdout
    arguments = ["--seconds", "5", "--seconds", "9", "--json", "-o", str(tmp_path / "a.json")]
    result = CliRunner().invoke(app, ["benchmark", *arguments])
    assert no_work[1] == (None, (5.0, 9.0), None, "cpu") and json.loads(result.stdout) == found.to_dict()
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == found.to_dict()
    assert CliRunner().invoke(app, ["benchmark", "-q", "--plot", str(tmp_path / "a.png")]).output == ""
    assert (tmp_path / "a.png").exists()


@pytest.mark.parametrize("options", [["-o", "none/a.json"], ["--plot", "none/a.png"], ["--plot", "a.wav"]])
def test_outputs_that_cannot_be_are_told_first(no_work: list[tuple], options: list[str]) -> None:
    result = CliRunner().invoke(app, ["benchmark", *options])
    assert result.exit_code == 2 and len(result.stderr.splitlines()) == 1 and no_work == []
