"""When turns are to start, as their script and settings say. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.script.gaps import offset_s
from dialogue_tts.script.turns import Turn
from dialogue_tts.settings import SynthesisConfig


def turn_offsets(turns: list[Turn], seeds: list[int], config: SynthesisConfig) -> list[int]:
    """From the end of what is heard before each turn to its start, in samples; negative where it overlaps."""
    previous = [None, *turns[:-1]]
    chances = [
        int.from_bytes(hashlib.blake2b(str(s).encode(), digest_size=4).digest(), "little") / 2**32 for s in seeds
    ]
    found = zip(previous, turns, chances, strict=True)
    return [round(offset_s(before, turn, chance, config.gap_s) * SAMPLE_RATE_HZ) for before, turn, chance in found]


def turn_starts(turns: Iterable[Turn]) -> list[int | None]:
    """When turns are to start, in samples from the beginning; None for those that follow what is in front."""
    return [None if turn.start_s is None else round(turn.start_s * SAMPLE_RATE_HZ) for turn in turns]
