"""Names of speakers, and the forms in which a line names one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dialogue_tts.script.directions import heading_in
from dialogue_tts.script.inline import is_sound

# Words in small letters that stand inside names: of families, and of titles as in "King Henry the Eighth".
_FAMILY = frozenset(
    "af al ap av ben bin binti bint d' da das de del della den der des di do dos du e el ibn ir la las le les lo los mac mc "
    "at from in of on ter ten ten' the til 't und van ver vom von vander y zu zum zur".split()
)
_FIRST_FAMILY = _FAMILY - {
    "at",
    "from",
    "in",
    "on",
    "e",
    "of",
    "the",
    "y",
    "und",
    "ir",
    "do",
}  # of these a name may begin with
_JOINTS = frozenset(("&", "and", "/", "+", "with"))
LONGEST_NAME = 60  # characters
MOST_WORDS = 3  # with a capital, in a label: longer ones are text more often than names

# Words that open prose, or say what kind of line it is, rather than who speaks.
PROSE = frozenset(
    "attention caution example hint important listen look note notes p.s. ps reminder remember result tip update "
    "warning edit".split()
)
HEADERS = frozenset(
    """
    act adapted attendees author authors cast characters contact copyright credit credits date duration episode featuring
    format genre guests hosts language length location logline meeting notes participants persons place podcast present
    recording revision runtime scene season series setting source starring summary synopsis tags time title topic
    transcript speakers keywords recorded published released aired transcribed edited produced audience tone style
    """.split()
) | {"summary keywords", "action items", "meeting transcript"}
SOUNDS = frozenset("ambience ambiance atmos effect fx lights lighting music sfx sound sounds stage f/x s/fx".split())

_OF_SOUND = SOUNDS | {"intro", "outro", "theme", "jingle", "break", "transition", "crowd", "silence"}
_STAMP = re.compile(r"\[\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?\][ \t]*(?=\S)")
_STAGE_BRACKET = re.compile(r"\[([^\[\]\n]{1,200})\]")

_TOKEN = r"(?!\d{1,2}:\d\d)[\w#&+/](?:[\w.'’‘#&/-]|\.(?=\w))*"
_NAME_AT = re.compile(rf"{_TOKEN}(?:,? {{1,3}}{_TOKEN}){{0,7}}")
_PICTURES = "[\u2600-\u27bf\u2b50\ufe0f\u200d\U0001f000-\U0001faff]"
_LEAD = re.compile(r"(?:>[ \t]*)*(?:[-*•◦▪‣–—·+][ \t]+|\(?\d{1,3}[.)][ \t]+)?")
_BEFORE_PICTURES = re.compile(rf"(?:~[ \t]?|{_PICTURES}{{1,8}}[ \t]*)?")
_BEHIND_PICTURES = re.compile(rf"[ \t]*{_PICTURES}{{1,8}}")
_CLOCK = r"\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,3})?(?:[ \u202f\xa0]?[AaPp]\.?[Mm]\.?)?"
_DATE = r"(?:\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{4}[./-]\d{1,2}[./-]\d{1,2})"
_DAY = r"(?:[Tt]oday|[Yy]esterday|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?:[a-z]{1,6}day|day)?)"
TIME = re.compile(
    rf"[\[(<]?(?:{_DATE}(?:,? (?:at )?|T)|{_DAY}(?: at |, | ))?{_CLOCK}(?:[ \t]*(?:-->|-|–|—)[ \t]*{_CLOCK}|, {_DATE})?[\])>]?"
)
_SYSTEM = re.compile(rf"[\[(]?{_DATE},?[ \t]+{_CLOCK}[\])]?(?:[ \t]*[-–—][ \t]+|[ \t]+)\S")
_ROLE = re.compile(r"([^,]+), ((?:CO-)?HOST|BYLINE|GUEST|ANCHOR|MODERATOR|REPORTER|PRESENTER|NARRATOR|INTERVIEWER)")
_SHORT_CLOCK = re.compile(r"\d{1,2}:\d\d")  # which may be speech
_OWN = re.compile(
    r"(?:Meeting|Recording|Call) (?:ended|started|began)\b.{0,60}$|This (?:editable )?transcript was\b.{0,150}$"
    r"|\w[\w .'-]{0,60} (?:started|stopped|joined|left) (?:the )?(?:transcription|recording|meeting|call|chat|channel)\.?$"
)
_NO_MESSAGE = re.compile(
    r"\u200e?(?:<[^<>]{0,40}omitted>|(?:image|video|audio|sticker|gif|document|contact card) omitted"
    r"|(?:this message was deleted|you deleted this message|missed (?:voice|video) call)\.?"
    r"|messages and calls are end-to-end encrypted\..{0,200})",
    re.IGNORECASE,
)
_AFTER_TIME = re.compile(r"[ \t]*(?:[-–—|][ \t]+)?")
_MARKS = re.compile(r"[*_]{1,3}")
_ASIDE = re.compile(r"[ \t]*(?P<marks>[*_]{0,3})(?P<aside>\([^()\n]{0,200}\)|\[[^\[\]\n]{0,200}\])(?P=marks)")
_OPTIONS = re.compile(r"[ \t]*\|([^:\[\]：\n]{0,200})")
_CONTINUED = re.compile(
    r"cont['’]?d\.?|continued|continuing|v\.?\s?o\.?|o\.?\s?[sc]\.?|off[ -]?(?:screen|stage|camera)|more", re.IGNORECASE
)


@dataclass(frozen=True)
class Label:
    """A speaker's name as a line gives it.

    Attributes:
        name: without markup, numbers and directions.
        options: what follows a "|"; None without one.
        asides: `(...)` beside the name, as written.
        times: times beside the name, as written.
        end: where in the line the speech begins.
        written: the label as it stands in the line.
        spaced: whether a space, or the line's end, is behind it.
        bracketed: as in `[Anna]: Hello`.
    """

    name: str
    options: str | None
    asides: tuple[str, ...]
    times: tuple[str, ...]
    end: int
    written: str
    spaced: bool = True
    bracketed: bool = False


def is_name(name: str, most: int = 2 * MOST_WORDS) -> bool:
    """Whether it can be a speaker's: words with capitals (`2nd Guard`, `Guard #2`, `de Vries`, `Ben & Tom`)."""
    if not 0 < len(name) <= LONGEST_NAME or is_sound(name):
        return False
    words = name.replace(",", " ,").split()
    counts, capital, last = [0], False, ""
    for place, word in enumerate(words):
        low = word.casefold()
        if word == "," or (low in _JOINTS and place):
            if last != "word" or place == len(words) - 1:
                return False
            counts.append(0)
            last = "joint"
        elif low in _FAMILY and word == low:
            if (place == 0 and low not in _FIRST_FAMILY) or place == len(words) - 1:
                return False
            last = "family"
        elif all(_is_word(part) for part in word.split("/")):
            capital = capital or any(_has_capital(part) for part in word.split("/"))
            counts[-1] += 1
            last = "word"
        else:
            return False
    return capital and last == "word" and max(counts) <= most


