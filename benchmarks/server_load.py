"""Many clients at one server: no error but 429, nobody hears anybody else's words or voice, memory stays flat.

    python benchmarks/server_load.py                            # 32 clients for two minutes; starts a server of its own
    python benchmarks/server_load.py --clients 4 --seconds 20 --address http://127.0.0.1:8000
    python benchmarks/server_load.py --store store.db           # a seventh of what is asked for are jobs
    python benchmarks/server_load.py --store store.db --replicas 2 --kills 1         # of a local Ray

Each request is made alone first, and what clients hear is compared with that by hash. Some clients go away in
the middle of a stream, as people do. With --kills, a process that makes sound is killed now and then: what it sends breaks
off then, but each job must be finished all the same. The exit code is 1 if anything is wrong, or if memory could not be
measured, which it is of a single process.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psutil

LINES = (
    "Is it ten past five?",
    "Nearly.",
    "The train was forty minutes late, and then it rained all the way to the harbour.",
    "Tea, or something stronger?",
    "No, thank you. I never drink anything before dinner.",
    "You said that yesterday!",
    "Did I?",
    "Five or six times.",
)
TIMEOUT_S = 300.0
LEAVING = 0.08  # share of requests whose client goes away
GROWTH_BYTES = 64 << 20  # of memory, from the warm-up to the end


@dataclass
class Heard:
    """What clients found, gathered from all threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    hashes: dict[int, set[str]] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    first_s: list[float] = field(default_factory=list)  # of streams
    whole_s: list[float] = field(default_factory=list)
    sound_s: float = 0.0
    killed: bool = False  # some processes are
    memory: list[tuple[float, float]] = field(default_factory=list)  # (time, bytes)


def request(number: int, voices: list[str]) -> tuple[str, dict[str, Any]]:
    """One of the requests that clients make: route and body, the same each time."""
    dice = random.Random(number)
    if number % 4 == 0:
        text = " ".join(dice.sample(LINES, 2))
        return "/v1/audio/speech", {
            "model": "tts-1",
            "input": text,
            "voice": dice.choice(voices),
            "response_format": "pcm",
            "seed": number,
        }
    speakers = dict(zip(("Anna", "Ben"), dice.sample(voices, 2), strict=True))
    names = list(speakers)
    lines = dice.sample(LINES, dice.randint(2, 5))
    turns = [{"speaker": names[i % 2], "text": line} for i, line in enumerate(lines)]
    body = {"turns": turns, "voices": speakers, "seed": number}
    if number % 7 == 1:
        return "/v1/jobs", body
    return "/v1/dialogue", body | {"format": "pcm", "stream": number % 2 == 0}


def ask(http: httpx.Client, number: int, voices: list[str], heard: Heard, leaving: bool = False) -> float:
    """Make one request and note what comes; returns how long to wait before the next, in seconds."""
    route, body = request(number, voices)
    if route == "/v1/jobs":
        return ask_for_job(http, number, body, heard)
    began = time.monotonic()
    sound, first_s = hashlib.sha256(), 0.0
    size = 0
    try:
        with http.stream("POST", route, json=body) as response:
            if response.status_code != 200:
                broken = heard.killed and response.status_code >= 500
                with heard.lock:
                    heard.outcomes["broken off" if broken else str(response.status_code)] += 1
                return float(response.headers.get("retry-after", 0)) if response.status_code == 429 else 0.0
            for piece in response.iter_raw():
                first_s = first_s or time.monotonic() - began
                sound.update(piece)
                size += len(piece)
                if leaving:
                    with heard.lock:
                        heard.outcomes["left"] += 1
                    return 0.0
    except httpx.HTTPError as error:
        with heard.lock:
            heard.outcomes["broken off" if heard.killed else type(error).__name__] += 1
        return 0.0
    with heard.lock:
        heard.outcomes["200"] += 1
        heard.hashes.setdefault(number, set()).add(sound.hexdigest())
        if body.get("stream", True):
            heard.first_s.append(first_s)
        heard.whole_s.append(time.monotonic() - began)
        heard.sound_s += size / 48_000
    return 0.0


