"""Several processes at one address: one that dies is replaced, and all end with the one that started them."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialogue_tts.server import workers
from dialogue_tts.server.workers import ALIVE, LISTENER, Workers, inherited_listener

FATAL = 2
SERVER = (  # says that it is there, and ends with its starter
    "import os, socket, sys; listener = socket.socket(fileno=int(os.environ['DIALOGUE_TTS_LISTENER']));"
    "open(f'{sys.argv[1]}/{os.getpid()} {listener.getsockname()[1]} {os.environ[\"OMP_NUM_THREADS\"]}', 'w').close();"
    "os.read(int(os.environ['DIALOGUE_TTS_ALIVE']), 1)"
)


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def until_there(folder: Path, count: int) -> None:
    end = time.monotonic() + 60
    while len(list(folder.iterdir())) < count:
        assert time.monotonic() < end, "they did not start"
        time.sleep(0.01)


def test_one_that_dies_is_replaced_and_all_end(
    tmp_path: Path, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(workers, "LOOK_S", 0.01)
    several = Workers([sys.executable, "-ISc", SERVER, str(tmp_path)], 2, listener)

    def disturb() -> None:
        until_there(tmp_path, 2)
        several.processes[0].kill()
        until_there(tmp_path, 3)
        os.kill(os.getpid(), signal.SIGTERM)

    disturbing = threading.Thread(target=disturb)
    disturbing.start()
    assert several.run(1.0, FATAL) == 0
    disturbing.join()
    found = [path.name.split() for path in tmp_path.iterdir()]
    assert len({pid for pid, _, _ in found}) == 3
    assert {(port, threads) for _, port, threads in found} == {(str(listener.getsockname()[1]), "3")}
    assert all(process.poll() is not None for process in several.processes)


def test_all_end_where_one_says_that_nothing_can_be_done(listener: socket.socket, tmp_path: Path) -> None:
    assert Workers([sys.executable, "-ISc", f"raise SystemExit({FATAL})"], 2, listener).run(1.0, FATAL) == FATAL


def test_a_worker_ends_with_its_starter(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    assert inherited_listener() is None
    alive, ending = os.pipe()
    monkeypatch.setenv(ALIVE, str(alive))
    monkeypatch.setenv(LISTENER, str(os.dup(listener.fileno())))
    killed, told = [], threading.Event()

    def kill(*arguments: int) -> None:
        killed.append(arguments)
        told.set()

    monkeypatch.setattr(os, "kill", kill)
    found = inherited_listener()
    assert found is not None and found.getsockname() == listener.getsockname() and not killed
    os.close(ending)
    assert told.wait(60) and killed == [(os.getpid(), signal.SIGTERM)]
    found.close()
    os.close(alive)
