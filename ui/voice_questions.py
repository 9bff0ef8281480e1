"""What the page asks about voices that are here: another name, keeping, saving, deleting, hearing."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from dialogue_tts._ui.asked import Answer, Asked, consent_in, text_in, voice_name_in
from dialogue_tts._ui.downloads import file_stem
from dialogue_tts._ui.session import Session
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.voices.voice import ENDING


def rename_voice(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """Another name for a voice that was brought."""
    session.voices.rename(text_in(asked, "ref", 100), voice_name_in(asked))
    return {"voices": session.voices.listed()}


def keep_voice(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """Keep a voice on this computer, with its consent record."""
    ref = session.voices.keep(text_in(asked, "ref", 100), voice_name_in(asked), consent_in(asked))
    return {"ref": ref, "voices": session.voices.listed()}


def save_voice(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """A voice as a file, with its consent record."""
    folder = session.folder / secrets.token_hex(16)
    folder.mkdir()
    name = voice_name_in(asked)
    path = folder / f"{file_stem(name)}{ENDING}"
    session.voices.save(text_in(asked, "ref", 100), name, consent_in(asked), path)
    return {"file": str(path), "name": path.name}


def forget_voice(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """Delete a voice."""
    session.voices.forget(text_in(asked, "ref", 100))
    return {"voices": session.voices.listed()}


def sample(tts: DialogueTTS, session: Session, asked: Asked) -> Answer:
    """A sound of the voice to listen to."""
    return {"file": str(session.voices.sample(text_in(asked, "ref", 100)))}


VOICE_QUESTIONS: dict[str, Callable[[DialogueTTS, Session, Asked], Answer]] = {
    "rename_voice": rename_voice,
    "keep_voice": keep_voice,
    "save_voice": save_voice,
    "forget_voice": forget_voice,
    "sample": sample,
}
