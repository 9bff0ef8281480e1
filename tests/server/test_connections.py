"""Connections by which nothing is asked for, or whose answers nobody takes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from dialogue_tts.server.connections import PatientProtocol, patient_protocol
from dialogue_tts.server.limits import Limits

QUICK = Limits(body_s=0.2, stall_s=0.2)
ASK = b"GET /%s HTTP/1.1\r\nHost: here\r\n\r\n"
SMALL, LARGE = 60_000, 200_000  # bytes: less than what uvicorn sends on before it waits, and more


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """/breaks-off, /whole, /last and /endless have bodies of these kinds; others none."""
    kind = scope["path"].strip("/")
    close = [(b"connection", b"close")] if kind == "last" else []
    await send({"type": "http.response.start", "status": 200, "headers": close})
    body = b"x" * SMALL if kind in ("breaks-off", "whole", "last") else b""
    while kind == "endless":
        await send({"type": "http.response.body", "body": b"x" * LARGE, "more_body": True})
        if (await receive())["type"] == "http.disconnect":
            return
    await send({"type": "http.response.body", "body": body, "more_body": kind == "breaks-off"})
    if kind == "breaks-off":
        raise RuntimeError("in the middle of an answer")


@contextmanager
def served(app: Callable[..., object] = answer, limits: Limits = QUICK) -> Iterator[tuple[uvicorn.Server, int]]:
    """Yields the server and its port; few bytes are kept for a client who does not read."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        config = uvicorn.Config(
            app, http=patient_protocol(limits), ws="none", lifespan="off", log_level=60, timeout_keep_alive=600
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        until(lambda: server.started)
        yield server, listener.getsockname()[1]
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive()


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@contextmanager
def client(port: int) -> Iterator[socket.socket]:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", port))
        yield connection


@pytest.mark.parametrize("sent", [b"", b"GET /a HT", ASK % b"a" + b"GET /b HT"])
def test_who_asks_for_nothing_is_let_go(sent: bytes) -> None:
    with served() as (server, port), client(port) as connection:
        connection.sendall(sent)
        until(lambda: bool(server.server_state.connections))
        until(lambda: not server.server_state.connections)


def test_bytes_alone_do_not_keep_a_connection() -> None:
    with served() as (_, port), client(port) as connection, pytest.raises(ConnectionError):
        connection.sendall(b"POST /a HTTP/1.1\r\nHost: here\r\nContent-Length: 9999999\r\n\r\n")
        end = time.monotonic() + 20
        while time.monotonic() < end:  # a body that nobody waits for any more
            connection.sendall(b"x")


@pytest.mark.parametrize("kind", [b"endless", b"breaks-off", b"whole", b"last"])
def test_who_does_not_take_an_answer_is_let_go(kind: bytes) -> None:
    with served() as (server, port), client(port) as connection:
        connection.sendall(ASK % kind)
        assert connection.recv(1)
        until(lambda: not server.server_state.connections)


def test_an_answer_may_take_its_time_and_another_follow() -> None:
    watched: list[bool] = []

    async def looked(scope: Scope, receive: Receive, send: Send) -> None:
        for connection in server.server_state.connections:
            assert isinstance(connection, PatientProtocol)
            watched.append(connection._unasked is not None or connection._stalled is not None)
        await answer(scope, receive, send)

    with served(looked, Limits()) as (server, port), client(port) as connection:
        connection.sendall(ASK % b"a" + ASK % b"b")
        told = b""
        while told.count(b"200 OK") < 2:
            told += connection.recv(4096)
        connection.sendall(ASK % b"c")
        while told.count(b"200 OK") < 3:
            told += connection.recv(4096)
    assert watched == [False, False, False]
