"""Markdown, by markdown-it-py: what language models write. Headings, rules and code are no speech; bold names are names."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dialogue_tts.script.importers.blocks import Block

_PARSER = MarkdownIt("commonmark", {"maxNesting": 20}).enable("table")


def read_markdown(text: str) -> tuple[list[Block], list[str]]:
    """Its paragraphs, headings, rows and rules, numbered by the lines they begin on, and what in it is left out."""
    blocks: list[Block] = []
    heading, level, pictures = False, 0, False
    cells: list[str] | None = None
    for token in _PARSER.parse(text):
        number = token.map[0] + 1 if token.map else (blocks[-1].number if blocks else 1)
        if token.type in ("heading_open", "heading_close"):
            heading = token.type == "heading_open"
            level = int(token.tag[1:])
        elif token.type == "tr_open":
            cells = []
        elif token.type == "tr_close":
            blocks.append(Block(number, "", cells=tuple(cells or ())))
            cells = None
        elif token.type == "inline":
            lines = _inline(token.children or ())
            pictures = pictures or any(child.type == "image" for child in token.children or ())
            if cells is not None:
                cells.append(" ".join(line for line, _ in lines))
            else:
                blocks += [
                    Block(number + n, line, lead, heading=heading, level=level) for n, (line, lead) in enumerate(lines)
                ]
        elif token.type in ("fence", "code_block"):
            code = token.content.splitlines()
            blocks += [Block(number + n, line, aside=True) for n, line in enumerate(code) if line.strip()]
        elif token.type == "html_block":
            blocks += [Block(number + n, line) for n, line in enumerate(token.content.splitlines())]
        elif token.type == "hr":
            blocks.append(Block(number, "---"))
        if token.type in ("paragraph_close", "heading_close", "fence", "hr", "html_block") and blocks:
            blocks.append(Block(blocks[-1].number, ""))
    return blocks, ["pictures are left out"] if pictures else []


def _inline(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """A paragraph's lines, and the bold words that open each. Stress stays marked: it may be a direction."""
    lines: list[tuple[str, str]] = []
    text, lead, start = "", "", -1  # where bold words began that open the line
    links: list[str] = []
    for token in tokens:
        if token.type == "strong_open":
            start = len(text) if not text.strip() else -1
        elif token.type == "strong_close":
            lead = text if start >= 0 and not lead else lead
            start = -1
        elif token.type in ("em_open", "em_close"):
            text += "*"
        elif token.type in ("softbreak", "hardbreak"):
            lines.append((text, lead))
            text, lead, start = "", "", -1
        elif token.type == "link_open":
            links.append(unquote(str(token.attrGet("href") or "")))
            text += "[" if _is_phonemes(links[-1]) else ""
        elif token.type == "link_close":
            address = links.pop()
            text += f"]({address})" if _is_phonemes(address) else ""
        elif token.type != "image":
            text += token.content
    return [*lines, (text, lead)]


def _is_phonemes(address: str) -> bool:
    return len(address) > 2 and address.startswith("/") and address.endswith("/") and "/" not in address[1:-1]
