"""Decoding of text-to-semantic: the turns of a dialogue in batches, a frame of each at a time.

What a turn sounds like must not depend on its neighbours, to the last bit. Sums in matrix products are taken in an
order that depends on the shapes, so shapes never change: each text is encoded alone, and batches always have ROWS rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dialogue_tts.config import strict
from dialogue_tts.nn.devices import device_of
from dialogue_tts.nn.sampling import gumbel
from dialogue_tts.semantic.model import Pointer, TextToSemantic, TurnText, pad_texts
from dialogue_tts.stages import stage

ROWS = 8  # twice as many take half as long again a step, which short dialogues would pay for nothing


@strict
class SemanticDecodingConfig:
    """How tokens and tempo are drawn.

    Attributes:
        temperature, top_k: of tokens; 0 takes the likeliest.
        tempo_temperature: of the pointer's advances; 0 takes the likeliest.
        max_dwell_frames: the pointer is pushed on after so many frames on one phone.
        sentence_pause_frames: the least pause between two sentences of a turn. Where a voice runs on, it is not heard
            where one ends: "Curses. Is there time" and "Curses is their time".
    """

    temperature: float = 0.3
    top_k: int = 25
    tempo_temperature: float = 0.3
    max_dwell_frames: int = 40
    sentence_pause_frames: int = 0


class SemanticTurn(NamedTuple):
    """One turn's result."""

    tokens: Tensor  # (T,) int64, on the CPU as the next
    phones: Tensor  # (T,) int64: the phone each frame stands on


def rows_in_batches(turns: int) -> int:
    """Rows that are computed for so many turns, whether anybody listens to them or not."""
    return math.ceil(turns / ROWS) * ROWS


@stage("text-to-semantic")
@torch.inference_mode()
def generate_semantic(
    model: TextToSemantic,
    texts: Sequence[TurnText],
    config: SemanticDecodingConfig,
    seeds: Sequence[int],
    pad_id: int,
    quiet: Tensor | None = None,
) -> list[SemanticTurn]:
    """Semantic tokens for every turn; turn i depends on texts[i] and seeds[i] alone, bit for bit.

    Args:
        quiet: bool (semantic_vocabulary,): tokens of silence, for pauses that sentences are to have; None for any token.
    """
    device = device_of(model)
    quiet = None if quiet is None else quiet.to(device)
    seen = [model.encode(*(t.to(device) for t in pad_texts([text], pad_id)))[0] for text in texts]
    by_length = sorted(range(len(texts)), key=lambda i: len(seen[i]))  # a batch lasts as long as its longest turn
    spoken: dict[int, SemanticTurn] = {}
    for first in range(0, len(texts), ROWS):
        batch = by_length[first : first + ROWS]
        rows = [(seen[i], texts[i].ends) for i in batch]
        spoken |= zip(batch, _decode(model, rows, config, [seeds[i] for i in batch], quiet), strict=True)
    return [spoken[i] for i in range(len(texts))]


