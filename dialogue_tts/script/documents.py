"""Whole files -> scripts: what people write, in the formats they write it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dialogue_tts.errors import ScriptError
from dialogue_tts.files import writable
from dialogue_tts.script.directions import Treatment
from dialogue_tts.script.exporters.docx import docx_of
from dialogue_tts.script.exporters.fountain import fountain_of
from dialogue_tts.script.exporters.srt import srt_of
from dialogue_tts.script.findings import Finding, script_lines
from dialogue_tts.script.forms import Line
from dialogue_tts.script.importers.blocks import Block, lines_of
from dialogue_tts.script.importers.chat import read_chat
from dialogue_tts.script.importers.docx import read_docx
from dialogue_tts.script.importers.epub import read_epub
from dialogue_tts.script.importers.fountain import read_fountain
from dialogue_tts.script.importers.markdown import read_markdown
from dialogue_tts.script.importers.odt import read_odt
from dialogue_tts.script.importers.plain import decode
from dialogue_tts.script.importers.rtf import read_rtf
from dialogue_tts.script.importers.subtitles import read_srt, read_vtt
from dialogue_tts.script.parser import Draft, parse_lines
from dialogue_tts.script.turns import Script
from dialogue_tts.script.writing import format_script

MOST_BYTES = 32 * 2**20  # of a file
MOST_CHARACTERS = 4_000_000  # of the text in it

Read = tuple[Sequence[Line], list[str]]


def _packed(read: Callable[[bytes], tuple[list[Block], list[str]]]) -> Callable[[bytes], Read]:
    """Of a format whose reader takes the file's bytes as they are."""

    def lines(data: bytes) -> Read:
        blocks, told = read(data)
        return lines_of(blocks, paragraphs=True), told

    return lines


def _written(read: Callable[[str], Read]) -> Callable[[bytes], Read]:
    """Of a format whose reader takes text, in whatever encoding it was saved."""

    def lines(data: bytes) -> Read:
        text, encoding = decode(data)
        found, told = read(text)
        return found, [*told, *_guess(encoding)]

    return lines


def _guess(encoding: str | None) -> list[str]:
    return [f"the file is no UTF-8; it was read as {encoding}: see whether its letters are right"] if encoding else []


def _plain(text: str) -> Read:
    blocks = [Block(number, line) for number, line in enumerate(script_lines(text), start=1)]
    return lines_of(blocks), []


def _marked_up(text: str) -> Read:
    blocks, told = read_markdown(text)
    return lines_of(blocks), told


READERS: dict[str, Callable[[bytes], Read]] = {
    ".txt": _written(_plain),
    ".text": _written(_plain),
    ".md": _written(_marked_up),
    ".markdown": _written(_marked_up),
    ".fountain": _written(read_fountain),
    ".spmd": _written(read_fountain),
    ".srt": _written(read_srt),
    ".vtt": _written(read_vtt),
    ".json": _written(read_chat),
    ".jsonl": _written(read_chat),
    ".docx": _packed(read_docx),
    ".odt": _packed(read_odt),
    ".rtf": _packed(read_rtf),
    ".epub": _packed(read_epub),
}
"""By the ending of a file's name."""


WRITERS: dict[str, Callable[[Script], bytes]] = {
    ".txt": lambda script: format_script(script).encode(),
    ".docx": docx_of,
    ".fountain": lambda script: fountain_of(script).encode(),
    ".srt": lambda script: srt_of(script).encode(),
}
"""By the ending of a file's name."""


def read_script(path: str | Path, directions: Treatment = "left_out") -> Script:
    """A script from a file: text, Markdown, .docx, .odt, .rtf, .fountain, .srt, .vtt, .epub, or a chat as .json.

    Args:
        directions: as in `parse_script`.

    Returns:
        Its turns, with what was left out, or understood in an uncommon form, as `findings`. Those of subtitles have times.

    Raises:
        ScriptError: the file cannot be read or understood; the message names it.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ScriptError(f"{path}: the script cannot be read ({error.strerror}); give a file that is there.") from None
    try:
        return read_draft(data, Path(path).name, directions).script()
    except ScriptError as error:
        raise ScriptError(f"{path}: {error}") from None


def read_draft(data: bytes, name: str, directions: Treatment = "left_out") -> Draft:
    """The same for bytes that were uploaded or dropped, with all that is wrong in them.

    Args:
        data: a whole file.
        name: of the file; its ending tells the format. It is never opened.

    Raises:
        ScriptError: the file is too large, damaged, or of a format that cannot be read.
    """
    if len(data) > MOST_BYTES:
        raise ScriptError(
            f"the file is larger than {MOST_BYTES // 2**20} MB; cut it into several, or save only its text."
        )
    ending = format_of(data, name)
    lines, told = READERS[ending](data)
    if sum(len(line.text) for line in lines) > MOST_CHARACTERS:
        raise ScriptError(f"the text is longer than {MOST_CHARACTERS} characters; cut it into several files.")
    draft = parse_lines(lines, directions, document=ending not in (".txt", ".text"), prose=True)
    return draft._replace(findings=(*(Finding(1, None, "note", what) for what in told), *draft.findings))


def write_script(script: Script, path: str | Path) -> None:
    """A script into a file, whole or not at all: .txt (all of it reads back), .docx, .fountain, or .srt if it has times.

    Raises:
        ScriptError: there is no such format, or the script cannot be written in it; AudioError: the place cannot be written to.
    """
    writer = WRITERS.get(Path(path).suffix.casefold())
    if writer is None:
        raise ScriptError(f"{path}: scripts are written as {', '.join(WRITERS)}; choose one of these endings.")
    data = writer(script)
    with writable(path) as draft:
        draft.write_bytes(data)


def format_of(data: bytes, name: str) -> str:
    """The ending whose reader is to read a file. Raises ScriptError if there is none."""
    ending = Path(name).suffix.casefold()
    if data.startswith(b"PK\x03\x04") and ending not in (".docx", ".odt", ".epub"):
        raise ScriptError("this is a zipped file, not text; give a .docx, .odt or .epub by its own name.")
    if ending in READERS:
        return ending
    if ending in (".doc", ".pdf", ".pages", ".fdx", ".html", ".htm"):
        raise ScriptError(f"{ending} files are not read; save the script as .docx, .odt, .rtf or plain text.")
    return ".txt"
