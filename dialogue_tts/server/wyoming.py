"""The Wyoming protocol, by which Home Assistant speaks: events of JSON over TCP, with text in and sound out.

See https://github.com/OHF-Voice/wyoming. The protocol has no keys: whoever reaches the port is served.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata
from typing import cast

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable, async_read_event, async_write_event
from wyoming.info import Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeStopped, SynthesizeVoice

from dialogue_tts.audio.io import pcm16
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.script.prose import passages, spoken_prose, whole_sentences
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.sending import silence
from dialogue_tts.server.service import Service
from dialogue_tts.server.voices import all_voices
from dialogue_tts.server.waiting import heard

MOST_CONNECTIONS = 64
IDLE_S = 300.0
CHUNK = 4_800  # samples of an event: a fifth of a second
AT_ONCE = 500  # characters without an end that are looked through for one whenever some more come
LANGUAGES = ["en"]
US = Attribution("dialogue-tts", "")
PROGRAM = "dialogue-tts"

log = logging.getLogger(__name__)


class _Refused(Exception):
    """What the client sent is no event, or more than is taken; the message says so."""


@asynccontextmanager
async def serving(service: Service, listener: socket.socket) -> AsyncIterator[None]:
    """Serve at a bound socket until the block ends."""
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = cast("asyncio.Task[None]", asyncio.current_task())
        tasks.add(task)
        try:
            if len(tasks) <= MOST_CONNECTIONS:
                await _Connection(service, reader, writer).run()
        except (ConnectionError, asyncio.TimeoutError):
            log.debug("a client has gone", exc_info=True)
            writer.transport.abort()  # to close it would wait for the client to take the rest
        except asyncio.CancelledError:
            pass  # the server ends
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(connected, sock=listener)
    try:
        yield
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Bounded:
    """A reader that takes no more than so many bytes of an event, whatever its header promises."""

    def __init__(self, reader: asyncio.StreamReader, most: int) -> None:
        self._reader, self._most = reader, most

    async def readline(self) -> bytes:
        return await self._reader.readline()  # asyncio has a limit of its own: 64 KiB

    async def readexactly(self, count: int) -> bytes:
        if not 0 <= count <= self._most:
            raise _Refused(f"an event has {count} bytes; at most {self._most} are taken.")
        return await self._reader.readexactly(count)


class _Utterance:
    """A text that comes in pieces, and is said sentence by sentence."""

    def __init__(self, voice: str, streamed: bool, most: int) -> None:
        self.voice, self.streamed = voice, streamed
        self.said: asyncio.Queue[str | None] = asyncio.Queue()  # what can be spoken; None at the end
        self._most, self._rest, self._characters = most, "", 0
        self._new: list[str] = []  # behind the rest, and not looked through yet
        self._new_characters = 0

    def add(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > self._most:
            raise _Refused(f"the text has more than {self._most} characters; send it in parts.")
        self._new.append(text)
        self._new_characters += len(text)
        if self._new_characters >= (len(self._rest) - AT_ONCE) / 8:  # in small pieces, each would go through it all
            whole, self._rest = whole_sentences(self._taken())
            self._put(whole)

    def finish(self) -> None:
        self._put(self._taken())
        self.said.put_nowait(None)

    def _taken(self) -> str:
        """The rest with what is new."""
        text = "".join((self._rest, *self._new))
        self._new.clear()
        self._new_characters = 0
        return text

    def _put(self, prose: str) -> None:
        for passage in passages(spoken_prose(prose)):
            self.said.put_nowait(passage)


class _Connection:
    """One client: it asks for one thing after another."""

    def __init__(self, service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._service, self._writer = service, writer
        self._reader = cast(asyncio.StreamReader, _Bounded(reader, service.limits.body_bytes))
        self._open: _Utterance | None = None  # its text is not over
        self._speaking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Until the client goes, or sends what is no event."""
        try:
            while (event := await self._next_event()) is not None:
                await self._take(event)
        except _Refused as refused:
            await self._stop_speaking()  # nothing comes behind an error
            await self._send(Error(str(refused), "bad_event"))
        finally:
            await self._stop_speaking()

    async def _stop_speaking(self) -> None:
        if self._speaking:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)

    async def _next_event(self) -> Event | None:
        """None when the client has gone, or has had nothing to say for long, unless it listens to all it has said."""
        while True:
            try:
                return await asyncio.wait_for(async_read_event(self._reader), IDLE_S)
            except asyncio.TimeoutError:
                if self._open or self._speaking is None or self._speaking.done():
                    return None
            except asyncio.IncompleteReadError:
                return None
            except (AttributeError, KeyError, TypeError, RecursionError):
                raise _Refused("that is no event of the Wyoming protocol.") from None

    async def _take(self, event: Event) -> None:
        try:
            if Describe.is_type(event.type):
                await self._send(await self._info())
            elif Ping.is_type(event.type):
                await self._send(Pong(text=Ping.from_event(event).text))
            elif SynthesizeStart.is_type(event.type):
                await self._begin(SynthesizeStart.from_event(event).voice, streamed=True)
            elif SynthesizeChunk.is_type(event.type) and self._open:
                self._open.add(SynthesizeChunk.from_event(event).text)
            elif SynthesizeStop.is_type(event.type) and self._open:
                self._finish(self._open)
            elif Synthesize.is_type(event.type) and not self._open:  # in a stream it repeats the text, for old servers
                whole = Synthesize.from_event(event)
                utterance = await self._begin(whole.voice, streamed=False)
                utterance.add(whole.text)
                self._finish(utterance)
        except (AttributeError, KeyError, TypeError):
            raise _Refused(f"the event {event.type} lacks something, or has it in another form.") from None

    async def _begin(self, voice: SynthesizeVoice | None, streamed: bool) -> _Utterance:
        if self._open:  # its end, for which `_speaking` waits, can come only after this event
            raise _Refused("a synthesize-start came in the middle of a text; send synthesize-stop first.")
        if self._speaking:
            await self._speaking
        name = (voice and voice.name) or self._service.tts.voices[0]
        self._open = _Utterance(str(name), streamed, self._service.limits.script_characters)
        self._speaking = asyncio.create_task(self._speak(self._open))
        return self._open

    def _finish(self, utterance: _Utterance) -> None:
        utterance.finish()
        self._open = None

    async def _speak(self, utterance: _Utterance) -> None:
        """All of an utterance, or an error and the end of the connection: half of it never passes for the whole."""
        try:
            await self._service.run_in_threadpool(self._service.voice, utterance.voice)
            await self._send(AudioStart(SAMPLE_RATE_HZ, 2, 1))
            spoken = False
            while (passage := await utterance.said.get()) is not None:
                await self._say(passage, utterance.voice)
                spoken = True
            if not spoken:
                await self._play(silence())
            await self._send(AudioStop())
            if utterance.streamed:
                await self._send(SynthesizeStopped())
        except (ApiError, DialogueTTSError) as error:
            await self._send(Error(str(error), getattr(error, "code", None)))
            self._writer.close()
        except (ConnectionError, asyncio.TimeoutError):
            self._writer.transport.abort()

    async def _say(self, passage: str, voice: str) -> None:
        service = self._service
        ticket = await service.speak(Script((Turn(voice, passage),)), {voice: voice}, 0, service.tts.config, True)
        try:
            async for chunk in heard(ticket):
                await self._play(chunk.waveform)
        finally:
            ticket.cancel()

    async def _play(self, wave: np.ndarray) -> None:
        for first in range(0, wave.size, CHUNK):
            await self._send(AudioChunk(SAMPLE_RATE_HZ, 2, 1, pcm16(wave[first : first + CHUNK])))

    async def _send(self, event: Eventable) -> None:
        await asyncio.wait_for(async_write_event(event.event(), self._writer), self._service.limits.stall_s)

    async def _info(self) -> Info:
        found = await self._service.run_in_threadpool(all_voices, self._service)
        voices = [
            TtsVoice(
                name=voice.id,
                attribution=US,
                installed=True,
                description=f"{voice.name} ({voice.description})" if voice.description else voice.name,
                version=None,
                languages=LANGUAGES,
            )
            for voice in found
            if not voice.alias_of
        ]
        program = TtsProgram(
            name=PROGRAM,
            attribution=US,
            installed=True,
            description=self._service.tts.bundle_id.name,
            version=metadata.version(PROGRAM),
            voices=voices,
            supports_synthesize_streaming=True,
        )
        return Info(tts=[program])
