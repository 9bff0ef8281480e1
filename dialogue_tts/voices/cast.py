"""Cast files: who speaks with which voice, as YAML or JSON."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from dialogue_tts.errors import VoiceError

MOST_BYTES = 1_000_000


def read_cast(path: str | Path) -> dict[str, str]:
    """speaker -> name of a voice, or path of a sound file or saved voice; a file is sought beside the cast file first.

    All that stands in YAML is taken as text: a speaker may be called No.

    Raises:
        VoiceError: the file cannot be read, or is no such list.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise VoiceError(
                f"{path}: a cast file is smaller than {MOST_BYTES // 1000} kB; give one of speaker: voice."
            )
        pairs = _pairs(data.decode("utf-8-sig"), path.suffix.casefold() == ".json")
    except OSError as error:
        raise VoiceError(
            f"{path}: the cast file cannot be read ({error.strerror}); give a YAML or JSON file."
        ) from None
    except (ValueError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())
        raise VoiceError(f"{path}: this is no cast file ({told}); write a line such as Anna: clara for each.") from None
    cast: dict[str, str] = {}
    for name, voice in pairs:
        speaker = unicodedata.normalize("NFC", name).strip()  # as scripts have it
        if not speaker or not voice.strip():
            raise VoiceError(
                f"{path}: {name or voice!r} has no counterpart; write a speaker and a voice, as in Anna: clara."
            )
        if speaker in cast:
            raise VoiceError(f"{path}: {speaker} has a voice already; give one voice a speaker.")
        beside = path.parent / voice.strip()
        cast[speaker] = str(beside) if beside.is_file() else voice.strip()
    return cast


def _pairs(text: str, is_json: bool) -> list[tuple[str, str]]:
    """As they stand, twice where they stand twice. Raises ValueError or YAMLError."""
    if is_json:
        found: Any = json.loads(text, object_pairs_hook=list)
    else:
        root = yaml.compose(text, Loader=yaml.BaseLoader)
        found = None
        if isinstance(root, yaml.MappingNode):
            found = [(getattr(key, "value", None), getattr(voice, "value", None)) for key, voice in root.value]
    if not isinstance(found, list) or not all(
        isinstance(pair, tuple) and all(isinstance(part, str) for part in pair) for pair in found
    ):
        raise ValueError("it holds something else than pairs of a speaker and a voice")
    if not found:
        raise ValueError("it is empty")
    return found
