"""GET, POST and DELETE /v1/audio/voices. Voices are known by name alone: no request names a file or an address."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO, Literal

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from dialogue_tts.errors import AudioError, VoiceError
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.schemas import VoiceDeleted, VoiceList, VoiceOut
from dialogue_tts.server.service import Service, ServiceOf
from dialogue_tts.text.accents import AMERICAN, known_accent
from dialogue_tts.voices.library import LONGEST_NAME, KeptVoices, check_name
from dialogue_tts.voices.recording import inspect_recording
from dialogue_tts.voices.voice import Consent, Voice, check_accent

router = APIRouter(prefix="/v1/audio/voices", tags=["voices"])


class NewVoice(BaseModel):
    """A voice that is to be kept: a recording, and the record of who agreed, when, and to what."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=LONGEST_NAME)
    recording: UploadFile = Field(description="2 to 30 s of speech: WAV, FLAC, OGG or MP3.")
    consent: Literal["own", "licensed", "synthetic"] = Field(description="Whose voice it is.")
    consent_who: str = Field(min_length=1, max_length=200, description="Who agreed.")
    consent_when: str = Field(max_length=10, description="When, as 2026-01-31.")
    consent_what: str = Field("", max_length=2000, description="To what.")
    accent: str = Field(AMERICAN, max_length=20, description="In which the voice is read: en-US or en-GB.")


@router.get("")
async def voices(service: ServiceOf) -> VoiceList:
    """All voices: built-in ones, those that are kept here, and other names of them."""
    found = await service.run_in_threadpool(all_voices, service)
    return VoiceList(data=found, voices=found)


@router.post("", status_code=201)
async def add(body: Annotated[NewVoice, Form(media_type="multipart/form-data")], service: ServiceOf) -> VoiceOut:
    """Make a voice of a recording, and keep it with its consent record."""
    if not service.uploads:
        raise ApiError(403, "this server takes no recordings; use the voices there are.", "no_uploads")
    consent = Consent(body.consent, body.consent_who, body.consent_when, body.consent_what)
    check_name(body.name)
    check_accent(body.accent)
    return await service.run_in_threadpool(_keep, service, body.name, body.recording.file, consent, body.accent)


@router.delete("/{voice_id}")
async def remove(voice_id: str, service: ServiceOf) -> VoiceDeleted:
    """Remove a voice that is kept here; dialogues that are being made keep theirs."""
    if voice_id in service.tts.voices:
        raise ApiError(403, f"{voice_id}: built-in voices cannot be removed.", "built_in", "voice_id")
    if not service.uploads:
        raise ApiError(403, "this server's voices cannot be changed.", "no_uploads")
    await service.in_store(_remove, service.tts.library, voice_id)
    return VoiceDeleted(id=voice_id)


def all_voices(service: Service) -> list[VoiceOut]:
    """What the list of voices has; looks into files."""
    found = [
        VoiceOut(
            id=voice.name,
            name=voice.name,
            built_in=True,
            description=voice.description,
            accent=known_accent(voice.accent),
        )
        for voice in service.tts.bundle.voices.values()
    ]
    for name in service.tts.library.names():
        try:
            found.append(_kept(service.voice(name)))
        except VoiceError:  # made with another bundle, or just removed: it would not serve
            continue
    names = {voice.id: voice for voice in found}
    for alias, meant in service.clients.aliases.items():
        if meant in names and alias not in names:
            shown = f"{alias} ({meant})"
            found.append(names[meant].model_copy(update={"id": alias, "name": shown, "alias_of": meant}))
    return found


def _remove(library: KeptVoices, name: str) -> None:
    if name not in library:
        raise ApiError(404, "there is no such voice.", "no_such_voice", "voice_id")
    library.remove(name)


def _kept(voice: Voice, warnings: tuple[str, ...] = ()) -> VoiceOut:
    origin = f"{voice.consent.kind}, {voice.consent.when}" if voice.consent else ""
    return VoiceOut(
        id=voice.name,
        name=voice.name,
        built_in=False,
        description=origin,
        accent=voice.accent,
        warnings=list(warnings),
    )


def _keep(service: Service, name: str, recording: BinaryIO, consent: Consent, accent: str) -> VoiceOut:
    if len(service.tts.library.names()) >= service.limits.voices:
        raise ApiError(409, f"{service.limits.voices} voices are kept already; remove one.", "too_many_voices")
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-") as folder:
        path = Path(folder) / "recording"
        with path.open("wb") as copy:
            shutil.copyfileobj(recording, copy)  # here, where few work at once, and never the whole of it in memory
        try:
            warnings = inspect_recording(path, service.tts.bundle.semantic_tokenizer).warnings
            voice = service.tts.new_voice(name, path, consent, accent=accent)
        except (AudioError, VoiceError) as error:
            raise VoiceError(str(error).removeprefix(f"{path}: ")) from None
    service.tts.keep_voice(voice)
    return _kept(voice, warnings)
