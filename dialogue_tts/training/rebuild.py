"""Every training folder from corpus, people, texts and a teacher, by one recipe: what a bundle's card says of its data.

A recipe of data is a JSON object {"folders": [{"name": ..., "manifest": ...}, ...]}. What is there already, made of the same,
is left alone, so that the same command goes on where it was interrupted.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from dialogue_tts.audio.io import check_folder
from dialogue_tts.config import from_dict, read_json
from dialogue_tts.errors import ConfigError
from dialogue_tts.files import whole_file
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.training.corpus import TURNS, Corpus, prepare, read_manifest, vary_voices
from dialogue_tts.training.teacher import make_teacher, speak_scripts
from dialogue_tts.training.texts import sentences
from dialogue_tts.training.tokens import Tokenizers, tokenize

ORIGIN = "origin.json"
Progress = Callable[[str, int, int], None]  # what is made, how much of it, of how much


@dataclass(frozen=True)
class FolderRecipe:
    """One data folder and its variations. It is made of one of three things.

    Attributes:
        name: of the folder; a variation's ends with -v and its seed.
        manifest: recordings: a manifest, its path from the shared folder.
        scripts: texts that a teacher speaks: a file of scripts, its path from the shared folder.
        sentences: so many made sentences that a teacher speaks, see `texts`.
        seed: of the made sentences.
        teacher: "hibari" or "kokoro".
        variations: seeds, see `corpus.vary_voices`.
    """

    name: str
    manifest: str = ""
    scripts: str = ""
    sentences: int = 0
    seed: int = 1
    teacher: str = "hibari"
    variations: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if sum(map(bool, (self.manifest, self.scripts, self.sentences))) != 1:
            raise ConfigError(
                f"{self.name}: a folder is made of a manifest, of scripts or of sentences: give one of them."
            )


@dataclass(frozen=True)
class DataRecipe:
    """All data folders of a bundle. Of one name each."""

    folders: tuple[FolderRecipe, ...]


class Made(NamedTuple):
    """A data folder that is ready.

    Attributes:
        anew: whether it was made just now, or was there; seconds: how long that took.
        not_aligned: how many of its turns do not say their text; None without a semantic tokenizer to tell.
    """

    corpus: Corpus
    anew: bool
    seconds: float
    not_aligned: int | None


def read_data_recipe(path: Path) -> DataRecipe:
    """Raises ConfigError for what is no recipe of data."""
    recipe = from_dict(DataRecipe, read_json(path), f"{path}: ")
    names = Counter(name for folder in recipe.folders for name in _names(folder))
    for name, count in names.items():
        if count > 1 or not name or Path(name).name != name:
            raise ConfigError(f"{path}: {name!r}: each folder needs a name of its own, without slashes.")
    return recipe


def _names(folder: FolderRecipe) -> list[str]:
    return [folder.name, *(f"{folder.name}-v{seed}" for seed in folder.variations)]


@dataclass(frozen=True)
class Sources:
    """Where data come from.

    Attributes:
        shared: folder that the recipe's paths start from.
        teacher: folder with Kokoro's weights; None where no folder needs them.
        limit: at most so many recordings of each split, dialogues and sentences of each folder; None for all.
    """

    shared: Path
    teacher: Path | None = None
    limit: int | None = None


def rebuild(
    recipe: DataRecipe, sources: Sources, runs: Path, by: Tokenizers | None, progress: Progress
) -> Iterator[Made]:
    """Make every folder of the recipe in `runs`, with its tokens if there are tokenizers to make them; yields each as it
    is ready.

    Raises:
        DataError, ConfigError, AudioError: something is missing or cannot be used.
    """
    check_folder(runs)
    for wanted in recipe.folders:
        began = time.monotonic()
        corpus, anew = _recordings(wanted, sources, runs, progress)
        yield _finished(corpus, anew, began, by, progress)
        for seed, name in zip(wanted.variations, _names(wanted)[1:], strict=True):
            began = time.monotonic()
            origin = {"variation": seed, "of": corpus.sha256(with_text=True)}
            varied, anew = _unless_there(runs / name, origin, partial(vary_voices, corpus, seed=seed))
            yield _finished(varied, anew, began, by, progress)


def _finished(corpus: Corpus, anew: bool, began: float, by: Tokenizers | None, progress: Progress) -> Made:
    not_aligned = None
    if by is not None:
        title = f"{corpus.folder.name}: tokens"
        not_aligned = tokenize(corpus, by, lambda done, total: progress(title, done, total))
    return Made(corpus, anew, time.monotonic() - began, not_aligned)


def _recordings(wanted: FolderRecipe, sources: Sources, runs: Path, progress: Progress) -> tuple[Corpus, bool]:
    """The folder itself, and whether it was made anew."""
    frontend = TextFrontend()
    title = f"{wanted.name}: recordings"
    manifest = sources.shared / wanted.manifest if wanted.manifest else _spoken(wanted, sources, runs, progress)
    rows = _first_of_each_split(read_manifest(manifest), sources.limit)
    asked = asdict(wanted) | {"limit": sources.limit, "variations": None}
    origin = asked | {"manifest_sha256": hashlib.sha256(manifest.read_bytes()).hexdigest()}
    return _unless_there(
        runs / wanted.name,
        origin,
        lambda folder: prepare(
            manifest,
            folder,
            lambda text: frontend.speak(text).phonemes,
            rows,
            lambda done, total: progress(title, done, total),
        ),
    )


def _first_of_each_split(rows: list[dict[str, object]], limit: int | None) -> list[dict[str, object]]:
    if limit is None:
        return rows
    seen: Counter[object] = Counter()
    kept = []
    for row in rows:
        split = row.get("split", "train")
        seen[split] += 1
        if seen[split] <= limit:
            kept.append(row)
    return kept


def _spoken(wanted: FolderRecipe, sources: Sources, runs: Path, progress: Progress) -> Path:
    """The manifest of what a teacher spoke; recordings that are there are not spoken again."""
    folder = runs / "spoken" / wanted.name
    folder.mkdir(parents=True, exist_ok=True)
    if wanted.sentences:
        count = wanted.sentences if sources.limit is None else min(wanted.sentences, sources.limit)
        rows = [json.dumps(row, ensure_ascii=False) for row in sentences(count, wanted.seed)]
    else:
        path = sources.shared / wanted.scripts
        if not path.is_file():
            raise ConfigError(f"{path}: there is no such file of scripts.")
        rows = [row for row in path.read_text(encoding="utf-8").split("\n") if row.strip()][: sources.limit]
    with whole_file(folder / "scripts.jsonl") as draft:
        draft.write_text("\n".join(rows) + "\n", encoding="utf-8")
    if wanted.teacher == "kokoro" and sources.teacher is None:
        raise ConfigError(f"{wanted.name}: Kokoro speaks it; give the folder of its weights (--teacher).")
    teacher = make_teacher(wanted.teacher if wanted.teacher != "kokoro" else f"kokoro:{sources.teacher}")
    title = f"{wanted.name}: spoken"
    speak_scripts(folder / "scripts.jsonl", folder, teacher, lambda done, total: progress(title, done, total))
    return folder / "manifest.jsonl"


def _unless_there(folder: Path, origin: dict[str, object], make: Callable[[Path], Corpus]) -> tuple[Corpus, bool]:
    """A data folder made of the same is opened, any other is made; and whether it was made."""
    record = folder / ORIGIN
    if (folder / TURNS).is_file() and record.is_file() and read_json(record) == json.loads(json.dumps(origin)):
        return Corpus.open(folder), False
    record.unlink(missing_ok=True)
    corpus = make(folder)
    with whole_file(record) as draft:
        draft.write_text(json.dumps(origin) + "\n", encoding="utf-8")
    return corpus, True
