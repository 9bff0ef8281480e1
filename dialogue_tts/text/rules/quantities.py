"""Fractions, ranges, scores, sums, percentages, ordinals, and whatever numbers are left."""

from __future__ import annotations

import re
import unicodedata

from dialogue_tts.text.numbers import THE, digits, fraction, in_pairs, number, ordinal, plural_of, year
from dialogue_tts.text.rewriting import rules
from dialogue_tts.text.rules.dates import MONTHS
from dialogue_tts.text.rules.money import NUMBER

_COUNTED = (  # after a number of four digits: it is a count, not a year
    "people|men|women|children|students|soldiers|years|days|hours|minutes|meters|metres|miles|feet|kilometers|kilometres"
    "|dollars|pounds|euros|words|pages|times|points|votes|calories|degrees|percent|tons|acres|items|copies|members"
    "|employees|workers|residents|users|fans|seats|rooms|books|cars|steps|units|species|types|ways|square|cubic"
)


def _vulgar(match: re.Match[str]) -> str:
    whole, sign = match.groups()
    top, bottom = unicodedata.normalize("NFKC", sign).split("⁄")
    return f"{whole} {top}/{bottom}" if whole else f"{top}/{bottom}"


def _fraction(match: re.Match[str]) -> str:
    whole, top, bottom = match.groups()
    words = fraction(int(top), int(bottom))
    if words is None:
        return match[0]
    return f"{number(whole)} and {words.replace('one half', 'a half')}" if whole else words


def _fraction_of_one(match: re.Match[str]) -> str:
    """`a 3/4-inch bolt`: three quarter; `a 1/2 mile run`: half."""
    before, top, bottom, space = match.groups()
    words = fraction(int(top), int(bottom))
    if words is None:
        return match[0]
    part = words.removesuffix("s") if int(top) > 1 else words.removeprefix("one ")
    return f"{before}{part}{space}"


def _over(match: re.Match[str]) -> str:
    """`5/3`, `8/10`: what is no fraction with a name."""
    return f"{number(match[1])} over {number(match[2])}"


def _day(match: re.Match[str]) -> str:
    """`on 12/25`: the American order."""
    before, month, day = match.groups()
    if int(month) > 12 >= int(day):
        month, day = day, month
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return match[0]
    return f"{before}{MONTHS[int(month) - 1]} {THE}{ordinal(day)}"


def _day_first(match: re.Match[str]) -> str:
    """`on 25/12`: the British order."""
    before, day, month = match.groups()
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return _day(match)
    return f"{before}the {ordinal(day)} of {MONTHS[int(month) - 1]}"


def _shares(match: re.Match[str]) -> str:
    """`a 60-40 split`"""
    first, second = match.groups()
    return f"{number(first)} {number(second)}" if int(first) + int(second) == 100 else match[0]


def _verse(match: re.Match[str]) -> str:
    volume, book, chapter, first, last = match.groups()
    words = [ordinal(volume).capitalize()] if volume else []
    words += [_BOOKS.get(book, book), number(chapter), number(first)]
    return " ".join((*words, "to", number(last)) if last else words)


_BOOKS = {  # of the Bible
    **{"Gen": "Genesis", "Exod": "Exodus", "Ex": "Exodus", "Lev": "Leviticus", "Num": "Numbers", "Deut": "Deuteronomy"},
    **{"Josh": "Joshua", "Sam": "Samuel", "Ps": "Psalm", "Prov": "Proverbs", "Eccl": "Ecclesiastes", "Isa": "Isaiah"},
    **{"Jer": "Jeremiah", "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea", "Mic": "Micah", "Zech": "Zechariah"},
    **{"Mal": "Malachi", "Matt": "Matthew", "Mt": "Matthew", "Mk": "Mark", "Lk": "Luke", "Jn": "John", "Rom": "Romans"},
    **{"Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians", "Col": "Colossians"},
    **{
        "Thess": "Thessalonians",
        "Tim": "Timothy",
        "Heb": "Hebrews",
        "Jas": "James",
        "Pet": "Peter",
        "Rev": "Revelation",
    },
    **{"Chron": "Chronicles", "Lam": "Lamentations", "Neh": "Nehemiah"},
}
_BOOK = "|".join(
    sorted(
        {*_BOOKS, *_BOOKS.values(), "Mark", "Luke", "John", "Acts", "Ruth", "Job", "Judges", "Kings", "Ezra", "Amos"}
        | {"Psalms", "Joel", "Jonah", "Titus", "Jude", "Sura", "Surah"},
        key=len,
        reverse=True,
    )
)


