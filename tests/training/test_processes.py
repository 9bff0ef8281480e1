"""Two processes over gloo step as one does with twice the accumulation."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from dialogue_tts.codec.rvq import ResidualQuantizer
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.nn.conformer import Conformer, ConformerConfig
from dialogue_tts.training import muon
from dialogue_tts.training.loop import Run
from dialogue_tts.training.processes import Processes
from dialogue_tts.training.task import Figures, LoopConfig

pytest.importorskip("tensorboard", reason="training logs to TensorBoard (extra: train)")
pytest.importorskip("accelerate", reason="several processes train by accelerate (extra: train)")


class Network(nn.Module):
    """Blocks for Muon, a table of which each batch needs another row, and another that no batch needs."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.conformer = Conformer(ConformerConfig(width=8, heads=2, layers=1, hidden=12, kernel=3, dropout=0.0))
        self.heads = nn.ModuleList(nn.Linear(8, 5) for _ in range(5))


class Task:
    """What a batch holds and what is drawn while it is learnt from hang on its place alone."""

    best = "figure"

    def __init__(self) -> None:
        self.networks: dict[str, nn.Module] = {"first": Network(), "second": nn.Linear(5, 3)}
        self.frozen: tuple[nn.Module, ...] = ()

    def plan(self, rng: np.random.Generator) -> list[int]:
        return rng.permutation(7).tolist()

    def batch(self, planned: int, rng: np.random.Generator) -> Tensor:
        return torch.tensor([planned, rng.integers(1000)])

    def losses(self, batch: Tensor, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        number, seed = batch.tolist()
        x = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(seed)) + torch.randn(8)
        first, second = self.networks["first"], self.networks["second"]
        made = first.heads[number % 4](first.conformer(x, None, torch.zeros(2, 6, dtype=torch.bool)))
        loss = (made - 1).square().mean()
        yield "first", loss, {"first": loss.detach(), f"only_{number}": float(number)}
        loss = (second(made.detach()) + torch.randn(3)).square().mean()
        yield "second", loss, {"second": loss.detach()}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        return {"figure": 1.0}


def config(accumulation: int) -> LoopConfig:
    quick = {"learning_rate": 0.01, "warmup": 2, "bf16": False, "threads": 1, "log_every": 2, "optimizer": "muon"}
    return LoopConfig(steps=6, accumulation=accumulation, validate_every=4, ema=0.5, **quick)


def in_float32(device: torch.device) -> bool:
    """Muon multiplies in float32 also where bfloat16 is faster, or the last bit of a gradient would show in weights."""
    return False


def one_of_two(index: int, port: int, folder: Path) -> None:
    os.environ |= {"WORLD_SIZE": "2", "RANK": str(index), "LOCAL_RANK": str(index)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
    muon.multiplies_bf16_fast = in_float32
    run = Run(Task(), config(2), folder / "two")
    run.train(max_minutes=0)  # one step
    run = Run(Task(), config(2), folder / "two")
    assert run.step == 1
    run.train()
    processes = run.processes
    quantizer = ResidualQuantizer(4, 2, 6, 3).train()
    quantizer(torch.randn(2, 5, 4))  # every process puts unused codes where its own frames are
    processes.share(quantizer)
    told = [value.detach().clone() for level in quantizer.levels for value in (level.codes.weight, level.usage)]
    here, there = processes.gathered(told)
    assert all(torch.equal(a, b) for a, b in zip(here, there, strict=True))
    assert processes.as_first(1.5 + index, 2.5) == [1.5, 2.5]
    with processes.first_goes_first():
        assert (folder / "made").exists() == (index == 1)
        (folder / "made").touch()
    torch.distributed.destroy_process_group()


def test_two_processes_step_as_one_with_twice_the_accumulation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "multiplies_bf16_fast", in_float32)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["dialogue_tts.training.loop", "torch.utils.tensorboard", "accelerate"])
    both = [context.Process(target=one_of_two, args=(index, port, tmp_path)) for index in range(2)]
    for process in both:
        process.start()
    Run(Task(), config(4), tmp_path / "one").train()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    wanted, found = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("one", "two"))
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        torch.testing.assert_close(value, found[key], atol=1e-5, rtol=1e-4, msg=key)
    assert not any("heads.4" in key for key in wanted if key.startswith("optimizer")), "without a gradient, no step"
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("one", "two")]
    assert len(logs[0]) == len(logs[1]) - 1, "the first step of the stopped run was validated"


def test_several_processes_without_accelerate_are_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(DialogueTTSError, match=r'pip install "dialogue-tts\[train\]"'):
        Processes("cpu")


def test_a_gpu_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DialogueTTSError, match="no GPU here"):
        Processes("cuda")
