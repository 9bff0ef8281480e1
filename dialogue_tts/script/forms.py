"""In which form a script names its speakers: decided once, from all its lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from dialogue_tts.script.directions import heading_in, is_credit, is_movement
from dialogue_tts.script.labels import (
    HEADERS,
    PROSE,
    SOUNDS,
    TIME,
    Label,
    is_capitals,
    is_name,
    read_cue,
    read_dotted,
    read_label,
    read_stage_bracket,
)

_BRACKET = re.compile(
    r"[ \t]*(?:>[ \t]*)*(?:[-*•][ \t]+|\d{1,3}[.)][ \t]+)?[*_]{0,3}\[([^\[\]|\n]{1,60})(?:\|[^\[\]\n]{0,200})?\](?!\()"
)
_NICK = re.compile(r"[\w.]{2,32}")
_NO_SPEAKERS = HEADERS | SOUNDS | PROSE
_PAUSES = re.compile(r"[ \t]*(?:\[\s*(?:pause|break|silence|wait)\b[^\[\]]{0,60}\]\s*)+", re.IGNORECASE)


class Form(Enum):
    """How speakers are named."""

    BRACKETS = "[Anna] Hello."
    LABELS = "Anna: Hello."
    CUES = "ANNA, on a line of its own"
    DOTTED = "ANNA. Hello."
    GIVEN = "by the document"  # the lines come with their speakers
    PROSE = "by nobody"  # a narrator reads it


PLAYS = (Form.CUES, Form.DOTTED)  # in which brackets are directions, and so are paragraphs without a name


class Line(NamedTuple):
    """A line of a script, or a paragraph of a document.

    Attributes:
        number: from 1, for messages.
        text: as written.
        speaker: where the document says who speaks; a turn begins here.
        beside: `(...)` beside the name.
        aside: it is no speech, as the document says; heading: it is a heading besides.
        start_s, end_s: when it is to be heard, where the document says so.
    """

    number: int
    text: str
    speaker: str | None = None
    aside: bool = False
    beside: tuple[str, ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    heading: bool = False


@dataclass
class Counts:
    """What the lines of a script look like.

    Attributes:
        labels, cues, dotted: names (casefolded) in each form, and how often.
        spellings: casefolded name -> how it is first written.
        brackets: how many lines begin with a name in brackets.
        plain_cues: how many cues are in capitals, or beside a time.
        first: the form of the first line that names a speaker in brackets or by a label.
        prose: whether a label such as "Note:" was met, which is one only where there are no others.
        paragraphs: how many there are.
        tight: names in capitals that recur alone on lines with no empty line in front, and any with a time.
    """

    labels: Counter[str] = field(default_factory=Counter)
    cues: Counter[str] = field(default_factory=Counter)
    dotted: Counter[str] = field(default_factory=Counter)
    spellings: dict[str, str] = field(default_factory=dict)
    plain_cues: int = 0  # in capitals, or with a time
    brackets: int = 0
    first: Form | None = None
    prose: bool = False
    paragraphs: int = 0
    tight: frozenset[str] = frozenset()


def survey(lines: Sequence[Line]) -> Counts:
    """Look at all lines once."""
    counts, tight, timed = Counts(), Counter[str](), set[str]()
    blank = True
    for place, line in enumerate(lines):
        text = line.text
        if not text.strip() or line.aside:
            blank = True
            continue
        counts.paragraphs += blank
        if not heading_in(text):
            following = lines[place + 1].text if place + 1 < len(lines) else ""
            _count(counts, text, blank, following)
            if not blank and following.strip() and (cue := cue_in(text)) and (cue.times or is_capitals(cue.name)):
                tight[cue.name.casefold()] += 1
                timed |= {cue.name.casefold()} if cue.times else set()
        blank = bool(heading_in(text))
    recurring = {name: count for name, count in tight.items() if count + counts.cues[name] > 1 or name in timed}
    counts.cues.update(recurring)
    counts.plain_cues += sum(recurring.values())
    counts.tight = frozenset(recurring)
    return counts


def form_of(lines: Sequence[Line], counts: Counts) -> Form:
    """Which form the script is in."""
    if any(line.speaker is not None for line in lines):
        return Form.GIVEN
    labels, cues, dotted = (sum(found.values()) for found in (counts.labels, counts.cues, counts.dotted))
    if counts.first is Form.BRACKETS and counts.brackets >= max(dotted, cues):
        return Form.BRACKETS
    if dotted >= 2 and dotted > max(labels, cues) and max(counts.dotted.values()) > 1:
        return Form.DOTTED
    recurring = any(count > 1 for count in counts.cues.values())
    sure = counts.plain_cues >= 1 if not labels else counts.plain_cues >= 2
    whole = cues >= 2 and recurring and 2 * cues >= counts.paragraphs
    if cues > labels and (sure or whole):
        return Form.CUES
    return Form.LABELS if counts.first is Form.LABELS or (counts.prose and not counts.first) else Form.BRACKETS


def is_prose(form: Form, counts: Counts) -> bool:
    """Whether a text of several paragraphs names nobody: what few labels it has are a novel's."""
    if counts.paragraphs < 2 and not counts.first:
        return False
    labels = sum(counts.labels.values())
    few = labels * 8 < counts.paragraphs and max(counts.labels.values(), default=0) < 3
    return (form is Form.BRACKETS and counts.first is None) or (form is Form.LABELS and few)


