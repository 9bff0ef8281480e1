"""Which unit of the text each frame of a turn belongs to, from the semantic tokenizer's CTC head."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_tts.semantic.model import TurnText
from dialogue_tts.semantic.tokenizer import READ_RATE
from dialogue_tts.text.tokenizer import PAUSE_MARKS, PHONE_IDS, TURN, TextTokenizer

SHORTEST_PAUSE = 4  # CTC steps: a gap at a mark shorter than this is no pause


@dataclass(frozen=True)
class Units:
    """The units of a phoneme string: the turn's tag, then phones and pause marks in order.

    Attributes:
        characters: one a unit; the tag is "".
        offsets: where each stands in the phoneme string; -1 for the tag.
    """

    characters: tuple[str, ...]
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, phonemes: str) -> Units:
        """Stress marks and spaces are no units: they colour their neighbours through the encoder."""
        kept = [(c, i) for i, c in enumerate(phonemes) if c in PHONE_IDS or c in PAUSE_MARKS]
        return cls(("", *(c for c, _ in kept)), (-1, *(i for _, i in kept)))

    @property
    def phones(self) -> list[str]:
        """The phones among the units."""
        return [c for c in self.characters if c in PHONE_IDS]


def turn_text(phonemes: str, tokenizer: TextTokenizer) -> TurnText:
    """A turn for the encoder: `[turn]`, then one id a character."""
    units = Units.of(phonemes)
    return TurnText(tokenizer.encode(TURN + phonemes), [offset + 1 for offset in units.offsets])


def frame_units(units: Units, spans: list[tuple[int, int]], frames: int, max_advance: int) -> list[int]:
    """The unit of every frame.

    Args:
        units: of the turn.
        spans: (first, last + 1) of each phone in CTC steps, from `phone_spans`.
        frames: T.
        max_advance: the pointer moves by at most so many units a frame.

    Returns:
        T unit indices, rising from 0 to the last.
    """
    steps = frames * READ_RATE
    owner = [0] * steps
    phone_units = [i for i, c in enumerate(units.characters) if c in PHONE_IDS]
    marks = {phone: [] for phone in [0, *phone_units]}  # pause marks that follow each phone
    last_phone = 0
    for index, character in enumerate(units.characters):
        if character in PHONE_IDS:
            last_phone = index
        elif index:
            marks[last_phone].append(index)
    # CTC is heard in spikes: between two of them lies the rest of the first, maybe a pause, and the start of the second.
    edges = [(0, 0, 0), *((unit, *span) for unit, span in zip(phone_units, spans, strict=True)), (None, steps, steps)]
    for (unit, start, end), (_, following, _) in zip(edges, edges[1:]):
        owner[start:end] = [unit] * (end - start)
        gap = following - end
        final = following == steps
        if unit == 0:  # silence before the first phone, which starts a step before its spike
            rest = max(0, gap - 1)
            owner[end : end + rest] = [0] * rest
            owner[end + rest : following] = [phone_units[0]] * (gap - rest)
        elif marks[unit] and (gap >= SHORTEST_PAUSE or final):
            tail = min(gap, 2)
            owner[end : end + tail] = [unit] * tail
            head = 0 if final else 1
            owner[end + tail : following - head] = [marks[unit][-1]] * (following - head - end - tail)
            if head:
                owner[following - 1] = _after(phone_units, unit)
        else:
            half = gap if final else (gap + 1) // 2
            owner[end : end + half] = [unit] * half
            if not final:
                owner[end + half : following] = [_after(phone_units, unit)] * (gap - half)
    path = [owner[frame * READ_RATE] for frame in range(frames)]
    return _within_reach(path, len(units.characters), max_advance)


def _after(phone_units: list[int], unit: int) -> int:
    return phone_units[phone_units.index(unit) + 1]


def _within_reach(path: list[int], count: int, max_advance: int) -> list[int]:
    """Start at 0, end on the last unit, and move by at most `max_advance`: the nearest such path."""
    frames = len(path)
    path = [0, *path[1:]]
    for frame in range(1, frames):
        path[frame] = min(max(path[frame], path[frame - 1]), path[frame - 1] + max_advance)
    path[-1] = max(path[-1], count - 1)
    for frame in range(frames - 2, 0, -1):
        path[frame] = max(path[frame], path[frame + 1] - max_advance)
    return path
