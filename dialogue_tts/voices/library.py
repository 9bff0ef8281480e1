"""Voices that people keep: one safetensors file each, in a folder."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import unicodedata
from pathlib import Path
from typing import Protocol

import platformdirs

from dialogue_tts.errors import VoiceError
from dialogue_tts.voices.voice import ENDING, Voice

FOLDER_VARIABLE = "DIALOGUE_TTS_VOICES"
LONGEST_NAME = 64
_NAME = re.compile(rf"(?=[^\W_])[\w -]{{0,{LONGEST_NAME - 1}}}[\w-]")


class KeptVoices(Protocol):
    """Where people's voices are kept: a folder, or a server's store. Names that differ in case alone are the same name."""

    def names(self) -> tuple[str, ...]:
        """In alphabetical order."""

    def __contains__(self, name: str) -> bool: ...

    def get(self, name: str) -> Voice:
        """The voice of that name. Raises VoiceError if there is none, or it is damaged."""

    def add(self, voice: Voice) -> None:
        """Keep a voice. Raises VoiceError if its name is taken or not fit, or it cannot be kept."""

    def remove(self, name: str) -> None:
        """Delete the voice of that name. Raises VoiceError if there is none."""


class VoiceLibrary:
    """A folder of voices. Safe to use from several threads; names that differ in case alone are the same name."""

    def __init__(self, folder: Path | None = None) -> None:
        """By default the folder that the environment variable DIALOGUE_TTS_VOICES names, or else the user's own."""
        named = os.environ.get(FOLDER_VARIABLE)
        usual = Path(named) if named else platformdirs.user_data_path("dialogue-tts") / "voices"
        self.folder = usual if folder is None else folder
        self._lock = threading.Lock()

    def names(self) -> tuple[str, ...]:
        """In alphabetical order. A damaged file is left out; `get` says what is wrong with it."""
        found = []
        for path in self.folder.glob(f"*{ENDING}"):
            try:
                name = Voice.load(path).name
            except VoiceError:
                continue
            if path == self._path(name):
                found.append(name)
        return tuple(sorted(found, key=str.casefold))

    def __contains__(self, name: str) -> bool:
        return self._path(name).is_file()

    def get(self, name: str) -> Voice:
        """The voice of that name.

        Raises:
            VoiceError: no such voice is kept, or its file is damaged.
        """
        self._check_kept(name)
        return Voice.load(self._path(name))

    def add(self, voice: Voice) -> None:
        """Keep a voice.

        Raises:
            VoiceError: the name is taken or not fit, the voice has no consent record, or the folder cannot be written to.
        """
        check_name(voice.name)
        with self._lock:
            if voice.name in self:
                raise name_taken(voice.name)
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                told = f"voices cannot be kept there ({error.strerror}); set {FOLDER_VARIABLE} to another folder"
                raise VoiceError(f"{self.folder}: {told}.") from None
            voice.save(self._path(voice.name))

    def remove(self, name: str) -> None:
        """Delete the voice of that name. Raises VoiceError if there is none, or if its file cannot be deleted."""
        with self._lock:
            self._check_kept(name)
            try:
                self._path(name).unlink()
            except OSError as error:
                raise VoiceError(
                    f"{name}: the voice cannot be removed ({error.strerror}); see {self.folder}."
                ) from None

    def _check_kept(self, name: str) -> None:
        if name not in self:
            raise not_kept(name, self.names())

    def _path(self, name: str) -> Path:
        """Of the voice's file. A name never acts as a path: what is not a plain letter or digit is hashed away."""
        plain = unicodedata.normalize("NFC", name).casefold()
        shown = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32]
        return self.folder / f"{shown}-{name_key(name)[:12]}{ENDING}"


def name_key(name: str) -> str:
    """Of a kept voice: the SHA-256 of its name, the same for names that differ in case alone."""
    plain = unicodedata.normalize("NFC", name).casefold()
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()


def name_taken(name: str) -> VoiceError:
    """A voice of that name is kept already."""
    return VoiceError(f"{name}: a voice of that name is kept already; remove it, or take another name.")


def not_kept(name: str, kept: tuple[str, ...]) -> VoiceError:
    """No voice of that name is kept, but these are."""
    known = f"kept voices are {', '.join(kept)}" if kept else "none are kept so far"
    return VoiceError(f"{name}: no such voice is kept; {known}.")


def check_name(name: str) -> None:
    """Raises VoiceError if a kept voice cannot have that name."""
    if not _NAME.fullmatch(unicodedata.normalize("NFC", name)):
        raise VoiceError(
            f"{name!r} cannot be a voice's name; take letters, digits, spaces, - and _, at most {LONGEST_NAME}, "
            "a letter or digit first."
        )
