"""What word processors' formats share: paragraphs whose names are bold, tabbed, or in a table's column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue_tts.script.forms import Line, cue_in, label_in
from dialogue_tts.script.labels import TIME, is_name

_COLUMN_HEADS = frozenset(
    "speaker speakers character characters name who role person voice line lines text dialogue dialog speech time timecode "
    "no no. number # cue notes direction directions".split()
)


@dataclass
class Block:
    """A paragraph or a row of a table.

    Attributes:
        number: from 1, in the document.
        text: its words; a newline is one within the paragraph.
        lead: its first words, as far as they are bold; "" where they are not.
        aside: it is a heading, or code.
        cells: of a row of a table.
        heading: it is one.
    """

    number: int
    text: str
    lead: str = ""
    aside: bool = False
    cells: tuple[str, ...] = ()
    heading: bool = False

    def __post_init__(self) -> None:
        self.aside = self.aside or self.heading


def lines_of(blocks: Sequence[Block], paragraphs: bool = False) -> list[Line]:
    """Blocks as lines of a script, their names as labels.

    paragraphs: each block is a paragraph, as in a word processor, unless empty ones stand between them.
    """
    apart = paragraphs and 10 * sum(not (block.text.strip() or block.cells) for block in blocks) < len(blocks)
    tabbed = Counter(name for block in blocks if (name := _tabbed(block)))
    bold = Counter(block.lead.strip() for block in blocks if _is_bold_name(block))
    lines: list[Line] = []
    for block in blocks:
        text = block.text
        if block.cells:
            text, aside = _row(block.cells)
            lines.append(Line(block.number, text, aside=aside or block.aside))
            continue
        lead = block.lead.strip()
        if not block.aside and (name := _tabbed(block)) and tabbed[name] > 1:
            text = f"{name}: {text.partition(chr(9))[2].strip()}"
        elif not block.aside and _is_bold_name(block) and (bold[lead] > 1 or sum(bold.values()) > 2):
            said = text[len(block.lead) :].lstrip(" \t–—-")
            text = f"{lead}: {said}"
        elif lead and lead == text.strip() and cue_in(text) and lines and lines[-1].text.strip():
            lines.append(Line(block.number, ""))  # a bold name alone opens a paragraph
        parts = text.split("\n")
        lines += [Line(block.number, part, aside=block.aside, heading=block.heading) for part in parts]
        if apart and not (cue_in(text) or re.fullmatch(r"\s*\(.*\)\s*", text)):  # which belong to what follows
            lines.append(Line(block.number, ""))
    return lines


def _tabbed(block: Block) -> str | None:
    """The name in front of a tab: `Anna<tab>Hello.`"""
    name, tab, rest = block.text.partition("\t")
    name = name.strip()
    return name if tab and rest.strip() and not block.cells and is_name(name, 3) and not name.endswith(":") else None


def _is_bold_name(block: Block) -> bool:
    """Bold words that are a name, with speech that is not bold behind them."""
    name = block.lead.strip()
    rest = block.text[len(block.lead) :]
    if block.cells or not name or not rest.strip() or label_in(block.text) or not is_name(name, 3):
        return False
    return name[-1].isalnum() and (block.lead[-1].isspace() or rest[0].isspace() or rest[0] in "–—-")


def _row(cells: Sequence[str]) -> tuple[str, bool]:
    """A table's row as a line, and whether it is its head: name | words, or number | time | name | words."""
    filled = [" ".join(cell.split()) for cell in cells if cell.strip()]
    if all(cell.casefold().strip(" :") in _COLUMN_HEADS for cell in filled):
        return " | ".join(filled), bool(filled)
    while len(filled) > 2 and (TIME.fullmatch(filled[0]) or re.fullmatch(r"#?\d+\.?", filled[0])):
        filled = filled[1:]
    name = filled[0].rstrip(" :") if filled else ""
    if len(filled) > 1 and (is_name(name, 3) or label_in(f"{name}:")):
        return f"{name}: {' '.join(filled[1:])}", False
    return " ".join(filled), False
