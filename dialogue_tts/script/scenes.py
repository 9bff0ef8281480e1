"""The scenes of a script: what stands from one heading to the next."""

from __future__ import annotations

from dataclasses import dataclass

from dialogue_tts.script.turns import Script


@dataclass(frozen=True)
class Scene:
    """Some turns that follow each other.

    Attributes:
        title: its heading, or headings, as `ACT I, Scene 2`; empty in front of the first one.
        first, last: its turns, from 0.
    """

    title: str
    first: int
    last: int


def scenes_of(script: Script) -> list[Scene]:
    """In order; every turn is in one. A script without headings is one scene without a title."""
    titles: list[str] = []
    places: list[int] = []
    headings = list(script.headings)
    for index, turn in enumerate(script.turns):
        passed = [heading for heading in headings if heading.line <= turn.line]
        headings = headings[len(passed) :]
        if passed or not index:
            titles.append(", ".join(heading.text for heading in passed))
            places.append(index)
    ends = [*places[1:], len(script.turns)]
    return [Scene(title, first, end - 1) for title, first, end in zip(titles, places, ends, strict=True)]
