"""When words are heard, from what the CTC head reads in a turn's tokens; and silence put between words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from torch import Tensor

from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, frames_to_seconds
from dialogue_tts.dialogue.turns import SpokenWord
from dialogue_tts.script.segments import Segment
from dialogue_tts.semantic.tokenizer import READ_RATE_HZ, phone_spans
from dialogue_tts.text.tokenizer import phones_of


class Reading(NamedTuple):
    """What was read in the tokens of a piece."""

    frames: int
    log_probs: Tensor  # (T', classes) of the CTC head
    phone_ids: list[int]  # CTC classes of the phones that were to be said


def word_times(pieces: Sequence[Segment], readings: Sequence[Reading], length_s: float) -> list[SpokenWord]:
    """When each written word of a turn's pieces is heard in a sound of that length; seconds from the turn's start."""
    tempo = frames_to_seconds(sum(reading.frames for reading in readings)) / length_s
    return [replace(word, start=word.start / tempo, end=word.end / tempo) for word in _at_own_tempo(pieces, readings)]


def _at_own_tempo(pieces: Sequence[Segment], readings: Sequence[Reading]) -> list[SpokenWord]:
    words: list[SpokenWord] = []
    offset_s = 0.0
    for piece, reading in zip(pieces, readings, strict=True):
        length_s = frames_to_seconds(reading.frames)
        spans = _spans(reading)
        at = 0
        for word in piece.words:
            count = len(phones_of(word.phonemes))
            start, end = spans[at][0], spans[at + count - 1][1]
            words.append(SpokenWord(word.text, offset_s + start, offset_s + min(end, length_s)))
            at += count
        offset_s += length_s
    # A phone's spike in CTC says where it begins; a word lasts until shortly before the next begins, or a pause.
    closed = [
        replace(word, end=max(word.end, min(following.start, word.end + 0.12)))
        for word, following in zip(words, words[1:])
    ]
    return closed + words[-1:]


def _spans(reading: Reading) -> list[tuple[float, float]]:
    """Start and end of each phone in seconds: aligned, or spread evenly where phones are too many for the frames."""
    try:
        spans = phone_spans(reading.log_probs, reading.phone_ids)
    except ValueError:
        count = len(reading.phone_ids)
        step = frames_to_seconds(reading.frames) / count
        return [(i * step, (i + 1) * step) for i in range(count)]
    return [(start / READ_RATE_HZ, end / READ_RATE_HZ) for start, end in spans]


def with_pauses(
    wave: np.ndarray, words: list[SpokenWord], pauses: tuple[tuple[int, float], ...]
) -> tuple[np.ndarray, list[SpokenWord]]:
    """Put silence in front of words: pauses are (word, seconds)."""
    for index, seconds in sorted(pauses, reverse=True):
        at = round(_quietest(wave, words, index) * SAMPLE_RATE_HZ)
        silence = np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
        wave = np.concatenate([wave[:at], silence, wave[at:]])
        words = words[:index] + [word.moved(seconds) for word in words[index:]]
    return wave, words


def _quietest(wave: np.ndarray, words: list[SpokenWord], index: int) -> float:
    """The quietest place, in seconds, between a word and the one before it."""
    start = words[index - 1].end if index else 0.0
    end = max(words[index].start, start + 0.02)
    step = HOP // 4
    first, last = int(start * SAMPLE_RATE_HZ) // step, int(end * SAMPLE_RATE_HZ) // step + 1
    levels = [float(np.square(wave[i * step : (i + 1) * step]).sum()) for i in range(first, last)]
    return (first + int(np.argmin(levels)) + 0.5) * step / SAMPLE_RATE_HZ
