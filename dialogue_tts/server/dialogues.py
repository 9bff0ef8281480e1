"""POST /v1/dialogue: a script as sound; and POST /v1/check, which says what is wrong in one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import Response

from dialogue_tts.dialogue.result import turn_times
from dialogue_tts.script.findings import Finding
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.schemas import DialogueIn, LintIn, LintReportOut, Spoken, TimedDialogue, findings_out
from dialogue_tts.server.sending import (
    Streamed,
    as_audio,
    encoded,
    event,
    first_heard,
    in_base64,
    noted,
    provenance,
    whole,
)
from dialogue_tts.server.service import MEDIA_TYPES, Service, ServiceOf, sound_of
from dialogue_tts.server.speech import SOUND
from dialogue_tts.server.waiting import finished, unless_gone
from dialogue_tts.synthesis.ticket import Ticket

IN_A_HEADER = 10

router = APIRouter(tags=["dialogues"])


@router.post(
    "/v1/dialogue",
    response_class=Response,
    responses={
        200: {
            "description": "Sound; with timestamps JSON, or in a stream events: turn, turn, ..., done.",
            "model": TimedDialogue,
            **SOUND,
        }
    },
)
async def speak(body: DialogueIn, request: Request, service: ServiceOf) -> Response:
    """A script, or turns, as sound: whole, or each turn as soon as it is made."""
    ticket = await order(service, body, body.stream)
    if body.stream:
        if body.timestamps:
            return await as_events(service, request, ticket, body.format)
        return await as_audio(service, request, ticket, body.format, told(ticket.request.findings))
    try:
        dialogue = await unless_gone(request, finished(ticket))
    finally:
        ticket.cancel()
    data = await service.run_in_threadpool(sound_of, dialogue, body.format, service.signer, body.stereo)
    if not body.timestamps:
        headers = provenance(dialogue.provenance) | noted(told(dialogue.findings))
        return whole(data, MEDIA_TYPES[body.format], headers)
    timed = TimedDialogue(
        audio=in_base64(data),
        format=body.format,
        seed=body.seed,
        findings=findings_out(dialogue.findings),
        **dialogue.timestamps(),
    )
    return whole(timed.model_dump_json().encode(), "application/json", provenance(dialogue.provenance))


@router.post("/v1/check")
async def check(body: LintIn, service: ServiceOf) -> LintReportOut:
    """What is wrong in a script or may be, and how long it will take; nothing is spoken."""
    _check_length(service, len(body.script))
    config = body.settings.over(service.tts.config)
    found = await service.run_in_threadpool(service.tts.lint, body.script, body.voices, config, body.directions)
    return LintReportOut.model_validate(asdict(found))


async def order(service: Service, body: Spoken, streamed: bool = False) -> Ticket:
    """A dialogue's place in the queue, if there is one and the request is in order."""
    _check_length(service, body.characters)
    script = await service.run_in_threadpool(body.parsed)
    if (speakers := len(script.speakers)) > service.limits.speakers:
        told = f"the script has {speakers} speakers, at most {service.limits.speakers} are taken"
        raise ApiError(400, f"{told}: cut it into several.", "too_long", "script")
    config = body.settings.over(service.tts.config)
    return await service.speak(script, body.voices, body.seed, config, streamed)


async def as_events(service: Service, request: Request, ticket: Ticket, kind: str) -> Response:
    """A stream of turns with their times and sound; the bytes of all events together are the file."""
    chunks = await first_heard(request, ticket)

    async def events() -> AsyncIterator[bytes]:
        try:
            async for turn, data in encoded(service, ticket, chunks, kind):
                if turn:
                    yield event({**turn_times(turn), "audio": in_base64(data)}, "turn")
                else:
                    length = round(ticket.progress().sound_s, 3)
                    found = [finding.model_dump() for finding in findings_out(ticket.request.findings)]
                    facts = {"duration": length, "seed": ticket.request.seed, "findings": found}
                    yield event({**facts, "audio": in_base64(data)}, "done")
        except ApiError as error:
            yield event({"message": str(error), "code": error.code}, "error")

    return Streamed(ticket, events(), "text/event-stream")


def told(findings: Sequence[Finding]) -> list[str]:
    """Findings for a header, which holds so many; /v1/check tells the others."""
    first = [f"line {finding.line}: {finding.message}" for finding in findings[:IN_A_HEADER]]
    more = len(findings) - len(first)
    return [*first, f"and {more} more, which /v1/check lists"] if more else first


def _check_length(service: Service, characters: int) -> None:
    most = service.limits.script_characters
    if characters > most:
        told = f"the script has {characters} characters, at most {most} are taken"
        raise ApiError(400, f"{told}: cut it into several.", "too_long", "script")
