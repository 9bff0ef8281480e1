"""Data and runs in pieces that can be sent to a machine with a GPU one after the other: tokens, alignments, sound as Opus.

A pack is a tar file cut into pieces of at most 60 MB, with their hashes. In it are
    data/NAME/turns.jsonl          and data/NAME/*.npy.gz, *.json: tokens and what made them
    data/NAME/sound-00000.opus     the recordings, one after the other, in stretches of ten minutes
    runs/STAGE/recipe.json         and checkpoint.safetensors: the averaged weights alone
    runs/text.model
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from safetensors.torch import save_file

from dialogue_tts.audio.io import BLOCK
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.errors import DataError
from dialogue_tts.files import whole_file
from dialogue_tts.training.checkpoints import CHECKPOINT, read_checkpoint, tensors_sha256
from dialogue_tts.training.corpus import TURNS, WAVES, WAVES_RECORD, Corpus, record_waves
from dialogue_tts.training.recipes import RECIPE, RECIPES, TEXT_MODEL

PIECE_BYTES = 60_000_000
SUMS = "SHA256SUMS"
STRETCH_FRAMES = 10 * 60 * SAMPLE_RATE_HZ // HOP
OPUS_QUALITY = 0.6  # libsndfile's compression level: about 50 kbit/s of a voice at 24 kHz
PACKED_WAVES = "packed-waves.json"  # the record of the recordings before they became Opus
AT_ONCE = 16  # stretches in memory


class _Pieces(io.RawIOBase):
    """What is written goes into numbered files of at most `size` bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder, self.size = folder, size
        self.paths: list[Path] = []
        self._left = 0
        self._file: io.BufferedWriter | None = None

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        rest = memoryview(data)
        while len(rest):
            if not self._left:
                self._next()
            assert self._file is not None
            self._file.write(rest[: self._left])
            done = min(self._left, len(rest))
            self._left -= done
            rest = rest[done:]
        return len(data)

    def _next(self) -> None:
        if self._file:
            self._file.close()
        self.paths.append(self.folder / f"pack.{len(self.paths):03d}")
        self._file = self.paths[-1].open("wb")
        self._left = self.size

    def close(self) -> None:
        if self._file:
            self._file.close()
        super().close()


class _Joined(io.RawIOBase):
    """The pieces, read one after the other."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._left = list(paths)
        self._file: io.BufferedReader | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if self._file is None:
                if not self._left:
                    return 0
                self._file = self._left.pop(0).open("rb")
            count = self._file.readinto(buffer)
            if count:
                return count
            self._file.close()
            self._file = None


def write_pack(out: Path, data: Sequence[Path], runs: Path | None, piece_bytes: int = PIECE_BYTES) -> list[Path]:
    """Pack data folders, and the runs that there are, into the empty or new folder `out`; returns the pieces.

    Raises:
        DataError: a folder is no data folder, two have one name, or `out` holds something.
    """
    corpora = [Corpus.open(folder) for folder in data]
    names = [folder.resolve().name for folder in data]
    if len(set(names)) < len(names):
        raise DataError(f"{', '.join(names)}: packed data folders need different names.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: this is there already; give a new folder.")
    out.mkdir(parents=True, exist_ok=True)
    pieces = _Pieces(out, piece_bytes)
    with pieces, tarfile.open(fileobj=pieces, mode="w|") as tar:
        for name, corpus in zip(names, corpora, strict=True):
            for member, content in _members(corpus):
                _add(tar, f"data/{name}/{member}", content)
        for member, content in _runs(runs) if runs else ():
            _add(tar, f"runs/{member}", content)
    lines = [f"{_sha256(path)}  {path.name}\n" for path in pieces.paths]
    with whole_file(out / SUMS) as draft:
        draft.write_text("".join(lines), encoding="utf-8")
    return pieces.paths


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


def _members(corpus: Corpus) -> Iterator[tuple[str, bytes]]:
    """Files of a packed data folder."""
    corpus.sha256(with_text=False)  # so that the record of the recordings is there and true
    yield PACKED_WAVES, (corpus.folder / WAVES_RECORD).read_bytes()
    yield TURNS, (corpus.folder / TURNS).read_bytes()
    for path in sorted(corpus.folder.glob("*.npy")):
        record = path.with_suffix(".json")
        if record.is_file():  # an array that nobody knows the origin of would be made anew
            yield record.name, record.read_bytes()
            yield f"{path.name}.gz", gzip.compress(path.read_bytes(), 1, mtime=0)
    waves = corpus.waves()
    for number, start in enumerate(range(0, corpus.frames, STRETCH_FRAMES)):
        yield f"sound-{number:05d}.opus", _opus(waves[start * HOP : (start + STRETCH_FRAMES) * HOP])


def _opus(samples: np.ndarray) -> bytes:
    file = io.BytesIO()
    kind = {"format": "OGG", "subtype": "OPUS", "compression_level": OPUS_QUALITY}
    with soundfile.SoundFile(file, "w", SAMPLE_RATE_HZ, 1, **kind) as out:
        for first in range(0, len(samples), BLOCK):
            out.write(samples[first : first + BLOCK])
    return file.getvalue()


def _runs(runs: Path) -> Iterator[tuple[str, bytes]]:
    if (runs / TEXT_MODEL).is_file():
        yield TEXT_MODEL, (runs / TEXT_MODEL).read_bytes()
    for stage in RECIPES:
        if (runs / stage / CHECKPOINT).is_file():
            yield f"{stage}/{RECIPE}", (runs / stage / RECIPE).read_bytes()
            with whole_file(runs / stage / "packed.safetensors") as draft:
                write_averages(runs / stage, draft)
                yield f"{stage}/{CHECKPOINT}", draft.read_bytes()
            (runs / stage / "packed.safetensors").unlink()


def write_averages(run: Path, path: Path) -> None:
    """A checkpoint of a run's averaged weights alone, in float32, so that what they make is what they made."""
    tensors, state = read_checkpoint(run / CHECKPOINT)
    average = {key: value for key, value in tensors.items() if key.startswith("average/")}
    save_file(average, path, metadata=state | {"sha256": tensors_sha256(average)})


