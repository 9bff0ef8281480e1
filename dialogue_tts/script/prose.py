"""Prose that is no script - what chat programs show, with Markdown, links and citations - as text that can be spoken.

Scripts have a syntax, and what does not fit it is an error. Prose has none: whatever stands in brackets is read, or left
out where a reader would skip it. Only `[word](/phonemes/)` (with a stress mark, or another sign that no link has) and
`[pause 0.5s]` mean what they mean in a script.
Patterns are bounded, so that the time is linear in the text's length.
"""

from __future__ import annotations

import re

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.inline import split_inline
from dialogue_tts.text.accents import to_american

PASSAGE = 120  # characters after which a text is cut at the next end of a sentence; at the very first for the first
ABBREVIATIONS = (
    "etc vs approx dept est fig inc ltd jan feb mar apr jun jul aug sep sept oct nov dec Assoc Messrs".split()
)
SENTENCE_END = re.compile(r"(?:[?!…]|\b(?P<word>[a-z]{3,}|[A-Z][a-z]{4,}|\d{2,})\.)[\"'”’)]*\s+(?=[\"'“‘(]?[A-Z0-9])")

# A line of its own, in Markdown (CommonMark 0.31, sections 4 and 5; tables as GitHub has them).
_NO_TEXT = re.compile(
    r"(?:`{3,}|~{3,}).{0,100}"  # a fence: the code inside is read
    r"|(?:[-*_=] ?){3,}"  # a rule
    r"|\|?(?: ?:?-+:? ?\|){1,50}(?: ?:?-+:? ?)?"  # between a table's head and its rows
    r"|\[[^\[\]]{1,100}\]: ?<?\S{1,2000}.{0,200}"  # where a link leads
)
_QUOTED = re.compile(r"(?:> ?){1,20}")
_HEADING = re.compile(r"#{1,6} +(.*?)[ #]*")
_ITEM = re.compile(r"[-*+•‣] +(?:\[[ xX]\] +)?")
_ROW = re.compile(r"\|.{0,5000}\|")

_TAG = re.compile(r"<!--.{0,2000}?-->|</?[A-Za-z][A-Za-z0-9:-]{0,30}(?:\s[^<>]{0,500})?/?>")
_ADDRESS = re.compile(r"<((?:https?://|mailto:)?[^<>\s]{1,2000}[@.][^<>\s]{1,2000})>")
_SHORTCODE = re.compile(r"(?<![\w:]):[a-z][a-z0-9_+-]{1,40}:(?![\w:])")  # :smile:
_SOURCE = re.compile(r"\s?【[^【】]{0,200}】")  # as some chat models cite
_BRACKETS = re.compile(
    r"(?P<link>!?\[(?P<text>[^\[\]]{0,500})\]\((?P<target>[^()]{0,2000}(?:\([^()]{0,200}\)[^()]{0,200})?)\))"
    r"|(?P<cited>\s?\[(?P<numbers>\d{1,4}(?:\s?[,;–-]\s?\d{1,4}){0,20}|\^[\w-]{1,50})\])"
    r"|\[(?P<named>[^\[\]]{1,500})\]\[[^\[\]]{0,100}\]"
    r"|(?P<pause>\[\s*[Pp]ause\b[^\[\]]{1,30}\])"
)
_NAMES_A_SOURCE = re.compile(
    r"\b(?:see|in|and|or|of|by|from|to|than|with|per|ref|refs|source|sources)\Z", re.IGNORECASE
)
_OTHER_BRACKETS = str.maketrans("[]", "()")
_LAST_PAUSES = re.compile(r"(?:\[\s*pause[^\[\]]{1,30}\]\W{0,20}){1,20}\Z", re.IGNORECASE)
_OPEN_END = re.compile(r"[\w\"'”’)*_`~%°]\Z")


def spoken_prose(text: str) -> str:
    """A text as people or programs write it -> a turn's text, on one line; empty where there is nothing to say."""
    plain = _inline("\n".join(_blocks(_TAG.sub(" ", _ADDRESS.sub(r"\1", text)))))
    plain = _LAST_PAUSES.sub("", " ".join(plain.split())).rstrip()
    return plain if any(c.isalnum() for c in plain) else ""


