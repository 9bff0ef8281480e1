"""Jobs: dialogues that are made while nobody waits on the line."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dialogue_tts.config import to_dict
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue, turn_times
from dialogue_tts.server.dialogues import order
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.schemas import JobDeleted, JobOut, RedoIn, Spoken, findings_out
from dialogue_tts.server.sending import provenance, whole
from dialogue_tts.server.service import MEDIA_TYPES, TEXTS, ServerJob, ServiceOf, sound_of
from dialogue_tts.server.waiting import message_of
from dialogue_tts.synthesis.asynchronous import steps

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

ResultFormat = Literal["wav", "flac", "mp3", "ogg", "opus", "pcm", "srt", "vtt", "labels", "json", "project"]
TEXT_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt", "labels": "text/plain"}


# FastAPI would have errors sent as events too.
ANSWERS_IN_JSON: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "What is wrong, and what to do.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
    }
}


async def job_of(job_id: str, service: ServiceOf) -> ServerJob:
    """The job that a path names."""
    return service.jobs.get(job_id)


JobOf = Annotated[ServerJob, Depends(job_of)]


@router.post("", status_code=202)
async def begin(body: Spoken, service: ServiceOf) -> JobOut:
    """Have a script spoken; the job's events and result tell the rest."""
    return _state(service.jobs.add(await order(service, body)))


@router.get("/{job_id}")
async def look(job: JobOf) -> JobOut:
    """How far a job is."""
    return _state(job)


@router.delete("/{job_id}")
async def stop(job: JobOf, service: ServiceOf) -> JobOut | JobDeleted:
    """Cancel a job that is being made: its turns so far stay. Delete one that is over."""
    if not job.ticket.ended:
        job.ticket.cancel()
        return _state(job)
    service.jobs.remove(job)
    return JobDeleted(id=job.id)


@router.post("/{job_id}/turns/{index}/redo", status_code=202)
async def redo(
    job: JobOf, index: Annotated[int, Path(ge=0, description="Of the turn, from 0.")], body: RedoIn, service: ServiceOf
) -> JobOut:
    """Have another take of one turn made, by a job of its own; the other turns stay as they are. The old job stays, too."""
    if job.ticket.progress().state != "done":
        raise ApiError(409, "the job is not done; wait until it is, or make a new one.", "not_done")
    return _state(service.jobs.add(await service.redo(job.ticket.dialogue(), index, body.seed, body.text)))


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses=ANSWERS_IN_JSON)
async def events(job: JobOf, last_event_id: Annotated[str, Header()] = "") -> AsyncIterator[ServerSentEvent]:
    """An event `turn` for each turn as it is made, those made before first; then `done`, `failed` or `cancelled`.

    The id of an event is the number of turns so far: who comes back with Last-Event-ID gets the rest.
    """
    told = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 9 else 0
    async for progress in steps(job.ticket):
        for number, turn in enumerate(progress.turns[told:], start=told + 1):
            yield ServerSentEvent(event="turn", id=str(number), data=turn_times(turn))
        told = max(told, len(progress.turns))
    yield ServerSentEvent(event=job.ticket.progress().state, data=_state(job).model_dump())


@router.get(
    "/{job_id}/result",
    response_class=Response,
    responses={
        200: {
            "description": "A sound file, subtitles, an Audacity label track, times as JSON, or a project file.",
            "content": {media: {} for media in (*MEDIA_TYPES.values(), *TEXT_TYPES.values(), "application/json")},
        }
    },
)
async def result(
    job: JobOf,
    service: ServiceOf,
    format: ResultFormat = "wav",
    stereo: Annotated[bool, Query(description="Speakers from left to right.")] = False,
    speaker: Annotated[str | None, Query(description="The track of one alone, as long as the dialogue.")] = None,
    partial: Annotated[bool, Query(description="The turns so far will do.")] = False,
) -> Response:
    """What a job has made."""
    dialogue = _dialogue(job, partial)
    if speaker is not None and speaker not in dialogue.voices:
        told = f"{speaker!r} has no turn in it; its speakers are {', '.join(dialogue.voices)}"
        raise ApiError(400, f"{told}.", "bad_speaker", "speaker")
    if speaker is not None and stereo:
        raise ApiError(400, "a track is mono; leave out stereo, or speaker.", "bad_settings", "stereo")
    if format in MEDIA_TYPES:
        data, media = await service.run_in_threadpool(sound_of, dialogue, format, stereo, speaker), MEDIA_TYPES[format]
    else:
        data, media = (
            (await service.run_in_threadpool(_text, dialogue, format)).encode(),
            TEXT_TYPES.get(format, "application/json"),
        )
    return whole(data, media, provenance(dialogue.provenance))


def _dialogue(job: ServerJob, partial: bool) -> Dialogue:
    progress = job.ticket.progress()
    made = f"{len(progress.turns)} of {len(job.ticket.request.turns)} turns are made"
    if progress.state != "done" and not partial:
        told = "the job is not done yet" if progress.state in ("waiting", "working") else f"the job {progress.state}"
        raise ApiError(409, f"{told}: {made}; ask with partial=true for those.", "not_done")
    if not progress.turns:
        raise ApiError(409, f"{made}; there is nothing to hear yet.", "not_done")
    return job.ticket.dialogue()


def _text(dialogue: Dialogue, kind: str) -> str:
    if kind in TEXTS:
        return TEXTS[kind](dialogue)
    values = dialogue.timestamps() if kind == "json" else to_dict(Project.of(dialogue))
    return json.dumps(values, ensure_ascii=False, indent=1)


def _state(job: ServerJob) -> JobOut:
    progress = job.ticket.progress()
    return JobOut(
        id=job.id,
        state=progress.state,
        turns_done=len(progress.turns),
        turns=len(job.ticket.request.turns),
        duration=round(progress.sound_s, 3),
        expected_duration=round(job.ticket.expected_s, 1),
        created_at=int(job.created),
        findings=findings_out(job.ticket.request.findings),
        error=message_of(progress.failure) if progress.failure else None,
    )
