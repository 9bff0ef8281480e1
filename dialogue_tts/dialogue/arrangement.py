"""What is heard beside speech, and how loud everybody is: the settings of a mix, and its sounds."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import soundfile
from pydantic import Field

from dialogue_tts.audio.io import read_audio
from dialogue_tts.config import SAMPLE_RATE_HZ, from_dict, read_json, strict
from dialogue_tts.errors import AudioError, SettingsError

MOST_SOUNDS, MOST_EFFECTS, MOST_LEVELS = 16, 200, 1000
SHORTEST_SOUND_S, LONGEST_SOUND_S, LONGEST_SOUNDS_S = 0.1, 600.0, 900.0  # of one; of all together
LONGEST_NAME = 200
QUIETEST_DB, LOUDEST_DB = -60.0, 12.0


@strict
class Level:
    """How loud a speaker is. Who is muted keeps his or her place in time."""

    speaker: str
    gain_db: Annotated[float, Field(ge=QUIETEST_DB, le=LOUDEST_DB)] = 0.0
    muted: bool = False


@strict
class Intro:
    """A sound in front of the first word.

    Attributes:
        lead_s: how much of it is heard before somebody speaks; None for all of it.
        duck_db: how much quieter the rest is under speech; it fades out in `fade_out_s`.
    """

    sound: str
    gain_db: Annotated[float, Field(ge=QUIETEST_DB, le=LOUDEST_DB)] = 0.0
    lead_s: Annotated[float | None, Field(ge=0, le=LONGEST_SOUND_S)] = None
    duck_db: Annotated[float, Field(ge=QUIETEST_DB, le=0)] = -10.0
    fade_out_s: Annotated[float, Field(ge=0, le=60)] = 3.0


@strict
class Bed:
    """Music or a room under all that is said, over and over if it is short.

    Attributes:
        duck_db: how much quieter it is while somebody speaks.
        lead_s: so long it is heard before the first word; tail_s: behind the last.
    """

    sound: str
    gain_db: Annotated[float, Field(ge=QUIETEST_DB, le=LOUDEST_DB)] = -12.0
    duck_db: Annotated[float, Field(ge=QUIETEST_DB, le=0)] = -10.0
    fade_in_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    fade_out_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    lead_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    tail_s: Annotated[float, Field(ge=0, le=60)] = 3.0


@strict
class Effect:
    """A sound between turns; it begins where the turn behind it would.

    Attributes:
        turn: in front of which it is heard, from 0; the number of turns for one behind the last.
        waits: the turn waits until the sound is over; else both begin together.
    """

    sound: str
    turn: Annotated[int, Field(ge=0)]
    gain_db: Annotated[float, Field(ge=QUIETEST_DB, le=LOUDEST_DB)] = -6.0
    waits: bool = True


@strict
class MixConfig:
    """How a dialogue is mixed. The usual one is speech alone, as turns have their own loudness.

    Attributes:
        master: what the whole is made loud as: "podcast" -16 LUFS, "broadcast" -23 LUFS (EBU R128), "audiobook" -20 dB RMS
            below -3 dB peaks (ACX); None leaves it, and keeps true peaks below -1 dB.

    Raises:
        SettingsError: somebody has two levels.
    """

    levels: Annotated[tuple[Level, ...], Field(max_length=MOST_LEVELS)] = ()
    intro: Intro | None = None
    bed: Bed | None = None
    effects: Annotated[tuple[Effect, ...], Field(max_length=MOST_EFFECTS)] = ()
    master: Literal["podcast", "broadcast", "audiobook"] | None = None

    def __post_init__(self) -> None:
        speakers = [level.speaker for level in self.levels]
        twice = next((name for name in speakers if speakers.count(name) > 1), None)
        if twice is not None:
            raise SettingsError(f"{twice} has two levels in the mix; give each speaker one.")

    @property
    def sound_names(self) -> tuple[str, ...]:
        """Of all sounds that it needs, each once."""
        whole = [part.sound for part in (self.intro, self.bed) if part is not None]
        return tuple(dict.fromkeys([*whole, *(effect.sound for effect in self.effects)]))

    def gain(self, speaker: str) -> float:
        """Linear, of a speaker's turns; 0 for one who is muted."""
        level = next((level for level in self.levels if level.speaker == speaker), None)
        if level is None:
            return 1.0
        return 0.0 if level.muted else 10 ** (level.gain_db / 20)

    def check(self, turns: int, sounds: Mapping[str, Sound]) -> None:
        """Raises SettingsError if a sound is missing, there are too many, or an effect stands behind the end."""
        missing = next((name for name in self.sound_names if name not in sounds), None)
        if missing is not None:
            raise SettingsError(f"the mix needs the sound {missing!r}, which is not here; give its file.")
        check_sounds(sounds)
        late = next((effect.turn for effect in self.effects if effect.turn > turns), None)
        if late is not None:
            raise SettingsError(f"an effect stands in front of turn {late}, but there are {turns}, counted from 0.")