def is_several(name: str) -> bool:
    """Whether a name is of several people: `Anna and Ben`, `Ben/Tom`."""
    words = name.casefold().replace(",", " , ").split()
    return any(word in _JOINTS or word == "," for word in words[1:]) or "/" in name


def read_label(line: str) -> Label | None:
    """The label `Name:` that opens a line, in whatever dress; None where none does."""
    if ":" not in line and "：" not in line:
        return None
    head = _read_head(line, len(line) - len(line.lstrip()))
    if head is None:
        return None
    label, position, marks = head
    inner_bracket = label.bracketed and line[position : position + 1] not in ":："
    position = _skip(line, position)
    if inner_bracket or line[position : position + 1] not in (":", "："):
        return None
    wide = line[position] == "："
    position += 1
    if marks and line.startswith(marks, position):
        position, marks = position + len(marks), ""
    if marks:  # emphasis that goes on into the speech is no label
        return None
    rest = line[position:]
    spaced = wide or not rest or rest[0].isspace()
    if not spaced and not (rest[0].isalpha() or rest[0] in "\"'“‘([*_¿¡…"):
        return None
    if rest.startswith("//"):
        return None
    name, asides = label.name, label.asides
    if match := _ROLE.fullmatch(name):  # STEVE INSKEEP, HOST:
        name, asides = match[1], (*asides, f"({match[2]})")
    return Label(name, label.options, asides, label.times, position, line[:position].strip(), spaced, label.bracketed)


