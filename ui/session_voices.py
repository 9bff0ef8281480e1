"""Voices of one user: those of the bundle, those kept on this computer, and those brought along for a while."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from dialogue_tts._ui.kept import KeptDesk
from dialogue_tts._ui.shown import sentence
from dialogue_tts.audio.io import write_audio
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.voices.recording import Recording, inspect_recording
from dialogue_tts.voices.voice import Consent, Voice, is_saved_voice

MOST = 24  # that one user may bring along
NAMED, BROUGHT = "name:", "mine:"  # what a voice's reference begins with


@dataclass(frozen=True)
class BroughtVoice:
    """A voice that was uploaded or recorded."""

    voice: Voice
    recording: Recording | None  # None for a saved voice's file


class SessionVoices:
    """References such as "name:clara" or "mine:1f2e" <-> voices. Safe to use from several threads."""

    def __init__(self, tts: DialogueTTS, folder: Path, personal: bool, kept: KeptDesk) -> None:
        """
        Args:
            folder: for sounds to listen to.
            personal: whether the user is the one whose voices are kept on this computer.
            kept: outlives this process, with the voices that were brought before.
        """
        self._tts, self._folder, self._personal, self._kept = tts, folder, personal, kept
        self._brought = {key: BroughtVoice(voice, None) for key, voice in kept.voices().items()}
        self._samples: dict[str, Path] = {}
        self._lock = threading.Lock()

    @property
    def any_brought(self) -> bool:
        """Whether anything is held here."""
        with self._lock:
            return bool(self._brought)

    def listed(self) -> list[dict[str, Any]]:
        """All voices there are, for the page."""
        built_in = [
            {"ref": NAMED + v.name, "name": v.name, "kind": "built in", "about": v.description}
            | {"sex": v.sex, "age": v.age, "accent": v.accent}
            for v in self._tts.bundle.voices.values()
        ]
        kept = [
            {"ref": NAMED + name, "name": name, "kind": "kept", "about": "kept on this computer"}
            for name in (self._tts.library.names() if self._personal else ())
        ]
        with self._lock:
            mine = [
                {"ref": BROUGHT + key, "name": b.voice.name, "kind": "mine", "about": "yours", **_told(b)}
                for key, b in self._brought.items()
            ]
        return [*built_in, *kept, *mine]

    def source(self, ref: str) -> str | Voice:
        """What the library takes as the voice. Raises VoiceError if there is no such voice here."""
        if ref.startswith(BROUGHT):
            return self._of(ref).voice
        name = ref.removeprefix(NAMED)
        if name in self._tts.bundle.voices or (self._personal and name in self._tts.library):
            return name
        raise VoiceError("this voice is not here any more; choose another.")

    def refs_of(self, voices: Mapping[str, str | Voice | Path]) -> dict[str, str]:
        """Speaker -> reference, for voices as the library takes them."""
        with self._lock:
            mine = {b.voice.sha256: BROUGHT + key for key, b in self._brought.items()}
        return {
            speaker: mine.get(v.sha256, NAMED + v.name) if isinstance(v, Voice) else NAMED + str(v)
            for speaker, v in voices.items()
        }

    def find(self, sha256: str) -> Voice | None:
        """A brought voice that sounds like this one."""
        with self._lock:
            return next((b.voice for b in self._brought.values() if b.voice.sha256 == sha256), None)

    def hold(self, voice: Voice) -> Voice:
        """A voice that came with a project; the one that is here, if there is one that sounds like it.

        Raises:
            VoiceError: there are too many, or the voice is of another bundle.
        """
        known = self.find(voice.sha256)
        if known is None:
            known = self._tts.voice(voice)
            self._add(BroughtVoice(known, None))
        return known

    def bring(self, path: Path, name: str) -> str:
        """A recording or a saved voice's file becomes a voice; returns its reference.

        Raises:
            VoiceError: it cannot serve; the message says why.
        """
        self._check_room()
        if is_saved_voice(path):
            try:
                brought = BroughtVoice(self._tts.voice(Voice.load(path)), None)
            except VoiceError as error:
                raise VoiceError(str(error).removeprefix(f"{path}: ")) from None
        else:
            recording = inspect_recording(path, self._tts.bundle.semantic_tokenizer)
            brought = BroughtVoice(replace(self._tts.voice(path), name=name), recording)
        return self._add(brought)

    def _check_room(self) -> None:
        with self._lock:
            if len(self._brought) >= MOST:
                raise VoiceError(f"you have brought {MOST} voices already; delete one first.")

    def _add(self, brought: BroughtVoice) -> str:
        self._check_room()
        key = secrets.token_hex(8)
        self._kept.begin()
        self._kept.keep_voice(key, brought.voice)
        with self._lock:
            self._brought[key] = brought
        return BROUGHT + key

    def rename(self, ref: str, name: str) -> None:
        """Raises VoiceError if the voice is not one that was brought."""
        brought, key = self._of(ref), ref.removeprefix(BROUGHT)
        renamed = replace(brought, voice=replace(brought.voice, name=name))
        self._kept.keep_voice(key, renamed.voice)
        with self._lock:
            self._brought[key] = renamed

    def forget(self, ref: str) -> None:
        """Delete a voice: one that was brought, or one that is kept. Raises VoiceError."""
        if ref.startswith(NAMED):
            if not self._personal:
                raise VoiceError("this voice is not yours to delete.")
            self._tts.library.remove(ref.removeprefix(NAMED))
            return
        self._of(ref)
        self._kept.forget_voice(ref.removeprefix(BROUGHT))
        with self._lock:
            del self._brought[ref.removeprefix(BROUGHT)]
            sample = self._samples.pop(ref, None)
        if sample:
            sample.unlink(missing_ok=True)

    def keep(self, ref: str, name: str, consent: Consent) -> str:
        """Keep a brought voice on this computer under that name; returns its new reference. Raises VoiceError."""
        if not self._personal:
            raise VoiceError("voices are kept on the computer the studio runs on, by its owner; save a file instead.")
        voice = replace(self._of(ref).voice, name=name, consent=consent)
        self._tts.keep_voice(voice)
        self.forget(ref)
        return NAMED + name

    def save(self, ref: str, name: str, consent: Consent, path: Path) -> None:
        """Write a brought voice as a file, with its consent record. Raises VoiceError."""
        replace(self._of(ref).voice, name=name, consent=consent).save(path)

    def sample(self, ref: str) -> Path:
        """A sound file to listen to. Raises VoiceError."""
        source = self.source(ref)
        if isinstance(source, str) and source in self._tts.bundle.voices:
            return self._tts.bundle.voices[source].recording
        with self._lock:
            if ref in self._samples and ref.startswith(BROUGHT):
                return self._samples[ref]
        path = self._folder / f"voice-{secrets.token_hex(8)}.wav"
        brought = self._brought.get(ref.removeprefix(BROUGHT))
        if brought and brought.recording:
            wave = brought.recording.prompt
        else:
            wave = self._tts.synthesizer.prompt_sound(self._tts.voice(source)).numpy()
        write_audio(path, wave, SAMPLE_RATE_HZ)
        with self._lock:
            before = self._samples.get(ref)
            self._samples[ref] = path
        if before:
            before.unlink(missing_ok=True)
        return path

    def _of(self, ref: str) -> BroughtVoice:
        with self._lock:
            brought = self._brought.get(ref.removeprefix(BROUGHT)) if ref.startswith(BROUGHT) else None
        if brought is None:
            raise VoiceError("this voice is not here any more; upload or record it again.")
        return brought


def _told(brought: BroughtVoice) -> dict[str, Any]:
    """What the page shows of a brought voice."""
    told: dict[str, Any] = {"consent": asdict(brought.voice.consent) if brought.voice.consent else None}
    if recording := brought.recording:
        told |= {
            "seconds": round(recording.seconds, 1),
            "start": round(recording.start, 1),
            "used": round(recording.prompt.size / SAMPLE_RATE_HZ, 1),
            "report": [{"good": measure.good, "says": sentence(measure.says)} for measure in recording.measures],
        }
    return told
