"""Writing files whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dialogue_tts.errors import AudioError


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yields where to write; what stands there in the end takes `path`'s place, and nothing does after an error."""
    path = Path(path)
    if path.exists() and not path.is_file():  # a pipe or a device cannot be replaced
        yield path
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield draft
        with draft.open("rb") as written:  # or after a loss of power the new name may stand for nothing
            os.fsync(written.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """UTF-8, whole or not at all. Raises AudioError if the place cannot be written to."""
    with writable(path) as draft:
        draft.write_text(text, encoding="utf-8")


@contextmanager
def writable(path: str | Path) -> Iterator[Path]:
    """`whole_file` that raises AudioError if the place cannot be written to."""
    try:
        with whole_file(path) as draft:
            yield draft
    except OSError as error:
        raise AudioError(f"{path}: cannot be written ({error.strerror}); choose another place.") from None
