"""Datasets as they lie on the Hugging Face hub, here in a folder: Parquet and tars."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.errors import DataError
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.streaming import HubCorpus, streamed_parts
from tests.conftest import buzz
from tests.training.test_preparing import _shard

pytest.importorskip("datasets", reason="datasets of the hub (extra: datasets)")
parquet = pytest.importorskip("pyarrow.parquet")
import pyarrow  # noqa: E402


def _sound(seconds: float) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, buzz(seconds), 24_000, format="FLAC")
    return file.getvalue()


def _dataset(folder: Path, **changed: Any) -> Path:
    """Two shards of train and one of dev, three recordings each, the n-th of a shard n + 1 fifths of a second long."""
    folder.mkdir()
    for number, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "dev-00000-of-00001")):
        rows = [
            {
                "audio": {"bytes": _sound(0.2 * (n + 1)), "path": "x.flac"},
                "text_normalized": f"Number {number} {n}.",
                "speaker_id": 100 + number,
                "chapter": n,
            }
            | changed
            for n in range(3)
        ]
        parquet.write_table(pyarrow.Table.from_pylist(rows), folder / f"{name}.parquet")
    return folder


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    return result.exit_code, result.output


def test_each_shard_becomes_a_folder_and_what_is_there_stays(tmp_path: Path) -> None:
    source, out = _dataset(tmp_path / "hub"), tmp_path / "out"
    asked = ("data", "stream", source, out, "--split", "train", "--held-out", "validation")
    asked = (*asked, "--columns", "audio,text_normalized,speaker_id")
    code, told = run(*asked)
    assert code == 0 and told.count("made") == 3, told
    first, second, third = (Corpus.open(out / f"part-{number:05d}").utterances for number in range(3))
    assert [u.split for u in first] == ["test_speaker", "test_text", "test_speaker"]
    assert [u.text for u in second] == ["Number 0 0.", "Number 0 1.", "Number 0 2."]
    assert [u.frames for u in second] == [5, 10, 15] and {u.speaker for u in third} == {"101"}
    assert second[0].phonemes and second[0].id == "train-00000-000000"
    code, told = run(*asked)
    assert code == 0 and told.count("there already") == 3, told
    (source / "train-00000-of-00002.parquet").touch()
    code, told = run(*asked)
    assert code == 0 and told.count("made") == 3, "another state of the dataset"


def test_recordings_are_held_out_where_no_split_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    corpus = HubCorpus(str(_dataset(tmp_path / "hub")), text="text_normalized")
    parts = streamed_parts(corpus, ["train"], None, tmp_path)
    assert [(part.number, part.shards) for part in parts] == [(0, 2), (1, 2)]
    monkeypatch.setattr("dialogue_tts.training.splits.SPEAKERS_HELD_OUT", 1)  # everybody
    assert {row["split"] for part in parts for row, _ in part.recordings()} == {"test_speaker"}
    given = streamed_parts(corpus, ["train"], "validation", tmp_path)
    assert [{row["split"] for row, _ in part.recordings()} for part in given[1:]] == [{"train"}, {"train"}]
    assert given[1].origin != parts[0].origin


def test_a_dataset_of_the_hub_is_read_in_the_state_that_was_found() -> None:
    assert HubCorpus("owner/name", revision="main").at("0123abc").revision == "0123abc"


def test_parts_of_an_earlier_run_are_told(tmp_path: Path) -> None:
    corpus = HubCorpus(str(_dataset(tmp_path / "hub")), text="text_normalized")
    (tmp_path / "out" / "part-00002").mkdir(parents=True)
    with pytest.raises(DataError, match="part-00002 is there of an earlier run"):
        streamed_parts(corpus, ["train"], None, tmp_path / "out")
    assert len(streamed_parts(corpus, ["train"], "validation", tmp_path / "out")) == 3


def test_tars_of_the_hub_are_read_by_columns_in_columns(tmp_path: Path) -> None:
    (tmp_path / "hub").mkdir()
    _shard(tmp_path / "hub" / "a.tar", 2)
    corpus = HubCorpus(str(tmp_path / "hub"), audio="flac", text="json.text", speaker="json.speaker")
    (part,) = streamed_parts(corpus, ["train"], None, tmp_path / "out")
    rows = [row for row, _ in part.recordings()]
    assert [(row["text"], row["speaker"]) for row in rows] == [("Number 0.", "bob"), ("Number 1.", "bob")]


def test_what_cannot_be_streamed_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = _dataset(tmp_path / "hub"), tmp_path / "out"
    for arguments, said in (
        ((source, out, "--split", "other"), "other cannot be streamed"),
        (
            (source, out, "--split", "train", "--columns", "sound,text,speaker_id"),
            "expected sound, text and speaker_id",
        ),
        ((source, out, "--split", "train", "--columns", "audio,text"), "--columns: expected three names"),
        ((source, out, "--split", "train"), "expected audio, text and speaker_id, found the columns audio, text_norm"),
    ):
        code, told = run("data", "stream", *arguments)
        assert code == 2 and said in told and len(told.strip().splitlines()) == 1, told
        assert not (out / "part-00000" / "turns.jsonl").exists()
    away = HubCorpus(
        str(_dataset(tmp_path / "away", audio={"bytes": None, "path": "/etc/passwd"})), text="text_normalized"
    )
    with pytest.raises(DataError, match="lies outside the dataset"):
        next(streamed_parts(away, ["train"], None, out)[0].recordings())
    whole = (source / "train-00001-of-00002.parquet").read_bytes()
    (source / "train-00001-of-00002.parquet").write_bytes(whole[: len(whole) // 2])
    code, told = run("data", "stream", source, out, "--split", "train", "--columns", "audio,text_normalized,speaker_id")
    assert code == 2 and "Traceback" not in told and not (out / "part-00001" / "turns.jsonl").exists(), told
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r'pip install "dialogue-tts\[datasets\]"'):
        streamed_parts(HubCorpus(str(source)), ["train"], None, out)
