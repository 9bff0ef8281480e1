"""POST /v1/audio/speech, as OpenAI defines it: plain text in one voice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dialogue_tts.audio.encode import SoundEncoder, check_encoder
from dialogue_tts.config import SAMPLE_RATE_HZ, seconds_to_frames
from dialogue_tts.errors import AudioError
from dialogue_tts.script.prose import passages, spoken_prose
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.server.models import check_model
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.schemas import Speech, VoiceId
from dialogue_tts.server.sending import (
    Streamed,
    as_audio,
    encoded,
    event,
    first_heard,
    in_base64,
    noted,
    silence,
    whole,
)
from dialogue_tts.server.service import MEDIA_TYPES, Service, ServiceOf
from dialogue_tts.synthesis.ticket import Ticket

router = APIRouter(tags=["OpenAI"])

SSE = "text/event-stream"
SOUND = {
    "content": {
        **{media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA_TYPES.values()},
        SSE: {"schema": {"type": "string"}},
    }
}


@router.post(
    "/v1/audio/speech",
    response_class=Response,
    responses={200: {"description": "Sound, or events with stream_format sse.", **SOUND}},
)
async def speak(body: Speech, request: Request, service: ServiceOf) -> Response:
    """A text in one voice; sound is sent while the rest of the text is spoken."""
    notices = _check(body, service)
    asked = body.voice.id if isinstance(body.voice, VoiceId) else body.voice
    voice = await service.in_store(service.voice_name, asked)
    if voice != asked:
        notices.append(f"voice {asked} is {voice}")
    text = await service.run_in_threadpool(spoken_prose, body.input)
    if not text:
        await service.run_in_threadpool(service.voice, voice)
        return _silence(body, [*notices, "the input has nothing to say, so this is silence"])
    script = Script(tuple(Turn(voice, passage) for passage in passages(text)))
    config = replace(service.tts.config, speed=body.speed)
    ticket = await service.speak(script, {voice: voice}, body.seed, config, streamed=True)
    if body.stream_format == "audio":
        return await as_audio(service, request, ticket, body.response_format, notices)
    chunks = await first_heard(request, ticket)

    async def events() -> AsyncIterator[bytes]:
        async for _, data in encoded(service, ticket, chunks, body.response_format):
            if data:
                yield _delta(data)
        yield _done(ticket)

    return Streamed(ticket, events(), SSE, notices)


def _check(body: Speech, service: Service) -> list[str]:
    """What there is to note. Raises ApiError for what cannot be had."""
    check_model(service, body.model)
    notices: list[str] = []
    if body.instructions:
        if service.clients.instructions == "refuse":
            raise ApiError(
                400, "this model does not follow instructions; leave them out.", "unsupported", "instructions"
            )
        notices.append("instructions are ignored")
    if len(body.input) > service.limits.input_characters:
        told = f"the input has {len(body.input)} characters, at most {service.limits.input_characters} are taken"
        raise ApiError(400, f"{told}; send a script to /v1/jobs.", "too_long", "input")
    try:
        check_encoder(body.response_format)
    except AudioError as error:
        raise ApiError(400, str(error), "unsupported", "response_format") from None
    return notices


def _silence(body: Speech, notices: Sequence[str]) -> Response:
    encoder = SoundEncoder(body.response_format, SAMPLE_RATE_HZ)
    data = encoder.add(silence()) + encoder.finish()
    if body.stream_format == "audio":
        return whole(data, MEDIA_TYPES[body.response_format], noted(notices))
    return Response(b"".join((_delta(data), _done(None))), media_type=SSE, headers=noted(notices))


def _delta(data: bytes) -> bytes:
    return event({"type": "speech.audio.delta", "audio": in_base64(data)})


def _done(ticket: Ticket | None) -> bytes:
    phones = sum(len(take.text.phonemes) for take in ticket.wanted) if ticket else 0
    made = seconds_to_frames(ticket.progress().sound_s) if ticket else 0
    usage = {"input_tokens": phones, "output_tokens": made, "total_tokens": phones + made}
    return event({"type": "speech.audio.done", "usage": usage})
