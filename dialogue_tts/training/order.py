"""In which order a run sees its data: the same with any number of processes and workers, and after any interruption.

Each epoch is planned from its number, and each batch drawn from its own: what a batch holds hangs on its place alone. So a
resumed run goes on with the batch after the last one, without making those before it again, and what fell to one process of
eight falls to one of two.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from dialogue_tts.errors import DataError
from dialogue_tts.training.task import Task


class Place(NamedTuple):
    """Of a batch."""

    epoch: int
    number: int  # in the epoch

    def seed_torch(self, seed: int, turn: int) -> None:
        """What is drawn while the batch is learnt from, the `turn`-th time it is turned to, hangs on its place as well."""
        torch.manual_seed(int(np.random.SeedSequence((seed, *self, turn, 1)).generate_state(1)[0]))


class DataOrder(Dataset[Any]):
    """Batches of a task by their place."""

    def __init__(self, task: Task, seed: int) -> None:
        self._task, self._seed = task, seed
        self._planned: tuple[int, Sequence[Any]] | None = None
        self._lengths: dict[int, int] = {}  # of epochs, in batches

    def plan(self, epoch: int) -> Sequence[Any]:
        """What goes into each batch of an epoch. Raises DataError where there is none."""
        if self._planned is None or self._planned[0] != epoch:
            self._planned = epoch, self._task.plan(np.random.default_rng((self._seed, epoch, 1)))
            if not self._planned[1]:
                raise DataError("too few recordings: they do not fill one batch.")
        return self._planned[1]

    def __getitem__(self, place: Place) -> Any:
        rng = np.random.default_rng((self._seed, *place, 2))
        return self._task.batch(self.plan(place.epoch)[place.number], rng)

    def _length(self, epoch: int) -> int:
        if epoch not in self._lengths:
            self._lengths[epoch] = len(self.plan(epoch))
        return self._lengths[epoch]

    def places(self, start: Place, beside: bool = False) -> Iterator[Place]:
        """From `start` on, without end; `beside`: the next epoch is planned in a thread, for an accelerator not to wait."""
        epoch, number = start
        while True:
            length = self._length(epoch)
            planning = threading.Thread(target=self._length, args=(epoch + 1,), daemon=True) if beside else None
            if planning:
                planning.start()
            for place in range(number, length):
                yield Place(epoch, place)
            if planning:
                planning.join()
            epoch, number = epoch + 1, 0

    def batches(self, start: Place, index: int, count: int, workers: int) -> Iterator[Any]:
        """Those that fall to process `index` of `count`, made by so many worker processes."""
        if not workers:
            return (self[place] for place in islice(self.places(start), index, None, count))
        ahead = DataOrder(self._task, self._seed)
        ahead._lengths = self._lengths  # so that whoever counts batches need not plan again
        places = islice(ahead.places(start, beside=True), index, None, count)
        return iter(DataLoader(self, None, sampler=places, num_workers=workers, prefetch_factor=4))
