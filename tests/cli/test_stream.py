"""`stream`: sound for a pipe, for as long as somebody listens."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from dialogue_tts.audio.io import pcm16, write_audio
from dialogue_tts.cli.stream import binary_output
from dialogue_tts.errors import AudioError
from tests.cli.conftest import once

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

SCRIPT = "[Anna] Good evening, Ben. [Ben | overlap 0.2s] Hello! [Anna] Is it ten past five?\n"


def test_the_pipe_gets_the_sound_of_synthesize(run: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    assert run("synthesize", "-", "-o", out, "--seed", 3, stdin=SCRIPT).exit_code == 0
    whole, rate = soundfile.read(out, dtype="int16")
    result = run("stream", "-", "--seed", 3, stdin=SCRIPT)
    assert result.exit_code == 0 and result.stderr.endswith("s of speech, seed 3\n")
    heard, told_rate = soundfile.read(io.BytesIO(result.stdout_bytes), dtype="int16")
    assert told_rate == rate and np.array_equal(heard, whole)
    raw = run("stream", "-", "--seed", 3, "--format", "raw", "-q", stdin=SCRIPT)
    assert raw.stderr == "" and np.array_equal(np.frombuffer(raw.stdout_bytes, "<i2"), whole)


def test_what_was_said_can_be_kept(run: CommandLine, tmp_path: Path) -> None:
    times, project = tmp_path / "t.json", tmp_path / "p.json"
    result = run("stream", "-", "--timestamps", times, "--project", project, "-q", stdin=SCRIPT)
    assert result.exit_code == 0
    turns = json.loads(times.read_text(encoding="utf-8"))["turns"]
    assert [turn["speaker"] for turn in turns] == ["Anna", "Ben", "Anna"]
    again = run("synthesize", project, "-o", tmp_path / "again.wav")
    assert again.exit_code == 0 and "last bits" not in again.stderr
    heard, _ = soundfile.read(io.BytesIO(result.stdout_bytes), dtype="int16")
    assert np.array_equal(heard, soundfile.read(tmp_path / "again.wav", dtype="int16")[0])


def test_settings_and_voices_reach_the_sound(run: CommandLine) -> None:
    options = (["--voice", "Anna=low"], ["--voice", "Anna=high"], ["--speed", 2], ["--gap", 1], ["--loudness", -30])
    found = {run("stream", "-", "--seed", 1, "-q", *option, stdin=SCRIPT).stdout_bytes for option in options}
    assert len(found) == len(options)


def test_samples_are_those_of_a_sound_file(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).uniform(-1.01, 1.01, 10_000).astype(np.float32)
    wave[:4] = 1.0, -1.0, 0.0, 0.99999
    write_audio(tmp_path / "a.wav", wave, 24_000)
    assert np.array_equal(np.frombuffer(pcm16(wave), "<i2"), soundfile.read(tmp_path / "a.wav", dtype="int16")[0])


def test_a_terminal_gets_no_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(isatty=lambda: True))
    with pytest.raises(AudioError, match="send it on with"):
        binary_output()


def test_what_is_refused(run: CommandLine, tmp_path: Path) -> None:
    run.refused("stream", "-", stdin="no speaker", said="line 1")
    run.refused("stream", "-", stdin='{"kind": 1}', said="this is a project, not a script; `dialogue-tts synthesize`")
    run.refused("stream", "-", "--voice", "Dora=low", stdin=SCRIPT, said="Dora: the script has no such speaker")
    run.refused("stream", "-", "--project", tmp_path / "none" / "p.json", stdin=SCRIPT, said="there is no folder")
    assert run("stream", "-", "--format", "mp3", stdin=SCRIPT).exit_code == 2


def test_a_listener_who_goes_away_is_no_error(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    """In real processes: the pipe's reader takes 1,000 bytes and closes. What was spoken until then is kept."""
    script, times = tmp_path / "long.txt", tmp_path / "times.json"
    script.write_text("".join(f"[{'AB'[n % 2]}nn] This is line number {n}.\n" for n in range(60)), encoding="utf-8")
    options = ["--bundle", str(tiny_bundle_dir), *once(["stream", script]), "--timestamps", str(times), "-q"]
    command = [sys.executable, "-m", "dialogue_tts", "stream", str(script), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        first = process.stdout.read(1_000)
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(timeout=180) == 0
    assert told == b"" and first[:4] == b"RIFF" and first[8:12] == b"WAVE"
    assert np.frombuffer(first[44:], "<i2").size == 478
    assert 1 <= len(json.loads(times.read_text(encoding="utf-8"))["turns"]) < 60


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="THERE IS NO /dev/full: a full disk is not tested")
def test_a_disk_that_gets_full_is_told(tiny_bundle_dir: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "dialogue_tts",
        "stream",
        "-",
        "--bundle",
        str(tiny_bundle_dir),
        *once(["stream", "-"]),
    ]
    with open("/dev/full", "wb") as full:
        pipes = {"stdout": full, "stderr": subprocess.PIPE}
        done = subprocess.run(command, input=SCRIPT, text=True, timeout=180, check=False, **pipes)
    told = "dialogue-tts: the sound cannot be written (No space left on device); send it somewhere else.\n"
    assert (done.returncode, done.stderr) == (2, told)
