"""Written English -> the words a reader says: `Dr. Who owes $5.` -> `Dr Who owes five dollars.`

`tidy` makes characters plain and keeps the writing. Then the rules of `rules`, kind by kind, spell out what is said
otherwise than it is written, down to the last digit, so that a reader of the result sees each word that will be heard.
Letters to be spelled have a full stop each: `F.B.I.`.

`Rewriting` knows which written word became which spoken ones, so that a word's time can be shown under what was written.
"""

from __future__ import annotations

from typing import NamedTuple

from dialogue_tts.text.numbers import AND, THE
from dialogue_tts.text.rewriting import Rewriting, Rule, rules
from dialogue_tts.text.rules.addresses import ADDRESSES
from dialogue_tts.text.rules.dates import BRITISH_DATES, DATES
from dialogue_tts.text.rules.identifiers import IDENTIFIERS, MIXED
from dialogue_tts.text.rules.money import MONEY
from dialogue_tts.text.rules.numerals import NUMERALS
from dialogue_tts.text.rules.quantities import BRITISH_QUANTITIES, QUANTITIES, REST, VERSES
from dialogue_tts.text.rules.shouting import Vocabulary, unshout
from dialogue_tts.text.rules.units import UNITS
from dialogue_tts.text.rules.words import SYMBOLS, WORDS
from dialogue_tts.text.tidy import tidy


class Rules(NamedTuple):
    """All rules of an accent, in order; between the two, words in capitals are told from abbreviations."""

    before_capitals: tuple[Rule, ...]
    after_capitals: tuple[Rule, ...]


# The G2P takes time in proportion to the square of a word's parts, so no word keeps many of them.
_LAST = (
    *rules((r"((?:[^\W_]{1,80}-){4})(?=\w)", lambda m: f"{m[1][:-1]} "), signs="-"),
    *rules((r"((?:[^\W_]{1,80}'){4})(?=\w)", lambda m: f"{m[1][:-1]} "), signs="'"),
    *rules((r"((?:[a-zß-ÿ]{1,80}[A-ZÀ-Þ]{1,80}){6})(?=\w)", r"\1 ")),
)

AMERICAN_RULES = Rules(
    (*VERSES, *ADDRESSES, *IDENTIFIERS, *DATES, *MONEY, *UNITS, *NUMERALS),
    (
        *(*QUANTITIES, *WORDS, *MIXED, *SYMBOLS, *REST),
        *(*rules((AND, ""), signs=AND), *rules((THE, ""), signs=THE), *_LAST),
    ),
)
BRITISH_RULES = Rules(
    (*VERSES, *ADDRESSES, *IDENTIFIERS, *BRITISH_DATES, *MONEY, *UNITS, *NUMERALS),
    (
        *(*BRITISH_QUANTITIES, *WORDS, *MIXED, *SYMBOLS, *REST),
        *(*rules((AND, " and"), signs=AND), *rules((THE, "the "), signs=THE), *_LAST),
    ),
)


def normalize(text: str, words: Vocabulary, british: bool = False) -> str:
    """Spoken form of written English, in letters and marks alone."""
    return " ".join(spoken for _, spoken in align(text, words, british) if spoken)


def align(text: str, words: Vocabulary, british: bool = False) -> list[tuple[str, str]]:
    """(written, spoken) in order: what single words became, or several where they only make sense together.

    Linear in the text's length.

    Args:
        words: what is a word if it is written in capitals.
        british: `105` is "a hundred and five", and `3/4` a day of April.
    """
    rewriting, chosen = Rewriting(tidy(text)), BRITISH_RULES if british else AMERICAN_RULES
    for rule in chosen.before_capitals:
        rewriting.apply(rule)
    rewriting.edit(unshout(rewriting.text, words))
    for rule in chosen.after_capitals:
        rewriting.apply(rule)
    return rewriting.pairs()