def read_pack(folder: Path, data: Path, runs: Path) -> list[Path]:
    """Unpack into data folders in `data` and runs in `runs`; what lies there of the same name gives way, but for runs,
    which may have learnt since. Returns the data folders, those of the pack in its order.

    Raises:
        DataError: a piece is missing or damaged, or the pack holds what does not belong there.
    """
    names: dict[str, None] = {}
    with tarfile.open(fileobj=io.BufferedReader(_Joined(_checked(folder)), 1 << 20), mode="r|") as tar:
        for member in tar:
            part, _, rest = member.name.partition("/")
            match = re.fullmatch(r"(?:([\w.@-]+)/)?([\w.-]+)", rest)
            if not (member.isfile() and part in ("data", "runs") and match) or ".." in rest.split("/"):
                raise DataError(f"{folder}: {member.name} does not belong into a pack; make it again.")
            if part == "runs" and (runs / rest).is_file():
                continue
            place = (data if part == "data" else runs) / rest
            place.parent.mkdir(parents=True, exist_ok=True)
            content = tar.extractfile(member)
            assert content is not None
            with (
                whole_file(place.with_suffix("") if place.suffix == ".gz" else place) as draft,
                draft.open("wb") as out,
            ):
                shutil.copyfileobj(gzip.GzipFile(fileobj=content) if place.suffix == ".gz" else content, out)
            if part == "data":
                names[match[1]] = None
    for name in names:
        _unfold(data / name)
    return [data / name for name in names]


def _checked(folder: Path) -> list[Path]:
    """The pieces, in order."""
    if not (folder / SUMS).is_file():
        raise DataError(f"{folder}: there is no {SUMS}, so this is no pack; make one with `data pack`.")
    sums = [line.partition("  ") for line in (folder / SUMS).read_text(encoding="utf-8").splitlines()]
    paths = [folder / Path(name).name for _, _, name in sums]
    for (wanted, _, name), path in zip(sums, paths, strict=True):
        if not path.is_file():
            raise DataError(f"{folder}: the piece {name} is missing; send it again.")
        if _sha256(path) != wanted:
            raise DataError(f"{folder}: the piece {name} is damaged; send it again.")
    return paths


def _unfold(folder: Path) -> None:
    """Recordings from their Opus files. They keep the hash of what was packed: tokens were made of that, and stay good."""
    sounds = sorted(folder.glob("sound-*.opus"))
    packed = json.loads((folder / PACKED_WAVES).read_text(encoding="utf-8"))["sha256"]
    left = Corpus.open(folder).frames * HOP
    with ThreadPoolExecutor(AT_ONCE) as pool, whole_file(folder / WAVES) as draft, draft.open("wb") as out:
        for first in range(0, len(sounds), AT_ONCE):
            for samples in pool.map(
                lambda path: soundfile.read(path, dtype="int16")[0], sounds[first : first + AT_ONCE]
            ):
                wanted = min(STRETCH_FRAMES * HOP, left)
                out.write(np.pad(samples[:wanted], (0, max(0, wanted - len(samples)))).tobytes())
                left -= wanted
    record_waves(folder, packed)
    for path in (*sounds, folder / PACKED_WAVES):
        path.unlink()


def _sha256(path: Path) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            hashed.update(block)
    return hashed.hexdigest()
