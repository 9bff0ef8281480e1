"""The result of a synthesis: sound, and who said what when."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dialogue_tts.audio.io import write_audio


@dataclass(frozen=True)
class SpokenWord:
    """A written word and when it is heard, in seconds."""

    word: str
    start: float
    end: float

    def moved(self, seconds: float) -> SpokenWord:
        """The same word, later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True)
class SpokenTurn:
    """A turn as it was spoken.

    Attributes:
        index: position in the script, from 0.
        start, end: in seconds; `words` lie within.
        takes: how often it was drawn.
        phone_error: share of its phones that read back wrong from its tokens, 0 at best.
    """

    index: int
    speaker: str
    text: str
    start: float
    end: float
    words: tuple[SpokenWord, ...]
    takes: int
    phone_error: float

    def moved(self, seconds: float) -> SpokenTurn:
        """The same turn, later."""
        words = tuple(word.moved(seconds) for word in self.words)
        return replace(self, start=self.start + seconds, end=self.end + seconds, words=words)


@dataclass(frozen=True)
class Dialogue:
    """A spoken script.

    Attributes:
        waveform: mono float32 (samples,) in [-1, 1] at `sample_rate` Hz.
        turns: in order.
        seed: which, with the same script and voices, gives this sound again.
    """

    waveform: np.ndarray
    sample_rate: int
    turns: tuple[SpokenTurn, ...]
    seed: int

    @property
    def duration(self) -> float:
        """In seconds."""
        return self.waveform.size / self.sample_rate

    def turn_waveform(self, index: int) -> np.ndarray:
        """The sound of one turn, float32 (samples,)."""
        turn = self.turns[index]
        return self.waveform[round(turn.start * self.sample_rate) : round(turn.end * self.sample_rate)]

    def save(self, path: str | Path) -> None:
        """Write the sound in the format the path's ending names: .wav, .flac, .ogg, .mp3.

        Raises:
            AudioError: unknown ending, or the place cannot be written to.
        """
        write_audio(path, self.waveform, self.sample_rate)

    def timestamps(self) -> dict[str, Any]:
        """Times of turns and words in seconds, rounded to milliseconds, ready for JSON."""
        turns = [
            {
                "index": turn.index,
                "speaker": turn.speaker,
                "text": turn.text,
                "start": round(turn.start, 3),
                "end": round(turn.end, 3),
                "words": [{k: round(v, 3) if k != "word" else v for k, v in asdict(w).items()} for w in turn.words],
            }
            for turn in self.turns
        ]
        return {"sample_rate": self.sample_rate, "duration": round(self.duration, 3), "turns": turns}

    def save_timestamps(self, path: str | Path) -> None:
        """Write `timestamps` as JSON."""
        Path(path).write_text(json.dumps(self.timestamps(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
