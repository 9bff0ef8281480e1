"""What stands inside a line: plain text, pauses, pronunciations, and other brackets.

Beside our own `[pause 0.5s]` and `[word](/phonemes/)`, forms of others are read: `[pause:500ms]`, `[break 1s]`, `[silence 1s]`,
`[[slnc 500]]`, `<#0.5#>`, and of SSML 1.1 (W3C, 2010) `<break time="500ms"/>`, `<phoneme alphabet="ipa" ph="...">` and `<sub
alias="...">`; its other elements change nothing here and are told as left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple, NoReturn

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.findings import shorten
from dialogue_tts.script.turns import MAX_PAUSE_S

_SECONDS = r"(\d{1,9}(?:\.\d{1,40})?|\.\d{1,40})\s*(ms|milliseconds?|s|secs?|seconds?)"
_PAUSE = re.compile(rf"(?:pause|break|silence|wait)\s*[:=]?\s*{_SECONDS}", re.IGNORECASE)
_LIKE_A_PAUSE = re.compile(
    r"(?:pauses?|puase|pasue|pause?d|break|wait|silence)\b.*|[a-z]+\s*[:=]?\s*-?[\d.]+\s*m?s", re.IGNORECASE
)
_SOUND = re.compile(
    r"(?:laugh|chuckl|giggl|sigh|cough|gasp|whisper|shout|groan|yawn|sniff|sobs|cry(?:ing)?\b|cries|scream|music\b|"
    r"applause|clears).*",
    re.IGNORECASE,
)
_NAME = re.compile(r"[\w#&][\w.,'’&/#-]*(?: [\w.,'’&/#-]+){0,6}")
_PRONUNCIATION = re.compile(r"\[([^\[\]]{0,200})\]\(([^()]{0,1000})\)?")
_LINK = re.compile(
    r"\s*<?(?:(?:https?://|www\.|mailto:|#)\S*|[\w./-]{1,200}\.(?:md|html?|pdf|txt|png|jpe?g|gif|svg)(?:#\S*)?)\s*",
    re.IGNORECASE,
)
_CLOCK = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?"
_TIME_MARK = re.compile(rf"{_CLOCK}(?:\s*(?:-|–|-->)\s*{_CLOCK})?")
_UNHEARD = re.compile(
    r"(?:inaudible|unintelligible|indistinct|crosstalk|cross-talk|sic|phonetic)\b.{0,20}", re.IGNORECASE
)
_CITATION = re.compile(r"\d{1,3}(?:\s?[,–-]\s?\d{1,3}){0,9}")
ADDRESS, CITATION = "a link's address", "a citation"  # which a text in one voice may hold, too
_SLNC = re.compile(r"\[\[\s*slnc\s+(\d{1,6})\s*\]\]", re.IGNORECASE)
_MARKED_PAUSE = re.compile(r"<#\s*(\d{1,4}(?:\.\d{1,3})?)\s*#>")

_ELEMENTS = (
    r"amazon:\w+|audio|break|desc|emphasis|lang|lexicon|mark|metadata|mstts:[\w-]+|p|phoneme|prosody|s|say-as|speak|sub|"
    "voice|w"
)
_ELEMENT = re.compile(rf"<(/?)({_ELEMENTS})((?:\s[^<>]{{0,300}})?)/?>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_BREAK_TIME = re.compile(_SECONDS, re.IGNORECASE)
_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}  # seconds


class Pause(NamedTuple):
    """`[pause 0.5s]`."""

    seconds: float


class Pronunciation(NamedTuple):
    """`[word](/phonemes/)`."""

    word: str
    phonemes: str


class Tag(NamedTuple):
    """Any other `[...]`: a speaker's name with its options, or a mistake."""

    name: str
    options: str | None = None  # what follows the first "|"


class LeftOut(NamedTuple):
    """Markup that is no speech, as written, and what it is."""

    source: str
    what: str


Inline = str | Pause | Pronunciation


class Mistake(Exception):
    """What is wrong in the line being read."""


