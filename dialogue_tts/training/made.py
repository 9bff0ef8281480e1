"""Arrays beside recordings that know what made them.

Beside NAME.npy lies NAME.json: the hash of the networks and settings that made it and the hash of what they were given.
An array whose record does not fit is made anew, so that no stage learns from another tokenizer's tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

from dialogue_tts.files import whole_file
from dialogue_tts.training.corpus import Corpus


@dataclass(frozen=True)
class Origin:
    """What an array is made by and of: SHA-256 of each."""

    made_by: str
    made_of: str


def hash_of(*parts: nn.Module | str) -> str:
    """SHA-256 of networks, all their weights, and of settings."""
    hashed = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            hashed.update(part.encode())
            continue
        for name, value in part.state_dict().items():
            hashed.update(name.encode())
            hashed.update(value.cpu().contiguous().numpy().tobytes())
    return hashed.hexdigest()


def is_made(corpus: Corpus, name: str, origin: Origin) -> bool:
    """Whether NAME.npy is there and was made so."""
    return corpus.has(name) and asdict(origin).items() <= record_of(corpus, name).items()


def record_of(corpus: Corpus, name: str) -> dict[str, Any]:
    """NAME.json; nothing where there is none."""
    path = corpus.folder / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


@contextmanager
def new_array(
    corpus: Corpus, name: str, tail: tuple[int, ...], dtype: type, origin: Origin
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Yields an array of zeros (frames, *tail), kept as NAME.npy if all goes well, and a dict for what else is told of it."""
    record = corpus.folder / f"{name}.json"
    told: dict[str, Any] = {}
    with whole_file(corpus.folder / f"{name}.npy") as draft:
        array = np.lib.format.open_memmap(draft, mode="w+", dtype=dtype, shape=(corpus.frames, *tail))
        yield array, told
        array.flush()
        record.unlink(missing_ok=True)  # of the old array, before the new one takes its place
    with whole_file(record) as draft:
        draft.write_text(json.dumps(asdict(origin) | told) + "\n", encoding="utf-8")
