"""A bundle learns on with a speaker's recordings, by the command line."""

from __future__ import annotations

import json
import shutil
import sys
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
import soundfile
import torch
from typer.testing import CliRunner

from dialogue_tts.bundle import Bundle
from dialogue_tts.cli import app
from dialogue_tts.cli import training as cli
from dialogue_tts.training import adapting
from dialogue_tts.training.checkpoints import read_state
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.loop import Run
from tests.conftest import buzz

FRAMES = 25


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    return result.exit_code, result.output


def check_going_on(asked: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is finished is not trained again, what was killed before its first checkpoint begins again, and what is of another
    bundle or other recordings is told."""
    new, bundle_dir = tmp_path / "new", Path(str(asked[-1]))
    checkpoint = new / "adapting" / "checkpoint.safetensors"
    written, steps = checkpoint.read_bytes(), read_state(checkpoint)["step"]
    code, told = run(*asked)
    assert code == 0 and f"{steps} steps" in told and checkpoint.read_bytes() == written
    with monkeypatch.context() as killed:
        killed.setattr(Run, "train", lambda *_, **__: sys.exit(9))
        assert run("adapt", tmp_path / "killed", *asked[2:])[0] == 9
    assert not (tmp_path / "killed" / "adapting" / "checkpoint.safetensors").exists()
    assert run("adapt", tmp_path / "killed", *asked[2:])[0] == 0
    other = Bundle.load(bundle_dir)
    replace(other, config=replace(other.config, name="other")).save(tmp_path / "bundle")
    code, told = run(*asked[:-1], tmp_path / "bundle")
    assert code == 2 and "begun with another bundle" in told
    shutil.copytree(tmp_path / "data", tmp_path / "fewer")
    turns = (tmp_path / "data" / "turns.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "fewer" / "turns.jsonl").write_text("".join(turns[1:]))
    code, told = run(*asked[:3], tmp_path / "fewer", *asked[4:])
    assert code == 2 and "begun with other recordings" in told


def test_a_bundle_learns_a_voice(tiny_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = []
    for number in range(4):
        soundfile.write(tmp_path / f"{number}.wav", buzz(2.0, 150.0 + number), 24_000)
        rows.append({"audio": f"{number}.wav", "text": "", "speaker": "ann"})
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run("data", "prepare", tmp_path / "manifest.jsonl", tmp_path / "data")
    asked = ("adapt", tmp_path / "new", "--data", tmp_path / "data", "--minutes", 0.001, "--bundle", tiny_bundle_dir)
    shown: list[tuple[object, ...]] = []
    monkeypatch.setattr(cli, "progress_bar", lambda *_: nullcontext(lambda *told: shown.append(told)))
    code, told = run(*asked)
    assert [name for name, _ in groupby(name for name, *_ in shown)] == ["Tokens", "Training, seconds"]
    assert code == 0 and "likeness of the voice" in told, told
    old, new = Bundle.load(tiny_bundle_dir), Bundle.load(tmp_path / "new")
    assert new.config.name == "new" and set(new.voices) == set(old.voices)
    changed = [
        name
        for name in ("codec", "semantic_tokenizer", "text_to_semantic", "soundstorm", "speaker_embedding")
        if any(
            not torch.equal(a, b)
            for a, b in zip(
                getattr(old, name).state_dict().values(), getattr(new, name).state_dict().values(), strict=True
            )
        )
    ]
    assert changed == ["soundstorm"]
    held = adapting._held_out(Corpus.open(tmp_path / "data"))
    assert [turn.split for turn in held.utterances] == ["train"] * 3 + ["test_speaker"]
    check_going_on(asked, tmp_path, monkeypatch)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    code, told = run("adapt", tmp_path / "other", *asked[2:])
    assert code == 2 and "something else is there" in told
    assert run("adapt", tmp_path / "third")[0] == 2
