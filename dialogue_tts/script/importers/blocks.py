"""What word processors' formats share: paragraphs whose names are bold, tabbed, or in a table's column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from dialogue_tts.script.forms import Line, bracket_in, cue_in, label_in, speaker_label_in
from dialogue_tts.script.labels import TIME, is_name

_COLUMN_HEADS = frozenset(
    "speaker speakers character characters name who role person voice line lines text dialogue dialog speech time timecode "
    "no no. number # cue notes note direction directions tone emotion delivery action sfx".split()
)


_NOTES = frozenset("notes note direction directions tone emotion delivery action sfx cue".split())
_NUMBERS = frozenset("time timecode no no. number #".split())
_NAMES = frozenset("speaker speakers character characters name who role person voice".split())


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
        level: of a heading, from 1; 0 where none is known.
        italic: all of it is.
    """

    number: int
    text: str
    lead: str = ""
    aside: bool = False
    cells: tuple[str, ...] = ()
    heading: bool = False
    level: int = 0
    italic: bool = False

    def __post_init__(self) -> None:
        self.aside = self.aside or self.heading


def lines_of(blocks: Sequence[Block], paragraphs: bool = False) -> list[Line]:
    """Blocks as lines of a script, their names as labels.

    paragraphs: each block is a paragraph, as in a word processor, unless empty ones stand between them.
    """
    blocks = _with_named_headings(_with_code(blocks))
    apart = paragraphs and 10 * sum(not (block.text.strip() or block.cells) for block in blocks) < len(blocks)
    tabbed = Counter(name for block in blocks if (name := _tabbed(block)))
    bold = Counter(block.lead.strip() for block in blocks if _is_bold_name(block))
    labelled = sum(bool(label_in(block.text)) for block in blocks) + sum(bold.values()) + sum(tabbed.values())
    filled = sum(bool(block.text.strip()) and not block.aside for block in blocks)
    lines: list[Line] = []
    head: tuple[str, ...] = ()  # of the table whose rows these are
    for block in blocks:
        text = block.text
        if block.italic and labelled > 2 and not label_in(text):
            block.aside = True
        if not block.cells:
            head = ()
        if block.cells:
            head = block.cells if _is_head(block.cells) else head
            text, aside = _row(block.cells, head)
            lines.append(Line(block.number, text, aside=aside or block.aside))
            continue
        lead = block.lead.strip()
        if not block.aside and (name := _tabbed(block)) and (tabbed[name] > 1 or 2 * sum(tabbed.values()) > filled):
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


def _with_code(blocks: Sequence[Block]) -> Sequence[Block]:
    """A script within a fence, as language models give one, is the script, and what stands around it is no speech."""
    code = [block for block in blocks if block.aside and not block.heading]
    around = [block for block in blocks if not block.aside]
    if sum(_names_somebody(block.text) for block in code) < 2 or any(_names_somebody(block.text) for block in around):
        return blocks
    return [replace(block, aside=block.heading or not (block.aside or block.heading)) for block in blocks]


def _names_somebody(text: str) -> bool:
    return bool(speaker_label_in(text) or bracket_in(text))


def _with_named_headings(blocks: Sequence[Block]) -> Sequence[Block]:
    """Headings that are names and come again, where nothing else names anybody: `### Anna`."""
    headed = [(block.level, block.text.strip()) for block in blocks if block.heading and cue_in(block.text)]
    again = {level for (level, _), count in Counter(headed).items() if count > 1}
    if len(again) != 1 or any(not block.aside and _names_somebody(block.text) for block in blocks):
        return blocks
    return [
        replace(block, text=f"{block.text.strip()}:", heading=False, aside=False)
        if block.heading and block.level in again and cue_in(block.text)
        else block
        for block in blocks
    ]


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


def _is_head(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and all(_heading(cell) in _COLUMN_HEADS for cell in filled)


def _heading(cell: str) -> str:
    return " ".join(cell.casefold().split()).strip(" :*")


def _row(cells: Sequence[str], head: Sequence[str]) -> tuple[str, bool]:
    """A table's row as a line, and whether it is its head: name | words, or number | time | name | words. Notes and
    directions, where the head says so, are directions."""
    filled = [" ".join(cell.split()) for cell in cells if cell.strip()]
    if not filled or _is_head(cells):
        return " | ".join(filled), bool(filled)
    if len(head) == len(cells):
        kinds = [_heading(cell) for cell in head]
        told = [" ".join(cell.split()).strip("() ") for cell, kind in zip(cells, kinds, strict=True) if kind in _NOTES]
        kept = [(cell, kind) for cell, kind in zip(cells, kinds, strict=True) if kind not in _NOTES | _NUMBERS]
        kept.sort(key=lambda cell: cell[1] not in _NAMES)  # what is said may stand in front of who says it
        filled = [" ".join(cell.split()) for cell, _ in kept if cell.strip()]
        if filled and (notes := [f"({note})" for note in told if note]) and label_in(f"{filled[0].rstrip(' :')}:"):
            filled[0] = " ".join((filled[0].rstrip(" :"), *notes))
    while len(filled) > 2 and (TIME.fullmatch(filled[0]) or re.fullmatch(r"#?\d+\.?", filled[0])):
        filled = filled[1:]
    name = filled[0].rstrip(" :") if filled else ""
    if len(filled) > 1 and (is_name(name, 3) or label_in(f"{name}:")):
        return f"{name}: {' '.join(filled[1:])}", False
    return " ".join(filled), False
