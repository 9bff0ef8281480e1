"""POST /v1/verify: whether sound was made by Dialogue TTS."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from dialogue_tts.errors import AudioError
from dialogue_tts.provenance.mark import bundle_code
from dialogue_tts.provenance.verify import Verification, verify_file
from dialogue_tts.server.service import Service, ServiceOf

router = APIRouter(prefix="/v1/verify", tags=["provenance"])


class SoundToVerify(BaseModel):
    """A sound file that somebody asks about."""

    model_config = ConfigDict(extra="forbid")

    file: UploadFile = Field(description="WAV, FLAC, OGG or MP3, at least 1 s of it.")


class MarkedPartOut(BaseModel):
    """Where the mark is, and what it says."""

    start: float = Field(description="In seconds.")
    end: float
    bundle: int = Field(description="Code of the bundle that spoke.")
    bundles: list[str] = Field(description="Names of bundles here that have this code.")
    operator: int = Field(description="Who ran it; 0 if that was not said.")
    tempo: float = Field(description="How much faster it is played than it was made.")
    pitch: float = Field(description="How much higher.")
    chance: float = Field(description="That sound without a mark looks so, at most.")


class CredentialsOut(BaseModel):
    """The file's Content Credentials (C2PA)."""

    signer: str = Field(description="Whom the certificate names; whether it is to be trusted is not checked.")
    intact: bool = Field(description="The file is as it was signed.")
    synthetic: bool = Field(description="They state that a model made the sound.")
    program: str


class VerificationOut(BaseModel):
    """What was found out."""

    marked: bool
    seconds: float
    chance: float = Field(description="That an unmarked sound would be taken for marked so surely, at most.")
    parts: list[MarkedPartOut]
    comment: str = Field(description="What the file says of itself, if it names us; anybody can write that.")
    credentials: CredentialsOut | None
    says: list[str] = Field(description="The result in words.")


@router.post("")
async def verify(
    body: Annotated[SoundToVerify, Form(media_type="multipart/form-data")], service: ServiceOf
) -> VerificationOut:
    """Look for the mark in a sound, and read what the file says of itself. The sound is not kept."""
    return await service.run_in_threadpool(_verified, service, await body.file.read())


def _verified(service: Service, sound: bytes) -> VerificationOut:
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-") as folder:
        path = Path(folder) / "sound"
        path.write_bytes(sound)
        try:
            found = verify_file(path, service.limits.sound_s)
        except AudioError as error:
            raise AudioError(str(error).removeprefix(f"{path}: ")) from None
    here = service.tts.bundle_id
    return _out(found, {bundle_code(here.name, here.sha256): (here.name,)})


def _out(found: Verification, bundles: dict[int, tuple[str, ...]]) -> VerificationOut:
    parts = [
        MarkedPartOut(
            start=part.start,
            end=part.end,
            bundle=part.mark.bundle,
            bundles=list(bundles.get(part.mark.bundle, ())),
            operator=part.mark.operator,
            tempo=part.speed.tempo,
            pitch=part.speed.pitch,
            chance=part.chance,
        )
        for part in found.parts
    ]
    return VerificationOut(
        marked=found.marked,
        seconds=found.seconds,
        chance=found.chance,
        parts=parts,
        comment=found.comment,
        credentials=CredentialsOut(**asdict(found.credentials)) if found.credentials else None,
        says=found.sentences(bundles),
    )
