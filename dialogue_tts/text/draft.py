"""From the G2P's tokens to a turn's words: each with its sounds, and the marks at which a speaker pauses."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.accents import Accent, accent_of, nearest_american
from dialogue_tts.text.tokenizer import phones_of
from dialogue_tts.text.words import KEPT_WORDS, SpokenText, Word

if TYPE_CHECKING:
    from hibari.g2p.token import Tok

_MARKS = frozenset(".,?!;:")
_NO_MARKS = str.maketrans("", "", "".join((*_MARKS, " ")))
_SPELLED_LETTER = re.compile(r"(?<![^\W\d_])([^\W\d_])\.(?=[^\W\d_]\b|\W|$)")
_SURE, _GUESSED = 5, 2  # the G2P's ratings of what it was told, and of what its network reads from the letters


@dataclass
class TextDraft:
    """What is gathered until the G2P, which needs to see the whole turn, has spoken.

    A chunk is a stretch of the spoken text between spaces.

    Attributes:
        american: put the accent's sounds into American ones.
    """

    accent: Accent
    american: bool = False
    tokens: list[Tok] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)  # of each written word
    chunks: list[int] = field(default_factory=list)  # the written word each chunk of the tokens belongs to
    pauses: list[tuple[int, float]] = field(default_factory=list)  # (chunk it precedes, seconds)

    def add(self, pairs: list[tuple[str, str]], tokens: list[Tok]) -> None:
        """A stretch of text: (written, spoken) pairs and the tokens of all their spoken words."""
        if not tokens:
            return
        tokens[-1].whitespace = " "
        self.tokens += tokens
        for written, spoken in pairs:
            self._add_word(written, spoken, len(spoken.split()))

    def add_given(self, word: str, token: Tok) -> None:
        """A word or several whose sounds are given, as one token."""
        self.tokens.append(token)
        self._add_word(word, word, 1)

    def _add_word(self, written: str, spoken: str, chunks: int) -> None:
        self.chunks += [len(self.written)] * chunks
        self.written.append(written)
        self.spoken.append(spoken)

    def _parted(self, spoken: str) -> tuple[str, str, str]:
        """`_split_marks`, in American sounds where asked for: words and string are made of these, and hold the same."""
        before, sound, after = _split_marks(spoken, self.accent.name)
        return before, nearest_american(sound) if self.american else sound, after

    def finish(self, tokens: list[Tok], text: str) -> SpokenText:
        """The G2P's tokens, `text` as it was written -> words, each with the marks behind it."""
        sounds = ["" for _ in self.written]  # of each written word, spaces kept
        marks = ["" for _ in self.written]  # behind each written word
        opening = ""  # in front of them all; only hesitation is kept, written onto the first word
        guessed = [False for _ in self.written]
        started = -1  # the last word with a sound
        before_chunk: list[int] = []  # the last word with a sound before each chunk
        for word, (spoken, rating) in zip(self.chunks, _by_chunk(tokens), strict=True):
            before_chunk.append(started)
            guessed[word] |= rating == _GUESSED
            before, sound, after = self._parted(spoken)
            if started >= 0:
                marks[started] += before
            else:
                opening += before if sound else after
            if sound:
                if sounds[word]:  # a mark between the words of one written word stays there: 555, 1234
                    sounds[word] += _one_mark(marks[word]) + " "
                    marks[word] = ""
                sounds[word] += sound
                started = word
            if started >= 0:
                marks[started] += after
        before_chunk.append(started)
        for written, sound in zip(self.written, sounds, strict=True):
            if not sound and any(c.isalnum() for c in written):
                raise ScriptError(f'"{written}" cannot be spoken; write it in other words')
        if started < 0:
            raise ScriptError(f'"{text.strip()}" has nothing to say; write words')

        heard = [i for i, sound in enumerate(sounds) if sound]
        pauses: dict[int, float] = {}
        for chunk, seconds in self.pauses:
            if before_chunk[chunk] == started:
                raise ScriptError("nothing follows the pause at the turn's end; put it in front of the next turn")
            if before_chunk[chunk] >= 0:
                marks[before_chunk[chunk]] += ","
            word = bisect_right(heard, before_chunk[chunk])
            pauses[word] = pauses.get(word, 0.0) + seconds
        words = [
            Word(
                _word_text(self.written[i], marks[i]),
                sounds[i].translate(_NO_MARKS),
                guessed[i],
                plain_words(self.spoken[i]),
            )
            for i in heard
        ]
        parts = [sounds[i] + _one_mark(marks[i], last=i == started) for i in heard]
        phonemes = ("..." if "..." in opening else "") + " ".join(parts)
        return SpokenText(tuple(words), phonemes, tuple(pauses.items()))


@lru_cache(KEPT_WORDS)
def plain_words(spoken: str) -> str:
    """What is said, in plain spelling: no marks, and the letters of `F.B.I.` one by one."""
    spoken = _SPELLED_LETTER.sub(r"\1 ", spoken)
    return " ".join(filter(None, (word.strip('.,;:!?"') for word in spoken.split())))


def _by_chunk(tokens: list[Tok]) -> Iterator[tuple[str, int]]:
    """The G2P's tokens, put together between spaces, and the worst of their ratings."""
    spoken, worst = "", _SURE
    for token in tokens:
        spoken += token.phonemes or ""
        worst = min(worst, _SURE if token.rating is None else token.rating)
        if token.whitespace:
            yield spoken, worst
            spoken, worst = "", _SURE


@lru_cache(KEPT_WORDS)
def _split_marks(spoken: str, accent_name: str) -> tuple[str, str, str]:
    """A chunk's phonemes -> marks in front, sounds, marks behind; quotes and strangers go, inner marks are spaces."""
    accent = accent_of(accent_name)
    spoken = "".join(accent.spellings.get(c, c) if c not in _MARKS else c for c in spoken)
    sounds = "".join(c if c in accent.sounds else " " if c in _MARKS or c == " " else "" for c in spoken)
    if not phones_of(sounds):
        return "", "", "".join(c for c in spoken if c in _MARKS)
    first = next(i for i, c in enumerate(spoken) if c in accent.sounds)
    last = max(i for i, c in enumerate(spoken) if c in accent.sounds)
    before, after = ("".join(c for c in part if c in _MARKS) for part in (spoken[:first], spoken[last + 1 :]))
    return before, " ".join(sounds.split()), after


def _one_mark(marks: str, last: bool = False) -> str:
    """Several marks -> the one that is heard; nothing is left of a comma at the end."""
    if "..." in marks:
        return "..." + next((c for c in "?!" if c in marks), "")
    mark = next((c for c in "?!.;:," if c in marks), "")
    return "" if last and mark == "," else mark


@lru_cache(KEPT_WORDS)
def _word_text(written: str, marks: str) -> str:
    """The written word without its punctuation; an abbreviation keeps its dot."""
    word = written.lstrip('"')
    if word.startswith("'") and word.rstrip(".,;:!?").endswith("'"):
        word = word[1:].rstrip(".,;:!?").removesuffix("'")
    bare = word.rstrip(".,;:!?")
    if word != written or not re.search(r"\d'?\d*\"$", bare):  # 5'10" is no quotation
        bare = bare.rstrip('.,;:!?"')
    dotted = word.startswith(bare + ".") and (re.search(r"(?:\b\w\.){2,}$", bare + ".") or "." not in marks)
    return bare + "." if dotted else bare
