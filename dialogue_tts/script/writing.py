"""A script back to text: a turn a line, names in brackets, so that it reads back as the same turns."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.content import trimmed, written
from dialogue_tts.script.directions import directions_in, stressed_in
from dialogue_tts.script.inline import Pause, number, source, split_inline
from dialogue_tts.script.options import format_options
from dialogue_tts.script.parser import parse_draft
from dialogue_tts.script.turns import Script, Turn

_BACKSLASH = re.compile(r"\\(?=[\\(（*_<])|\\$")
_MARKUP = re.compile(r"<(?=/?[A-Za-z#])")


def format_script(script: Script) -> str:
    """A script in brackets, a turn a line, that parses back to the same turns (each `line` becomes its own).

    What would be taken for a direction or for emphasis gets a backslash in front: it was said in the script, and is again.
    Pauses that open a text are written, and read back, as the turn's own; those that end one, as the next turn's.

    Raises:
        ScriptError: a turn cannot be written so that it reads back.
    """
    turns = _settled(script.turns)
    names = {turn.speaker.casefold() for turn in turns}
    text = "".join(f"{format_turn(replace(turn, text=_escaped(turn, names)))}\n" for turn in turns)
    again = parse_draft(text)
    for turn, parsed in zip(turns, again.turns, strict=False):
        if replace(turn, line=1) != replace(parsed, line=1):
            if turn.text == parsed.text:
                raise ScriptError(f"{turn.speaker}'s turn {turn.text!r} has a pause, overlap or speed out of range")
            raise ScriptError(f"{turn.speaker}'s turn {turn.text!r} would be read back as {parsed.text!r}; reword it")
    if again.mistakes:
        raise ScriptError(f"line {again.mistakes[0].line}: {again.mistakes[0].message}")
    if len(again.turns) != len(turns):
        raise ScriptError(f"{len(turns)} turns would be read back as {len(again.turns)}; take [names] out of the text")
    return text


def format_turn(turn: Turn) -> str:
    """One turn as a line in brackets, whatever its text, which is taken as it stands."""
    pause = f"[pause {number(turn.pause_s)}s] " if turn.pause_s else ""
    return f"[{turn.speaker}{format_options(turn)}] {pause}{turn.text}"


def _settled(turns: tuple[Turn, ...]) -> list[Turn]:
    """Turns whose texts begin and end with words; their pauses there belong to a turn as a whole."""
    found: list[Turn] = []
    waiting_s = 0.0
    for turn in turns:
        pieces = split_inline(turn.text)
        if not any(isinstance(piece, Pause) for piece in (*pieces[:2], *pieces[-2:])) and not waiting_s:
            found.append(turn)
            continue
        before_s, said, after_s = trimmed(pieces)
        found.append(replace(turn, text=written(said), pause_s=waiting_s + turn.pause_s + before_s))
        waiting_s = after_s
    if waiting_s:
        raise ScriptError(
            f"{turns[-1].speaker}'s turn {turns[-1].text!r} ends with a pause that nothing follows; remove it"
        )
    return found


def _escaped(turn: Turn, names: Collection[str]) -> str:
    """A turn's text with a backslash in front of all that would not be read as it stands."""
    found, opening = [], True
    for piece in split_inline(turn.text):
        if isinstance(piece, str):
            found.append(_meant(piece, names, opening))
            opening = opening and not any(character.isalnum() for character in piece)
        else:
            found.append(source(piece))
            opening = opening and isinstance(piece, Pause)
    return " ".join("".join(found).split())


def _meant(text: str, names: Collection[str], opening: bool) -> str:
    text = _MARKUP.sub(r"\\<", _BACKSLASH.sub(r"\\\\", text))
    while spans := [*directions_in(text, names, opening), *stressed_in(text)]:
        places = {place for span in spans for place in (span.start, span.end - 1) if text[place] in "(（*_"}
        text = "".join("\\" + c if place in places else c for place, c in enumerate(text))
    return text
