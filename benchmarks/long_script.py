"""A play of 600 turns for seven voices: when something is seen of it, how long it takes, in how much memory; and whether
`kill -9` loses any of it.

    python benchmarks/long_script.py measure -o long_script.json
    python benchmarks/long_script.py kill --moments 10
    python benchmarks/long_script.py kill --moments 10 --working     # not while it loads

`measure` runs `dialogue-tts synthesize` at a terminal of its own; seconds of the processor are those of all its threads.
`kill` ends `synthesize`, and then `batch`, at so many moments that chance draws, starts each again, and compares the bytes
with those of an undisturbed run. With `--working` each moment comes after a turn was kept by the process that is killed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import pty
import random
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

SPEAKERS = ("Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace")
LINES = (  # each with a number of its own, so that no two are the same
    "Good evening! Is this where the meeting about number {n} is going to be?",
    "I think so. I have been waiting here for {n} minutes, and nobody has said otherwise.",
    "Oh dear.",
    "It only takes that long when it rains, and when the chairman has to come by bus.",
    "Then let us begin without him. There are {n} things on my list, and the first of them is the roof.",
    "The roof can wait.",
    "Can it? I counted {n} buckets in the hall this morning, and all of them were full.",
    "My daughter counted them too, and she said that there were more in the kitchen.",
    "Who is going to pay for it, then?",
    "You would have to ask the bank, and the bank has been closed since Tuesday.",
    "Nobody told me that. I have {n} letters at home which say that everything is in order!",
)
COUNTED = re.compile(r"(\d+) of \d+ turns")


def play(turns: int) -> str:
    """A script with so many turns; each speaker comes after each."""
    place, lines = 0, []
    for n in range(turns):
        place = (place + 1 + n % (len(SPEAKERS) - 2)) % len(SPEAKERS)
        lines.append(f"{SPEAKERS[place]}: {LINES[n % len(LINES)].format(n=n + 2)}")
    return "\n\n".join(lines) + "\n"


def command(*arguments: object, bundle: str | None) -> list[str]:
    """A command line of this Python's dialogue-tts."""
    given = ["--bundle", bundle] if bundle else []
    return [sys.executable, "-m", "dialogue_tts", *(str(argument) for argument in arguments), *given]


def seen_at_a_terminal(arguments: list[str]) -> tuple[list[tuple[float, str]], str, float]:
    """What a command shows on standard error, with seconds since its start; its standard output; seconds it took."""
    ours, its = pty.openpty()
    began, seen = time.perf_counter(), []
    environment = os.environ | {"COLUMNS": "120", "TERM": "xterm"}
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=its, env=environment) as process:
        os.close(its)
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            if select.select([ours], [], [], 0.1)[0]:
                try:
                    seen.append((time.perf_counter() - began, os.read(ours, 65_536).decode(errors="replace")))
                except OSError:  # the terminal's other end is closed
                    break
        assert process.stdout is not None
        told = process.stdout.read().decode()
    os.close(ours)
    if process.returncode:
        raise SystemExit("".join(text for _, text in seen))
    return seen, told, time.perf_counter() - began


