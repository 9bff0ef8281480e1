"""`serve` as a process: it says where it listens, asks for keys, and ends when it is told to."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.cli.serve import listening_at, read_replicas
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.server.keys import KEYS_VARIABLE
from dialogue_tts.threads import asked_threads

KEY = "a-key-that-is-long-enough"
COMMAND = (sys.executable, "-m", "dialogue_tts", "serve")


def test_a_server_from_start_to_end(tiny_bundle_dir: Path) -> None:
    environment = os.environ | {KEYS_VARIABLE: f"{KEY}, another-key-for-another"}
    command = [*COMMAND, "--port", "0", "--bundle", str(tiny_bundle_dir)]
    http = httpx.Client(timeout=60)
    with (
        http,
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as server,
        ExitStack() as end,
    ):
        end.callback(server.kill)  # or the end of the block would wait for it where something is wrong
        assert server.stderr is not None
        told = server.stderr.readline()
        address = re.match(r"http://127\.0\.0\.1:\d+", told)
        assert address and "/docs" in told
        assert http.get(f"{address[0]}/health").json() == {"status": "ok", "model": "tiny"}
        assert http.get(f"{address[0]}/v1/models").status_code == 401
        keyed = {"Authorization": f"Bearer {KEY}"}
        assert http.get(f"{address[0]}/v1/models", headers=keyed).status_code == 200
        assert http.get(f"{address[0]}/health", headers={"Host": "evil.test"}).status_code == 403
        body = {"script": "[A] Hello. [B] Yes.", "format": "flac"}
        sound = http.post(f"{address[0]}/v1/dialogue", json=body, headers=keyed)
        assert sound.content.startswith(b"fLaC")
        server.send_signal(signal.SIGTERM)
        _, rest = server.communicate(timeout=30)
    assert server.returncode == 0 and "Traceback" not in rest


def test_what_cannot_work_is_told_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run([*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2
        assert f"127.0.0.1:{port}: the server cannot listen there" in done.stderr and "--port" in done.stderr
        with pytest.raises(DialogueTTSError, match="cannot listen there"):
            listening_at("no.such.host.invalid", 0)


@pytest.mark.parametrize(
    ("store", "says"),
    [
        ("mysql://localhost/talk", "no path, and no URL that begins with sqlite:// or postgresql://"),
        ("", "the store cannot be opened"),
        ("nowhere/store.db", "nowhere/store.db: the store cannot be opened (No such file or directory)"),
    ],
)
def test_a_store_that_cannot_serve_is_told_before_anything_is_loaded(
    store: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["serve", "--port", "0", "--store", store, "--bundle", "none"])
    assert done.exit_code == 2 and done.stderr.startswith("dialogue-tts: ") and says in done.stderr
    assert done.stderr.count("\n") == 1 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("more", [[], ["--store", "store.db", "--wyoming"]])
def test_workers_need_a_store_in_common(more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["serve", "--port", "0", "--workers", "2", *more])
    assert done.exit_code == 2 and "--workers needs --store" in done.stderr and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--ray", "local"], "--ray needs --store"),
        (["--ray", "local", "--store", "store.db", "--workers", "2"], "and no --wyoming or --workers"),
        (
            ["--ray", "local", "--store", "store.db", "--replicas", "4-2"],
            "--replicas 4-2: write a number, or the least",
        ),
        (["--ray", "local", "--store", "store.db", "--replicas", "9999"], "--replicas 9999: this machine has"),
        (["--ray", "auto", "--store", "store.db"], "--ray auto needs a store in PostgreSQL"),
        (["--replicas", "2"], "--replicas are those of --ray"),
    ],
)
def test_what_ray_serve_needs(more: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["serve", "--port", "0", *more])
    assert done.exit_code == 2 and says in done.stderr and not list(tmp_path.iterdir())


def test_a_replica_has_as_many_cores_as_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, threads in (("3", 3), ("4,2", 4), (" 2 ", 2), ("0", None), ("many", None), ("", None)):
        assert asked_threads({"OMP_NUM_THREADS": text}) == threads
    assert asked_threads({}) is None
    monkeypatch.setenv("OMP_NUM_THREADS", "9999,2")
    done = CliRunner().invoke(app, ["serve", "--port", "0", "--ray", "local", "--store", "store.db"])
    assert done.exit_code == 2 and "each takes 9999" in done.stderr


def test_numbers_of_replicas() -> None:
    assert read_replicas("2") == (2, 2) and read_replicas("1-4") == (1, 4)
    for odd in ("0", "1-", "-3", "a", "1-0", "01", ""):
        with pytest.raises(DialogueTTSError, match="write a number"):
            read_replicas(odd)
