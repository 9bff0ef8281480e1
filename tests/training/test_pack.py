"""Packs are whole or refused, training by the minute hands out weights, and they come home: tiny networks on the CPU."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from dialogue_tts.errors import DataError, DialogueTTSError
from dialogue_tts.training import rented
from dialogue_tts.training.checkpoints import load_ema
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.pack import read_pack, write_pack
from dialogue_tts.training.rented import check_stages, hand_out, rented_recipe, take_in
from tests.training.test_recipes import Trained, refused, run, trained

__all__ = ["trained"]  # the fixture


def test_a_pack_comes_out_as_it_went_in_but_for_what_opus_changes(trained: Trained, tmp_path: Path) -> None:
    pieces = write_pack(tmp_path / "pack", [trained.data, trained.varied], trained.runs, piece_bytes=50_000)
    assert len(pieces) > 2 and max(piece.stat().st_size for piece in pieces) <= 50_000
    folders = read_pack(tmp_path / "pack", tmp_path / "data", tmp_path / "runs")
    assert [folder.name for folder in folders] == ["data", "varied"]
    for before, after in zip((trained.data, trained.varied), folders, strict=True):
        old, new = Corpus.open(before), Corpus.open(after)
        assert new.utterances == old.utterances
        assert new.sha256(with_text=True) == old.sha256(with_text=True), "tokens stay good"
        assert np.array_equal(new.tokens("acoustic"), old.tokens("acoustic"))
        wave, wanted = (np.asarray(c.waves(), np.float64) for c in (new, old))
        assert wave.shape == wanted.shape and np.corrcoef(wave, wanted)[0, 1] > 0.9
        assert not list(after.glob("*.opus"))
    for stage, name in (("soundstorm", "soundstorm"), ("semantic", "semantic_tokenizer")):
        first, second = load_ema(trained.runs / stage, name), load_ema(tmp_path / "runs" / stage, name)
        assert all(torch.equal(value, second[key]) for key, value in first.items())


def test_packs_that_are_not_whole(trained: Trained, tmp_path: Path) -> None:
    first, *_ = write_pack(tmp_path / "pack", [trained.data], None)
    with pytest.raises(DataError, match="there already"):
        write_pack(tmp_path / "pack", [trained.data], None)
    with pytest.raises(DataError, match="different names"):
        write_pack(tmp_path / "other", [trained.data, trained.data], None)
    content = bytearray(first.read_bytes())
    content[200] ^= 1
    first.write_bytes(content)
    with pytest.raises(DataError, match="pack.000 is damaged"):
        read_pack(tmp_path / "pack", tmp_path / "data", tmp_path / "runs")
    first.unlink()
    with pytest.raises(DataError, match="pack.000 is missing"):
        read_pack(tmp_path / "pack", tmp_path / "data", tmp_path / "runs")
    with pytest.raises(DataError, match="this is no pack"):
        read_pack(tmp_path, tmp_path / "data", tmp_path / "runs")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["data/../../x", "/etc/x", "data/a/b/c", "other/x", "data/a/.."])
def test_packs_stay_in_their_folders(tmp_path: Path, name: str) -> None:

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name), io.BytesIO())
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "pack.000").write_bytes(file.getvalue())
    (tmp_path / "pack" / "SHA256SUMS").write_text(f"{hashlib.sha256(file.getvalue()).hexdigest()}  pack.000\n")
    with pytest.raises(DataError, match="does not belong into a pack"):
        read_pack(tmp_path / "pack", tmp_path / "data", tmp_path / "runs")


def test_stages_are_trained_from_a_pack_and_their_weights_come_home(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dry run on the CPU, in this process."""
    monkeypatch.setattr(rented, "PIECE_BYTES", 4_000)
    monkeypatch.setattr(rented, "HAND_OUT_S", 0.0)
    monkeypatch.setattr(rented.multiprocessing, "get_context", lambda kind: _Here)
    assert run("data", "pack", tmp_path / "pack", "--data", trained.data, "--runs", trained.runs).exit_code == 0
    away = tmp_path / "away"
    options = ["--stage", "soundstorm", "--stage", "codec-decoder", "--minutes", 0.02, "--device", "cpu"]
    assert run("train", "--pack", tmp_path / "pack", *options, "--runs", away).exit_code == 0
    files = sorted((away / "out").iterdir())
    assert {path.name.partition("-")[0] for path in files} == {"soundstorm", "codec"} and len(files) > 2
    assert all(path.stat().st_size < 20_000 for path in files)
    home = tmp_path / "home"
    shutil.copytree(trained.runs, home)
    done = run("collect", away / "out", "--runs", home)
    assert done.exit_code == 0 and "soundstorm: step" in done.output
    found, wanted = load_ema(home / "soundstorm", "soundstorm"), load_ema(away / "soundstorm", "soundstorm")
    assert all(torch.allclose(found[key], value, atol=1e-3) for key, value in wanted.items())
    before = load_ema(trained.runs / "soundstorm", "soundstorm")
    assert not all(torch.equal(found[key], value.half().float()) for key, value in before.items()), "it has learnt"
    files[-1].unlink()
    with pytest.raises(DataError, match="do not belong together"):
        take_in(away / "out", home)


class _Here:
    """Processes that are none."""

    class Process:
        exitcode = 0

        def __init__(self, target: object, args: tuple[object, ...]) -> None:
            self.target, self.args = target, args

        def start(self) -> None:
            self.target(*self.args)  # type: ignore[operator]

        def join(self) -> None:
            pass


def test_large_tensors_are_cut_and_joined(trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rented, "PIECE_BYTES", 600)
    paths = hand_out(trained.runs / "soundstorm", tmp_path / "out")
    assert max(sum(v.nbytes for v in load_file(path).values()) for path in paths) <= 600
    shutil.copytree(trained.runs, tmp_path / "home")
    take_in(tmp_path / "out", tmp_path / "home")
    found, wanted = (load_ema(runs / "soundstorm", "soundstorm") for runs in (tmp_path / "home", trained.runs))
    assert all(torch.equal(found[key], value.half().float()) for key, value in wanted.items())


def test_what_cannot_be_trained_is_told_before_anything_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(DialogueTTSError, match="there is no such stage"):
        check_stages(["vocoder"], "cpu")
    with pytest.raises(DialogueTTSError, match="train them first, alone"):
        check_stages(["semantic", "soundstorm"], "cpu")
    if not torch.cuda.is_available():
        options = ["--stage", "soundstorm", "--minutes", 1]
        refused(run("train", "--pack", tmp_path / "pack", *options), "there is no GPU here")
    refused(run("train", "--pack", tmp_path / "pack", "--minutes", 1), "give --minutes and a --stage")
    refused(run("train"), "give a stage, its --recipe and --data")
    refused(run("data", "pack", tmp_path / "pack"), "--data")


def test_on_a_gpu_batches_are_large(trained: Trained, tmp_path: Path) -> None:
    from dialogue_tts.training.recipes import read_recipe

    shutil.copytree(trained.runs / "soundstorm", tmp_path / "soundstorm")
    here, there = (read_recipe(rented_recipe(tmp_path, "soundstorm", 12, device)) for device in ("cpu", "cuda"))
    assert here.training.frames_per_batch == 300 and there.training.frames_per_batch == 40_000
    assert there.loop.minutes == 12 and there.loop.compiled and there.loop.workers and not here.loop.workers
    assert there.network == here.network
