"""Text as it is spoken: words with their phonemes."""

from __future__ import annotations

from dataclasses import dataclass

KEPT_WORDS = 20_000  # remembered by each step that looks at words one by one: most come again


@dataclass(frozen=True)
class Word:
    """A written word with its phonemes (misaki's American set, stress marks kept, no spaces).

    Attributes:
        guessed: no dictionary has the word; its sounds come from its letters.
        spoken: what is said for it, in plain spelling without marks: `five dollars` for `$5`.
    """

    text: str
    phonemes: str
    guessed: bool = False
    spoken: str = ""

    @property
    def respelled(self) -> bool:
        """Whether what is said is spelled otherwise than what is written."""
        return self.spoken.casefold() != self.text.casefold().strip("'")


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
