"""Project files: a dialogue as JSON that rebuilds it bit for bit on the same machine.

Kept are script, settings, seeds of all takes, which voices and bundle they need, by hash, and the mix with its sounds; no
speech and no voice. On another processor, with another number of threads or release of PyTorch, sums are rounded
differently: `sha256` tells.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from dialogue_tts.config import from_dict, strict, to_dict
from dialogue_tts.dialogue.arrangement import MOST_SOUNDS, MixConfig, SavedSound, Sound
from dialogue_tts.dialogue.result import BundleId, Dialogue
from dialogue_tts.errors import ConfigError, DialogueTTSError, ProjectError
from dialogue_tts.files import write_text
from dialogue_tts.script.parser import check_script
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.text.accents import AMERICAN
from dialogue_tts.voices.assignment import Voices
from dialogue_tts.voices.voice import Voice, check_accent

KIND = "dialogue-tts project 1"


@strict
class SavedTake:
    """What a turn says, and the seed that makes its sound again."""

    text: str
    seed: int


@strict
class SavedTurn:
    """A turn of the script with all its takes."""

    speaker: str
    takes: tuple[SavedTake, ...]
    chosen: int = 0
    pause_s: float = 0.0
    overlap_s: float = 0.0
    speed: float = 1.0
    start_s: float | None = None
    end_s: float | None = None

    @classmethod
    def of(cls, turn: Turn, takes: Iterable[SavedTake], chosen: int) -> SavedTurn:
        """A turn of a script with its takes."""
        return cls(
            turn.speaker,
            tuple(takes),
            chosen,
            turn.pause_s,
            turn.overlap_s,
            turn.speed,
            turn.start_s,
            turn.end_s,
        )

    @property
    def turn(self) -> Turn:
        """As it stands in the script, with the chosen take's text."""
        text = self.takes[self.chosen].text
        return Turn(
            self.speaker,
            text,
            self.pause_s,
            overlap_s=self.overlap_s,
            speed=self.speed,
            start_s=self.start_s,
            end_s=self.end_s,
        )


@strict
class SavedVoice:
    """Which voice a speaker has; the hash is that of its tokens. Read in American English where no accent is kept."""

    speaker: str
    name: str
    sha256: str
    accent: str = AMERICAN


def saved_voices(voices: Mapping[str, Voice]) -> tuple[SavedVoice, ...]:
    """Of each speaker."""
    return tuple(SavedVoice(speaker, voice.name, voice.sha256, voice.accent) for speaker, voice in voices.items())


