"""Values that cross from one part to another: frozen and typed."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Turn:
    """One speaker's turn in a script.

    Attributes:
        speaker: name as written in the script.
        text: what to say, on one line; may hold `[word](/phonemes/)` pronunciations.
        pause_s: extra silence asked for in front of the turn, in seconds (`[pause 0.5s]`).
        line: line of the script where the turn starts, from 1.
        overlap_s: the turn starts so long before what is heard already ends, in seconds (`[Ben | overlap 0.3s]`).
        speed: of this turn (`[Ben | speed 1.2]`); 2 is twice as fast as the voice speaks by itself. Pitch stays.
    """

    speaker: str
    text: str
    pause_s: float = 0.0
    line: int = 1
    overlap_s: float = 0.0
    speed: float = 1.0


@dataclass(frozen=True)
class Script:
    """A dialogue in writing: at least one turn."""

    turns: tuple[Turn, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names in order of first appearance."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))


@dataclass(frozen=True)
class Word:
    """A written word with its phonemes (misaki's American set, stress marks kept, no spaces).

    Attributes:
        guessed: no dictionary has the word; its sounds come from its letters.
    """

    text: str
    phonemes: str
    guessed: bool = False


@dataclass(frozen=True)
class SpokenText:
    """What a turn's text becomes before tokenisation.

    Attributes:
        words: written words in order; punctuation is not a word.
        phonemes: the whole string the model reads: the words' phonemes, single spaces between them, and the
            marks `, . ? ! ; : …` and dashes where a speaker would pause. `words` appear in it in this order.
        pauses: (word index, seconds): silence asked for before that word by `[pause Ns]` inside a turn.
    """

    words: tuple[Word, ...]
    phonemes: str
    pauses: tuple[tuple[int, float], ...] = ()


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
        voice_match: cosine of its voice print to the prompt's, 1 at best.
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
