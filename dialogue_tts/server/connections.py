"""What uvicorn leaves to its proxy: connections that bring no request, or do not take their answer, end."""

from __future__ import annotations

import asyncio
from typing import cast

from starlette.types import Receive, Scope, Send
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from dialogue_tts.server.limits import Limits


class PatientProtocol(H11Protocol):
    """HTTP/1.1 by uvicorn, with a deadline wherever a client could keep a connection by doing nothing.

    A connection is cut rather than closed then: to close it would wait for the client to take what is left.
    """

    limits = Limits()

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, object],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._answer, self.app = self.app, self._answered
        self._unasked: asyncio.TimerHandle | None = None  # while nothing is asked for
        self._stalled: asyncio.TimerHandle | None = None  # while the client takes too little

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._watch()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.limits.stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stalled = _cancelled(self._stalled)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._unasked, self._stalled = _cancelled(self._unasked), _cancelled(self._stalled)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        cycle = self.cycle
        try:
            await self._answer(scope, receive, send)
        finally:
            if self.cycle is cycle:  # an answer that breaks off is not complete, and yet over
                self._expect()

    def _watch(self) -> None:
        """Bytes alone do not put the deadline off: only a whole head of a request does."""
        if self.cycle is None or self.cycle.response_complete:
            self._expect()
        else:
            self._unasked = _cancelled(self._unasked)

    def _expect(self) -> None:
        if self._unasked is None:
            self._unasked = self.loop.call_later(self.limits.body_s, self.transport.abort)


def _cancelled(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    """None, for the timer's place."""
    if timer is not None:
        timer.cancel()
    return None


def patient_protocol(limits: Limits) -> type[PatientProtocol]:
    """For `uvicorn.Config(http=...)`."""

    class Limited(PatientProtocol):
        pass

    Limited.limits = limits
    return Limited