def is_system_line(line: str) -> bool:
    """Whether a chat's own line tells of the chat, and nobody speaks: a date and a time without a name."""
    if _OWN.match(line) or (TIME.fullmatch(line) and not _SHORT_CLOCK.fullmatch(line)):
        return True
    return bool(_SYSTEM.match(line)) and read_label(line) is None


def read_stage_bracket(line: str) -> str | None:
    """`[INTRO MUSIC]`, `[SFX: a jar opens]`, `[Laughter]`: the words of a bracket that is a line of its own and asks for a
    sound or tells what happens; None for any other line."""
    match = _STAGE_BRACKET.fullmatch(_STAMP.sub("", line.strip(), count=1).strip("*_ "))
    if not match:
        return None
    words = match[1].strip()
    tokens = re.findall(r"[\w'’/]+", words)
    sound = is_sound(words, pauses=False) or _OF_SOUND & {token.casefold() for token in tokens}
    sentence = len(tokens) > 2 and any(token.islower() for token in tokens) and not is_name(words)
    return words if sound or sentence or heading_in(words) else None


def is_no_message(speech: str) -> bool:
    """Whether a message of a chat holds no words: pictures, what was deleted, emoji."""
    return bool(_NO_MESSAGE.fullmatch(speech.strip())) or not any(c.isalnum() for c in speech)


def read_cue(line: str) -> Label | None:
    """A name that stands alone on its line, as in screenplays; None where something else does."""
    head = _read_head(line, len(line) - len(line.lstrip()))
    if head is None:
        return None
    label, position, marks = head
    rest = line[position:].strip()
    if rest[:2] in ("— ", "– ", "- ", "• ", "| ") and TIME.match(rest[2:]):  # anna — Today at 4:12 PM
        rest = rest[2:].strip()
    if match := TIME.match(rest):
        label = Label(label.name, label.options, label.asides, (*label.times, match[0]), 0, "")
        rest = rest[match.end() :].strip()
    if marks or rest.rstrip("^: ") or label.name.endswith((".", ",")) or label.bracketed:
        return None
    return Label(label.name, label.options, label.asides, label.times, len(line), line.strip())


_DOT_NAME = r"(?:(?:MR|MRS|MS|DR|ST|REV|CAPT|LT|SGT)\. )?[A-ZÀ-ÖØ-Þ\d][\w'’&#-]*(?: [\w'’&#-]+){0,5}"
_DOTTED = re.compile(
    rf"[ \t]*({_DOT_NAME}),?(?P<asides>(?:[ \t]*[\[(][^\[\]()\n]{{0,200}}[\])])*)"
    r"(?:[.]|[ \t]+[-–—]|\t|[—]| (?= ))(?:[ \t]*—)?(?=\s|$)"
)
_ADDRESSES = frozenset("mr mrs ms dr st rev capt lt sgt".split())
_ITALIC = re.compile(r"[ \t]*([_*]{1,2})([A-ZÀ-ÖØ-Þ][\w'’-]*(?: [\w'’-]+){0,3})\.\1(?=\s|$)")