def ask_for_job(http: httpx.Client, number: int, body: dict[str, Any], heard: Heard) -> float:
    """The same of a job: its events to the end, its sound, and then it is deleted."""
    began = time.monotonic()
    try:
        asked = http.post("/v1/jobs", json=body)
        answer, outcome = asked, str(asked.status_code)
        if heard.killed and asked.status_code >= 500:
            outcome = "broken off"
    except httpx.HTTPError as error:
        answer, outcome = None, "broken off" if heard.killed else type(error).__name__
    if outcome == "202":
        job = f"/v1/jobs/{asked.json()['id']}"
        try:
            events = answered(lambda: http.get(f"{job}/events"), heard, lambda found: "event: done" in found.text)
            answer = answered(lambda: http.get(f"{job}/result", params={"format": "pcm"}), heard)
            done = events.text.count("event: turn\n") == len(body["turns"]) and "event: done\n" in events.text
            forgotten = (200, 404) if heard.killed else (200,)  # the first answer to it may have been broken off
            gone = answered(lambda: http.delete(job), heard, lambda found: found.status_code in forgotten)
            outcome = str(answer.status_code) if done and gone.status_code in forgotten else "job not done"
        except httpx.HTTPError as error:
            answer, outcome = None, f"{type(error).__name__} of a job"
    with heard.lock:
        heard.outcomes[outcome] += 1
        if answer is not None and outcome == "200":
            heard.hashes.setdefault(number, set()).add(hashlib.sha256(answer.content).hexdigest())
            heard.whole_s.append(time.monotonic() - began)
            heard.sound_s += len(answer.content) / 48_000
    return float(answer.headers.get("retry-after", 0)) if answer is not None and outcome == "429" else 0.0


def answered(
    asked: Callable[[], httpx.Response],
    heard: Heard,
    whole: Callable[[httpx.Response], bool] = lambda found: found.status_code == 200,
) -> httpx.Response:
    """An answer; where processes are killed, asked for anew until it is whole."""
    until = time.monotonic() + TIMEOUT_S
    while True:
        try:
            found = asked()
            if not heard.killed or whole(found) or time.monotonic() > until:
                return found
        except httpx.HTTPError:
            if not heard.killed or time.monotonic() > until:
                raise
        time.sleep(0.5)


def client(address: str, seed: int, until: float, kinds: int, voices: list[str], heard: Heard) -> None:
    """One client: request after request until the time is over."""
    dice = random.Random(seed)
    with httpx.Client(base_url=address, timeout=TIMEOUT_S) as http:
        while (left := until - time.monotonic()) > 0:
            wait_s = ask(http, dice.randrange(kinds), voices, heard, dice.random() < LEAVING)
            time.sleep(min(wait_s * dice.uniform(1, 1.5), max(0.0, left)))


def watch(address: str, done: threading.Event, heard: Heard) -> None:
    """The server's memory, every second."""
    began = time.monotonic()
    while not done.wait(1):
        text = httpx.get(f"{address}/metrics", timeout=TIMEOUT_S).text
        found = re.search(r"^process_resident_memory_bytes (\S+)", text, re.MULTILINE)
        if found:
            heard.memory.append((time.monotonic() - began, float(found[1])))


