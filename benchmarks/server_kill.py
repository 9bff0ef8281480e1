"""A server that is killed loses nothing: `kill -9` at random moments, and in the end every job's sound is as undisturbed.

    python benchmarks/server_kill.py                                       # ten times; a store in SQLite
    python benchmarks/server_kill.py --workers 2 --store postgresql://ann@/talk?host=/tmp    # all processes are killed

The exit code is 1 if a finished turn is lost, or a job is not what it would have been.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from server_load import LINES, add_server_options, serve_command

TIMEOUT_S = 600.0
MOST_WORK_S = 30.0  # between two kills, counted from the first turn that is made anew


def body(number: int, turns: int) -> dict[str, Any]:
    """What a job is asked for with."""
    dice = random.Random(number)
    spoken = [{"speaker": ("Anna", "Ben")[i % 2], "text": dice.choice(LINES)} for i in range(turns)]
    return {"turns": spoken, "seed": number}


@contextmanager
def serving(options: argparse.Namespace, store: str | None) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A server in a process of its own; it is killed at the end of the block, if it lives still."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    asked = copy.copy(options)
    asked.store, asked.workers = store, options.workers if store else None
    process = subprocess.Popen(serve_command(asked, port))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=TIMEOUT_S) as http:
            until = time.monotonic() + TIMEOUT_S
            while process.poll() is None and time.monotonic() < until:
                try:
                    http.get("/health/ready")
                    break
                except httpx.ConnectError:
                    time.sleep(0.2)
            yield process, http
    finally:
        kill(process)


def kill(server: subprocess.Popen[bytes]) -> None:
    """`kill -9` of a server with all its workers."""
    if server.poll() is None:
        for process in (*psutil.Process(server.pid).children(recursive=True), server):
            process.kill()
    server.wait()


def undisturbed(options: argparse.Namespace) -> list[str]:
    """The hash of each job's sound, by a server without a store."""
    with serving(options, None) as (_, http):
        asked = [body(number, options.turns) | {"format": "pcm"} for number in range(options.jobs)]
        return [hashlib.sha256(http.post("/v1/dialogue", json=each).content).hexdigest() for each in asked]


def done(http: httpx.Client, jobs: list[str]) -> list[int]:
    """Finished turns of each job."""
    return [http.get(f"/v1/jobs/{job}").json()["turns_done"] for job in jobs]


def disturbed(options: argparse.Namespace, store: str, dice: random.Random) -> tuple[list[str], list[str]]:
    """The jobs' hashes in the end, and what was lost on the way."""
    jobs: list[str] = []
    known, lost = [0] * options.jobs, []
    for number in range(options.kills):
        with serving(options, store) as (process, http):
            if not jobs:
                asked = [body(number, options.turns) for number in range(options.jobs)]
                jobs = [http.post("/v1/jobs", json=each).json()["id"] for each in asked]
            found = done(http, jobs)
            lost += [f"job {n}: {known[n]} turns, then {found[n]}" for n in range(options.jobs) if found[n] < known[n]]
            known = found
            begun, until = sum(known), dice.uniform(0, MOST_WORK_S)
            # A kill in three comes before the jobs are taken up again, which a dead server's are after half a minute.
            waits = number % 3 != 2
            while waits and sum(known) == begun < options.jobs * options.turns:
                time.sleep(0.2)
                known = done(http, jobs)
            time.sleep(until)
            known = done(http, jobs)
            kill(process)
        print(f"kill {number + 1:2d}: {known} of {options.turns} turns", flush=True)
    with serving(options, store) as (_, http):
        for job in jobs:
            with http.stream("GET", f"/v1/jobs/{job}/events") as response:
                for _ in response.iter_lines():
                    pass
        found = [http.get(f"/v1/jobs/{job}/result", params={"format": "pcm"}) for job in jobs]
        return [hashlib.sha256(sound.content).hexdigest() for sound in found], lost


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=3)
    parser.add_argument("--turns", type=int, default=40, help="of each job")
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    add_server_options(parser)
    options = parser.parse_args()
    wanted = undisturbed(options)
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-") as folder:
        store = options.store or str(Path(folder) / "store.db")
        found, lost = disturbed(options, store, random.Random(options.seed))
    other = [number for number in range(options.jobs) if found[number] != wanted[number]]
    print(f"lost       {lost or 'nothing'}")
    print(f"otherwise  {f'jobs {other}' if other else f'none of {options.jobs} jobs'}")
    return 1 if lost or other else 0


if __name__ == "__main__":
    sys.exit(main())
