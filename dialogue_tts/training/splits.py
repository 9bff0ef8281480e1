"""Which recordings are learnt from, and which are held out to validate on."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from dialogue_tts.errors import DataError
from dialogue_tts.training.corpus import Utterance

SPEAKERS_HELD_OUT, TURNS_HELD_OUT = 50, 200  # one of so many, where a corpus says nothing of it
HELD_OUT = {"test_text": "words never heard", "test_speaker": "voices never heard"}
Source = TypeVar("Source")


def in_turn(pairs: Sequence[tuple[Source, Utterance]], most: int | None = None) -> list[tuple[Source, Utterance]]:
    """Turns, each with what it lies in, in an order in which their speakers take turns: `most` of them are of many voices."""
    queues: dict[str, list[tuple[Source, Utterance]]] = defaultdict(list)
    for pair in pairs:
        queues[pair[1].speaker].append(pair)
    longest = max(map(len, queues.values()), default=0)
    return [queue[place] for place in range(longest) for queue in queues.values() if place < len(queue)][:most]


def validated_on(stage: str) -> str:
    """The split that a stage is validated on."""
    return "test_text" if stage in ("semantic", "semantic-pretrained", "text-to-semantic") else "test_speaker"


def check_enough(stage: str, folder: Path, learnt: bool, held_out: bool) -> None:
    """Raises DataError where a stage has nothing to learn from or to be validated on; `folder` is named."""
    if not learnt:
        raise DataError(f"{folder}: too few recordings to train {stage}: they do not fill one batch.")
    if not held_out:
        split = validated_on(stage)
        raise DataError(
            f"{folder}: no recordings to validate {stage} with; it needs some of {split} ({HELD_OUT[split]})."
        )


def hold_out(rows: Sequence[dict[str, Any]]) -> None:
    """Give rows of a manifest without a split one: the same each time."""
    speakers = sorted({row["speaker"] for row in rows}, key=_drawn)
    held = {row["speaker"] for row in rows if row.get("split") == "test_speaker"}
    if not held and len(speakers) > 2:
        held = set(speakers[: -(-len(speakers) // SPEAKERS_HELD_OUT)])
    free = [row for row in rows if "split" not in row]
    for row in free:
        row["split"] = "test_speaker" if row["speaker"] in held else "train"
    learnt = sorted((row for row in free if row["split"] == "train"), key=lambda row: _drawn(sentence_of(row)))
    count = -(-len(learnt) // TURNS_HELD_OUT)
    _hold_sentences(learnt, count, "test_text")
    if not held:  # of one or two voices: unheard recordings of them have to do
        _hold_sentences([row for row in learnt if row["split"] == "train"], count, "test_speaker")


def _hold_sentences(rows: Sequence[dict[str, Any]], count: int, split: str) -> None:
    """The first `count` rows, and whatever says the same."""
    held = {sentence_of(row) for row in rows[:count]}
    for row in rows:
        row["split"] = split if sentence_of(row) in held else row["split"]


def drawn_split(row: Mapping[str, Any]) -> str:
    """The split of a row of a stream, which does not know what follows."""
    if _drawn(row["speaker"]) % SPEAKERS_HELD_OUT == 0:
        return "test_speaker"
    return "test_text" if _drawn(sentence_of(row)) % TURNS_HELD_OUT == 0 else "train"


def sentence_of(row: Mapping[str, Any]) -> str:
    """What a recording says, however it is written; its id, where nobody knows. One sentence is never held out and learnt."""
    return " ".join(re.findall(r"[\w']+", row.get("text", "").casefold())) or str(row["id"])


def _drawn(name: str) -> int:
    return zlib.crc32(name.encode())
