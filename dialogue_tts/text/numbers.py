"""Digits -> words: counts, ordinals, years, decimals, digits one by one.

What only one accent says is marked in them, until `normalize` knows the accent: `AND` stands where British English has
"and" (*two hundred and five*), `THE` where it has "the" (*July the fourth*).
"""

from __future__ import annotations

from functools import lru_cache

AND, THE = "\u2060", "\u2061"  # characters that `tidy` takes out of any text
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = " thousand million billion trillion quadrillion quintillion".split(" ")
_ORDINALS = {
    **{"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"},
    "twelve": "twelfth",
}
_LONGEST = 3 * len(SCALES)  # digits
_PARTS = {2: "half", 4: "quarter"}


def digits(text: str) -> str:
    """`1-800` -> `one eight zero zero`; signs say nothing."""
    return " ".join(ONES[int(c)] for c in text if c.isdigit())


@lru_cache(10_000)
def cardinal(number: str) -> str:
    """`1,234` -> `one thousand two hundred thirty four`; a number too long to have a name digit by digit."""
    plain = number.replace(",", "").lstrip("0") or "0"
    if len(plain) > _LONGEST:
        return digits(plain)
    words: list[str] = []
    groups = -(-len(plain) // 3)
    padded = plain.zfill(3 * groups)
    for i in range(groups):
        group = int(padded[3 * i : 3 * i + 3])
        if group:
            if words and i == groups - 1 and group < 100:
                words[-1] += AND
            words += filter(None, [*_below_thousand(group), SCALES[groups - 1 - i]])
    return " ".join(words) or "zero"


def _below_thousand(number: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    words = [ONES[hundreds], f"hundred{AND}" if rest else "hundred"] if hundreds else []
    if rest >= 20:
        words.append(TENS[rest // 10])
        rest %= 10
    return words + ([ONES[rest]] if rest else [])


def ordinal(number: str) -> str:
    """`21` -> `twenty first`."""
    head, _, last = cardinal(number).rpartition(" ")
    if last in _ORDINALS:
        last = _ORDINALS[last]
    else:
        last = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return f"{head} {last}".strip()


def year(number: str) -> str:
    """`1905` -> `nineteen oh five`, `2000` -> `two thousand`; others than 1010 to 9999 as counts."""
    if len(number) != 4 or number[1:3] == "00" or number[0] == "0":
        return cardinal(number)
    high, low = number[:2], number[2:]
    if low == "00":
        return f"{cardinal(high)} hundred"
    return f"{cardinal(high)} {'oh ' if low[0] == '0' else ''}{cardinal(low)}"


def in_pairs(number: str) -> str:
    """As rooms, flights and roads are named: `237` -> `two thirty seven`, `101` -> `one oh one`, `1205` as a year."""
    if len(number) == 4 and number[2:] != "00" and number[0] != "0":
        return f"{cardinal(number[:2])} {'oh ' if number[2] == '0' else ''}{cardinal(number[2:])}"
    if len(number) != 3 or number.endswith("00") or number[0] == "0":
        return cardinal(number) if number[0] != "0" and len(number) < 5 else digits(number)
    return f"{ONES[int(number[0])]} {'oh ' if number[1] == '0' else ''}{cardinal(number[1:])}"


def decimal(number: str) -> str:
    """`3.14` -> `three point one four`; `.5` -> `point five`; `2.0` keeps its zero."""
    whole, dot, part = number.partition(".")
    words = f"point {digits(part)}" if dot and part else ""
    return " ".join(filter(None, (cardinal(whole) if whole or not dot else "", words)))


def number(text: str) -> str:
    """A count as it is read: whole or with a decimal point, with commas or without, with a minus or without."""
    minus = "minus " if text.startswith("-") else ""
    text = text.lstrip("-")
    return minus + (decimal(text) if "." in text else cardinal(text))


def fraction(top: int, bottom: int) -> str | None:
    """`3, 4` -> `three quarters`; None for what is no proper fraction with a name."""
    if not 0 < top < bottom or bottom > 100:
        return None
    part = _PARTS.get(bottom) or ordinal(str(bottom))
    return f"{cardinal(str(top))} {part if top == 1 else 'halves' if bottom == 2 else part + 's'}"


def plural_of(words: str) -> str:
    """`nineteen eighty` -> `nineteen eighties`, `six` -> `sixes`."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return words + ("es" if words.endswith("x") else "s")
