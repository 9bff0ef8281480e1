"""A large corpus by many processes: parts, each a data folder of its own, which training takes by a pattern.

A part is so many rows of a manifest, one shard (a tar of recordings and JSON, as WebDataset has them), or one of a dataset
of the hub (`streaming.py`). What is there and made of the same is left alone, so that the same command goes on where it was
interrupted; in memory are never more than a few recordings of each process. Tars are read by Python's own tarfile: the library
webdataset would shuffle, split and fetch them, none of which is wanted where each is read once from its beginning to its end.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from dialogue_tts.errors import DataError
from dialogue_tts.extras import check_extra
from dialogue_tts.files import whole_file
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.training.corpus import TURNS, Corpus, check_split, prepare_recordings, read_manifest

ORIGIN = "origin.json"
ORDER = {"test_text": 0, "test_speaker": 0, "train": 1, "test": 2}
AUDIO = ("flac", "opus", "ogg", "mp3", "wav", "m4a")
Item = TypeVar("Item")
Result = TypeVar("Result")


class Part(Protocol):
    """What becomes one data folder."""

    @property
    def folder(self) -> Path:
        """Which."""

    @property
    def origin(self) -> dict[str, Any]:
        """Of what it is made, so that a changed source makes it anew."""

    def recordings(self) -> Iterable[tuple[Mapping[str, Any], Path | bytes]]:
        """Rows as in a manifest, and sound files or what stands in them. Raises DataError."""


@dataclass(frozen=True)
class RowsPart:
    """Rows of a manifest."""

    folder: Path
    manifest: Path
    rows: tuple[dict[str, Any], ...]

    @property
    def origin(self) -> dict[str, Any]:
        """Rows, and when the recordings were changed."""
        files = [path.stat() for _, path in self.recordings()]
        changed = [(told.st_size, told.st_mtime_ns) for told in files]
        return {"sha256": hashlib.sha256(json.dumps([self.rows, changed], sort_keys=True).encode()).hexdigest()}

    def recordings(self) -> Iterator[tuple[dict[str, Any], Path]]:
        """See `Part`."""
        return ((row, self.manifest.parent / str(row["audio"])) for row in self.rows)


@dataclass(frozen=True)
class ShardPart:
    """A tar."""

    folder: Path
    shard: Path

    @property
    def origin(self) -> dict[str, Any]:
        """Name, size and when it was changed."""
        told = self.shard.stat()
        return {"shard": self.shard.name, "bytes": told.st_size, "changed_ns": told.st_mtime_ns}

    def recordings(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """See `Part`."""
        return read_shard(self.shard)


def part_folder(out: Path, number: int) -> Path:
    """Where a part lies."""
    return out / f"part-{number:05d}"


def parts_of(source: Path, out: Path, rows_each: int) -> Sequence[Part]:
    """Parts of a manifest, first what is validated on, last what is left out; or, for a folder of tars, one of each.

    Raises:
        DataError: there are no recordings, or some of them are missing; or parts of something else are in `out`.
    """
    if source.is_dir():
        shards = sorted(source.glob("*.tar"))
        if not shards:
            raise DataError(f"{source}: there are no shards (*.tar); give their folder, or a manifest.")
        tars = [ShardPart(part_folder(out, number), shard) for number, shard in enumerate(shards)]
        check_no_others(tars, out)
        return tars
    rows = sorted(read_manifest(source), key=lambda row: ORDER[row.get("split", "train")])  # a stable order
    missing = [row["audio"] for row in rows if not (source.parent / str(row["audio"])).is_file()]
    if missing:
        raise DataError(f"{source}: {len(missing)} of {len(rows)} recordings are missing, the first is {missing[0]}.")
    starts = range(0, len(rows), rows_each)
    parts = [
        RowsPart(part_folder(out, number), source, tuple(rows[start : start + rows_each]))
        for number, start in enumerate(starts)
    ]
    check_no_others(parts, out)
    return parts


def check_no_others(parts: Sequence[Part], out: Path) -> None:
    """Raises DataError where `out` has parts beyond these, of an earlier run: training would take them by the same pattern."""
    mine = {part.folder.name for part in parts}
    others = sorted(path.name for path in out.glob("part-*") if path.name not in mine)
    if others:
        raise DataError(
            f"{out}: {others[0]} is there of an earlier run, which made more parts than these {len(mine)}; delete it, or "
            "give a new folder."
        )


def prepare_part(part: Part) -> tuple[Path, float, bool]:
    """(its folder, hours, whether it was made just now). Raises DataError or AudioError where it cannot be read."""
    record, origin = part.folder / ORIGIN, part.origin
    made = record.is_file() and json.loads(record.read_text(encoding="utf-8")) == origin
    if made and (part.folder / TURNS).is_file():
        return part.folder, Corpus.open(part.folder).hours, False
    record.unlink(missing_ok=True)
    corpus = prepare_recordings(part.recordings(), part.folder, lambda text: _frontend().speak(text).phonemes)
    with whole_file(record) as draft:
        draft.write_text(json.dumps(origin) + "\n", encoding="utf-8")
    return part.folder, corpus.hours, True


@cache
def _frontend() -> TextFrontend:
    """One for all parts of a process: its tables are large."""
    return TextFrontend()


def read_shard(path: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Rows and encoded recordings of a shard, one after the other: members KEY.json and KEY.flac (opus, mp3, ...) lie together.

    Raises:
        DataError: it ends early, or a recording is without its JSON.
    """
    waiting: dict[str, dict[str, bytes]] = {}
    try:
        with tarfile.open(path, "r|*") as tar:
            for member in tar:
                file = tar.extractfile(member) if member.isfile() else None
                key, _, kind = member.name.rpartition(".")
                if file is None or kind not in (*AUDIO, "json"):
                    continue
                sample = waiting.setdefault(key, {})
                sample[kind] = file.read()
                if len(sample) == 2:
                    yield _sample(path, key, waiting.pop(key))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"{path}: this shard ends early or is damaged ({error}); fetch it again.") from None
    if waiting:
        raise DataError(f"{path}: {min(waiting)}: recording and JSON do not come together; the shard may end early.")


