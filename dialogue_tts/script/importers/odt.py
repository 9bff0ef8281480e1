"""OpenDocument text (.odt): paragraphs, headings and tables of its content.xml."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.importers.archive import open_archive, read_part, xml_of
from dialogue_tts.script.importers.blocks import Block

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_FO = "{urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0}"
_LEFT_OUT = {
    f"{_TEXT}note": "text of footnotes",
    f"{_OFFICE}annotation": "text of comments",
    f"{_TEXT}tracked-changes": "deleted text",
}
MOST_REPEATED = 200  # spaces or rows that are said to be repeated


def read_odt(data: bytes) -> tuple[list[Block], list[str]]:
    """Its paragraphs and rows, and what in it is left out. Raises ScriptError."""
    root = xml_of(read_part(open_archive(data), "content.xml"))
    body = root.find(f"{_OFFICE}body/{_OFFICE}text")
    if body is None:
        raise ScriptError("this OpenDocument file is no text; save the script as .odt or .docx.")
    bold = {style.get(f"{_STYLE}name") for style in root.iter(f"{_STYLE}style") if _is_bold(style)}
    blocks = list(_blocks(body, bold))
    for number, block in enumerate(blocks, start=1):
        block.number = number
    told = [f"{what} is left out" for tag, what in _LEFT_OUT.items() if body.find(f".//{tag}") is not None]
    return blocks, told


def _blocks(parent: Element, bold: set[str | None]) -> Iterator[Block]:
    for node in parent:
        if node.tag in (f"{_TEXT}p", f"{_TEXT}h"):
            pieces = list(_pieces(node, node.get(f"{_TEXT}style-name") in bold, bold))
            text = "".join(piece for piece, _ in pieces)
            lead = ""
            for piece, is_bold in pieces:
                if piece.strip() and not is_bold:
                    break
                lead += piece
            yield Block(0, text, lead if lead.strip() else "", heading=node.tag == f"{_TEXT}h" and bool(text.strip()))
        elif node.tag == f"{_TABLE}table-row":
            cells = [cell for cell in node if cell.tag == f"{_TABLE}table-cell"]
            yield Block(0, "", cells=tuple("\n".join(block.text for block in _blocks(cell, bold)) for cell in cells))
        elif node.tag not in _LEFT_OUT:
            yield from _blocks(node, bold)


def _pieces(node: Element, is_bold: bool, bold: set[str | None]) -> Iterator[tuple[str, bool]]:
    yield node.text or "", is_bold
    for child in node:
        if child.tag == f"{_TEXT}s":
            count = child.get(f"{_TEXT}c", "1")
            yield " " * min(int(count) if count.isdigit() else 1, MOST_REPEATED), is_bold
        elif child.tag in (f"{_TEXT}tab", f"{_TEXT}line-break"):
            yield "\t" if child.tag.endswith("tab") else "\n", is_bold
        elif child.tag not in _LEFT_OUT:
            yield from _pieces(child, is_bold or child.get(f"{_TEXT}style-name") in bold, bold)
        yield child.tail or "", is_bold


def _is_bold(style: Element) -> bool:
    properties = style.find(f"{_STYLE}text-properties")
    return properties is not None and properties.get(f"{_FO}font-weight") == "bold"
