"""Training on a machine that is lent by the minute: stages side by side, for so many minutes, their weights handed out as they
come.

What a GPU needs otherwise than a processor was measured (TRAINING.md, sections 35 and 39): batches ten to twenty times as
large, blocks compiled, since thousands of small kernels are what a step waits for, and processes that prepare batches.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dialogue_tts.errors import ConfigError, DataError, DialogueTTSError
from dialogue_tts.files import whole_file
from dialogue_tts.training.checkpoints import CHECKPOINT
from dialogue_tts.training.needs import make_what_is_needed
from dialogue_tts.training.processes import launched
from dialogue_tts.training.recipes import RECIPE, RECIPES, read_recipe, start

PIECE_BYTES = 16 * 2**20 - 2**16  # of weights handed out, with room for the header
HAND_OUT_S = 120.0
MOST_STEPS = 10_000_000  # the minutes decide
ON_GPU: dict[str, dict[str, dict[str, Any]]] = {  # stage -> what its recipe has otherwise on a GPU
    "semantic": {"training": {"frames_per_batch": 9_600}, "loop": {"learning_rate": 0.0015}},
    "codec-tokens": {"training": {"rows": 192}, "loop": {"learning_rate": 0.0015}},
    "codec-decoder": {"training": {"rows": 56}, "loop": {"learning_rate": 0.0006}},
    "soundstorm": {"training": {"frames_per_batch": 40_000}, "loop": {"learning_rate": 0.002, "compiled": True}},
    "text-to-semantic": {"training": {"frames_per_batch": 16_000}, "loop": {"learning_rate": 0.001, "compiled": True}},
    "speaker-embedding": {"training": {}, "loop": {}},
}
TOKENIZERS = ("semantic", "codec-tokens")  # they change the tokens that the other stages learn from


def check_stages(stages: Sequence[str], device: str) -> None:
    """Raises DialogueTTSError where they cannot be trained so, before anything is unpacked."""
    for stage in stages:
        if stage not in ON_GPU:
            raise ConfigError(f"{stage}: there is no such stage of a pack; there are {', '.join(ON_GPU)}.")
    if set(stages) & set(TOKENIZERS) and set(stages) - set(TOKENIZERS):
        both = " and ".join(TOKENIZERS)
        raise ConfigError(
            f"{', '.join(stages)}: {both} change the tokens of all other stages; train them first, alone."
        )
    if launched() > 1:
        raise DialogueTTSError("train --pack starts a process for each stage itself; run it without accelerate launch.")
    if torch.device(device).type == "cuda" and not torch.cuda.is_available():
        raise DialogueTTSError(
            "there is no GPU here that PyTorch can use; go where one is, or try it with --device cpu."
        )


def rented_recipe(runs: Path, stage: str, minutes: float, device: str) -> Path:
    """Write the recipe of a stage's run for so many minutes on a device, and return where it lies."""
    path = runs / stage / RECIPE
    values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    loop = {"device": device, "minutes": minutes, "steps": MOST_STEPS, "save_every_s": HAND_OUT_S, "warmup": 100}
    if torch.device(device).type != "cpu":
        changes = ON_GPU[stage]
        values["training"] = values.get("training", {}) | changes["training"]
        loop |= changes["loop"] | {"workers": max(1, (os.cpu_count() or 2) // 3), "threads": 1}
    values |= {"stage": stage, "loop": values.get("loop", {}) | loop}
    rented = runs / stage / "rented.json"
    rented.parent.mkdir(parents=True, exist_ok=True)
    rented.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    read_recipe(rented)
    return rented


def train_side_by_side(
    recipes: Sequence[Path], data: Sequence[Path], runs: Path, out: Path, progress: Callable[[str, int, int], None]
) -> None:
    """Train the stages of `recipes` at once, a process each, and hand out their weights into `out` as they come.

    Raises:
        DialogueTTSError: a stage failed; what it said stands in the log of its process.
    """
    for recipe in recipes:
        make_what_is_needed(read_recipe(recipe), data, runs, progress)
    context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork
    workers = [context.Process(target=_train, args=(recipe, list(data), runs, out)) for recipe in recipes]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    failed = [recipe.parent.name for recipe, worker in zip(recipes, workers, strict=True) if worker.exitcode]
    if failed:
        raise DialogueTTSError(f"{', '.join(failed)}: the training failed; the lines above say why.")


def _train(recipe: Path, data: list[Path], runs: Path, out: Path) -> None:
    run = start(recipe, data, runs)

    def saved() -> None:
        hand_out(run.folder, out)

    run.saved = saved
    run.train()


def hand_out(run: Path, out: Path) -> list[Path]:
    """Write a run's averaged weights in float16 as files of under 16 MiB: `out`/STAGE-0.safetensors and so on."""
    with safe_open(run / CHECKPOINT, "pt") as file:
        state = file.metadata()
    average = {k: v.half() for k, v in load_file(run / CHECKPOINT).items() if k.startswith("average/")}
    pieces = _pieces(average)
    out.mkdir(parents=True, exist_ok=True)
    told = {"step": state["step"], "pieces": str(len(pieces))}
    paths = [out / f"{run.name}-{number}.safetensors" for number in range(len(pieces))]
    for path, piece in zip(paths, pieces, strict=True):
        with whole_file(path) as draft:
            save_file(piece, draft, metadata=told)
    return paths


def _pieces(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    """Tensors in order, shared out among as few pieces as their order allows; one that is too large is cut by its rows."""
    pieces: list[dict[str, Tensor]] = [{}]
    left = PIECE_BYTES
    for name, value in tensors.items():
        parts = max(1, math.ceil(value.nbytes / PIECE_BYTES))
        for number, part in enumerate(value.chunk(parts) if parts > 1 else [value]):
            if part.nbytes > left:
                pieces.append({})
                left = PIECE_BYTES
            pieces[-1][f"{name}#{number}"] = part.contiguous()
            left -= part.nbytes
    return pieces


def take_in(folder: Path, runs: Path) -> dict[str, int]:
    """Put weights that `hand_out` wrote into the runs they came from: stage -> step. Optimisers start anew.

    Raises:
        DataError: there are none, or pieces of one stage are missing or of different steps.
    """
    taken: dict[str, int] = {}
    for stage in RECIPES:
        paths = sorted(folder.glob(f"{stage}-[0-9]*.safetensors"), key=lambda p: int(p.stem.rpartition("-")[2]))
        if not paths:
            continue
        found: dict[str, list[Tensor]] = {}
        told = []
        for path in paths:
            with safe_open(path, "pt") as file:
                told.append(file.metadata())
            for name, value in load_file(path).items():
                found.setdefault(name.rpartition("#")[0], []).append(value.float())
        if len({t["step"] for t in told}) != 1 or len(paths) != int(told[0]["pieces"]):
            raise DataError(f"{folder}: the pieces of {stage} do not belong together; fetch all of them again.")
        if not (runs / stage / RECIPE).is_file():
            raise DataError(f"{runs}: there is no run of {stage} for these weights; they belong to other runs.")
        tensors = {name: torch.cat(parts) if len(parts) > 1 else parts[0] for name, parts in found.items()}
        state = {"step": told[0]["step"], "epoch": "0", "trained_s": "0.0"}
        with whole_file(runs / stage / CHECKPOINT) as draft:
            save_file(tensors, draft, metadata=state)
        taken[stage] = int(told[0]["step"])
    if not taken:
        raise DataError(f"{folder}: there are no weights that a training handed out.")
    return taken
