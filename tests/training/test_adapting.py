"""A bundle learns on with a speaker's recordings, by the command line."""

from __future__ import annotations

import json
from contextlib import nullcontext
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
from dialogue_tts.training.corpus import Corpus
from tests.conftest import buzz

FRAMES = 25


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    return result.exit_code, result.output


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
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    code, told = run("adapt", tmp_path / "other", *asked[2:])
    assert code == 2 and "something else is there" in told
    assert run("adapt", tmp_path / "third")[0] == 2
