"""Waiting for tickets without holding a thread, and no longer than the client does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from typing import TypeVar

from fastapi import Request

from dialogue_tts.dialogue.result import Chunk, Dialogue
from dialogue_tts.errors import TooLongError
from dialogue_tts.server.problems import ApiError
from dialogue_tts.synthesis import asynchronous
from dialogue_tts.synthesis.asynchronous import steps
from dialogue_tts.synthesis.ticket import Failure, Ticket

Result = TypeVar("Result")


async def heard(ticket: Ticket) -> AsyncIterator[Chunk]:
    """The chunks of a stream. Raises ApiError where it does not come to its end."""
    async for chunk in asynchronous.heard(ticket):
        yield chunk
    check_done(ticket)


async def finished(ticket: Ticket) -> Dialogue:
    """The whole dialogue. Raises ApiError where it does not come to its end."""
    async for _ in steps(ticket):
        pass
    check_done(ticket)
    return ticket.dialogue()


def message_of(failure: Failure) -> str:
    """What a client is told of what went wrong; the log has the rest."""
    if isinstance(failure.error, TooLongError):
        return str(failure.error)
    told = f"turn {failure.turn + 1} could not be made, by a fault of the server"
    return f"{told}; change its text, or report it."


def check_done(ticket: Ticket) -> None:
    """Raises ApiError if the dialogue is not whole."""
    progress = ticket.progress()
    if progress.failure:
        too_long = isinstance(progress.failure.error, TooLongError)
        raise ApiError(400 if too_long else 500, message_of(progress.failure), "too_long" if too_long else "fault")
    if progress.state == "cancelled":
        raise ApiError(503, "the server is shutting down; try again later.", "shutting_down")


async def unless_gone(request: Request, awaited: Awaitable[Result]) -> Result:
    """What is awaited, as long as the client waits too. Raises ApiError, which nobody hears, when it does not."""
    work = asyncio.ensure_future(awaited)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            raise ApiError(499, "the client has gone.", "gone")
        return work.result()
    finally:
        work.cancel()
        gone.cancel()
        await asyncio.gather(work, gone, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
