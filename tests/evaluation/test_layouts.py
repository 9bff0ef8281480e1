"""Test sets of others, imitated."""

import json
from pathlib import Path

import pytest

from dialogue_tts.errors import DataError
from dialogue_tts.evaluation.layouts import load_set


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "download" / "set" / "en" / "prompts").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "download" / "set" / "en" / "prompts" / f"{name}.wav").write_bytes(b"sound")
    return tmp_path / "download" / "set" / "en"


def line(name: str, text: str, prompts: str = "download/set/en/prompts") -> str:
    return "\t".join([name, "One.", "Two.", f"{prompts}/a.wav", f"{prompts}/b.wav", text]) + "\n"


@pytest.mark.parametrize("prompts", ["download/set/en/prompts", "prompts"])
def test_zipvoice_dialog(folder: Path, prompts: str) -> None:
    text = "[S1]Tea? [S2] Always. [S1]With milk?"
    (folder / "test.tsv").write_text("\ufeff" + line("d-1", text, prompts) + "\n" + line("d-2", "[S2] No.", prompts))
    first, second = load_set(folder / "test.tsv")
    assert first.id == "d-1" and first.turns == (("S1", "Tea?"), ("S2", "Always."), ("S1", "With milk?"))
    assert first.voices == {"S1": folder / "prompts" / "a.wav", "S2": folder / "prompts" / "b.wav"}
    assert second.voices == {"S2": folder / "prompts" / "b.wav"}
    assert load_set(folder) == [first, second]


def test_ttsd_eval(folder: Path) -> None:
    row = {
        "base_path": "set/en",
        "text": "[S1]Tea?[S3]Always.",
        "prompt_audio_speaker1": "prompts/a.wav",
        "prompt_text_speaker1": "One.",
        "prompt_audio_speaker2": "",
        "prompt_audio_speaker3": str(folder / "prompts" / "b.wav"),
    }
    rows = [row, row | {"id": "named", "base_path": None, "prompt_audio_speaker1": "en/prompts/a.wav"}]
    (folder / "en.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    first, second = load_set(folder / "en.jsonl")
    assert (first.id, second.id) == ("en-001", "named")
    assert first.turns == (("S1", "Tea?"), ("S3", "Always."))
    assert first.voices == second.voices == {"S1": folder / "prompts" / "a.wav", "S3": folder / "prompts" / "b.wav"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no dialogues"),
        ("d\tOne.\ta.wav\t[S1] Tea?\n", "test.tsv:1: expected six columns.*found 4"),
        (line("d", "Tea? [S1] No."), "begin with a speaker"),
        (line("d", "[S1] [S2]"), "begin with a speaker"),
        (line("d", "[S1] Tea?", "elsewhere"), "no prompt for S1"),
        (line("d", "[S1] Tea? [S3] No."), "no prompt for S3"),
        (line("d", "[S1] 你好。"), "only English"),
    ],
)
def test_lines_that_cannot_be_used(folder: Path, content: str, message: str) -> None:
    (folder / "test.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_set(folder / "test.tsv")


@pytest.mark.parametrize("content", ["[1]\n", "{}\n", '{"text": 5}\n', "{\n"])
def test_rows_that_cannot_be_used(folder: Path, content: str) -> None:
    (folder / "en.jsonl").write_text(content)
    with pytest.raises(DataError, match=r"en\.jsonl:1"):
        load_set(folder / "en.jsonl")


def test_no_set_at_all(tmp_path: Path) -> None:
    (tmp_path / "test.tsv").write_bytes(b"\xff\xfe\xff")
    for place in (tmp_path / "nothing", tmp_path / "nothing.tsv", tmp_path / "test.tsv"):
        with pytest.raises(DataError, match="nothing|cannot be read"):
            load_set(place)
