"""What a changed script keeps of a dialogue made before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from dialogue_tts.dialogue.result import Dialogue, TurnTakes
from dialogue_tts.script.turns import Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.voice import Voice


@dataclass(frozen=True, eq=False)
class Revision:
    """What a changed script keeps of a dialogue made before, and what it wants otherwise.

    Attributes:
        dialogue: made before, if any.
        was: turn of the changed script -> turn of `dialogue` that it was, both from 0. New turns are left out.
        seeds: turn of the changed script -> seed, for turns that are to have one of their own.
    """

    dialogue: Dialogue | None = None
    was: Mapping[int, int] = field(default_factory=dict)
    seeds: Mapping[int, int] = field(default_factory=dict)

    def kept(self, index: int, turn: Turn, voice: Voice, config: SynthesisConfig) -> TurnTakes | None:
        """What there is of a turn of the changed script: its takes in the same voice, at the same speed and settings."""
        if self.dialogue is None or index not in self.was:
            return None
        part, voices = self.dialogue.turn_takes[self.was[index]], self.dialogue.voices
        same = (part.turn.speaker, part.turn.speed, part.turn.room_s) == (turn.speaker, turn.speed, turn.room_s)
        was = voices[turn.speaker]
        same = same and (was.sha256, was.accent) == (voice.sha256, voice.accent)
        before = self.dialogue.config
        same = same and replace(before, gap_s=config.gap_s, pronunciations=config.pronunciations) == config
        same = same and not _says_any(turn.text, set(before.pronunciations) ^ set(config.pronunciations))
        return replace(part, turn=turn) if same else None


def _says_any(text: str, pronunciations: Collection[tuple[str, str]]) -> bool:
    """Whether a word of a dictionary may be in a text."""
    return any(word.casefold() in text.casefold() for word, _ in pronunciations)