def titles_in(lines: Sequence[Line], form: Form, document: bool) -> frozenset[int]:
    """Numbers of lines in front of the first name that are no speech: titles and the like, set apart by an empty line, or
    whatever stands in front of a heading or a rule.

    document: they all are.
    """
    names = {Form.LABELS: speaker_label_in, Form.BRACKETS: bracket_in}.get(form)
    first = next((place for place, line in enumerate(lines) if names and not line.aside and names(line.text)), None)
    if first is None:
        return frozenset()
    before = lines[:first]
    heads = [place for place, line in enumerate(before) if line.aside or heading_in(line.text)]
    titles = {line.number for line in (before if document else before[: heads[-1]] if heads else ())}
    while before and not before[-1].text.strip():
        before = before[:-1]
    if len(before) < first:
        titles |= {line.number for line in before if _like_a_title(line.text.strip())}
    return frozenset(titles)


def with_whole_brackets(lines: Sequence[Line]) -> list[Line]:
    """Lines of a play, in which what stands in brackets may go over a few lines: each bracket on the line it begins."""
    found: list[Line] = []
    place: int | None = None  # of the line whose bracket is open
    for line in lines:
        if place is not None and line.text.strip() and len(found[place].text) < 2000:
            found[place] = found[place]._replace(text=f"{found[place].text} {line.text.strip()}")
        else:
            found.append(line)
            place = len(found) - 1
        text = found[place].text
        place = place if text.rfind("[") > text.rfind("]") else None
    return found


def with_near_cues(lines: Sequence[Line]) -> list[Line]:
    """`ANNA`, an empty line and what she says, in some paragraphs, as interviews are printed: names taken out of the text."""
    found: dict[int, Label] = {}
    texts = [line.text.strip() for line in lines]
    paragraphs = 0
    for place, text in enumerate(texts):
        alone = bool(text) and not (place and texts[place - 1])
        paragraphs += alone
        if not alone or lines[place].speaker is not None or ":" in text or texts[place + 1 : place + 2] != [""]:
            continue
        if not lines[place].aside and (cue := cue_in(text)) and is_capitals(cue.name):
            found[place] = cue
    names = Counter(cue.name.casefold() for cue in found.values())
    recurring = [place for place, cue in found.items() if names[cue.name.casefold()] > 1]
    if len(recurring) < 2 or len(found) < 3 or 3 * len(found) < paragraphs:
        return list(lines)
    first = min(found)
    return [
        line._replace(text="", speaker=found[place].name, beside=(*found[place].asides, *found[place].times))
        if place in found
        else line._replace(aside=line.aside or place < first or heading_in(line.text) is not None)
        for place, line in enumerate(lines)
    ]


