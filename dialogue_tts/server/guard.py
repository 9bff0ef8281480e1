"""What is looked at before a request reaches its route, and while its bytes come and go."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dialogue_tts.config import strict
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.problems import ApiError

OPEN = ("/health", "/docs", "/openapi.json", "/static-offline-docs/")
LISTS = ("/v1/audio/voices", "/v1/audio/models", "/v1/models")
UPLOADS = ("/v1/audio/voices", "/v1/verify")


@strict
class Access:
    """Who may use the server.

    Attributes:
        keys: API keys, one of which every request must carry; none for a server that is open to all who reach it.
        hosts: names the server answers to, so that no web page can reach it by a name of its own; None for any.
        origins: of web pages that may use the server, beside those it serves itself.
        open_lists: voices and models can be listed without a key, for clients that send none with that.
    """

    keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None
    origins: tuple[str, ...] = ()
    open_lists: bool = False


class Guard:
    """ASGI middleware: host, origin, key, then the size of the body and the pace of both sides."""

    def __init__(self, app: ASGIApp, access: Access, limits: Limits) -> None:
        self.app, self.access, self.limits = app, access, limits
        self._keys = [_digest(key.encode()) for key in access.keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            self._admit(scope, Headers(scope=scope))
        except ApiError as error:
            await error.response()(scope, receive, send)
            return
        await self.app(scope, self._limited(scope, receive), self._patient(send))

    def _admit(self, scope: Scope, headers: Headers) -> None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if self.access.hosts is not None and _name(host) not in self.access.hosts:
            told = f"this server does not answer to the name {_name(host)!r}; use --hostname to let it"
            raise ApiError(403, f"{told}.", "unknown_host")
        if origin is not None and origin not in self.access.origins and urlsplit(origin).netloc != host:
            told = "web pages of other origins may not use this server; use --cors-origin to let one"
            raise ApiError(403, f"{told}.", "unknown_origin")
        if self._keys and not self._is_open(scope) and not self._has_key(headers):
            told = "an API key is needed: send the header Authorization: Bearer KEY"
            raise ApiError(401, f"{told}.", "invalid_api_key", headers={"WWW-Authenticate": "Bearer"})

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        listing = scope["method"] in ("GET", "HEAD") and path in LISTS
        return path == "/" or path.startswith(OPEN) or (self.access.open_lists and listing)

    def _has_key(self, headers: Headers) -> bool:
        kind, _, key = headers.get("authorization", "").partition(" ")
        given = _digest(key.strip().encode("latin-1"))
        found = [hmac.compare_digest(given, known) for known in self._keys]  # all of them, to take the same time
        return kind.lower() == "bearer" and any(found)

    def _limited(self, scope: Scope, receive: Receive) -> Receive:
        most = self.limits.upload_bytes if scope["path"] in UPLOADS else self.limits.body_bytes
        until = time.monotonic() + self.limits.body_s
        size, whole = 0, False

        async def limited() -> Message:
            nonlocal size, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - time.monotonic()))
            except asyncio.TimeoutError:
                raise HTTPException(408, f"the request did not arrive within {self.limits.body_s:g} s.") from None
            size += len(message.get("body", b""))
            if size > most:
                raise HTTPException(413, f"the request is too large; send at most {most} bytes.")
            whole = not message.get("more_body", False)
            return message

        return limited

    def _patient(self, send: Send) -> Send:
        """A client who takes no data is dropped: the error closes the connection."""

        async def patient(message: Message) -> None:
            await asyncio.wait_for(send(message), self.limits.stall_s)

        return patient


class Head:
    """ASGI middleware: HEAD is answered as GET is, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return
        over, asked = asyncio.Event(), False

        async def without_body(message: Message) -> None:
            if over.is_set():
                return
            if message["type"] == "http.response.body":
                over.set()  # a stream has nobody to be sent to any more
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        async def until_over() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await over.wait()
            return {"type": "http.disconnect"}

        inner = {**scope, "method": "GET"}
        try:
            await self.app(inner, until_over, without_body)
        finally:
            if "route" in inner:
                scope["route"] = inner["route"]  # for the metrics


def _name(host: str) -> str:
    """localhost:8000 -> localhost; [::1]:8000 -> [::1]"""
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
