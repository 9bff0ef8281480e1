"""Plain text in whatever encoding it was saved."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

from dialogue_tts.errors import ScriptError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 4096  # bytes
MOST_CHAOS = 0.1  # share of odd letters, as charset-normalizer counts them, in text that makes sense


def decode(data: bytes) -> tuple[str, str | None]:
    """Text, and the encoding where it had to be told from the bytes: neither Unicode nor marked.

    Raises:
        ScriptError: it is no text.
    """
    marked = next((encoding for mark, encoding in _MARKS if data.startswith(mark)), None)
    encoding = marked or _wide(data) or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        if marked or encoding != "utf-8":
            raise ScriptError(f"this is no whole {encoding.upper()} text; save the script again, as UTF-8.") from None
        encoding = _likeliest(data)
        text = data.decode(encoding, errors="replace")
        return text, encoding
    if "\0" in text:
        raise ScriptError("this is no text that can be read: it has zero bytes; save the script as UTF-8.")
    return text, None


def _likeliest(data: bytes) -> str:
    """An encoding by what letters it gives; Windows' Western one where it gives sense."""
    found = from_bytes(data[: 64 * _SAMPLE]) if b"\0" not in data else None
    best = found.best() if found else None
    if found is None or best is None:
        raise ScriptError("this is no text that can be read; save the script as plain text in UTF-8.")
    western = any("cp1252" in match.could_be_from_charset and match.chaos < MOST_CHAOS for match in found)
    return "cp1252" if western else best.encoding


def _wide(data: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of letters, spaces and line ends is zero."""
    sample = data[:_SAMPLE]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if len(data) % 2 or max(even, odd) * 8 < len(sample) or min(even, odd) * 4 > max(even, odd):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"
