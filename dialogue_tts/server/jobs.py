"""Jobs: dialogues that are made while nobody waits on the line."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from dialogue_tts.config import to_dict
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.server.dialogues import order
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.schemas import JobDeleted, JobOut, RedoIn, Spoken, findings_out
from dialogue_tts.server.sending import provenance, whole
from dialogue_tts.server.service import MEDIA_TYPES, TEXTS, Service, ServiceOf, sound_of
from dialogue_tts.store.jobs import UNFINISHED, Job

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

ResultFormat = Literal["wav", "flac", "mp3", "ogg", "opus", "pcm", "srt", "vtt", "labels", "json", "project"]
LOOK_S = 1.0  # how often one looks after a job that another server may be making
TEXT_TYPES = {"srt": "application/x-subrip", "vtt": "text/vtt", "labels": "text/plain"}


# FastAPI would have errors sent as events too.
ANSWERS_IN_JSON: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "What is wrong, and what to do.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
    }
}


async def job_of(job_id: str, service: ServiceOf) -> Job:
    """The job that a path names."""
    job = await service.in_store(service.jobs.store.find, job_id)
    if job is None:
        kept = f"those that are over are kept for {service.limits.job_s / 60:g} minutes"
        raise ApiError(404, f"there is no such job; {kept}.", "no_such_job", "job_id")
    return job


JobOf = Annotated[Job, Depends(job_of)]


@router.post("", status_code=202)
async def begin(body: Spoken, service: ServiceOf) -> JobOut:
    """Have a script spoken; the job's events and result tell the rest."""
    ticket = await order(service, body)
    return _state(await service.in_store(service.jobs.add, ticket))


@router.get("/{job_id}")
async def look(job: JobOf) -> JobOut:
    """How far a job is."""
    return _state(job)


@router.delete("/{job_id}")
async def stop(job: JobOf, service: ServiceOf) -> JobOut | JobDeleted:
    """Cancel a job that is being made: its turns so far stay. Delete one that is over."""
    if job.state in UNFINISHED:
        await service.in_store(service.jobs.cancel, job.id)
        return _state(await service.in_store(service.jobs.store.get, job.id))
    await service.in_store(service.jobs.store.delete, job.id)
    return JobDeleted(id=job.id)


@router.post("/{job_id}/turns/{index}/redo", status_code=202)
async def redo(
    job: JobOf, index: Annotated[int, Path(ge=0, description="Of the turn, from 0.")], body: RedoIn, service: ServiceOf
) -> JobOut:
    """Have another take of one turn made, by a job of its own; the other turns stay as they are. The old job stays, too."""
    if job.state != "done":
        raise ApiError(409, "the job is not done; wait until it is, or make a new one.", "not_done")
    if job.bundle != service.tts.bundle_id.sha256:
        raise ApiError(409, "the job was made with another bundle; make a new one.", "other_bundle")
    dialogue = await service.run_in_threadpool(service.jobs.dialogue, job)
    ticket = await service.redo(dialogue, index, body.seed, body.text)
    return _state(await service.in_store(service.jobs.add, ticket))


@router.get("/{job_id}/events", response_class=EventSourceResponse, responses=ANSWERS_IN_JSON)
async def events(
    job: JobOf, service: ServiceOf, last_event_id: Annotated[str, Header()] = ""
) -> AsyncIterator[ServerSentEvent]:
    """An event `turn` for each turn as it is made, those made before first; then `done`, `failed` or `cancelled`.

    The id of an event is the number of turns so far: who comes back with Last-Event-ID gets the rest.
    """
    told = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) < 9 else 0
    store = service.jobs.store
    with service.jobs.listening(job.id) as changed:
        while True:
            changed.clear()
            job = await service.in_store(store.get, job.id)
            for times in await service.in_store(store.times, job.id, told):
                told = times["index"] + 1
                yield ServerSentEvent(event="turn", id=str(told), data=times)
            if job.state not in UNFINISHED:
                break
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(changed.wait(), LOOK_S)
    yield ServerSentEvent(event=job.state, data=_state(job).model_dump())


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
    dialogue = await _dialogue(service, job, partial)
    if speaker is not None and speaker not in dialogue.voices:
        told = f"{speaker!r} has no turn in it; its speakers are {', '.join(dialogue.voices)}"
        raise ApiError(400, f"{told}.", "bad_speaker", "speaker")
    if speaker is not None and stereo:
        raise ApiError(400, "a track is mono; leave out stereo, or speaker.", "bad_settings", "stereo")
    if format in MEDIA_TYPES:
        signed = service.run_in_threadpool(sound_of, dialogue, format, service.signer, stereo, speaker)
        data, media = await signed, MEDIA_TYPES[format]
    else:
        data, media = (
            (await service.run_in_threadpool(_text, dialogue, format)).encode(),
            TEXT_TYPES.get(format, "application/json"),
        )
    return whole(data, media, provenance(dialogue.provenance))


async def _dialogue(service: Service, job: Job, partial: bool) -> Dialogue:
    made = f"{job.turns_done} of {job.turns} turns are made"
    if job.state != "done" and not partial:
        told = "the job is not done yet" if job.state in UNFINISHED else f"the job {job.state}"
        raise ApiError(409, f"{told}: {made}; ask with partial=true for those.", "not_done")
    if not job.turns_done:
        raise ApiError(409, f"{made}; there is nothing to hear yet.", "not_done")
    return await service.run_in_threadpool(service.jobs.dialogue, job)


def _text(dialogue: Dialogue, kind: str) -> str:
    if kind in TEXTS:
        return TEXTS[kind](dialogue)
    values = dialogue.timestamps() if kind == "json" else to_dict(Project.of(dialogue))
    return json.dumps(values, ensure_ascii=False, indent=1)


def _state(job: Job) -> JobOut:
    return JobOut(
        id=job.id,
        state=job.state,
        turns_done=job.turns_done,
        turns=job.turns,
        duration=round(job.sound_s, 3),
        expected_duration=round(job.expected_s, 1),
        created_at=int(job.created_at),
        findings=findings_out(job.findings),
        error=job.error,
    )
