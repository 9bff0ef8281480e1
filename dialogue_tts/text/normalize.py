"""Written English -> the words a reader says: `Dr. Who owes $5.` -> `Dr Who owes 5 dollars.`

Three steps. `tidy` makes characters plain (quotes, dashes, emoji, foreign letters) and keeps the writing. `_RULES`
spell out what hibari's normaliser leaves alone or gets wrong: addresses, versions, money, mixed fractions, units.
hibari's normaliser (Apache-2.0) then does times, dates, abbreviations, roman numerals and the rest; plain numbers,
years and ordinals stay digits, which its G2P reads.

`align` says which written word became which spoken ones, so that a word's time can be shown under what was written.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise

from dialogue_tts.errors import ScriptError

_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+"
_SCALES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "b": "billion", "bn": "billion"} | {
    word: word for word in ("hundred", "thousand", "million", "billion", "trillion")
}
_SCALE = rf"(?:\s?({'|'.join(sorted(_SCALES, key=len, reverse=True))})\b)?"
_MONEY = {  # sign or code: (one, many, one hundredth, hundredths)
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
}
_MONEY |= {"USD": _MONEY["$"], "GBP": _MONEY["£"], "EUR": _MONEY["€"]}
_COUNTRIES = {"US": "US ", "CA": "Canadian ", "AU": "Australian ", "NZ": "New Zealand ", "HK": "Hong Kong "}
_UNITS = {
    "m": ("meter", "meters"),
    "m/s": ("meter per second", "meters per second"),
    "g": ("gram", "grams"),
    "t": ("ton", "tons"),
    "L": ("liter", "liters"),
    "l": ("liter", "liters"),
    "mL": ("milliliter", "milliliters"),
    "cl": ("centiliter", "centiliters"),
    "dB": ("decibel", "decibels"),
    "W": ("watt", "watts"),
    "V": ("volt", "volts"),
    "kcal": ("kilocalorie", "kilocalories"),
    "hPa": ("hectopascal", "hectopascals"),
    "bpm": ("beat per minute", "beats per minute"),
    "px": ("pixel", "pixels"),
    "kbps": ("kilobit per second", "kilobits per second"),
    "gal": ("gallon", "gallons"),
    "h": ("hour", "hours"),
}
_LENGTHS = {
    "m": ("meter", "meters"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "ft": ("foot", "feet"),
    "in": ("inch", "inches"),
    "mi": ("mile", "miles"),
}
_ADDRESS_WORDS = {
    ".": "dot",
    "@": "at",
    "/": "slash",
    "-": "dash",
    "_": "underscore",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "+": "plus",
    "#": "hash",
    "%": "percent",
    "~": "tilde",
    "www": "W.W.W.",
    "uk": "U.K.",
    "io": "I.O.",
    "ai": "A.I.",
    "de": "D.E.",
    "eu": "E.U.",
    "fr": "F.R.",
}
_SYMBOL_WORDS = {
    "≈": "about",
    "≥": "at least",
    "≤": "at most",
    "≠": "is not equal to",
    "√": "the square root of",
    "∞": "infinity",
    "‰": "per mille",
    "№": "number",
    "−": "-",
    "‑": "-",
    "℃": "°C",
    "℉": "°F",
    "′": "'",
    "″": '"',
    "¿": "",
    "¡": "",
}
_NO_NUMERAL = "\ue000"  # a space until hibari has looked for numerals; `tidy` lets none of these in
_KEPT_SYMBOLS = frozenset("$£€¥₹₩¢%&+#@°=<>~*^|±×÷§¶©®™→µ²³½¼¾_\\/")
PLAIN_APOSTROPHES = str.maketrans(dict.fromkeys("‘’‚‛ʼʻ`´＇", "'"))
_PLAIN = PLAIN_APOSTROPHES | str.maketrans(
    {
        **dict.fromkeys("“”„‟«»＂", '"'),
        **dict.fromkeys("‒―", "—"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", ""),
        "…": "...",
        "。": ". ",
        "，": ", ",
        "、": ", ",
        "？": "? ",
        "！": "! ",
    }
)


def tidy(text: str) -> str:
    """The same words in plain characters, on one line, with spaces between words and after marks.

    Dashes and parentheses become the commas a reader hears; emoji and signs nobody pronounces go.
    Letters of scripts the front end cannot read are a ScriptError.
    """
    text = unicodedata.normalize("NFC", text).translate(_PLAIN)
    text = "".join(_plain_character(c, text, i) for i, c in enumerate(text))
    text = re.sub(r"(?<!\S)[:;]'?-?[()DPp](?!\w)", " ", text)  # :-)
    text = re.sub(r"(?<=\w)\((\w{1,3})\)", r"\1", text)  # turn(s)
    text = re.sub(r"—|-{2,}|(?<!\d)–(?!\d)|(?<=\s)[-–](?=\s)", " — ", text)
    text = re.sub(r"(?<=\w)[\s,—]*—\W*$", "...", text)  # broken off
    text = re.sub(r"\((?!\d{3}\))|(?<!\(\d{3})\)", " — ", text)
    text = re.sub(r"\s*(?:—\s*)+(?=[.,;:!?])", "", text)
    text = re.sub(r"(?<=[.,;:!?])\s*(?:—\s*)+", " ", text)
    text = re.sub(r"\s*(?:—\s*)+", ", ", text)
    text = re.sub(r",(?:\s*,)+", ",", text)
    text = re.sub(r"\s+(?=[,;:!?]|\.(?!\d))", "", text)
    return " ".join(map(_open_out, text.split()))


def normalize(text: str) -> str:
    """Spoken form of written English; digits stay where the G2P reads them right (years, counts, ordinals)."""
    return _spell_out(tidy(text))


def align(text: str) -> list[tuple[str, str]]:
    """(written, spoken) in order: what single words became, or several where they only make sense together."""
    written = tidy(text).split()
    spoken = _spell_out(" ".join(written)).split()
    cuts = [(0, 0)]
    for i, j in [*_same_words(written, spoken), (len(written), len(spoken))]:
        if (i, j) > cuts[-1]:  # between two words that stayed, others changed
            cuts[-1] = max(cuts[-1], _cut(written, spoken, cuts[-1][0]))
            cuts += [cut for middle in range(cuts[-1][0] + 1, i) if (cut := _cut(written, spoken, middle)) > cuts[-1]]
            cuts += [(i, j)] if (i, j) > cuts[-1] else []
        if i < len(written):
            cuts.append((i + 1, j + 1))
    pairs: list[tuple[str, str]] = []
    for (i, j), (k, m) in pairwise(cuts):
        if i == k and pairs:  # words said for the sign before: $5 [million] -> 5 [million] dollars
            pairs[-1] = (pairs[-1][0], " ".join([pairs[-1][1], *spoken[j:m]]))
        else:
            pairs.append((" ".join(written[i:k]), " ".join(spoken[j:m])))
    return pairs


def _same_words(written: list[str], spoken: list[str]) -> list[tuple[int, int]]:
    """Where words stayed as they were: only those that are as frequent on both sides, so none can be mistaken."""
    in_written, in_spoken = Counter(written), Counter(spoken)
    kept = {word for word in in_written if in_written[word] == in_spoken[word]}
    left = [word if word in kept else f"{word} (written)" for word in written]
    right = [word if word in kept else f"{word} (spoken)" for word in spoken]
    blocks = SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks()
    return [(i + k, j + k) for i, j, size in blocks for k in range(size)]


def _cut(written: list[str], spoken: list[str], middle: int) -> tuple[int, int]:
    """A cut is good if each side, spelled out alone, gives just its share: no rule reached across. Else (0, 0)."""
    left = _spell_out(" ".join([*written[:middle], "and"])).split()[:-1]  # the "and": some rules look for text's end
    right = _spell_out(" ".join(written[middle:])).split()
    return (middle, len(left)) if left + right == spoken else (0, 0)


def _plain_character(c: str, text: str, i: int) -> str:
    if c.isascii() or c in _KEPT_SYMBOLS or c in "–—":
        return c if c.isprintable() and c not in "{}[]" else " "
    if c in _SYMBOL_WORDS:
        word = _SYMBOL_WORDS[c]
        return f" {word} " if word.isalpha() or " " in word else word
    category = unicodedata.category(c)
    if category == "Nd":
        return str(unicodedata.decimal(c))
    if category == "No":
        number = unicodedata.normalize("NFKC", c)  # ①, ⁵
        if unicodedata.decomposition(c).startswith("<super>"):
            return f"^{number}"
        return c if "⁄" in number else number if number.isdigit() else " "
    if category[0] == "L":
        return _plain_letter(c, text, i)
    return " "


def _open_out(word: str) -> str:
    """A space after marks in the middle of a word, unless it is an address."""
    if re.search(r"://|@|^www\.", word):
        return word
    word = re.sub(r"(?<=\w)\.{3,}(?=\w)", "... ", word)
    return re.sub(r"(?<=[^\W\d])([,;!?]+)(?=[^\W\d])", r"\1 ", word)


def _plain_letter(c: str, text: str, i: int) -> str:
    name = unicodedata.name(c, "")
    if c <= "ɏ" and name.startswith(("LATIN", "FEMININE", "MASCULINE")):
        return c
    plain = unicodedata.normalize("NFKD", c)  # ế -> e, ﬁ -> fi, ｆ -> f
    plain = "".join(part for part in plain if not unicodedata.combining(part))
    if plain.isascii():
        return plain
    alone = not any(unicodedata.name(d, "").startswith("GREEK") for d in (text[i - 1 : i], text[i + 1 : i + 2]) if d)
    if name.startswith("GREEK") and "LETTER" in name and alone:
        return f" {name.split('LETTER ')[1].split()[0].lower().replace('lamda', 'lambda')} "
    foreign = "".join(dict.fromkeys(d for d in text if d.isalpha() and d > "ɏ"))[:12]
    raise ScriptError(f'the characters "{foreign}" cannot be spoken; write the words in English letters')


def _spell_out(text: str) -> str:
    from hibari.g2p.normalize import normalize as hibari_normalize  # here, so that scripts parse without numpy

    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return str(hibari_normalize(text)).replace(_NO_NUMERAL, " ")


def _plural(number: str, one: str, many: str) -> str:
    return one if number in ("1", "-1") else many


def _digits(text: str) -> str:
    return " ".join(c for c in text if c.isdigit())


def _address(match: re.Match[str]) -> str:
    """An e-mail or web address, sign by sign; the scheme is not read."""
    text = re.sub(r"^\w+://", "", match[0])
    text, end = re.fullmatch(r"(.*?)([/.,:;!?\"')]*)", text).groups()  # type: ignore[union-attr]
    words = []
    for part in re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", text):
        words.append(part.upper() if len(part) == 1 and part.isalpha() else _ADDRESS_WORDS.get(part, part))
    return " ".join(words) + end.replace("/", "")


def _phone(match: re.Match[str]) -> str:
    country, *groups = match.groups()
    return ", ".join(([f"plus {_digits(country)}"] if country else []) + [_digits(group) for group in groups])


def _version(match: re.Match[str]) -> str:
    parts = match[0].split(".")
    return (" dot " if len(parts) > 3 else " point ").join(parts)


def _money(match: re.Match[str]) -> str:
    minus, country, sign, low, high, scale = match.groups()
    one, many, cent, cents = _MONEY[sign]
    country = _COUNTRIES.get(country or "", "")
    start = "minus " if minus else ""
    if high or scale:
        return f"{start}{low}{f' to {high}' if high else ''} {f'{_SCALES[scale]} ' if scale else ''}{country}{many}"
    whole, dot, part = low.partition(".")
    if dot and len(part) == 2:
        coins = f"{int(part)} {_plural(str(int(part)), cent, cents)}"
        if not whole.strip("0"):
            return start + coins
        notes = f"{whole} {country}{_plural(whole, one, many)}"
        return start + (f"{notes} and {coins}" if int(part) else notes)
    return f"{start}{low} {country}{_plural(low, one, many)}"


def _mixed_fraction(match: re.Match[str]) -> str:
    whole, top, bottom = match.group(1), int(match.group(2)), int(match.group(3))
    words = _fraction_words(top, bottom)
    if words is None:
        return match[0]
    return f"{whole} and {words.replace('one half', 'a half')}" if whole else words


def _fraction_words(top: int, bottom: int) -> str | None:
    from hibari.g2p.numbers import cardinal, ordinal

    if not 0 < top < bottom or bottom > 100:
        return None
    part = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom)
    return f"{cardinal(top)} {part if top == 1 else 'halves' if bottom == 2 else part + 's'}"


def _vulgar_fraction(match: re.Match[str]) -> str:
    top, bottom = unicodedata.normalize("NFKC", match[2]).split("⁄")
    return f"{match[1]} {top}/{bottom}" if match[1] else f"{top}/{bottom}"


def _unit(match: re.Match[str]) -> str:
    return f"{match[1]} {_plural(match[1], *_UNITS[match[2]])}"


def _power(match: re.Match[str]) -> str:
    power = "square" if match[3] in "2²" else "cubic"
    return f"{match[1]} {power} {_plural(match[1], *_LENGTHS[match[2]])}"


def _big(match: re.Match[str]) -> str:
    return f"{match[1]} {_SCALES[match[2]]}"


def _no_numeral(match: re.Match[str]) -> str:
    """Between King and Charles stands no roman numeral; hibari would find an empty one: King the zeroth Charles."""
    from hibari.g2p.normalize import TITLES

    return match[0] if match[1] in TITLES else match[1] + _NO_NUMERAL


def _keep_word(match: re.Match[str]) -> str:
    """`no.` at a sentence's end is no number: the space hides it from hibari's abbreviations, which then remove it."""
    return f"{match[1]} ."


_Replacement = str | Callable[[re.Match[str]], str]
_SIGN = r"[$£€]"
_RULES: tuple[tuple[re.Pattern[str], _Replacement], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # addresses
        (r"(?<!\w)[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b", _address),
        (r"(?<!\w)(?:https?://|ftp://|www\.)\S+", _address),
        (r"(?<![\w@.])(?:[A-Za-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|ai|uk|info)\b(?:/[\w./?=&%#~+-]*)?", _address),
        # runs of digits that are no count
        (r"(?<![\w.])(?:\+(\d{1,3})[ .-]?)?\(?(\d{3})\)?[ .-](\d{3})[ .-](\d{4})(?![\w-])", _phone),
        (r"(?<![\w.-])()(\d{3})-(\d{4})(?![\w-])", _phone),
        (r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b", r"\1/\2/\3"),
        (r"(?<![\w.])\d+(?:\.\d+){2,}(?!\w)", _version),
        (r"(?<![\w:/.,-])0\d+(?![\d:/.-]\d)(?!\d)", lambda m: _digits(m[0])),
        (r"(?<!\w)24/7\b", "twenty-four seven"),
        (r"(?<!\w)50/50\b", "fifty-fifty"),
        (r"(?<!\w)9/11\b", "nine eleven"),
        (r"(?<!\w)360°", "360 degrees"),
        # money
        (rf"(?<!\w)({_NUMBER})({_SIGN})(?!\d)", r"\2\1"),
        (rf"(?<!\w)({_NUMBER}) ({_SIGN})(?!\s?\d)", r"\2\1"),
        (rf"(?<!\w)({_NUMBER})\s?(USD|GBP|EUR)\b", r"\2 \1"),
        (
            rf"(?<![\w-])(-)?(US|CA|AU|NZ|HK)?({_SIGN}|USD|GBP|EUR)\s?({_NUMBER})(?:\s?[-–]\s?{_SIGN}?({_NUMBER}))?{_SCALE}",
            _money,
        ),
        (r"\$", " dollars "),
        (r"£", " pounds "),
        (r"€", " euros "),
        # times, fractions, lengths
        (r"\b(\d{1,2})\.([0-5]\d)\s?([ap])\.?m\b", r"\1:\2 \3m"),
        (r"(?:(\d+)\s?)?([½¼¾⅐-⅞])", _vulgar_fraction),
        (r"(?<![\w./])(?:(\d+)[ -])?(\d{1,2})/(\d{1,3})(?![\w./])", _mixed_fraction),
        (r"(?<![\w'])(\d{1,2})\s?'\s?(\d{1,2})\s?\"", r"\1 ft \2 inches"),
        (r"(?<=\bft )(\d{1,2}) in\b", r"\1 inches"),
        (r"(?<!\w)(\d+)\"(?=\s|$|[,.;!?])(?<!\"\d\")", r"\1 inches"),
        (rf"(?<![\w.])({_NUMBER})\s?(km|cm|mm|mi|ft|in|m)([²³]|[23]\b)", _power),
        (rf"(?<![\w.$£€])({_NUMBER})\s?({'|'.join(sorted(_UNITS, key=len, reverse=True))})(?![\w/²³'])", _unit),
        (r"(?<![\w.])(\d+(?:\.\d+)?)(k|M|bn)\b", _big),
        (rf"(?<![\w.])({_NUMBER})\s?[x×]\s?(?={_NUMBER})", r"\1 by "),
        (rf"(?<![\w.])({_NUMBER})x\b", r"\1 times"),
        (r"(?<![\w:.])(\d+):(\d)(?![\d:])", r"\1 to \2"),
        (r"(?<![\w.\-])(\d+(?:\.\d+)?)%?\s?[-–]\s?(\d+(?:\.\d+)?)(?=%)", r"\1 to \2"),
        (r"(?<![\w.\-])(\d+(?:\.\d+)?)\s?–\s?(\d+(?:\.\d+)?)(?![\w-])", r"\1 to \2"),
        (r"(?<![\d\w.,])\.(\d+)\b", lambda m: f"point {_digits(m[1])}"),
        # words
        (r"\b(?:e\. ?g\.|E\.g\.)", "for example"),
        (r"\b(?:i\. ?e\.|I\.e\.)", "that is"),
        (r"\b[Pp]\. ?(?=\d)", "page "),
        (r"(?<=\w) ?'n'? (?=\w)", " and "),
        (r"\bCO2\b", "C.O. 2"),
        (r"~ ?(?=\d)", "about "),
        (r"–", "-"),
        # words that hibari would take for abbreviations or titles
        (r"\b(nos?|[Ff]ig|[Cc]h|eds?|Ed)\.(?! ?\d)", _keep_word),
        (r"(?<=\b[Tt]he )(Sun|Gen|Rep)\.", _keep_word),
        (r"(?<=, )(Jan|Hon|Ed)\.", _keep_word),
        (r"\bGen (?=[XYZ]\b|Alpha)", "Gen-"),
        (r"\b([A-Za-z]+) (?=[IVXLC](?![IVXLCDM]*\b))", _no_numeral),
    )
)
