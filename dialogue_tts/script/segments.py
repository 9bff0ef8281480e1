"""How a turn is cut into segments short enough for the models."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from dialogue_tts.text.tokenizer import PHONE_IDS, phones_of
from dialogue_tts.text.words import SpokenText, Word

LONGEST_SEGMENT = 140  # phones: about ten seconds, within what the networks learnt with


@dataclass(frozen=True)
class Segment:
    """A stretch of a turn that is spoken in one go: words, and the phoneme string they stand in."""

    words: tuple[Word, ...]
    phonemes: str

    @property
    def phones(self) -> int:
        """How many there are."""
        return len(phones_of(self.phonemes))


def cut_turn(text: SpokenText, longest: int = LONGEST_SEGMENT) -> list[Segment]:
    """Cut a turn, at the ends of sentences if it can be, else at other marks, else between words. Linear in time."""
    ends = _ends(text)
    sounds = [0, *accumulate(c in PHONE_IDS for c in text.phonemes)]  # up to each character
    until = [sounds[end] for end in ends]  # up to each word's end
    sentences, clauses = (_last_marked(text.phonemes, ends, marks) for marks in (".?!", ",;:—…"))
    found: list[Segment] = []
    first, begin = 0, 0
    while first < len(ends):
        last = len(ends)
        if until[-1] - sounds[begin] > longest:
            last = max(bisect_right(until, sounds[begin] + longest, lo=first), first + 1)
            for marked in (sentences[last], clauses[last]):  # one right at the start is no place to cut
                if marked > first and until[marked - 1] - sounds[begin] > longest / 4:
                    last = marked
                    break
        end = ends[last - 1] if last < len(ends) else len(text.phonemes)
        found.append(Segment(text.words[first:last], text.phonemes[begin:end].strip()))
        first, begin = last, end
    return found


def _ends(text: SpokenText) -> list[int]:
    """Where each word ends in the phoneme string, with the marks behind it."""
    # A written word may hold spaces in its phonemes, so words are found in the string one by one.
    ends, position = [], 0
    for word in text.words:
        for phone in phones_of(word.phonemes):
            position = text.phonemes.index(phone, position) + 1
        space = text.phonemes.find(" ", position)
        position = space if space >= 0 else len(text.phonemes)
        ends.append(position)
    return ends


def _last_marked(phonemes: str, ends: Sequence[int], marks: str) -> list[int]:
    """For each number of words from 0: how many of them there are up to the last one that ends in one of the marks."""
    return [0, *accumulate(((i if phonemes[end - 1] in marks else 0) for i, end in enumerate(ends, start=1)), max)]
