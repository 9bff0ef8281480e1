"""What stands around hibari's lexicons: words they lack or read badly, mostly names.

Two tables of `word<TAB>phonemes`, words in small letters, phonemes in misaki's American set:

- `names.tsv`, written by hand: names of many languages as English speakers say them, British places, contractions. A
  line more is a word more. It is asked before hibari. An entry with a capital (*Xi*) or an accent (*Mané*) is for the
  word written so; all others are for a word in any case, with accents or without.
- `cmudict.tsv.gz`, which `dialogue_tts.text.cmudict` makes of the CMU Pronouncing Dictionary (its licence is beside
  it). It is asked before hibari's network guesses.
"""

from __future__ import annotations

import gzip
import re
import unicodedata
from functools import cache, lru_cache
from pathlib import Path

from hibari.g2p import G2P, Context
from hibari.g2p import Lexicon as HibariLexicon
from hibari.g2p.token import Tok

from dialogue_tts.text.accents import to_british
from dialogue_tts.text.words import KEPT_WORDS

HERE = Path(__file__).resolve().parent
NAMES, CMUDICT = HERE / "names.tsv", HERE / "cmudict.tsv.gz"
_KNOWN = 3  # the rating of a word that is in a lexicon, but not the best one
_ENDINGS = {"ll": "əl", "ve": "əv", "re": "əɹ"}
_STRESSED = 2  # what hibari does to a word in capitals
_LETTERS = re.compile(r"((?:[^\W\d_]\.)+[^\W\d_]?\.?)('?s)?")  # `F.B.I.`, `C.D.s`
_PLAIN = str.maketrans(  # letters with no mark that could be taken off
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "t", "Þ": "T"}
    | {"ı": "i", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ß": "ss"}
)

_INTERJECTIONS = (  # which hibari would spell letter by letter
    (re.compile(r"s+h+"), "ʃ"),
    (re.compile(r"ps+t"), "pst"),
    (re.compile(r"m+f+|m+ph"), "mf"),
    (re.compile(r"h+m+ph+"), "hˈʌmf"),
    (re.compile(r"h+r+m+"), "hˈɜɹm"),
    (re.compile(r"m+h+m+"), "əmhˈʌm"),
    (re.compile(r"p+s+h+"), "pʃ"),
    (re.compile(r"p+f+t?"), "pf"),
    (re.compile(r"e+w{2,}|e{2,}w+"), "jˈu"),
    (re.compile(r"a{2,}r+g+h*|a+r{2,}g+h*"), "ˈɑɹɡ"),
    (re.compile(r"a+w{2,}"), "ˈɔ"),
    (re.compile(r"o{2,}h+"), "ˈu"),
    (re.compile(r"a+h{2,}|a{2,}h+"), "ˈɑ"),
    (re.compile(r"(?:ha){3,}h?"), "hɑhɑhˈɑ"),
    (re.compile(r"he+h+"), "hˈɛ"),
    (re.compile(r"hehe"), "hˌɛhˈɛ"),
    (re.compile(r"m+wa+h+"), "mwˈɑ"),
    (re.compile(r"br{2,}"), "bˈɜɹ"),
    (re.compile(r"gr{2,}"), "ɡˈɜɹ"),
    (re.compile(r"tsk"), "tˈɪsk"),
    (re.compile(r"z{2,}"), "z"),
)
_LIKE_AN_INTERJECTION = re.compile("|".join(pattern.pattern for pattern, _ in _INTERJECTIONS))


