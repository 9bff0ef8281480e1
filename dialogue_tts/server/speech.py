"""POST /v1/audio/speech and GET /v1/models, as OpenAI defines them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dialogue_tts.config import seconds_to_frames
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.schemas import ModelList, ModelOut, Speech, VoiceId
from dialogue_tts.server.sending import Streamed, as_audio, encoded, event, first_heard, in_base64
from dialogue_tts.server.service import MEDIA_TYPES, ServiceOf

router = APIRouter(tags=["OpenAI"])

OPENAI_NAMES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")  # for programs that have them built in
ABBREVIATIONS = (
    "etc vs approx dept est fig inc ltd jan feb mar apr jun jul aug sep sept oct nov dec Assoc Messrs".split()
)
SENTENCE_END = re.compile(r"(?:[?!…]|\b(?P<word>[a-z]{3,}|[A-Z][a-z]{4,}|\d{2,})\.)[\"'”’)]*\s+(?=[\"'“‘(]?[A-Z0-9])")
PASSAGE = 120  # characters after which a text is cut at the next end of a sentence; at the very first for the first

SOUND = {
    "content": {
        **{media: {"schema": {"type": "string", "format": "binary"}} for media in MEDIA_TYPES.values()},
        "text/event-stream": {"schema": {"type": "string"}},
    }
}


@router.post(
    "/v1/audio/speech",
    response_class=Response,
    responses={200: {"description": "Sound, or events with stream_format sse.", **SOUND}},
)
async def speak(body: Speech, request: Request, service: ServiceOf) -> Response:
    """A text in one voice; sound is sent while the rest of the text is spoken."""
    model = service.tts.bundle_id.name
    if body.model not in (model, *OPENAI_NAMES):
        raise ApiError(404, f"there is no model {body.model!r}; the one here is {model!r}.", "model_not_found", "model")
    if body.instructions:
        raise ApiError(400, "this model does not follow instructions; leave them out.", "unsupported", "instructions")
    if len(body.input) > service.limits.input_characters:
        told = f"the input has {len(body.input)} characters, at most {service.limits.input_characters} are taken"
        raise ApiError(400, f"{told}; send a script to /v1/jobs.", "too_long", "input")
    voice = body.voice.id if isinstance(body.voice, VoiceId) else body.voice
    script = Script(tuple(Turn(voice, text) for text in passages(body.input)))
    config = replace(service.tts.config, speed=body.speed)
    ticket = await service.speak(script, {voice: voice}, body.seed, config, streamed=True)
    if body.stream_format == "audio":
        return await as_audio(service, request, ticket, body.response_format)
    chunks = await first_heard(request, ticket)

    async def events() -> AsyncIterator[bytes]:
        async for _, data in encoded(service, ticket, chunks, body.response_format):
            if data:
                yield event({"type": "speech.audio.delta", "audio": in_base64(data)})
        phones = sum(len(take.text.phonemes) for take in ticket.wanted)
        made = seconds_to_frames(ticket.progress().sound_s)
        usage = {"input_tokens": phones, "output_tokens": made, "total_tokens": phones + made}
        yield event({"type": "speech.audio.done", "usage": usage})

    return Streamed(ticket, events(), "text/event-stream")


@router.get("/v1/models")
async def models(service: ServiceOf) -> ModelList:
    """The one model there is."""
    return ModelList(data=[ModelOut(id=service.tts.bundle_id.name, created=0, owned_by="dialogue-tts")])


def passages(text: str) -> list[str]:
    """A text cut where sentences end, so that its first sound comes soon; where that is not sure it stays whole."""
    cuts = [0]
    for end in SENTENCE_END.finditer(text):
        word = end["word"]
        long_enough = end.end() - cuts[-1] >= PASSAGE or len(cuts) == 1
        if long_enough and word not in ABBREVIATIONS and text.count("[", 0, end.end()) == text.count("]", 0, end.end()):
            cuts.append(end.end())
    found = [" ".join(text[a:b].split()) for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    return [passage for passage in found if passage]
