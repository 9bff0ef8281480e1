"""Manifests from tiny imitations of what people download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dialogue_tts.errors import DataError
from dialogue_tts.training.layouts import write_manifest

HI_FI = {"audio_filepath": "audio/92_clean/b/one.flac", "text": "one", "duration": 1.0, "text_normalized": "One."}
FILES: dict[str, dict[str, str]] = {
    "ljspeech": {
        "metadata.csv": "LJ001-0001|It cost 3|It cost three\nLJ001-0002|a | b|Then, well\n",
        "wavs/LJ001-0001.wav": "",
        "wavs/LJ001-0002.wav": "",
    },
    "vctk": {
        "txt/p225/p225_001.txt": "Please call Stella.\n",
        "txt/p225/p225_002.txt": "Never recorded.",
        "wav48_silence_trimmed/p225/p225_001_mic1.flac": "",
        "txt/p226/p226_001.txt": "Ask her.",
        "wav48/p226/p226_001.wav": "",
    },
    "libritts": {
        "train-clean-100/19/198/19_198_000000_000000.normalized.txt": "One.",
        "train-clean-100/19/198/19_198_000000_000000.original.txt": "1.",
        "train-clean-100/19/198/19_198_000000_000000.wav": "",
        "dev-clean/84/121/84_121_000000_000000.normalized.txt": "Two.",
        "dev-clean/84/121/84_121_000000_000000.wav": "",
        "test-clean/90/122/90_122_000000_000000.normalized.txt": "Three.",
        "test-clean/90/122/90_122_000000_000000.wav": "",
    },
    "librispeech": {
        "train-clean-100/19/198/19-198.trans.txt": "19-198-0000 NORTHANGER ABBEY\n19-198-0001 THIS LITTLE WORK\n",
        "train-clean-100/19/198/19-198-0000.flac": "",
        "train-clean-100/19/198/19-198-0001.flac": "",
    },
    "commonvoice": {
        "validated.tsv": 'client_id\tpath\tsentence\tage\nab\tone.mp3\tHe said "no".\t\ncd\ttwo.mp3\tYes.\t\n',
        "clips/one.mp3": "",
        "clips/two.mp3": "",
    },
    "emilia": {
        "EN/B0/EN_B0_S0_W0.json": json.dumps({"id": "EN_B0_S0_W0", "text": " Hello.", "speaker": "EN_B0_S0"}),
        "EN/B0/EN_B0_S0_W0.mp3": "",
    },
    "hifitts": {
        "92_manifest_clean_train.json": json.dumps(HI_FI),
        "92_manifest_clean_dev.json": json.dumps(HI_FI | {"audio_filepath": "audio/92_clean/b/two.flac"}),
        "audio/92_clean/b/one.flac": "",
        "audio/92_clean/b/two.flac": "",
    },
}
WANTED: dict[str, list[tuple[str, str, str]]] = {  # text, speaker, licence
    "ljspeech": [("It cost three", "LJ", "public domain"), ("Then, well", "LJ", "public domain")],
    "vctk": [("Please call Stella.", "p225", "CC-BY-4.0"), ("Ask her.", "p226", "CC-BY-4.0")],
    "libritts": [("Two.", "84", "CC-BY-4.0"), ("Three.", "90", "CC-BY-4.0"), ("One.", "19", "CC-BY-4.0")],
    "librispeech": [("Northanger abbey", "19", "CC-BY-4.0"), ("This little work", "19", "CC-BY-4.0")],
    "commonvoice": [('He said "no".', "ab", "CC0-1.0"), ("Yes.", "cd", "CC0-1.0")],
    "emilia": [("Hello.", "EN_B0_S0", "CC-BY-NC-4.0")],
    "hifitts": [("One.", "92", "CC-BY-4.0"), ("One.", "92", "CC-BY-4.0")],
}


def _corpus(layout: str, folder: Path) -> Path:
    for name, text in FILES[layout].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("layout", FILES)
def test_a_corpus_by_its_layout(layout: str, tmp_path: Path) -> None:
    out = tmp_path / "manifests" / "one.jsonl"
    count = write_manifest(layout, _corpus(layout, tmp_path / "corpus"), out)
    rows = _rows(out)
    assert [(row["text"], row["speaker"], row["licence"]) for row in rows] == WANTED[layout] and count == len(rows)
    assert all((out.parent / row["audio"]).is_file() for row in rows), "paths are beside the manifest"
    assert len({row["audio"] for row in rows}) == len(rows)


def test_a_corpus_with_parts_of_its_own_is_split_by_them(tmp_path: Path) -> None:
    write_manifest("libritts", _corpus("libritts", tmp_path), tmp_path / "m.jsonl")
    assert [row["split"] for row in _rows(tmp_path / "m.jsonl")] == ["test_speaker", "test", "test_text"]
    write_manifest("hifitts", _corpus("hifitts", tmp_path / "hi"), tmp_path / "h.jsonl")
    assert {Path(row["audio"]).stem: row["split"] for row in _rows(tmp_path / "h.jsonl")}["two"] == "test_text"


def test_elsewhere_speakers_and_texts_are_held_out_the_same_each_time(tmp_path: Path) -> None:
    lines = [f"s{n % 60}\t{n}.mp3\tSentence {n}." for n in range(900)]
    (tmp_path / "validated.tsv").write_text("\n".join(["client_id\tpath\tsentence", *lines]))
    for name in ("a", "b"):
        write_manifest("commonvoice", tmp_path, tmp_path / f"{name}.jsonl")
    rows = _rows(tmp_path / "a.jsonl")
    assert rows == _rows(tmp_path / "b.jsonl")
    unheard = {row["speaker"] for row in rows if row["split"] == "test_speaker"}
    assert len(unheard) == 2 and not unheard & {row["speaker"] for row in rows if row["split"] != "test_speaker"}
    assert sum(row["split"] == "test_text" for row in rows) == 5


def test_of_one_voice_recordings_are_held_out(tmp_path: Path) -> None:
    text = "".join(f"LJ{n:03d}|x|Text {n}.\n" for n in range(300))
    (tmp_path / "metadata.csv").write_text(text)
    write_manifest("ljspeech", tmp_path, tmp_path / "m.jsonl")
    splits = [row["split"] for row in _rows(tmp_path / "m.jsonl")]
    assert splits.count("test_speaker") == splits.count("test_text") == 2


def test_what_is_no_such_corpus_is_refused(tmp_path: Path) -> None:
    for layout, folder, told in (
        ("blizzard", tmp_path, "there are ljspeech"),
        ("ljspeech", tmp_path, "metadata.csv: this is missing"),
        ("commonvoice", tmp_path, "folder of one language"),
        ("vctk", tmp_path, "no recordings are there as vctk has them"),
        ("vctk", tmp_path / "no", "no such folder"),
    ):
        with pytest.raises(DataError, match=told):
            write_manifest(layout, folder, tmp_path / "m.jsonl")
    assert not (tmp_path / "m.jsonl").exists()
