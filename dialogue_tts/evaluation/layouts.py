"""Test sets of others, read as they lie on disk: the ZipVoice-Dialog test set and TTSD-eval."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from dialogue_tts.errors import DataError
from dialogue_tts.evaluation.sets import EvalDialogue, json_lines, load_dialogues

_SPEAKER = re.compile(r"\[(S\d+)\]")
_PROMPT = re.compile(r"prompt_audio_speaker(\d+)")
_OTHER_SCRIPT = re.compile(r"[\u0400-\u04ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def load_set(path: str | Path) -> list[EvalDialogue]:
    """Dialogues of our own layout (a folder with scripts.jsonl, see `sets.load_dialogues`), of the ZipVoice-Dialog test set
    (test.tsv, or its folder) or of TTSD-eval (a .jsonl).

    Raises:
        DataError: no such set, or an entry that cannot be used.
    """
    place = Path(path)
    if place.is_dir() and not (place / "scripts.jsonl").is_file() and (place / "test.tsv").is_file():
        place = place / "test.tsv"
    readers: dict[str, Callable[[Path], list[EvalDialogue]]] = {".tsv": load_zipvoice, ".jsonl": load_ttsd}
    read = readers.get(place.suffix, load_dialogues) if place.is_file() else load_dialogues
    return read(place)


def load_zipvoice(path: Path) -> list[EvalDialogue]:
    """`dialog_testset/en/test.tsv` of k2-fsa/TTS_eval_datasets. Each line has six columns, as `zipvoice/eval/wer/dialog.py` and
    `speaker_similarity/cpsim.py` of k2-fsa/ZipVoice read them: name, words of prompt 1, of prompt 2, sound of prompt 1, of
    prompt 2, text with [S1] and [S2]. The form with four columns, whose prompt is a dialogue of both, does not say who is who.

    Raises:
        DataError: no such file, or an entry that cannot be used.
    """
    dialogues = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        columns, where = line.rstrip("\n").split("\t"), f"{path}:{number}"
        if len(columns) != 6:
            raise DataError(f"{where}: expected six columns, with a prompt for each speaker, found {len(columns)}.")
        name, _, _, first, second, text = columns
        dialogues.append(_dialogue(where, name, text, {"S1": _found(first, path), "S2": _found(second, path)}))
    return _any(dialogues, path)


def load_ttsd(path: Path) -> list[EvalDialogue]:
    """A manifest of TTSD-eval's test set: JSON lines with `text` ([S1] to [S5]), `prompt_audio_speakerN` and, where those paths
    are relative to it, `base_path`, as the README of OpenMOSS/MOSS-TTSD gives them ("JSONL Input Format"). Dialogues are called
    by their `id`, or their line.

    Raises:
        DataError: no such file, or an entry that cannot be used.
    """
    dialogues = []
    for number, (where, row) in enumerate(json_lines(path), start=1):
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise DataError(f"{where}: needs text and a prompt_audio_speakerN for each speaker.")
        base = Path(str(row.get("base_path") or ""))
        prompts = {
            f"S{found[1]}": _found(base / str(value), path)
            for key, value in row.items()
            if value and (found := _PROMPT.fullmatch(key))
        }
        dialogues.append(_dialogue(where, str(row.get("id", f"{path.stem}-{number:03d}")), row["text"], prompts))
    return _any(dialogues, path)


def _dialogue(where: str, name: str, text: str, prompts: Mapping[str, Path | None]) -> EvalDialogue:
    before, *parts = _SPEAKER.split(text)
    turns = tuple((role, said.strip()) for role, said in zip(parts[::2], parts[1::2], strict=True) if said.strip())
    if before.strip() or not turns:
        raise DataError(f"{where}: the text has to begin with a speaker, such as [S1].")
    if _OTHER_SCRIPT.search(text):
        raise DataError(f"{where}: only English is spoken here; give the set's English part.")
    voices = {}
    for role in dict.fromkeys(role for role, _ in turns):
        prompt = prompts.get(role)
        if prompt is None:
            raise DataError(f"{where}: there is no prompt for {role}, or not where it should lie.")
        voices[role] = prompt
    return EvalDialogue(name, turns, voices)


def _found(name: str | Path, listed_in: Path) -> Path | None:
    """A prompt as it is named, or from the list's folder or one above it: lists name files from where they were made."""
    places = (Path(name), *(parent / name for parent in listed_in.resolve().parents))
    return next((place for place in places if place.is_file()), None)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from None


def _any(dialogues: list[EvalDialogue], path: Path) -> list[EvalDialogue]:
    if not dialogues:
        raise DataError(f"{path}: no dialogues in it.")
    return dialogues
