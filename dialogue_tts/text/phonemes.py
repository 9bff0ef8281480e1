"""A turn's text -> the phonemes the model reads, with every written word's own.

The G2P is hibari's (Apache-2.0), a port of misaki without spaCy; the corpus's phonemes come from it. American. A
word it does not know is looked up in this project's own tables (`lexicon`), and only then read by its small ONNX network
(onnxruntime is imported at the first such word).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.inline import Inline, Pause, Pronunciation, split_inline
from dialogue_tts.script.turns import Turn
from dialogue_tts.stages import stage
from dialogue_tts.text.normalize import align
from dialogue_tts.text.tokenizer import BRITISH_ONLY, LENGTH, PHONES, STRESSES, phones_of
from dialogue_tts.text.words import SpokenText, Word

if TYPE_CHECKING:
    from hibari.g2p.token import Tok

KEPT_TURNS = 1_000
_MARKS = frozenset(".,?!;:")
_SOUNDS = frozenset(PHONES) - frozenset(BRITISH_ONLY) | frozenset(STRESSES)
_SPELLINGS = {  # other people's IPA, and what the G2P's network copies from it -> misaki's American set
    **{"tʃ": "ʧ", "t͡ʃ": "ʧ", "dʒ": "ʤ", "d͡ʒ": "ʤ", "eɪ": "A", "aɪ": "I", "ɔɪ": "Y", "aʊ": "W", "oʊ": "O", "əʊ": "O"},
    **{"ɜː": "ɜɹ", "ɚ": "əɹ", "ɝ": "ɜɹ", "ɛə": "ɛɹ", "eə": "ɛɹ", "ɪə": "ɪɹ", "Q": "O", "ɒ": "ɑ", "a": "æ", "e": "ɛ"},
    **{"o": "O", "r": "ɹ", "ʀ": "ɹ", "ʁ": "ɹ", "g": "ɡ", "ɾ": "T", "ʔ": "t", "ɫ": "l", "ɨ": "ɪ", "ʉ": "u", "y": "u"},
    **{"ø": "ɜ", "œ": "ɜ", "x": "k", "χ": "k", "ç": "h", "c": "k", "ɲ": "nj", "'": "ˈ", LENGTH: "", "͡": "", ".": ""},
}
_SPELLING = re.compile("|".join(map(re.escape, sorted(_SPELLINGS, key=len, reverse=True))))
_SURE, _GUESSED = 5, 2  # the G2P's ratings of what it was told, and of what its network reads from the letters
_DRAWN_OUT = re.compile(r"(\w)\1\1+", re.IGNORECASE)


_QUOTES = re.compile(r"\"|(?<!\w)'|'(?!\w)")
_CLIPPED = re.compile(  # begins with an apostrophe of its own
    r"'(?:em|cause|cos|coz|cuz|til|till|tis|tisn't|twas|twere|twill|twould|bout|round|n|nuff|neath|ere|im|er|ello|s|d|ll|re|ve|m)\b",
    re.IGNORECASE,
)


class TextFrontend:
    """Holds the G2P: 0.3 s to build. Remembers the last turns: a script is looked at again and again while it is written."""

    def __init__(self) -> None:
        from hibari.g2p import G2P  # reads its lexicons, so not at import

        from dialogue_tts.text.lexicon import Lexicon

        self._g2p = G2P()
        self._lexicon = self._g2p.lexicon = Lexicon(self._g2p)
        self._spoken = lru_cache(KEPT_TURNS)(self._speak)

    def speak(self, text: str, pronunciations: Mapping[str, str] | None = None) -> SpokenText:
        """One turn's text -> words and phonemes.

        pronunciations: written word or words (in any case) -> phonemes, as if each were `[word](/phonemes/)`.
        Raises ScriptError for text with nothing to say, or with signs that cannot be spoken.
        """
        return self._spoken(text, tuple((pronunciations or {}).items()))

    @stage("front end")
    def _speak(self, text: str, pronunciations: tuple[tuple[str, str], ...]) -> SpokenText:
        draft = _Draft()
        pieces = _join_possessives(_with_pronunciations(split_inline(text), dict(pronunciations)))
        for i, piece in enumerate(pieces):
            match piece:
                case Pause(seconds):
                    draft.pauses.append((len(draft.chunks), seconds))
                case Pronunciation(word, phonemes):
                    draft.add([(word, "")], [_token(word, to_american(phonemes, word))])
                case str():
                    # a dash is a broken-off end only where nothing follows
                    plain = re.sub(r"\s*[-–—]+\s*$", ", ", piece) if pieces[i + 1 :] else piece
                    pairs = [(written, _unquoted(spoken)) for written, spoken in align(plain, self._lexicon)]
                    tokens = self._g2p.tokenize(" ".join(spoken for _, spoken in pairs if spoken))
                    for token in tokens:
                        token.alias = token.alias or self._not_drawn_out(token.text)
                    draft.add(pairs, tokens)
        return draft.finish(self._g2p.phonemize_tokens(draft.tokens) if draft.tokens else [], text)

    def _not_drawn_out(self, word: str) -> str | None:
        """The word that somebody draws out: "Goood" is "Good", "Noooo" is "No"; None for any other, as "AAA" is."""
        letters_said = word.isupper() and len(set(word)) == 1
        if letters_said or not word.isalpha() or not _DRAWN_OUT.search(word):
            return None
        known = self._g2p.lexicon.golds
        plainer = (_DRAWN_OUT.sub(letters, word) for letters in (r"\1\1", r"\1"))
        return next((found for found in plainer if found.lower() in known), None)

    def speak_turn(self, turn: Turn, pronunciations: Mapping[str, str] | None = None) -> SpokenText:
        """`speak`, and an error names the turn's line."""
        try:
            return self.speak(turn.text, pronunciations)
        except ScriptError as error:
            raise ScriptError(f"line {turn.line}: {error}") from None


