"""EPUB 2 and 3 (W3C, EPUB 3.3): the chapters in reading order, each block of text a paragraph."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from lxml import etree, html

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.importers.archive import open_archive, read_part, refuse_entities, xml_of
from dialogue_tts.script.importers.blocks import Block

_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_OPF = "{http://www.idpf.org/2007/opf}"
_PARAGRAPHS = frozenset(
    "p li blockquote div section article body dd dt td th pre figcaption tr table ul ol dl center header".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_LEFT_OUT = frozenset("script style head nav svg math img audio video aside sup".split())
_PAGES = ("application/xhtml+xml", "text/html")


def read_epub(data: bytes) -> tuple[list[Block], list[str]]:
    """Its paragraphs and headings, and what in it is left out. Raises ScriptError."""
    archive = open_archive(data)
    if "META-INF/encryption.xml" in archive.namelist() and "META-INF/rights.xml" in archive.namelist():
        raise ScriptError("the book is locked (DRM); only books without a lock can be read.")
    refuse_entities(archive)
    blocks: list[Block] = []
    for page in _pages(archive):
        for text, heading in _blocks_of(read_part(archive, page)):
            blocks += (Block(len(blocks) // 2 + 1, text, heading=heading), Block(len(blocks) // 2 + 1, ""))
    return blocks, ["pictures, footnote marks and the table of contents are left out"]


def _pages(archive: zipfile.ZipFile) -> Iterator[str]:
    """Names of the chapters' files, in reading order."""
    container = xml_of(read_part(archive, "META-INF/container.xml"))
    root_file = container.find(f".//{_CONTAINER}rootfile")
    place = root_file.get("full-path", "") if root_file is not None else ""
    package = xml_of(read_part(archive, place))
    items = {item.get("id"): item for item in package.iter(f"{_OPF}item")}
    for reference in package.iter(f"{_OPF}itemref"):
        item = items.get(reference.get("idref"))
        if item is None or reference.get("linear") == "no" or "nav" in item.get("properties", "").split():
            continue
        if item.get("media-type") in _PAGES:
            yield posixpath.normpath(posixpath.join(posixpath.dirname(place), unquote(item.get("href", ""))))


def _blocks_of(page: bytes) -> Iterator[tuple[str, bool]]:
    """(text, whether it is a heading) of each block of a page."""
    try:
        root = html.document_fromstring(page, parser=html.HTMLParser(no_network=True, encoding=_encoding(page)))
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return  # an empty page
    held: list[str] = []
    yield from _walk(root, held)
    yield from _flushed(held, False)


def _walk(node: Any, held: list[str]) -> Iterator[tuple[str, bool]]:
    """Blocks below a node; words go into `held` until a block begins or ends."""
    tag = node.tag if isinstance(node.tag, str) else "head"  # comments and instructions
    if tag in _LEFT_OUT:
        return
    if tag == "br":
        held.append("\v")
    block, heading = tag in _PARAGRAPHS or tag in _HEADINGS, tag in _HEADINGS
    if block or tag == "hr":
        yield from _flushed(held, False)
    if tag == "hr":
        yield "---", False
    held.append(node.text or "")
    for child in node:
        yield from _walk(child, held)
        held.append(child.tail or "")
    if block:
        yield from _flushed(held, heading)


def _flushed(held: list[str], heading: bool) -> Iterator[tuple[str, bool]]:
    text = "\n".join(" ".join(line.split()) for line in "".join(held).split("\v")).strip()
    held.clear()
    if text:
        yield text, heading


def _encoding(page: bytes) -> str:
    return "utf-16" if page[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
