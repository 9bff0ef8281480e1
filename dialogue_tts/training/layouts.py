"""Manifests of the corpora that people download, from their own layout on disk.

A row has audio, text, speaker, dialogue, turn, split and licence. Parts that a corpus calls dev are validated on
(`test_speaker`), those it calls test are left out of everything (`test`). Where it has no such parts, one speaker of fifty and
one recording of two hundred, with all that say the same, are held out.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dialogue_tts.errors import DataError
from dialogue_tts.files import whole_file
from dialogue_tts.training.splits import hold_out

Row = dict[str, Any]
BY = "CC-BY-4.0"


def write_manifest(layout: str, folder: Path, out: Path) -> int:
    """Write a manifest of the corpus in `folder`; returns how many recordings it has.

    Raises:
        DataError: no such layout, or the folder has not its files.
    """
    if layout not in LAYOUTS:
        raise DataError(f"{layout}: there is no such layout; there are {', '.join(LAYOUTS)}.")
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder.")
    rows = list(LAYOUTS[layout](folder))
    if not rows:
        raise DataError(f"{folder}: no recordings are there as {layout} has them; unpack the corpus there.")
    hold_out(rows)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(out) as draft, draft.open("w", encoding="utf-8") as lines:
        for row in rows:
            row["audio"] = os.path.relpath(row["audio"], out.parent)
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
    return len(rows)


def _row(audio: Path, text: str, speaker: str, licence: str, **more: Any) -> Row:
    return {"audio": audio, "text": text.strip(), "speaker": speaker, "licence": licence, "id": audio.stem} | more


def _split_of(part: str) -> dict[str, str]:
    """By a corpus's own name of a part; nothing where that is for training."""
    return {"split": "test_speaker"} if "dev" in part else {"split": "test"} if "test" in part else {}


def _lj_speech(folder: Path) -> Iterator[Row]:
    for line in _lines(folder / "metadata.csv"):
        name, _, texts = line.partition("|")
        yield _row(folder / "wavs" / f"{name}.wav", texts.rpartition("|")[2], "LJ", "public domain", dialogue=name[:5])


def _vctk(folder: Path) -> Iterator[Row]:
    for text in sorted((folder / "txt").glob("*/*.txt")):
        places = (
            f"wav48_silence_trimmed/{text.parent.name}/{text.stem}_mic1.flac",
            f"wav48/{text.parent.name}/{text.stem}.wav",
        )
        audio = next((folder / place for place in places if (folder / place).is_file()), None)
        if audio is not None:  # some were never recorded with this microphone
            yield _row(audio, text.read_text(encoding="utf-8"), text.parent.name, BY) | {"id": text.stem}


def _libri_tts(folder: Path) -> Iterator[Row]:
    for text in sorted(folder.rglob("*.normalized.txt")):
        audio = text.with_name(text.name.replace(".normalized.txt", ".wav"))
        chapter, speaker, part = text.parent.name, text.parents[1].name, text.parents[2].name
        yield _row(
            audio, text.read_text(encoding="utf-8"), speaker, BY, dialogue=f"{speaker}-{chapter}", **_split_of(part)
        )


def _libri_speech(folder: Path) -> Iterator[Row]:
    for texts in sorted(folder.rglob("*.trans.txt")):
        speaker, part = texts.parents[1].name, texts.parents[2].name
        for line in _lines(texts):
            name, _, text = line.partition(" ")
            # All capitals, which would be spelt out.
            yield _row(
                texts.with_name(f"{name}.flac"),
                text.capitalize(),
                speaker,
                BY,
                dialogue=texts.parent.name,
                **_split_of(part),
            )


def _common_voice(folder: Path) -> Iterator[Row]:
    listing = folder / "validated.tsv"
    if not listing.is_file():
        raise DataError(f"{listing}: this is missing; give the folder of one language.")
    with listing.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield _row(folder / "clips" / row["path"], row["sentence"], row["client_id"], "CC0-1.0")


def _emilia(folder: Path) -> Iterator[Row]:
    for told in sorted(folder.rglob("*.json")):
        audio = told.with_suffix(".mp3")
        if not audio.is_file():
            raise DataError(f"{told}: there is no {audio.name} beside it; unpack all of the corpus.")
        values = json.loads(told.read_text(encoding="utf-8"))
        yield _row(audio, str(values["text"]), str(values["speaker"]), "CC-BY-NC-4.0")


def _hi_fi_tts(folder: Path) -> Iterator[Row]:
    for listing in sorted(folder.glob("*_manifest_*.json")):
        speaker, part = listing.name.split("_")[0], listing.stem.rpartition("_")[2]
        for line in _lines(listing):
            values = json.loads(line)
            audio = folder / values["audio_filepath"]
            # Its readers are the same in all parts, so that what is held out are texts.
            split = {"split": "test_text"} if part == "dev" else _split_of(part)
            yield _row(audio, values.get("text_normalized", values["text"]), speaker, BY, **split)


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(f"{path}: this is missing; unpack the corpus there.")
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


LAYOUTS: dict[str, Callable[[Path], Iterator[Row]]] = {
    "ljspeech": _lj_speech,
    "vctk": _vctk,
    "libritts": _libri_tts,  # LibriTTS-R has the same
    "librispeech": _libri_speech,
    "commonvoice": _common_voice,
    "emilia": _emilia,
    "hifitts": _hi_fi_tts,
}
