"""What the page is told of a dialogue, and of errors. Pure functions."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dialogue_tts.config import to_dict
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.dialogue.subtitles import cues
from dialogue_tts.dialogue.turns import SpokenTurn

PEAKS = 900  # of the waveform that is drawn
log = logging.getLogger(__name__)


def told_of(dialogue: Dialogue, rows: Sequence[str]) -> dict[str, Any]:
    """A dialogue as the page shows it; rows are the ids of its turns."""
    pieces = _pieces(dialogue.turns)
    turns = [
        {
            "row": row,
            "speaker": turn.speaker,
            "start": round(turn.start, 3),
            "end": round(turn.end, 3),
            "pause": part.turn.pause_s,
            "overlap": part.turn.overlap_s,
            "words": next(pieces),
        }
        for row, turn, part in zip(rows, dialogue.turns, dialogue.turn_takes, strict=True)
    ]
    return {
        "seconds": round(dialogue.duration, 3),
        "peaks": _peaks(dialogue.waveform),
        "turns": turns,
        "seed": dialogue.seed,
        "gap": dialogue.config.gap_s,
        "speed": dialogue.config.speed,
        "loudness": dialogue.config.loudness_lufs,
        "words": dict(dialogue.config.pronunciations),
        "project": json.dumps(to_dict(Project.of(dialogue)), ensure_ascii=False),  # for the browser's history
    }


def _pieces(turns: Sequence[SpokenTurn]) -> Iterator[list[tuple[str, float]]]:
    """Each turn's words with their marks, and when they are heard in seconds."""
    for turn in turns:
        yield [(text, round(start, 3)) for cue in cues([turn]) for text, start in cue.pieces]


def _peaks(wave: np.ndarray) -> list[int]:
    """Loudest values of PEAKS stretches, in hundredths of the loudest of all."""
    stretches = np.array_split(np.abs(wave), min(PEAKS, max(1, wave.size)))
    peaks = np.array([stretch.max(initial=0.0) for stretch in stretches])
    return [int(peak) for peak in np.round(100 * peaks / max(float(peaks.max()), 1e-6))]


def sentence(error: Exception | str) -> str:
    """A message that begins with a capital and ends with a full stop."""
    text = str(error).rstrip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def unexpected(error: Exception) -> str:
    """What to tell of a fault of ours; the log has the rest."""
    number = secrets.token_hex(2)
    log.error("report %s", number, exc_info=error)
    return f"Something went wrong here (report {number} in the studio's log); try again. Your script is safe."