def to_american(phonemes: str, word: str = "") -> str:
    """Phonemes as a user writes them, in misaki's letters or usual IPA -> the American set the models know."""
    plain = _SPELLING.sub(lambda match: _SPELLINGS[match[0]], phonemes.replace(" ", ""))
    unknown = "".join(dict.fromkeys(c for c in plain if c not in _SOUNDS))
    if unknown or not phones_of(plain):
        what = f'"{unknown}" is no known phoneme' if unknown else "there is no sound"
        raise ScriptError(f"[{word}](/{phonemes}/): {what}; write IPA such as [tomato](/təˈmeɪtoʊ/)")
    return plain


@dataclass
class _Draft:
    """What is gathered until the G2P, which needs to see the whole turn, has spoken.

    A chunk is a stretch of the spoken text between spaces.
    """

    tokens: list[Tok] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)  # of each written word
    chunks: list[int] = field(default_factory=list)  # the written word each chunk of the tokens belongs to
    pauses: list[tuple[int, float]] = field(default_factory=list)  # (chunk it precedes, seconds)

    def add(self, pairs: list[tuple[str, str]], tokens: list[Tok]) -> None:
        """One piece: (written, spoken) pairs and the tokens of all their spoken words; spoken "" for a single token."""
        if not tokens:
            return
        tokens[-1].whitespace = " "
        self.tokens += tokens
        for written, spoken in pairs:
            count = len(spoken.split()) if spoken or len(pairs) > 1 else 1
            self.spoken.append(spoken)
            self.chunks += [len(self.written)] * count
            self.written.append(written)

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
            before, sound, after = _split_marks(spoken)
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
            word = sum(i <= before_chunk[chunk] for i in heard)
            pauses[word] = pauses.get(word, 0.0) + seconds
        words = [
            Word(
                _word_text(self.written[i], marks[i]), _sounds_only(sounds[i]), guessed[i], plain_words(self.spoken[i])
            )
            for i in heard
        ]
        parts = [sounds[i] + _one_mark(marks[i], last=i == started) for i in heard]
        phonemes = ("..." if "..." in opening else "") + " ".join(parts)
        return SpokenText(tuple(words), phonemes, tuple(pauses.items()))


def plain_words(spoken: str) -> str:
    """What is said, in plain spelling: no marks, and the letters of `F.B.I.` one by one."""
    spoken = re.sub(r"(?<![^\W\d_])([^\W\d_])\.(?=[^\W\d_]\b|\W|$)", r"\1 ", spoken)
    return " ".join(filter(None, (word.strip('.,;:!?"') for word in spoken.split())))


