"""A dialogue that is to be made: its turns with all that their sound depends on, checked; and how takes become one.

Turns can be made in any order and together with those of other dialogues: what each sounds like does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.mix import mix
from dialogue_tts.dialogue.result import BundleId, Chunk, Dialogue, Part, Take, turn_offsets
from dialogue_tts.errors import SettingsError
from dialogue_tts.script.turns import Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.text.words import SpokenText
from dialogue_tts.voices.voice import Voice

Progress = Callable[[int, int], None]
"""Called with (turns done, turns in all)."""


@dataclass(frozen=True)
class Order:
    """A take that is to be made: all that its sound depends on, and `rivals`, the dialogue's other voices, which its
    report alone depends on."""

    turn: Turn
    text: SpokenText
    voice: Voice
    seed: int
    speed: float
    config: SynthesisConfig
    rivals: tuple[Voice, ...] = ()


@dataclass(frozen=True)
class Plan:
    """What `DialogueTTS.plan` gives: a take is to be made of every order."""

    orders: tuple[Order, ...]
    seed: int
    config: SynthesisConfig
    bundle: BundleId

    @property
    def provenance(self) -> str:
        """See `Dialogue.provenance`; known before any sound is."""
        return Dialogue((), self._voices(self.orders), self.seed, self.config, self.bundle).provenance

    def chunks(self, takes: Iterable[Take]) -> Generator[Chunk, None, None]:
        """Turns in order, each with the sound that is final with it, as soon as its take is there."""
        parts = (Part(order.turn, (take,)) for order, take in zip(self.orders, takes, strict=False))
        return chunks(parts, self.orders, self.config)

    def dialogue(self, takes: Sequence[Take]) -> Dialogue:
        """The dialogue, or its beginning where later takes are not there yet. Raises SettingsError if none are."""
        if not takes:
            raise SettingsError("no turn has been spoken yet; ask for the dialogue after the first.")
        made = list(zip(self.orders, takes, strict=False))
        parts = tuple(Part(order.turn, (take,)) for order, take in made)
        voices = self._voices([order for order, _ in made])
        return Dialogue(parts, voices, self.seed, self.config, self.bundle)

    @staticmethod
    def _voices(orders: Sequence[Order]) -> dict[str, Voice]:
        return {order.turn.speaker: order.voice for order in orders}


def chunks(
    parts: Iterable[Part], orders: Sequence[Order], config: SynthesisConfig, progress: Progress | None = None
) -> Generator[Chunk, None, None]:
    """Parts in order, each with the sound that is final with it."""
    held: list[Part] = []

    def waves() -> Iterator[np.ndarray]:
        for part in parts:
            held.append(part)
            yield part.take.waveform

    offsets = turn_offsets([order.turn for order in orders], [order.seed for order in orders], config)
    for index, placed in enumerate(mix(waves(), offsets)):
        part = held.pop()
        if progress:
            progress(index + 1, len(orders))
        yield Chunk(placed.samples, placed.first / SAMPLE_RATE_HZ, part.spoken(index, placed), part)
