"""Dialogues of the studio outlive its process: another finds what was finished, and goes on from there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from dialogue_tts._ui.kept import KeptDesk
from dialogue_tts._ui.session import MOST_DIALOGUES
from dialogue_tts.errors import StoreError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.store.database import Database
from dialogue_tts.store.desks import DeskStore
from tests.conftest import buzz
from tests.ui.test_handlers import Studio, rows, slow

__all__ = ["slow"]
pytestmark = pytest.mark.usefixtures("all_reads_well")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DeskStore]:
    database = Database.open(str(tmp_path / "store.db"))
    yield DeskStore(database)
    database.close()


def opened(tts: DialogueTTS, folder: Path, store: DeskStore, before: Studio | None = None) -> Studio:
    """A studio, to which the user of the one before comes."""
    studio = Studio(tts, folder, store=store)
    studio.me = before.me if before else studio.me
    studio.sessions.close()
    return studio


def sound(news: dict[str, Any]) -> bytes:
    return Path(news["result"]["file"]).read_bytes()


def test_another_process_has_the_dialogue_and_its_voices(
    tiny_tts: DialogueTTS, tmp_path: Path, store: DeskStore
) -> None:
    first = opened(tiny_tts, tmp_path / "first", store)
    ref = first.ask("bring_voice", path=first.upload(buzz(3.0, 180.0)), name="Cleo")["ref"]
    first.made(rows=rows(), cast={"Anna": ref}, seed=5, mix={"levels": [{"speaker": "Ben", "gain_db": -6.0}]})
    first.made(rows=rows(), cast={"Anna": ref}, seed=5, only="r1", fresh=True)
    before = first.ask("follow", work="w", patient=False)
    second = opened(tiny_tts, tmp_path / "second", store, first)
    assert [voice["name"] for voice in second.ask("hello")["voices"] if voice["kind"] == "mine"] == ["Cleo"]
    after = second.ask("follow", work="w", patient=False, since=before["version"])
    assert sound(after) == sound(before) and after["result"]["mix"] == before["result"]["mix"]
    for row, told in before["rows"].items():
        found = after["rows"][row]
        assert (found["state"], found["said"], found["chosen"]) == ("made", told["said"], told["chosen"])
        for a, b in zip(found["takes"], told["takes"], strict=True):
            assert soundfile.read(a["file"])[0].tolist() == soundfile.read(b["file"])[0].tolist()
    # Nothing is made anew, and choices are kept, too.
    second.ask("choose", work="w", row="r1", take=0)
    again = second.made(rows=rows(), cast={"Anna": ref}, seed=5, holds=True)
    assert again["rows"]["r1"]["chosen"] == 0 and not again["chunks"][0]["file"] == ""
    third = opened(tiny_tts, tmp_path / "third", store, first)
    assert third.ask("follow", work="w", patient=False)["rows"]["r1"]["chosen"] == 0
    third.ask("forget")
    fourth = opened(tiny_tts, tmp_path / "fourth", store, first)
    assert fourth.ask("follow", work="w", patient=False) == {"gone": True}
    assert not [voice for voice in fourth.ask("hello")["voices"] if voice["kind"] == "mine"]


def test_what_was_finished_is_there_when_a_making_was_cut_off(
    tiny_tts: DialogueTTS, tmp_path: Path, store: DeskStore, slow: threading.Semaphore
) -> None:
    first = opened(tiny_tts, tmp_path / "first", store)
    told = first.ask("make", work="w", rows=rows(), seed=5)
    slow.release()
    while not any(row["state"] == "made" for row in told["rows"].values()):
        told = first.ask("follow", work="w", since=0)
    made = [row for row, news in told["rows"].items() if news["state"] == "made"]
    second = opened(tiny_tts, tmp_path / "second", store, first)  # the first one hangs, and hears of nothing
    found = second.ask("follow", work="w", patient=False)
    states = {row: news["state"] for row, news in found["rows"].items()}
    assert states == {row: "made" if row in made else "none" for row in ("r0", "r1", "r2")} and found["job"] is None
    first.ask("stop", work="w")
    slow.release(9)
    whole = second.made(rows=rows(), seed=5, holds=True)
    assert sound(whole) == sound(first.made(work="anew", rows=rows(), seed=5))


def test_what_is_being_made_is_not_tidied_away(
    tiny_tts: DialogueTTS, tmp_path: Path, store: DeskStore, slow: threading.Semaphore
) -> None:
    first = opened(tiny_tts, tmp_path / "first", store)
    first.ask("make", work="w", rows=rows(), seed=5)
    first.sessions.of(first.me).seen -= 7200  # twice as long as what is left is kept
    first.sessions.sweep()
    assert KeptDesk(store, first.me).dialogues() == ["w"]
    first.ask("stop", work="w")


def test_who_only_looks_in_leaves_nothing_in_the_store(
    tiny_tts: DialogueTTS, tmp_path: Path, store: DeskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(store, "begin", lambda desk, now: begun.append(desk))
    studio = opened(tiny_tts, tmp_path / "studio", store)
    studio.ask("hello")
    studio.ask("follow", work="w", patient=False)
    studio.sessions.sweep()
    assert not begun
    studio.ask("bring_voice", path=studio.upload(buzz(3.0)), name="Cleo")
    assert len(begun) == 1


def test_a_dialogue_that_cannot_be_kept_is_made_all_the_same(
    tiny_tts: DialogueTTS, tmp_path: Path, store: DeskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = opened(tiny_tts, tmp_path / "studio", store)

    def full(*arguments: object) -> None:
        raise StoreError("the disk is full.")

    monkeypatch.setattr(store, "keep", full)
    made = studio.made(rows=rows())
    assert made["result"] and made["message"].startswith("What is made now is lost when the studio ends")


def test_no_more_is_kept_than_is_held(tiny_tts: DialogueTTS, tmp_path: Path, store: DeskStore) -> None:
    first = opened(tiny_tts, tmp_path / "first", store)
    for number in range(2):
        first.made(work=f"old{number}", rows=rows([("Anna", "Hm.")]))
    second = opened(tiny_tts, tmp_path / "second", store, first)
    for number in range(MOST_DIALOGUES - 1):
        second.made(work=f"new{number}", rows=rows([("Anna", "Hm.")]))
    third = opened(tiny_tts, tmp_path / "third", store, first)
    assert third.ask("follow", work="old0", patient=False) == {"gone": True}
    assert third.ask("follow", work="old1", patient=False)["result"]


def test_a_store_that_lets_one_wait_holds_up_nobody_else(
    tiny_tts: DialogueTTS, tmp_path: Path, store: DeskStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = opened(tiny_tts, tmp_path / "studio", store).sessions
    asked, answers = threading.Event(), threading.Event()
    others = sessions.of("b" * 32)
    read = store.voices

    def slowly(desk: str) -> dict[str, Any]:
        asked.set()
        assert answers.wait(60)
        return read(desk)

    monkeypatch.setattr(store, "voices", slowly)
    came: list[Any] = []
    both = [threading.Thread(target=lambda: came.append(sessions.of("a" * 32))) for _ in range(2)]
    for one in both:
        one.start()
    assert asked.wait(60)
    assert sessions.of("b" * 32) is others
    answers.set()
    for one in both:
        one.join()
    assert came[0] is came[1] is sessions.of("a" * 32), "one browser has one session"