def _sample(path: Path, key: str, sample: dict[str, bytes]) -> tuple[dict[str, Any], bytes]:
    try:
        row = json.loads(sample.pop("json"))
        text, speaker = row["text"], row["speaker"]
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{path}: {key}: its JSON lacks text or speaker.") from None
    if not isinstance(text, str):
        raise DataError(f'{path}: {key}: text: expected a string, "" where it is not known.')
    check_split(row, f"{path}: {key}")
    return {"id": key} | row | {"text": text, "speaker": speaker}, next(iter(sample.values()))


def in_processes(
    work: Callable[[Item], Result], items: Sequence[Item], processes: int, ray_address: str | None
) -> Iterator[Result]:
    """What `work` makes of each item, in their order: here, in so many processes, or on a Ray cluster that sees the same disk.

    Raises:
        what `work` raises; DataError: Ray is not installed.
    """
    if ray_address is not None:
        yield from _on_ray(work, items, ray_address)
    elif processes < 2:
        yield from map(work, items)
    else:
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            yield from pool.map(partial(_alone, work), items)


def _on_ray(work: Callable[[Item], Result], items: Sequence[Item], address: str) -> Iterator[Result]:
    check_extra("ray", "--ray", error=DataError)
    import ray

    started_here = not ray.is_initialized()
    if started_here:
        place = {"include_dashboard": False} if address == "local" else {"address": address}
        ray.init(log_to_driver=False, logging_level="ERROR", **place)
    try:
        remote = ray.remote(_alone)
        for waiting in [remote.remote(work, item) for item in items]:
            try:
                yield ray.get(waiting)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None  # the sentence, without what was called on the other machine
    finally:
        if started_here:
            ray.shutdown()


def _alone(work: Callable[[Item], Result], item: Item) -> Result:
    """In a process beside others: one thread."""
    import torch

    torch.set_num_threads(1)
    return work(item)
