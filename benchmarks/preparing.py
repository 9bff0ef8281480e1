"""Memory that a corpus takes while it becomes training data, against its length.

    python benchmarks/preparing.py FOLDER --hours 1 --hours 50

An imitation of a corpus is made in FOLDER, as a manifest, as tars and as Parquet of the hub: recordings of ten seconds of
noise, a few of which come again and again. `data prepare` and `data stream` read it in a process of their own, whose largest
memory the system tells. What they write (0.17 GB an hour) is deleted again.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile

RECORDING_S, FILES = 10, 20
SHARD_ROWS = 3600 // RECORDING_S  # an hour
TEXT = "It is ten past five, and the trains that leave before the evening are said to be late."


def sounds() -> list[bytes]:
    """A few recordings, as FLAC."""
    made = []
    for seed in range(FILES):
        file, noise = io.BytesIO(), np.random.default_rng(seed).standard_normal(24_000 * RECORDING_S)
        soundfile.write(file, 0.05 * noise, 24_000, format="FLAC")
        made.append(file.getvalue())
    return made


def rows(hours: float) -> Iterator[tuple[int, dict[str, str]]]:
    """Number, text and speaker of each recording."""
    for number in range(round(hours * 3600 / RECORDING_S)):
        yield number, {"text": f"{TEXT} {number}.", "speaker": f"speaker-{number % 100}"}


def as_manifest(folder: Path, hours: float) -> list[str]:
    """Files and a line for each -> what to call."""
    for number, sound in enumerate(sounds()):
        (folder / f"{number}.flac").write_bytes(sound)
    with (folder / "manifest.jsonl").open("w", encoding="utf-8") as out:
        for number, row in rows(hours):
            out.write(json.dumps({"audio": f"{number % FILES}.flac", **row}) + "\n")
    return ["prepare", str(folder / "manifest.jsonl")]


def as_tars(folder: Path, hours: float) -> list[str]:
    """A shard for each hour -> what to call."""
    made = sounds()
    for shard, listed in groupby(rows(hours), key=lambda one: one[0] // SHARD_ROWS):
        with tarfile.open(folder / f"{shard:05d}.tar", "w") as tar:
            for number, row in listed:
                for kind, data in (("flac", made[number % FILES]), ("json", json.dumps(row).encode())):
                    member = tarfile.TarInfo(f"{number:06d}.{kind}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
    return ["prepare", str(folder)]


def as_parquet(folder: Path, hours: float) -> list[str]:
    """A shard for each hour, in groups of a hundred rows as the hub has them -> what to call."""
    import pyarrow
    from pyarrow import parquet

    made, shards = sounds(), -(-len(list(rows(hours))) // SHARD_ROWS)
    for shard, listed in groupby(rows(hours), key=lambda one: one[0] // SHARD_ROWS):
        table = [{"audio": {"bytes": made[number % FILES], "path": None}, **row} for number, row in listed]
        path = folder / f"train-{shard:05d}-of-{shards:05d}.parquet"
        parquet.write_table(pyarrow.Table.from_pylist(table), path, row_group_size=100)
    return ["stream", str(folder), "--split", "train", "--columns", "audio,text,speaker"]


KINDS = {"manifest": as_manifest, "tars": as_tars, "Parquet": as_parquet}


def measure(kind: str, folder: Path, hours: float) -> tuple[float, float]:
    """Seconds it took, and MB of the largest process."""
    source, out = folder / "source", folder / "out"
    source.mkdir(parents=True)
    try:
        name, origin, *rest = KINDS[kind](source, hours)
        began = time.perf_counter()
        command = [sys.executable, "-m", "dialogue_tts", "data", name, origin, str(out), *rest]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(running.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed.")
        return time.perf_counter() - began, usage.ru_maxrss / 1024
    finally:
        shutil.rmtree(source, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--hours", type=float, action="append", required=True)
    arguments.add_argument("--kind", choices=sorted(KINDS), action="append")
    given = arguments.parse_args()
    print("| corpus | hours | seconds | largest process, MB |\n|---|---:|---:|---:|")
    for kind in given.kind or KINDS:
        for hours in given.hours:
            seconds, megabytes = measure(kind, given.folder, hours)
            print(f"| {kind} | {hours:g} | {seconds:.0f} | {megabytes:.0f} |", flush=True)


if __name__ == "__main__":
    main()
