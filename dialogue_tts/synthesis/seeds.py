"""Seeds that follow from other things: what a turn sounds like depends on its seed, never on its number."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

from dialogue_tts.script.inline import plain_text
from dialogue_tts.script.turns import Turn


def derived_seed(*parts: int | str) -> int:
    """A seed that depends on all parts; fits a JSON number."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=6).digest(), "little")


def turn_seeds(turns: Sequence[Turn], seed: int) -> list[int]:
    """A seed for every turn, from the dialogue's seed, the speaker, the text, and how often it came before.

    So a turn put in, taken out or changed leaves the others as they are. Pauses and pronunciations in a text do not count:
    a turn keeps its tone when they are put in.
    """
    said: Counter[tuple[str, str]] = Counter()
    seeds = []
    for turn in turns:
        key = turn.speaker, plain_text(turn.text)
        seeds.append(derived_seed(seed, *key, said[key]))
        said[key] += 1
    return seeds


def unused_seed(usual: int, used: Collection[int]) -> int:
    """The usual seed, or the first that follows from it and is not used yet."""
    return next(s for s in (usual, *(derived_seed(usual, n) for n in range(len(used)))) if s not in used)
