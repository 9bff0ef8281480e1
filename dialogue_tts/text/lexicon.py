"""What stands behind hibari's lexicons: words they lack, mostly names, asked for before its network guesses.

Two tables of `word<TAB>phonemes`, words in small letters, phonemes in misaki's American set:

- `names.tsv`, written by hand: names of many languages as English speakers say them, British places, contractions. A
  line more is a word more; an entry here wins over the other table's.
- `cmudict.tsv.gz`, which `dialogue_tts.text.cmudict` makes of the CMU Pronouncing Dictionary (its licence is beside it).
"""

from __future__ import annotations

import gzip
import unicodedata
from functools import cache
from pathlib import Path

from hibari.g2p import G2P, Context
from hibari.g2p import Lexicon as HibariLexicon
from hibari.g2p.token import Tok

HERE = Path(__file__).resolve().parent
NAMES, CMUDICT = HERE / "names.tsv", HERE / "cmudict.tsv.gz"
_KNOWN = 3  # the rating of a word that is in a lexicon, but not the best one
_ENDINGS = {"ll": "əl", "ve": "əv", "re": "əɹ"}
_SHORTEST_SHOUT = 4  # fewer capitals are initials: `BBC`
_PLAIN = str.maketrans(  # letters with no mark that could be taken off
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "t", "Þ": "T"}
    | {"ı": "i", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ß": "ss"}
)


class Lexicon(HibariLexicon):
    """hibari's lexicons, and ours behind them; to be put in the place of `g2p.lexicon`."""

    def __init__(self, g2p: G2P) -> None:
        super().__init__(g2p.lexicon.golds.d, g2p.lexicon.silvers.d)
        self._split = g2p.tokenizer.special

    def __call__(self, token: Tok, context: Context) -> tuple[str | None, int | None]:
        """A token -> its phonemes and their rating, (None, None) for a word that only the network can read."""
        written = (token.alias or token.text).replace("’", "'")
        if self._is_shouted(written):
            token = token.copy(text=written.lower(), alias=None)
        phonemes, rating = super().__call__(token, context)
        if phonemes is not None:
            return phonemes, rating
        if own := self.own(written.lower()):
            return own, _KNOWN
        if (folded := _fold(written)) != written:
            return self(token.copy(text=folded, alias=None), context)
        return self._contracted(token, context, written)

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

    def _is_shouted(self, word: str) -> bool:
        """A name all in capitals, which hibari would spell: LEONARD, but not NATO or a word that nobody knows."""
        if len(word) < _SHORTEST_SHOUT or not word.isalpha() or not word.isupper():
            return False
        if word in self.golds or word in self.silvers or word.lower() in self.golds:
            return False
        return word.lower() in self.silvers or self.own(_fold(word).lower()) is not None


def read_table(text: str) -> dict[str, str]:
    """Lines `word<TAB>phonemes` -> a dictionary; empty lines and those that begin with `#` say nothing."""
    return dict(line.split("\t") for line in text.splitlines() if line and line[0] != "#")


@cache
def _table() -> dict[str, str]:
    """Both tables in one, read at the first word that hibari does not know."""
    made = gzip.decompress(CMUDICT.read_bytes()).decode("utf-8")
    return read_table(made) | read_table(NAMES.read_text(encoding="utf-8"))


def _fold(word: str) -> str:
    """Letters without their marks: `Siobhán` -> `Siobhan`, `Łódź` -> `Lodz`."""
    parts = unicodedata.normalize("NFD", word.translate(_PLAIN))
    return "".join(c for c in parts if not unicodedata.combining(c))
