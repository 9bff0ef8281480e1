"""Word processors' .docx, by python-docx: paragraphs, bold names, tables."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from docx import Document
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.importers.archive import open_archive, refuse_entities
from dialogue_tts.script.importers.blocks import Block

_NOT_TEXT = frozenset(
    qn(name) for name in ("w:del", "w:moveFrom", "w:txbxContent", "w:pict", "w:drawing", "w:instrText")
)
_HEADINGS = ("heading", "title", "subtitle", "scene heading", "action", "transition", "shot", "toc", "stage direction")


def read_docx(data: bytes) -> tuple[list[Block], list[str]]:
    """Its paragraphs and rows, and what in it is left out. Raises ScriptError."""
    archive = open_archive(data)
    refuse_entities(archive)
    names = archive.namelist()
    try:
        document = Document(io.BytesIO(data))
        blocks = list(_blocks(document))
    except ScriptError:
        raise
    except Exception as error:  # python-docx has errors of zip files, XML, keys and values for what is damaged
        raise ScriptError(f"the document is damaged or no .docx ({type(error).__name__}); save it again.") from None
    left_out = {"footnotes": "footnotes.xml", "endnotes": "endnotes.xml", "comments": "comments.xml"}
    told = [f"{what} are left out" for what, part in left_out.items() if f"word/{part}" in names]
    if any(name.startswith(("word/header", "word/footer")) for name in names):
        told.append("headers and footers are left out")
    return blocks, told


def _blocks(document: Any) -> Iterator[Block]:
    number = 0
    for item in document.iter_inner_content():
        if isinstance(item, Paragraph):
            number += 1
            yield _paragraph(item, number)
        elif isinstance(item, Table):
            for row in item.rows:
                number += 1
                cells: list[Any] = []
                for cell in row.cells:  # a cell that spans columns comes once for each
                    if not cells or cell._tc is not cells[-1]._tc:
                        cells.append(cell)
                yield Block(number, "", cells=tuple("\n".join(_text(p)[0] for p in cell.paragraphs) for cell in cells))


def _paragraph(paragraph: Paragraph, number: int) -> Block:
    style = (paragraph.style.name or "" if paragraph.style is not None else "").casefold()
    text, lead = _text(paragraph)
    heading = bool(text.strip()) and style.startswith(_HEADINGS)
    level = int(style[-1]) if heading and style[-1:].isdecimal() else 0
    return Block(number, text, lead, heading=heading, level=level, italic=_is_italic(paragraph))


def _text(paragraph: Paragraph) -> tuple[str, str]:
    """A paragraph's text, changes accepted, and as much of its beginning as is bold."""
    text, lead, leading = "", "", True
    for run in paragraph._p.iter(qn("w:r")):
        if any(parent.tag in _NOT_TEXT for parent in run.iterancestors()):
            continue
        part = "".join(map(_piece, run))
        leading = leading and (_is_bold(run) or not part.strip())
        text += part
        lead = text if leading else lead
    return text, lead if lead.strip() else ""


def _piece(node: Any) -> str:
    if node.tag == qn("w:t"):
        return node.text or ""
    signs = {"w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"}
    return next((sign for name, sign in signs.items() if node.tag == qn(name)), "")


def _is_italic(paragraph: Paragraph) -> bool:
    """Whether all its words are."""
    runs = [run for run in paragraph._p.iter(qn("w:r")) if any(map(str.strip, map(_piece, run)))]
    return bool(runs) and all(_has(run, "w:i") for run in runs)


def _is_bold(run: Any) -> bool:
    return _has(run, "w:b")


def _has(run: Any, style: str) -> bool:
    found = run.find(f"{qn('w:rPr')}/{qn(style)}")
    return found is not None and found.get(qn("w:val")) not in ("0", "false", "off")