@dataclass(frozen=True, eq=False)
class Sound:
    """A sound of a mix.

    Attributes:
        waveform: mono float32 (samples,) in [-1, 1] at 24 kHz, in steps of 16 bits, so that a project file holds all of it.
    """

    name: str
    waveform: np.ndarray = field(repr=False)

    @classmethod
    def read(cls, path: str | Path, name: str | None = None) -> Sound:
        """From a sound file of 0.1 s to 10 min. Raises AudioError if it is none."""
        wave = read_audio(path, SAMPLE_RATE_HZ, LONGEST_SOUND_S).numpy()
        if wave.size < SHORTEST_SOUND_S * SAMPLE_RATE_HZ:
            raise AudioError(f"{path}: the sound is shorter than {SHORTEST_SOUND_S:g} s; give a longer one.")
        return cls((name or str(path))[:LONGEST_NAME], (np.rint(wave * 32768) / 32768).clip(-1, 1 - 2**-15))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.waveform.size / SAMPLE_RATE_HZ

    @cached_property
    def sha256(self) -> str:
        """Of its samples."""
        return hashlib.sha256(self._samples.tobytes()).hexdigest()

    @property
    def _samples(self) -> np.ndarray:
        return np.asarray(self.waveform * 32768, "<i2")

    def flac(self) -> bytes:
        """As a FLAC file, without loss."""
        held = io.BytesIO()
        soundfile.write(held, self._samples, SAMPLE_RATE_HZ, "PCM_16", format="FLAC")
        return held.getvalue()


@strict
class SavedSound:
    """A sound in a project file: FLAC in base64. Without it, `flac` "", whoever opens the project has to have the sound."""

    name: Annotated[str, Field(max_length=LONGEST_NAME)]
    sha256: str
    flac: str = ""

    @classmethod
    def of(cls, sound: Sound, whole: bool = True) -> SavedSound:
        """Of a sound; without its samples unless `whole`."""
        return cls(sound.name, sound.sha256, base64.b64encode(sound.flac()).decode() if whole else "")

    def sound(self, known: Mapping[str, Sound]) -> Sound:
        """The sound itself, from `known` by its hash if it is not in here.

        Raises:
            AudioError: it is nowhere, or damaged.
        """
        found = next((one for one in known.values() if one.sha256 == self.sha256), None)
        if found is not None:
            return Sound(self.name, found.waveform)
        if not self.flac:
            raise AudioError(f"the sound {self.name!r} of the mix is not here; give its file again.")
        try:
            with soundfile.SoundFile(io.BytesIO(base64.b64decode(self.flac, validate=True))) as file:
                fits = file.samplerate == SAMPLE_RATE_HZ and file.channels == 1
                if not fits or not 0 < file.frames <= LONGEST_SOUND_S * SAMPLE_RATE_HZ:
                    raise AudioError(
                        f"the sound {self.name!r} of the mix is too long, or of another kind than is saved."
                    )
                samples = file.read(dtype="int16")
        except (soundfile.LibsndfileError, binascii.Error) as error:
            raise AudioError(f"the sound {self.name!r} of the mix is damaged ({error}); give its file again.") from None
        found = Sound(self.name, samples.astype(np.float32) / np.float32(32768))
        if found.sha256 != self.sha256:
            raise AudioError(f"the sound {self.name!r} of the mix is not the one that was saved; give its file again.")
        return found


def check_sounds(sounds: Mapping[str, Sound]) -> None:
    """Raises SettingsError if there are more sounds than a mix may have, or they are longer."""
    if len(sounds) > MOST_SOUNDS or sum(sound.seconds for sound in sounds.values()) > LONGEST_SOUNDS_S:
        most = f"at most {MOST_SOUNDS} sounds of {LONGEST_SOUNDS_S / 60:g} minutes together"
        raise SettingsError(f"a mix has {most}; take some out, or cut them shorter.")


def read_mix(path: str | Path) -> tuple[MixConfig, dict[str, Sound]]:
    """A mix as a JSON file, whose sounds are paths beside it.

    Raises:
        ConfigError: the file is none; AudioError: a sound cannot be read; SettingsError: there are too many.
    """
    config = from_dict(MixConfig, read_json(path), f"{path}: ")
    sounds: dict[str, Sound] = {}
    for name in config.sound_names:
        sounds[name] = Sound.read(Path(path).parent / name, name)
        check_sounds(sounds)
    return config, sounds
