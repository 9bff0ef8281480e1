"""Training data on disk: a manifest becomes one array of samples and one line a turn; tokens come beside it later.

A data folder holds
    turns.jsonl      one `Utterance` a line, in the order of the arrays; written last, so that what was interrupted is no data
    waves.i16        all recordings one after the other, int16 mono at 24 kHz
    waves.json       their hash
    NAME.npy         tokens one after the other: `semantic.npy` (frames,), `acoustic.npy` (frames, Q), ...
    NAME.json        what made them, see `made.py`
A turn's recording starts at a whole number of frames, so one offset serves samples and tokens.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.signal import frame_count
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, frames_to_seconds
from dialogue_tts.errors import AudioError, DataError
from dialogue_tts.files import whole_file
from dialogue_tts.text.tokenizer import ALPHABET
from dialogue_tts.training import augment

TURNS, WAVES, WAVES_RECORD = "turns.jsonl", "waves.i16", "waves.json"
SPLITS = ("train", "test_text", "test_speaker", "test")  # learnt; words, and voices never heard; left out of everything
DECODED_AHEAD = 16  # recordings that wait in memory for the one that is written


@dataclass(frozen=True)
class Utterance:
    """One recorded turn: where it lies in the arrays and what is known of it."""

    id: str
    text: str
    phonemes: str
    speaker: str
    dialogue: str
    turn: int
    split: str
    start_frame: int
    frames: int


@dataclass(frozen=True)
class Corpus:
    """An opened data folder; arrays are memory-mapped."""

    folder: Path
    utterances: tuple[Utterance, ...]

    @classmethod
    def open(cls, folder: str | Path) -> Corpus:
        """Raises DataError when `folder` was not made by `prepare`."""
        folder = Path(folder)
        listing = folder / TURNS
        if not listing.is_file():
            raise DataError(f"{folder}: no turns.jsonl there; make it with `dialogue-tts data prepare`.")
        with listing.open(encoding="utf-8") as lines:
            return cls(folder, tuple(Utterance(**json.loads(line)) for line in lines))

    @property
    def hours(self) -> float:
        """How much sound there is."""
        return frames_to_seconds(sum(u.frames for u in self.utterances)) / 3600

    def split(self, *names: str) -> list[Utterance]:
        """The utterances of the named splits."""
        return [u for u in self.utterances if u.split in names]

    def sha256(self, *, with_text: bool) -> str:
        """Of the recordings and of where each turn lies in them; `with_text`: and of what it says."""
        kept = [(u.start_frame, u.frames, *([u.phonemes] if with_text else [])) for u in self.utterances]
        return hashlib.sha256((_waves_sha256(self.folder) + json.dumps(kept)).encode()).hexdigest()

    @property
    def frames(self) -> int:
        """Length of the arrays."""
        return max((u.start_frame + u.frames for u in self.utterances), default=0)

    def waves(self) -> np.ndarray:
        """int16 (frames * HOP,): every recording, one after the other."""
        return np.memmap(self.folder / WAVES, dtype=np.int16, mode="r")

    def has(self, name: str) -> bool:
        """Whether NAME.npy was made."""
        return (self.folder / f"{name}.npy").is_file()

    def tokens(self, name: str) -> np.ndarray:
        """The array NAME.npy, first axis frames. Raises DataError when it was not made yet."""
        path = self.folder / f"{name}.npy"
        if not path.is_file():
            raise DataError(f"{path} is missing; `dialogue-tts train` makes it for the stages that need it.")
        found: np.ndarray = np.load(path, mmap_mode="r")
        return found


def data_folders(patterns: Sequence[Path]) -> list[Path]:
    """Folders, and those that patterns with a * in their last part stand for, in order of their names; each once.

    Raises:
        DataError: nothing matches a pattern.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        matching = [pattern]
        if "*" in pattern.name:
            matching = sorted(path for path in pattern.parent.glob(pattern.name) if (path / TURNS).is_file())
            if not matching:
                raise DataError(f"{pattern}: there is no data folder of such a name; make some with `data rebuild`.")
        found |= dict.fromkeys(matching)
    return list(found)


def load_wave(waves: np.ndarray, utterance: Utterance) -> Tensor:
    """One recording: float32 (frames * HOP,) in [-1, 1]."""
    start = utterance.start_frame * HOP
    return torch.from_numpy(waves[start : start + utterance.frames * HOP].astype(np.float32) / 32768)


def recordings(corpora: Sequence[Corpus], split: str) -> list[tuple[np.ndarray, Utterance]]:
    """The utterances of a split of several data folders, each with the samples it lies in, as `load_wave` wants them."""
    return [(waves, turn) for corpus in corpora for waves in [corpus.waves()] for turn in corpus.split(split)]


