"""What the loop and a stage agree on: settings of a run, and what a stage gives the loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from dialogue_tts.config import strict

AtLeast1 = Annotated[int, Field(ge=1)]
Figures = dict[str, float | Tensor]  # tensors are of one number, wherever they are: no step waits to have them read


@strict
class LoopConfig:
    """How long and how fast to learn.

    Attributes:
        steps: optimiser steps in all; the rate rises over `warmup` steps, stays, and falls linearly to a hundredth
            over the last `decay` share (warm-up, stable, decay).
        accumulation: batches whose gradients make one step, in each process: two processes step as one does with twice as many.
        optimizer: "adamw", or "muon": the matrices of the stacked blocks are stepped by Muon (Jordan et al. 2024, scaled
            as in Liu et al. 2025, arXiv 2502.16982, so that rates and weight decay are AdamW's), all else by AdamW.
        ema: decay of the averaged weights, which are the ones validated and exported.
        bf16: autocast to bfloat16.
        fp16: autocast to float16 instead, with scaled losses, for accelerators without bfloat16.
        checkpointing: what stacked blocks compute is computed again for the backward pass instead of kept: a third more work, a
            fraction of the memory (Chen et al. 2016, arXiv 1604.06174).
        compiled: stacked blocks are compiled (`torch.compile`) when they first run, which takes a minute: an accelerator
            then runs their many small operations as few.
        threads: CPU threads of PyTorch.
        workers: processes that prepare batches, of each process that trains; 0 prepares them in between. An accelerator
            needs several. The order of the data is the same with any number.
        minutes: the schedule is laid over so long a run instead of over `steps`, which then only number the steps. For
            machines that are lent by the minute. What a run did before it was resumed counts only where `Run.train` is told so.
        device: "cpu" or "cuda"; several processes take a GPU each.
        save_every_s: seconds between checkpoints.
        keep: checkpoints that are kept, the newest included, beside the best.
        validate_every: steps between validations.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 300
    decay: float = 0.3
    weight_decay: float = 0.01
    accumulation: AtLeast1 = 1
    optimizer: Literal["adamw", "muon"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0
    ema: float = 0.999
    bf16: bool = True
    fp16: bool = False
    checkpointing: bool = False
    compiled: bool = False
    threads: AtLeast1 = 2
    workers: Annotated[int, Field(ge=0)] = 0
    minutes: float | None = None
    device: str = "cpu"
    seed: int = 1
    save_every_s: float = 240.0
    keep: AtLeast1 = 2
    validate_every: AtLeast1 = 1000
    log_every: AtLeast1 = 50


class Task(Protocol):
    """What a stage gives the loop."""

    networks: dict[str, nn.Module]
    frozen: tuple[nn.Module, ...]  # used by `losses` and not trained; what `batch` uses is not among them
    best: str  # the figure of `validate` by which checkpoints are compared: the lowest is the best

    def plan(self, rng: np.random.Generator) -> Sequence[Any]:
        """One pass over the data in a new order: what goes into each batch. Quick, since a resumed run plans again."""

    def batch(self, planned: Any, rng: np.random.Generator) -> Any:
        """A batch as planned, on the CPU. It hangs on its plan and on `rng` alone, whichever process makes it."""

    def losses(self, batch: Any, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """(network to improve, its loss, figures to log), one after the other; each is stepped before the next."""

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Figures on held-out data with the averaged weights."""


def batches_of(task: Any, rng: np.random.Generator) -> Iterator[Any]:
    """One pass over the data of a task, all drawn from `rng`."""
    for planned in task.plan(rng):
        yield task.batch(planned, rng)


def moved(value: Any, device: torch.device | str) -> Any:
    """A batch (tensors in named tuples, nested) on another device."""
    if isinstance(value, Tensor):
        return value.to(device)
    return type(value)(*(moved(part, device) for part in value)) if isinstance(value, tuple) else value


def rate_at(step: int, config: LoopConfig, since: int = 0, minutes: float = 0.0) -> float:
    """Share of the full learning rate at `step` (from 0), `minutes` after the start of the run.

    `since`: the step at which the optimisers started.
    """
    rise = min(1.0, (step - since + 1) / max(1, config.warmup))
    done, whole = (step, config.steps) if config.minutes is None else (minutes, config.minutes)
    falling = max(1.0 if config.minutes is None else 1e-9, whole * config.decay)
    return rise * max(0.01, min(1.0, (whole - done) / falling))
