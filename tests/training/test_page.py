"""Every command of docs/training.md, in its order, on a few recordings and tiny networks of a step each."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from typer.testing import CliRunner

from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.cli import app
from dialogue_tts.evaluation.judges import Judges
from dialogue_tts.training import hub, preparing, rented
from dialogue_tts.training.checkpoints import CHECKPOINT
from dialogue_tts.training.corpus import Corpus
from tests.cli.test_evaluate import Judge
from tests.conftest import RATE_HZ, buzz
from tests.training.test_hub import Hub
from tests.training.test_pack import _Here
from tests.training.test_preparing import _shard
from tests.training.test_pretrained import CODECS, CONFORMER, hubert
from tests.training.test_rebuild import Murmurs, _small, shared, teacher
from tests.training.test_recipes import PITCH_HZ, SMALL, TURNS, recipe_file
from tests.training.test_streaming import _dataset

for needed in ("accelerate", "datasets", "jiwer", "sklearn", "tensorboard", "transformers", "whisper_normalizer"):
    pytest.importorskip(needed)

__all__ = ["shared", "teacher"]  # fixtures
PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"
STAGES = "$ dialogue-tts train semantic --recipe semantic.json --data runs/data --data runs/kokoro-data"
TINY = {"--minutes": "0.001", "--device": "cpu"}  # what the page's values become


class Inline:
    """A pool of processes that is none."""

    def __init__(self, processes: int, context: object) -> None:
        assert processes > 1

    def __enter__(self) -> Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(work, items)


@pytest.fixture
def place(
    tmp_path: Path, shared: Path, teacher: Murmurs, tiny_bundle_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A folder with what the page's commands take up; who is far away (hub, teacher, judges) is a stand-in."""
    folder, judge = tmp_path / "place", Judge()
    folder.mkdir()
    monkeypatch.chdir(folder)
    even = lambda tokens, sequence, *_: (np.arange(len(tokens)) * len(sequence.characters) // len(tokens)).tolist()  # noqa: E731
    monkeypatch.setattr("dialogue_tts.training.tokens.heard_phones", even)  # networks of a step read nothing
    monkeypatch.setattr("dialogue_tts.training.teacher.make_teacher", lambda name: teacher)
    monkeypatch.setattr("dialogue_tts.evaluation.judges.load_judges", lambda path: Judges(judge, judge, judge, judge))
    monkeypatch.setattr("dialogue_tts.bundle.find_bundle", lambda name=None: find_bundle(name or tiny_bundle_dir))
    monkeypatch.setattr(hub, "HfApi", Hub)
    monkeypatch.setattr(preparing, "ProcessPoolExecutor", Inline)
    monkeypatch.setattr(rented.multiprocessing, "get_context", lambda kind: _Here)
    for stage in SMALL:
        recipe_file(folder, stage, loop={"steps": 1})
    recipes = folder / "models" / "en-small" / "recipe"
    recipes.mkdir(parents=True)
    _small(recipes)
    (folder / "my-voices").mkdir()
    shutil.copy(tiny_bundle_dir / "voices.json", folder / "my-voices")
    shutil.copytree(tiny_bundle_dir / "voices", folder / "my-voices" / "voices")
    scripts = [{"id": "s", "turns": [["A", "Is it ten already?"], ["B", "It is."]]}]
    (folder / "texts.jsonl").write_text("\n".join(map(json.dumps, scripts)), encoding="utf-8")
    (folder / "script.txt").write_text("[Anna] Is it late?\n", encoding="utf-8")
    _recordings(folder)
    return folder


def _recordings(folder: Path) -> None:
    """LibriTTS, shards, a corpus with its manifest, recordings of Anna, and a set for the judges."""
    for name in ("corpus", "eval/prompts", "anna", "emilia-shards"):
        (folder / name).mkdir(parents=True)
    rows = []
    for number, (speaker, split, dialogue, text) in enumerate(TURNS):
        sound = buzz(3.0 + 0.05 * number, PITCH_HZ[speaker] + number)
        sound += 0.01 * np.random.default_rng(number).standard_normal(len(sound)).astype(np.float32)
        part = {"train": "train-clean-100", "test_text": "train-clean-100", "test_speaker": "dev-clean"}[split]
        chapter = folder / "LibriTTS" / part / speaker / dialogue
        chapter.mkdir(parents=True, exist_ok=True)
        soundfile.write(chapter / f"{number}.wav", sound, RATE_HZ)
        (chapter / f"{number}.normalized.txt").write_text(text, encoding="utf-8")
        soundfile.write(folder / "corpus" / f"{number}.flac", sound, RATE_HZ)
        rows.append({"id": f"t{number}", "audio": f"{number}.flac", "text": text, "speaker": speaker, "split": split})
        rows[-1] |= {"seconds": len(sound) / RATE_HZ, "dialogue": dialogue, "turn": number}
    (folder / "corpus" / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    anna = [row | {"audio": f"../corpus/{row['audio']}"} for row in rows if row["speaker"] == "Ann"]
    (folder / "anna" / "manifest.jsonl").write_text("\n".join(map(json.dumps, anna)), encoding="utf-8")
    _shard(folder / "emilia-shards" / "0.tar", 2)
    _dataset(folder / "hub")
    for take in "ab":
        soundfile.write(folder / "eval" / "prompts" / f"low_{take}.flac", buzz(3.0, 120.0), RATE_HZ)
    dialogue = {"id": "d", "turns": [["A", "Tea."]], "voices": {"A": "low"}}
    (folder / "eval" / "scripts.jsonl").write_text(json.dumps(dialogue), encoding="utf-8")


def _blocks() -> list[tuple[str, list[str]]]:
    """(kind, lines) of the page's blocks, in order."""
    found = re.findall(r"```(console|json)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [(kind, text.splitlines()) for kind, text in found]


def _call(line: str, known: dict[str, str]) -> list[str]:
    """A line's command, without what starts it in several processes, with tiny values."""
    words = shlex.split(line.removeprefix("$ "))
    if words[:2] == ["accelerate", "launch"]:  # which starts this in several processes: see test_processes.py
        words = words[words.index("-m") + 1 :]
    assert words.pop(0) in ("dialogue-tts", "dialogue_tts"), line
    words = [known.get(word, word) for word in words]
    for option, value in TINY.items():
        if option in words:
            words[words.index(option) + 1] = value
    return words


def _others(folder: Path, data: Path) -> None:
    """The page's recipes of others' networks, on tiny ones that lie where the hub would give them."""
    (folder / "facebook").mkdir(parents=True)
    (folder / "runs").mkdir()
    shutil.copytree(data, folder / "runs" / "data")
    torch.manual_seed(0)
    CODECS["encodec"][0]().save_pretrained(folder / "facebook" / "encodec_24khz")
    hubert("hubert").save_pretrained(folder / "facebook" / "hubert-base-ls960")
    for line in next(lines for kind, lines in _blocks() if kind == "json" and "codec-pretrained" in lines[0]):
        values = json.loads(line)
        if "levels" in values:
            values["levels"] = 2
        else:
            values["network"] |= {"layer": 1, "clusters": 11, "reader": CONFORMER}
            values |= {"loop": {"steps": 1, "threads": 1}, "training": {"frames_per_batch": 200}}
        (folder / f"{values['stage']}.json").write_text(json.dumps(values), encoding="utf-8")


def test_every_command_of_the_page_runs(
    place: Path, shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"SHARED": str(shared), "OWNER/NAME": "owner/name", "OWNER/CORPUS": "hub"}
    done: list[str] = []
    for line in (line for kind, lines in _blocks() if kind == "console" for line in lines):
        words = _call(line, known)
        beside = place
        if line == STAGES:  # the page begins anew, with the folders of its second section
            for stage in SMALL:
                shutil.rmtree(place / "runs" / stage)
        if words[:2] == ["data", "rebuild"]:  # another way to the folders that are there
            beside = tmp_path / "rebuilt"
            shutil.copytree(place / "models", beside / "models")
        elif words[:2] == ["train", "--pack"]:  # on another machine
            beside = tmp_path / "lent"
            shutil.copytree(place / "pack", beside / "pack")
        elif any("pretrained" in word for word in words):
            beside = tmp_path / "others"
            if not beside.exists():
                _others(beside, place / "runs" / "data")
        elif words[0] == "adapt":
            _run(["data", "prepare", "anna/manifest.jsonl", "runs/anna"], "before")
        monkeypatch.chdir(beside)
        _run(words, line)
        monkeypatch.chdir(place)
        if words[:2] == ["data", "rebuild"]:
            for folder in (beside / "runs").glob("people*"):
                shutil.copytree(folder, place / "runs" / folder.name)
        elif words[:2] == ["train", "--pack"]:
            shutil.copytree(beside / "runs" / "out", place / "out")
        done.append(" ".join(words[:2]))
    assert STAGES in PAGE.read_text(encoding="utf-8")
    assert {"data manifest", "train semantic", "export my-bundle", "push my-bundle", "collect out"} <= set(done)
    assert len(Corpus.open(place / "big" / "part-00000").split("train")) > 8
    assert {path.parent.name for path in (place / "runs").glob(f"*/{CHECKPOINT}")} == set(SMALL)
    assert (place / "talk.wav").is_file() and json.loads((place / "report.json").read_text(encoding="utf-8"))
    assert Bundle.load(place / "anna-bundle").config.name == "anna-bundle"
    assert (place / "runs-again" / "soundstorm" / CHECKPOINT).is_file()
    assert (tmp_path / "others" / "runs" / "semantic-pretrained" / CHECKPOINT).is_file()


def _run(words: list[str], line: str) -> None:
    result = CliRunner().invoke(app, words, catch_exceptions=False)
    assert result.exit_code == 0, f"{line}\n{result.output}"
