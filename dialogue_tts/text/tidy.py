"""Characters as they are written -> plain ones: one kind of quote and dash, no emoji, Latin letters, one line.

Every step looks at each character a bounded number of times: runs are matched as runs, and nothing is matched twice.
"""

from __future__ import annotations

import html
import re
import unicodedata
from functools import lru_cache

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.words import KEPT_WORDS

LONGEST_WORD = 80  # letters; a longer one is read in parts of so many

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
    "♯": " sharp",
    "♭": " flat",
    "¿": "",
    "¡": "",
}
_KEPT_SYMBOLS = frozenset("$£€¥₹₩₽₺₪₿¢%&+#@°=<>~*^|±×÷§¶©®™→µ²³½¼¾_\\/–—")
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
_ROMAN = re.compile("[\u2160-\u217f]+")  # letters of their own: Ⅳ, ⅻ
_UNUSUAL = re.compile(r"[^ !-Z\\^-z|~]")
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6}|#[xX][0-9A-Fa-f]{1,5});")
_HTML = re.compile(  # what marks up words and is not heard
    r"</?(?:i|b|u|s|em|strong|span|font|small|big|sub|sup|mark|q|cite|p|br|hr|div|li|ul|ol|a|h[1-6])(?: [^<>]{0,400})? ?/?>",
    re.IGNORECASE,
)
_BREAKING = ("<br", "<p", "</p", "<hr", "<div", "</div", "<li", "</li", "<h", "</h")
_CITATION = re.compile(r"\[\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,9}\]")
_MARKDOWN = tuple(
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"(?<![\w\\])(\*{1,3}|_{1,3})(?=[^\s*_])([^*_\n]{1,400}?)(?<=[^\s*_])\1(?!\w)", r"\2"),  # **bold**
        (r"``?(?=[^\s`])([^`\n]{1,400}?)``?", r"\1"),
        (r"(?<!~)~~([^~\n]{1,400}?)~~", r"\1"),
    )
)
_FACE = re.compile(r"(?<!\S)(?:[:;=]'?-?[()DPpO/|]|<3|[xX]D|\^_*\^)(?![\w/])")
_SHORTCODE = re.compile(r"(?<!\S):[a-z][a-z0-9_+-]{1,40}:(?!\w)")  # :smile:
_STACKED = re.compile("([\u0300-\u036f]{4})[\u0300-\u036f]+")  # no letter has so many; to sort them takes long
_MARKS = re.compile(r"[.,;:!?]{4,}")
_RANGE = r"(?!(?<=\b[A-Z])–[A-Z]\b)(?!(?<=\d[kKmMbB])–[$£€]\d)"  # A–F, $3M–$5M
_RANGE += r"(?!(?:(?<=\d[ap]m )|(?<= [ap]m )|(?<=[ap]\.m\. ))[-–] \d)"  # 9 a.m. - 5 p.m.
_BREAKS = re.compile(rf"—|-{{2,}}|(?<!\d){_RANGE}–(?!\d)|(?<= )(?<!\d ){_RANGE}[-–](?= )|(?<=\d )[-–](?= (?!\d))")
_DAY = r"(?:Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)"
_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)"
)
_SPAN = re.compile(rf"\b(?:({_DAY})\.? ?[-–] ?(?={_DAY}\b)|({_MONTH})\.? ?[-–] ?(?={_MONTH}\b))")
_GRADE = re.compile(  # `a C-`; `B- but` is a stammer
    r"(\b(?i:an?|of|got|my|his|her|grade) |^|(?<=[,;] ))([A-D])[-–]"
    r"(?:(?<=\w [A-D].)(?=$|[.,;:!?)\"]| (?:for|and|or)\b)|(?= (?:in [a-z]|on (?:the|my|his|her)|student|average|grade)))"
)
_DASHES = re.compile(r"[\s—]*—[\s—]*")