class Lexicon(HibariLexicon):  # type: ignore[misc]  # hibari has no types
    """hibari's lexicons, and ours behind them; to be put in the place of `g2p.lexicon`."""

    def __init__(self, g2p: G2P) -> None:
        super().__init__(g2p.lexicon.golds.d, g2p.lexicon.silvers.d, g2p.british)
        if g2p.british:
            self.golds.d["Z"] = "zˈɛd"
        self._split = g2p.tokenizer.special
        self._kept = lru_cache(KEPT_WORDS)(self._read)
        self._known = lru_cache(KEPT_WORDS)(self._knows)

    def __call__(self, token: Tok, context: Context) -> tuple[str | None, int | None]:
        """A token -> its phonemes and their rating, (None, None) for a word that only the network can read."""
        text = token.text if token.alias is None else token.alias
        return self._kept(
            text, token.tag, token.stress, token.currency, token.is_head, context.future_vowel, context.future_to
        )

    def read(
        self, text: str, tag: str, currency: str | None, head: bool, context: Context
    ) -> tuple[str | None, int | None]:
        """The same of a token that says these things."""
        return self._kept(text, tag, None, currency, head, context.future_vowel, context.future_to)

    def _read(
        self, text: str, tag: str, stress: float | None, currency: str | None, head: bool, vowel: bool | None, to: bool
    ) -> tuple[str | None, int | None]:
        token = Tok(text, tag, stress=stress, currency=currency, is_head=head)
        return self._look_up(token, Context(vowel, to))

    def _look_up(self, token: Tok, context: Context) -> tuple[str | None, int | None]:
        written = (token.alias or token.text).replace("’", "'")
        if sound := interjection(written):
            return sound, _KNOWN
        if letters := _LETTERS.fullmatch(written):
            phonemes, rating = self.get_NNP(letters[1])
            return (self._s(phonemes) if letters[2] else phonemes), rating
        if self._is_shouted(written):
            token = token.copy(text=written.lower(), alias=None, stress=_STRESSED)
        if written.endswith("'d") and (plain := self._participle(written[:-2])):
            return self(token.copy(text=plain, alias=None), context)
        if name := self._name(written):
            return (to_british(name) if self.british else name), _KNOWN
        phonemes, rating = super().__call__(token, context)
        if phonemes is not None:
            return phonemes, rating
        if own := self.own(written.lower()):
            return (to_british(own) if self.british else own), _KNOWN
        if (folded := _fold(written)) != written:
            return self(token.copy(text=folded, alias=None), context)
        return self._contracted(token, context, written)

    def _name(self, written: str) -> str | None:
        """What the table written by hand says of a word, or of the word in front of its 's."""
        stem = written[:-2] if written[-2:] in ("'s", "'S") else written
        for word in (written, stem):
            for form in (word, word.lower(), _fold(word.lower())):
                if form in _names():
                    return _names()[form] if word == written else self._s(_names()[form])
        return None

    def own(self, word: str) -> str | None:
        """What our tables say of a word in small letters, or of the word in front of its 's or s."""
        table = _table()
        if word in table:
            return table[word]
        for ending in ("'s", "'", "s'", "s"):
            stem = word.removesuffix(ending)
            if stem != word and stem in table:
                return table[stem] if ending == "'" else self._s(table[stem])
        return None

    def _contracted(self, token: Tok, context: Context, written: str) -> tuple[str | None, int | None]:
        """`Okafor'll`, `Felix'd`: a word that is known and an ending that hibari does not take off, as it does of I'll."""
        stem, _, ending = written.rpartition("'")
        if not stem or written in self._split or ending.lower() not in (*_ENDINGS, "d"):
            return None, None
        phonemes, rating = self(token.copy(text=stem, alias=None), context)
        if phonemes is None:
            return None, None
        return (self._ed(phonemes) if ending.lower() == "d" else phonemes + _ENDINGS[ending.lower()]), rating

    def _participle(self, stem: str) -> str | None:
        """`mov`, `stopp` of verse, `banish` too -> moved, stopped; None for a noun or a pronoun, as of Felix'd, who'd."""
        small = stem.lower()
        if small in self.golds and small not in ("us", "wing"):
            return None
        spelled = stem + "ed"
        known = small + "ed" in self.golds or self.stem_ed(small + "ed", "VBD", None, None)[0]
        return spelled if known and len(stem) > 1 else None

    def knows(self, word: str) -> bool:
        """Whether a word, in small letters, is in a lexicon or a table, or is a form of one that is."""
        return self._known(word)

    def _knows(self, word: str) -> bool:
        word = _fold(word)
        if interjection(word):
            return True
        if word in self.golds or word in self.silvers or self.own(word) is not None:
            return True
        return len(word) > 2 and any(
            stem(word, "NN", None, None)[0] for stem in (self.stem_s, self.stem_ed, self.stem_ing)
        )

    def says(self, acronym: str) -> bool:
        """Whether the lexicon has a word in capitals and says it as a word: NASA, not FBI."""
        return isinstance(self.golds.d.get(acronym), str)

    def _is_shouted(self, word: str) -> bool:
        """A word in capitals that is a word in small letters: ME, LEONARD, but not NATO or a word that nobody knows."""
        return (
            len(word) > 1
            and word.replace("'", "").isalpha()
            and word.isupper()
            and not self.says(word)
            and self.knows(word.lower())
        )


def interjection(word: str) -> str | None:
    """The sound of a word without vowels, or one drawn out at will: `Hmm`, `Shhhh`."""
    word = word.lower()
    if not _LIKE_AN_INTERJECTION.fullmatch(word):
        return None
    return next((sound for pattern, sound in _INTERJECTIONS if pattern.fullmatch(word)), None)


def read_table(text: str) -> dict[str, str]:
    """Lines `word<TAB>phonemes` -> a dictionary; empty lines and those that begin with `#` say nothing."""
    return dict(line.split("\t") for line in text.splitlines() if line and line[0] != "#")


@cache
def _names() -> dict[str, str]:
    return read_table(NAMES.read_text(encoding="utf-8"))


@cache
def _table() -> dict[str, str]:
    """Both tables in one, read at the first word that hibari does not know."""
    made = gzip.decompress(CMUDICT.read_bytes()).decode("utf-8")
    return read_table(made) | _names()


def _fold(word: str) -> str:
    """Letters without their marks: `Siobhán` -> `Siobhan`, `Łódź` -> `Lodz`."""
    if word.isascii():
        return word
    parts = unicodedata.normalize("NFD", word.translate(_PLAIN))
    return "".join(c for c in parts if not unicodedata.combining(c))
