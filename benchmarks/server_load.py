"""Many clients at one server: no error but 429, nobody hears anybody else's words or voice, memory stays flat.

    python benchmarks/server_load.py                            # 32 clients for two minutes; starts a server of its own
    python benchmarks/server_load.py --clients 4 --seconds 20 --address http://127.0.0.1:8000
    python benchmarks/server_load.py --store store.db           # a seventh of what is asked for are jobs

Each request is made alone first, and what clients hear is compared with that by hash. Some clients go away in
the middle of a stream, as people do. The exit code is 1 if anything is wrong, or if memory could not be measured.
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
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import httpx

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
                with heard.lock:
                    heard.outcomes[str(response.status_code)] += 1
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
            heard.outcomes[type(error).__name__] += 1
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
        if asked.status_code == 202:
            job = f"/v1/jobs/{asked.json()['id']}"
            events = http.get(f"{job}/events").text
            answer = http.get(f"{job}/result", params={"format": "pcm"})
            done = events.count("event: turn\n") == len(body["turns"]) and "event: done\n" in events
            outcome = str(answer.status_code) if done and http.delete(job).status_code == 200 else "job not done"
        else:
            answer, outcome = asked, str(asked.status_code)
    except httpx.HTTPError as error:
        answer, outcome = None, type(error).__name__
    with heard.lock:
        heard.outcomes[outcome] += 1
        if answer is not None and outcome == "200":
            heard.hashes.setdefault(number, set()).add(hashlib.sha256(answer.content).hexdigest())
            heard.whole_s.append(time.monotonic() - began)
            heard.sound_s += len(answer.content) / 48_000
    return float(answer.headers.get("retry-after", 0)) if answer is not None and outcome == "429" else 0.0


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


@contextmanager
def own_server(bundle: str | None, store: str | None) -> Iterator[str]:
    """A server in a process of its own; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "dialogue_tts", "serve", "--port", str(port), "--quiet"]
    command += ["--bundle", bundle] if bundle else []
    command += ["--store", store] if store else []
    server = subprocess.Popen(command)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                httpx.get(f"{address}/health")
                break
            except httpx.ConnectError:
                if server.poll() is not None:
                    sys.exit("the server did not start")
                time.sleep(1)
        yield address
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
    parser.add_argument("--bundle", help="of the server that is started")
    parser.add_argument("--store", help="of the server that is started; default: in memory")
    options = parser.parse_args()
    heard, alone, done = Heard(), Heard(), threading.Event()
    with nullcontext(options.address) if options.address else own_server(options.bundle, options.store) as address:
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
        for thread in (*threads, watcher):
            thread.start()
        for thread in threads:
            thread.join()
        took_s = time.monotonic() - began
        done.set()
        watcher.join()
    crossed = [number for number in heard.hashes if heard.hashes[number] != alone.hashes.get(number)]
    sounds = set().union(*alone.hashes.values())  # as many as there are requests, or hashes would tell nothing
    errors = {kind: count for kind, count in heard.outcomes.items() if kind not in ("200", "429", "left")}
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
    return 0 if heard_well and grown is not None and grown < GROWTH_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
