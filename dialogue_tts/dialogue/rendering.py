"""A dialogue with all that is heard in it: speech at its levels, an intro, a bed, effects; one loudness; the mark last.

Waves are float32 (samples,) at 24 kHz in [-1, 1]; times are samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dialogue_tts.audio.mastering import MASTERS, mastering_gain
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.arrangement import Bed, Effect, Intro, MixConfig, Sound
from dialogue_tts.dialogue.mix import PlacedTurn, mix
from dialogue_tts.provenance.mark import Mark, Marker
from dialogue_tts.script.gaps import GAP_S

ATTACK_S, RELEASE_S = 0.25, 0.8  # music goes down before somebody speaks, and comes back when nobody does
JOIN_S = 0.5  # over which a bed that begins again gives way to itself
MARKED_AT_ONCE = 60 * SAMPLE_RATE_HZ  # samples: what the mark's transforms take


class Voiced(NamedTuple):
    """A turn's sound, and who says it."""

    speaker: str
    wave: np.ndarray


class Piece(NamedTuple):
    """A sound beside speech, at its place. `kind` is "intro", "bed" or "effect"."""

    kind: str
    name: str
    start: int
    wave: np.ndarray

    @property
    def end(self) -> int:
        return self.start + self.wave.size


@dataclass(frozen=True, eq=False)
class Rendering:
    """A mixed dialogue.

    Attributes:
        placed: turns at their places; `gain` holds the speaker's level, `samples` is speech alone, not yet marked.
        pieces: all that is no speech, before `gain`; `music` is their sum, (samples,).
        gain: (samples,), what speech and music together are multiplied with, before the mark.
        waveform: the whole, with the mark in it.
    """

    placed: tuple[PlacedTurn, ...]
    pieces: tuple[Piece, ...]
    music: np.ndarray
    gain: np.ndarray
    waveform: np.ndarray


def render(
    turns: Sequence[Voiced],
    offsets: Sequence[int],
    starts: Sequence[int | None],
    config: MixConfig,
    sounds: Mapping[str, Sound],
    mark: Mark | None,
) -> Rendering:
    """Mix a dialogue. `offsets` and `starts` are those of `mix`; turns wait for the intro, and for effects that say so."""
    levels = [config.gain(turn.speaker) for turn in turns]
    lead, waits = _lead(config, sounds), _waits(config.effects, len(turns), sounds)
    later = [offset + wait for offset, wait in zip(offsets, waits, strict=True)]
    later[0] += lead
    at = [None if start is None else start + lead for start in starts]
    waves = (turn.wave * np.float32(level) for turn, level in zip(turns, levels, strict=True))
    placed = tuple(
        one._replace(gain=one.gain * level) for one, level in zip(mix(waves, later, at), levels, strict=True)
    )
    spans = [(one.start, one.start + turn.wave.size) for one, turn in zip(placed, turns, strict=True)]
    heard = [span for span, level in zip(spans, levels, strict=True) if level]
    speech = np.concatenate([one.samples for one in placed])
    pieces = _effects(config.effects, spans, waits, sounds)
    if config.intro:
        pieces.insert(0, _intro(config.intro, sounds, lead, heard))
    end = max([speech.size, *(piece.end for piece in pieces)])
    if config.bed:
        pieces.insert(0, _bed(config.bed, sounds, spans[0][0], end, heard))
    music = np.zeros(max([end, *(piece.end for piece in pieces)]), np.float32)
    for piece in pieces:
        music[piece.start : piece.end] += piece.wave
    whole = music.copy()
    whole[: speech.size] += speech
    gain = mastering_gain(whole, SAMPLE_RATE_HZ, MASTERS[config.master] if config.master else None)
    return Rendering(placed, tuple(pieces), music, gain, marked(whole * gain, mark))


def marked(wave: np.ndarray, mark: Mark | None) -> np.ndarray:
    """A whole sound with the mark in it, a minute at a time; cut at full scale where there is none."""
    if mark is None:
        return np.asarray(np.clip(wave, -1, 1))
    marker = Marker(mark)
    pieces = [marker.add(wave[first : first + MARKED_AT_ONCE]) for first in range(0, wave.size, MARKED_AT_ONCE)]
    return np.concatenate(pieces) if pieces else wave


def _linear(db: float) -> np.float32:
    return np.float32(10 ** (db / 20))


def _lead(config: MixConfig, sounds: Mapping[str, Sound]) -> int:
    """How long there is no speech in the beginning."""
    lead_s = config.bed.lead_s if config.bed else 0.0
    if config.intro:
        whole_s = sounds[config.intro.sound].seconds
        lead_s = max(lead_s, whole_s if config.intro.lead_s is None else min(config.intro.lead_s, whole_s))
    return round(lead_s * SAMPLE_RATE_HZ)