def tidy(text: str) -> str:
    """The same words in plain characters, on one line, with spaces between words and after marks.

    Dashes and parentheses become the commas a reader hears; emoji, citations and signs nobody pronounces go.
    Letters of scripts the front end cannot read are a ScriptError.
    """
    text = _ENTITY.sub(lambda entity: html.unescape(entity[0]), text) if "&" in text else text
    text = _HTML.sub(_unmarked, text) if ">" in text else text
    text = unicodedata.normalize("NFC", _STACKED.sub(r"\1", text))
    for pattern, plain in _MARKDOWN if any(sign in text for sign in "*_`~") else ():
        text = pattern.sub(plain, text)
    text = _CITATION.sub("", text).translate(_PLAIN)
    text = _ROMAN.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = _UNUSUAL.sub(lambda found: _plain_character(found[0], found.string, found.start()), text)
    text = _SHORTCODE.sub("", _FACE.sub(" ", text))
    text = re.sub(r"(?<=[^\W\d_]{2})\((\w{1,3})\)", r"\1", text)  # turn(s)
    text = re.sub(r"\b([Aa])\(n\)(?= (.))", lambda m: m[1] + "n" * (m[2] in "aeiouAEIOU"), text)
    text = re.sub(r"\b([a-zA-Z])\(([a-z])\)", r"\1 of \2", text)  # f(x)
    text = _GRADE.sub(r"\1\2 minus", text)
    text = re.sub(r"(?<=\+\d\d) \(0\) ?", " 0 ", text)  # +44 (0)20
    text = _without_dashes(" ".join(text.split()))
    text = _MARKS.sub(lambda run: _few_marks(run[0]), text)
    text = re.sub(r" (?=[,;:!?]|\.(?!\w))", "", text)
    return " ".join(map(_open_out, text.split()))


def _unmarked(tag: re.Match[str]) -> str:
    """A tag within a word parts nothing, one of a paragraph or a line does."""
    return " " if tag[0].lower().startswith(_BREAKING) else ""


def _without_dashes(text: str) -> str:
    """Dashes and parentheses -> commas, or nothing beside another mark; three dots where the text breaks off."""
    text = _SPAN.sub(lambda m: f"{m[1] or m[2]}-", text)  # Mon.–Fri. has no break
    text = _BREAKS.sub(" — ", text)
    if broken := re.search(r"(?<=\w)\W*$", text):
        tail = broken[0]
        if "—" in tail and not tail[: tail.index("—")].strip(" ,"):
            text = text[: broken.start()] + "..."
    text = re.sub(r"\((?!\d{3}\))|(?<!\(\d{3})\)", " — ", text)
    text = _DASHES.sub(" — ", text)
    text = re.sub(r" — (?=[.,;:!?])", "", text)
    text = re.sub(r"(?<=[.,;:!?]) — ", " ", text)
    text = text.replace(" — ", ", ")
    return re.sub(r"[\s,]{2,}", lambda run: ", " if "," in run[0] else " ", text)


def _few_marks(marks: str) -> str:
    """A long run of marks -> the few that are heard."""
    dots = "..." if "..." in marks else ""
    return dots + next((mark for mark in "?!" if mark in marks), "" if dots else marks[0])


def _plain_character(c: str, text: str, i: int) -> str:
    if c in _KEPT_SYMBOLS:
        return c
    if c.isascii():
        return " "
    if c in _SYMBOL_WORDS:
        word = _SYMBOL_WORDS[c]
        return f" {word} " if word.isalpha() or " " in word else word
    category = unicodedata.category(c)
    if category == "Nd":
        return str(unicodedata.decimal(c))
    if category == "No":
        number = unicodedata.normalize("NFKC", c)  # ①, ⁵
        if unicodedata.decomposition(c).startswith("<super>"):
            return c if c in "²³" else f"^{number}"
        return c if "⁄" in number else number if number.isdigit() else " "
    if category[0] == "L":
        return _plain_letter(c, text, i)
    return "" if category[0] == "M" else " "


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


def _open_out(word: str) -> str:
    """A space after marks in the middle of a word, unless it is an address; words too long to be any in parts."""
    if len(word) > LONGEST_WORD:
        word = re.sub(rf"([^\W_]{{{LONGEST_WORD}}}|\S{{{2 * LONGEST_WORD}}})(?=\S)", r"\1 ", word)
        return _spaced.__wrapped__(word)
    return _spaced(word)


@lru_cache(KEPT_WORDS)
def _spaced(word: str) -> str:
    if re.search(r"://|@|^www\.", word):
        return word
    word = re.sub(r"(?<=\w)\.{3,}(?=\w)", "... ", word)
    return re.sub(r"(?<=[^\W\d])([,;!?]+)(?=[^\W\d])", r"\1 ", word)
