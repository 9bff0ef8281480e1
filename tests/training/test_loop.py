"""The training loop: rates, averages, and runs that are stopped and go on."""

import json
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from dialogue_tts.config import from_dict
from dialogue_tts.errors import ConfigError
from dialogue_tts.nn.conformer import Conformer, ConformerConfig
from dialogue_tts.training import checkpoints, loop
from dialogue_tts.training.checkpoints import load_ema, older_checkpoints, read_state
from dialogue_tts.training.loop import Run
from dialogue_tts.training.muon import StackedMuon
from dialogue_tts.training.optimizing import EMA, checkpoint_blocks, compile_blocks, make_optimizers
from dialogue_tts.training.task import Figures, LoopConfig, rate_at

pytest.importorskip("tensorboard", reason="training logs to TensorBoard (extra: train)")


class TinyTask:
    """A network that learns a fixed linear map; what it sees in a step depends on the step's seed alone."""

    def __init__(self, seed: int = 0, names: tuple[str, ...] = ("tiny",), width: int = 5) -> None:
        torch.manual_seed(seed)
        self.networks: dict[str, nn.Module] = {
            name: nn.Sequential(nn.Linear(width, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 3)) for name in names
        }
        self.frozen: tuple[nn.Module, ...] = ()
        self.width, self.broken, self.validated, self.improves = width, -1, [], False

    best = "figure"

    def plan(self, rng: np.random.Generator) -> list[int]:
        return list(range(4))

    def batch(self, planned: int, rng: np.random.Generator) -> int:
        return planned

    def losses(self, batch: int, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        x = torch.randn(6, self.width)
        for name, network in self.networks.items():
            loss = (network(x) - x[:, :3] * 2).square().mean()
            yield name, loss * (torch.nan if step == self.broken else 1.0), {f"{name}/loss": loss.detach()}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        weights = {k: v.clone() for k, v in networks["tiny"].state_dict().items()}
        self.validated.append((weights, networks["tiny"].training, torch.is_inference_mode_enabled()))
        return {"figure": 1.5 - 0.1 * len(self.validated) if self.improves else 1.5}


def _config(steps: int = 11, **settings: object) -> LoopConfig:
    quick = {"learning_rate": 0.02, "warmup": 3, "bf16": False, "threads": 1, "validate_every": 100, "log_every": 4}
    return LoopConfig(steps=steps, **(quick | settings))


def _checkpoint(folder: Path) -> dict[str, Tensor]:
    return load_file(folder / "checkpoint.safetensors")


def _lines(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    Run(TinyTask(), _config(), folder).train()
    return folder


def test_rate_rises_stays_and_falls_to_a_hundredth() -> None:
    config = LoopConfig(steps=1000, warmup=100, decay=0.3)
    rates = [rate_at(step, config) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01) and rates[49] == pytest.approx(0.5)
    assert rates[99:701] == [1.0] * 602
    assert rates[850] == pytest.approx(0.5)
    assert rates[997:] == pytest.approx([0.01] * 3)
    assert rates[:100] == sorted(rates[:100]) and rates[700:] == sorted(rates[700:], reverse=True)


def test_rate_without_warm_up_and_decay_is_full() -> None:
    config = LoopConfig(steps=9, warmup=0, decay=0.0)
    assert [rate_at(step, config) for step in range(9)] == [1.0] * 9


def test_a_schedule_in_minutes_follows_the_clock_and_not_the_steps() -> None:
    config = LoopConfig(steps=10**9, warmup=10, decay=0.5, minutes=8.0)
    assert rate_at(4, config) == pytest.approx(0.5), "the warm-up is in steps all the same"
    assert [rate_at(10**6, config, minutes=m) for m in (0.0, 4.0, 6.0, 8.0)] == pytest.approx([1.0, 1.0, 0.5, 0.01])


def test_fresh_optimizers_warm_up_anew() -> None:
    config = LoopConfig(steps=1000, warmup=10, decay=0.1)
    assert [rate_at(step, config, since=500) for step in (500, 504, 509)] == pytest.approx([0.1, 0.5, 1.0])


def test_average_moves_by_its_decay_and_faster_at_first() -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = EMA(network, decay=0.9)
    start = {name: value.clone() for name, value in average.weights.items()}
    with torch.no_grad():
        network[0].weight += 1
        network[1].num_batches_tracked += 5
    average.update(network, step=0)  # decay 1 / 10
    torch.testing.assert_close(average.weights["0.weight"], start["0.weight"] + 0.9)
    assert average.weights["1.num_batches_tracked"] == 5
    average.update(network, step=10_000)  # decay 0.9
    torch.testing.assert_close(average.weights["0.weight"], start["0.weight"] + 0.91)
    torch.testing.assert_close(average.weights["0.bias"], start["0.bias"])


def _loss(task: TinyTask) -> float:
    """Of the same draw each time: those that a run logs are of a few each, and differ by a third."""
    torch.manual_seed(3)
    with torch.inference_mode():
        return float(next(task.losses(0, 0))[1])


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_learns(tmp_path: Path, optimizer: str) -> None:
    task = TinyTask()
    before = _loss(task)
    Run(task, _config(60, optimizer=optimizer), tmp_path).train()
    assert _loss(task) < 0.5 * before


def test_a_run_logs(finished: Path) -> None:
    lines = _lines(finished)
    assert [line["step"] for line in lines] == [4, 8, 11]
    assert lines[0]["tiny/loss"] > 0 and lines[0]["tiny/gradient"] > 0
    assert lines[-1]["valid/figure"] == 1.5


def test_averages_follow_the_weights(tmp_path: Path) -> None:
    task = TinyTask()
    start = {key: value.detach().clone() for key, value in task.networks["tiny"].named_parameters()}
    Run(task, _config(), tmp_path).train(max_minutes=0)  # one step, after which the average keeps a tenth
    tensors = _checkpoint(tmp_path)
    for key, value in start.items():
        torch.testing.assert_close(
            tensors[f"average/tiny/{key}"], 0.1 * value + 0.9 * tensors[f"weights/tiny/{key}"], msg=key
        )
        assert not torch.equal(tensors[f"weights/tiny/{key}"], value)


def test_gradients_are_clipped_all_together_and_logged_as_they_were(tmp_path: Path) -> None:
    run = Run(TinyTask(), _config(log_every=1, clip=0.05, betas=(0.9, 0.98)), tmp_path)
    run.train(max_minutes=0)
    moments = [value for key, value in _checkpoint(tmp_path).items() if key.endswith("/exp_avg")]
    found = torch.cat([moment.flatten() for moment in moments]).norm()
    assert float(found) == pytest.approx(0.1 * 0.05, rel=1e-3), "the first moment is a tenth of the first gradient"
    assert _lines(tmp_path)[0]["tiny/gradient"] > 0.05


def test_checkpoints_are_safetensors_and_json_only(finished: Path) -> None:
    names = {path.name for path in finished.iterdir()}
    assert names == {"checkpoint.safetensors", "best.safetensors", "log.jsonl", "tensorboard"}
    state = read_state(finished / "checkpoint.safetensors")
    told = {"step", "epoch", "batch", "trained_s", "best", "since", "minutes", "sha256"}
    assert state["step"] == "11" and set(state) == told
    tensors = _checkpoint(finished)
    assert {key.split("/")[0] for key in tensors} == {"weights", "average", "optimizer"}
    assert {key.split("/")[-1] for key in tensors if key.startswith("optimizer")} == {"step", "exp_avg", "exp_avg_sq"}


@pytest.mark.parametrize("stops", [1, 5])
def test_a_stopped_run_ends_as_one_that_was_not(finished: Path, tmp_path: Path, stops: int) -> None:
    """Bit for bit."""
    for stop in range(stops):
        run = Run(TinyTask(seed=stop + 1 if stop else 0), _config(), tmp_path)
        assert run.step == stop
        run.train(max_minutes=0)
    run = Run(TinyTask(seed=99), _config(), tmp_path)
    assert run.step == stops
    run.train()
    wanted, found = _checkpoint(finished), _checkpoint(tmp_path)
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        assert torch.equal(value, found[key]), key


def test_resuming_restores_weights_averages_and_optimizer(finished: Path) -> None:
    task = TinyTask(seed=5)
    run = Run(task, _config(), finished)
    tensors = _checkpoint(finished)
    assert run.step == 11 and run.trained_s > 0
    for key, value in task.networks["tiny"].state_dict().items():
        assert torch.equal(value, tensors[f"weights/tiny/{key}"])
        assert torch.equal(run.emas["tiny"].weights[key], tensors[f"average/tiny/{key}"])
    for key, parameter in task.networks["tiny"].named_parameters():
        state = run.optimizers["tiny"][0].state[parameter]
        assert state["step"] == 11
        assert torch.equal(state["exp_avg"], tensors[f"optimizer/tiny/{key}/exp_avg"])
    assert not torch.equal(tensors["weights/tiny/0.weight"], tensors["average/tiny/0.weight"])


def test_muon_steps_the_matrices_of_blocks_and_adamw_all_else(tmp_path: Path) -> None:
    class Blocks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.enter, self.norm = nn.Linear(5, 7), nn.LayerNorm(7)
            self.blocks = nn.ModuleList(nn.Linear(7, 7) for _ in range(2))
            self.table = nn.Embedding(11, 7)

    network = Blocks()
    adamw, muon = make_optimizers(network, _config(optimizer="muon"))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    stepped = [{names[id(p)] for group in o.param_groups for p in group["params"]} for o in (adamw, muon)]
    assert stepped[1] == {"blocks.0.weight", "blocks.1.weight"}
    assert stepped[0] == set(names.values()) - stepped[1]
    with pytest.raises(ConfigError, match="optimizer: .*'adamw' or 'muon'"):
        from_dict(LoopConfig, {"steps": 1, "optimizer": "sgd"})
    for name in ("accumulation", "threads", "keep", "validate_every", "log_every"):
        with pytest.raises(ConfigError, match=f"{name}: .*greater than or equal to 1"):
            from_dict(LoopConfig, {"steps": 1, name: 0})
    with pytest.raises(ConfigError, match="betas"):
        from_dict(LoopConfig, {"steps": 1, "betas": [0.9]})


def test_a_stopped_run_with_muon_ends_as_one_that_was_not(tmp_path: Path) -> None:
    config = _config(optimizer="muon")
    Run(TinyTask(), config, tmp_path / "whole").train()
    for _ in range(2):
        Run(TinyTask(), config, tmp_path / "stopped").train(max_minutes=0)
    Run(TinyTask(seed=9), config, tmp_path / "stopped").train()
    wanted, found = _checkpoint(tmp_path / "whole"), _checkpoint(tmp_path / "stopped")
    assert wanted.keys() == found.keys()
    assert all(torch.equal(value, found[key]) for key, value in wanted.items())


def test_a_run_may_go_on_with_another_optimizer(tmp_path: Path) -> None:
    Run(TinyTask(), _config(), tmp_path).train()
    run = Run(TinyTask(seed=5), _config(steps=13, optimizer="muon"), tmp_path)
    adamw, muon = run.optimizers["tiny"]
    assert len(adamw.state) == 4 and not muon.state  # biases and norms keep their moments, the two matrices begin anew
    run.train()
    assert run.step == 13 and len(muon.state) == 2


def test_a_run_of_minutes_ends_by_the_clock_with_a_checkpoint_and_figures(tmp_path: Path) -> None:
    run = Run(TinyTask(), _config(10**9, minutes=0.01, validate_every=10**9), tmp_path)
    run.train()
    assert 1 < run.step < 10**6 and (tmp_path / "checkpoint.safetensors").is_file()
    assert _lines(tmp_path)[-1]["valid/figure"] == 1.5


def test_minutes_that_are_over_may_count(tmp_path: Path) -> None:
    config = _config(10**9, minutes=100.0, warmup=0, decay=0.5)
    run = Run(TinyTask(), config, tmp_path)
    run.train(max_minutes=0, counted=75.0)
    assert run.step == 1 and 75.0 < run.minutes < 76.0
    run = Run(TinyTask(), config, tmp_path)
    run.train(max_minutes=0, counted=run.minutes)
    assert run.step == 2 and 75.0 < run.minutes < 76.0
    assert run.optimizers["tiny"][0].param_groups[0]["lr"] == pytest.approx(0.02 / 2, rel=0.05)
    run.train(counted=100.001)
    assert run.step == 2, "they are all over"
    Run(TinyTask(), config, tmp_path).train(max_minutes=0)
    assert float(read_state(tmp_path / "checkpoint.safetensors")["minutes"]) < 1.0, "they do not count by themselves"


def test_without_moments_optimizers_start_where_the_run_goes_on(finished: Path, tmp_path: Path) -> None:
    kept = {key: value for key, value in _checkpoint(finished).items() if not key.startswith("optimizer")}
    save_file(kept, tmp_path / "checkpoint.safetensors", metadata={"step": "11", "epoch": "2", "trained_s": "1.0"})
    assert Run(TinyTask(), _config(20), tmp_path).since == 11
    assert Run(TinyTask(), _config(20), finished).since == 0


def test_a_run_that_is_stopped_in_its_warm_up_goes_on_with_it(finished: Path, tmp_path: Path) -> None:
    """Also where its optimisers started later than its first step."""
    path = tmp_path / "checkpoint.safetensors"
    kept = {key: value for key, value in _checkpoint(finished).items() if not key.startswith("optimizer")}
    save_file(kept, path, metadata={"step": "11", "epoch": "2", "trained_s": "1.0"})
    Run(TinyTask(), _config(20), tmp_path).train(max_minutes=0)
    run = Run(TinyTask(), _config(20), tmp_path)
    assert (run.step, run.since) == (12, 11)
    run.train(max_minutes=0)
    assert run.optimizers["tiny"][0].param_groups[0]["lr"] == pytest.approx(0.02 * 2 / 3), "the second step of three"
    state = {key: value for key, value in read_state(path).items() if key not in ("since", "sha256")}
    save_file(_checkpoint(tmp_path), path, metadata=state)
    assert Run(TinyTask(), _config(20), tmp_path).since == 0, "as it was before this was written down"


def test_a_part_that_a_checkpoint_lacks_starts_fresh_and_one_too_many_is_refused(
    finished: Path, tmp_path: Path
) -> None:
    class Larger(TinyTask):
        def __init__(self) -> None:
            super().__init__()
            self.networks["tiny"].append(nn.Linear(3, 3))

    (tmp_path / "checkpoint.safetensors").write_bytes((finished / "checkpoint.safetensors").read_bytes())
    run = Run(Larger(), _config(20), tmp_path)
    assert torch.equal(run.task.networks["tiny"][0].weight, _checkpoint(finished)["weights/tiny/0.weight"])
    assert "4.weight" in run.emas["tiny"].weights
    run.save()
    with pytest.raises(ConfigError, match="another size"):
        Run(TinyTask(), _config(20), tmp_path)


def test_frozen_networks_follow_to_the_device(tmp_path: Path) -> None:
    task = TinyTask()
    task.frozen = (nn.Linear(2, 2),)
    Run(task, _config(device="meta"), tmp_path)
    assert task.frozen[0].weight.device.type == task.networks["tiny"][0].weight.device.type == "meta"


def test_workers_prepare_batches_in_the_order_that_is_without_them(tmp_path: Path) -> None:
    class Drawing(TinyTask):
        def batch(self, planned: int, rng: np.random.Generator) -> Drawn:
            return Drawn(os.getpid(), float(rng.random()))

        def losses(self, batch: Drawn, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
            seen.append(batch)
            yield from super().losses(0, step)

    seen: list[Drawn] = []
    Run(Drawing(), _config(14, workers=2), tmp_path / "workers").train()
    assert len(seen) == 14 and len({process for process, _ in seen}) == 2 and os.getpid() not in {p for p, _ in seen}
    drawn = [draw for _, draw in seen]
    assert len(set(drawn)) == 14
    seen.clear()
    Run(Drawing(), _config(14), tmp_path / "alone").train()
    assert [draw for _, draw in seen] == drawn


def test_a_resumed_run_goes_on_in_the_order_of_the_data(tmp_path: Path) -> None:
    class Spy(TinyTask):
        def plan(self, rng: np.random.Generator) -> list[int]:
            return [int(i) for i in rng.permutation(4)]

        def batch(self, planned: int, rng: np.random.Generator) -> float:
            seen.append((planned, float(rng.random())))
            return 0

    seen: list[tuple[int, float]] = []
    Run(Spy(), _config(10), tmp_path / "whole").train()
    whole = list(seen)
    assert len(set(whole)) == 10 and sorted(i for i, _ in whole[4:8]) == [0, 1, 2, 3]
    seen.clear()
    for steps in (3, 4, 9, 10):
        Run(Spy(), _config(steps), tmp_path / "stopped").train()
    assert seen == whole


def test_a_checkpoint_from_before_there_was_an_order_goes_on_with_another_epoch(tmp_path: Path) -> None:
    task = TinyTask()
    kept = {
        f"{kind}/tiny/{k}": v for kind in ("weights", "average") for k, v in task.networks["tiny"].state_dict().items()
    }
    kept = {key: value.clone() for key, value in kept.items()}
    save_file(kept, tmp_path / "checkpoint.safetensors", metadata={"step": "5", "epoch": "2", "trained_s": "1.0"})
    run = Run(TinyTask(seed=4), _config(20), tmp_path)
    assert run.step == 5 and run.place == (3, 0)


class Drawn(NamedTuple):
    process: int
    number: float


class Killed(Exception):
    """Where a process would have died."""


def test_killed_at_any_moment_and_resumed_a_run_ends_as_one_that_was_not(tmp_path: Path, finished: Path) -> None:
    """Ten times: between steps, after a step's gradients, in validation, and at each move of writing a checkpoint."""
    steps_and_places = [
        (loop.Run, "_gradients", 2),
        (loop.Run, "_step", 1),
        (loop.Run, "_step", 3),
        (loop, "keep_as_best", 1),
        (loop.Run, "save", 2),
        (loop.Run, "validate", 1),
        (checkpoints, "save_file", 2),
        (checkpoints, "_stands_for", 1),
        (checkpoints, "older_checkpoints", 2),
        (loop, "write_checkpoint", 1),
    ]
    settings = {"save_every_s": 0.0, "validate_every": 3}
    for number, (owner, name, call) in enumerate(steps_and_places):
        with pytest.MonkeyPatch.context() as patch:
            whole, calls = getattr(owner, name), iter(range(1, 100))

            def dies(*arguments: Any, _whole: Any = whole, _calls: Any = calls, _call: int = call, **more: Any) -> Any:
                if next(_calls) == _call:
                    raise Killed
                return _whole(*arguments, **more)

            patch.setattr(owner, name, dies)
            with pytest.raises(Killed):
                seed = number if (tmp_path / "checkpoint.safetensors").is_file() else 0
                Run(TinyTask(seed=seed), _config(**settings), tmp_path).train()
                pytest.fail(f"{name} was not called {call} times")
    assert Run(TinyTask(seed=99), _config(**settings), tmp_path).step < 11
    Run(TinyTask(seed=99), _config(**settings), tmp_path).train()
    wanted, found = _checkpoint(finished), _checkpoint(tmp_path)
    assert wanted.keys() == found.keys()
    for key, value in wanted.items():
        assert torch.equal(value, found[key]), key


def test_the_last_checkpoints_and_the_best_stay(tmp_path: Path) -> None:
    task = TinyTask()
    task.improves = True
    Run(task, _config(3, save_every_s=0.0, keep=4, validate_every=2), tmp_path).train()
    assert len(older_checkpoints(tmp_path)) == 2
    Run(task, _config(5, save_every_s=0.0, keep=3, validate_every=2), tmp_path).train()
    assert [path.name for path in older_checkpoints(tmp_path)] == [
        "checkpoint-000000003.safetensors",
        "checkpoint-000000004.safetensors",
    ]
    assert read_state(tmp_path / "checkpoint.safetensors")["step"] == "5"
    assert read_state(tmp_path / "best.safetensors")["step"] == "5", "the last step is validated as well"
    task = TinyTask()  # its figure is above the best one
    run = Run(task, _config(7, save_every_s=0.0, keep=1), tmp_path)
    assert run.best == pytest.approx(1.1)
    run.train()
    assert not older_checkpoints(tmp_path)
    assert read_state(tmp_path / "best.safetensors")["step"] == "5"


def test_what_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    figures = iter([1.5, math.nan, 1.25, math.nan])
    task = TinyTask()
    task.validate = lambda networks: {"figure": next(figures)}  # type: ignore[method-assign]
    run = Run(task, _config(4, validate_every=1), tmp_path)
    run.train()
    assert run.best == 1.25
    assert read_state(tmp_path / "best.safetensors")["step"] == "3"


def test_a_damaged_checkpoint_is_refused_and_the_one_before_it_named(tmp_path: Path) -> None:
    Run(TinyTask(), _config(3, save_every_s=0.0), tmp_path).train()
    path = tmp_path / "checkpoint.safetensors"
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.unlink()  # an older one may be the same file under another name
    path.write_bytes(data)
    for reads in (lambda: Run(TinyTask(), _config(), tmp_path), lambda: load_ema(tmp_path, "tiny")):
        with pytest.raises(ConfigError, match="damaged; put checkpoint-000000002.safetensors in its place"):
            reads()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ConfigError, match="damaged"):
        Run(TinyTask(), _config(), tmp_path)


def test_several_batches_make_a_step(tmp_path: Path) -> None:
    """Of two networks, too, which take turns; and the gradient is the mean's."""

    class Fixed(TinyTask):
        def losses(self, batch: int, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
            for number, (name, network) in enumerate(self.networks.items()):
                seen.append((name, batch))
                x = torch.randn(6, self.width, generator=torch.Generator().manual_seed(batch + number))
                yield name, network[0](x).square().mean(), {}

    seen: list[tuple[str, int]] = []
    task = Fixed(names=("tiny", "other"))
    run = Run(task, _config(1, accumulation=3, clip=1e9, betas=(0.0, 0.9)), tmp_path)
    first = task.networks["tiny"][0]
    wanted = torch.autograd.grad(
        sum(first(torch.randn(6, 5, generator=torch.Generator().manual_seed(b))).square().mean() for b in range(3)) / 3,
        first.weight,
    )[0]
    run.train()
    assert seen == [("tiny", 0), ("tiny", 1), ("tiny", 2), ("other", 0), ("other", 1), ("other", 2)]
    torch.testing.assert_close(_checkpoint(tmp_path)["optimizer/tiny/0.weight/exp_avg"], wanted)
    assert run.place == (0, 3)


def test_float16_scales_losses_and_a_stopped_run_keeps_the_scale(tmp_path: Path) -> None:
    run = Run(TinyTask(), _config(4, fp16=True), tmp_path)
    run.train()
    assert torch.isfinite(_checkpoint(tmp_path)["weights/tiny/0.weight"]).all()
    scale = run.scalers["tiny"].state_dict()
    assert 0 < scale["_growth_tracker"] <= 4 and 1 < scale["scale"] <= 2**16
    assert Run(TinyTask(seed=8), _config(9, fp16=True), tmp_path).scalers["tiny"].state_dict() == scale


def test_blocks_that_are_computed_again_give_the_same_gradients() -> None:
    torch.manual_seed(0)
    config = ConformerConfig(width=8, heads=2, layers=2, hidden=12, kernel=3, dropout=0.0)
    plain, again = (Conformer(config) for _ in range(2))
    again.load_state_dict(plain.state_dict())
    checkpoint_blocks(again)
    assert again.state_dict().keys() == plain.state_dict().keys()
    x, valid = torch.randn(2, 9, 8), torch.ones(2, 9, dtype=torch.bool)
    calls = {"plain": 0, "again": 0}
    for name, network in (("plain", plain), ("again", again)):
        network.register_forward_hook(lambda *_: None)
        first = next(module for module in network.modules() if isinstance(module, nn.Linear))
        first.register_forward_hook(lambda *_, name=name: calls.update({name: calls[name] + 1}))
        network(x, valid, torch.arange(9).expand(2, -1) < 3).square().sum().backward()
    assert calls == {"plain": 1, "again": 2}
    for a, b in zip(plain.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_without_tensorboard_a_run_does_not_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ConfigError, match=r'pip install "dialogue-tts\[train\]"'):
        Run(TinyTask(), _config(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_validation_sees_averages_and_puts_the_weights_back(tmp_path: Path) -> None:
    task = TinyTask()
    run = Run(task, _config(3), tmp_path)
    run.train()
    seen, training, inference = task.validated[0]
    assert not training and inference
    for key, value in seen.items():
        assert torch.equal(value, run.emas["tiny"].weights[key])
    before = {k: v.clone() for k, v in task.networks["tiny"].state_dict().items()}
    assert run.validate() == {"figure": 1.5}
    assert all(torch.equal(v, before[k]) for k, v in task.networks["tiny"].state_dict().items())


def test_a_broken_batch_moves_no_weights(tmp_path: Path) -> None:
    task = TinyTask()
    task.broken = 0
    before = {k: v.clone() for k, v in task.networks["tiny"].named_parameters()}
    run = Run(task, _config(2), tmp_path)
    run.train(max_minutes=0)
    assert all(torch.equal(v, before[k]) for k, v in task.networks["tiny"].named_parameters())
    run.train()
    assert all(v.isfinite().all() for v in _checkpoint(tmp_path).values())
    assert not torch.equal(task.networks["tiny"][0].weight, before["0.weight"])


def test_a_network_that_joins_later_starts_fresh(finished: Path, tmp_path: Path) -> None:
    Run(TinyTask(), _config(3), tmp_path).train()
    task = TinyTask(seed=7, names=("tiny", "late"))
    fresh = task.networks["late"][0].weight.detach().clone()
    run = Run(task, _config(6), tmp_path)
    assert run.step == 3
    assert torch.equal(task.networks["late"][0].weight, fresh)
    assert torch.equal(task.networks["tiny"][0].weight, _checkpoint(tmp_path)["weights/tiny/0.weight"])
    run.train()
    assert _checkpoint(tmp_path)["optimizer/late/0.weight/step"] == 3


def test_a_checkpoint_of_another_size_is_an_error(finished: Path) -> None:
    with pytest.raises(ConfigError, match="another size of network"):
        Run(TinyTask(width=6), _config(), finished)


def test_load_ema(finished: Path, tmp_path: Path) -> None:
    weights = load_ema(finished, "tiny")
    TinyTask().networks["tiny"].load_state_dict(weights, strict=True)
    assert torch.equal(weights["0.weight"], _checkpoint(finished)["average/tiny/0.weight"])
    with pytest.raises(ConfigError, match="no network called codec"):
        load_ema(finished, "codec")
    with pytest.raises(ConfigError, match="no checkpoint there"):
        load_ema(tmp_path, "tiny")


def test_weight_decay_is_for_matrices_only(tmp_path: Path) -> None:
    run = Run(TinyTask(), _config(weight_decay=0.3), tmp_path)
    groups = run.optimizers["tiny"][0].param_groups
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    assert [{p.ndim for p in group["params"]} for group in groups] == [{2}, {1}]


def test_stacked_muon_steps_as_torchs_does() -> None:
    rng = torch.Generator().manual_seed(0)
    ours, theirs = (
        [nn.Parameter(torch.randn(shape, generator=rng)) for shape in [(9, 14), (14, 9), (9, 14), (6, 6), (3, 5)]]
        for rng in (torch.Generator().manual_seed(0), torch.Generator().manual_seed(0))
    )
    settings = {"lr": 0.02, "weight_decay": 0.1, "adjust_lr_fn": "match_rms_adamw"}
    stacked, plain = StackedMuon(ours, **settings), torch.optim.Muon(theirs, **settings)  # type: ignore[arg-type]
    before = [p.detach().clone() for p in ours]
    for _ in range(3):
        for a, b in zip(ours[:-1], theirs[:-1], strict=True):  # the last has no gradient
            a.grad = torch.randn(a.shape, generator=rng)
            b.grad = a.grad.clone()
        stacked.step()
        plain.step()
    for a, b, start in zip(ours, theirs, before, strict=True):
        torch.testing.assert_close(a, b, atol=1e-3, rtol=0)
        torch.testing.assert_close(stacked.state[a], plain.state[b])
        assert torch.equal(a, start) == (a is ours[-1])


def test_compiled_blocks_compute_the_same_and_keep_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = nn.Module.compile
    backends: list[dict[str, object]] = []

    def traced(module: nn.Module, **settings: object) -> None:
        backends.append(settings)
        whole(module, **settings, backend="eager")  # traced, but nothing is built: that takes a minute

    monkeypatch.setattr(nn.Module, "compile", traced)
    torch.manual_seed(0)
    config = ConformerConfig(width=8, heads=2, layers=3, hidden=12, kernel=3, dropout=0.0)
    plain, compiled = (Conformer(config) for _ in range(2))
    compiled.load_state_dict(plain.state_dict())
    compile_blocks(compiled)
    assert backends == [{"dynamic": True}] * 3, "the three blocks, not what they are made of"
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    for rows, frames in ((2, 9), (3, 14)):
        x, valid = (
            torch.randn(rows, frames, 8),
            torch.arange(frames) < torch.tensor([frames, frames - 2, 5])[:rows, None],
        )
        gradients = []
        for network in (plain, compiled):
            network.zero_grad()
            made = network(x, valid, torch.arange(frames).expand(rows, -1) < 3)
            made.square().sum().backward()
            gradients.append([made.detach(), *(p.grad for p in network.parameters())])
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_run_compiles_its_networks_where_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compiled: bool
) -> None:
    found: list[nn.Module] = []
    monkeypatch.setattr(loop, "compile_blocks", found.append)
    task = TinyTask(names=("tiny", "other"))
    Run(task, _config(compiled=compiled), tmp_path)
    assert found == (list(task.networks.values()) if compiled else [])
