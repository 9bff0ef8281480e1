"""A mix as the page has it: effects stand in front of rows, not of numbers. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dialogue_tts.config import to_dict
from dialogue_tts.dialogue.arrangement import Effect, MixConfig, Sound
from dialogue_tts.dialogue.result import Dialogue


@dataclass(frozen=True)
class PageMix:
    """A mix as the page has it.

    Attributes:
        config: whose effects stand in front of the number of a row in `rows`.
        rows: ids; an effect that stands behind all of them is heard at the end.
        told: as it came, for the page to know what it hears.
    """

    config: MixConfig = MixConfig()
    rows: tuple[str, ...] = ()
    sounds: Mapping[str, Sound] = field(default_factory=dict)
    told: Any = None

    def of(self, dialogue: Dialogue, ids: Sequence[str]) -> Dialogue:
        """A dialogue in this mix; `ids` are the rows of its turns. Effects in front of rows that are not made wait for them."""
        places = {row: n for n, row in enumerate(ids)} | {"": len(ids)}
        effects = tuple(
            replace(effect, turn=places[self.rows[effect.turn]])
            for effect in self.config.effects
            if self.rows[effect.turn] in places
        )
        levels = tuple(level for level in self.config.levels if level.speaker in dialogue.voices)
        return dialogue.arranged(replace(self.config, effects=effects, levels=levels), self.sounds)


def mix_told(config: MixConfig, ids: Sequence[str], names: Mapping[str, str]) -> Any:
    """A project's mix as the page has it: `ids` are its rows, `names` its sounds' names here."""
    told = to_dict(config)
    rows = [*ids, ""]
    for part in filter(None, (told["intro"], told["bed"], *told["effects"])):
        part["sound"] = names[part["sound"]]
    for effect in told["effects"]:
        effect["row"] = rows[effect.pop("turn")]
    return told


def page_mix(config: MixConfig, ids: Sequence[str], sounds: Mapping[str, Sound], told: Any) -> PageMix:
    """A project's mix; `told` is what `mix_told` said of it."""
    return PageMix(config, (*ids, ""), sounds, told)


def renamed(config: MixConfig, names: Mapping[str, str]) -> MixConfig:
    """A mix whose sounds have other names."""

    def other(part: Any) -> Any:
        return part and replace(part, sound=names[part.sound])

    effects: tuple[Effect, ...] = tuple(other(effect) for effect in config.effects)
    return replace(config, intro=other(config.intro), bed=other(config.bed), effects=effects)
