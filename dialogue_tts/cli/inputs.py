"""What commands read, and what they check before the work starts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dialogue_tts.errors import AudioError, ProjectError, ScriptError, VoiceError

if TYPE_CHECKING:
    from dialogue_tts.project import Project


def given_voices(options: list[str]) -> dict[str, str]:
    voices: dict[str, str] = {}
    for option in options:
        speaker, separator, voice = option.partition("=")
        if not separator or not speaker.strip() or not voice.strip():
            raise VoiceError(f'--voice {option}: write a speaker and a voice, as in --voice "Anna=anna.wav".')
        if speaker.strip() in voices:
            raise VoiceError(f"--voice {option}: {speaker.strip()} has a voice already; give one voice a speaker.")
        voices[speaker.strip()] = voice.strip()
    return voices


def project_in(text: str, source: str, settings_given: bool) -> Project | None:
    """The project, if the text is one: no script begins with a brace."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return None
    from dialogue_tts.project import Project

    if settings_given:
        raise ProjectError(f"{source}: a project has a seed and settings of its own; leave out yours.")
    return Project.parse(text.removeprefix("\ufeff"), source)


def check_outputs(out: Path, texts: list[Path], tracks: Path | None) -> None:
    """What can be known to fail is told before the work starts."""
    from dialogue_tts.audio.io import check_folder, check_sound_file, check_writable

    check_sound_file(out)
    for path in texts:
        check_writable(path)
    if tracks:
        check_folder(tracks)
    names = [path.resolve() for path in (out, *texts)]
    if len(set(names)) < len(names):
        twice = next(path for path in texts if names.count(path.resolve()) > 1)
        raise AudioError(f"{twice}: two outputs would go into this file; give each its own.")


def read_script(source: str) -> str:
    try:
        # Standard input as bytes too: its text layer has the locale's encoding, and may let wrong bytes pass.
        return (sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()).decode("utf-8")
    except OSError as error:
        raise ScriptError(f"{source}: the script cannot be read ({error.strerror}); give a text file or -.") from None
    except UnicodeDecodeError:
        raise ScriptError(f"{source}: this is no UTF-8 text; save the script as plain text in UTF-8.") from None