@strict
class Project:
    """What a project file holds.

    Attributes:
        seed: of the dialogue.
        sha256: of the waveform's bytes when it was saved; "" where it was not made yet.
        mix: levels, music, effects and loudness of the whole; sounds: those it names.
    """

    kind: str
    bundle: BundleId
    seed: int
    config: SynthesisConfig
    voices: tuple[SavedVoice, ...]
    turns: tuple[SavedTurn, ...]
    sha256: str
    mix: MixConfig = MixConfig()
    sounds: tuple[SavedSound, ...] = ()

    @classmethod
    def of(cls, dialogue: Dialogue, whole: bool = True) -> Project:
        """Everything that is needed to make the dialogue again; without the samples of the mix's sounds unless `whole`."""
        turns = tuple(
            SavedTurn.of(part.turn, [SavedTake(take.text, take.seed) for take in part.takes], part.chosen)
            for part in dialogue.turn_takes
        )
        voices = saved_voices(dialogue.voices)
        sounds = tuple(SavedSound.of(sound, whole) for sound in dialogue.sounds.values())
        made = (dialogue.bundle, dialogue.seed, dialogue.config)
        return cls(KIND, *made, voices, turns, dialogue.sha256, dialogue.mix, sounds)

    @classmethod
    def load(cls, path: str | Path) -> Project:
        """Read what `save` wrote. Raises ProjectError if the file is missing, or no project."""
        try:
            return cls.parse(Path(path).read_text(encoding="utf-8"), str(path))
        except OSError as error:
            raise ProjectError(f"{path}: the project cannot be read ({error.strerror}); give a project file.") from None
        except UnicodeDecodeError:
            raise ProjectError(f"{path}: this is no project file; give one that was saved by --project.") from None

    @classmethod
    def parse(cls, text: str, where: str = "project") -> Project:
        """A project file's content -> project; errors begin with `where`. Raises ProjectError."""
        try:
            values = json.loads(text)
        except ValueError as error:
            raise ProjectError(f"{where}: this is no project file, for it is not JSON ({error}).") from None
        if not isinstance(values, dict) or values.get("kind") != KIND:
            raise ProjectError(f'{where}: this is no project file that is known here; its "kind" should be "{KIND}".')
        try:
            project = from_dict(cls, values)
            project._check()
        except DialogueTTSError as error:
            raise ProjectError(f"{where}: the project cannot be used: {error}") from None
        return project

    def save(self, path: str | Path) -> None:
        """Write the project as JSON."""
        write_text(path, json.dumps(to_dict(self), indent=1, ensure_ascii=False) + "\n")

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names in order of first appearance."""
        return tuple(dict.fromkeys(turn.speaker for turn in self.turns))

    @property
    def script(self) -> Script:
        """As it is spoken, with the texts of the chosen takes."""
        return Script(tuple(turn.turn for turn in self.turns))

    def voices_from(self, given: Voices, known: tuple[str, ...]) -> Voices:
        """Where each speaker's voice comes from: what is given, or else the known voice of that name.

        Raises:
            ProjectError: a voice is neither given nor known, or is given for a speaker whom the project lacks.
        """
        for speaker in given:
            if speaker not in self.speakers:
                speakers = ", ".join(self.speakers)
                raise ProjectError(f"{speaker}: the project has no such speaker; its speakers are {speakers}.")
        for voice in self.voices:
            if voice.speaker not in given and voice.name not in known:
                raise ProjectError(
                    f"{voice.speaker}: the voice {voice.name!r} is neither built in nor kept; give its file or recording."
                )
        return {voice.speaker: given.get(voice.speaker, voice.name) for voice in self.voices}

    def check_bundle(self, bundle: BundleId) -> None:
        """Raises ProjectError if it is not the bundle the project was made with."""
        if bundle != self.bundle:
            made, here = (f"{b.name} ({b.sha256[:12] or 'unsaved'})" for b in (self.bundle, bundle))
            raise ProjectError(f"the project was made with bundle {made}, this is {here}; load that one.")

    def check_voices(self, cast: Mapping[str, Voice]) -> None:
        """Raises ProjectError if a voice is not the one the project was made with."""
        for voice in self.voices:
            if cast[voice.speaker].sha256 != voice.sha256:
                raise ProjectError(
                    f"{voice.speaker}: the voice {cast[voice.speaker].name!r} is not the {voice.name!r} that the project "
                    f"was made with ({voice.sha256[:12]}); give that one."
                )

    def arrange(self, dialogue: Dialogue, known: Mapping[str, Sound] | None = None) -> Dialogue:
        """A dialogue of the project's turns in the project's mix, with its sounds or those of `known` that are the same.

        Raises:
            ProjectError: a sound is nowhere, or damaged.
        """
        try:
            sounds = [saved.sound(known or {}) for saved in self.sounds]
            return dialogue.arranged(self.mix, {sound.name: sound for sound in sounds})
        except DialogueTTSError as error:
            raise ProjectError(f"the project cannot be mixed: {error}") from None

    def in_its_accents(self, cast: Mapping[str, Voice]) -> dict[str, Voice]:
        """The voices, read as they were when the project was made."""
        return {voice.speaker: replace(cast[voice.speaker], accent=voice.accent) for voice in self.voices}

    def _check(self) -> None:
        for voice in self.voices:
            check_accent(voice.accent)
        for turn in self.turns:
            if not 0 <= turn.chosen < len(turn.takes):
                raise ConfigError(f"a turn of {turn.speaker} chooses take {turn.chosen} of {len(turn.takes)}")
        if {voice.speaker for voice in self.voices} != set(self.speakers):
            raise ConfigError("voices and turns name different speakers")
        missing = set(self.mix.sound_names) - {sound.name for sound in self.sounds}
        if missing or len(self.sounds) > MOST_SOUNDS:
            raise ConfigError(
                f"the mix needs the sounds that it names, at most {MOST_SOUNDS}: {', '.join(sorted(missing))}"
            )
        check_script(self.script)
