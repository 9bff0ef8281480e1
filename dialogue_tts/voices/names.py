"""What a speaker's name says of the voice that would be expected: a woman's or a man's.

`first_names.tsv` has a line for each first name that is nearly always of one of them. A name that is of both, or of nobody
in the list, says nothing: the speaker gets any voice.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path

WOMAN, MAN = "woman", "man"  # as in a bundle's voices.json
_FIRST_NAMES = Path(__file__).resolve().parent / "first_names.tsv"
_TITLES = {
    WOMAN: "actress aunt auntie baroness bride chairwoman congresswoman countess dame daughter duchess empress "
    "gentlewoman girl goddess grandma grandmother granny heroine hostess housewife lady landlady ma'am madam "
    "madame miss mistress mom mother mrs ms mum mummy niece nun policewoman princess queen saleswoman señora "
    "sister sorceress spokeswoman waitress widow wife witch woman",
    MAN: "actor anchorman baron boy brother businessman chairman congressman count dad daddy duke emperor father "
    "fireman fisherman foreman gentleman grandad granddad grandfather grandpa groom husband king landlord lord "
    "man monk mr nephew policeman postman prince salesman señor sir son spokesman uncle waiter widower wizard",
}
_SEX_OF_TITLE = {title: sex for sex, titles in _TITLES.items() for title in titles.split()}
_WORDS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def sex_of_name(speaker: str) -> str | None:
    """`WOMAN`, `MAN`, or None where the name says nothing. A title (*Mrs Leslie*, *Old Man*) counts before a first name."""
    words = [word.casefold().replace("’", "'") for word in _WORDS.findall(speaker)]
    for known in (_SEX_OF_TITLE, _first_names()):
        for word in words:
            if sex := known.get(word) or known.get(_unaccented(word)):
                return sex
    return None


@cache
def _first_names() -> dict[str, str]:
    lines = _FIRST_NAMES.read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines if not line.startswith("#"))


def _unaccented(word: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))