def _out_of(match: re.Match[str]) -> str:
    return f"{number(match[1])} out of {number(match[2])}"


def _to(match: re.Match[str]) -> str:
    return f"{number(match[1])} to {number(match[2])}"


def _percent(match: re.Match[str]) -> str:
    return f"{number(match[1])} percent"


def _percent_range(match: re.Match[str]) -> str:
    """`5-10%`; `5% to 10%` keeps both signs."""
    first = " percent" if "%" in match[0][:-1] and "to" in match[0] else ""
    return f"{number(match[1])}{first} to {number(match[2])} percent"


def _ordinal(match: re.Match[str]) -> str:
    return ordinal(match[1])


def _plural(match: re.Match[str]) -> str:
    return plural_of(number(match[1]))


def _times(match: re.Match[str]) -> str:
    return f"{number(match[1])} times {number(match[2])}"


def _by(match: re.Match[str]) -> str:
    return " by ".join(number(part) for part in re.split(r" ?[x×] ?", match[0]))


def _fold(match: re.Match[str]) -> str:
    return f"{number(match[1])} times"


def _power(match: re.Match[str]) -> str:
    base, power = match[1], match[2].strip("()")
    named = {"2": "squared", "²": "squared", "3": "cubed", "³": "cubed"}.get(power)
    return f"{base} {named or f'to the power of {number(power)}'}"


def _product(match: re.Match[str]) -> str:
    first, second, power = match.groups()
    return f"{first.upper()}.{second.upper()}. {'squared' if power == '²' else 'cubed'}"


def _plain(match: re.Match[str]) -> str:
    """A number in its context: a year if it looks like one, else a count."""
    text = match[0]
    if len(text) == 4 and text.isdigit() and text[0] != "0":
        counted = re.compile(rf" (?:\w+ )?(?:{_COUNTED})\b").match(match.string, match.end())
        if "1010" <= text <= "2099" and not (counted and text[2:] != "00") or (text[2:] == "00" and text[1] != "0"):
            return year(text)
    if len(text) > 1 and text[0] == "0" and text.isdigit():
        return digits(text)
    return number(text)


VERSES = rules(
    (rf"(?<!\w)(?:([123]) )?({_BOOK})\.? (\d{{1,3}}):(\d{{1,3}})(?: ?[-–] ?(\d{{1,3}}))?(?![\d:]| ?[ap]\.?m)", _verse),
    signs=":",
)
_PIECES = "(?:inch|mile|hour|ton|pound|cup|pint|ounce|acre|meter|teaspoon|tablespoon|time|page|size|day|price|share)"
_NO_MORE = r"(?![\w/]|\.\d)"
_N = r"(?<![\w.,])"
_END = r"(?![\w]|[.,]\d)"

