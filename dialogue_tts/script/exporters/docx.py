"""Word processors' .docx, by python-docx: a paragraph a turn, its name bold."""

from __future__ import annotations

import io

from docx import Document

from dialogue_tts.script.turns import Script
from dialogue_tts.script.writing import format_script


def docx_of(script: Script) -> bytes:
    """The script in brackets, as `format_script` writes it, so that pauses and the like read back."""
    document = Document()
    for line in format_script(script).splitlines():
        name, _, rest = line.partition("] ")
        paragraph = document.add_paragraph()
        paragraph.add_run(f"{name}]").bold = True
        paragraph.add_run(f" {rest}")
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()
