"""A take as bytes and back, exactly: what a work folder, or a store, keeps of the turns that are made.

A safetensors file of three tensors: `waveform`, float32 (samples,); `facts`, what else a `Take` holds as JSON in UTF-8,
uint8 (bytes,); and `sha256` of both, uint8 (32,). Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from dialogue_tts.config import from_dict
from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.turns import Check, SpokenWord
from dialogue_tts.errors import ConfigError, ProjectError

FORMAT = "dialogue-tts take 1"


@dataclass(frozen=True)
class _Facts:
    """All of a `Take` but its sound."""

    format: str
    text: str
    seed: int
    words: tuple[SpokenWord, ...]
    draws: int
    check: Check


def take_to_bytes(take: Take) -> bytes:
    """What `take_from_bytes` reads; about 96 kB for a second of sound."""
    wave = np.ascontiguousarray(take.waveform, np.float32)
    facts = json.dumps(asdict(_Facts(FORMAT, take.text, take.seed, take.words, take.draws, take.check))).encode()
    parts: dict[str, np.ndarray] = {
        "waveform": wave,
        "facts": np.frombuffer(facts, np.uint8),
        "sha256": _digest(wave, facts),
    }
    return save(parts)


def take_from_bytes(data: bytes) -> Take:
    """The take, bit for bit. Raises ProjectError if the bytes are damaged or no take."""
    try:
        parts = load(data)
        wave, facts = parts["waveform"], parts["facts"].tobytes()
        if wave.dtype != np.float32 or wave.ndim != 1 or not np.array_equal(parts["sha256"], _digest(wave, facts)):
            raise ValueError("its hash is another")
        found = from_dict(_Facts, json.loads(facts))
        if found.format != FORMAT:
            raise ValueError(f"its format is {found.format}, not {FORMAT}")
    except (SafetensorError, KeyError, ValueError, ConfigError) as error:
        raise ProjectError(f"this is no saved turn, or it is damaged ({error}); let it be made again.") from None
    return Take(found.text, found.seed, wave, found.words, found.draws, found.check)


def _digest(wave: np.ndarray, facts: bytes) -> np.ndarray:
    """SHA-256, uint8 (32,)."""
    return np.frombuffer(hashlib.sha256(wave.astype("<f4").tobytes() + facts).digest(), np.uint8)
