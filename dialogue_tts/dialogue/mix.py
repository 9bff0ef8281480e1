"""Where turns stand in time, and their sum. Waves are float32 (samples,) in [-1, 1]; times are samples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from dialogue_tts.audio.loudness import CEILING_DB, true_peak
from dialogue_tts.provenance.mark import Mark, Marker

DUCK = 0.9  # steps by which a turn that overlaps is turned down until the sum stays below the ceiling


class PlacedTurn(NamedTuple):
    """One turn in the mix.

    Attributes:
        start: of the turn, in samples from the beginning.
        gain: of the turn; below 1 only where the sum of overlapping turns would clip.
        first: where `samples` begins.
        samples: what no later turn can reach any more.
    """

    start: int
    gain: float
    first: int
    samples: np.ndarray


def mix(
    waves: Iterable[np.ndarray],
    offsets: Sequence[int],
    starts: Sequence[int | None] | None = None,
    mark: Mark | None = None,
) -> Iterator[PlacedTurn]:
    """Put each turn behind, or with a negative offset over, the end of what is heard so far, as soon as it is there.

    A turn never starts before the one in front of it does, so what lies before is final and can be played.

    Args:
        starts: where turns are to start, in samples from the beginning; such a turn waits for it, and for the end of what is
            heard. None for those that only follow.
        mark: what the sum is marked with; a stream and a whole dialogue get it in the same pieces, so with the same bytes.
    """
    marker = Marker(mark) if mark else None
    at = starts or [None] * len(offsets)
    held, sent, start = np.zeros(0, np.float32), 0, 0
    for index, wave in enumerate(waves):
        begin = at[index]
        start = max(sent + held.size + offsets[index], start) if begin is None else max(sent + held.size, begin)
        gain = _duck(held[start - sent :], wave)
        grown = np.zeros(max(held.size, start - sent + wave.size), np.float32)
        grown[: held.size] = held
        grown[start - sent : start - sent + wave.size] += wave * np.float32(gain)
        end = sent + grown.size
        following = offsets[index + 1] if index + 1 < len(offsets) and at[index + 1] is None else 0
        final = max(start, end + min(0, following)) - sent
        yield PlacedTurn(start, gain, sent, marker.add(grown[:final]) if marker else grown[:final])
        held, sent = grown[final:], sent + final


def _duck(held: np.ndarray, wave: np.ndarray) -> float:
    """How loud a turn may be over what it overlaps."""
    count = min(held.size, wave.size)
    gain, ceiling = 1.0, 10 ** (CEILING_DB / 20)
    if count and np.abs(held[:count]).max() + np.abs(wave[:count]).max() > ceiling:
        while gain > 0.01 and true_peak(torch.from_numpy(held[:count] + np.float32(gain) * wave[:count])) > ceiling:
            gain *= DUCK
    return gain


def track(
    waves: Iterable[tuple[int, float, np.ndarray]],
    samples: int,
    mark: Mark | None = None,
    whole_gain: np.ndarray | None = None,
) -> np.ndarray:
    """(start, gain, wave) of turns -> one track of that length. Marked tracks add up to the marked sum of all turns.

    Args:
        whole_gain: (samples,), of all tracks alike, before the mark.
    """
    whole = np.zeros(samples, np.float32)
    for start, gain, wave in waves:
        whole[start : start + wave.size] += wave * np.float32(gain)
    whole = whole if whole_gain is None else whole * whole_gain
    return mark.applied(whole) if mark else whole


def panned(tracks: Sequence[np.ndarray]) -> np.ndarray:
    """Tracks spread evenly from left to right, one alone in the middle, at constant power: -> (samples, 2)."""
    places = np.linspace(0.0, 1.0, len(tracks)) if len(tracks) > 1 else np.array([0.5])
    left, right = np.cos(places * np.pi / 2), np.sin(places * np.pi / 2)
    right[0], left[-1] = (0.0, 0.0) if len(tracks) > 1 else (right[0], left[-1])
    sides = (sum(gain * one for gain, one in zip(gains, tracks, strict=True)) for gains in (left, right))
    return np.stack([np.asarray(side, np.float32) for side in sides], axis=1)
