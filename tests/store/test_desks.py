"""Desks in a store: what comes back of them, and that it is gone when it is deleted."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa

from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.turns import Check, SpokenWord
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.store.database import Database
from dialogue_tts.store.desks import DeskStore
from dialogue_tts.store.tables import desk_voices, metadata


@pytest.fixture
def store(database: Database) -> DeskStore:
    return DeskStore(database)


def take(number: int) -> Take:
    wave = np.linspace(-1, 1, 10 + number, dtype=np.float32)
    return Take(f"take {number}", number, wave, (SpokenWord("é", 0.125, 1 / 3),), 2, Check(0.1, 1.0, 0.5))


def test_a_dialogue_comes_back_as_it_was_kept_last(store: DeskStore) -> None:
    store.begin("one", 10.0)
    assert store.dialogue("one", "a") is None and store.dialogues("one") == []
    store.keep("one", "a", "head", {"r0": ("turn", [take(0)], 0), "r1": ("other", [take(1)], 0)}, [], 11.0)
    store.keep("one", "b", "head", {}, [], 10.0)
    assert store.dialogue("one", "a") == ("head", {"r0": ("turn", [take(0)]), "r1": ("other", [take(1)])})
    assert store.dialogue("one", "b") == ("head", {}) and store.dialogues("one") == ["b", "a"]
    assert store.dialogue("two", "a") is None
    # Another take of one row; another first take of the other; then a row less.
    store.keep("one", "a", "changed", {"r0": ("turn 2", [take(0), take(2)], 1)}, [], 12.0)
    store.keep("one", "a", "changed", {"r1": ("other", [take(3)], 0)}, [], 12.0)
    found = {"r0": ("turn 2", [take(0), take(2)]), "r1": ("other", [take(3)])}
    assert store.dialogue("one", "a") == ("changed", found)
    waves = [held.waveform for held in store.dialogue("one", "a")[1]["r0"][1]]  # type: ignore[index]
    assert [np.array_equal(wave, take(number).waveform) for number, wave in zip((0, 2), waves)] == [True, True]
    store.keep("one", "a", "less", {}, ["r0"], 13.0)
    assert store.dialogue("one", "a") == ("less", {"r1": ("other", [take(3)])})
    store.delete_dialogue("one", "a")
    assert store.dialogue("one", "a") is None and store.dialogues("one") == ["b"]


def test_voices_of_a_desk(store: DeskStore, tiny_tts: DialogueTTS) -> None:
    store.begin("one", 10.0)
    low, high = tiny_tts.voice("low"), tiny_tts.voice("high")
    store.keep_voice("one", "k2", low, 11.0)
    store.keep_voice("one", "k1", low, 12.0)
    store.keep_voice("one", "k1", high, 13.0)
    assert {key: voice.name for key, voice in store.voices("one").items()} == {"k2": "low", "k1": "high"}
    assert list(store.voices("one")) == ["k2", "k1"] and store.voices("two") == {}
    store.forget_voice("one", "k2")
    assert [voice.sha256 for voice in store.voices("one").values()] == [high.sha256]


def test_a_damaged_voice_takes_no_other_with_it(
    store: DeskStore, database: Database, tiny_tts: DialogueTTS, caplog: pytest.LogCaptureFixture
) -> None:
    store.begin("one", 10.0)
    for key in ("a", "b"):
        store.keep_voice("one", key, tiny_tts.voice("low"), 11.0)
    with database.writing() as connection:
        connection.execute(desk_voices.update().where(desk_voices.c.key == "a").values(data=b"no voice"))
    assert list(store.voices("one")) == ["b"]
    assert "voice a of a desk: this is no voice" in caplog.text


def test_nothing_stays_of_a_desk_that_is_gone(store: DeskStore, database: Database, tiny_tts: DialogueTTS) -> None:
    store.begin("one", 10.0)
    store.begin("two", 10.0)
    store.seen("three", 20.0)  # who only looks in
    store.keep("one", "a", "head", {"r0": ("turn", [take(0)], 0)}, [], 11.0)
    store.keep_voice("one", "k1", tiny_tts.voice("low"), 12.0)
    store.seen("one", 20.0)
    store.tidy(15.0)
    assert store.dialogues("one") == ["a"]
    store.delete("one")
    # What a making that still runs has to say comes too late.
    store.keep("one", "a", "head", {"r0": ("turn", [take(0)], 0)}, [], 21.0)
    store.keep_voice("one", "k1", tiny_tts.voice("low"), 22.0)
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            assert connection.scalar(sa.select(sa.func.count()).select_from(table)) == 0, table.name
