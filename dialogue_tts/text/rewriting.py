"""A text that rules rewrite, and which of its first words each part of it came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

Replacement = Callable[[re.Match[str]], str]
REACH = 250  # characters: longer than any match, and what it looks at besides
_WORD = re.compile(r"\S+")
_GROUP = re.compile(r"\\(\d)")


@cache
def _near(signs: str) -> re.Pattern[str]:
    """Stretches that begin and end with one of the signs, none of which is further than twice `REACH` from the next."""
    signs = re.escape(signs)
    return re.compile(f"[{signs}](?:[^{signs}]{{0,{2 * REACH}}}[{signs}])*")


class Rule(NamedTuple):
    """What is looked for, and what takes its place.

    Attributes:
        signs: one of these characters must be in the text, or the rule is not tried; "" for any text.
    """

    pattern: re.Pattern[str]
    replacement: Replacement
    signs: str = ""


def rules(
    *found: tuple[str, str | Replacement] | tuple[str, str | Replacement, str], signs: str = "", flags: int = 0
) -> tuple[Rule, ...]:
    """(pattern, replacement) pairs as rules, a third value being a rule's own signs; `\\1` to `\\9` in a replacement are the
    pattern's groups."""
    return tuple(
        Rule(re.compile(pattern, flags), _filled_in(new) if isinstance(new, str) else new, *(own or (signs,)))
        for pattern, new, *own in found
    )


def _filled_in(template: str) -> Replacement:
    """`Match.expand`, which looks its template up anew at each match, taken apart once."""
    parts = _GROUP.split(template)  # plain, group, plain, ...
    if len(parts) == 1:
        return lambda match: template
    groups = [int(group) for group in parts[1::2]]

    def filled(match: re.Match[str]) -> str:
        found = [parts[0]]
        for group, plain in zip(groups, parts[2::2], strict=True):
            found += (match[group] or "", plain)
        return "".join(found)

    return filled


class Edit(NamedTuple):
    """`text[start:end]` becomes `replacement`."""

    start: int
    end: int
    replacement: str


class Rewriting:
    """A line of words, being rewritten.

    Each character knows the written word it stands for; words that were rewritten together are one from then on. All
    of it is linear in the text's length for each rule.
    """

    def __init__(self, text: str) -> None:
        self.written = text.split()
        self.text = " ".join(self.written)
        self._owners = [i for i, word in enumerate(self.written) for _ in range(len(word) + 1)][:-1]
        self._joined = [False for _ in self.written]  # with the word in front
        self._stretches: dict[str, tuple[list[tuple[int, int]], str]] = {}  # by signs, and the text they are of

    def apply(self, rule: Rule) -> None:
        self.edit(Edit(*match.span(), rule.replacement(match)) for match in self._matches(rule))

    def _matches(self, rule: Rule) -> Iterator[re.Match[str]]:
        """Where a rule applies; text far from all its signs is not looked at."""
        if not rule.signs:
            yield from rule.pattern.finditer(self.text)
            return
        for start, end in self._around(rule.signs):
            done = start
            for match in rule.pattern.finditer(self.text, start, min(end + REACH, len(self.text))):
                if match.start() >= end:
                    break
                if match.start() >= done:
                    yield match
                    done = match.end()

    def _around(self, signs: str) -> list[tuple[int, int]]:
        """Stretches of the text that lie within reach of one of the signs, in order."""
        kept, text = self._stretches.get(signs, ([], ""))
        if text is self.text:
            return kept
        found = [(max(match.start() - REACH, 0), match.end() + REACH) for match in _near(signs).finditer(self.text)]
        self._stretches[signs] = (found, self.text)
        return found

    def edit(self, edits: Iterable[Edit]) -> None:
        """Make the changes, which come in order and do not overlap."""
        parts: list[str] = []
        owners: list[int] = []
        done = 0
        for edit in edits:
            start, end, new = self._narrow(edit)
            if start == end and not new:
                continue
            owner = self._owner(start, end)
            parts += (self.text[done:start], new)
            owners += self._owners[done:start]
            owners += [owner] * len(new)
            done = end
        if parts:
            self.text = "".join((*parts, self.text[done:]))
            self._owners = owners + self._owners[done:]

    def pairs(self) -> list[tuple[str, str]]:
        """(written, rewritten) in order: single words, or several that only make sense together."""
        spoken: list[list[str]] = [[] for _ in self.written]
        for word in _WORD.finditer(self.text):
            self._join(self._owners[word.start()], self._owners[word.end() - 1])
            spoken[self._owners[word.start()]].append(word[0])
        found: list[tuple[list[str], list[str]]] = []
        for i, written in enumerate(self.written):
            if not found or not self._joined[i]:
                found.append(([], []))
            found[-1][0].append(written)
            found[-1][1].extend(spoken[i])
        return [(" ".join(written), " ".join(words)) for written, words in found]

    def _narrow(self, edit: Edit) -> Edit:
        """Without the words at both ends that stay as they are, so that they are not joined with the others."""
        start, end, new = edit
        old = self.text[start:end]
        if old == new:
            return Edit(start, start, "")
        same = 0
        while (space := new.find(" ", same)) >= 0 and old[same : space + 1] == new[same : space + 1]:
            same = space + 1
        start, old, new = start + same, old[same:], new[same:]
        while (space := new.rfind(" ")) >= 0 and old.endswith(new[space:]) and space:
            end -= len(new) - space
            old, new = old[: len(old) - (len(new) - space)], new[:space]
        return Edit(start, end, new)

    def _owner(self, start: int, end: int) -> int:
        """The word that stands for a stretch from now on; with an empty one, the word in front of it."""
        while start < end and self.text[start] == " ":
            start += 1
        while start < end and self.text[end - 1] == " ":
            end -= 1
        if start >= end:
            return self._owners[max(start - 1, 0)]
        self._join(self._owners[start], self._owners[end - 1])
        return self._owners[start]

    def _join(self, first: int, last: int) -> None:
        for i in range(first + 1, last + 1):
            self._joined[i] = True
