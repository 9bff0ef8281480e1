"""What is looked at before a request reaches the studio: what no page asks for is refused, and questions have a size."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LARGEST_QUESTION = 4_000_000  # bytes


class RequestGuard:
    """Refuses what no page of the studio asks for, and forbids pages to fetch anything from elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"].rstrip("/")
        if "file=http" in path or "/proxy=" in path or "/call/" in path or path.endswith("/queue/join"):
            await PlainTextResponse("The studio does not do that.", 403)(scope, receive, send)
        elif path.endswith("/component_server"):
            await self._bounded(scope, receive, _with_policy(send))
        else:
            await self._app(scope, receive, _with_policy(send))

    async def _bounded(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A body as far as it may go, by the bytes that come and not by what is said of them."""
        size = 0

        async def counted() -> Any:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > LARGEST_QUESTION:
                raise _TooLargeError
            return message

        async def answered(message: Any) -> None:
            if size <= LARGEST_QUESTION:  # else what is made of the error does not matter
                await send(message)

        with suppress(_TooLargeError):
            await self._app(scope, counted, answered)
        if size > LARGEST_QUESTION:
            await PlainTextResponse("This is too much at once.", 413)(scope, receive, send)


class _TooLargeError(Exception):
    pass


def _with_policy(send: Send) -> Send:
    policy = (
        b"default-src 'self' blob: data:; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
        b"style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
    )

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [
                *message.get("headers", []),
                (b"content-security-policy", policy),
                (b"x-content-type-options", b"nosniff"),
            ]
        await send(message)

    return sent
