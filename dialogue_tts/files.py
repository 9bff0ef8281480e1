"""Writing files whole or not at all."""

from __future__ import annotations

import glob
import os
import threading
from collections.abc import Iterable, Iterator
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
        _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def remove_drafts(path: Path) -> None:
    """Take away what processes that were killed left of a file, or of any in a folder; nobody may be writing there."""
    folder, name = (path, "*") if path.is_dir() else (path.parent, glob.escape(path.name))
    for draft in folder.glob(f".{name}.*.part"):
        draft.unlink(missing_ok=True)


def check_not_read(outputs: Iterable[str | Path], read: Iterable[str | Path]) -> None:
    """Raises AudioError if an output is one of the files that are `read`, by whatever name; those need not exist."""
    known = {identity for path in read if (identity := _identity(path)) is not None}
    for path in outputs:
        if _identity(path) in known:
            raise AudioError(f"{path}: this file is read, and would be written over; give the output another name.")


def _identity(path: str | Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):  # a voice's name can be anything
        return None
    return found.st_dev, found.st_ino


def _sync_folder(folder: Path) -> None:
    """Let a new name outlive a loss of power, before anything is removed that it replaces."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


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
