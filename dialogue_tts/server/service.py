"""What all routes share: the pipeline, the jobs; and the way from a client's request to a ticket."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
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
from dialogue_tts.provenance.credentials import ContentSigner
from dialogue_tts.script.turns import Script
from dialogue_tts.server.clients import Clients
from dialogue_tts.server.job_runner import JobRunner
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.metrics import Metrics
from dialogue_tts.server.problems import ApiError
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.stages import StageObserver, observing
from dialogue_tts.store.database import Database
from dialogue_tts.store.jobs import JobStore
from dialogue_tts.synthesis.request import DialogueRequest
from dialogue_tts.synthesis.ticket import Ticket
from dialogue_tts.voices.assignment import Voices, check_speakers
from dialogue_tts.voices.voice import Voice

Result = TypeVar("Result")

STUCK_S = 120.0  # a turn takes seconds
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


class Service:
    """One for each application."""

    def __init__(
        self, tts: DialogueTTS, limits: Limits, uploads: bool, clients: Clients, database: Database | None
    ) -> None:
        self.tts, self.limits, self.uploads, self.clients = tts, limits, uploads, clients
        self.signer: ContentSigner | None = None  # of whole sound files; who opens the application gives it
        self.metrics = Metrics()
        self.stage_observers: list[StageObserver] = [self.metrics.stage]
        store = JobStore(database or Database.in_memory())
        self.jobs = JobRunner(tts, store, limits, self.metrics, self.stage_observers)
        self._threads = CapacityLimiter(2)  # reading scripts, encoding sound: beside the scheduler, few at once
        self._store_threads = CapacityLimiter(4)  # they wait for the database, and compute little

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """From the application's start to its end."""
        await self.in_store(self.jobs.start)
        try:
            yield
        finally:
            await self.in_store(self._end)

    def _end(self) -> None:
        self.jobs.stop_tending()  # or it would take up again what is given back
        self.tts.scheduler.close()
        self.jobs.close()

    @property
    def works(self) -> bool:
        """Whether sound is made where some is asked for."""
        return self.tts.scheduler.works(STUCK_S)

    def count(self) -> None:
        """What is in the store, for the metrics."""
        self.metrics.stored(self.jobs.store.counts(), len(self.tts.library.names()))

    async def in_store(self, work: Callable[..., Result], *args: object) -> Result:
        """Run what asks the database, and computes little, in a thread."""
        return await anyio.to_thread.run_sync(partial(work, *args), limiter=self._store_threads)

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
            check_speakers(names, script.speakers)  # before anything is read for somebody who is not there
            found = {name: self.voice(name) for name in dict.fromkeys(names.values())}
            voices: Voices = {speaker: found[name] for speaker, name in names.items()}
            return self.tts.plan.script(script, voices, seed, config)

        return await self._submit(planned, streamed)

    async def redo(self, dialogue: Dialogue, index: int, seed: int | None, text: str | None) -> Ticket:
        """The place in the queue of another take of one turn. Raises as `speak` does, and SettingsError."""
        return await self._submit(lambda: self.tts.plan.redo(dialogue, index, seed, text), False)

    async def _submit(self, planned: Callable[[], DialogueRequest], streamed: bool) -> Ticket:
        with observing(*self.stage_observers):
            request = await self.run_in_threadpool(_costed, planned)
        if request.expected_s > self.limits.sound_s:
            told = f"the dialogue would be about {request.expected_s:.0f} s long"
            told += f"; {self.limits.sound_s:g} s are the limit here"
            raise ApiError(400, f"{told}: shorten the script.", "too_long")
        with observing(*self.stage_observers):
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


def sound_of(
    dialogue: Dialogue, kind: str, signer: ContentSigner | None, stereo: bool = False, speaker: str | None = None
) -> bytes:
    """A dialogue, or the track of one of its speakers, as a file of one of MEDIA_TYPES; signed if it can be."""
    mono = dialogue.waveform if speaker is None else dialogue.tracks()[speaker]
    wave = dialogue.stereo() if stereo else mono
    if kind == "pcm":
        return pcm16(wave)
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-") as folder:
        path = Path(folder) / f"dialogue.{kind}"
        sign = signer.signs_if_it_can(path) if signer else None
        write_audio(path, wave, dialogue.sample_rate, dialogue.provenance, sign)
        return path.read_bytes()
