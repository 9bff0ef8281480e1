"""Subtitles, read back by independent parsers; label tracks."""

from __future__ import annotations

import io
import re

import pytest
import srt
import webvtt

from dialogue_tts.dialogue import subtitles
from dialogue_tts.dialogue.turns import SpokenTurn, SpokenWord
from dialogue_tts.pipeline import DialogueTTS

LONG = (
    "We walked along the river until the old mill came into view. Nobody had been there for years, I think! "
    "Still, the wheel turned, slowly, and the water under it was as clear as glass."
)


def turn(index: int, speaker: str, text: str, start: float, step: float = 0.3, words: str | None = None) -> SpokenTurn:
    said = re.findall(r"[\w'’<>&-]+", words or subtitles.plain_text(text))
    spoken = tuple(SpokenWord(w, start + step * i, start + step * (i + 0.8)) for i, w in enumerate(said))
    return SpokenTurn(index, speaker, text, start, start + step * len(said), spoken, 1, 1, 0.0)


TURNS = [
    turn(0, "Anna", LONG, 0.25),
    turn(1, "Ben", "Mm-hm.", 8.0),
    turn(2, "O'Neil", 'Is "Tom & Jerry" on? [pause 1s] The [tomato](/təˈmeɪtoʊ/), I mean.', 3700.0),
]


def test_srt_reads_back() -> None:
    found = list(srt.parse(subtitles.srt(TURNS)))
    assert [cue.index for cue in found] == list(range(1, len(found) + 1))
    assert all(a.start <= b.start for a, b in zip(found, found[1:]))
    anna = " ".join(c.content.removeprefix("Anna: ") for c in found if c.content.startswith("Anna: "))
    assert anna == LONG
    assert found[-1].content == 'O\'Neil: Is "Tom & Jerry" on? The tomato, I mean.'
    assert found[-1].start.total_seconds() == 3700.0
    assert found[-1].end.total_seconds() == pytest.approx(TURNS[2].words[-1].end, abs=1e-3)
    for cue in found:
        assert len(cue.content) <= subtitles.LONGEST_CUE + 10 and cue.end > cue.start


def test_cues_break_at_ends_of_sentences() -> None:
    first, second, third, *rest = [cue.text for cue in subtitles.cues(TURNS[:1])]
    assert first == "We walked along the river until the old mill came into view."
    assert second == "Nobody had been there for years, I think!" and not rest
    assert third.startswith("Still") and third.endswith("glass.")


def test_webvtt_reads_back_with_speakers_and_word_times() -> None:
    text = subtitles.webvtt(TURNS)
    found = list(webvtt.from_buffer(io.StringIO(text)))
    plain = subtitles.cues(TURNS)
    assert [cue.voice for cue in found] == [cue.speaker for cue in plain]
    assert [re.sub(r"\s+", " ", cue.text).replace("&amp;", "&") for cue in found] == [cue.text for cue in plain]
    for cue, ours in zip(found, plain, strict=True):
        assert cue.start_in_seconds == int(ours.start) and cue.end_in_seconds == int(ours.end)
    assert 'Is <01:01:40.300>"Tom <01:01:40.600>&amp; ' in text
    for block in text.split("\n\n")[1:]:
        times = [float(s) + 60 * float(m) + 3600 * float(h) for h, m, s in re.findall(r"(\d\d):(\d\d):([\d.]+)", block)]
        start, end, *inner = times
        assert inner == sorted(inner) and all(start < t < end for t in inner)


def test_overlapping_turns_are_sorted_by_start() -> None:
    turns = [turn(0, "A", LONG, 0.0), turn(1, "B", "Yes.", 1.0)]
    starts = [cue.start for cue in subtitles.cues(turns)]
    assert starts == sorted(starts)
    assert [cue.speaker for cue in subtitles.cues(turns)][:2] == ["A", "B"]


def test_signs_of_markup_are_text() -> None:
    text = subtitles.webvtt([turn(0, "Anna", "a <b> & c --> d", 0.0, words="a <b> & c d")])
    assert "&lt;b&gt;" in text and "&amp;" in text and "--&gt;" in text
    assert len(list(webvtt.from_buffer(io.StringIO(text)))) == 1


def test_labels_are_lines_of_start_end_and_text() -> None:
    lines = [line.split("\t") for line in subtitles.labels(TURNS).splitlines()]
    assert [(float(a), float(b)) for a, b, _ in lines] == [pytest.approx((t.start, t.end), abs=1e-6) for t in TURNS]
    assert lines[2][2] == 'O\'Neil: Is "Tom & Jerry" on? The tomato, I mean.'


def test_real_turns_with_numbers_and_marks(tiny_tts: DialogueTTS) -> None:
    script = (
        '[Anna] At 5:30 p.m. it cost $12.50, didn\'t it? ("No," said Dr. Ito.) Wait... what?! '
        "[Ben] Mm-hm, I'm at https://x.org now — it's 50% off, [Ada](/ˈAdə/)'s idea [pause 0.5s] of 1984."
    )
    spoken = tiny_tts.synthesize(script, seed=1)
    for turn_, cues in ((t, [c for c in subtitles.cues(spoken.turns) if c.speaker == t.speaker]) for t in spoken.turns):
        assert " ".join(cue.text for cue in cues) == subtitles.plain_text(turn_.text)


def test_marks_stay_around_words_with_a_typographic_apostrophe() -> None:
    said = turn(0, "Anna", "“It’s late,” she said; isn’t it?", 0.0, words="It's late she said isn't it")
    assert [cue.text for cue in subtitles.cues([said])] == ["“It’s late,” she said; isn’t it?"]
