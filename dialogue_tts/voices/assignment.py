"""Who speaks with which voice: names, files and saved voices -> `Voice`, for one bundle."""

from __future__ import annotations

import hashlib
import threading
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from dialogue_tts.audio.io import resample
from dialogue_tts.bundle import BuiltInVoice, Bundle
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import ScriptError, VoiceError
from dialogue_tts.script.turns import Script
from dialogue_tts.text.accents import AMERICAN, known_accent
from dialogue_tts.threads import run_in_worker_thread
from dialogue_tts.voices.library import KeptVoices
from dialogue_tts.voices.names import sex_of_name
from dialogue_tts.voices.voice import (
    Consent,
    Voice,
    check_accent,
    check_voice,
    encoder_id,
    is_saved_voice,
    make_voice,
    read_voice,
)

Voices = Mapping[str, str | Path | Voice]
"""Speaker -> name of a built-in or kept voice, sound file of 2 to 30 s, file of a saved voice, or `Voice`."""


class VoiceResolver:
    """Voices for a bundle's networks; built-in ones are encoded once. Safe to use from several threads."""

    def __init__(self, bundle: Bundle, library: KeptVoices) -> None:
        self.bundle, self.library = bundle, library
        self._built_in = bundle.voices
        self._networks = bundle.semantic_tokenizer, bundle.codec
        self._encoder = encoder_id(*self._networks)
        self._made: dict[str, Voice] = {}
        self._lock = threading.Lock()

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of the built-in voices."""
        return tuple(self.bundle.voices)

    @property
    def known_voices(self) -> tuple[str, ...]:
        """Of built-in and kept voices."""
        return (*self._built_in, *self.library.names())

    def voice(self, voice: str | Path | Voice) -> Voice:
        """A built-in or kept voice by name, one from a sound file, or a saved one; built-in voices are encoded once.

        Raises:
            VoiceError: no such voice or file, or the recording or the saved voice cannot serve.
        """
        if isinstance(voice, str | Path) and str(voice) not in self._built_in:
            if str(voice) in self.library:
                voice = self.library.get(str(voice))
            elif is_saved_voice(voice):
                voice = Voice.load(voice)
        if isinstance(voice, Voice):
            check_voice(voice, *self._networks, self._encoder)
            return voice
        name = str(voice)
        built_in = self._built_in.get(name)
        if built_in is None and not Path(voice).is_file():
            known = f"built-in voices are {', '.join(self._built_in)}"
            if kept := self.library.names():
                known += f"; kept ones are {', '.join(kept)}"
            raise VoiceError(f"{name}: there is no such voice or sound file; {known}.")
        if built_in is None:
            return run_in_worker_thread(lambda: read_voice(voice, *self._networks))
        with self._lock:
            if name not in self._made:
                accent = known_accent(built_in.accent)
                self._made[name] = run_in_worker_thread(
                    lambda: read_voice(built_in.recording, *self._networks, name=name, accent=accent)
                )
            return self._made[name]

    def keep_voice(self, voice: Voice) -> None:
        """Keep a voice in `library`, so that its name serves as a built-in voice's does.

        Raises:
            VoiceError: the name is taken or not fit, or the voice has no consent record or was made with another bundle.
        """
        if voice.name.casefold() in {name.casefold() for name in self._built_in}:
            raise VoiceError(f"{voice.name}: a built-in voice has that name; take another.")
        check_voice(voice, *self._networks, self._encoder)
        self.library.add(voice)

    def accents(self, voices: Voices) -> dict[str, str]:
        """In which accent each speaker will be read. Raises VoiceError for a saved voice that cannot serve."""
        return {speaker: accent_of_voice(voice, self._built_in, self.library) for speaker, voice in voices.items()}

    def new_voice(
        self,
        name: str,
        recording: str | Path | np.ndarray,
        consent: Consent,
        sample_rate_hz: int = SAMPLE_RATE_HZ,
        accent: str = AMERICAN,
    ) -> Voice:
        """A voice to keep: `save` writes it as one file, with its consent record.

        Args:
            recording: sound file, or mono float32 (samples,) in [-1, 1] at `sample_rate_hz`; 2 to 30 s of speech.
            consent: who agreed, when, and to what.
            accent: in which its turns are read, "en-US" or "en-GB".

        Raises:
            VoiceError: the recording cannot serve, the name is empty, or there is no such accent.
        """
        check_accent(accent)  # before the work
        if not name.strip():
            raise VoiceError("a voice needs a name; give it one.")
        if isinstance(recording, str | Path):
            return run_in_worker_thread(lambda: read_voice(recording, *self._networks, name, consent, accent))
        samples = np.asarray(recording, np.float32)
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise VoiceError(f"{name}: a recording is one row of finite samples; this one is {list(samples.shape)}.")

        def made() -> Voice:
            wave = resample(torch.from_numpy(samples), sample_rate_hz, SAMPLE_RATE_HZ)
            return make_voice(name, wave, *self._networks, consent, accent)

        return run_in_worker_thread(made)

    def assign(self, speakers: Sequence[str], voices: Voices) -> dict[str, str | Path | Voice]:
        """Which voice each speaker will have, as `cast` takes them; none is read or encoded.

        Who was given none gets the built-in voice of the same name, or else one that nobody has, of a woman or a man as
        the name suggests, the same each time.

        Raises:
            ScriptError: `voices` names another speaker; VoiceError: there are no built-in voices to give.
        """
        voices = {_as_in_scripts(speaker): voice for speaker, voice in voices.items()}
        check_speakers(voices, speakers)
        taken = {voice.name if isinstance(voice, Voice) else str(voice) for voice in voices.values()}
        free = [name for name in self._built_in if name not in taken]
        namesakes = {name.casefold(): name for name in free}
        own = {s: namesakes.pop(s.casefold()) for s in speakers if s not in voices and s.casefold() in namesakes}
        free = [name for name in free if name not in own.values()]
        assigned: dict[str, str | Path | Voice] = {}
        for speaker in speakers:
            given = voices.get(speaker, own.get(speaker))
            assigned[speaker] = self._drawn(speaker, free) if given is None else given
        return assigned

    def _drawn(self, speaker: str, free: list[str]) -> str:
        """One of the built-in voices, of a sort that the speaker's name suggests if there are any; it leaves `free`."""
        if not free:
            free.extend(self._built_in)
        if not free:
            raise VoiceError(f"{speaker}: this bundle has no built-in voices; give a recording of one.")
        sex = sex_of_name(speaker)
        fitting = [name for name in free if sex is not None and self._built_in[name].sex == sex] or free
        name = fitting[_stable_number(speaker) % len(fitting)]
        free.remove(name)
        return name

    def cast(self, script: Script, voices: Voices) -> dict[str, Voice]:
        """A voice for every speaker of the script; those without one get built-in voices nobody else has, if there are
        enough.

        Raises:
            ScriptError: `voices` names a speaker the script lacks.
            VoiceError: a voice cannot serve.
        """
        return {speaker: self.voice(voice) for speaker, voice in self.assign(script.speakers, voices).items()}


def check_speakers(named: Iterable[str], speakers: Sequence[str]) -> None:
    """Raises ScriptError if somebody is named who is none of a script's speakers."""
    known = set(speakers)
    for speaker in named:
        if _as_in_scripts(speaker) not in known:
            told = ", ".join(speakers)
            raise ScriptError(f"{speaker}: the script has no such speaker; its speakers are {told}.")


def accent_of_voice(voice: str | Path | Voice, built_in: Mapping[str, BuiltInVoice], library: KeptVoices) -> str:
    """In which accent a voice's turns are read; no recording is. Raises VoiceError for a saved voice that is damaged."""
    if isinstance(voice, Voice):
        return voice.accent
    if str(voice) in built_in:
        return known_accent(built_in[str(voice)].accent)
    if str(voice) in library:
        return library.get(str(voice)).accent
    return Voice.load(voice).accent if is_saved_voice(voice) else AMERICAN


def _as_in_scripts(speaker: str) -> str:
    return unicodedata.normalize("NFC", speaker)


def _stable_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.casefold().encode(), digest_size=8).digest(), "little")