def label_in(text: str) -> Label | None:
    """A label that opens a line, where its name is one: `Anna:`, not `He said:`."""
    label = read_label(text)
    if not label or _is_address(text, label) or label.name.casefold().startswith("by "):
        return None
    stamped = bool(label.times) and _NICK.fullmatch(label.name) is not None  # [9:01 PM] anna_99: Hi
    return label if stamped or is_name(label.name, 3) else None


def speaker_label_in(text: str) -> Label | None:
    """The same, where the name is a speaker's beyond doubt: not `Title:`, `SFX:`, `Note:` or `Yes, Ben:`."""
    label = label_in(text)
    return label if label and label.name.casefold() not in _NO_SPEAKERS and "," not in label.name else None


def cue_in(text: str) -> Label | None:
    """A name that is alone on its line."""
    if len(text) > 100 or heading_in(text):
        return None
    cue = read_cue(text)
    if cue is None or cue.name.casefold() in SOUNDS | HEADERS:
        return None
    if is_name(cue.name, 5 if is_capitals(cue.name) else 3):
        return cue
    if cue.times and (_NICK.fullmatch(cue.name) and re.search(r"[—–•|/]|(?i:day)", cue.written)):
        return cue  # anna_99 — Today at 4:12 PM
    capitals = is_capitals(cue.name) and is_name(cue.name.title(), 6)  # MAN IN BLACK
    return cue if capitals else None


def dotted_in(text: str) -> Label | None:
    """A name in capitals and a full stop that open a line."""
    return None if heading_in(text) else read_dotted(text)


def bracket_in(text: str) -> bool:
    """Whether a line begins with a speaker's name in brackets."""
    match = _BRACKET.match(text, pauses_at(text))
    return match is not None and is_bracket_name(" ".join(match[1].split()))


def is_bracket_name(name: str) -> bool:
    """Whether what stands in brackets is a speaker's name: it may have words in small letters behind the first."""
    if is_movement(name) or TIME.fullmatch(name):
        return False
    if is_name(name):
        return True
    words = name.split()
    return 1 < len(words) <= 4 and is_name(words[0]) and is_name(" ".join(w.capitalize() for w in words), 4)


def pauses_at(text: str) -> int:
    """Where a line goes on behind the pauses that open it."""
    match = _PAUSES.match(text)
    return match.end() if match else 0


def _count(counts: Counts, text: str, blank: bool, following: str) -> None:
    text = text[pauses_at(text) :]
    if not text.strip() or text.lstrip().startswith(("# ", "##")) or read_stage_bracket(text):
        return
    if bracket_in(text):
        counts.first = counts.first or Form.BRACKETS
        counts.brackets += 1
        return
    label = label_in(text)
    counts.prose = counts.prose or bool(label and label.name.casefold() in PROSE)
    if label and (label := speaker_label_in(text)):
        counts.first = counts.first or Form.LABELS
        counts.labels[label.name.casefold()] += 1
        counts.spellings.setdefault(label.name.casefold(), label.name)
    elif (dotted := dotted_in(text)) and not label:
        counts.dotted[dotted.name.casefold()] += 1
    elif blank and following.strip() and (cue := cue_in(text)):
        counts.cues[cue.name.casefold()] += 1
        counts.plain_cues += is_capitals(cue.name) or bool(cue.times)


def _like_a_title(content: str) -> bool:
    short = len(content.split()) <= 12 and not content.endswith((".", "!", "?"))
    return short or content.endswith(":") or is_credit(content)


def _is_address(text: str, label: Label) -> bool:
    return text[label.end - 1 :].startswith("://")
