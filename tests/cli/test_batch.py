"""`batch`: what is made, skipped and failed, and how it goes on."""

from __future__ import annotations

import functools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile

from dialogue_tts.pipeline import DialogueTTS
from tests.cli.conftest import once

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    folder = tmp_path / "scripts"
    folder.mkdir()
    for name in ("one", "two", "three"):
        (folder / f"{name}.txt").write_text(f"[Anna] This is {name}. [Ben] Yes, it is.", encoding="utf-8")
    return folder


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_is_spoken_once(run: CommandLine, scripts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("batch", scripts, out, "--format", "flac")
    assert result.exit_code == 0 and result.stdout == ""
    assert result.stderr.startswith(f"{out}: 3 made, 0 done before, 0 failed: ")
    assert names(out) == sorted(f"{n}.{e}" for n in ("one", "two", "three") for e in ("flac", "json"))
    assert soundfile.info(out / "one.flac").duration > 1
    before = {path: path.stat().st_mtime_ns for path in out.iterdir()}
    assert run("batch", scripts, out, "--format", "flac").stderr.startswith(f"{out}: 0 made, 3 done before, 0 failed")
    assert {path: path.stat().st_mtime_ns for path in out.iterdir()} == before
    (scripts / "two.txt").write_text("[Anna] This is another one.", encoding="utf-8")
    assert json.loads(run("batch", scripts, out, "--format", "flac", "--json").stdout)["made"] == ["two"]


def test_what_is_done_needs_no_bundle_in_memory(
    run: CommandLine, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("batch", scripts, tmp_path / "out").exit_code == 0
    monkeypatch.setattr(DialogueTTS, "from_pretrained", lambda *_, **__: pytest.fail("the bundle was loaded"))
    assert run("batch", scripts, tmp_path / "out", "--workers", 1).exit_code == 0


def test_a_script_that_fails_does_not_stop_the_others(run: CommandLine, scripts: Path, tmp_path: Path) -> None:
    (scripts / "four.txt").write_text("[Anna] Oh [laughs].", encoding="utf-8")
    result = run("batch", scripts, tmp_path / "out")
    assert result.exit_code == 1 and result.stdout == ""
    first, last = result.stderr.splitlines()
    assert first.startswith("dialogue-tts: four: line 1: [laughs]: sounds cannot be acted")
    assert "3 made, 0 done before, 1 failed" in last
    again = run("batch", scripts, tmp_path / "out", "--json", "-q")
    assert again.exit_code == 1
    told = json.loads(again.stdout)
    assert (told["made"], told["skipped"], list(told["failed"]), told["left"]) == ([], 3, ["four"], 0)
    (scripts / "four.txt").write_text("[Anna] Oh, haha.", encoding="utf-8")
    assert run("batch", scripts, tmp_path / "out", "-q").output == ""


def test_lines_with_seeds_voices_and_settings(run: CommandLine, tmp_path: Path) -> None:
    source, script = tmp_path / "jobs.jsonl", "[Anna] Is it so? [Ben] Yes, it is."
    jobs = [
        {"id": "plain", "script": script},
        {"id": "own", "script": script, "seed": 4, "voices": {"Anna": "high"}, "settings": {"gap_s": 2.0}},
    ]
    source.write_text("".join(json.dumps(job) + "\n" for job in jobs), encoding="utf-8")
    assert run("batch", source, tmp_path / "out", "--seed", 2, "--voice", "Anna=low", "--gap", 1).exit_code == 0
    plain, own = (json.loads((tmp_path / "out" / f"{n}.json").read_text(encoding="utf-8")) for n in ("plain", "own"))
    assert (plain["seed"], plain["voices"]["Anna"]) == (2, "low")
    assert (own["seed"], own["voices"]["Anna"]) == (4, "high")
    for record, gap_s in ((plain, 1.0), (own, 2.0)):
        assert record["turns"][1]["start"] - record["turns"][0]["end"] == pytest.approx(gap_s, abs=2e-3)
    arguments = ["-", "-o", tmp_path / "same.wav", "--seed", 4, "--voice", "Anna=high", "--gap", 2]
    assert run("synthesize", *arguments, stdin=script).exit_code == 0
    assert (tmp_path / "same.wav").read_bytes() == (tmp_path / "out" / "own.wav").read_bytes()


def test_lines_from_standard_input(run: CommandLine, tmp_path: Path) -> None:
    line = json.dumps({"id": "plain", "script": "[Zoë] Is it so?"}, ensure_ascii=False)
    assert run("batch", "-", tmp_path / "out", "--json", stdin=line.encode()).exit_code == 0
    assert names(tmp_path / "out") == ["plain.json", "plain.wav"]
    run.refused("batch", "-", tmp_path / "out", stdin="no json", said="-, line 1: this is not JSON")


def test_files_of_others_are_left_alone(run: CommandLine, scripts: Path) -> None:
    (scripts / "two.json").write_text('{"title": "Two"}', encoding="utf-8")
    run.refused("batch", scripts, scripts, said="two.json: this file is no record of a batch")
    assert names(scripts) == ["one.txt", "three.txt", "two.json", "two.txt"]


def test_no_recording_is_written_over(run: CommandLine, scripts: Path, tmp_path: Path) -> None:
    recording = scripts / "two.wav"
    soundfile.write(recording, [0.0] * 48_000, 24_000)
    said = "two.wav: this file is read, and would be written over"
    run.refused("batch", scripts, scripts, "--voice", f"Ben={recording}", said=said)
    lines = tmp_path / "jobs.json"
    lines.write_text(json.dumps({"id": "jobs", "script": "[Anna] The key.", "voices": {}}), encoding="utf-8")
    run.refused("batch", lines, tmp_path, said="jobs.json: this file is read, and would be written over")
    assert names(scripts) == ["one.txt", "three.txt", "two.txt", "two.wav"]


@pytest.mark.usefixtures("forked")
def test_several_workers(run: CommandLine, scripts: Path, tmp_path: Path) -> None:
    (scripts / "bad.txt").write_text("no speaker", encoding="utf-8")
    result = run("batch", scripts, tmp_path / "out", "--workers", 2, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert sorted(told["made"]) == ["one", "three", "two"] and list(told["failed"]) == ["bad"]
    assert told["speech_s"] > 3 and told["work_s"] > 0


def test_a_batch_that_is_interrupted_goes_on(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    """In a real process: interrupted after the first script, as by Ctrl-C."""
    source, out = tmp_path / "jobs.jsonl", tmp_path / "out"
    jobs = [{"id": f"{n:03}", "script": f"[Anna] This is number {n}. " * 4} for n in range(300)]
    source.write_text("".join(json.dumps(job) + "\n" for job in jobs), encoding="utf-8")
    command = [sys.executable, "-m", "dialogue_tts", "batch", str(source), str(out), "--bundle", str(tiny_bundle_dir)]
    command += once(["batch", source])
    hears = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # tests may run where nobody does
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, preexec_fn=hears) as process:
        deadline = time.monotonic() + 180
        while not (out / "000.json").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, told = process.communicate(timeout=180)
    assert process.returncode == 130 and stdout == ""
    assert "Traceback" not in told and "interrupted, " in told and "run it again to go on" in told
    done = {path.stem for path in out.glob("*.json")}
    assert "000" in done and len(done) < 300
    left = {path.name.partition(".")[0] for path in out.iterdir()} - done
    assert left <= {f"{len(done):03}"}  # at most a sound without its record, or the turns of one that was not done
    assert not list(out.glob("*.part"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--voice", "Dora=low"], "Dora: no script has such a speaker"),
        (["--speed", 9], "speed 9 is out of range"),
        (["--pronunciations", "none.txt"], "none.txt: the dictionary cannot be read"),
    ],
)
def test_options_that_cannot_be(run: CommandLine, scripts: Path, tmp_path: Path, options: list, said: str) -> None:
    run.refused("batch", scripts, tmp_path / "out", *options, said=said)
    assert not (tmp_path / "out").exists()


def test_places_that_cannot_be(
    run: CommandLine, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.refused("batch", tmp_path / "none", tmp_path / "out", said="give a folder or a JSONL file")
    run.refused("batch", scripts, scripts / "one.txt", said="this is a file; name a folder")
    run.refused("batch", scripts, tmp_path / "none" / "out", said="there is no folder")
    run.refused("batch", scripts, tmp_path / "out", "--bundle", "xx", said="there is no such bundle", bundle=False)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 10_000}))
    run.refused("batch", scripts, tmp_path / "out", said="make room, or choose another place")


def test_without_ray(run: CommandLine, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    run.refused("batch", scripts, tmp_path / "out", "--ray", said="--ray needs ray: pip install")
