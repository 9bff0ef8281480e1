"""Which phone or pause mark of the text each frame of a turn belongs to, from the semantic tokenizer's CTC head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torchaudio.functional import edit_distance

from dialogue_tts.semantic.model import TurnText
from dialogue_tts.semantic.tokenizer import READ_RATE, SemanticTokenizer, greedy_phones, phone_spans
from dialogue_tts.text.tokenizer import PAUSE_MARKS, PHONE_IDS, SENTENCE_MARKS, TURN, TextTokenizer

PHONE_KINDS: dict[str, int] = {c: i for i, c in enumerate(("", *PHONE_IDS, *PAUSE_MARKS), start=1)}
"""The turn's tag, phones and pause marks; 0 is for what is unknown."""

SHORTEST_PAUSE = 4  # CTC steps: a gap at a mark shorter than this is no pause


@dataclass(frozen=True)
class PhoneSequence:
    """What frames can stand on in a phoneme string: the turn's tag, then phones and pause marks in order, all called phones.

    Attributes:
        characters: one a phone; the tag is "".
        offsets: where each stands in the phoneme string; -1 for the tag.
    """

    characters: tuple[str, ...]
    offsets: tuple[int, ...]

    @classmethod
    def of(cls, phonemes: str) -> PhoneSequence:
        """Stress marks and spaces are none: they colour their neighbours through the encoder."""
        kept = [(c, i) for i, c in enumerate(phonemes) if c in PHONE_IDS or c in PAUSE_MARKS]
        return cls(("", *(c for c, _ in kept)), (-1, *(i for _, i in kept)))

    @property
    def phones(self) -> list[str]:
        """Without the tag and the marks."""
        return [c for c in self.characters if c in PHONE_IDS]

    @property
    def ends(self) -> tuple[int, ...]:
        """Places that end a sentence which another one follows; of several marks in a row the last."""
        pairs = zip(self.characters, self.characters[1:], strict=False)
        return tuple(i for i, (c, after) in enumerate(pairs) if c in SENTENCE_MARKS and after in PHONE_IDS)


def turn_text(phonemes: str, tokenizer: TextTokenizer) -> TurnText:
    """A turn for the encoder: `[turn]`, then one id a character."""
    sequence = PhoneSequence.of(phonemes)
    ids = tokenizer.encode(TURN + phonemes)
    return TurnText(ids, [offset + 1 for offset in sequence.offsets], sequence.ends)


def frame_phones(sequence: PhoneSequence, spans: list[tuple[int, int]], frames: int, max_advance: int) -> list[int]:
    """The phone of every frame.

    Args:
        sequence: of the turn.
        spans: (first, last + 1) of each phone in CTC steps, from `phone_spans`.
        frames: T.
        max_advance: the pointer moves by at most so many phones a frame.

    Returns:
        T phone indices, rising from 0 to the last.
    """
    steps = frames * READ_RATE
    owner = [0] * steps
    spoken = [i for i, c in enumerate(sequence.characters) if c in PHONE_IDS]
    marks: dict[int, list[int]] = {phone: [] for phone in [0, *spoken]}  # pause marks that follow each phone
    last_phone = 0
    for index, character in enumerate(sequence.characters):
        if character in PHONE_IDS:
            last_phone = index
        elif index:
            marks[last_phone].append(index)
    # CTC is heard in spikes: between two of them lies the rest of the first, maybe a pause, and the start of the second.
    edges = [(0, 0, 0), *((phone, *span) for phone, span in zip(spoken, spans, strict=True)), (-1, steps, steps)]
    for (phone, start, end), (_, following, _) in zip(edges, edges[1:]):
        owner[start:end] = [phone] * (end - start)
        gap = following - end
        final = following == steps
        if phone == 0:  # silence before the first phone, which starts a step before its spike
            rest = max(0, gap - 1)
            owner[end : end + rest] = [0] * rest
            owner[end + rest : following] = [spoken[0]] * (gap - rest)
        elif marks[phone] and (gap >= SHORTEST_PAUSE or final):
            tail = min(gap, 2)
            owner[end : end + tail] = [phone] * tail
            head = 0 if final else 1
            owner[end + tail : following - head] = [marks[phone][-1]] * (following - head - end - tail)
            if head:
                owner[following - 1] = _after(spoken, phone)
        else:
            half = gap if final else (gap + 1) // 2
            owner[end : end + half] = [phone] * half
            if not final:
                owner[end + half : following] = [_after(spoken, phone)] * (gap - half)
    path = [owner[frame * READ_RATE] for frame in range(frames)]
    return _within_reach(path, len(sequence.characters), max_advance)


def heard_phones(
    tokens: Tensor, sequence: PhoneSequence, tokenizer: SemanticTokenizer, max_advance: int
) -> list[int] | None:
    """The phone that each frame of a recording says, its text known.

    Args:
        tokens: semantic, int64 (T,).
        sequence, max_advance: see `frame_phones`.

    Returns:
        T phone indices; None where the phones do not fit in, or what is read back differs from the text by over a third:
        such a recording does not say its text.
    """
    frames = tokens.shape[0]
    log_probs = tokenizer.read(tokens[None])[0]
    wanted = tokenizer.phone_ids(sequence.phones)
    heard_well = bool(wanted) and edit_distance(greedy_phones(log_probs), wanted) <= len(wanted) / 3
    fits = len(wanted) * 1.25 < frames * READ_RATE and len(sequence.characters) - 1 <= (frames - 1) * max_advance
    return frame_phones(sequence, phone_spans(log_probs, wanted), frames, max_advance) if heard_well and fits else None


def phones_said(sequence: PhoneSequence, path: Sequence[int] | Tensor) -> Tensor:
    """What each frame says and what follows it, for SoundStorm.

    Args:
        sequence: of the turn.
        path: (T,) the phone of every frame.

    Returns:
        int64 (T, 2) of `PHONE_KINDS`; nothing follows the last phone, which is 0.
    """
    ids = torch.tensor([*(PHONE_KINDS[c] for c in sequence.characters), 0])
    path = torch.as_tensor(path)
    return torch.stack([ids[path], ids[path + 1]], dim=1)


def _after(spoken: list[int], phone: int) -> int:
    return spoken[spoken.index(phone) + 1]


def _within_reach(path: list[int], count: int, max_advance: int) -> list[int]:
    """Start at 0, end on the last phone, and move by at most `max_advance`: the nearest such path."""
    frames = len(path)
    path = [0, *path[1:]]
    for frame in range(1, frames):
        path[frame] = min(max(path[frame], path[frame - 1]), path[frame - 1] + max_advance)
    path[-1] = max(path[-1], count - 1)
    for frame in range(frames - 2, 0, -1):
        path[frame] = max(path[frame], path[frame + 1] - max_advance)
    return path
