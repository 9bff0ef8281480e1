"""A text that rules rewrite, and which of its first words each part of it came from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

Replacement = str | Callable[[re.Match[str]], str]
_WORD = re.compile(r"\S+")


class Rule(NamedTuple):
    """What is looked for, and what takes its place.

    Attributes:
        signs: one of these characters must be in the text, or the rule is not tried; "" for any text.
    """

    pattern: re.Pattern[str]
    replacement: Replacement
    signs: str = ""


def rules(*found: tuple[str, Replacement], signs: str = "", flags: int = 0) -> tuple[Rule, ...]:
    """(pattern, replacement) pairs as rules."""
    return tuple(Rule(re.compile(pattern, flags), replacement, signs) for pattern, replacement in found)


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

    def apply(self, rule: Rule) -> None:
        if rule.signs and not any(sign in self.text for sign in rule.signs):
            return
        replacement = rule.replacement
        self.edit(
            Edit(
                match.start(),
                match.end(),
                match.expand(replacement) if isinstance(replacement, str) else replacement(match),
            )
            for match in rule.pattern.finditer(self.text)
        )

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
