"""Large corpora in parts, from manifests and from shards."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import types
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import preparing
import pytest
import soundfile
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.errors import AudioError, DataError
from dialogue_tts.training import corpus as corpus_module
from dialogue_tts.training.corpus import Corpus, prepare_recordings
from dialogue_tts.training.preparing import RowsPart, ShardPart, in_processes, parts_of, prepare_part, read_shard
from tests.conftest import buzz


def _manifest(folder: Path, count: int = 5) -> Path:
    folder.mkdir(exist_ok=True)
    rows = []
    for number in range(count):
        soundfile.write(folder / f"{number}.wav", buzz(0.2 + 0.1 * number), 24_000)
        split = "test_speaker" if number == 3 else "train"
        rows.append({"audio": f"{number}.wav", "text": f"Number {number}.", "speaker": "ann", "split": split})
    (folder / "manifest.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder / "manifest.jsonl"


def _shard(path: Path, count: int, kind: str = "flac") -> Path:
    with tarfile.open(path, "w") as tar:
        for number in range(count):
            sound = io.BytesIO()
            soundfile.write(
                sound,
                buzz(0.3),
                24_000,
                format="OGG" if kind == "opus" else kind.upper(),
                subtype="OPUS" if kind == "opus" else None,
            )
            told = json.dumps({"text": f"Number {number}.", "speaker": "bob", "duration": 0.3}).encode()
            for name, data in ((f"a/{number}.{kind}", sound.getvalue()), (f"a/{number}.json", told)):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return path


def test_a_manifest_in_parts_goes_on_where_it_stopped(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path / "in")
    parts = parts_of(manifest, tmp_path / "out", 2)
    assert [[row["audio"] for row in part.rows] for part in parts if isinstance(part, RowsPart)] == [
        ["3.wav", "0.wav"],
        ["1.wav", "2.wav"],
        ["4.wav"],
    ]
    made = list(in_processes(prepare_part, parts[:2], 1, None))
    assert [anew for _, _, anew in made] == [True, True]
    assert [u.text for u in Corpus.open(made[0][0]).utterances] == ["Number 3.", "Number 0."]
    assert Corpus.open(made[0][0]).utterances[0].phonemes
    again = list(in_processes(prepare_part, parts, 1, None))
    assert [anew for _, _, anew in again] == [False, False, True]
    soundfile.write(tmp_path / "in" / "1.wav", buzz(0.9), 24_000)  # another recording
    again = list(in_processes(prepare_part, parts, 1, None))
    assert [anew for _, _, anew in again] == [False, True, False]


def test_parts_of_an_earlier_run_are_told_before_anything_is_made(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path / "in")
    list(in_processes(prepare_part, parts_of(manifest, tmp_path / "out", 2), 1, None))
    with pytest.raises(DataError, match="part-00002 is there of an earlier run, which made more parts than these 2"):
        parts_of(manifest, tmp_path / "out", 3)
    told = CliRunner().invoke(
        app, ["data", "prepare", str(manifest), str(tmp_path / "out"), "--processes", "2", "--rows-each", "5"]
    )
    assert told.exit_code == 2 and "part-00001 is there of an earlier run" in told.output


def test_what_is_left_out_comes_last(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path / "in")
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows[0]["split"] = "test"
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (part,) = parts_of(manifest, tmp_path / "out", 9)
    assert isinstance(part, RowsPart) and [row["audio"][0] for row in part.rows] == ["3", "1", "2", "4", "0"]


def test_shards_become_a_folder_each(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    _shard(tmp_path / "in" / "a.tar", 3)
    _shard(tmp_path / "in" / "b.tar", 1, "opus")
    parts = parts_of(tmp_path / "in", tmp_path / "out", 100)
    folders = [folder for folder, _, _ in in_processes(prepare_part, parts, 1, None)]
    assert [len(Corpus.open(folder).utterances) for folder in folders] == [3, 1]
    first = Corpus.open(folders[0]).utterances[1]
    assert (first.id, first.text, first.speaker) == ("a/1", "Number 1.", "bob")


def test_a_shard_that_ends_early_or_lacks_something_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    whole = _shard(tmp_path / "a.tar", 3).read_bytes()
    (tmp_path / "a.tar").write_bytes(whole[: len(whole) // 3])
    part = parts_of(tmp_path, tmp_path / "out", 1)[0]
    with pytest.raises(DataError, match="a.tar.*ends early"):
        prepare_part(part)
    assert not (tmp_path / "out" / "part-00000" / "turns.jsonl").exists()
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("x.json")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"{}"))
    with pytest.raises(DataError, match="x: recording and JSON do not come together"):
        list(read_shard(tmp_path / "a.tar"))


def test_missing_recordings_are_told_before_anything_is_read(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path / "in")
    (tmp_path / "in" / "2.wav").unlink()
    with pytest.raises(DataError, match="1 of 5 recordings are missing, the first is 2.wav"):
        parts_of(manifest, tmp_path / "out", 2)
    with pytest.raises(DataError, match="no shards"):
        parts_of(tmp_path / "in", tmp_path / "out", 2)


def test_a_broken_recording_is_told_and_leaves_no_data_folder(tmp_path: Path) -> None:
    rows = [({"text": "", "speaker": "ann", "id": "bad-1"}, b"no sound")]
    with pytest.raises(AudioError, match="bad-1"):
        prepare_recordings(rows, tmp_path / "out", str)
    assert not (tmp_path / "out" / "turns.jsonl").exists() and not (tmp_path / "out" / "waves.i16").exists()


def test_fifty_hours_wait_on_disk_and_not_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many recordings there are, a few are decoded ahead of the one that is written."""
    alive = most = 0

    class Wave(np.ndarray):
        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def read(path: Path, rate: int) -> Any:
        nonlocal alive, most
        import torch

        alive += 1
        most = max(most, alive)
        return torch.from_numpy(np.zeros(960, np.float32).view(Wave))

    monkeypatch.setattr(corpus_module, "read_audio", read)
    rows = (({"text": "", "speaker": "ann"}, Path(f"{n}.wav")) for n in range(400))
    assert len(prepare_recordings(rows, tmp_path, str).utterances) == 400
    assert most <= corpus_module.DECODED_AHEAD + 2


