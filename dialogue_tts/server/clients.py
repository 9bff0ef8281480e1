"""What clients that were written for OpenAI's service have built in: names of models and voices, and wishes of theirs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Literal

from dialogue_tts.bundle import BuiltInVoice
from dialogue_tts.errors import SettingsError

# https://platform.openai.com/docs/models; dated names too, such as gpt-4o-mini-tts-2025-12-15 or tts-1-1106.
OPENAI_MODEL = re.compile(r"(?:tts-1|tts-1-hd|gpt-4o-mini-tts)(?:-\d{4}|-\d{4}-\d{2}-\d{2})?")
OPENAI_VOICES = {  # as its guide to speech has them, and what sort of voice each is
    "alloy": "woman",
    "ash": "man",
    "ballad": "man",
    "coral": "woman",
    "echo": "man",
    "fable": "man",
    "nova": "woman",
    "onyx": "man",
    "sage": "woman",
    "shimmer": "woman",
    "verse": "man",
    "marin": "woman",
    "cedar": "man",
}


@dataclass(frozen=True)
class Clients:
    """How far a server goes to meet clients.

    Attributes:
        aliases: other names of voices, in any case, to the voices' own.
        instructions: what becomes of `instructions`, which no model here follows.
    """

    aliases: Mapping[str, str] = field(default_factory=dict)
    instructions: Literal["refuse", "ignore"] = "refuse"


def openai_aliases(voices: Iterable[BuiltInVoice]) -> dict[str, str]:
    """OpenAI's names of voices for built-in ones of the same sort, in turn; no name that a voice here has itself."""
    built_in = list(voices)
    sorts = {
        sort: cycle(
            [v.name for v in built_in if re.search(rf"\b{sort}\b", v.description)] or [v.name for v in built_in]
        )
        for sort in ("woman", "man")
    }
    taken = {voice.name.casefold() for voice in built_in}
    return {name: next(sorts[sort]) for name, sort in OPENAI_VOICES.items() if built_in and name not in taken}


def read_aliases(given: Iterable[str]) -> dict[str, str]:
    """`alloy=clara` and the like. Raises SettingsError for what is none."""
    aliases: dict[str, str] = {}
    for text in given:
        alias, sign, voice = (part.strip() for part in text.partition("="))
        if not (alias and sign and voice):
            raise SettingsError(f"{text!r} is no alias; write it as alias=voice, for example alloy=clara.")
        aliases[alias.casefold()] = voice
    return aliases


def check_aliases(aliases: Mapping[str, str], voices: Collection[str]) -> None:
    """Raises SettingsError if one names no voice, or has a voice's own name."""
    for alias, voice in aliases.items():
        if voice not in voices:
            raise SettingsError(f"alias {alias}: there is no voice {voice!r}; there are {', '.join(voices)}.")
        if alias in {name.casefold() for name in voices}:
            raise SettingsError(f"alias {alias}: a voice has that name itself; take another.")
