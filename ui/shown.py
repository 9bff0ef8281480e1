"""What the page is told of a dialogue, and of errors. Pure functions."""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from dialogue_tts.audio.mastering import levels_of
from dialogue_tts.config import SAMPLE_RATE_HZ, to_dict
from dialogue_tts.dialogue.likeness import likeness_of
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.dialogue.subtitles import cues
from dialogue_tts.dialogue.turns import SpokenTurn

PEAKS_PER_S, FEWEST_PEAKS, MOST_PEAKS = 20, 900, 12_000  # of the waveform that is drawn
log = logging.getLogger(__name__)


def told_of(dialogue: Dialogue, rows: Sequence[str]) -> dict[str, Any]:
    """A dialogue as the page shows it; rows are the ids of its turns."""
    pieces, waits = _pieces(dialogue.turns), _waits(dialogue)
    turns = [
        {
            "row": row,
            "speaker": turn.speaker,
            "start": round(turn.start, 3),
            "end": round(turn.end, 3),
            "wait": round(waits.get(turn.index, 0.0), 3),
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
        "levels": _levels(dialogue.waveform),
        "likeness": {
            speaker: {"match": round(found.match, 2), "says": sentence(found.says)}
            for speaker, found in likeness_of(dialogue.turns).items()
        },
        "pieces": [
            {"kind": piece.kind, "name": piece.name, "start": round(piece.start, 3), "end": round(piece.end, 3)}
            for piece in dialogue.pieces
        ],
        "project": json.dumps(
            to_dict(Project.of(dialogue, whole=False)), ensure_ascii=False
        ),  # for the browser's history
    }


def _pieces(turns: Sequence[SpokenTurn]) -> Iterator[list[tuple[str, float]]]:
    """Each turn's words with their marks, and when they are heard in seconds."""
    for turn in turns:
        yield [(text, round(start, 3)) for cue in cues([turn]) for text, start in cue.pieces]


def _peaks(wave: np.ndarray) -> list[int]:
    """Loudest values of stretches, in hundredths of the loudest of all."""
    wanted = min(MOST_PEAKS, max(FEWEST_PEAKS, PEAKS_PER_S * wave.size // SAMPLE_RATE_HZ))
    stretches = np.array_split(np.abs(wave), min(wanted, max(1, wave.size)))
    peaks = np.array([stretch.max(initial=0.0) for stretch in stretches])
    return [int(peak) for peak in np.round(100 * peaks / max(float(peaks.max()), 1e-6))]


def _waits(dialogue: Dialogue) -> dict[int, float]:
    """Turn -> seconds that it waits for effects."""
    waits: dict[int, float] = {}
    heard = [piece for piece in dialogue.pieces if piece.kind == "effect"]
    for effect, piece in zip(dialogue.mix.effects, heard, strict=True):
        if effect.waits:
            waits[effect.turn] = waits.get(effect.turn, 0.0) + piece.end - piece.start
    return waits


def _levels(wave: np.ndarray) -> dict[str, float]:
    found = levels_of(wave, SAMPLE_RATE_HZ)
    return {"lufs": round(found.lufs, 1), "peak": round(found.peak_db, 1)}


def sentence(error: Exception | str) -> str:
    """A message that begins with a capital and ends with a full stop."""
    text = str(error).rstrip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def unexpected(error: Exception) -> str:
    """What to tell of a fault of ours; the log has the rest."""
    number = secrets.token_hex(2)
    log.error("report %s", number, exc_info=error)
    return f"Something went wrong here (report {number} in the studio's log); try again. Your script is safe."
