"""Lines that hold their speaker apart from what is said: `ANNA<tab>Hello.`, `<anna> hello`, `Anna -> Hello.`; and what a
language model adds to its script.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

from dialogue_tts.script.directions import heading_in
from dialogue_tts.script.forms import Line, bracket_in, dotted_in, speaker_label_in
from dialogue_tts.script.labels import TIME, is_name

_NICK = re.compile(rf"\s*(?P<time>{TIME.pattern})?\s*<[@+~&%]?(?P<name>[\w^`{{}}|.-]{{1,30}})>\s+(?=\S)")
_CELL = re.compile(r"[ \t]*(?P<name>[^\s:][^\t:]{0,59}?):?[ ]*\t[ \t]*(?=\S)")
_POINTED = re.compile(r"\s*(?P<name>[^\s:<>=–—-][^\t:<>=–—-]{0,59}?)\s*(?:[-=]>|→|»|>>|\s[-–—])\s+(?=\S)")
_ASKED = re.compile(r"\s*(?P<name>[QA])\.\s+(?=\S)")  # of court reports
_FROM_TO = re.compile(rf"({TIME.pattern})\s+From\s+(\S.{{0,59}}?)(?:\s+[Tt]o\s+[^:]{{1,60}}?)?\s*:\s*")
_ACTION = re.compile(rf"\s*(?:{TIME.pattern})?\s*(?:\*|-!-|---|-->|<--|\*\*\*)\s")
_SAID = re.compile(r"\s*(?P<name>[A-Z][\w.-]{0,20}(?: [\w.-]{1,20})?) said:\s*")  # as a chat's page is copied
_HEADED = re.compile(r"\s*#{1,6}\s+[*_]{0,3}(?P<name>[^\s:#*_][^:#\n]{0,40}?)[*_]{0,3}:[*_]{0,3}\s*")
_SHOUTED = re.compile(  # HAMLET To be
    r"[ \t]*(?P<name>(?:\d )?[A-Z][A-Z.'’-]+(?: [A-Z][A-Z.'’-]+){0,2})(?:[ ,]*(?:\[[^\[\]]{1,80}\]))?"
    r"[ ]+(?=[\"“'‘]?(?:[A-Z][a-z'’]|[IOA]\b|\d))"
)
_SHORTENED = re.compile(r"[ \t]*(?P<name>(?:\d )?[A-Z][a-z]{1,11}(?: [A-Z][a-z]{1,11})?)\.\s+(?=\S)")  # Macb. So foul
_NO_NAMES = frozenset(
    "yes no well oh ah good right sure okay ok really mr mrs ms dr st now so then but and never nothing please".split()
)
_OFFER = r"let me know|feel free|would you like|want me to|i hope (?:this|that)|i can also|if you(?:['’]d| would) like"
_WORK = r"dialogues?|scripts?|conversations?|scenes?|version|another one|changes?|adjust\w*|tweak\w*|longer|shorter|revis\w+"
_LAST_WORD = re.compile(rf"[(*_]{{0,2}}(?:{_OFFER})\b.{{0,200}}?\b(?:{_WORK})\b", re.IGNORECASE)
_COLUMNS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (_NICK, bool),
    (_CELL, is_name),
    (_POINTED, is_name),
)
_SHARE = 0.8  # of the lines, which hold a speaker


def with_speakers(lines: Sequence[Line]) -> list[Line]:
    """Lines with their speakers taken out of the text, where nearly all hold one in the same way; else as they are."""
    if any(line.speaker is not None for line in lines):
        return list(lines)
    asked = _with_questions(_with_heads([_from_to(line) for line in lines]))
    places = [place for place, line in enumerate(asked) if line.text.strip() and not line.aside]
    for pattern, is_speaker in _COLUMNS:
        matches = {place: pattern.match(asked[place].text) for place in places}
        found = {place: match for place, match in matches.items() if match and is_speaker(match["name"])}
        if pattern is _POINTED and len(found) == len({match["name"] for match in found.values()}):
            continue  # Monday - washing. Tuesday - ironing.
        others = sum(not _ACTION.match(asked[place].text) for place in places if place not in found)
        if len(found) >= 2 and len(found) >= _SHARE * (len(found) + others):
            return [_split(line, found.get(place)) for place, line in enumerate(asked)]
    return _of_verse(asked) or asked


def without_last_word(lines: Sequence[Line]) -> list[Line]:
    """What a language model says behind a script of its own (`Let me know if you'd like a longer version!`) is no speech."""
    last = next((place for place in range(len(lines) - 1, 0, -1) if lines[place].text.strip()), 0)
    apart = last and not lines[last - 1].text.strip() and lines[last].speaker is None
    if apart and _LAST_WORD.match(lines[last].text.strip()):
        return [*lines[:last], lines[last]._replace(aside=True), *lines[last + 1 :]]
    return list(lines)


def _of_verse(lines: Sequence[Line]) -> list[Line] | None:
    """Plays whose names are capitals in front of verse, or shortened with a full stop; None if these lines are none."""
    texts = [line.text for line in lines]
    if any(speaker_label_in(text) or bracket_in(text) for text in texts):
        return None
    if sum(dotted_in(text) is not None for text in texts) > 1:
        return None
    said = [
        place
        for place, (line, text) in enumerate(zip(lines, texts, strict=True))
        if text.strip() and not line.aside and not heading_in(text) and text.strip()[0] not in "[("
    ]
    opening = [place for place in said if not place or not texts[place - 1].strip()]
    for pattern, among, share in ((_SHOUTED, said, 0.4), (_SHORTENED, opening, _SHARE)):
        matches = {place: pattern.match(texts[place]) for place in said}
        found = {place: match for place, match in matches.items() if match and _is_short_name(match["name"])}
        names = Counter(match["name"] for match in found.values())
        if len(found) >= 3 and len(names) >= 2 and max(names.values()) >= 2 and len(found) >= share * len(among):
            first = min(found)
            return [
                line._replace(speaker=found[place]["name"], text=line.text[found[place].end() :])
                if place in found
                else line._replace(aside=line.aside or place < first or heading_in(line.text) is not None)
                for place, line in enumerate(lines)
            ]
    return None


def _is_short_name(name: str) -> bool:
    return name.split()[0].casefold().strip(".") not in _NO_NAMES and is_name(name)


def _with_heads(lines: Sequence[Line]) -> list[Line]:
    """`You said:` and `### User:` alone on lines as labels, where there are several."""
    for pattern in (_SAID, _HEADED):
        found = [
            match if (match := pattern.fullmatch(line.text)) and is_name(match["name"]) else None for line in lines
        ]
        if sum(match is not None for match in found) >= 2:
            return [
                line._replace(text=f"{match['name']}:") if match else line
                for line, match in zip(lines, found, strict=True)
            ]
    return list(lines)


def _from_to(line: Line) -> Line:
    """`10:02:11 From Tom to Everyone: Hi`, as meetings export their chat, as a label."""
    match = _FROM_TO.match(line.text) if "From" in line.text else None
    return line._replace(text=f"{match[1]} {' '.join(match[2].split())}: {line.text[match.end() :]}") if match else line


def _with_questions(lines: Sequence[Line]) -> list[Line]:
    """`Q. When?` and `A. Then.` as labels, where both are there."""
    found = [_ASKED.match(line.text) for line in lines]
    if {match["name"] for match in found if match} != {"Q", "A"}:
        return list(lines)
    return [
        line._replace(text=f"{match['name']}: {line.text[match.end() :]}") if match else line
        for line, match in zip(lines, found, strict=True)
    ]


def _split(line: Line, match: re.Match[str] | None) -> Line:
    if match is None:
        return line._replace(aside=bool(_ACTION.match(line.text)) or line.aside)
    time = match.groupdict().get("time")
    return line._replace(
        speaker=match["name"], text=line.text[match.end() :], beside=(f"({time.strip('[]()<>')})",) if time else ()
    )
