"""What is held out: many voices, and sentences that nothing learns from."""

from __future__ import annotations

from typing import Any

from dialogue_tts.training.corpus import Utterance
from dialogue_tts.training.splits import SPEAKERS_HELD_OUT, drawn_split, hold_out, in_turn


def _turn(speaker: str, number: int) -> Utterance:
    return Utterance(f"{speaker}-{number}", "", "", speaker, "", 0, "test_speaker", 0, 10)


def _read_by(speakers: int, sentences: int) -> list[dict[str, Any]]:
    return [
        {"id": f"{s}-{n}", "speaker": f"s{s}", "text": f"Sentence {n}" + "." * (s % 2)}
        for s in range(speakers)
        for n in range(sentences)
    ]


def test_speakers_take_turns() -> None:
    turns = [(folder, _turn(name, n)) for folder, name in (("a", "ann"), ("a", "ben"), ("b", "cho")) for n in range(3)]
    found = in_turn(turns, 5)
    assert [turn.id for _, turn in found] == ["ann-0", "ben-0", "cho-0", "ann-1", "ben-1"]
    assert [folder for folder, _ in found] == ["a", "a", "b", "a", "a"]
    assert len(in_turn(turns)) == 9 and in_turn([], 4) == []


def test_a_sentence_that_many_read_is_heard_by_nobody_or_held_out_by_nobody() -> None:
    rows = _read_by(speakers=110, sentences=40)
    hold_out(rows)
    unheard = {row["speaker"] for row in rows if row["split"] == "test_speaker"}
    assert len(unheard) == 3  # one of fifty
    texts = {
        split: {row["text"].strip(".") for row in rows if row["split"] == split} for split in ("train", "test_text")
    }
    assert texts["test_text"] and not texts["train"] & texts["test_text"]
    assert len(texts["test_text"]) == 1, "which is one of forty rather than one of two hundred"


def test_of_one_voice_sentences_stand_for_voices() -> None:
    rows = _read_by(speakers=1, sentences=400)
    hold_out(rows)
    splits = [row["split"] for row in rows]
    assert splits.count("test_text") == splits.count("test_speaker") == 2


def test_what_a_corpus_says_itself_stays() -> None:
    rows = [{"id": "a", "speaker": "ann", "text": "Oh.", "split": "test"}, *_read_by(1, 4)]
    hold_out(rows)
    assert rows[0]["split"] == "test"


def test_a_stream_draws_by_sentence_too() -> None:
    rows = _read_by(speakers=90, sentences=900)
    of_sentence: dict[str, set[str]] = {}
    for row in rows:
        if (split := drawn_split(row)) != "test_speaker":
            of_sentence.setdefault(row["text"].strip("."), set()).add(split)
    assert all(len(splits) == 1 for splits in of_sentence.values())
    assert 1 <= sum(splits == {"test_text"} for splits in of_sentence.values()) <= 12
    speakers = {row["speaker"] for row in rows if drawn_split(row) == "test_speaker"}
    assert 0 < len(speakers) < 3 * 90 / SPEAKERS_HELD_OUT + 2
