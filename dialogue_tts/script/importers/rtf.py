"""Rich text (.rtf), by striprtf: its words alone; rows of tables have bars between their cells."""

from __future__ import annotations

from striprtf.striprtf import rtf_to_text

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.importers.blocks import Block


def read_rtf(data: bytes) -> tuple[list[Block], list[str]]:
    """Its lines. Raises ScriptError."""
    if not data.lstrip().startswith(b"{\\rtf"):
        raise ScriptError("this is no rich text; save the script again as .rtf, .docx or .txt.")
    try:
        text = rtf_to_text(data.decode("latin-1"), errors="replace")
    except (ValueError, LookupError, IndexError, KeyError) as error:
        raise ScriptError(f"the rich text is damaged ({type(error).__name__}); save it again.") from None
    lines = text.splitlines()
    rows = [tuple(cell.strip() for cell in line.rstrip("|").split("|")) if line.endswith("|") else () for line in lines]
    return [
        Block(n, "" if row else line, cells=row) for n, (line, row) in enumerate(zip(lines, rows, strict=True), start=1)
    ], []
