"""A turn as it is heard: its words with their times, and what the self-check says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace


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
class Check:
    """What the networks think of a turn's sound; nobody has heard it.

    Attributes:
        phone_error: share of its phones that read back wrong, 0 at best.
        pace: how fast it is beside the voice's prompt, at the turn's own speed: 1 as fast, 2 twice as fast.
        voice_match: cosine of its speaker embedding to the prompt's, 1 at best.
        rival_match: the greatest cosine to another speaker's prompt; None where there is no other voice.
    """

    phone_error: float
    pace: float
    voice_match: float
    rival_match: float | None = None

    @property
    def right_voice(self) -> bool:
        """Whether it sounds more like its own prompt than like any other speaker's."""
        return self.rival_match is None or self.voice_match > self.rival_match


@dataclass(frozen=True)
class SpokenTurn:
    """A turn as it is heard.

    Attributes:
        index: position in the script, from 0.
        start, end: in seconds; `words` lie within.
        seed: with the same text, voice and settings it gives the same sound.
        draws: how often its sound was drawn until it read back well, or often enough.
        check: what the self-check says of its sound.
    """

    index: int
    speaker: str
    text: str
    start: float
    end: float
    words: tuple[SpokenWord, ...]
    seed: int
    draws: int
    check: Check


@dataclass(frozen=True)
class MixedSound:
    """A sound beside speech, as it is heard.

    Attributes:
        kind: "intro", "bed" or "effect".
        name: of the sound; start, end: in seconds.
    """

    kind: str
    name: str
    start: float
    end: float
