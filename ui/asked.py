"""Everything that comes in from a page is checked here: JSON values -> the library's."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dialogue_tts._ui.making import MakeRequest
from dialogue_tts._ui.shown import sentence
from dialogue_tts._ui.turns import Row, said
from dialogue_tts.errors import DialogueTTSError, ScriptError, VoiceError
from dialogue_tts.script.directions import TREATMENTS, Treatment
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.turns import Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.text.accents import to_american
from dialogue_tts.voices.voice import Consent

LONGEST_SCRIPT, MOST_TURNS = 100_000, 1_000  # characters; turns
LONGEST_NAME = 64
MOST_TAKES = 2 * MOST_TURNS  # of a project
MOST_SEEDS = 1 << 48
MOST_WORDS, LONGEST_WORD = 500, 100  # of a dialogue's dictionary; characters

_NAME = re.compile(r"[0-9A-Za-z_-]{1,32}")
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair

Asked = Mapping[str, Any]
Answer = dict[str, Any]


class RefusedError(DialogueTTSError):
    """What came in is not what the page sends."""


class AtRowError(DialogueTTSError):
    """One row is to blame."""

    def __init__(self, message: str, row: str) -> None:
        super().__init__(message)
        self.row = row


def rows_in(asked: Asked) -> list[Row]:
    found = asked.get("rows")
    if not isinstance(found, list):
        raise RefusedError("the turns are missing; reload the page.")
    if len(found) > MOST_TURNS:
        raise ScriptError(f"the script has {len(found)} turns; at most {MOST_TURNS} are made here. Cut it in parts.")
    rows = [_row(row) for row in found]
    if len({row.id for row in rows}) < len(rows):
        raise RefusedError("two turns have one id; reload the page.")
    if sum(len(row.turn.text) + len(row.note) for row in rows) > LONGEST_SCRIPT:
        raise ScriptError(f"the script is longer than {LONGEST_SCRIPT:,} characters; cut it in parts.")
    return rows


def rows_to_say(asked: Asked) -> list[Row]:
    """Rows as they are to be said. Raises AtRowError for one of which nothing is."""
    rows, directions = rows_in(asked), directions_in(asked)
    if not rows:
        raise ScriptError("the script is empty; write a turn, or load an example.")
    found = []
    for row in rows:
        if not row.turn.text.strip():
            raise AtRowError("this turn has no text; write something to say, or delete it.", row.id)
        turn = said(row.turn, directions)
        if turn is None:
            raise AtRowError("this turn is only a direction, and nobody says those; delete it.", row.id)
        if turn != row.turn and directions == "refused":
            raise AtRowError("there is a direction in this turn; take it out, or have them left out.", row.id)
        found.append(replace(row, turn=turn))
    return found


def _row(asked: Any) -> Row:
    if not isinstance(asked, dict):
        raise RefusedError("a turn is not what the page sends; reload the page.")
    numbers = [asked.get(key, usual) for key, usual in (("pause", 0), ("overlap", 0), ("speed", 1))]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers):
        raise RefusedError("pause, overlap and speed are numbers; reload the page.")
    pause, overlap, speed = map(float, numbers)
    text = " ".join(text_in(asked, "text", LONGEST_SCRIPT).split())
    turn = Turn(text_in(asked, "speaker", LONGEST_NAME).strip(), text, pause, overlap_s=overlap, speed=speed)
    seed = None if asked.get("seed") is None else seed_in(asked["seed"])
    return Row(name_in(asked, "id"), turn, text_in(asked, "note", LONGEST_SCRIPT), seed, asked.get("locked") is True)


def row_told(row: Row) -> Answer:
    turn = row.turn
    return {
        "speaker": turn.speaker,
        "text": turn.text,
        "pause": turn.pause_s,
        "overlap": turn.overlap_s,
        "speed": turn.speed,
        "note": row.note,
    }


def finding_told(finding: Finding) -> Answer:
    return {
        "line": finding.line,
        "column": finding.column,
        "severity": finding.severity,
        "message": sentence(finding.message),
    }


def at_row(error: ScriptError, wanted: MakeRequest) -> DialogueTTSError:
    """The row that a message such as "line 3: ..." or "turn 3 (Anna): ..." is about."""
    match = re.match(r"(?:line|turn) (\d+)(?: \([^)]*\))?: (.*)", str(error), re.DOTALL)
    if not match or not 1 <= int(match[1]) <= len(wanted.rows):
        return error
    return AtRowError(match[2], wanted.rows[int(match[1]) - 1].id)


def _settings(asked: Asked) -> dict[str, Any]:
    found = asked.get("settings") or {}
    if not isinstance(found, dict):
        raise RefusedError("the settings are not what the page sends; reload the page.")
    return found


def settings_in(asked: Asked) -> SynthesisConfig:
    """Raises SettingsError for what is out of range."""
    found = _settings(asked)
    settings: dict[str, Any] = {}
    for key, name in (("gap", "gap_s"), ("speed", "speed"), ("loudness", "loudness_lufs")):
        value = found.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            settings[name] = float(value)
    return SynthesisConfig(**settings, pronunciations=_words_in(found.get("words") or {}))


def _words_in(found: Any) -> tuple[tuple[str, str], ...]:
    """The dialogue's dictionary: written word -> phonemes. Raises ScriptError for phonemes that there are not."""
    if not isinstance(found, dict) or len(found) > MOST_WORDS:
        raise RefusedError(f"a dialogue's dictionary holds up to {MOST_WORDS} words; take some out.")
    words = tuple((str(word), str(phonemes)) for word, phonemes in found.items())
    for word, phonemes in words:
        if max(len(word), len(phonemes)) > LONGEST_WORD:
            raise RefusedError(f"dictionary: {word[:20]!r}... is longer than {LONGEST_WORD} characters; shorten it.")
        to_american(_whole(phonemes, "dictionary"), _whole(word, "dictionary"))
    return words


