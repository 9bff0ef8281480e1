"""One command makes all data of a bundle, and the card's commands the bundle: here with few recordings and small networks."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from dialogue_tts.bundle import DEFAULT_NAME, find_bundle
from dialogue_tts.cli import app
from dialogue_tts.errors import ConfigError, DataError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.training import texts
from dialogue_tts.training.corpus import Corpus, data_folders
from dialogue_tts.training.rebuild import Sources, read_data_recipe, rebuild
from tests.conftest import RATE_HZ, buzz
from tests.training.test_recipes import SMALL, recipe_file

CARD = find_bundle(DEFAULT_NAME) / "README.md"
RECIPE = find_bundle(DEFAULT_NAME) / "recipe" / "data.json"
LINES = (
    ("ann", "train", "Good evening, have you been here long?"),
    ("bob", "train", "No, I came a minute ago."),
    ("ann", "train", "Then we can go and find a table."),
    ("bob", "train", "Fine. I am hungry."),
    ("ann", "test_text", "The train was late again this morning."),
    ("cleo", "test_speaker", "Is there any coffee left for me?"),
    ("cleo", "test_speaker", "I would rather have some tea."),
)


class Murmurs:
    """A teacher of three voices who says anything as a buzz, and counts."""

    voices = ("low", "middle", "high")

    def __init__(self) -> None:
        self.spoken: list[str] = []

    def speak(self, phonemes: str, voice: str, seed: int) -> np.ndarray:
        self.spoken.append(phonemes)
        return buzz(0.5 + 0.05 * len(phonemes), 100.0 + 60 * self.voices.index(voice))


@pytest.fixture
def teacher(monkeypatch: pytest.MonkeyPatch) -> Murmurs:
    murmurs = Murmurs()
    monkeypatch.setattr("dialogue_tts.training.rebuild.make_teacher", lambda name: murmurs)
    return murmurs


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """As the shared folder is laid out: a corpus with texts, people of whom some have none, and texts without sound."""
    for name, lines in (("corpus", LINES), ("people", [(f"p{i}", "train", "Yes, I do." * (i % 2)) for i in range(4)])):
        folder = tmp_path / "shared" / name
        (folder / "audio").mkdir(parents=True)
        rows = []
        for number, (speaker, split, text) in enumerate(lines):
            soundfile.write(folder / "audio" / f"{number}.ogg", buzz(2.0 + 0.1 * number, 100.0 + 20 * number), RATE_HZ)
            rows.append({"id": f"{name}{number}", "audio": f"audio/{number}.ogg", "text": text, "speaker": speaker})
            rows[-1] |= {"split": split, "dialogue": f"{name}-{number // 4}", "turn": number, "licence": "CC0"}
        (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    scripts = [{"id": f"s{i}", "turns": [["A", f"Is it {i} already?"], ["B", "It is."]]} for i in range(3)]
    extra = tmp_path / "shared" / "corpus" / "extra_text.jsonl"
    extra.write_text("\n".join(map(json.dumps, scripts)), encoding="utf-8")
    return tmp_path / "shared"


def _small(folder: Path) -> Path:
    """The bundle's own recipe with other numbers: fewer sentences, one variation each."""
    values = json.loads(RECIPE.read_text(encoding="utf-8"))
    for wanted in values["folders"]:
        wanted["variations"] = wanted["variations"][:1]
        if "sentences" in wanted:
            wanted["sentences"] = 3
    path = folder / "data.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def _rebuilt(recipe: Path, shared: Path, runs: Path, limit: int | None = None) -> dict[str, bool]:
    made = rebuild(read_data_recipe(recipe), Sources(shared, Path("teacher"), limit), runs, None, lambda *_: None)
    return {folder.corpus.folder.name: folder.anew for folder in made}


def _commands() -> list[list[str]]:
    """Of the card's section on how the bundle was made."""
    section = CARD.read_text(encoding="utf-8").partition("## How it was made")[2]
    block = re.search(r"```console\n(.*?)```", section, re.DOTALL)
    assert block
    return [shlex.split(line) for line in block[1].splitlines()]