QUANTITIES = (
    *rules((r"(?:(?<![\w.,])(\d{1,9}) ?)?([½¼¾⅐-⅞])", _vulgar)),
    *rules(
        (r"(?<![\w/])24/7(?![\w/])", "twenty four seven"),
        (r"(?<![\w/])24/7/365(?![\w/])", "twenty four seven three sixty five"),
        (rf"(?<![\w.,])({NUMBER}) / ({NUMBER})(?![\w/]|\.\d)", lambda m: f"{number(m[1])} divided by {number(m[2])}"),
        (r"(?<![\w/])9/11(?![\w/])", "nine eleven"),
        (r"(?<![\w/])7/7(?![\w/])", "seven seven"),
        (r"(?<![\w/])50[/-]50(?![\w/])", "fifty fifty", "/-"),
        (r"(?<![\w/-])(\d\d)[/-](\d\d)(?= (?:split|rule|chance|odds|shot|mix|blend|ratio|partner))", _shares, "/-"),
        (r"(?<![\w/])20[/-]20(?![\w/])(?! season)", "twenty twenty", "/-"),
        (r"(?<![\w/-])7[/-]11(?= (?:store|shop|on|at|near|around|across)\b)", "seven eleven", "/-"),
        (r"(?<![\w/])4/4 (?=time)", "four four "),
        (
            rf"\b((?i:on|by|until|before|after|since|due|from) )(\d{{1,2}})/(\d{{1,2}}){_NO_MORE}(?! (?:of|cup|tea|inch))",
            _day,
        ),
        (r"(?<![\w./-])(\d{1,3}\.\d{1,2})/(\d{1,3})(?![\w/]|\.\d)", _out_of),
        (r"(?<![\w./-])(\d{1,4})/(10|100)(?![\w/]|\.\d| (?:of|an?|inch|mile)\b)", _out_of),
        (rf"(\b(?:[Aa]n?|[Tt]he|[Ee]very) )(\d)/(2|3|4|8)([ -])(?={_PIECES}(?: |$))", _fraction_of_one),
        (r"(?<![\w./])(?:(\d{1,9})[ -])?(\d{1,2})/(\d{1,3})(?![\w/]|\.\d)", _fraction),
        (r"(?<![\w./])()(\d{1,2})/(\d{1,2})(?![\w/]|\.\d)", _day),
        (r"(?<![\w./])(\d{1,9})/(\d{1,9})(?![\w/]|\.\d)", _over),
        signs="/",
    ),
    *rules(
        # sums
        (rf"{_N}({NUMBER}) ?× ?({NUMBER})(?= ?(?:cm|mm|inch|feet|ft|meters|pixels)\b)", _by, "×"),
        (rf"{_N}({NUMBER}) ?x ?({NUMBER})(?= ?=)", _times, "x"),
        (rf"{_N}({NUMBER})(?: ?x ?(?:{NUMBER})){{1,3}}(?!\w)", _by, "x"),
        (rf"{_N}({NUMBER}) ?× ?({NUMBER})(?!\w)", _times, "×"),
        (rf"{_N}({NUMBER}) ?\* ?(?={NUMBER})", lambda m: f"{number(m[1])} times ", "*"),
        (rf"{_N}({NUMBER}) ?[x×](?![\w]| ?[-+=*/^])", _fold, "x×"),
        (r"(?<=[\w)]) ?÷ ?(?=[\w(])", " divided by ", "÷"),
        (
            r"(?<![\w.])(\w{1,12}|\d{1,9}) ?\^ ?(\(?-?\d{1,4}\)?|[a-z]\b)",
            lambda m: _power(m) if m[2][-1:] != "x" else m[0],
            "^",
        ),
        (r"(?<![\w.])([a-z]|\d{1,9})([²³])", _power, "²³"),
        (r"(?<![\w.])(?!cm|km|mm|ft)([a-z])([a-z])([²³])", _product, "²³"),  # mc²
        (rf"{_N}({NUMBER}) ?\+ ?(?=\(?\d)", lambda m: f"{number(m[1])} plus ", "+"),
        (rf"{_N}({NUMBER}) [-–] ({NUMBER})(?= ?=)", lambda m: f"{number(m[1])} minus {number(m[2])}", "="),
        (rf"{_N}({NUMBER})[-–]({NUMBER})(?= ?=)", lambda m: f"{number(m[1])} minus {number(m[2])}", "="),
        (rf"(?<![\w.,])({NUMBER})\+(?!\w)", lambda m: f"{number(m[1])} plus", "+"),
        (r"(?<![\w)])± ?(?=\d)", "plus or minus ", "±"),
        # shares, ranges, scores
        (rf"{_N}(-?(?:{NUMBER})) ?%? ?(?:[-–]|to) ?({NUMBER}) ?%", _percent_range, "%"),
        (rf"(?<![\w.,])(-?(?:{NUMBER})) ?%", _percent, "%"),
        (
            rf"{_N}({NUMBER}) ?[-–] ?({NUMBER})(?![\w-]|[.,]\d)(?<!-)",
            lambda m: _to(m) if m.string[m.start() - 1 : m.start()] != "-" else m[0],
            "-–",
        ),
        (r"(?<![\w:.])(\d{1,4}(?:\.\d{1,3})?):(\d{1,4}(?:\.\d{1,3})?)(?![\w:])", _to, ":"),
        (r"(?<![\w&])# ?(?=\d)", "number ", "#"),
        # numbers
        (r"(?<=[A-Z]\.[A-Z]\. )(\d\d[1-9]\d)(?![\w/-]|[.,]\d)", lambda m: in_pairs(m[1]), "."),  # RTX 4090
        (rf"(?<![\w.,-])({NUMBER})(?:st|nd|rd|th)\b", _ordinal, "td"),
        (r"(?<=-)(\d{1,9})(?:st|nd|rd|th)\b", _ordinal, "-"),
        (r"(?<![\w.,])(\d{1,9})'?s\b", _plural, "s"),
        (r"(?<![\w.,-])-(?=\.?\d)", "minus ", "-"),
        signs="0123456789",
    ),
)

BRITISH_QUANTITIES = tuple(
    rule._replace(replacement=_day_first) if rule.replacement is _day else rule for rule in QUANTITIES
)

REST = rules((r"(?<=\d),(?=\d{1,2}(?!\d))", ", "), signs=",") + rules(
    (r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])|\d+\.\d+|(?<!\d)\.\d+|\d+", _plain), signs="0123456789"
)
