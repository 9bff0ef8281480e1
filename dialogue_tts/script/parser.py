"""Scripts: text with speaker names -> `Script`. Nothing is guessed at and nothing is dropped unsaid: what isn't understood is
a `ScriptError` that names the line, and what is no speech is listed in the script's findings. docs/scripts.md has the rules.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from dialogue_tts.errors import ScriptError, SettingsError
from dialogue_tts.script.columns import with_speakers, without_last_word
from dialogue_tts.script.directions import NARRATOR, TREATMENTS, Reading, Treatment
from dialogue_tts.script.findings import Finding, column_of, script_lines
from dialogue_tts.script.forms import (
    PLAYS,
    Form,
    Line,
    form_of,
    is_prose,
    survey,
    titles_in,
    with_near_cues,
    with_whole_brackets,
)
from dialogue_tts.script.inline import split_inline
from dialogue_tts.script.options import wrong_times
from dialogue_tts.script.reader import Reader
from dialogue_tts.script.turns import FASTEST, LONGEST_TURN, MAX_PAUSE_S, SLOWEST, Heading, Script, Turn

_SPACES = str.maketrans(dict.fromkeys("\u00a0\u2007\u202f", " "))


class Draft(NamedTuple):
    """What `parse_draft` finds.

    Attributes:
        turns: those that are understood, or in part; there may be none.
        findings: in the order they are met.
        lines: of the script, as findings count them.
        headings: of scenes, acts and chapters.
        asides: whole lines that are no speech, and how they are written, headings among them.
    """

    turns: tuple[Turn, ...]
    findings: tuple[Finding, ...]
    lines: tuple[str, ...] = ()
    headings: tuple[Heading, ...] = ()
    asides: tuple[Heading, ...] = ()

    @property
    def mistakes(self) -> tuple[Finding, ...]:
        """What keeps the script from being spoken."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    def script(self) -> Script:
        """The script. Raises ScriptError with its first mistake."""
        if self.mistakes:
            first = self.mistakes[0]
            raise ScriptError(f"line {first.line}: {first.message}")
        return Script(self.turns, self.findings, self.headings)


def parse_script(text: str, directions: Treatment = "left_out") -> Script:
    """A script as people write it -> its turns.

    Args:
        directions: what becomes of stage directions: left out (and listed in the script's `findings`), spoken, read by a
            speaker called "Narrator", or refused.

    Raises:
        ScriptError: the script cannot be understood; SettingsError: there is no such way with directions.
    """
    return parse_draft(text, directions).script()


def as_script(script: str | Script) -> Script:
    """A script in text, parsed; one that is parsed, itself. Raises ScriptError for anything else."""
    if isinstance(script, str):
        return parse_script(script)
    if not isinstance(script, Script):
        raise ScriptError(f"{type(script).__name__} is no script; give text, or a Script of turns.")
    return script


def parse_draft(text: str, directions: Treatment = "left_out") -> Draft:
    """`parse_script` for a script that is still being written: what is understood of it, and all that is not."""
    return parse_lines(_lines(text), directions)


def parse_typed(text: str) -> Draft:
    """`parse_draft` for whoever shows turns as they are typed: lines that are directions alone are left out, and those within
    a turn stand in its text as they are written."""
    return _parse(_lines(text), "as_typed")


def parse_lines(
    lines: Sequence[Line], directions: Treatment = "left_out", document: bool = False, prose: bool = False
) -> Draft:
    """The same for the lines of a document.

    Args:
        document: whatever stands in front of the first name, and apart from it, is no speech.
        prose: a text of several paragraphs that names nobody is read by a narrator.
    """
    if directions not in TREATMENTS:
        raise SettingsError(f"directions {directions!r}: choose one of {', '.join(TREATMENTS)}.")
    return _parse(lines, directions, document, prose)


def _lines(text: str) -> list[Line]:
    return [Line(number, line) for number, line in enumerate(script_lines(text), start=1)]


def _parse(lines: Sequence[Line], directions: Reading, document: bool = False, prose: bool = False) -> Draft:
    lines = [line._replace(text=unicodedata.normalize("NFC", line.text).translate(_SPACES)) for line in lines]
    lines = with_near_cues(without_last_word(with_speakers(lines)))
    counts = survey(lines)
    form = form_of(lines, counts)
    if prose and is_prose(form, counts):
        form = Form.PROSE
    if form in PLAYS:
        lines = with_whole_brackets(lines)
    reader = Reader(form, counts, directions, titles_in(lines, form, document))
    if form is Form.PROSE:
        reader.tell(lines[0].number, f"the text names no speaker: {NARRATOR} reads all of it", "warning")
    for place, line in enumerate(lines):
        reader.read(line, lines[place + 1].text if place + 1 < len(lines) else "")
    reader.finish(lines[-1].number if lines else 1)
    written = _by_number(lines)
    findings = [
        Finding(line, column_of(written, line, message), severity, message) for line, message, severity in reader.told
    ]
    return Draft(tuple(reader.turns), tuple(findings), written, tuple(reader.headings), tuple(reader.asides))


def _by_number(lines: Sequence[Line]) -> tuple[str, ...]:
    """What stands on each line or in each paragraph, from 1."""
    texts: dict[int, list[str]] = {}
    for line in lines:
        texts.setdefault(line.number, []).append(line.text)
    return tuple("\n".join(texts.get(number, ())) for number in range(1, max(texts, default=0) + 1))


def check_script(script: Script) -> None:
    """Raises ScriptError for what a script that was built in code, not parsed, can have wrong."""
    if not script.turns:
        raise ScriptError("the script is empty; give it at least one turn.")
    for number, turn in enumerate(script.turns, start=1):
        wrong = None
        if not turn.speaker.strip():
            wrong = "it has no speaker; name one"
        elif len(turn.text) > LONGEST_TURN:
            wrong = f"it has {len(turn.text):,} characters, at most {LONGEST_TURN:,} are taken; cut it in several turns"
        elif not (0 <= turn.pause_s <= MAX_PAUSE_S and 0 <= turn.overlap_s <= MAX_PAUSE_S):
            wrong = f"pause and overlap go from 0 to {MAX_PAUSE_S:g} s"
        elif not SLOWEST <= turn.speed <= FASTEST:
            wrong = f"speeds go from {SLOWEST:g} to {FASTEST:g}"
        elif turn.overlap_s and (turn.pause_s or number == 1):
            wrong = "it cannot overlap, since it has a pause or is the first; take the overlap out"
        else:
            wrong = wrong_times(turn.start_s, turn.end_s, turn.overlap_s)
        if wrong:
            raise ScriptError(f"turn {number} ({turn.speaker}): {wrong}.")
        try:
            split_inline(turn.text)
        except ScriptError as error:
            raise ScriptError(f"turn {number} ({turn.speaker}): {error}") from None
