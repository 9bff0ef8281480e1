"""The one training loop: optimisers, schedule, averaged weights, logs, checkpoints, resume. Tasks bring the rest."""

from __future__ import annotations

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dialogue_tts.errors import ConfigError
from dialogue_tts.extras import check_extra
from dialogue_tts.training.checkpoints import (
    BEST,
    CHECKPOINT,
    keep_as_best,
    read_checkpoint,
    read_state,
    under,
    write_checkpoint,
)
from dialogue_tts.training.optimizing import EMA, checkpoint_blocks, compile_blocks, make_optimizers
from dialogue_tts.training.order import DataOrder, Place
from dialogue_tts.training.processes import Processes
from dialogue_tts.training.task import Figures, LoopConfig, Task, moved, rate_at


class Run:
    """One training run in one folder: checkpoints (see `checkpoints.py`), `log.jsonl` and TensorBoard's files."""

    def __init__(self, task: Task, config: LoopConfig, folder: Path) -> None:
        """Raises ConfigError: the checkpoint in `folder` does not fit or is damaged, or TensorBoard is not installed."""
        check_extra("train", "training", error=ConfigError)
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter
        self.task, self.config, self.folder = task, config, folder
        folder.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(config.threads)
        self.processes = Processes(config.device)
        self.device = self.processes.device
        if self.device.type == "cuda":
            torch.set_float32_matmul_precision("high")  # TF32, where autocast leaves float32
        for network in (*task.networks.values(), *task.frozen):
            network.to(self.device)
            if config.checkpointing:
                checkpoint_blocks(network)
            if config.compiled:
                compile_blocks(network)
        self.optimizers = {name: make_optimizers(network, config) for name, network in task.networks.items()}
        self.scalers = {name: torch.amp.GradScaler(self.device.type, enabled=config.fp16) for name in task.networks}
        self.emas = {name: EMA(network, config.ema) for name, network in task.networks.items()}
        self.order = DataOrder(task, config.seed)
        self.place = Place(0, 0)  # of the next batch
        self.step, self.trained_s, self.best = 0, 0.0, math.inf
        self.saved: Callable[[], None] = lambda: None  # called after each checkpoint
        self.stepped: Callable[[], None] = lambda: None  # called after each step
        self.fresh: set[str] = set()  # networks of which the checkpoint lacks a part
        self.since, self.minutes = 0, 0.0  # step at which the optimisers started, minutes of the schedule that are over
        if (folder / CHECKPOINT).is_file():
            self._resume()

    def train(self, max_minutes: float | None = None, counted: float = 0.0) -> None:
        """Go on to `config.steps`, or for `max_minutes`; a checkpoint is written in both cases.

        counted: how many of `config.minutes` are over already; nothing is done where all are.
        """
        ends = [self.config.minutes, None if max_minutes is None else counted + max_minutes]
        limits = [minutes for minutes in ends if minutes is not None]
        self.minutes = counted
        if self.step >= self.config.steps or (self.config.minutes is not None and counted > self.config.minutes):
            return
        board = self._writer(str(self.folder / "tensorboard")) if self.processes.is_first else None
        started = saved = time.monotonic()
        sums: dict[str, list[float | Tensor]] = defaultdict(list)
        last = False
        for places, batches in self._steps():
            before = time.monotonic()
            for name, values in self._learn(places, batches).items():
                sums[name] += values
            self.step += 1
            now = time.monotonic()
            self.trained_s += now - before
            (self.minutes,) = self.processes.as_first(counted + (now - started) / 60)
            last = self.step >= self.config.steps or any(self.minutes > limit for limit in limits)
            self.stepped()
            if self.step % self.config.log_every == 0:
                self._log(board, _means(self.processes.gathered(_totals(sums))))
                sums.clear()
            better = False
            if (self.step % self.config.validate_every == 0 or last) and self.processes.is_first:
                better = self._judge(board)
            if last or better or now - saved > self.config.save_every_s:
                self.save()
                saved = time.monotonic()
            if better:
                keep_as_best(self.folder)
            if last:
                break
        if board is not None:
            board.close()
        self.processes.wait()  # or others would go on before the checkpoint is there

    def _steps(self) -> Iterator[tuple[list[Place], list[Any]]]:
        """For each step to come the batches that fall to this process, and their places."""
        processes, config = self.processes, self.config
        places = self.order.places(self.place)
        batches = self.order.batches(self.place, processes.index, processes.count, config.workers)
        while True:
            ahead = [next(places) for _ in range(config.accumulation * processes.count)]
            mine = ahead[processes.index :: processes.count]
            found = [next(batches) for _ in mine]
            self.place = Place(ahead[-1].epoch, ahead[-1].number + 1)
            yield mine, found

    def _learn(self, places: list[Place], batches: list[Any]) -> dict[str, list[float | Tensor]]:
        """One step of every network. Where a task improves several, each sees all batches before the next does."""
        figures: dict[str, list[float | Tensor]] = defaultdict(list)
        for network in self.task.networks.values():
            network.train()
        to = torch.float16 if self.config.fp16 else torch.bfloat16
        streams = [self._losses(batch) for batch in batches]
        turn = 0
        with torch.autocast(self.device.type, to, enabled=self.config.fp16 or self.config.bf16):
            while stepped := self._gradients(streams, places, turn, figures):
                figures[f"{stepped}/gradient"].append(self._step(stepped))
                turn += 1
        return figures

    def _losses(self, batch: Any) -> Iterator[tuple[str, Tensor, Figures]]:
        """A task's, which start when they are first asked for: of several batches only one is on the device."""
        yield from self.task.losses(moved(batch, self.device), self.step)

    def _gradients(
        self,
        streams: list[Iterator[tuple[str, Tensor, Figures]]],
        places: list[Place],
        turn: int,
        figures: dict[str, list[float | Tensor]],
    ) -> str | None:
        """Let each batch give its next loss, and sum up gradients; the name of the network they are of, None at the end."""
        stepped = None
        for number, (stream, place) in enumerate(zip(streams, places, strict=True)):
            place.seed_torch(self.config.seed, turn)
            found = next(stream, None)
            if found is None:
                continue
            name, loss, shown = found
            if stepped is None:
                self.task.networks[name].zero_grad(set_to_none=True)
            stepped = name
            with torch.autocast(self.device.type, enabled=False):
                self.scalers[name].scale(loss / len(streams)).backward()
            for key, value in shown.items():
                figures[key].append(value)
            if len(self.task.networks) == 1:
                streams[number] = iter(())  # let go of what it holds before the next batch
            del found, loss
        return stepped

    def _step(self, name: str) -> float:
        """Step a network with the gradients of all processes; their norm."""
        network, scaler = self.task.networks[name], self.scalers[name]
        self.processes.average_gradients(network.parameters())
        self.processes.share(network)
        share = rate_at(self.step, self.config, self.since, self.minutes)
        for optimizer in self.optimizers[name]:
            for group in optimizer.param_groups:
                group["lr"] = share * self.config.learning_rate
            if self.config.fp16 and any(p.grad is not None for g in optimizer.param_groups for p in g["params"]):
                scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(network.parameters(), self.config.clip)
        if torch.isfinite(norm):  # one broken batch must not ruin hours
            for optimizer in self.optimizers[name]:
                optimizer.step()
        scaler.update()
        self.emas[name].update(network, self.step)
        return float(norm)

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

    def _judge(self, board: Any) -> bool:
        """Validate, and say whether no figures before were better."""
        figures = self.validate()
        self._log(board, {f"valid/{key}": value for key, value in figures.items()})
        found = float(figures.get(self.task.best, math.inf))
        better = found < self.best  # never with a NaN, which may not become the best either
        if better:
            self.best = found
        return better

    def _log(self, board: Any, figures: Figures) -> None:
        if board is None:
            return
        line = {"step": self.step, "hours": round(self.trained_s / 3600, 4)} | {
            k: round(float(v), 5) for k, v in figures.items()
        }
        with (self.folder / "log.jsonl").open("a") as out:
            out.write(json.dumps(line) + "\n")
        print(" ".join(f"{k}={v}" for k, v in line.items()), flush=True)
        for name, value in figures.items():
            board.add_scalar(name, value, self.step)

    def save(self) -> None:
        """Write a checkpoint; of several processes the first does."""
        if not self.processes.is_first:
            return
        tensors: dict[str, Tensor] = {}
        state = {"step": str(self.step), "epoch": str(self.place.epoch), "batch": str(self.place.number)}
        state |= {"trained_s": str(self.trained_s), "best": str(self.best)}
        state |= {"since": str(self.since), "minutes": str(self.minutes)}
        for name, network in self.task.networks.items():
            names = {id(p): key for key, p in network.named_parameters()}
            weights = network.state_dict()
            tensors |= {f"weights/{name}/{key}": value for key, value in weights.items()}
            beside = {key: value for key, value in network.named_buffers() if key not in weights}
            tensors |= {f"buffers/{name}/{key}": value for key, value in beside.items()}
            tensors |= {f"average/{name}/{key}": value for key, value in self.emas[name].weights.items()}
            for parameter, moments in (pair for o in self.optimizers[name] for pair in o.state.items()):
                tensors |= {f"optimizer/{name}/{names[id(parameter)]}/{key}": value for key, value in moments.items()}
            if self.config.fp16:
                state[f"scaler/{name}"] = json.dumps(self.scalers[name].state_dict())
        write_checkpoint(self.folder, tensors, state, self.config.keep)
        self.saved()

    def _resume(self) -> None:
        tensors, state = read_checkpoint(self.folder / CHECKPOINT)
        self.step, self.trained_s = int(state["step"]), float(state["trained_s"])
        self.since, self.minutes = int(state.get("since", 0)), float(state.get("minutes", 0.0))
        # Before there was an order, a run that went on began another epoch.
        epoch, batch = int(state["epoch"]), state.get("batch")
        self.place = Place(epoch + 1, 0) if batch is None else Place(epoch, int(batch))
        if (self.folder / BEST).is_file():
            self.best = float(read_state(self.folder / BEST).get("best", math.inf))
        tensors = {key: value.to(self.device) for key, value in tensors.items()}
        for name, network in self.task.networks.items():
            weights = under(tensors, f"weights/{name}/") or under(tensors, f"average/{name}/")  # sent without the rest
            if not weights:  # a network that joins later (discriminators) starts fresh
                continue
            self._load(name, network, weights)
            self.emas[name].weights |= under(tensors, f"average/{name}/")
            beside = dict(network.named_buffers())
            for key, value in under(tensors, f"buffers/{name}/").items():
                if key in beside and beside[key].shape == value.shape:
                    beside[key].copy_(value)
            self._load_moments(name, network, tensors)
            if self.config.fp16 and f"scaler/{name}" in state:
                self.scalers[name].load_state_dict(json.loads(state[f"scaler/{name}"]))
        if not any(optimizer.state for optimizers in self.optimizers.values() for optimizer in optimizers):
            self.since = self.step  # they warm up anew

    def _load(self, name: str, network: nn.Module, weights: dict[str, Tensor]) -> None:
        try:  # a part that a bundle does not keep (the codec's mel_head) starts fresh
            found = network.load_state_dict(weights, strict=False)
            if found.unexpected_keys:
                raise RuntimeError(found.unexpected_keys[0])
            self.fresh |= {name} if found.missing_keys else set()
        except RuntimeError:
            raise ConfigError(
                f"{self.folder}: the checkpoint is of another size of network; use a new folder."
            ) from None

    def _load_moments(self, name: str, network: nn.Module, tensors: dict[str, Tensor]) -> None:
        for optimizer in self.optimizers[name]:
            owned = {id(p) for group in optimizer.param_groups for p in group["params"]}
            for key, parameter in network.named_parameters():
                moments = under(tensors, f"optimizer/{name}/{key}/")
                known = ("momentum_buffer" in moments) == isinstance(optimizer, torch.optim.Muon)
                if id(parameter) in owned and moments and known:  # the other optimizer's are of no use to this one
                    optimizer.state[parameter] = moments


def _totals(sums: dict[str, list[float | Tensor]]) -> dict[str, tuple[float, int]]:
    return {name: (float(np.sum([float(v) for v in values])), len(values)) for name, values in sums.items()}


def _means(totals: list[dict[str, tuple[float, int]]]) -> Figures:
    """Of what all processes summed up."""
    names = list(dict.fromkeys(name for total in totals for name in total))
    found = {name: [total[name] for total in totals if name in total] for name in names}
    return {name: sum(s for s, _ in parts) / sum(n for _, n in parts) for name, parts in found.items()}
