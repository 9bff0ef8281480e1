"""Where a sound comes from, as far as it can be told: its mark, window by window, and what its file says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dialogue_tts.audio.io import is_mp4, read_audio, read_comment
from dialogue_tts.audio.tagged import read_tagged_comment
from dialogue_tts.errors import AudioError
from dialogue_tts.provenance.credentials import Credentials, read_credentials
from dialogue_tts.provenance.detect import (
    FALSE_ALARMS,
    SHORTEST_S,
    WINDOW_S,
    Found,
    Speed,
    find_mark,
    speeds,
)
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.provenance.network import RATE_HZ

LONG_WINDOW_S = 12.0  # a mark too faint for a short window
WAYS = 3  # in which a sound is looked at: short windows, long ones, and changed speeds
MOST_SEARCHED = 20  # windows of a sound that are looked at in all speeds: the loudest ones
QUIETEST = 1e-4  # a sound whose loudest sample is below is none
LONGEST_S = 3600.0
SAID_BY_US = "Synthetic speech, made by dialogue-tts"  # how the comment of our files begins
NOT_FOUND = (
    "no mark was found. That does not say that a person spoke: it may come from another program, from this one with the "
    "mark switched off, or have been changed too much."
)


@dataclass(frozen=True)
class MarkedPart:
    """Where a mark was found.

    Attributes:
        start: in seconds; as end.
        chance: that so much likeness comes from sound without a mark, at most.
        speed: how the sound was played since.
    """

    start: float
    end: float
    mark: Mark
    chance: float
    speed: Speed


@dataclass(frozen=True)
class Verification:
    """What was found out about a sound.

    Attributes:
        seconds: how long it is.
        parts: where it is marked, in order; empty if it is not.
        chance: that an unmarked sound of this length would be taken for marked as surely as this one, at most.
        comment: what the file's metadata say, if they name us; anybody can write that, or take it out.
        credentials: what its signed statement says.
    """

    seconds: float
    parts: tuple[MarkedPart, ...]
    chance: float
    comment: str = ""
    credentials: Credentials | None = None

    @property
    def marked(self) -> bool:
        """A mark was found."""
        return bool(self.parts)

    def facts(self, bundles: Mapping[int, Sequence[str]]) -> dict[str, Any]:
        """Ready for JSON. `bundles`: code -> names of those that are known here."""
        parts = [asdict(part) | {"bundles": list(bundles.get(part.mark.bundle, ()))} for part in self.parts]
        told = {"marked": self.marked, "seconds": round(self.seconds, 3), "chance": self.chance, "parts": parts}
        signed = asdict(self.credentials) if self.credentials else None
        return told | {"comment": self.comment, "credentials": signed, "says": self.sentences(bundles)}

    def sentences(self, bundles: Mapping[int, Sequence[str]]) -> list[str]:
        """The result in words."""
        told = [self._sentence(part, bundles) for part in self.parts] or [NOT_FOUND]
        if self.comment:
            told.append(f"the file says: {self.comment} (Anybody can write or remove this.)")
        if self.credentials:
            told.append(self.credentials.sentence())
        return told

    def _sentence(self, part: MarkedPart, bundles: Mapping[int, Sequence[str]]) -> str:
        known = " or ".join(bundles.get(part.mark.bundle, ())) or "one that is not here"
        told = f"{part.start:.1f} to {part.end:.1f} s: made by Dialogue TTS, bundle {known} (code {part.mark.bundle})"
        told += f", operator {part.mark.operator}" if part.mark.operator else ", no operator named"
        if part.speed.tempo != 1:
            kept = "" if part.speed.pitch != 1 else ", pitch kept"
            told += f", played {100 * (part.speed.tempo - 1):+.1f} % faster{kept}"
        return f"{told}; chance would do this once in {1 / max(part.chance, 1e-12):.0e} sounds."


def verify_file(path: str | Path, longest_s: float = LONGEST_S) -> Verification:
    """What can be told of a sound file. Raises AudioError if it is none, too short, too long, or silent."""
    wave = read_audio(path, RATE_HZ, longest_s).numpy()
    try:
        found = verify(wave)
    except AudioError as error:
        raise AudioError(f"{path}: {error}") from None
    comment = (not is_mp4(path) and read_comment(path)) or read_tagged_comment(path)
    said = comment if comment.startswith(SAID_BY_US) else ""
    return replace(found, comment=said, credentials=read_credentials(Path(path)))


def verify(wave: np.ndarray) -> Verification:
    """What can be told of a sound, float32 (samples,) at RATE_HZ. Raises AudioError if it is too short, or silent."""
    seconds = wave.size / RATE_HZ
    if seconds < SHORTEST_S:
        raise AudioError(f"{seconds:.2f} s are too short to tell; give at least {SHORTEST_S:g} s.")
    if np.abs(wave).max() < QUIETEST:
        raise AudioError("the sound is silent, so nothing can be told; give one with speech.")
    for length_s in (WINDOW_S, LONG_WINDOW_S):
        windows = _windows(wave.size, length_s)
        found = [find_mark(wave[window], (Speed(),)) for window in windows]
        chance = WAYS * len(windows) * min(one.chance for one in found)
        if chance < FALSE_ALARMS:
            return Verification(seconds, _parts(windows, found), chance)
    windows = _windows(wave.size, WINDOW_S)
    loudest = sorted(windows, key=lambda window: -float(np.square(wave[window]).sum()))[:MOST_SEARCHED]
    best = min((find_mark(wave[window], speeds()) for window in loudest), key=lambda one: one.chance)
    chance = WAYS * len(loudest) * best.chance
    if chance >= FALSE_ALARMS:
        return Verification(seconds, (), min(1.0, chance))
    found = [find_mark(wave[window], (best.speed,)) for window in windows]
    return Verification(seconds, _parts(windows, found), chance)


def _windows(samples: int, length_s: float) -> list[slice]:
    """Windows of that length, each half over the one before; the last one ends with the sound."""
    length = round(length_s * RATE_HZ)
    last = max(0, samples - length)
    return [slice(start, min(samples, start + length)) for start in (*range(0, last, length // 2), last)]


def _parts(windows: list[slice], found: list[Found]) -> tuple[MarkedPart, ...]:
    """Windows in which the mark is, those of one message that touch as one part."""
    parts: list[MarkedPart] = []
    for window, one in zip(windows, found, strict=True):
        if not one.sure:
            continue
        begin, end = window.start / RATE_HZ, window.stop / RATE_HZ
        before = parts[-1] if parts else None
        if before and before.mark == one.mark and begin <= before.end:
            parts[-1] = replace(before, end=end, chance=min(before.chance, one.chance))
        else:
            parts.append(MarkedPart(begin, end, one.mark, one.chance, one.speed))
    return tuple(parts)