def directions_in(asked: Asked) -> Treatment:
    """What becomes of stage directions."""
    found = _settings(asked).get("directions", "left_out")
    return found if found in TREATMENTS else "left_out"


def refs_in(asked: Asked) -> dict[str, str]:
    found = asked.get("cast") or {}
    if not isinstance(found, dict) or len(found) > MOST_TURNS:
        raise RefusedError("the voices are not what the page sends; reload the page.")
    return {str(speaker): str(ref) for speaker, ref in found.items() if ref}


def seed_in(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_SEEDS:
        raise RefusedError(f"a seed is a whole number from 0 to {MOST_SEEDS - 1}; change it.")
    return value


def new_seed() -> int:
    return secrets.randbelow(1_000_000)


def name_in(asked: Asked, key: str) -> str:
    value = str(asked.get(key))
    if not _NAME.fullmatch(value):
        raise RefusedError(f"the page's {key} is missing; reload the page.")
    return value


def version_in(asked: Asked) -> int:
    value = asked.get("since", 0)
    return value if isinstance(value, int) else 0


def text_in(asked: Asked, key: str, longest: int) -> str:
    value = asked.get(key, "")
    if not isinstance(value, str):
        raise RefusedError(f"the page's {key} is no text; reload the page.")
    if len(value) > longest:
        raise ScriptError(f"the {key} is longer than {longest:,} characters; cut it in parts.")
    return _whole(value, key)


def _whole(text: str, key: str) -> str:
    """Raises ScriptError for half a surrogate pair: JSON can say it, UTF-8 cannot."""
    if half := _HALF.search(text):
        raise ScriptError(f"the {key} has half a sign in it (U+{ord(half[0]):04X}); take it out.")
    return text


def voice_name_in(asked: Asked) -> str:
    name = " ".join(text_in(asked, "name", LONGEST_NAME).split())
    if not name:
        raise VoiceError("a voice needs a name; give it one.")
    return name


def consent_in(asked: Asked) -> Consent:
    found = asked.get("consent")
    if not isinstance(found, dict):
        raise VoiceError("say who agreed to the use of the voice.")
    return Consent(*(text_in(found, key, 500) for key in ("kind", "who", "when", "what")))
