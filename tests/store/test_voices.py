"""Kept voices in a store do what a folder of them does."""

from __future__ import annotations

import pytest
import torch

from dialogue_tts.errors import VoiceError
from dialogue_tts.store.database import Database
from dialogue_tts.store.tables import voices
from dialogue_tts.store.voices import StoredVoices
from dialogue_tts.voices.voice import Consent, Voice

CONSENT = Consent("own", "Ben Ito", "2026-01-31", "The news.")


def voice(name: str, consent: Consent | None = CONSENT) -> Voice:
    return Voice(name, torch.arange(5), torch.arange(15).reshape(5, 3), "an encoder", consent, "en-GB")


def test_voices_are_kept_found_in_any_case_and_removed(database: Database) -> None:
    library, other = StoredVoices(database), StoredVoices(database)
    library.add(voice("Ben Ito"))
    library.add(voice("anna"))
    assert other.names() == ("anna", "Ben Ito") and "BEN ITO" in other and "Ben" not in other
    found = other.get("ben ito")
    assert (found.name, found.sha256, found.consent, found.accent) == (
        "Ben Ito",
        voice("Ben Ito").sha256,
        voice("Ben Ito").consent,
        "en-GB",
    )
    with pytest.raises(VoiceError, match="BEN ito: a voice of that name is kept already"):
        other.add(voice("BEN ito"))
    library.remove("Ben Ito")
    with pytest.raises(VoiceError, match="no such voice is kept; kept voices are anna"):
        other.get("Ben Ito")
    library.remove("anna")
    for name in ("anna", "a\0b", "\ud800"):
        with pytest.raises(VoiceError, match="none are kept so far"):
            library.remove(name)
        assert name not in library


def test_what_cannot_be_kept(database: Database) -> None:
    library = StoredVoices(database)
    with pytest.raises(VoiceError, match="consent record"):
        library.add(voice("Ben", None))
    with pytest.raises(VoiceError, match="cannot be a voice's name"):
        library.add(voice("../Ben"))
    library.add(voice("Ben"))
    with database.writing() as connection:
        connection.execute(voices.update().values(data=b"\x08\0\0\0\0\0\0\0nonsense"))
    with pytest.raises(VoiceError, match="^Ben: this is no voice"):
        library.get("Ben")