def serve_command(options: argparse.Namespace, port: int) -> list[str]:
    """The command line of a server as these options want it."""
    command = [sys.executable, "-m", "dialogue_tts", "serve", "--port", str(port), "--quiet"]
    command += ["--bundle", options.bundle] if options.bundle else []
    command += ["--store", options.store] if options.store else []
    command += ["--workers", str(options.workers)] if options.workers else []
    return command + (["--ray", options.ray, "--replicas", str(options.replicas)] if options.replicas else [])


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Those of `serve_command`."""
    parser.add_argument("--bundle", help="of the server that is started")
    parser.add_argument("--store", help="of the server that is started; default: in memory")
    parser.add_argument("--workers", type=int, help="of the server that is started")
    parser.add_argument("--replicas", help="of the server that is started, on Ray")
    parser.add_argument("--ray", default="local", help="address of the cluster")


def makers(server: int) -> list[psutil.Process]:
    """Processes that make sound for a server of several."""
    below = psutil.Process(server).children(recursive=True)
    replicas = [
        process
        for process in below
        if "".join(process.cmdline()[:1]).startswith(("ray::ServeReplica", "ray::SERVE_REPLICA"))
    ]
    return replicas or [process for process in below if "dialogue_tts" in process.cmdline()]


def kill_some(server: int, kills: int, seconds: float, heard: Heard) -> None:
    """Kill so many of them one after the other, under load."""
    for number in range(kills):
        time.sleep(seconds / (kills + 1))
        living = makers(server)
        random.Random(number).choice(living).kill()
        print(f"killed     one of {len(living)} that make sound", flush=True)


@contextmanager
def own_server(options: argparse.Namespace) -> Iterator[tuple[str, int | None]]:
    """A server in a process of its own, or the one that runs; yields its address and the number of its process."""
    if options.address:
        yield options.address, None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(serve_command(options, port))
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx.get(
                    f"{address}/health", timeout=TIMEOUT_S
                ).is_success:  # Ray Serve answers before there is a replica
                    break
            except httpx.ConnectError:
                if server.poll() is not None:
                    sys.exit("the server did not start")
            time.sleep(1)
        yield address, server.pid
    finally:
        server.terminate()
        if code := server.wait():
            sys.exit(f"the server did not end well: exit code {code}")


def growth(memory: list[tuple[float, float]], seconds: float) -> float | None:
    """Bytes by which the last quarter lies above the second one: the first is for warming up. None if it is not known."""
    quarters = [[size for at, size in memory if n <= 4 * at / seconds < n + 1] for n in range(4)]
    return statistics.median(quarters[3]) - statistics.median(quarters[1]) if all(quarters[1::2]) else None


def spread(values: list[float]) -> str:
    """Median and 95th percentile."""
    ordered = sorted(values) or [0.0]
    return f"median {statistics.median(ordered):.2f} s, 95 % within {ordered[int(0.95 * (len(ordered) - 1))]:.2f} s"


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--kinds", type=int, default=40, help="how many different requests there are")
    parser.add_argument("--address", help="of a server that runs; default: one is started")
    parser.add_argument("--kills", type=int, default=0, help="of one process or replica each, under load")
    add_server_options(parser)
    options = parser.parse_args()
    heard, alone, done = Heard(killed=options.kills > 0), Heard(), threading.Event()
    single = not options.workers and not options.replicas
    with own_server(options) as (address, server):
        listed = httpx.get(f"{address}/v1/audio/voices").json()["data"]
        voices = [voice["id"] for voice in listed if voice["built_in"]]
        with httpx.Client(base_url=address, timeout=TIMEOUT_S) as http:  # which warms the server up, too
            for number in range(options.kinds):
                ask(http, number, voices, alone)
        began = time.monotonic()
        threads = [
            threading.Thread(target=client, args=(address, seed, began + options.seconds, options.kinds, voices, heard))
            for seed in range(options.clients)
        ]
        watcher = threading.Thread(target=watch, args=(address, done, heard))
        for thread in (*threads, *([watcher] if single else [])):
            thread.start()
        if server and options.kills:
            kill_some(server, options.kills, options.seconds, heard)
        for thread in threads:
            thread.join()
        took_s = time.monotonic() - began
        done.set()
        if single:
            watcher.join()
    crossed = [number for number in heard.hashes if heard.hashes[number] != alone.hashes.get(number)]
    sounds = set().union(*alone.hashes.values())  # as many as there are requests, or hashes would tell nothing
    errors = {kind: count for kind, count in heard.outcomes.items() if kind not in ("200", "429", "left", "broken off")}
    grown = growth(heard.memory, took_s)
    sizes = [size for _, size in heard.memory] or [0.0]
    print(f"alone      {len(sounds)} different sounds of {options.kinds} requests: {dict(alone.outcomes)}")
    print(f"{options.clients} clients, {options.seconds:g} s: {dict(heard.outcomes)}")
    print(f"sound      {heard.sound_s:.0f} s, {heard.sound_s / took_s:.2f} s a second")
    print(f"first byte {spread(heard.first_s)}, of streams")
    print(f"whole      {spread(heard.whole_s)}")
    told = "not known" if grown is None else f"grown by {grown / 2**20:.0f} MiB"
    print(f"memory     {sizes[0] / 2**20:.0f} to {max(sizes) / 2**20:.0f} MiB, {told}")
    print(f"errors     {errors or 'none'}")
    print(f"cross-talk {f'in requests {crossed}' if crossed else f'none, in {len(heard.hashes)} different requests'}")
    heard_well = heard.outcomes["200"] and not errors and not crossed and len(sounds) == options.kinds
    return 0 if heard_well and (not single or (grown is not None and grown < GROWTH_BYTES)) else 1


if __name__ == "__main__":
    sys.exit(main())
