"""API keys, as whoever runs a server gives them."""

from __future__ import annotations

import os
import re
from pathlib import Path

from dialogue_tts.errors import DialogueTTSError

KEYS_VARIABLE = "DIALOGUE_TTS_API_KEYS"
SHORTEST_KEY = 16


def read_keys(path: Path | None) -> tuple[str, ...]:
    """Keys from a file, or else from the environment. Raises DialogueTTSError: the file has none, or one is too short."""
    source, text = KEYS_VARIABLE, os.environ.get(KEYS_VARIABLE, "").replace(",", "\n")
    if path is not None:
        try:
            source, text = str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise DialogueTTSError(
                f"{path}: the keys cannot be read; give a text file with a key on each line."
            ) from None
    lines = (re.sub(r"^\s*#.*|\s#\s.*", "", line).strip() for line in text.splitlines())  # with comments
    keys = tuple(line for line in lines if line)
    if path is not None and not keys:
        raise DialogueTTSError(f"{path}: there is no key in it; write one on each line.")
    if any(len(key) < SHORTEST_KEY for key in keys):
        raise DialogueTTSError(f"{source}: a key is too easy to guess; take at least {SHORTEST_KEY} characters.")
    return keys