def measure(turns: int, bundle: str | None) -> dict[str, Any]:
    """One run, in figures."""
    with TemporaryDirectory() as folder:
        script, out = Path(folder) / "play.txt", Path(folder) / "play.wav"
        script.write_text(play(turns), encoding="utf-8")
        arguments = command("synthesize", script, "-o", out, "--seed", 1, "--json", bundle=bundle)
        seen, told, wall_s = seen_at_a_terminal(arguments)
    used, facts = resource.getrusage(resource.RUSAGE_CHILDREN), json.loads(told)
    counted = [(at, int(number)) for at, text in seen for number in COUNTED.findall(text)]
    return {
        "turns": facts["turns"],
        "voices": len(set(facts["voices"].values())),
        "speech_s": facts["duration_s"],
        "wall_s": round(wall_s, 1),
        "work_s": facts["work_s"],
        "processor_s": round(used.ru_utime + used.ru_stime, 1),
        "first_shown_s": round(seen[0][0], 2),
        "first_turn_s": round(next(at for at, number in counted if number), 2),
        "peak_mb": round(used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3 / 1.024)),
        "threads": os.environ.get("OMP_NUM_THREADS", "PyTorch's own"),
        "cores": os.cpu_count(),
        "machine": platform.platform(),
        "processor": next(
            (line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")), platform.machine()
        ),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []


def kill(asked: argparse.Namespace) -> bool:
    """Whether all bytes of `synthesize` and of `batch` are those of undisturbed runs."""
    several = ("--workers", asked.workers, "--threads", 1) if asked.workers > 1 else ()
    chance, bundle = random.Random(asked.seed), asked.bundle
    with TemporaryDirectory() as folder:
        scripts, out = Path(folder) / "scripts", Path(folder) / "out"
        scripts.mkdir()
        lines = play(asked.turns).split("\n\n")
        third = -(-len(lines) // 3)
        for number in range(3):
            text = "\n\n".join(lines[number * third : (number + 1) * third])
            (scripts / f"{number + 1}.txt").write_text(text, encoding="utf-8")
        whole = Path(folder) / "play.txt"
        whole.write_text("\n\n".join(lines), encoding="utf-8")
        runs = {
            "synthesize": command("synthesize", whole, "-o", out / "play.wav", "--seed", 1, "-q", bundle=bundle),
            "batch": command("batch", scripts, out, "--seed", 1, "-q", *several, bundle=bundle),
        }
        return all([_same(name, runs[name], out, asked, chance) for name in asked.commands])


def _same(name: str, arguments: list[str], out: Path, asked: argparse.Namespace, chance: random.Random) -> bool:
    """Kill one command so often, let it finish, and compare."""
    moments = asked.moments
    _renew(out)
    began = time.perf_counter()
    with subprocess.Popen(arguments) as process:
        loaded_s = _until_kept(process, out, set()) if asked.working else 0.0
    if process.returncode:
        raise SystemExit(f"{name} failed")
    undisturbed, took_s = _sounds(out), time.perf_counter() - began
    print(f"{name}: undisturbed {took_s:.1f} s, {loaded_s:.1f} s of them before the first turn was kept", flush=True)
    # Of the work that a kill leaves, the next has less before it: shorter moments, or most runs would be through before.
    longest_s = (took_s - loaded_s) / 4 if asked.working else took_s
    _renew(out)
    for number in range(1, moments + 1):
        at_s, kept = chance.uniform(0.0, longest_s), _kept(out)
        with subprocess.Popen(arguments) as process:
            if asked.working:
                _until_kept(process, out, kept)
            try:
                process.wait(at_s)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
        turns, done = _kept(out), len(_sounds(out))
        since = "a turn was kept" if asked.working else "the start"
        told = f"killed {at_s:.1f} s after {since}" if process.returncode else "through before"
        print(
            f"{name}: {number}: {told}: {len(kept)}, then {len(turns)} turns kept, {done} sound files whole", flush=True
        )
        if process.returncode == 0:  # it was through before
            if _sounds(out) != undisturbed:
                break
            _renew(out)
    subprocess.run(arguments, check=True)
    same = _sounds(out) == undisturbed and not list(_left(out))
    print(f"{name}: after {moments} kills the bytes are {'the same' if same else 'OTHERS, or something is left'}")
    return same


def _kept(out: Path) -> set[Path]:
    return set(out.rglob("*.take"))


def _until_kept(process: subprocess.Popen[bytes], out: Path, before: set[Path]) -> float:
    """Wait until it has kept a turn that was not there before, or ends; seconds that took."""
    began = time.perf_counter()
    while _kept(out) <= before and process.poll() is None:
        time.sleep(0.05)
    return time.perf_counter() - began


def _renew(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()


def _sounds(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.glob("*.wav") if path.is_file()}


def _left(out: Path) -> Iterator[Path]:
    """What should not be there when all is done."""
    yield from (path for path in out.iterdir() if path.suffix not in (".wav", ".json"))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    measuring, killing = commands.add_parser("measure"), commands.add_parser("kill")
    for one, turns in ((measuring, 600), (killing, 36)):
        one.add_argument("--turns", type=int, default=turns)
        one.add_argument("--bundle")
    measuring.add_argument("-o", "--out", type=Path)
    killing.add_argument("--moments", type=int, default=10)
    killing.add_argument("--commands", nargs="+", choices=("synthesize", "batch"), default=("synthesize", "batch"))
    killing.add_argument("--workers", type=int, default=1, help="of the batch")
    killing.add_argument(
        "--working", action="store_true", help="moments from the first turn on that the process has kept"
    )
    killing.add_argument("--seed", type=int, default=0, help="of the moments")
    asked = parser.parse_args()
    if asked.command == "kill":
        sys.exit(0 if kill(asked) else 1)
    figures = json.dumps(measure(asked.turns, asked.bundle), indent=1)
    print(figures)
    if asked.out:
        asked.out.write_text(figures + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