def read_manifest(manifest: Path) -> list[dict[str, Any]]:
    """Lines of a JSONL manifest; each needs audio, text and speaker.

    Raises:
        DataError: a line is no JSON object, lacks one of them, its text is no string, or there is no such split.
    """
    rows = []
    if not manifest.is_file():
        raise DataError(f"{manifest}: there is no such manifest.")
    for number, line in enumerate(manifest.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{manifest}, line {number}: not JSON ({error.msg}).") from None
        if not isinstance(row, dict):
            raise DataError(f"{manifest}, line {number}: each line needs an object with audio, text, speaker.")
        missing = [key for key in ("audio", "text", "speaker") if key not in row]
        if missing:
            raise DataError(
                f"{manifest}, line {number}: {', '.join(missing)} missing; each line needs audio, text, speaker."
            )
        if not isinstance(row["text"], str):
            raise DataError(f'{manifest}, line {number}: text: expected a string, "" where it is not known.')
        check_split(row, f"{manifest}, line {number}")
        rows.append(row)
    if not rows:
        raise DataError(f"{manifest}: the manifest is empty.")
    return rows


def check_split(row: Mapping[str, Any], where: str) -> None:
    """Raises DataError where a row is of a split that nothing learns from and nothing is validated on."""
    if row.get("split", "train") not in SPLITS:
        raise DataError(f"{where}: split: expected one of {', '.join(SPLITS)}, found {row['split']!r}.")


def prepare(
    manifest: Path,
    folder: Path,
    phonemize: Callable[[str], str],
    rows: Sequence[dict[str, object]] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Corpus:
    """Read every recording of `manifest` (paths relative to it), or those `rows` of it, into a data folder.

    Rows without `phonemes` are given them by `phonemize` (str -> str), if they have a text.
    """
    rows = read_manifest(manifest) if rows is None else rows
    paths = [manifest.parent / str(row["audio"]) for row in rows]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise DataError(f"{manifest}: {len(missing)} of {len(rows)} recordings are missing, the first is {missing[0]}.")

    def told(done: int) -> None:
        if progress:
            progress(done, len(paths))

    return prepare_recordings(zip(rows, paths, strict=True), folder, phonemize, told)


def prepare_recordings(
    found: Iterable[tuple[Mapping[str, Any], Path | bytes]],
    folder: Path,
    phonemize: Callable[[str], str],
    progress: Callable[[int], None] | None = None,
) -> Corpus:
    """Read recordings, files or what stands in them, one after the other into a data folder. Rows as in a manifest."""
    utterances: list[Utterance] = []
    position = 0
    with _new_waves(folder) as write:
        for row, wave in _decoded(found):
            frames = frame_count(wave.shape[0], HOP)
            write(torch.nn.functional.pad(wave, (0, frames * HOP - wave.shape[0])))
            number = len(utterances)
            utterances.append(
                Utterance(
                    id=str(row.get("id", f"turn-{number:06d}")),
                    text=str(row["text"]),
                    phonemes=_phonemes(row, phonemize),
                    speaker=str(row["speaker"]),
                    dialogue=str(row.get("dialogue", f"turn-{number:06d}")),
                    turn=int(row.get("turn", 0)),
                    split=str(row.get("split", "train")),
                    start_frame=position,
                    frames=frames,
                )
            )
            position += frames
            if progress:
                progress(len(utterances))
    write_turns(folder, utterances)
    return Corpus.open(folder)


def _decoded(
    found: Iterable[tuple[Mapping[str, Any], Path | bytes]],
) -> Iterator[tuple[Mapping[str, Any], Tensor]]:
    """The recordings in order, float32 (samples,) at 24 kHz, a few decoded ahead: all of them need not fit into memory."""
    waiting: deque[tuple[Mapping[str, Any], Future[Tensor]]] = deque()
    with ThreadPoolExecutor(4) as pool:
        for row, recording in found:
            waiting.append((row, pool.submit(_read, row, recording)))
            if len(waiting) >= DECODED_AHEAD:
                row, wave = waiting.popleft()
                yield row, wave.result()
        while waiting:
            row, wave = waiting.popleft()
            yield row, wave.result()


def _read(row: Mapping[str, Any], recording: Path | bytes) -> Tensor:
    if isinstance(recording, Path):
        return read_audio(recording, SAMPLE_RATE_HZ)
    with tempfile.NamedTemporaryFile() as file:  # MP3s can be read from files alone
        file.write(recording)
        file.flush()
        try:
            return read_audio(file.name, SAMPLE_RATE_HZ)
        except AudioError as error:
            raise AudioError(str(error).replace(file.name, str(row.get("id", "a recording")))) from None


@contextmanager
def _new_waves(folder: Path) -> Iterator[Callable[[Tensor], None]]:
    """Yields what appends float32 (frames * HOP,) in [-1, 1] to a folder's recordings. What lay there is no data any more."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / TURNS).unlink(missing_ok=True)
    hashed = hashlib.sha256()
    with whole_file(folder / WAVES) as draft, draft.open("wb") as out:

        def write(wave: Tensor) -> None:
            samples = (wave.clamp(-1, 1) * 32767).round().short().numpy().tobytes()
            hashed.update(samples)
            out.write(samples)

        yield write
    record_waves(folder, hashed.hexdigest())


def record_waves(folder: Path, sha256: str) -> None:
    """Note the hash of a folder's recordings, and by what to see that they are still the same."""
    told = (folder / WAVES).stat()
    with whole_file(folder / WAVES_RECORD) as draft:
        draft.write_text(json.dumps({"sha256": sha256, "bytes": told.st_size, "changed_ns": told.st_mtime_ns}))


def _waves_sha256(folder: Path) -> str:
    """As recorded, or anew where the recordings were changed since."""
    told = (folder / WAVES).stat()
    record = folder / WAVES_RECORD
    known = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    if (known.get("bytes"), known.get("changed_ns")) != (told.st_size, told.st_mtime_ns):
        hashed = hashlib.sha256()
        with (folder / WAVES).open("rb") as waves:
            while block := waves.read(1 << 20):
                hashed.update(block)
        record_waves(folder, hashed.hexdigest())
        known = json.loads(record.read_text(encoding="utf-8"))
    return str(known["sha256"])


def _phonemes(row: Mapping[str, Any], phonemize: Callable[[str], str]) -> str:
    """A row's own, or those of its text; none without a text. Quotes and other signs without a sound fall out."""
    text = str(row["text"])
    phonemes = str(row["phonemes"]) if "phonemes" in row else phonemize(text) if text.strip() else ""
    return "".join(c for c in phonemes if c in ALPHABET)


def vary_voices(corpus: Corpus, folder: Path, seed: int, split: str = "train") -> Corpus:
    """A copy of a split in other voices: each speaker's pitch and tempo move by one factor, the formants by another, and
    most get another colour, as another microphone gives it, some a room or a hiss.

    A speaker is always changed alike: who is to be spoken like is heard through the same microphone in the same room. The
    networks then hear twice as many voices. Speakers' and dialogues' names say that they are variations.
    """
    waves = corpus.waves()
    utterances: list[Utterance] = []
    position = 0
    with _new_waves(folder) as write:
        for turn in corpus.split(split):
            rng = np.random.default_rng((seed, zlib.crc32(turn.speaker.encode())))
            rate, formants = _other_voice(rng)
            wave = augment.shift_formants(augment.change_rate(load_wave(waves, turn), rate), formants / rate)
            if rng.random() < 0.6:
                wave = augment.colour(wave, rng, 5.0)
            if rng.random() < 0.12:
                wave = augment.add_room(wave, rng)
            if rng.random() < 0.12:
                wave = augment.add_noise(wave, rng, 20, 45)
            write(wave * min(1.0, 0.99 / float(wave.abs().max().clamp_min(1e-5))))
            frames = wave.shape[0] // HOP
            utterances.append(
                replace(
                    turn,
                    id=f"{turn.id}@{seed}",
                    speaker=f"{turn.speaker}@{seed}",
                    dialogue=f"{turn.dialogue}@{seed}",
                    start_frame=position,
                    frames=frames,
                )
            )
            position += frames
    write_turns(folder, utterances)
    return Corpus.open(folder)


def _other_voice(rng: np.random.Generator) -> tuple[float, float]:
    """Factors of pitch and of formants, at least one of them far enough from 1 for somebody else."""
    while True:
        rate, formants = (float(2 ** rng.uniform(-0.25, 0.25)), float(2 ** rng.uniform(-0.22, 0.22)))
        if max(abs(np.log2(rate)), abs(np.log2(formants))) > 0.08:
            return rate, formants


def write_turns(folder: Path, utterances: Iterable[Utterance]) -> None:
    """Write turns.jsonl whole or not at all."""
    with whole_file(folder / TURNS) as draft, draft.open("w", encoding="utf-8") as out:
        for utterance in utterances:
            out.write(json.dumps(asdict(utterance), ensure_ascii=False) + "\n")


def batches_by_length(
    lengths: Sequence[int], frames_per_batch: int, rng: np.random.Generator, pool: int | None = None
) -> list[list[int]]:
    """Indices shuffled into batches of like lengths: longest x rows of a batch is at most `frames_per_batch`.

    Sorting happens within shuffled pools, so that batches differ from epoch to epoch: of `pool` rows, or of 512 and at
    least 32 batches, or most of a large batch would be padding.
    """
    order = rng.permutation(len(lengths))
    if pool is None:
        pool = max(512, round(32 * frames_per_batch / max(1.0, float(np.mean(lengths)))) if len(lengths) else 0)
    batches: list[list[int]] = []
    for start in range(0, len(order), pool):
        batch: list[int] = []
        for index in sorted(order[start : start + pool], key=lambda i: lengths[i]):
            if batch and lengths[index] * (len(batch) + 1) > frames_per_batch:
                batches.append(batch)
                batch = []
            batch.append(int(index))
        batches.append(batch)
    rng.shuffle(batches)
    return batches


def drawn_by_length(frames: Sequence[int], rows: int, crop_frames: int, rng: np.random.Generator) -> list[list[int]]:
    """Batches of `rows` indices, each drawn as often as its length says; in all about as many frames as there are."""
    lengths = np.array(frames, dtype=np.float64)
    count = int(lengths.sum() / (rows * crop_frames))
    if not count:
        return []
    chosen: list[list[int]] = rng.choice(len(lengths), (count, rows), p=lengths / lengths.sum()).tolist()
    return chosen
