"""Fountain screenplays (fountain.io, syntax 1.1): who speaks is known from the form; all else is a direction."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dialogue_tts.script.forms import Line
from dialogue_tts.script.labels import read_cue

_BONEYARD = re.compile(r"/\*.*?\*/", re.DOTALL)
_NOTE = re.compile(r"\[\[(?:(?!\[\[).){0,2000}?\]\]", re.DOTALL)
_KEY = re.compile(r"[A-Za-z][\w ]{0,30}:(?:\s|$)")
_SCENE = re.compile(r"(?:INT|EXT|EST|INT\.?/EXT|I/E)[. ]", re.IGNORECASE)
_CHARACTER = re.compile(r"(?=[^a-z]*[A-ZÀ-ÖØ-Þ])[^a-z()]{1,60}?(?:\s*\([^()]*\))*\s*\^?")


def read_fountain(text: str) -> tuple[list[Line], list[str]]:
    """Its lines, each with its speaker where one begins to speak, and what in it is left out."""
    kept, told = text, []
    for comment, end in ((_BONEYARD, "*/"), (_NOTE, "]]")):
        closed = kept.rfind(end) + len(end)  # no comment ends behind, so none is looked for from there on
        kept = comment.sub(lambda match: "\n" * match[0].count("\n"), kept[:closed]) + kept[closed:]
    if kept != text:
        told.append("what stands in [[ ]] or /* */ is left out")
    return list(_lines(kept.splitlines())), told


def _lines(written: list[str]) -> Iterator[Line]:
    place = 0
    if written and _KEY.match(written[0]):
        while place < len(written) and written[place].strip():
            yield Line(place + 1, written[place], aside=True)
            place += 1
    speaking, blank = False, True
    for number, line in enumerate(written[place:], start=place + 1):
        content = line.strip()
        following = written[number].strip() if number < len(written) else ""
        if not content:
            speaking = speaking and line == "  "  # two spaces keep a speech together
            yield Line(number, "")
        elif speaking:
            yield Line(number, content.removeprefix("~").strip())
        elif blank and following and (named := _character(content)):
            speaking = True
            yield Line(number, "", speaker=named[0], beside=named[1])
        else:
            forced = content.startswith(".") and not content.startswith("..")  # a scene's heading
            told = content.strip("><!. ") if content[0] in "><!" else content.removeprefix(".")
            yield Line(number, told, aside=True, heading=forced)
        blank = not content


def _character(content: str) -> tuple[str, tuple[str, ...]] | None:
    """Name and extensions of a character's line: capitals, or anything behind an @."""
    forced = content.startswith("@")
    content = content.removeprefix("@").rstrip("^ ")
    if not forced and (not _CHARACTER.fullmatch(content) or _SCENE.match(content) or content[0] in ".>!#=~"):
        return None
    cue = read_cue(content)
    if cue is None and forced:
        return content.partition("(")[0].strip(), tuple(re.findall(r"\([^()]*\)", content))
    return (cue.name, cue.asides) if cue and not (content.endswith("TO:") and not forced) else None
