"""Times of turns and words as text: SubRip, WebVTT, and label tracks for Audacity."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dialogue_tts.dialogue.turns import SpokenTurn, SpokenWord
from dialogue_tts.script.inline import plain_text
from dialogue_tts.text.tidy import PLAIN_APOSTROPHES

LONGEST_CUE = 84  # characters: two lines of 42
SHORTEST_CUE_S = 0.3


@dataclass(frozen=True)
class Cue:
    """A stretch of a turn that is shown at once.

    Attributes:
        pieces: (text with its punctuation, when it is heard in seconds), a word each.
        start, end: in seconds.
    """

    speaker: str
    pieces: tuple[tuple[str, float], ...]
    start: float
    end: float

    @property
    def text(self) -> str:
        """What is shown."""
        return " ".join(text for text, _ in self.pieces)


def cues(turns: Sequence[SpokenTurn]) -> list[Cue]:
    """Turns cut into cues of at most LONGEST_CUE characters, at ends of sentences where it can be; by rising start."""
    found = [cue for turn in turns for cue in _cues_of(turn)]
    return sorted(found, key=lambda cue: cue.start)


def srt(turns: Sequence[SpokenTurn]) -> str:
    """SubRip; every cue begins with its speaker's name."""
    blocks = [
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.speaker}: {cue.text}\n"
        for number, cue in enumerate(cues(turns), start=1)
    ]
    return "\n".join(blocks)


def webvtt(turns: Sequence[SpokenTurn]) -> str:
    """WebVTT; speakers are voice tags, and every word after a cue's first has its time in front."""
    blocks = ["WEBVTT\n"]
    for cue in cues(turns):
        text, shown = "", round(cue.start, 3)
        for piece, start in cue.pieces:
            timed = round(start, 3) > shown and round(start, 3) < round(cue.end, 3)
            text += (
                (" " if text else "")
                + (f"<{_clock(start, '.')}>" if text and timed else "")
                + html.escape(piece, False)
            )
            shown = round(start, 3) if timed else shown
        name = html.escape(cue.speaker, False)
        blocks.append(f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n<v {name}>{text}</v>\n")
    return "\n".join(blocks)


def labels(turns: Sequence[SpokenTurn]) -> str:
    """An Audacity label track: start, end and text of each turn, by tabs."""
    return "".join(f"{t.start:.6f}\t{t.end:.6f}\t{t.speaker}: {plain_text(t.text)}\n" for t in turns)


def _cues_of(turn: SpokenTurn) -> Iterator[Cue]:
    held: list[tuple[str, SpokenWord]] = []
    rest = list(zip(_with_punctuation(turn), turn.words, strict=True))
    while rest:
        count = _fitting([text for text, _ in rest])
        held, rest = rest[:count], rest[count:]
        start = held[0][1].start
        latest = rest[0][1].start if rest else turn.end
        end = max(held[-1][1].end, min(start + SHORTEST_CUE_S, latest), start + 0.001)
        yield Cue(turn.speaker, tuple((text, word.start) for text, word in held), start, end)


def _fitting(texts: Sequence[str]) -> int:
    """How many words make the next cue."""
    length, fit, sentence = -1, 0, 0
    for number, text in enumerate(texts, start=1):
        length += 1 + len(text)
        if length > LONGEST_CUE and fit:
            return sentence if sentence > fit / 3 else fit
        fit = number
        if re.search(r"[.?!…]['\"”’)]*$", text):
            sentence = number
    return len(texts)


def _with_punctuation(turn: SpokenTurn) -> list[str]:
    """What is written for each spoken word, with the marks around it: "Good" "evening," "Ben."."""
    text, ends, position = plain_text(turn.text), [], 0
    searched = text.translate(PLAIN_APOSTROPHES)  # as words have them; no place in the text moves
    for word in turn.words:
        found = searched.find(word.word, position)
        if found < 0:
            return [word.word for word in turn.words]
        following = re.compile(r"\S*").match(text, found + len(word.word))
        position = following.end() if following else found + len(word.word)
        ends.append(position)
    starts = [0, *ends[:-1]]
    return [" ".join(text[a:b].split()) for a, b in zip(starts, [*ends[:-1], len(text)], strict=True)]


def _clock(seconds: float, mark: str) -> str:
    whole, thousandths = divmod(round(max(0.0, seconds) * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{thousandths:03}"
