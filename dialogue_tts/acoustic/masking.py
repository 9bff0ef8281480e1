"""What SoundStorm hides, in training and in decoding (Borsos et al. 2023, section 3.2). Pure functions.

Letters: B batch, T frames, Q levels. Levels count from 0 here.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor


class TrainingMask(NamedTuple):
    """One masked level in each row."""

    codes: Tensor  # (B, T, Q) int64, the mask id where hidden
    levels: Tensor  # (B,) int64: the level q a row learns
    masked: Tensor  # (B, T) bool: frames whose level q is hidden; the loss is taken there and nowhere else


def mask_ratio(u: Tensor) -> Tensor:
    """Share of a level that is hidden: u in [0, pi/2] -> cos(u)."""
    return u.cos()


LEVEL_WEIGHTS = {"uniform": 0, "linear": 1, "square": 2, "cube": 3}
"""How fast the weight of level q falls: (Q - q) to this power."""


def level_shares(kind: str, levels: int) -> Tensor:
    """How often each level is trained, the coarse ones most, or all alike (`kind` of LEVEL_WEIGHTS) -> (Q,), sum 1."""
    weights = torch.arange(levels, 0, -1).float() ** LEVEL_WEIGHTS[kind]
    return weights / weights.sum()


def hide(codes: Tensor, target: Tensor, masked: Tensor, levels: Tensor, mask_id: int) -> Tensor:
    """Hide level q of `masked` frames and all finer levels of `target` frames; coarser levels stay visible.

    Args:
        codes: int64 (B, T, Q).
        target: bool (B, T): neither prompt nor padding; nothing else is ever hidden.
        masked: bool (B, T), a part of `target`.
        levels: int64 (B,): q of each row.
    """
    distance = torch.arange(codes.shape[-1], device=codes.device) - levels.view(-1, 1, 1)  # (B, 1, Q)
    hidden = (target.unsqueeze(-1) & (distance > 0)) | (masked.unsqueeze(-1) & (distance == 0))
    return codes.masked_fill(hidden, mask_id)


def mask_for_training(
    codes: Tensor, target: Tensor, shares: Tensor, mask_id: int, rng: torch.Generator, whole_from: int | None = None
) -> TrainingMask:
    """The published mask: in each row a level q, a ratio cos(u), and frames hidden with that probability, at least one.

    Args:
        codes: int64 (B, T, Q).
        target: bool (B, T), some of each row.
        shares: (Q,): how often each level is chosen.
        whole_from: levels from this one on are hidden whole: what is decoded in one pass is never seen in part.
    """
    rows, length, _ = codes.shape
    levels = torch.multinomial(shares, rows, replacement=True, generator=rng)
    ratio = mask_ratio(torch.rand(rows, 1, generator=rng) * (math.pi / 2))
    if whole_from is not None:
        ratio = torch.where(levels.unsqueeze(1) >= whole_from, 1.0, ratio)
    chance = torch.rand(rows, length, generator=rng).masked_fill(~target, 2.0)
    masked = target & ((chance < ratio) | (chance == chance.amin(1, keepdim=True)))
    return TrainingMask(hide(codes, target, masked, levels, mask_id), levels, masked)


def places_by_level(masked: Tensor, levels: Tensor, count: int) -> tuple[Tensor, list[int]]:
    """Where the loss is taken, ordered by level, so that each head runs once.

    Args:
        masked: bool (B, T).
        levels: int64 (B,): of each row, in [0, count).

    Returns:
        (places int64 (N,) in the flattened (B * T), how many of them each of the `count` levels has).
    """
    places = masked.flatten().nonzero().squeeze(-1)
    level_of_place = levels[places // masked.shape[1]]
    order = level_of_place.argsort(stable=True)
    return places[order], torch.bincount(level_of_place, minlength=count).tolist()


def tokens_masked_after(number: int, passes: int, count: int) -> int:
    """Tokens of a level still hidden after pass `number` (from 0) of `passes`, of `count` at first.

    The cosine schedule of MaskGIT (Chang et al. 2022, section 3.2), rounded down: each pass settles at least one token
    as long as there are two, and the last pass settles all.
    """
    hidden = count
    for done in range(1, number + 2):
        if done >= passes or count == 0:
            return 0
        hidden = max(1, min(hidden - 1, math.floor(count * math.cos(math.pi / 2 * done / passes))))
    return hidden
