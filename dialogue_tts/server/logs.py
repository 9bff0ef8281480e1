"""The server's log: lines or JSON, each with the request it belongs to. What is said in dialogues is never logged."""

from __future__ import annotations

import logging
import re
import secrets
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER = "X-Request-ID"
LINES = "%(asctime)s %(levelname)s [%(request_id)s] %(name)s: %(message)s"
FIELDS = "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s"

_request_id: ContextVar[str] = ContextVar("request_id", default="-")
_given_id = re.compile(r"[\w.-]{1,64}", re.ASCII)


def set_up_logs(level: str, as_json: bool) -> None:
    """Log this package's records of a level and above, and warnings of others, to standard error.

    Args:
        level: "debug", "info" (which has a line a request), "warning" or "error".
    """
    handler = logging.StreamHandler()
    handler.addFilter(with_request_id)
    renamed = {"asctime": "time", "levelname": "level", "name": "logger"}
    formatter = JsonFormatter(FIELDS, rename_fields=renamed) if as_json else logging.Formatter(LINES)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("dialogue_tts").setLevel(level.upper())


def with_request_id(record: logging.LogRecord) -> bool:
    """A filter that keeps all records, and notes whose they are; also in the scheduler's thread."""
    record.request_id = _request_id.get()
    return True


class Identified:
    """ASGI middleware: each request has an id, its client's or a new one, in the log and in its answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _given_id.fullmatch(given) else secrets.token_hex(8)

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        _request_id.set(request_id)  # for as long as the request's own task lives, which logs faults at its end
        await self.app(scope, receive, named)
