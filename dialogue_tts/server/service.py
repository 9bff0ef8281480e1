"""What all routes share: the pipeline, the jobs; and the way from a client's request to a ticket."""

from __future__ import annotations

import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import anyio
from anyio import CapacityLimiter
from fastapi import Depends, Request

from dialogue_tts.audio.io import pcm16, write_audio
from dialogue_tts.dialogue import subtitles
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.errors import VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.turns import Script
from dialogue_tts.server.clients import Clients
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.metrics import Metrics
from dialogue_tts.server.problems import ApiError
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.request import DialogueRequest
from dialogue_tts.synthesis.ticket import Ticket
from dialogue_tts.voices.assignment import Voices
from dialogue_tts.voices.voice import Voice

Result = TypeVar("Result")

MEDIA_TYPES = {
    "wav": "audio/wav",
    "flac": "audio/flac",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "pcm": "audio/pcm",
}
TEXTS: Mapping[str, Callable[[Dialogue], str]] = {
    "srt": lambda dialogue: subtitles.srt(dialogue.turns),
    "vtt": lambda dialogue: subtitles.webvtt(dialogue.turns),
    "labels": lambda dialogue: subtitles.labels(dialogue.turns),
}


@dataclass(frozen=True, eq=False)
class ServerJob:
    """A dialogue that is made without anybody waiting on the line."""

    id: str
    ticket: Ticket
    created: float = field(default_factory=time.time)


class Jobs:
    """Jobs by id: whoever has the id has the job. Ended ones go after a while, or when they are too many."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._jobs: dict[str, ServerJob] = {}
        self._ended: dict[str, float] = {}  # when each was first seen to be over

    def add(self, ticket: Ticket) -> ServerJob:
        """A new one."""
        self._tidy()
        job = ServerJob(secrets.token_urlsafe(16), ticket)
        self._jobs[job.id] = job
        return job

    def get(self, name: str) -> ServerJob:
        """Raises ApiError if there is none of that id."""
        self._tidy()
        if name not in self._jobs:
            raise ApiError(
                404,
                f"there is no such job; those that are over are kept for {self._limits.job_s / 60:g} minutes.",
                "no_such_job",
                "job_id",
            )
        return self._jobs[name]

    def remove(self, job: ServerJob) -> None:
        """Forget one that is over, and its sound."""
        self._jobs.pop(job.id, None)
        self._ended.pop(job.id, None)

    def _tidy(self) -> None:
        now = time.monotonic()
        over = [job for job in self._jobs.values() if job.ticket.ended]
        held_s = sum(job.ticket.progress().sound_s for job in over)
        for job in over:  # the oldest first
            since = self._ended.setdefault(job.id, now)
            if now - since > self._limits.job_s or held_s > self._limits.job_sound_s:
                held_s -= job.ticket.progress().sound_s
                self.remove(job)


class Service:
    """One for each application."""

    def __init__(self, tts: DialogueTTS, limits: Limits, uploads: bool, clients: Clients) -> None:
        self.tts, self.limits, self.uploads, self.clients = tts, limits, uploads, clients
        self.metrics = Metrics()
        self.jobs = Jobs(limits)
        self._threads = CapacityLimiter(2)  # reading scripts, encoding sound: beside the scheduler, few at once

    @contextmanager
    def working(self) -> Iterator[None]:
        """From the application's start to its end."""
        try:
            yield
        finally:
            self.tts.scheduler.close()

    async def run_in_threadpool(self, work: Callable[..., Result], *args: object) -> Result:
        """Run what takes a while in a thread, so that nobody else's request waits for it."""
        return await anyio.to_thread.run_sync(partial(work, *args), limiter=self._threads)

    def voice(self, name: str) -> Voice:
        """A voice by its name or alias, which is only ever compared with names. Raises VoiceError if there is none."""
        name = self.voice_name(name)
        if name in self.tts.voices:
            return self.tts.voice(name)
        if name not in self.tts.library:
            raise VoiceError(f"{name!r}: there is no such voice; GET /v1/audio/voices lists those there are.")
        try:
            kept = self.tts.library.get(name)
        except VoiceError:
            raise VoiceError(f"{name}: the voice's file is damaged; remove the voice, and make it again.") from None
        return self.tts.voice(kept)

    def voice_name(self, asked: str) -> str:
        """The voice that a request means: its name in any case, or an alias; `asked` itself if there is no such voice.

        A voice's own name comes before an alias.
        """
        if asked in self.tts.voices or asked in self.tts.library:
            return asked
        plain = asked.casefold()
        built_in = {name.casefold(): name for name in self.tts.voices}
        return built_in.get(plain) or self.clients.aliases.get(plain) or asked

    async def speak(
        self, script: Script, names: Mapping[str, str], seed: int, config: SynthesisConfig, streamed: bool = False
    ) -> Ticket:
        """A script's place in the queue.

        Raises:
            ScriptError, VoiceError: it cannot be spoken; ApiError: it would be too long; BusyError: too much is asked for.
        """

        def planned() -> DialogueRequest:
            voices: Voices = {speaker: self.voice(name) for speaker, name in names.items()}
            return self.tts.plan.script(script, voices, seed, config)

        return await self._submit(planned, streamed)

    async def redo(self, dialogue: Dialogue, index: int, seed: int | None, text: str | None) -> Ticket:
        """The place in the queue of another take of one turn. Raises as `speak` does, and SettingsError."""
        return await self._submit(lambda: self.tts.plan.redo(dialogue, index, seed, text), False)

    async def _submit(self, planned: Callable[[], DialogueRequest], streamed: bool) -> Ticket:
        request = await self.run_in_threadpool(_costed, planned)
        if request.expected_s > self.limits.sound_s:
            told = f"the dialogue would be about {request.expected_s:.0f} s long"
            told += f"; {self.limits.sound_s:g} s are the limit here"
            raise ApiError(400, f"{told}: shorten the script.", "too_long")
        return self.tts.scheduler.submit(request, streamed, limits=self.limits.queue, observer=self.metrics)


def _costed(planned: Callable[[], DialogueRequest]) -> DialogueRequest:
    """A request whose cost is known: it takes a while to count, and is kept."""
    request = planned()
    _ = request.expected_s
    return request


def service_of(request: Request) -> Service:
    """The application's."""
    service: Service = request.app.state.service
    return service


ServiceOf = Annotated[Service, Depends(service_of)]


def sound_of(dialogue: Dialogue, kind: str, stereo: bool = False, speaker: str | None = None) -> bytes:
    """A dialogue, or the track of one of its speakers, as a file of one of MEDIA_TYPES."""
    mono = dialogue.waveform if speaker is None else dialogue.tracks()[speaker]
    wave = dialogue.stereo() if stereo else mono
    if kind == "pcm":
        return pcm16(wave)
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-") as folder:
        path = Path(folder) / f"dialogue.{kind}"
        write_audio(path, wave, dialogue.sample_rate, dialogue.provenance)
        return path.read_bytes()
