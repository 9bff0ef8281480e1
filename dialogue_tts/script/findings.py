"""What there is to tell about a script, and where in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
_QUOTED = re.compile(r'"([^"]+)"|(\[[^\]]*\])')  # what a message names: a "word" or a [bracket]


@dataclass(frozen=True)
class Finding:
    """Something wrong, or that may be, or that is not spoken.

    Attributes:
        line: of the script, from 1; of a document, its paragraph; of subtitles, their cue.
        column: from 1, where a single word or bracket is meant; None for the line as a whole.
        severity: with an "error" the script cannot be spoken; a "warning" may be a slip; a "note" tells what was understood in
            an uncommon form or is left out, as a stage direction.
        message: what it is, and what to do.
    """

    line: int
    column: int | None
    severity: Severity
    message: str


def script_lines(text: str) -> list[str]:
    """A script's text -> its lines; a letter and its accent are one character in them."""
    return unicodedata.normalize("NFC", text.removeprefix("\ufeff")).splitlines()


def column_of(lines: Sequence[str], line: int, message: str) -> int | None:
    """Where in its line, from 1, stands what a message names first, if it stands there once."""
    named = _QUOTED.search(message)
    wanted = named[1] or named[2] if named else ""
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    return written.index(wanted) + 1 if wanted and written.count(wanted) == 1 else None


def named_word(message: str) -> str | None:
    """The "word" that a message names first, if it is no [bracket]."""
    named = _QUOTED.search(message)
    return named[1] if named else None


def shorten(text: str, tail: bool = False) -> str:
    """The beginning, or the end, of what is long: for messages."""
    text = " ".join(text.split())
    if len(text) <= 40:
        return text
    return "..." + text[-37:] if tail else text[:37] + "..."
