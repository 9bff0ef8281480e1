"""Tickets for programs that run on asyncio: waiting holds no thread, and the event loop stays free."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from dialogue_tts.dialogue.result import Chunk, Dialogue, TurnTakes
from dialogue_tts.errors import SettingsError
from dialogue_tts.synthesis.ticket import ENDED, TellProgress, Ticket, TicketProgress


@contextmanager
def _listening(ticket: Ticket) -> Iterator[asyncio.Event]:
    """An event that is set after each change of the ticket."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def told() -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(changed.set)

    ticket.listen(told)
    try:
        yield changed
    finally:
        ticket.unlisten(told)


async def steps(ticket: Ticket) -> AsyncIterator[TicketProgress]:
    """How far it is: at once, after each change, and at its end."""
    with _listening(ticket) as changed:
        while True:
            changed.clear()
            progress = ticket.progress()
            yield progress
            if progress.state in ENDED:
                return
            await changed.wait()


async def heard(ticket: Ticket) -> AsyncIterator[Chunk]:
    """The chunks of a stream, as long as there are any; the ticket says whether that was its end."""
    with _listening(ticket) as changed:
        while True:
            changed.clear()
            ended = ticket.ended  # asked first: what comes after it is heard in the next round
            chunk = ticket.next_chunk()
            if chunk is not None:
                yield chunk
            elif ended:
                break
            else:
                await changed.wait()


async def result(ticket: Ticket, progress: TellProgress | None = None) -> Dialogue:
    """`Ticket.result`, awaited; the work ends with the task that waits for it."""
    seen = 0
    try:
        async for step in steps(ticket):
            for number in range(seen + 1, len(step.turns) + 1):
                if progress:
                    progress(number, len(ticket.request.turns))
            seen = len(step.turns)
        ticket.raise_failure()
        return ticket.dialogue()
    finally:
        ticket.cancel()


class AsyncStream(AsyncIterator[Chunk]):
    """What `DialogueTTS.astream` gives: `async for` over it. `aclose`, or the end of an `async with` block, stops the work."""

    def __init__(self, ticket: Ticket, progress: TellProgress | None = None) -> None:
        self._ticket, self._progress = ticket, progress
        self._chunks = heard(ticket)
        self._closed = False
        self._turn_takes: list[TurnTakes] = []

    async def __anext__(self) -> Chunk:
        if self._closed:
            raise StopAsyncIteration
        try:
            chunk = await anext(self._chunks)
        except StopAsyncIteration:
            self._ticket.raise_failure()
            raise
        except asyncio.CancelledError:
            await self.aclose()
            raise
        self._turn_takes.append(chunk.turn_takes)
        if self._progress:
            self._progress(len(self._turn_takes), len(self._ticket.request.turns))
        return chunk

    async def aclose(self) -> None:
        """Stop the work; nothing comes after. The chunks so far stay."""
        self._closed = True
        self._ticket.cancel()

    async def __aenter__(self) -> AsyncStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def dialogue(self) -> Dialogue:
        """The turns so far, as `Stream.dialogue`. Raises SettingsError if no turn was yielded yet."""
        if not self._turn_takes:
            raise SettingsError("no turn has been spoken yet; ask for the dialogue after the first chunk.")
        return self._ticket.request.dialogue(self._turn_takes)