def test_the_commands_of_the_card_make_a_bundle_that_speaks(
    shared: Path, teacher: Murmurs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    even = lambda tokens, sequence, *_: (np.arange(len(tokens)) * len(sequence.characters) // len(tokens)).tolist()  # noqa: E731
    monkeypatch.setattr("dialogue_tts.training.tokens.heard_phones", even)  # networks of three steps read nothing
    monkeypatch.chdir(tmp_path)
    _small(tmp_path)
    for stage in SMALL:
        recipe_file(tmp_path, stage, loop={"steps": 1})
    soundstorm = json.loads((tmp_path / "soundstorm.json").read_text(encoding="utf-8"))
    soundstorm["training"]["degraded_prompts"] = 0.5
    (tmp_path / "soundstorm.json").write_text(json.dumps(soundstorm), encoding="utf-8")
    bundle = tmp_path / "models" / "en-small"
    (bundle / "voices").mkdir(parents=True)
    soundfile.write(bundle / "voices" / "ann.flac", buzz(3.0), RATE_HZ)
    listed = {"voices": [{"name": "ann", "description": "a murmur", "origin": "made by a test"}]}
    (bundle / "voices.json").write_text(json.dumps(listed), encoding="utf-8")
    stages = []
    for program, *words in _commands():
        assert program == "dialogue-tts"
        words = [re.sub(r"^R/", f"{tmp_path}/", w.replace("SHARED", str(shared))) for w in words]
        done = CliRunner().invoke(app, words, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        stages += [Path(w).stem for w in words if w.endswith(".json") and words[0] == "train"]
    assert sorted(stages) == sorted(SMALL), "every stage was trained"
    assert Corpus.open(tmp_path / "runs" / "words-v2").has("acoustic_degraded")
    spoken = DialogueTTS.from_pretrained(bundle).synthesize("Ann: Hello there.", {"Ann": "ann"})
    assert np.abs(spoken.waveform).max() > 0


def test_data_are_made_once_and_what_is_lost_or_changed_anew(shared: Path, teacher: Murmurs, tmp_path: Path) -> None:
    recipe, runs = _small(tmp_path), tmp_path / "runs"
    names = [f"{name}{ending}" for name in ("data", "people", "kokoro", "words") for ending in ("", "-v2")]
    assert _rebuilt(recipe, shared, runs) == dict.fromkeys(names, True)
    spoken = len(teacher.spoken)
    assert spoken == 6 + 3
    assert _rebuilt(recipe, shared, runs) == dict.fromkeys(names, False)
    (runs / "kokoro" / "turns.jsonl").unlink()
    assert [name for name, anew in _rebuilt(recipe, shared, runs).items() if anew] == ["kokoro"]
    assert len(teacher.spoken) == spoken, "what was spoken is not spoken again"
    manifest = shared / "people" / "metadata.jsonl"
    manifest.write_text("\n".join(manifest.read_text(encoding="utf-8").splitlines()[:3]), encoding="utf-8")
    assert [name for name, anew in _rebuilt(recipe, shared, runs).items() if anew] == ["people", "people-v2"]


def test_a_limit_takes_a_little_of_each_split(shared: Path, teacher: Murmurs, tmp_path: Path) -> None:
    _rebuilt(_small(tmp_path), shared, tmp_path / "runs", limit=1)
    corpus = Corpus.open(tmp_path / "runs" / "data")
    assert [u.split for u in corpus.utterances] == ["train", "test_text", "test_speaker"]
    assert len(teacher.spoken) == 2 + 1


def test_recipes_of_data_that_cannot_be_used(shared: Path, tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    for folders, message in (
        ([{"name": "a"}], "made of a manifest, of scripts or of sentences"),
        ([{"name": "a", "sentences": 1, "scripts": "x"}], "give one of them"),
        ([{"name": "a/b", "sentences": 1}], "without slashes"),
        ([{"name": "a-v2", "sentences": 1}, {"name": "a", "sentences": 1, "variations": [2]}], "a name of its own"),
        ([{"name": "a", "scripts": "nowhere.jsonl"}], "no such file of scripts"),
        ([{"name": "a", "sentences": 1, "teacher": "kokoro"}], "give the folder of its weights"),
    ):
        path.write_text(json.dumps({"folders": folders}), encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            list(rebuild(read_data_recipe(path), Sources(shared), tmp_path / "runs", None, lambda *_: None))


def test_sentences_are_the_same_each_time_and_readable() -> None:
    found = texts.sentences(60, 3)
    assert found == texts.sentences(60, 3) != texts.sentences(60, 4)
    said = [text for dialogue in found for _, text in dialogue["turns"]]
    assert len(said) == 60 and len(set(said)) > 55
    assert not [text for text in said if re.search(r"[{}]", text) or not text[0].isupper() or text[-1] not in ".?"]
    assert any(re.search(r"[$£€]\d", text) for text in said) and any(
        re.search(r"\d:\d\d [ap]\.m\.", text) for text in said
    )
    for dialogue in found:
        assert len({role for role, _ in dialogue["turns"]}) == len(dialogue["turns"])


def test_patterns_of_data_folders(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
    for name in "ab":
        (tmp_path / name / "turns.jsonl").touch()
    folders = data_folders([tmp_path / "b", tmp_path / "*", tmp_path / "nowhere"])
    assert [path.name for path in folders] == ["b", "a", "nowhere"]
    with pytest.raises(DataError, match="no data folder of such a name"):
        data_folders([tmp_path / "z*"])
