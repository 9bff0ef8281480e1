"""Pronunciation dictionaries: a text file, a word or several and their phonemes a line."""

from __future__ import annotations

import re
from pathlib import Path

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.accents import to_american

_ENTRY = re.compile(r"(?P<word>[^\t]*?\S)\s*(?:\t|=>)\s*/?(?P<phonemes>[^/\t]*[^/\t\s])/?\s*")


def read_pronunciations(path: str | Path) -> tuple[tuple[str, str], ...]:
    """Read a dictionary in UTF-8: lines `word<TAB>phonemes` or `word => phonemes`; `#` begins a comment line.

    Returns:
        (written word or words, phonemes) pairs, as `SynthesisConfig.pronunciations` takes them.

    Raises:
        ScriptError: the file cannot be read, or a line of it is not understood; the message names the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ScriptError(f"{path}: the dictionary cannot be read ({error.strerror}); give a text file.") from None
    except UnicodeDecodeError:
        raise ScriptError(f"{path}: this is no UTF-8 text; save the dictionary as plain text in UTF-8.") from None
    found: dict[str, tuple[str, str, int]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        entry = _ENTRY.fullmatch(line.strip())
        if not entry:
            raise ScriptError(f'{path}, line {number}: write a word, a tab or "=>", and phonemes: tomato => təˈmeɪtoʊ')
        word, phonemes = " ".join(entry["word"].split()), entry["phonemes"].strip()
        try:
            to_american(phonemes, word)
        except ScriptError as error:
            raise ScriptError(f"{path}, line {number}: {error}") from None
        _, known, first = found.setdefault(word.casefold(), (word, phonemes, number))
        if known != phonemes:
            raise ScriptError(f"{path}, line {number}: {word} has other phonemes on line {first}; keep one of them.")
    return tuple((word, phonemes) for word, phonemes, _ in found.values())
