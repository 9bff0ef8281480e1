"""What is refused before it reaches the studio, however it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from dialogue_tts._ui.guard import LARGEST_QUESTION, RequestGuard

COMPONENT = "/gradio_api/component_server"


def sent(path: str, pieces: Iterable[bytes], headers: Iterable[tuple[bytes, bytes]] = ()) -> tuple[int, int]:
    """A request whose body comes in pieces: the status, and how many bytes the studio was given."""
    bodies, given, status = iter(pieces), 0, 0

    async def receive() -> dict[str, Any]:
        piece = next(bodies, None)
        return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    async def studio(scope: Any, receive: Any, send: Any) -> None:
        nonlocal given
        more = True
        while more:
            message = await receive()
            given, more = given + len(message["body"]), message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "method": "POST", "path": path, "headers": list(headers)}
    try:
        asyncio.run(RequestGuard(studio)(scope, receive, send))  # type: ignore[arg-type]
    except HTTPException as refused:  # which the application around makes an answer of
        status = refused.status_code
    return status, given


@pytest.mark.parametrize("path", [COMPONENT, f"{COMPONENT}/", f"{COMPONENT}//", f"/behind/a/proxy{COMPONENT}/"])
def test_a_question_has_a_size_whatever_it_says_of_it(path: str) -> None:
    piece = b"x" * 500_000
    fitting = LARGEST_QUESTION // len(piece)
    assert sent(path, [piece] * fitting) == (200, LARGEST_QUESTION)
    for headers in ([], [(b"transfer-encoding", b"chunked")], [(b"content-length", b"10")]):
        assert sent(path, [piece] * (fitting + 9), headers) == (413, LARGEST_QUESTION), "it is not read to its end"


@pytest.mark.parametrize("end", ["", "/", "//"])
@pytest.mark.parametrize(
    "path", ["/gradio_api/queue/join", "/gradio_api/call/call", "/gradio_api/file=http://127.0.0.1/x", "/proxy=x"]
)
def test_what_no_page_asks_for_does_not_reach_the_studio(path: str, end: str) -> None:
    assert sent(path + end, [b"x"]) == (403, 0)