def split_inline(text: str) -> list[Inline]:
    """A turn's text -> its plain stretches, pauses and pronunciations, in order; any other bracket is an error."""
    found: list[Inline] = []
    try:
        for piece in _brackets(text):
            if isinstance(piece, Tag):
                reject_tag(piece.name)
            if isinstance(piece, LeftOut):
                if piece.what in (ADDRESS, CITATION):
                    continue
                reject_tag(piece.source.strip("[]"))
            found.append(piece)
    except Mistake as mistake:
        raise ScriptError(str(mistake)) from None
    return found


def plain_text(text: str) -> str:
    """A turn's text as it is read: no pauses, words without their pronunciations, single spaces."""
    shown = (
        " " if isinstance(piece, Pause) else piece if isinstance(piece, str) else piece.word
        for piece in split_inline(text)
    )
    return " ".join("".join(shown).split())


def pieces(text: str) -> Iterator[Inline | Tag | LeftOut]:
    """What a line of a script holds, in order. Raises Mistake at brackets that do not match."""
    position = 0
    if "<" in text:
        for match in re.finditer(rf"{_MARKED_PAUSE.pattern}|{_ELEMENT.pattern}", text, re.IGNORECASE):
            if match.start() < position or escaped(text, match.start()):
                continue
            yield from _brackets(text[position : match.start()])
            position = match.end()
            if match[1]:
                yield _pause(float(match[1]), match[0])
            elif match[3].lower() in ("phoneme", "sub") and not match[2]:
                piece, position = _replaced(text, match)
                yield piece
            elif match[3].lower() == "break":
                yield _break(match)
            else:
                yield LeftOut(match[0], "speech markup that changes nothing here")
    yield from _brackets(text[position:])


def escaped(text: str, position: int) -> bool:
    """Whether a backslash in front takes a character's meaning away."""
    count = 0
    while position - count > 0 and text[position - count - 1] == "\\":
        count += 1
    return count % 2 == 1


def source(piece: Inline) -> str:
    """A piece as a script writes it; a pause is set apart by spaces."""
    match piece:
        case Pause(seconds):
            return f" [pause {number(seconds)}s] "
        case Pronunciation(word, phonemes):
            return f"[{word}](/{phonemes}/)"
        case _:
            return piece


def number(seconds: float) -> str:
    """The shortest decimal that reads back as the same number."""
    return format(Decimal(repr(seconds)), "f").removesuffix(".0")


def is_sound(name: str, pauses: bool = True) -> bool:
    """Whether a bracket asks for a sound, as [laughs] does, or, with `pauses`, is meant for a pause."""
    return bool((pauses and _LIKE_A_PAUSE.fullmatch(name)) or _SOUND.fullmatch(name))


def reject_tag(name: str) -> NoReturn:
    """Raises Mistake: what is wrong with a bracket that is neither a name, a pause nor a pronunciation."""
    shown = f"[{shorten(name)}]"
    if _LIKE_A_PAUSE.fullmatch(name):
        raise Mistake(f"{shown} is not understood; write a pause as [pause 0.5s]")
    if _SOUND.fullmatch(name):
        raise Mistake(f'{shown}: sounds cannot be acted; write a word such as "Haha" or "Oh", or remove the tag')
    if _NAME.fullmatch(name) and name[:1].isalpha():
        raise Mistake(f"{shown} is not a known tag; a speaker is written like [Anna], a pause like [pause 0.5s]")
    raise Mistake(f"{shown} is not a known tag; remove it, or put what is to be said in (parentheses)")


def _brackets(text: str) -> Iterator[Inline | Tag | LeftOut]:
    """Text and brackets in order; brackets are classified, stray ones rejected."""
    position = 0
    while position < len(text):
        opening = text.find("[", position)
        plain = text[position:] if opening < 0 else text[position:opening]
        if "]" in plain:
            before = shorten(plain[: plain.index("]")], tail=True)
            raise Mistake(f'the "]" after "{before}" has no "[" in front of it; remove it, or write both')
        if plain:
            yield plain
        if opening < 0:
            return
        if match := _SLNC.match(text, opening):
            yield _pause(int(match[1]) / 1000, match[0])
            position = match.end()
            continue
        closing = text.find("]", opening)
        inner = text[opening + 1 : closing if closing >= 0 else None]
        if closing < 0 or "[" in inner:
            raise Mistake(f'the bracket "[{shorten(inner)}" is never closed on its line; add the "]"')
        if text.startswith("(", closing + 1) and (match := _PRONUNCIATION.match(text, opening)):
            if _LINK.fullmatch(match[2]) and match[1].strip():
                yield match[1]
                yield LeftOut(f"({match[2]})", ADDRESS)
            else:
                yield _pronunciation(match)
            position = match.end()
        else:
            yield _bracket(inner)
            position = closing + 1