def _decode(
    model: TextToSemantic,
    rows: Sequence[tuple[Tensor, Sequence[int]]],
    config: SemanticDecodingConfig,
    seeds: Sequence[int],
    quiet: Tensor | None,
) -> list[SemanticTurn]:
    """Up to ROWS turns at once: what a frame on each of a turn's phones sees, (U, D), and which of them end a sentence."""
    seen = [states for states, _ in rows]
    device = seen[0].device
    idle = [seen[0][:1]] * (ROWS - len(seen))  # rows that nobody listens to
    counts = torch.tensor([len(states) for states in [*seen, *idle]], device=device)
    states = pad_sequence([*seen, *idle], batch_first=True)  # (ROWS, U, D)
    ends = torch.zeros(states.shape[:2], dtype=torch.bool, device=device)
    if config.sentence_pause_frames:
        for row, (_, sentence_ends) in enumerate(rows):
            ends[row, list(sentence_ends)] = True
    reach = _next_end(ends)
    noise = [_Noise(seed, model.config.semantic_vocabulary + model.config.max_advance + 1) for seed in seeds]
    # Everybody's turn is over when the slowest pointer could have crossed the longest text.
    limit = config.max_dwell_frames * int(counts.max())
    capacity = min(limit, 256)
    caches = model.new_caches(ROWS, capacity)
    phone = torch.zeros(ROWS, dtype=torch.long, device=device)
    dwell = torch.zeros_like(phone)
    previous = torch.full_like(phone, model.begin_id)
    done = torch.arange(ROWS, device=device) >= len(seen)
    lengths = torch.zeros_like(phone)
    tokens, places = [], []
    for position in range(limit):
        if position == capacity:
            capacity *= 2
            caches = [cache.grown(capacity) for cache in caches]
        pointer = Pointer(phone[:, None], dwell[:, None], (counts - 1 - phone)[:, None])
        token_logits, advance_logits = model.step(states, pointer, previous[:, None], caches, position)
        draws = torch.nn.functional.pad(torch.stack([n.next() for n in noise]), (0, 0, 0, len(idle))).to(device)
        token_noise, advance_noise = draws.split([token_logits.shape[1], advance_logits.shape[1]], dim=1)
        resting = ends.gather(1, phone[:, None])[:, 0] & (dwell < config.sentence_pause_frames)
        if quiet is not None:
            token_logits = token_logits.masked_fill(resting[:, None] & ~quiet, -torch.inf)
        previous = _draw(token_logits.float(), config.temperature, config.top_k, token_noise)
        advance = _draw(advance_logits.float(), config.tempo_temperature, 0, advance_noise)
        advance = torch.where((dwell + 1 >= config.max_dwell_frames) & (advance == 0), 1, advance)
        advance = torch.minimum(advance, reach.gather(1, phone[:, None])[:, 0] - phone)
        advance = torch.where(resting & (dwell + 1 < config.sentence_pause_frames), 0, advance)
        tokens.append(previous)
        places.append(phone)
        lengths = torch.where(done, lengths, position + 1)
        done = done | ((phone == counts - 1) & (advance > 0))  # only from the last phone, which so is always heard
        phone = torch.minimum(phone + advance, counts - 1)
        dwell = torch.where(advance > 0, 0, dwell + 1)
        if bool(done.all()):
            break
    all_tokens, all_places = torch.stack(tokens, dim=1).cpu(), torch.stack(places, dim=1).cpu()
    return [
        SemanticTurn(all_tokens[row, :n], all_places[row, :n]) for row, n in enumerate(lengths[: len(seen)].tolist())
    ]


def _next_end(ends: Tensor) -> Tensor:
    """How far the pointer may move from each phone: to the next one that ends a sentence; bool (B, U) -> int64 (B, U)."""
    far = 2 * ends.shape[1]
    places = torch.where(ends, torch.arange(ends.shape[1], device=ends.device), far)
    nearest = places.flip(1).cummin(1).values.flip(1)  # from each phone on, itself included
    return torch.nn.functional.pad(nearest[:, 1:], (0, 1), value=far)


class _Noise:
    """Gumbel noise of one row, drawn in blocks from its own generator."""

    BLOCK = 64

    def __init__(self, seed: int, width: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.width, self.used, self.block = width, 0, torch.empty(0)

    def next(self) -> Tensor:
        if self.used % self.BLOCK == 0:
            self.block = gumbel((self.BLOCK, self.width), self.generator)
        self.used += 1
        return self.block[(self.used - 1) % self.BLOCK]


def _draw(logits: Tensor, temperature: float, top_k: int, noise: Tensor) -> Tensor:
    """Gumbel-max sampling: logits, noise (B, V) -> (B,)."""
    if temperature == 0:
        return logits.argmax(-1)
    if top_k:
        least = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return (logits / temperature + noise).argmax(-1)
