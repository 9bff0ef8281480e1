"""What stands between two names -> the turns it makes: speech, pauses at its ends, and directions within."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dialogue_tts.script.directions import NARRATOR, Reading, directions_in, unstressed
from dialogue_tts.script.findings import Severity, shorten
from dialogue_tts.script.inline import Inline, Pause, source
from dialogue_tts.script.options import Options
from dialogue_tts.script.turns import MAX_PAUSE_S, Turn

_ESCAPED = re.compile(r"\\([\\(（*_<])")
_TREATED = {"left_out": "left out", "spoken": "spoken", "narrator": f"said by {NARRATOR}"}

Tell = Callable[[int, str, Severity], None]  # takes a line, what there is to tell of it, and how grave it is


class Aside(NamedTuple):
    """A direction: its words, how it is written, what it is, how grave it is to leave it out, and whether it is all that stands
    on its line."""

    words: str
    written: str
    what: str = "a stage direction"
    severity: Severity = "note"
    apart: bool = False


class Placed(NamedTuple):
    """A piece and its line."""

    piece: Inline | Aside
    line: int


@dataclass
class OpenTurn:
    """A speaker whose turn is being read.

    Attributes:
        pause_s: asked for in front of it.
        spoiled: a mistake was told; what the turn lacks now is not worth another.
    """

    speaker: str
    line: int
    options: Options = Options()
    pause_s: float = 0.0
    content: list[Placed] = field(default_factory=list)
    spoiled: bool = False


@dataclass
class _Stretch:
    """What one speaker says of an open turn."""

    speaker: str
    line: int
    said: list[Inline] = field(default_factory=list)


def turns_of(opened: OpenTurn, treatment: Reading, names: Collection[str], tell: Tell) -> tuple[list[Turn], float]:
    """What is said in an open turn, and the pause that trails it and so belongs to the next one.

    Args:
        treatment: of directions.
        names: of speakers, casefolded.
    """
    content = list(_with_directions(opened.content, names))
    turns: list[Turn] = []
    pause_s = opened.pause_s
    for stretch in _stretches(content, opened, treatment, tell):
        before_s, said, after_s = trimmed(stretch.said)
        text = written(said)
        if not sayable(said):
            pause_s += before_s + after_s
            if not (opened.spoiled or any(isinstance(piece, Aside) for piece, _ in content)):
                has = f'only "{shorten(text)}"' if text else "no text"
                tell(
                    stretch.line,
                    f"{stretch.speaker}'s turn has {has}; write something to say, or remove the name",
                    "error",
                )
            continue
        options = opened.options if stretch.speaker == opened.speaker else Options()
        options = options._replace(overlap_s=0.0, start_s=None, end_s=None) if turns else options
        turns.append(Turn(stretch.speaker, text, pause_s + before_s, stretch.line, *options))
        pause_s = after_s
    for turn in turns:
        if turn.pause_s > MAX_PAUSE_S:
            total = f"the pauses in front of {turn.speaker}'s turn add up to {turn.pause_s:g} s"
            tell(turn.line, f"{total}; ask for at most {MAX_PAUSE_S:g} s", "error")
        elif turn.pause_s and turn.overlap_s:
            tell(turn.line, f"{turn.speaker}'s turn cannot both pause and overlap; remove one of them", "error")
    return turns, pause_s


def tell_aside(aside: Aside, line: int, treatment: Reading, tell: Tell) -> bool:
    """Tell what becomes of a direction -> whether it is to be said aloud."""
    if treatment == "as_typed":
        return not aside.apart
    what = f'"{shorten(aside.written)}" is {aside.what}'
    if not any(character.isalnum() for character in aside.words):
        tell(line, f"{what}: left out", "note")
        return False
    if treatment == "refused":
        tell(line, f"{what}; take it out, or choose to have directions left out, spoken or narrated", "error")
        return False
    tell(line, f"{what}: {_TREATED[treatment]}", aside.severity if treatment == "left_out" else "note")
    return treatment != "left_out"


def sayable(said: Sequence[Inline]) -> bool:
    """Whether there is a letter or digit in it."""
    return any(c.isalnum() for piece in said if not isinstance(piece, Pause) for c in source(piece))


def trimmed(said: Sequence[Inline]) -> tuple[float, Sequence[Inline], float]:
    """Seconds of pauses in front, what is said, seconds of pauses behind."""
    begin, end = 0, len(said)
    while begin < end and not _says(said[begin]):
        begin += 1
    while end > begin and not _says(said[end - 1]):
        end -= 1
    return sum(map(_seconds, said[:begin])), said[begin:end], sum(map(_seconds, said[end:]))


def written(said: Sequence[Inline]) -> str:
    """As the text of a turn has it, on one line."""
    return " ".join("".join(map(source, said)).split())


def _with_directions(content: Sequence[Placed], names: Collection[str]) -> Iterator[Placed]:
    """The same pieces, with the directions in plain text, which may go over lines, found."""
    held: list[tuple[str, int]] = []
    opening = True
    for piece, line in content:
        if isinstance(piece, str):
            held.append((piece, line))
            continue
        yield from _split(held, names, opening)
        opening = (
            opening and isinstance(piece, (Pause, Aside)) and not any(c.isalnum() for text, _ in held for c in text)
        )
        held = []
        yield Placed(piece, line)
    yield from _split(held, names, opening)


def _split(held: Sequence[tuple[str, int]], names: Collection[str], opening: bool) -> Iterator[Placed]:
    """Plain text of (text, line) in a row -> text and directions."""
    text, place = "".join(part for part, _ in held), 0
    ends: list[int] = []
    for part, _ in held:
        ends.append((ends[-1] if ends else 0) + len(part))
    begin = 0
    for start, end, words in directions_in(text, names, opening):
        if start < begin:
            continue
        while ends[place] <= begin:
            place += 1
        if begin < start:
            yield Placed(_plain(text[begin:start]), held[place][1])
        while ends[place] <= start:
            place += 1
        yield Placed(Aside(words, text[start:end]), held[place][1])
        begin = end
    if begin < len(text):
        while ends[place] <= begin:
            place += 1
        yield Placed(_plain(text[begin:]), held[place][1])


def _stretches(content: Sequence[Placed], opened: OpenTurn, treatment: Reading, tell: Tell) -> list[_Stretch]:
    """Who says what: the speaker alone, or by turns with a narrator."""
    found = [_Stretch(opened.speaker, opened.line)]
    for piece, line in content:
        if isinstance(piece, Aside):
            if not tell_aside(piece, line, treatment, tell):
                continue
            if treatment == "narrator" and opened.speaker != NARRATOR:
                found.append(_Stretch(NARRATOR, line, [_harmless(piece.words)]))
                continue
            piece = f" {_harmless(unstressed(piece.written))} "
        if found[-1].speaker != opened.speaker:
            found.append(_Stretch(opened.speaker, line))
        said = found[-1].said
        if said and isinstance(piece, str) and isinstance(last := said[-1], str):
            said[-1] = _joined(last, piece)
        else:
            said.append(piece)
    return [stretch for stretch in found if stretch.said] or found[:1]


def _joined(before: str, after: str) -> str:
    """Two texts between which something was: a stop that ended both is one."""
    first = after.lstrip()[:1]
    if first and first in ".,;:!?…":
        before = before.rstrip()
        return before + (after.lstrip()[1:] if before[-1:] in tuple(".!?…") and first in ".,;:" else after.lstrip())
    return f"{before} {after}"


def _plain(text: str) -> str:
    """Text without marks of emphasis and backslashes that took a meaning away."""
    return _ESCAPED.sub(r"\1", unstressed(text))


def _harmless(text: str) -> str:
    """Words of a direction with no brackets in them that a turn's text could not have."""
    return text.replace("[", "(").replace("]", ")")


def _says(piece: Inline) -> bool:
    return not isinstance(piece, Pause) and bool(source(piece).strip())


def _seconds(piece: Inline) -> float:
    return piece.seconds if isinstance(piece, Pause) else 0.0
