"""How a script is cut: turns into pieces short enough for the models, and turns into windows decoded together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialogue_tts.text.tokenizer import phones_of
from dialogue_tts.text.words import SpokenText, Word

LONGEST_PIECE = 140  # phones: about ten seconds, within what the networks learnt with
LONGEST_WINDOW = 900  # phones: about a minute
FIRST_WINDOW = 150  # phones that are decoded together while the first turn is heard


@dataclass(frozen=True)
class Piece:
    """A stretch of a turn that is spoken in one go: words, and the phoneme string they stand in."""

    words: tuple[Word, ...]
    phonemes: str

    @property
    def phones(self) -> int:
        """How many there are."""
        return len(phones_of(self.phonemes))


def pieces(text: SpokenText, longest: int = LONGEST_PIECE) -> list[Piece]:
    """Cut a turn, at the ends of sentences if it can be, else at other marks, else between words."""
    # A written word may hold spaces in its phonemes, so words are found in the string one by one.
    ends, position = [], 0
    for word in text.words:
        for phone in phones_of(word.phonemes):
            position = text.phonemes.index(phone, position) + 1
        following = re.compile(r"[^ ]*").match(text.phonemes, position)
        position = following.end() if following else position
        ends.append(position)
    found: list[Piece] = []
    first, begin = 0, 0
    while first < len(text.words):
        last = _cut(text, ends, first, begin, longest)
        end = ends[last - 1] if last < len(text.words) else len(text.phonemes)
        found.append(Piece(text.words[first:last], text.phonemes[begin:end].strip()))
        first, begin = last, end
    return found


def _cut(text: SpokenText, ends: Sequence[int], first: int, begin: int, longest: int) -> int:
    """One past the last word of the piece that starts with word `first`."""

    def size(last: int) -> int:
        return len(phones_of(text.phonemes[begin : ends[last - 1]]))

    if size(len(ends)) <= longest:
        return len(ends)
    fitting = [last for last in range(first + 1, len(ends) + 1) if size(last) <= longest] or [first + 1]
    for marks in (".?!", ",;:—…"):
        at_marks = [last for last in fitting if text.phonemes[ends[last - 1] - 1] in marks]
        if at_marks and size(at_marks[-1]) > longest / 4:
            return at_marks[-1]
    return fitting[-1]


def windows(phones: Sequence[int], longest: int = LONGEST_WINDOW, first_alone: bool = False) -> Iterator[range]:
    """Group turns of so many phones each into consecutive ranges of at most `longest` together, at least one turn each.

    first_alone: for whoever waits for the first sound; later windows grow up to `longest`, so that playing never waits.
    """
    room = 0 if first_alone else longest
    first, total = 0, 0
    for index, count in enumerate(phones):
        if index > first and total + count > room:
            yield range(first, index)
            first, total = index, 0
            room = min(longest, max(FIRST_WINDOW, 2 * room))
        total += count
    if first < len(phones):
        yield range(first, len(phones))
