"""Several processes that train one network together, as `accelerate launch` starts them.

Every process holds the whole network, its optimisers and averages, and steps them with the mean of all gradients. Nothing is
sharded: the largest network of the paper is 350 million parameters, 6 GB with its optimiser's state, and Muon needs each
matrix whole. Gradients are averaged by hand, once a step, since stages call parts of their networks, which the wrappers
that average in the background do not see.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, nn

from dialogue_tts.errors import ConfigError
from dialogue_tts.extras import check_extra

BUCKET = 16 * 2**20  # numbers averaged at once
PATIENCE = timedelta(days=1)  # others wait while the first makes tokens


def launched() -> int:
    """How many processes were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class Processes:
    """This process among those that train together."""

    def __init__(self, device: str) -> None:
        """Raises DialogueTTSError where there are several and accelerate is not installed, or no GPU."""
        self.count, self.index, self.device = launched(), 0, torch.device(device)
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise ConfigError('device: there is no GPU here that PyTorch can use; set the recipe\'s loop to "cpu".')
        if self.count == 1:
            return
        check_extra("train", "training in several processes")
        from accelerate import PartialState

        state = PartialState(cpu=self.device.type != "cuda", timeout=PATIENCE)
        self.index, self.device = state.process_index, state.device

    @property
    def is_first(self) -> bool:
        """Whether it is this one that logs, validates and writes."""
        return self.index == 0

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """What is done here the first process does before the others, who find it done."""
        if self.count == 1:
            yield
            return
        from accelerate import PartialState

        with PartialState().main_process_first():
            yield

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            from accelerate import PartialState

            PartialState().wait_for_everyone()

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Give each parameter the mean of all processes' gradients; none counts as zero unless no process has one."""
        if self.count == 1:
            return
        from accelerate.utils import reduce

        listed = list(parameters)
        found = reduce(torch.tensor([float(p.grad is not None) for p in listed], device=self.device), "sum")
        shared = [p for p, processes in zip(listed, found.tolist(), strict=True) if processes]
        for bucket in _buckets(shared):
            parts = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in bucket]
            mean = reduce(torch.cat(parts), "mean")
            for parameter, part in zip(bucket, mean.split([p.numel() for p in bucket]), strict=True):
                parameter.grad = part.view_as(parameter)

    @torch.no_grad()
    def share(self, network: nn.Module) -> None:
        """Give everybody what forward passes of the first process left in a network beside its gradients."""
        if self.count == 1:
            return
        from accelerate.utils import broadcast

        for module in network.modules():
            changed = [*module.buffers(recurse=False)]
            if hasattr(module, "revive"):  # codebooks, whose unused codes are put elsewhere
                changed += module.parameters()
            for value in changed:
                value.copy_(broadcast(value.detach().clone()))

    def as_first(self, *numbers: float) -> list[float]:
        """The first process's numbers, such as its clock: or rates would differ, and with them the weights."""
        if self.count == 1:
            return list(numbers)
        from accelerate.utils import broadcast

        told: Tensor = broadcast(torch.tensor(numbers, dtype=torch.float64, device=self.device))
        return [float(number) for number in told]

    def gathered(self, value: Any) -> list[Any]:
        """A value, which can be pickled, of each process."""
        if self.count == 1:
            return [value]
        from accelerate.utils import gather_object

        return list(gather_object([value]))


def _buckets(parameters: list[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    bucket: list[nn.Parameter] = []
    for parameter in parameters:
        bucket.append(parameter)
        if sum(p.numel() for p in bucket) >= BUCKET:
            yield bucket
            bucket = []
    if bucket:
        yield bucket
