"""Rows of the page's turn table <-> the text of a script: two views of one script. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dialogue_tts.script.directions import Treatment
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.parser import parse_draft, parse_typed
from dialogue_tts.script.reader import is_comment
from dialogue_tts.script.turns import Turn
from dialogue_tts.script.writing import format_turn

_MARKS = re.compile(r"[(（*]")  # where a direction may begin


@dataclass(frozen=True)
class Row:
    """A turn of the table.

    Attributes:
        id: stays with the row while it is edited and moved.
        note: comment lines above the turn, as written.
        seed: that the turn is to have; None for one that follows from the script's.
        locked: its sound stays, whatever is made anew.
    """

    id: str
    turn: Turn
    note: str = ""
    seed: int | None = None
    locked: bool = False


def text_of(rows: Sequence[Row], ending: str = "") -> str:
    """The rows as a script, a turn a line, whatever they hold; `ending` are comments behind the last."""
    lines = [line for row in rows for line in (*row.note.splitlines(), format_turn(row.turn))]
    return "".join(f"{line}\n" for line in (*lines, *ending.splitlines()))


def lines_of(rows: Iterable[Row]) -> list[int]:
    """On which line of `text_of` each row's turn stands, from 1."""
    lines, last = [], 0
    for row in rows:
        last += len(row.note.splitlines()) + 1
        lines.append(last)
    return lines


def rows_of(text: str, directions: Treatment = "left_out") -> tuple[list[Row], str]:
    """What is understood of a script -> its turns as rows without ids, and the comments behind the last turn.

    A narrator's directions become rows; others within a turn stay in it as they are written: they are the making's concern.
    Whole lines that are left out become comments; with those of headings chapters begin.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    if directions == "left_out":
        draft = parse_typed(text)
        for marked, found in (("#", draft.asides), ("##", draft.headings)):
            for line, written in found:
                lines[line - 1] = f"{marked} {' '.join(written.split())}"
    else:
        draft = parse_draft(text, "narrator" if directions == "narrator" else "spoken")
    rows, last = [], 0
    for turn in draft.turns:
        rows.append(Row("", turn, _comments(lines[last : turn.line - 1])))
        last = turn.line
    return rows, _comments(lines[last:])


def said(turn: Turn, directions: Treatment = "left_out") -> Turn | None:
    """A row's turn, as typed -> as it is said: without directions, if those are left out; None where nothing else is in it."""
    if directions == "spoken" or not _MARKS.search(turn.text):
        return turn
    without, written = parse_draft(format_turn(turn)).turns, parse_draft(format_turn(turn), "spoken").turns
    if not without:
        return None if written else turn
    if len(without) == len(written) == 1 and without[0].text != written[0].text:
        return replace(turn, text=without[0].text)
    return turn


def said_told(rows: Sequence[Row], directions: Treatment) -> dict[int, str]:
    """Number of a row, from 0 -> what is said of its text, where that is not all of it."""
    turns = ((n, row.turn, said(row.turn, directions)) for n, row in enumerate(rows))
    return {n: turn.text for n, written, turn in turns if turn and turn.text != written.text}


def row_of_line(lines: Sequence[int], line: int) -> int | None:
    """Which row a finding's line belongs to: the last that begins on or before it."""
    before = [index for index, first in enumerate(lines) if first <= line]
    return before[-1] if before else None


def by_row(rows: Sequence[Row], findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    """Findings in `text_of(rows)`, to the ids of the rows they belong to."""
    found: dict[str, list[Finding]] = {}
    lines = lines_of(rows)
    for finding in findings:
        index = row_of_line(lines, finding.line)
        if index is not None:
            found.setdefault(rows[index].id, []).append(finding)
    return found


def _comments(lines: Iterable[str]) -> str:
    return "\n".join(line.strip() for line in lines if is_comment(line))
