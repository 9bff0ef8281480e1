"""The one training loop: optimisers, schedule, averaged weights, logs, checkpoints, resume. Tasks bring the rest."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from dialogue_tts.config import strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.training.muon import StackedMuon

Figures = dict[str, float | Tensor]  # tensors are of one number, wherever they are: no step waits to have them read
CHECKPOINT = "checkpoint.safetensors"  # its metadata holds step, epoch and seconds trained


@strict
class LoopConfig:
    """How long and how fast to learn.

    Attributes:
        steps: optimiser steps in all; the rate rises over `warmup` steps, stays, and falls linearly to a hundredth
            over the last `decay` share (warm-up, stable, decay).
        optimizer: "adamw", or "muon": the matrices of the stacked blocks are stepped by Muon (Jordan et al. 2024, scaled
            as in Liu et al. 2025, arXiv 2502.16982, so that rates and weight decay are AdamW's), all else by AdamW.
        ema: decay of the averaged weights, which are the ones validated and exported.
        bf16: autocast to bfloat16.
        compiled: stacked blocks are compiled (`torch.compile`) when they first run, which takes a minute: an accelerator
            then runs their many small operations as few.
        threads: CPU threads of PyTorch.
        workers: processes that prepare batches; 0 prepares them in between. An accelerator needs several, each
            of which goes through the data in its own order.
        minutes: the schedule is laid over so long a run instead of over `steps`, which then only number the steps. For
            machines that are lent by the minute. Not counted is what a run did before it was resumed.
        save_every_s: seconds between checkpoints.
        validate_every: steps between validations.
    """

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 300
    decay: float = 0.3
    weight_decay: float = 0.01
    optimizer: str = "adamw"
    betas: tuple[float, ...] = (0.9, 0.98)
    clip: float = 1.0
    ema: float = 0.999
    bf16: bool = True
    compiled: bool = False
    threads: int = 2
    workers: int = 0
    minutes: float | None = None
    device: str = "cpu"
    seed: int = 1
    save_every_s: float = 240.0
    validate_every: int = 1000
    log_every: int = 50


class Task(Protocol):
    """What a stage gives the loop."""

    networks: dict[str, nn.Module]
    frozen: tuple[nn.Module, ...]  # used by `losses` and not trained; what `batches` uses is not among them

    def batches(self, rng: np.random.Generator) -> Iterator[Any]:
        """One pass over the data in a new order, on the CPU."""

    def losses(self, batch: Any, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """(network to improve, its loss, figures to log), one after the other; each is stepped before the next."""

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Figures on held-out data with the averaged weights."""


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


class _Stream(IterableDataset[Any]):
    """Batches without end for a worker process."""

    def __init__(self, task: Task, seed: tuple[int, ...]) -> None:
        self.task, self.seed = task, seed

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        assert worker is not None
        rng = np.random.default_rng((*self.seed, worker.id))
        while True:
            yield from self.task.batches(rng)


class EMA:
    """Exponential moving average of a network's weights, kept in float32."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {}
        self.adopt(network)

    def adopt(self, network: nn.Module, prefix: str = "") -> None:
        """Take a network's weights, or those of its part that `prefix` names, as they are."""
        self.weights |= {prefix + name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Move towards the network's weights; faster in the first steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        state = network.state_dict()
        moving = [name for name, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.weights[name] for name in moving], [state[name] for name in moving], 1 - decay)
        for name in state.keys() - set(moving):
            self.weights[name].copy_(state[name])


def make_optimizers(network: nn.Module, config: LoopConfig) -> list[torch.optim.Optimizer]:
    """What steps the parameters of a network: each is in one of the list's groups.

    Raises:
        ConfigError: the optimizer is not known.
    """
    if config.optimizer not in ("adamw", "muon"):
        raise ConfigError(f'optimizer: expected "adamw" or "muon", found {config.optimizer!r}.')
    parameters = {name: p for name, p in network.named_parameters() if p.requires_grad}
    matrices = _block_matrices(network) & set(parameters) if config.optimizer == "muon" else set()
    others = [p for name, p in parameters.items() if name not in matrices]
    groups = [
        {"params": [p for p in others if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim <= 1], "weight_decay": 0.0},
    ]
    first_beta, second_beta = config.betas
    found: list[torch.optim.Optimizer] = [
        torch.optim.AdamW(groups, lr=config.learning_rate, betas=(first_beta, second_beta), fused=True)
    ]
    if matrices:
        stepped = [p for name, p in parameters.items() if name in matrices]
        decay = config.weight_decay
        found.append(StackedMuon(stepped, lr=config.learning_rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"))
    return found


def _block_matrices(network: nn.Module) -> set[str]:
    """Names of the weights of linear layers inside stacks of blocks: hidden layers, neither the first nor the last."""
    return {
        f"{name}.weight"
        for name, module in network.named_modules()
        if isinstance(module, nn.Linear) and any(part.isdigit() for part in name.split("."))
    }


def compile_blocks(network: nn.Module) -> None:
    """Let every block of a stack be compiled for any number of rows and frames; names of weights stay."""
    for stack in network.modules():
        for block in stack if isinstance(stack, nn.ModuleList) else ():
            if any(True for _ in block.children()):
                block.compile(dynamic=True)


class Run:
    """One training run in one folder: `checkpoint.safetensors`, `log.jsonl` and TensorBoard's files."""

    def __init__(self, task: Task, config: LoopConfig, folder: Path) -> None:
        self.task, self.config, self.folder = task, config, folder
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(config.threads)
        if torch.device(config.device).type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32, where autocast leaves float32
        for network in (*task.networks.values(), *task.frozen):
            network.to(config.device)
            if config.compiled:
                compile_blocks(network)
        self.optimizers = {name: make_optimizers(network, config) for name, network in task.networks.items()}
        self.emas = {name: EMA(network, config.ema) for name, network in task.networks.items()}
        self.step, self.epoch, self.trained_s = 0, 0, 0.0
        self.saved: Callable[[], None] = lambda: None  # called after each checkpoint
        self.fresh: set[str] = set()  # networks of which the checkpoint lacks a part
        self.since, self.minutes = 0, 0.0  # step at which the optimisers started, minutes since the run was started
        if (folder / CHECKPOINT).is_file():
            self._resume()

    def train(self, max_minutes: float | None = None) -> None:
        """Go on to `config.steps`, or for `max_minutes`; a checkpoint is written in both cases."""
        from torch.utils.tensorboard import SummaryWriter

        board = SummaryWriter(self.folder / "tensorboard")
        started = saved = time.monotonic()
        limits = [m for m in (max_minutes, self.config.minutes) if m is not None]
        sums: dict[str, list[float | Tensor]] = defaultdict(list)
        while self.step < self.config.steps:
            for batch in self._batches():
                torch.manual_seed(self.config.seed * 1_000_003 + self.step)
                before = time.monotonic()
                for name, value in self._learn(moved(batch, self.config.device)).items():
                    sums[name].append(value)
                self.step += 1
                now = time.monotonic()
                self.trained_s += now - before
                self.minutes = (now - started) / 60
                out_of_time = any(self.minutes > limit for limit in limits)
                last = self.step >= self.config.steps or out_of_time
                if self.step % self.config.log_every == 0:
                    self._log(board, {k: float(np.mean([float(v) for v in values])) for k, values in sums.items()})
                    sums.clear()
                if self.step % self.config.validate_every == 0 or last:
                    self._log(board, {f"valid/{k}": v for k, v in self.validate().items()})
                if now - saved > self.config.save_every_s:
                    self.save()
                    saved = time.monotonic()
                if last:
                    self.save()
                    board.close()
                    return
            self.epoch += 1

    def _batches(self) -> Iterator[Any]:
        """An epoch's, or where workers prepare them, batches without end."""
        seed = (self.config.seed, self.epoch, self.step)
        if not self.config.workers:
            return self.task.batches(np.random.default_rng(seed))
        return iter(DataLoader(_Stream(self.task, seed), None, num_workers=self.config.workers, prefetch_factor=4))

    def _learn(self, batch: Any) -> Figures:
        figures: Figures = {}
        share = rate_at(self.step, self.config, self.since, self.minutes)
        for network in self.task.networks.values():
            network.train()
        device = torch.device(self.config.device).type
        with torch.autocast(device, torch.bfloat16, enabled=self.config.bf16):
            for name, loss, shown in self.task.losses(batch, self.step):
                network = self.task.networks[name]
                for group in (group for optimizer in self.optimizers[name] for group in optimizer.param_groups):
                    group["lr"] = share * self.config.learning_rate
                network.zero_grad(set_to_none=True)
                with torch.autocast(device, enabled=False):
                    loss.backward()
                norm = nn.utils.clip_grad_norm_(network.parameters(), self.config.clip)
                if torch.isfinite(norm):  # one broken batch must not ruin hours
                    for optimizer in self.optimizers[name]:
                        optimizer.step()
                self.emas[name].update(network, self.step)
                figures |= shown | {f"{name}/gradient": float(norm)}
        return figures

    def validate(self) -> Figures:
        """The task's figures with averaged weights; the training weights are put back afterwards."""
        kept = {n: {k: v.clone() for k, v in m.state_dict().items()} for n, m in self.task.networks.items()}
        for name, network in self.task.networks.items():
            network.load_state_dict(self.emas[name].weights)
            network.eval()
        with torch.inference_mode(), torch.compiler.set_stance("force_eager"):  # it runs too rarely to compile for
            figures = self.task.validate(self.task.networks)
        for name, network in self.task.networks.items():
            network.load_state_dict(kept[name])
        return figures

    def _log(self, board: Any, figures: Figures) -> None:
        line = {"step": self.step, "hours": round(self.trained_s / 3600, 4)} | {
            k: round(float(v), 5) for k, v in figures.items()
        }
        with (self.folder / "log.jsonl").open("a") as out:
            out.write(json.dumps(line) + "\n")
        print(" ".join(f"{k}={v}" for k, v in line.items()), flush=True)
        for name, value in figures.items():
            board.add_scalar(name, value, self.step)

    def save(self) -> None:
        """Write the checkpoint: first beside the old one, then in its place, so that a kill leaves one whole."""
        tensors: dict[str, Tensor] = {}
        for name, network in self.task.networks.items():
            names = {id(p): key for key, p in network.named_parameters()}
            tensors |= {f"weights/{name}/{key}": value for key, value in network.state_dict().items()}
            tensors |= {f"average/{name}/{key}": value for key, value in self.emas[name].weights.items()}
            for parameter, state in (pair for o in self.optimizers[name] for pair in o.state.items()):
                tensors |= {f"optimizer/{name}/{names[id(parameter)]}/{key}": value for key, value in state.items()}
        tensors = {key: value.detach().clone().contiguous() for key, value in tensors.items()}
        # Step and weights lie in one file, which is replaced at once: a kill cannot part them.
        state = {"step": str(self.step), "epoch": str(self.epoch), "trained_s": str(self.trained_s)}
        save_file(tensors, self.folder / "checkpoint.part", metadata=state)
        (self.folder / "checkpoint.part").replace(self.folder / CHECKPOINT)
        self.saved()

    def _resume(self) -> None:
        with safe_open(self.folder / CHECKPOINT, "pt") as file:
            state = file.metadata()
        self.step, self.epoch, self.trained_s = int(state["step"]), int(state["epoch"]) + 1, float(state["trained_s"])
        tensors = load_file(self.folder / CHECKPOINT, device=self.config.device)
        for name, network in self.task.networks.items():
            weights = _under(tensors, f"weights/{name}/") or _under(
                tensors, f"average/{name}/"
            )  # sent without the rest
            if not weights:  # a network that joins later (discriminators) starts fresh
                continue
            try:  # a part that a bundle does not keep (the codec's mel_head) starts fresh
                found = network.load_state_dict(weights, strict=False)
                if found.unexpected_keys:
                    raise RuntimeError(found.unexpected_keys[0])
                self.fresh |= {name} if found.missing_keys else set()
            except RuntimeError:
                raise ConfigError(
                    f"{self.folder}: the checkpoint is of another size of network; use a new folder."
                ) from None
            self.emas[name].weights |= _under(tensors, f"average/{name}/")
            for optimizer in self.optimizers[name]:
                owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
                for key, parameter in network.named_parameters():
                    moments = _under(tensors, f"optimizer/{name}/{key}/")
                    known = ("momentum_buffer" in moments) == isinstance(optimizer, torch.optim.Muon)
                    if id(parameter) in owned and moments and known:  # the other optimizer's are of no use to this one
                        optimizer.state[parameter] = moments
        if not any(optimizer.state for optimizers in self.optimizers.values() for optimizer in optimizers):
            self.since = self.step  # they warm up anew


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def load_ema(folder: Path, name: str) -> dict[str, Tensor]:
    """The averaged weights of network `name` in a run's folder.

    Raises:
        ConfigError: there is no checkpoint with that network.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise ConfigError(f"{folder}: no checkpoint there; train that stage first.")
    weights = _under(load_file(path), f"average/{name}/")
    if not weights:
        raise ConfigError(f"{path}: holds no network called {name}.")
    return weights