def _waits(effects: Sequence[Effect], turns: int, sounds: Mapping[str, Sound]) -> list[int]:
    """How long each turn waits for the effects in front of it."""
    waits = [0] * turns
    for effect in effects:
        if effect.waits and effect.turn < turns:
            waits[effect.turn] += sounds[effect.sound].waveform.size
    return waits


def _effects(
    effects: Sequence[Effect], spans: Sequence[tuple[int, int]], waits: Sequence[int], sounds: Mapping[str, Sound]
) -> list[Piece]:
    """Each effect: those that are waited for one after the other, others where the turn would begin."""
    after = max(end for _, end in spans) + round(GAP_S * SAMPLE_RATE_HZ)
    begins = [max(0, start - wait) for (start, _), wait in zip(spans, waits, strict=True)] + [after]
    found = []
    for effect in effects:
        wave = sounds[effect.sound].waveform
        found.append(Piece("effect", effect.sound, begins[effect.turn], wave * _linear(effect.gain_db)))
        if effect.waits:
            begins[effect.turn] += wave.size
    return found


def _intro(intro: Intro, sounds: Mapping[str, Sound], lead: int, heard: Sequence[tuple[int, int]]) -> Piece:
    """All of it until the first word, the rest quieter and fading."""
    sound = sounds[intro.sound].waveform
    length = min(sound.size, lead + round(intro.fade_out_s * SAMPLE_RATE_HZ))
    wave = sound[:length] * _linear(intro.gain_db) * ducking(length, 0, heard, intro.duck_db)
    if length > lead:
        wave[lead:] *= np.linspace(1, 0, length - lead, dtype=np.float32)
    return Piece("intro", intro.sound, 0, wave)


def _bed(bed: Bed, sounds: Mapping[str, Sound], first_word: int, end: int, heard: Sequence[tuple[int, int]]) -> Piece:
    """From before the first word until behind the last, faded at both ends."""
    start = max(0, first_word - round(bed.lead_s * SAMPLE_RATE_HZ))
    length = end - start + round(bed.tail_s * SAMPLE_RATE_HZ)
    wave = (
        repeated(sounds[bed.sound].waveform, length) * _linear(bed.gain_db) * ducking(length, start, heard, bed.duck_db)
    )
    rising = min(length, round(bed.fade_in_s * SAMPLE_RATE_HZ))
    falling = min(length, round(bed.fade_out_s * SAMPLE_RATE_HZ))
    wave[:rising] *= np.linspace(0, 1, rising, dtype=np.float32)
    wave[length - falling :] *= np.linspace(1, 0, falling, dtype=np.float32)
    return Piece("bed", bed.sound, start, wave)


def repeated(sound: np.ndarray, length: int) -> np.ndarray:
    """A sound over and over, each time out of the one before it: -> (length,)"""
    join = min(round(JOIN_S * SAMPLE_RATE_HZ), sound.size // 4)
    rising = np.sin(
        np.linspace(0, np.pi / 2, join, dtype=np.float32)
    )  # constant power: two ends know nothing of each other
    whole = np.zeros(length + sound.size, np.float32)
    for start in range(0, length, sound.size - join):
        piece = sound.copy()
        if start:
            piece[:join] *= rising
        piece[piece.size - join :] *= rising[::-1]
        whole[start : start + piece.size] += piece
    return whole[:length]


def ducking(length: int, start: int, heard: Sequence[tuple[int, int]], duck_db: float) -> np.ndarray:
    """How loud music is from `start` on that makes room for speech: (length,), from 1 down to `duck_db`."""
    attack, release = round(ATTACK_S * SAMPLE_RATE_HZ), round(RELEASE_S * SAMPLE_RATE_HZ)
    spans: list[list[int]] = []
    for begin, end in sorted(heard):
        if spans and begin - attack <= spans[-1][1] + release:
            spans[-1][1] = max(spans[-1][1], end)
        else:
            spans.append([begin, end])
    points = [(place, db) for begin, end in spans for place, db in _ramp(begin, end, attack, release, duck_db)]
    if not points:
        return np.ones(length, np.float32)
    places, levels = zip(*points, strict=True)
    db = np.interp(np.arange(start, start + length, dtype=np.float64), places, levels).astype(np.float32)
    return np.asarray(np.power(np.float32(10), db / 20), np.float32)


def _ramp(begin: int, end: int, attack: int, release: int, duck_db: float) -> list[tuple[int, float]]:
    return [(begin - attack, 0.0), (begin, duck_db), (end, duck_db), (end + release, 0.0)]
