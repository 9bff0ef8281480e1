"""Frames a second that each stage of training gets through, batches, optimiser and averages included.

    dialogue-tts restore models/en-small --runs RUNS
    python benchmarks/training_speed.py RUNS DATA... --steps 12 --threads 1

RUNS has every stage with its recipe, DATA are data folders with tokens. Each stage goes on from its run for so many steps, in a
copy, in which the first two are not counted. A frame is one of semantic tokens, padding included; seconds are of the
processor, so that what else a machine does counts little.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from dialogue_tts.config import HOP
from dialogue_tts.training.recipes import start

STAGES = ("semantic", "codec-tokens", "codec-decoder", "soundstorm", "text-to-semantic", "speaker-embedding")
UNCOUNTED = 2  # steps that warm up


def frames_of(batch: Any) -> int:
    """In a batch of any stage, padding included."""
    if isinstance(batch, Tensor):  # of waves
        return batch.numel() // HOP
    if hasattr(batch, "valid"):
        return int(batch.valid.numel())
    if hasattr(batch, "wave"):
        return int(batch.wave.numel()) // HOP
    return int(batch.latent.shape[0] * batch.latent.shape[1])


def counting(losses: Callable[..., Iterator[Any]], seen: list[tuple[float, int]]) -> Callable[..., Iterator[Any]]:
    """A task's losses that note when each batch came and how many frames it had."""

    def counted(batch: Any, step: int) -> Iterator[Any]:
        seen.append((time.process_time(), frames_of(batch)))
        return losses(batch, step)

    return counted


def speed(stage: str, runs: Path, data: list[Path], steps: int, threads: int) -> float:
    """Frames a second."""
    recipe_file = runs / stage / "recipe.json"
    recipe = json.loads(recipe_file.read_text(encoding="utf-8"))
    recipe["loop"] |= {"threads": threads, "workers": 0, "steps": recipe["loop"]["steps"] + UNCOUNTED + steps + 1}
    recipe["loop"] |= {"validate_every": 10**9, "save_every_s": 1e9}
    recipe_file.write_text(json.dumps(recipe), encoding="utf-8")
    run = start(recipe_file, data, runs)
    seen: list[tuple[float, int]] = []
    run.task.losses = counting(run.task.losses, seen)  # type: ignore[method-assign]
    run.task.validate = lambda networks: {}  # type: ignore[method-assign]
    run.train()
    counted = seen[UNCOUNTED:]
    return sum(frames for _, frames in counted[:-1]) / (counted[-1][0] - counted[0][0])


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("runs", type=Path)
    arguments.add_argument("data", type=Path, nargs="+")
    arguments.add_argument("--stage", choices=STAGES, action="append")
    arguments.add_argument("--steps", type=int, default=12)
    arguments.add_argument("--threads", type=int, default=1)
    given = arguments.parse_args()
    for stage in given.stage or STAGES:
        with tempfile.TemporaryDirectory() as folder:
            runs = Path(folder) / "runs"
            shutil.copytree(given.runs, runs)
            found = speed(stage, runs, given.data, given.steps, given.threads)
        print(f"{stage}: {found:.0f} frames a second", flush=True)


if __name__ == "__main__":
    main()
