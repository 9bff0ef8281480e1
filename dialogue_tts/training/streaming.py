"""Corpora of the Hugging Face hub, streamed by the library `datasets`: each of their shards becomes a data folder.

Nothing is downloaded beforehand: a process reads its shard as it prepares it, and holds a few of its recordings. `datasets`
gives the recordings as they are stored, and they are decoded as those of any other corpus.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import reduce
from itertools import islice
from pathlib import Path
from typing import Any

from dialogue_tts.errors import DataError
from dialogue_tts.extras import check_extra
from dialogue_tts.training.preparing import check_no_others, part_folder
from dialogue_tts.training.splits import drawn_split

MOST_HELD_OUT = 400  # recordings of a split that is to be validated on
ROWS_AT_ONCE = 16  # of Parquet in memory


@dataclass(frozen=True)
class HubCorpus:
    """A dataset and what its columns are called; json.text is `text` of a column `json`.

    Attributes:
        name: id on the hub, or a folder of Parquet files or tars.
        config, revision: None for the dataset's own, and for the newest.
    """

    name: str
    config: str | None = None
    revision: str | None = None
    audio: str = "audio"
    text: str = "text"
    speaker: str = "speaker_id"

    def open(self, split: str) -> Any:
        """A split as a stream that decodes no sound.

        Raises:
            DataError: `datasets` is not installed, or it cannot read this.
        """
        check_extra("datasets", "a dataset of the hub", error=DataError)
        import datasets

        try:
            builder = datasets.load_dataset_builder(self.name, self.config, revision=self.revision)
            if hasattr(builder.config, "fragment_scan_options"):  # Parquet, of which a file would be read whole
                from pyarrow.dataset import ParquetFragmentScanOptions

                builder.config.fragment_scan_options = ParquetFragmentScanOptions(pre_buffer=False)
                builder.config.batch_size = ROWS_AT_ONCE
            found = builder.as_streaming_dataset(split=split)
            features = found.features or {}
            if features and self.audio not in features:
                raise self._no_columns(features)
            if "__url__" in features:  # of tars it hands on sound with torchcodec only, unless it is no sound to it
                builder.info.features = datasets.Features(features | {self.audio: datasets.Value("binary")})
                return builder.as_streaming_dataset(split=split)
            return found.cast_column(self.audio, datasets.Audio(decode=False))
        except (OSError, ValueError, KeyError, datasets.exceptions.DatasetsError) as error:
            raise DataError(f"{self.name}: {split} cannot be streamed ({_first_line(error)}).") from None

    def _no_columns(self, found: Iterable[str]) -> DataError:
        wanted = f"{self.audio}, {self.text} and {self.speaker}"
        return DataError(f"{self.name}: expected {wanted}, found the columns {', '.join(found)}; give --columns.")

    @property
    def state(self) -> str:
        """The commit on the hub, or a hash of the files of a folder and of their changes."""
        if Path(self.name).is_dir():
            files = sorted(path for path in Path(self.name).rglob("*") if path.is_file())
            told = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
            return hashlib.sha256(json.dumps(told).encode()).hexdigest()
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            return str(HfApi().dataset_info(self.name, revision=self.revision).sha)
        except (HfHubHTTPError, HFValidationError, OSError) as error:
            raise DataError(f"{self.name}: the hub does not give it ({_first_line(error)}).") from None

    def at(self, state: str) -> HubCorpus:
        """The dataset of the hub in that state, whatever comes to it meanwhile; a folder as it is."""
        return self if Path(self.name).is_dir() else replace(self, revision=state)

    def recording(self, found: dict[str, Any], place: str) -> tuple[dict[str, Any], bytes]:
        """A row as a manifest has it, and the sound file. `place` is its name among others.

        Raises:
            DataError: a column is not there, or the sound lies elsewhere.
        """
        try:
            audio, text, speaker = (_column(found, name) for name in (self.audio, self.text, self.speaker))
            sound = audio if isinstance(audio, bytes) else audio["bytes"]
        except (KeyError, TypeError):
            raise self._no_columns(found) from None
        if sound is None:
            raise DataError(f"{self.name}: {place}: its sound lies outside the dataset; give a manifest instead.")
        return {"id": place, "text": "" if text is None else str(text), "speaker": str(speaker)}, sound


@dataclass(frozen=True)
class StreamedPart:
    """See `preparing.Part`: shard `number` of `shards` of a split, or the first recordings of one that is held out (no shards).

    Attributes:
        all_learnt: nothing of the shard is held out.
    """

    folder: Path
    corpus: HubCorpus
    state: str
    split: str
    number: int = 0
    shards: int = 0
    all_learnt: bool = False

    @property
    def origin(self) -> dict[str, Any]:
        """Of what it is made."""
        told = {"split": self.split, "shard": [self.number, self.shards], "state": self.state}
        return told | {"all_learnt": self.all_learnt} | asdict(self.corpus)

    def recordings(self) -> Iterator[tuple[dict[str, Any], bytes]]:
        """Rows with splits, and sound files. Raises DataError."""
        stream = self.corpus.at(self.state).open(self.split)
        if self.shards:
            stream = stream.shard(self.shards, self.number)
        for index, found in enumerate(_told(self.corpus, stream if self.shards else islice(stream, MOST_HELD_OUT))):
            row, sound = self.corpus.recording(found, f"{self.split}-{self.number:05d}-{index:06d}")
            yield row | {"split": self._split(row, index)}, sound

    def _split(self, row: dict[str, Any], index: int) -> str:
        if not self.shards:
            return ("test_speaker", "test_text")[index % 2]
        return "train" if self.all_learnt else drawn_split(row)


def streamed_parts(corpus: HubCorpus, splits: Sequence[str], held_out: str | None, out: Path) -> list[StreamedPart]:
    """A part for each shard of the splits. Recordings of the split `held_out` are the first part, which is validated on, and
    all others are learnt; with none, one speaker of fifty and one recording of two hundred are held out of each.

    Raises:
        DataError: there is no such dataset or split, or it cannot be reached; or parts of something else are in `out`.
    """
    state, made = corpus.state, []
    if held_out is not None:
        corpus.open(held_out)
        made.append(StreamedPart(part_folder(out, 0), corpus, state, held_out))
    for split in splits:
        shards = int(corpus.open(split).num_shards)
        for number in range(shards):
            folder = part_folder(out, len(made))
            made.append(StreamedPart(folder, corpus, state, split, number, shards, held_out is not None))
    check_no_others(made, out)
    return made


def _told(corpus: HubCorpus, stream: Any) -> Iterator[dict[str, Any]]:
    """The rows. Raises DataError where a shard is damaged or does not come."""
    import datasets

    try:
        yield from stream
    except (OSError, ValueError, EOFError, datasets.exceptions.DatasetsError) as error:
        raise DataError(f"{corpus.name}: a shard is damaged or does not come ({_first_line(error)}).") from None


def _column(found: dict[str, Any], name: str) -> Any:
    return reduce(lambda value, key: value[key], name.split("."), found)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