def test_a_local_ray_makes_what_one_process_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of Ray's own, which gets the parts, writes folders, and says what went wrong in one sentence."""
    ray = pytest.importorskip("ray", reason="RAY IS NOT INSTALLED: pip install -e '.[ray]' tests the backend")
    monkeypatch.setattr(ray, "init", partial(ray.init, num_cpus=1))  # or it starts as many as there are processors
    manifest = _manifest(tmp_path / "in")
    broken = ShardPart(tmp_path / "ray" / "part-00002", tmp_path / "a.tar")
    broken.shard.write_bytes(b"no tar")
    made = in_processes(prepare_part, [*parts_of(manifest, tmp_path / "ray", 3), broken], 1, "local")
    assert [next(made)[0].name for _ in range(2)] == ["part-00000", "part-00001"]
    with pytest.raises(DataError, match=r"^\S*a.tar: this shard ends early or is damaged \(.*\); fetch it again.$"):
        next(made)
    list(in_processes(prepare_part, parts_of(manifest, tmp_path / "here", 3), 1, None))
    for name in ("part-00000", "part-00001"):
        there, here = (Corpus.open(tmp_path / place / name) for place in ("ray", "here"))
        assert there.utterances == here.utterances and there.sha256(with_text=True) == here.sha256(with_text=True)


def test_a_cluster_of_ray_is_asked_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    ray = types.SimpleNamespace(
        __spec__=object(),
        is_initialized=lambda: False,
        init=lambda **settings: told.append(settings),
        shutdown=lambda: told.append("shutdown"),
        remote=lambda work: types.SimpleNamespace(remote=lambda *given: (work, given)),
        get=lambda task: task[0](*task[1]),
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    assert list(in_processes(str, [1, 2], 1, "10.0.0.1:6379")) == ["1", "2"]
    assert told[0]["address"] == "10.0.0.1:6379" and told[1:] == ["shutdown"]
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DataError, match=r'pip install "dialogue-tts\[ray\]"'):
        list(in_processes(str, [1], 1, "local"))


@pytest.mark.parametrize("kind", preparing.KINDS)
def test_the_imitations_of_the_benchmark_are_read(kind: str, tmp_path: Path) -> None:
    if kind == "Parquet":
        pytest.importorskip("datasets", reason="datasets of the hub (extra: datasets)")
    (tmp_path / "in").mkdir()
    name, source, *rest = preparing.KINDS[kind](tmp_path / "in", 2 * preparing.RECORDING_S / 3600)
    done = CliRunner().invoke(app, ["data", name, source, str(tmp_path / "out"), *rest], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    folder = tmp_path / "out" if kind == "manifest" else tmp_path / "out" / "part-00000"
    assert [turn.text[-2:] for turn in Corpus.open(folder).utterances] == ["0.", "1."]
