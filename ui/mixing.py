"""Sounds that one user brought for mixes, and what a page says of levels, music and effects."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from dialogue_tts._ui.asked import LONGEST_NAME, Answer, Asked, RefusedError
from dialogue_tts._ui.page_mix import PageMix
from dialogue_tts.config import from_dict
from dialogue_tts.dialogue.arrangement import MOST_EFFECTS, MixConfig, Sound, check_sounds
from dialogue_tts.errors import AudioError, DialogueTTSError


class SessionSounds:
    """Sounds that one user brought for mixes, by their names. Safe to use from several threads."""

    def __init__(self) -> None:
        self._sounds: dict[str, Sound] = {}
        self._lock = threading.Lock()

    @property
    def all(self) -> Mapping[str, Sound]:
        """Name -> sound."""
        with self._lock:
            return dict(self._sounds)

    def listed(self) -> list[Answer]:
        """For the page."""
        return [{"name": name, "seconds": round(sound.seconds, 1)} for name, sound in self.all.items()]

    def bring(self, sound: Sound) -> str:
        """Hold a sound; returns its name, which is another where a different sound has that one.

        Raises:
            SettingsError: there are too many, or they are too long.
        """
        with self._lock:
            same = next((name for name, held in self._sounds.items() if held.sha256 == sound.sha256), None)
            if same is not None:
                return same
            names = (sound.name if n == 1 else f"{sound.name} ({n})" for n in range(1, len(self._sounds) + 2))
            name = next(name for name in names if name not in self._sounds)
            check_sounds({**self._sounds, name: sound})
            self._sounds[name] = Sound(name, sound.waveform)
            return name

    def read(self, path: Path, name: str) -> str:
        """Bring what was uploaded. Raises AudioError, SettingsError."""
        try:
            return self.bring(Sound.read(path, name[:LONGEST_NAME] or "sound"))
        except AudioError as error:
            raise AudioError(str(error).removeprefix(f"{path}: ")) from None

    def delete(self, name: str) -> None:
        """It is gone."""
        with self._lock:
            self._sounds.pop(name, None)


def mix_in(sounds: Mapping[str, Sound], asked: Asked) -> PageMix:
    """What a page says of its mix, with the sounds that are here; effects name rows instead of numbers, and "" for the end.

    Raises:
        DialogueTTSError: it is not what pages send, or a sound is not here.
    """
    told = asked.get("mix")
    if told is None:
        return PageMix()
    effects = told.get("effects", []) if isinstance(told, dict) else None
    if not isinstance(effects, list) or len(effects) > MOST_EFFECTS or not all(isinstance(e, dict) for e in effects):
        raise RefusedError("the mix is not what the page sends; reload the page.")
    rows = tuple(dict.fromkeys(str(effect.get("row", "")) for effect in effects))
    numbered = [{**effect, "turn": rows.index(str(effect.get("row", "")))} for effect in effects]
    for effect in numbered:
        effect.pop("row", None)
    config = from_dict(MixConfig, {**told, "effects": numbered})
    missing = next((name for name in config.sound_names if name not in sounds), None)
    if missing is not None:
        raise DialogueTTSError(f"the sound {missing!r} of the mix is not here any more; choose its file again.")
    return PageMix(config, rows, {name: sounds[name] for name in config.sound_names}, told)
