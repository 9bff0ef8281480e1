"""A turn's text -> the phonemes the model reads, with every written word's own.

The G2P is hibari's (Apache-2.0), a port of misaki without spaCy; the corpus's phonemes come from it. It reads American and
British English. A word it does not know is looked up in this project's own tables (`lexicon`), and only then read by its
small ONNX network (onnxruntime is imported at the first such word). Words of one spelling and two sounds are told apart by
`heteronyms`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.inline import Inline, Pause, Pronunciation, split_inline
from dialogue_tts.script.turns import Turn
from dialogue_tts.stages import stage
from dialogue_tts.text.accents import ACCENTS, AMERICAN, BRITISH, Accent, accent_of
from dialogue_tts.text.draft import TextDraft
from dialogue_tts.text.normalize import align
from dialogue_tts.text.words import SpokenText

if TYPE_CHECKING:
    from hibari.g2p.token import Tok

    from dialogue_tts.text.g2p import WordReader

KEPT_TURNS = 1_000
_QUOTES = re.compile(r"\"|(?<!\w)'|'(?!\w)")
_CLIPPED = re.compile(  # begins with an apostrophe of its own
    r"'(?:em|cause|cos|coz|cuz|til|till|tis|tisn't|twas|twere|twill|twould|bout|round|n|nuff|neath|ere|im|er|ello|s|d|ll|re|ve|m)\b",
    re.IGNORECASE,
)
_CLOSED = re.compile(r"'+([.,;:!?]*)$")
_OWN_END = re.compile(r"(?:s|in|\bo|\bol|\ban|\bth)'[.,;:!?]*$")  # dogs', doin'


class TextFrontend:
    """Holds the G2P: 0.3 s to build, the first of a process. Remembers the last turns: a script is looked at again and again
    while it is written."""

    def __init__(self, learnt: Collection[str] = tuple(ACCENTS)) -> None:
        """`learnt`: accents whose sounds the networks know; what is read in another is put into American sounds."""
        self._learnt = frozenset(learnt)
        self._readers: dict[str, WordReader] = {}
        self._reader(AMERICAN)
        self._spoken = lru_cache(KEPT_TURNS)(self._speak)

    def speak(self, text: str, pronunciations: Mapping[str, str] | None = None, accent: str = AMERICAN) -> SpokenText:
        """One turn's text -> words and phonemes.

        Args:
            pronunciations: written word or words (in any case) -> phonemes, as if each were `[word](/phonemes/)`.
            accent: "en-US" or "en-GB", the first use of which in a process takes 0.3 s.

        Raises ScriptError for text with nothing to say, or with signs that cannot be spoken, or another accent.
        """
        return self._spoken(text, tuple((pronunciations or {}).items()), accent)

    @stage("front end")
    def _speak(self, text: str, pronunciations: tuple[tuple[str, str], ...], accent_name: str = AMERICAN) -> SpokenText:
        accent = accent_of(accent_name)
        reader = self._reader(accent_name)
        draft = TextDraft(accent, american=accent_name not in self._learnt)
        pieces = _join_possessives(_with_pronunciations(split_inline(text), pronunciations), accent)
        for i, piece in enumerate(pieces):
            match piece:
                case Pause(seconds):
                    draft.pauses.append((len(draft.chunks), seconds))
                case Pronunciation(word, phonemes):
                    draft.add_given(word, _token(word, accent.read(phonemes, word)))
                case str():
                    plain = piece if i + 1 == len(pieces) else _going_on(piece)
                    pairs = [
                        (written, _unquoted(spoken))
                        for written, spoken in align(plain, reader.lexicon, accent_name == BRITISH)
                    ]
                    draft.add(pairs, reader.tokenize(" ".join(spoken for _, spoken in pairs if spoken)))
        return draft.finish(reader.phonemize(draft.tokens) if draft.tokens else [], text)

    def speak_turn(
        self, turn: Turn, pronunciations: Mapping[str, str] | None = None, accent: str = AMERICAN
    ) -> SpokenText:
        """`speak`, and an error names the turn's line."""
        try:
            return self.speak(turn.text, pronunciations, accent)
        except ScriptError as error:
            raise ScriptError(f"line {turn.line}: {error}") from None

    def _reader(self, accent_name: str) -> WordReader:
        if accent_name not in self._readers:
            from dialogue_tts.text.g2p import WordReader  # reads its lexicons, so not at import

            self._readers[accent_name] = WordReader(ACCENTS[accent_name])
        return self._readers[accent_name]


def _going_on(piece: str) -> str:
    """A dash is a broken-off end only where nothing follows."""
    bare = piece.rstrip()
    return bare.rstrip("-–— ") + ", " if bare.endswith(("-", "–", "—")) else piece


def _unquoted(spoken: str) -> str:
    """Without the quotes around words, which the G2P would take for a part of them: `"Don't` is no contraction to it."""
    if not _QUOTES.search(spoken):
        return spoken
    return " ".join(filter(None, map(_bare_of_quotes, spoken.replace('"', " ").split())))


def _bare_of_quotes(word: str) -> str:
    if word[0] == "'" and not _CLIPPED.match(word):
        word = word.lstrip("'")
    end = _CLOSED.search(word)
    if end and not _OWN_END.search(word):
        word = word[: end.start()] + end[1]
    return word


def _token(text: str, phonemes: str) -> Tok:
    from hibari.g2p.token import Tok

    return Tok(text, "NN", " ", phonemes=phonemes, rating=5)


def _with_pronunciations(pieces: list[Inline], pronunciations: tuple[tuple[str, str], ...]) -> Iterator[Inline]:
    """Cut the plain text at words whose pronunciation is given."""
    if not pronunciations:
        yield from pieces
        return
    known, pattern = _known_words(pronunciations)
    for piece in pieces:
        if not isinstance(piece, str):
            yield piece
            continue
        for i, part in enumerate(pattern.split(piece)):
            if part:
                yield Pronunciation(part, known[part.casefold()]) if i % 2 else part


@lru_cache(maxsize=16)  # all turns of a script have the same ones, of which there may be a thousand
def _known_words(pronunciations: tuple[tuple[str, str], ...]) -> tuple[dict[str, str], re.Pattern[str]]:
    """Phonemes by word, and what finds these words in a text."""
    known = {word.casefold(): phonemes for word, phonemes in pronunciations}
    words = "|".join(re.escape(word) for word, _ in sorted(pronunciations, key=lambda pair: len(pair[0]), reverse=True))
    return known, re.compile(rf"(?<![\w'’])({words})(?!\w)", re.IGNORECASE)


def _join_possessives(pieces: Iterator[Inline], accent: Accent) -> list[Inline]:
    """`[Ada](/ˈAdə/)'s` is one word."""
    joined: list[Inline] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, str) and isinstance(last, Pronunciation) and (match := re.match(r"['’]s(?!\w)", piece)):
            phonemes = accent.read(last.phonemes, last.word)
            joined[-1] = Pronunciation(last.word + "'s", phonemes + _ending_s(phonemes, accent.name == AMERICAN))
            piece = piece[match.end() :]
        joined.append(piece)
    return joined


def _ending_s(sounds: str, american: bool) -> str:
    """How 's sounds after a word."""
    return "s" if sounds[-1] in "ptkfθ" else ("ᵻz" if american else "ɪz") if sounds[-1] in "szʃʒʧʤ" else "z"