def read_dotted(line: str) -> Label | None:
    """A name in capitals that opens a line as printed plays have it: `ANNA. Hello.`, `ANNA - Hello.`, `_Ham._ Hello.`"""
    if match := _ITALIC.match(line):
        return Label(match[2], None, (), (), match.end(), match[0].strip()) if is_name(match[2], MOST_WORDS) else None
    match = _DOTTED.match(line)
    if not match or match[1].casefold() in _ADDRESSES or not is_capitals(match[1]) or not is_name(match[1], 4):
        return None
    asides = tuple(re.findall(r"[\[(][^\[\]()]*[\])]", match["asides"]))
    return Label(match[1], None, asides, (), match.end(), match[0].strip())


def is_capitals(name: str) -> bool:
    """Whether a name is written in capitals throughout."""
    letters = [letter for letter in name if letter.isalpha()]
    return len(letters) > 1 and all(not letter.islower() for letter in letters)


def is_mark(aside: str) -> bool:
    """Whether what stands beside a name is a mark of the screenplay, as (CONT'D) or (V.O.), and nothing to act."""
    parts = re.split(r"[/,;]| and ", aside.strip("()[] "))
    return all(_CONTINUED.fullmatch(part.strip()) for part in parts)


def _read_head(line: str, position: int) -> tuple[Label, int, str] | None:
    """The name at a line's start, with what may stand around it: -> label, where it ends, emphasis still open."""
    lead = _LEAD.match(line, position)
    position, times, marks = _before_name(line, lead.end() if lead else position)
    position = _BEFORE_PICTURES.match(line, position).end()  # type: ignore[union-attr]  # which matches anything
    bracketed = line[position : position + 1] == "["
    match = _NAME_AT.match(line, position + bracketed)
    if not match:
        return None
    name = match[0].rstrip("_") if "_" in marks else match[0]
    position = match.start() + len(name)
    if bracketed:
        if line[position : position + 1] != "]":
            return None
        position += 1
    if match := _BEHIND_PICTURES.match(line, position):
        position = match.end()
    position, marks = _close_marks(line, position, marks)
    asides: list[str] = []
    options = None
    for _ in range(3):
        if match := _ASIDE.match(line, position):
            (times if TIME.fullmatch(match["aside"]) else asides).append(match["aside"])
            position = match.end()
        elif options is None and (match := _OPTIONS.match(line, position)):
            options, position = match[1], match.end()
    position, marks = _close_marks(line, position, marks)
    label = Label(" ".join(name.split()), options, tuple(asides), tuple(times), position, "", bracketed=bracketed)
    return label, position, marks


def _before_name(line: str, position: int) -> tuple[int, list[str], str]:
    """Where a name begins, times in front of it, and the marks of emphasis that open there."""
    times: list[str] = []
    marks = ""
    for _ in range(2):
        if not marks and (match := _MARKS.match(line, position)):
            marks, position = match[0], match.end()
        if match := TIME.match(line, position):
            times.append(match[0])
            after = _AFTER_TIME.match(line, match.end())
            position = after.end() if after else match.end()
    return position, times, marks


def _close_marks(line: str, position: int, marks: str) -> tuple[int, str]:
    """Behind the marks that close an emphasis, if they do."""
    after = _skip(line, position)
    return (after + len(marks), "") if marks and line.startswith(marks, after) else (position, marks)


def _skip(line: str, position: int) -> int:
    while line[position : position + 1] in (" ", "\t"):
        position += 1
    return position


def _is_word(word: str) -> bool:
    """With a capital, a letter without case, or a number: `Anna`, `O'Neil`, `2nd`, `#2`, `d'Artagnan`, `李`."""
    core = word.lstrip("#").replace("’", "'")
    if not core:
        return False
    if core[0].isdigit():
        return True
    return _has_capital(core)


def _has_capital(word: str) -> bool:
    core = word.replace("’", "'")
    first = core[:1]
    if first.isalpha() and not first.islower():
        return True
    return bool(re.match(r"(?:[a-z]{1,2}'|al-|el-|Mc|mac)[^\W\d_a-z]", core))