def _bracket(inner: str) -> Pause | Tag | LeftOut:
    name, bar, options = (" ".join(part.split()) for part in inner.partition("|"))
    if (match := _PAUSE.fullmatch(name)) and not bar:
        return _pause(_in_seconds(match), f"[{name}]")
    if not name and not bar:
        raise Mistake('"[]" is empty; write a speaker\'s name or "[pause 0.5s]" in it')
    if _TIME_MARK.fullmatch(name) and not bar:
        return LeftOut(f"[{inner}]", "a time")
    if _CITATION.fullmatch(name) and not bar:
        return LeftOut(f"[{inner}]", CITATION)
    if _UNHEARD.fullmatch(name) and not bar:
        return LeftOut(f"[{inner}]", "a mark of the transcript")
    return Tag(name, options if bar else None)


def _pause(seconds: float, shown: str) -> Pause:
    if not 0 < seconds <= MAX_PAUSE_S:
        raise Mistake(f"{shown} is out of range; ask for more than 0 s and at most {MAX_PAUSE_S:g} s")
    return Pause(seconds)


def _break(match: re.Match[str]) -> Pause | LeftOut:
    attributes = _attributes(match[4])
    if match[2]:
        return LeftOut(match[0], "speech markup that changes nothing here")
    if "time" in attributes:
        time = _BREAK_TIME.fullmatch(attributes["time"].strip().lstrip("+"))
        if not time:
            raise Mistake(f'"{shorten(match[0])}" is not understood; write a pause as <break time="500ms"/>')
        return _pause(_in_seconds(time), match[0])
    seconds = _STRENGTHS.get(attributes.get("strength", "medium").lower())
    if seconds is None:
        raise Mistake(f'"{shorten(match[0])}" is not understood; write a pause as <break time="500ms"/>')
    return Pause(seconds) if seconds else LeftOut(match[0], "no pause")


def _replaced(text: str, opening: re.Match[str]) -> tuple[Inline | LeftOut, int]:
    """`<phoneme ph="...">word</phoneme>`, `<sub alias="words">sign</sub>`, and where they end."""
    name, attributes = opening[3].lower(), _attributes(opening[4])
    closing = re.compile(rf"([^<>\[\]]{{1,200}})</{name}\s*>", re.IGNORECASE).match(text, opening.end())
    if not closing:
        return LeftOut(opening[0], "speech markup that changes nothing here"), opening.end()
    phonemes = attributes.get("ph", "").strip()
    if name == "sub" and attributes.get("alias", "").strip():
        return attributes["alias"].strip(), closing.end()
    if name == "phoneme" and phonemes and attributes.get("alphabet", "ipa").lower() == "ipa":
        return Pronunciation(" ".join(closing[1].split()), phonemes), closing.end()
    raise Mistake(f'"{shorten(opening[0])}" is not understood; write a pronunciation as "[word](/phonemes/)"')


def _attributes(written: str) -> dict[str, str]:
    return {name.lower(): html.unescape(a or b) for name, a, b in _ATTRIBUTE.findall(written)}


def _in_seconds(match: re.Match[str]) -> float:
    return float(match[1]) / (1000 if match[2].lower().startswith("m") else 1)


def _pronunciation(match: re.Match[str]) -> Pronunciation:
    word, phonemes = " ".join(match[1].split()), match[2].strip()
    if not match[0].endswith(")") or not re.fullmatch(r"/[^/]*[^/\s][^/]*/", phonemes) or not word:
        shown = shorten(match[0])
        raise Mistake(f'write a pronunciation as "[word](/phonemes/)", for example [tomato](/təmˈAto/), not "{shown}"')
    return Pronunciation(word, phonemes[1:-1].strip())
