"""`publish`, and a mix by the shell."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import soundfile
from typer.testing import CliRunner

from dialogue_tts.cli import app


def test_a_mix_and_a_publication(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    def run(*arguments: object) -> str:
        done = CliRunner().invoke(app, [str(a) for a in (*arguments, "--bundle", tiny_bundle_dir)])
        assert done.exit_code == 0, done.output
        return done.output

    (tmp_path / "script.txt").write_text("## Tea\n[Anna] Good evening.\n[Ben] Hello!")
    soundfile.write(tmp_path / "rain.wav", np.full(24_000, 0.1, np.float32), 24_000)
    (tmp_path / "mix.json").write_text(json.dumps({"intro": {"sound": "rain.wav"}, "levels": [{"speaker": "Ben"}]}))
    about = {"title": "Tea", "chapters": [{"turn": 1, "title": "Hello"}]}
    (tmp_path / "about.json").write_text(json.dumps(about))
    made, project = tmp_path / "talk.wav", tmp_path / "talk.json"
    run("synthesize", tmp_path / "script.txt", "-o", made, "--project", project, "--mix", tmp_path / "mix.json")
    options = (
        "--about",
        tmp_path / "about.json",
        "--page",
        tmp_path / "talk.html",
        "--archive",
        tmp_path / "t.dialogue",
    )
    told = run("publish", project, "-o", tmp_path / "talk.m4b", *options, "--acx")
    assert "bit rate 128 kb/s; at least 192 kb/s is asked for" in told and "1 chapters" in told
    run("publish", tmp_path / "t.dialogue", "-o", tmp_path / "again.flac")
    run("publish", tmp_path / "t.dialogue", "-o", tmp_path / "t.m4b", "--chapters", tmp_path / "script.txt")
    with av.open(str(tmp_path / "t.m4b")) as file:
        assert [mark["metadata"]["title"] for mark in file.chapters()] == ["Tea"]
    again, _ = soundfile.read(tmp_path / "again.flac")
    assert abs(again.size / 44_100 - soundfile.info(made).duration) < 0.01
    assert not np.abs(again[20_000:30_000]).max() < 0.05  # the intro
    with av.open(str(tmp_path / "talk.m4b")) as file:
        assert [mark["metadata"]["title"] for mark in file.chapters()] == ["Hello"]
    assert 'src="talk.m4b"' in (tmp_path / "talk.html").read_text()


def test_what_cannot_be_published_is_told_before_any_work(tmp_path: Path) -> None:
    for out, rest, words in (
        ("a.wav", (), "names no format with tags"),
        ("a.mp3", ("--archive", "b.zip"), "name it so"),
    ):
        done = CliRunner().invoke(app, ["publish", "none.json", "-o", str(tmp_path / out), *rest])
        assert done.exit_code == 2 and words in " ".join(done.output.split())
