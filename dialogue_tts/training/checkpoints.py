"""Checkpoints of a run: `checkpoint.safetensors`, the newest; some before it; and the best.

Each holds weights/NETWORK/..., average/NETWORK/..., optimizer/NETWORK/... and buffers/NETWORK/... (what the network keeps
beside its weights), and in its metadata step, place in the data, seconds trained, and the SHA-256 of all tensors. All in one
file, which takes its place at once: a kill at any moment leaves a whole one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from dialogue_tts.errors import ConfigError
from dialogue_tts.files import whole_file

CHECKPOINT, BEST = "checkpoint.safetensors", "best.safetensors"


def write_checkpoint(folder: Path, tensors: dict[str, Tensor], state: dict[str, str], keep: int) -> None:
    """Write the newest checkpoint; the one before it and others stay under their step's number, `keep` in all."""
    kept = {key: value.detach().to("cpu", copy=True).contiguous() for key, value in tensors.items()}
    newest = folder / CHECKPOINT
    if keep > 1 and newest.is_file():
        _stands_for(folder / f"checkpoint-{int(read_state(newest)['step']):09d}.safetensors", newest)
    with whole_file(newest) as draft:
        save_file(kept, draft, metadata=state | {"sha256": tensors_sha256(kept)})
    older = older_checkpoints(folder)
    for path in older[: max(0, len(older) - (keep - 1))]:
        path.unlink()


def keep_as_best(folder: Path) -> None:
    """The newest checkpoint is the best one."""
    _stands_for(folder / BEST, folder / CHECKPOINT)


def older_checkpoints(folder: Path) -> list[Path]:
    """Those before the newest, in order of their steps."""
    return sorted(folder.glob("checkpoint-*.safetensors"))


def _stands_for(name: Path, path: Path) -> None:
    """Let `name` stand for the file at `path`, which costs no room where the disk knows hard links."""
    with whole_file(name) as draft:
        try:
            os.link(path, draft)
        except OSError:
            shutil.copyfile(path, draft)


def read_state(path: Path) -> dict[str, str]:
    """What a checkpoint tells of itself."""
    with safe_open(path, "pt") as file:
        return dict(file.metadata())


def read_checkpoint(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors on the CPU, and state.

    Raises:
        ConfigError: the file is damaged.
    """
    try:
        state, tensors = read_state(path), load_file(path)
        whole = state.get("sha256") in (None, tensors_sha256(tensors))  # handed out or converted ones have none
    except (SafetensorError, OSError):
        whole = False
    if not whole:
        older = older_checkpoints(path.parent)
        mend = f"put {older[-1].name} in its place" if older else "remove it to start anew"
        raise ConfigError(f"{path}: this checkpoint is damaged; {mend}.")
    return tensors, state


def tensors_sha256(tensors: dict[str, Tensor]) -> str:
    """SHA-256 of names and values, by rising name."""
    hashed = hashlib.sha256()
    for name in sorted(tensors):
        hashed.update(name.encode())
        hashed.update(tensors[name].reshape(-1).view(torch.uint8).numpy().data)
    return hashed.hexdigest()


def under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin so, without that beginning."""
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def load_ema(folder: Path, name: str) -> dict[str, Tensor]:
    """The averaged weights of network `name` in a run's folder.

    Raises:
        ConfigError: there is no checkpoint with that network, or it is damaged.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        raise ConfigError(f"{folder}: no checkpoint there; train that stage first.")
    weights = under(read_checkpoint(path)[0], f"average/{name}/")
    if not weights:
        raise ConfigError(f"{path}: holds no network called {name}.")
    return weights