def _unquoted(spoken: str) -> str:
    """Without the quotes around words, which the G2P would take for a part of them: `"Don't` is no contraction to it."""
    return (
        " ".join(filter(None, map(_bare_of_quotes, spoken.replace('"', " ").split())))
        if _QUOTES.search(spoken)
        else spoken
    )


def _bare_of_quotes(word: str) -> str:
    if word[0] == "'" and not _CLIPPED.match(word):
        word = word.lstrip("'")
    end = re.search(r"'+([.,;:!?]*)$", word)
    if end and not re.search(r"(?:s|in|o|ol|an|th|th)'[.,;:!?]*$", word):
        word = word[: end.start()] + end[1]
    return word


def _token(text: str, phonemes: str) -> Tok:
    from hibari.g2p.token import Tok

    return Tok(text, "NN", " ", phonemes=phonemes, rating=5)


def _with_pronunciations(pieces: list[Inline], pronunciations: Mapping[str, str]) -> Iterator[Inline]:
    """Cut the plain text at words whose pronunciation is given."""
    if not pronunciations:
        yield from pieces
        return
    known = {word.casefold(): phonemes for word, phonemes in pronunciations.items()}
    words = "|".join(map(re.escape, sorted(pronunciations, key=len, reverse=True)))
    pattern = re.compile(rf"(?<![\w'’])({words})(?!\w)", re.IGNORECASE)
    for piece in pieces:
        if not isinstance(piece, str):
            yield piece
            continue
        for i, part in enumerate(pattern.split(piece)):
            if part:
                yield Pronunciation(part, known[part.casefold()]) if i % 2 else part


def _join_possessives(pieces: Iterator[Inline]) -> list[Inline]:
    """`[Ada](/ˈAdə/)'s` is one word."""
    joined: list[Inline] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if isinstance(piece, str) and isinstance(last, Pronunciation) and (match := re.match(r"['’]s(?!\w)", piece)):
            phonemes = to_american(last.phonemes, last.word)
            joined[-1] = Pronunciation(last.word + "'s", phonemes + _ending_s(phonemes))
            piece = piece[match.end() :]
        joined.append(piece)
    return joined


def _by_chunk(tokens: list[Tok]) -> Iterator[tuple[str, int]]:
    """The G2P's tokens, put together between spaces, and the worst of their ratings."""
    spoken, worst = "", _SURE
    for token in tokens:
        spoken += token.phonemes or ""
        worst = min(worst, _SURE if token.rating is None else token.rating)
        if token.whitespace:
            yield spoken, worst
            spoken, worst = "", _SURE


def _split_marks(spoken: str) -> tuple[str, str, str]:
    """A chunk's phonemes -> marks in front, sounds, marks behind; quotes and strangers go, inner marks are spaces."""
    spoken = "".join(_SPELLINGS.get(c, c) if c not in _MARKS else c for c in spoken)
    sounds = "".join(c if c in _SOUNDS else " " if c in _MARKS or c == " " else "" for c in spoken)
    if not phones_of(sounds):
        return "", "", "".join(c for c in spoken if c in _MARKS)
    first = next(i for i, c in enumerate(spoken) if c in _SOUNDS)
    last = max(i for i, c in enumerate(spoken) if c in _SOUNDS)
    before, after = ("".join(c for c in part if c in _MARKS) for part in (spoken[:first], spoken[last + 1 :]))
    return before, " ".join(sounds.split()), after


def _sounds_only(phonemes: str) -> str:
    return "".join(c for c in phonemes if c in _SOUNDS)


def _one_mark(marks: str, last: bool = False) -> str:
    """Several marks -> the one that is heard; nothing is left of a comma at the end."""
    if "..." in marks:
        return "..." + next((c for c in "?!" if c in marks), "")
    mark = next((c for c in "?!.;:," if c in marks), "")
    return "" if last and mark == "," else mark


def _ending_s(sounds: str) -> str:
    """How 's sounds after a word."""
    return "s" if sounds[-1] in "ptkfθ" else "ᵻz" if sounds[-1] in "szʃʒʧʤ" else "z"


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
