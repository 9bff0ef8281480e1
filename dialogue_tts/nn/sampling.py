"""Drawing ids from logits: temperature, top-k, Gumbel noise. Pure functions.

Every row of a batch has its own generator, so that what a row draws does not depend on the rows beside it. Noise is
drawn where the generator lives (the CPU) and then moved: a seed means the same on every device.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def generators(seeds: Sequence[int]) -> list[torch.Generator]:
    """One CPU generator a seed."""
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def gumbel(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Standard Gumbel noise, float32 of that shape: minus the logarithm of exponential noise."""
    return -torch.empty(shape).exponential_(generator=rng).clamp_min(1e-30).log()


def row_gumbel(counts: Sequence[int], shape: tuple[int, ...], rngs: Sequence[torch.Generator]) -> Tensor:
    """Gumbel noise (sum of counts, *shape) whose first counts[0] entries come from rngs[0], and so on."""
    return torch.cat([gumbel((count, *shape), rng) for count, rng in zip(counts, rngs, strict=True)])


def sample(
    logits: Tensor,
    temperature: float,
    rngs: Sequence[torch.Generator],
    counts: Sequence[int] | None = None,
    top_k: int | None = None,
) -> Tensor:
    """Draw one id at each place by the Gumbel-max trick.

    Args:
        logits: (N, V).
        temperature: 0 takes the most probable id and draws nothing.
        rngs: one for each row of the batch.
        counts: how many of the N places belong to each row; None: one each (B = N).
        top_k: only the k most probable ids are candidates; None: all.

    Returns:
        int64 (N,) in [0, V).
    """
    if temperature == 0:
        return logits.argmax(-1)
    counts = [1] * logits.shape[0] if counts is None else counts
    candidates = None
    if top_k is not None and top_k < logits.shape[-1]:
        logits, candidates = logits.topk(top_k, dim=-1)  # noise for the k candidates alone
    noise = row_gumbel(counts, (logits.shape[-1],), rngs).to(logits.device)
    chosen = (logits.float() / temperature + noise).argmax(-1)
    return chosen if candidates is None else candidates.gather(-1, chosen.unsqueeze(-1)).squeeze(-1)
