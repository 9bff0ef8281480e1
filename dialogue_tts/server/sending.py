"""Sound on its way to a client: whole, or turn by turn."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import numpy as np
from fastapi import Request
from fastapi.responses import Response, StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

from dialogue_tts.audio.encode import SoundEncoder
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.result import Chunk
from dialogue_tts.dialogue.turns import SpokenTurn
from dialogue_tts.server.problems import ApiError
from dialogue_tts.server.service import MEDIA_TYPES, Service
from dialogue_tts.server.waiting import heard, unless_gone
from dialogue_tts.synthesis.ticket import Ticket

log = logging.getLogger(__name__)

LONGEST_HEADER = 2_000  # characters; clients refuse headers that are too long
SILENCE_S = 0.3  # for a text with nothing to say: chat programs send every reply, also one of emoji alone
PIECE = 65_536  # bytes sent at once: a slow client is given time for each


class Streamed(StreamingResponse):
    """Ends the work when it is over, however it ends: the client may be gone."""

    def __init__(
        self, ticket: Ticket, content: AsyncIterator[bytes], media_type: str, notices: Sequence[str] = ()
    ) -> None:
        told = provenance(ticket.request.provenance) | noted(notices)
        super().__init__(content, media_type=media_type, headers=told)
        if media_type == "text/event-stream":
            self.headers["Cache-Control"], self.headers["X-Accel-Buffering"] = "no-cache", "no"
        self._ticket = ticket

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except ApiError as error:  # the answer has begun: to leave it unfinished is all that tells
            log.warning("a stream breaks off: %s", error)
        finally:
            self._ticket.cancel()


def whole(data: bytes, media_type: str, headers: Mapping[str, str]) -> Response:
    """Bytes that are there, piece by piece."""

    async def pieces() -> AsyncIterator[bytes]:
        for first in range(0, len(data), PIECE):
            yield data[first : first + PIECE]

    return StreamingResponse(pieces(), media_type=media_type, headers={**headers, "Content-Length": str(len(data))})


async def first_heard(request: Request, ticket: Ticket) -> AsyncIterator[Chunk]:
    """The chunks of a stream, the first of which is there: what goes wrong before it still gets an answer of its own."""
    chunks = heard(ticket)
    try:
        first = await unless_gone(request, anext(chunks))
    except BaseException:
        ticket.cancel()
        raise

    async def again() -> AsyncIterator[Chunk]:
        yield first
        async for chunk in chunks:
            yield chunk

    return again()


async def encoded(
    service: Service, ticket: Ticket, chunks: AsyncIterator[Chunk], kind: str
) -> AsyncIterator[tuple[SpokenTurn | None, bytes]]:
    """Each turn with the bytes that are ready with it; in the end the rest, with no turn."""
    encoder = SoundEncoder(kind, SAMPLE_RATE_HZ, ticket.request.provenance)
    async for chunk in chunks:
        yield chunk.turn, await service.run_in_threadpool(encoder.add, chunk.waveform)
    yield None, await service.run_in_threadpool(encoder.finish)


async def as_audio(
    service: Service, request: Request, ticket: Ticket, kind: str, notices: Sequence[str] = ()
) -> Response:
    """A stream of sound alone. If it breaks off, so does the connection: half a dialogue never passes for a whole."""
    chunks = await first_heard(request, ticket)

    async def sound() -> AsyncIterator[bytes]:
        async for _, data in encoded(service, ticket, chunks, kind):
            for first in range(0, len(data), PIECE):
                yield data[first : first + PIECE]

    return Streamed(ticket, sound(), MEDIA_TYPES[kind], notices)


def silence() -> np.ndarray:
    """What is heard of a text with nothing to say, float32 (samples,)."""
    return np.zeros(round(SILENCE_S * SAMPLE_RATE_HZ), np.float32)


def event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """One server-sent event."""
    return format_sse_event(data_str=json.dumps(data, ensure_ascii=False), event=name)


def in_base64(data: bytes) -> str:
    """For JSON."""
    return base64.b64encode(data).decode("ascii")


def provenance(text: str) -> dict[str, str]:
    """A header that says the speech is synthetic and what made it, for formats without a place for it too."""
    return {"X-Provenance": _in_header(text)}


def noted(notices: Sequence[str]) -> dict[str, str]:
    """A header for what was done otherwise than it was asked for."""
    return {"X-Notice": _in_header("; ".join(notices))} if notices else {}


def _in_header(text: str) -> str:
    return text.encode("unicode_escape").decode("ascii")[:LONGEST_HEADER]