def passages(text: str) -> list[str]:
    """A text cut where sentences end, so that its first sound comes soon; where that is not sure it stays whole."""
    cuts = [0]
    for end in SENTENCE_END.finditer(text):
        word = end["word"]
        long_enough = end.end() - cuts[-1] >= PASSAGE or len(cuts) == 1
        says = any(c.isalnum() for c in text[cuts[-1] : end.end()])
        whole = text.count("[", 0, end.end()) == text.count("]", 0, end.end())
        if long_enough and says and whole and word not in ABBREVIATIONS:
            cuts.append(end.end())
    if len(cuts) > 1 and not any(c.isalnum() for c in text[cuts[-1] :]):
        cuts.pop()
    found = [" ".join(text[a:b].split()) for a, b in zip(cuts, [*cuts[1:], len(text)], strict=True)]
    return [passage for passage in found if passage]


def whole_sentences(text: str) -> tuple[str, str]:
    """Prose that is still being written -> what ends with a sentence or a line, and the rest."""
    ends = [end.end() for end in SENTENCE_END.finditer(text) if end["word"] not in ABBREVIATIONS]
    ends.append(text.rfind("\n") + 1)
    for end in sorted(ends, reverse=True):
        if text.count("[", 0, end) == text.count("]", 0, end):
            return text[:end], text[end:]
    return "", text


def _blocks(text: str) -> list[str]:
    """Lines without what marks them as headings, items or rows; each such line, and each paragraph, ends a sentence."""
    lines: list[str] = []
    ends = False  # the line in front is complete
    for line in text.splitlines():
        line = _QUOTED.sub("", line.strip(), count=1)
        if not line or _NO_TEXT.fullmatch(line):
            ends = True
            continue
        block = True
        if heading := _HEADING.fullmatch(line):
            line = heading[1]
        elif item := _ITEM.match(line):
            line = line[item.end() :]
        elif _ROW.fullmatch(line):
            line = ", ".join(cell.strip() for cell in line.strip("|").split("|") if cell.strip())
        else:
            block = bool(re.match(r"\d{1,3}[.)] ", line))
        if (ends or block) and lines and _OPEN_END.search(lines[-1]):
            lines[-1] += "."
        lines.append(line)
        ends = block and not re.match(r"\d{1,3}[.)] ", line)
    return lines


def _inline(text: str) -> str:
    parts: list[str] = []
    done = 0
    text = _SHORTCODE.sub(" ", _SOURCE.sub("", text))
    for found in _BRACKETS.finditer(text):
        parts.append(text[done : found.start()].translate(_OTHER_BRACKETS))
        parts.append(_said(found, "".join(parts[-1:])))
        done = found.end()
    parts.append(text[done:].translate(_OTHER_BRACKETS))
    return "".join(parts)


def _said(found: re.Match[str], before: str) -> str:
    """What is said for something in brackets, after the text in front of it."""
    if found["link"]:
        text, target = found["text"], found["target"]
        return found[0] if _is_pronunciation(found[0], text, target) else text
    if found["named"]:
        return found["named"]
    if found["pause"]:
        return found[0] if _is_script(found[0]) else found[0].translate(_OTHER_BRACKETS)
    if _NAMES_A_SOURCE.search(before) and not found["numbers"].startswith("^"):
        return " " + found["numbers"]  # "see [1] and [2]"
    return ""


def _is_pronunciation(written: str, word: str, target: str) -> bool:
    if not (target.startswith("/") and target.endswith("/") and _is_script(written)):
        return False
    if target.isascii() and target.islower():
        return False  # more likely a page: [the docs](/docs/)
    try:
        to_american(target.strip("/"), word)
    except ScriptError:
        return False
    return True


def _is_script(written: str) -> bool:
    try:
        split_inline(written)
    except ScriptError:
        return False
    return True
