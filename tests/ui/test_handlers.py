"""What the studio answers, without a browser: scripts, making, takes, voices, files, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import srt
import webvtt

from dialogue_tts._ui.asked import MOST_TAKES, MOST_TURNS
from dialogue_tts._ui.dialogue_job import DialogueJob
from dialogue_tts._ui.handlers import Handlers, StudioInfo
from dialogue_tts._ui.making import MakeRequest, Making
from dialogue_tts._ui.session import MOST_DIALOGUES, Sessions
from dialogue_tts._ui.turns import Row, by_row, rows_of, said, text_of
from dialogue_tts.dialogue.archive import load_archive
from dialogue_tts.dialogue.result import Take
from dialogue_tts.errors import Cancelled
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.parser import parse_draft, parse_script
from dialogue_tts.script.turns import Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.store.desks import DeskStore
from dialogue_tts.synthesis.request import TakeRequest
from dialogue_tts.synthesis.synthesizer import DrawnTake, Synthesizer
from dialogue_tts.synthesis.ticket import QueueLimits
from dialogue_tts.voices.voice import PROMPT_S, Voice
from tests.conftest import RATE_HZ, buzz

pytestmark = pytest.mark.usefixtures("all_reads_well")
LINES = [("Anna", "Good evening, Ben."), ("Ben", "Is it late?"), ("Anna", "Ten past five, I think.")]


class Studio:
    """A studio in this process, and one user of it."""

    def __init__(
        self,
        tts: DialogueTTS,
        folder: Path,
        personal: bool = True,
        longest_queue: int = 8,
        store: DeskStore | None = None,
    ) -> None:
        self.folder, self.uploads = folder, folder / "uploads"
        self.uploads.mkdir(parents=True)
        limits = QueueLimits(requests=longest_queue)
        self.sessions = Sessions(tts, folder / "sounds", personal, 3600, limits, store)
        info = StudioInfo(personal, 1.0, self.uploads, Path("ui/examples").resolve())
        self.handlers = Handlers(tts, self.sessions, info)
        self.me = secrets.token_hex(16)

    def ask(self, do: str, me: str | None = None, **values: Any) -> dict[str, Any]:
        answer = asyncio.run(self.handlers.answer({"do": do, "me": me or self.me, **values}))
        return json.loads(json.dumps(answer))

    def made(self, work: str = "w", me: str | None = None, **values: Any) -> dict[str, Any]:
        """Make, and wait for it; rows' news are put together."""
        told = self.ask("make", me, work=work, **values)
        assert "error" not in told, told
        return self.wait(told, work, me)

    def wait(self, told: dict[str, Any], work: str = "w", me: str | None = None) -> dict[str, Any]:
        rows, chunks = told["rows"], told["chunks"]
        result = told.get("result")
        while told["job"]:
            told = self.ask("follow", me, work=work, since=told["version"])
            rows, chunks, result = rows | told["rows"], chunks + told["chunks"], told.get("result", result)
        return told | {"rows": rows, "chunks": chunks, "result": result}

    def upload(self, wave: np.ndarray, name: str = "voice.wav") -> str:
        path = self.uploads / secrets.token_hex(4) / name
        path.parent.mkdir()
        soundfile.write(path, wave, RATE_HZ)
        return str(path)


@pytest.fixture
def studio(tiny_tts: DialogueTTS, tmp_path: Path) -> Iterator[Studio]:
    made = Studio(tiny_tts, tmp_path / "studio")
    yield made
    made.sessions.close()


def rows(lines: list[tuple[str, str]] = LINES, **more: Any) -> list[dict[str, Any]]:
    return [{"id": f"r{n}", "speaker": who, "text": text, **more} for n, (who, text) in enumerate(lines)]


@pytest.fixture
def slow(tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """Takes come only as they are let through; one that says "Fail" fails."""
    tiny_tts.scheduler.close()  # what a test before left in the queue would wait at the gate in front of ours
    gate = threading.Semaphore(0)
    synthesizer = tiny_tts.synthesizer
    draw, render = synthesizer.draw, synthesizer.render

    def gated(requests: Sequence[TakeRequest], cancelled: Callable[[], bool]) -> list[DrawnTake]:
        let_through = False
        while not let_through and not cancelled():
            let_through = gate.acquire(timeout=0.05)
        if cancelled():  # what was let through is for the next
            if let_through:
                gate.release()
            raise Cancelled("stopped")
        return draw(requests, cancelled)

    def failing(drawn: DrawnTake) -> Take:
        if "Fail" in drawn.request.turn.text:
            raise RuntimeError("/secret/path broke")
        return render(drawn)

    monkeypatch.setattr(Synthesizer, "batch_rows", 1)  # a turn at a time
    monkeypatch.setattr(synthesizer, "draw", gated)
    monkeypatch.setattr(synthesizer, "render", failing)
    yield gate
    gate.release(1000)


def test_rows_and_text_are_one_script() -> None:
    text = "# A note\n[Anna] Hello.\n## Two\n# notes\n[Ben | overlap 0.3s | speed 1.2] Well, [pause 0.5s] hello.\n# The end\n"
    found, ending = rows_of(text)
    assert [row.note for row in found] == ["# A note", "## Two\n# notes"] and ending == "# The end"
    assert text_of(found, ending) == text
    labels, _ = rows_of("Anna: Hello.\n  And more.\n[pause 1s]\nBen: Yes.")
    assert text_of(labels) == "[Anna] Hello. And more.\n[Ben] [pause 1s] Yes.\n"
    scenes, _ = rows_of("ACT I\n\nAnna: Hello.\n\nScene 2: The quay\n\nBen: Yes.")
    assert [row.note for row in scenes] == ["## ACT I", "## Scene 2: The quay"]
    assert [row.turn.text for row in scenes] == ["Hello.", "Yes."]


PLAY = """ANNA
(laughs) Hello.

ACT II

The harbour at night.
A boat comes in.

BEN
Yes.
"""


def test_lines_that_are_no_speech_do_not_become_any() -> None:
    found, _ = rows_of(PLAY)
    assert [row.turn.text for row in found] == ["(laughs) Hello.", "Yes."]
    assert found[1].note == "## ACT II\n# The harbour at night.\n# A boat comes in."
    assert [row.note for row in rows_of(text_of(found))[0]] == [row.note for row in found]
    for path in sorted(Path("tests/script/documents").glob("*.txt")):
        text = path.read_bytes().decode("utf-8", errors="ignore")
        said_of_rows = [turn for row in rows_of(text)[0] if (turn := said(row.turn))]
        wanted = [(turn.speaker, turn.text) for turn in parse_draft(text).turns]
        assert [(turn.speaker, turn.text) for turn in said_of_rows] == wanted, path.name


@pytest.mark.parametrize("words", ['${x} <b>bold</b> "quotes" \'n 😀', "سلام", "a" * 5000, "", "[unclosed"])
def test_rows_keep_whatever_was_typed(words: str) -> None:
    (line,) = text_of([Row("a", Turn("Anna", words))]).splitlines()
    assert line == f"[Anna] {words}"


def test_findings_go_to_their_rows() -> None:
    two = [Row("a", Turn("Anna", "Hi."), note="# x\n# y"), Row("b", Turn("Ben", "[sighs]"))]
    wrong = Finding(4, None, "error", "no")
    assert by_row(two, [wrong]) == {"b": [wrong]}


def test_a_check_tells_the_other_view_and_what_is_wrong(studio: Studio) -> None:
    by_text = studio.ask("check", text="# Hi\n[Anna] Hello there.\n[Ben] No, no.\n")
    assert [row["speaker"] for row in by_text["rows"]] == ["Anna", "Ben"] and by_text["seconds"] > 0
    wrong = studio.ask("check", text="# Hi\n[Anna] Hello there.\n[Ben] [sighs] No.\n")
    assert [found["line"] for found in wrong["findings"]] == [3] and "rows" not in wrong  # they would lack a turn
    assert set(by_text["cast"]) == {"Anna", "Ben"} and set(by_text["cast"].values()) == {"name:low", "name:high"}
    by_rows = studio.ask("check", rows=rows([("Anna", "Hello there."), ("Ben", "[sighs] No.")]))
    assert list(by_rows["byRow"]) == ["r1"] and by_rows["text"].startswith("[Anna] Hello there.\n")
    empty = studio.ask("check", rows=rows([("Anna", ""), ("Cleo", "")]))
    assert set(empty["cast"]) == {"Anna", "Cleo"}  # who has said nothing yet has a voice, too
    split = studio.ask("check", rows=rows([("Anna", "Hello. [Ben] And hello.")]))
    assert [row["text"] for row in split["rows"]] == ["Hello.", "And hello."]


def test_a_hundred_turns_are_checked_quickly(studio: Studio) -> None:
    many = rows([(("Anna", "Ben")[n % 2], f"This is what I say as number {n}, and I mean it.") for n in range(100)])
    studio.ask("check", rows=many)
    began = time.perf_counter()
    assert studio.ask("check", rows=many)["turns"] == 100
    assert time.perf_counter() - began < 2  # machines are busy


def test_the_sound_is_that_of_the_library(studio: Studio, tiny_tts: DialogueTTS) -> None:
    cast = {"Anna": "name:low", "Ben": "name:high"}
    told = studio.made(rows=rows(), cast=cast, seed=9)
    assert [turn["row"] for turn in told["result"]["turns"]] == ["r0", "r1", "r2"] and told["message"] == ""
    assert told["rows"]["r0"]["takes"][0]["doubts"][0] == "words"  # the tiny bundle says noise
    got = studio.ask("download", work="w", kind="wav", title="Ten past")
    assert Path(got["file"]).name == "Ten-past.wav"
    DialogueTTS(tiny_tts.bundle).synthesize(
        text_of(rows_of("\n".join(f"[{w}] {t}" for w, t in LINES))[0]), {"Anna": "low", "Ben": "high"}, 9
    ).save(studio.folder / "same.wav")
    assert Path(got["file"]).read_bytes() == (studio.folder / "same.wav").read_bytes()


def test_pieces_make_up_the_dialogue(studio: Studio) -> None:
    told = studio.made(rows=rows())
    waves = [soundfile.read(chunk["file"], dtype="int16")[0] for chunk in told["chunks"] if chunk["file"]]
    whole, _ = soundfile.read(told["result"]["file"], dtype="int16")
    np.testing.assert_array_equal(np.concatenate(waves), whole)
    ends = [chunk["at"] + chunk["seconds"] for chunk in told["chunks"]]
    assert [chunk["at"] for chunk in told["chunks"]][1:] == pytest.approx(ends[:-1], abs=1e-3)
    words = told["result"]["turns"][1]["words"]
    assert [word for word, _ in words] == ["Is", "it", "late?"] and told["result"]["turns"][1]["start"] <= words[0][1]


def sound_of(told: dict[str, Any], row: str) -> bytes:
    shown = told["rows"][row]
    return Path(shown["takes"][shown["chosen"]]["file"]).read_bytes()


def test_only_what_changed_is_made(studio: Studio, slow: threading.Semaphore) -> None:
    slow.release(3)
    before = studio.made(rows=rows())
    changed = rows([LINES[0], ("Ben", "Is it really late?"), LINES[2], ("Ben", "Oh dear.")])
    told = studio.ask("make", work="w", rows=changed)
    assert told["job"]["of"] == 2
    slow.release(2)
    after = studio.wait(told)
    assert [turn["row"] for turn in after["result"]["turns"]] == ["r0", "r1", "r2", "r3"]
    for row in ("r0", "r2"):
        assert sound_of(after, row) == sound_of(before, row)
    assert [take["text"] for take in after["rows"]["r1"]["takes"]] == ["Is it late?", "Is it really late?"]
    moved = studio.made(rows=[changed[2], changed[0]])  # nothing is computed: nothing is let through
    assert [turn["row"] for turn in moved["result"]["turns"]] == ["r2", "r0"]


def test_redo_makes_one_turn_and_takes_can_be_chosen(studio: Studio) -> None:
    before = studio.made(rows=rows())
    after = studio.made(rows=rows([*LINES[:2], ("Anna", "This is not made yet.")]), only="r1", fresh=True)
    assert sound_of(after, "r0") == sound_of(before, "r0") and sound_of(after, "r1") != sound_of(before, "r1")
    assert len(after["rows"]["r1"]["takes"]) == 2 and after["rows"]["r1"]["chosen"] == 1
    assert after["result"]["turns"][2]["words"] == [
        [w, pytest.approx(s + after["result"]["turns"][2]["start"] - before["result"]["turns"][2]["start"], abs=0.002)]
        for w, s in before["result"]["turns"][2]["words"]
    ]
    chosen = studio.ask("choose", work="w", row="r1", take=0, since=0)
    assert sound_of(chosen, "r1") == sound_of(before, "r1")
    whole = Path(chosen["result"]["file"]).read_bytes()
    assert whole == Path(studio.made(rows=rows())["result"]["file"]).read_bytes()
    assert "no take 7" in studio.ask("choose", work="w", row="r1", take=7)["error"]


def test_seeds_and_locks(studio: Studio) -> None:
    given = studio.made(rows=[{**rows()[0], "seed": 5}, *rows()[1:]])
    assert given["rows"]["r0"]["takes"][0]["seed"] == 5
    anew = studio.made(rows=[{**rows()[0], "locked": True}, *rows()[1:]], fresh=True)
    assert sound_of(anew, "r0") == sound_of(given, "r0")
    assert all(sound_of(anew, row) != sound_of(given, row) for row in ("r1", "r2"))


def test_a_turn_alone_before_the_rest(studio: Studio) -> None:
    told = studio.made(rows=rows(), only="r2")
    assert [turn["row"] for turn in told["result"]["turns"]] == ["r2"]
    whole = studio.made(rows=rows())
    assert sound_of(whole, "r2") == sound_of(told, "r2") and len(whole["result"]["turns"]) == 3


def test_another_voice_makes_the_speaker_anew(studio: Studio) -> None:
    before = studio.made(rows=rows(), cast={"Anna": "name:low", "Ben": "name:low"})
    after = studio.made(rows=rows(), cast={"Anna": "name:low", "Ben": "name:high"})
    assert sound_of(after, "r0") == sound_of(before, "r0") and sound_of(after, "r1") != sound_of(before, "r1")
    assert after["rows"]["r1"]["said"]["voice"] == "name:high"


def test_stop_keeps_what_is_made(studio: Studio, slow: threading.Semaphore) -> None:
    told = studio.ask("make", work="w", rows=rows())
    slow.release(1)
    while not told["chunks"]:
        told = studio.ask("follow", work="w", since=0)
    began = time.monotonic()
    stopped = studio.ask("stop", work="w", since=0)
    assert time.monotonic() - began < 1 and stopped["job"] is None and "stays" in stopped["message"]
    assert [turn["row"] for turn in stopped["result"]["turns"]] == ["r0"]
    assert [stopped["rows"][f"r{n}"]["state"] for n in range(3)] == ["made", "none", "none"]
    assert "file" in studio.ask("download", work="w", kind="mp3", title="x")
    slow.release(2)
    assert len(studio.made(rows=rows())["result"]["turns"]) == 3


def test_a_failing_turn_is_marked_and_the_rest_goes_on(
    studio: Studio, slow: threading.Semaphore, caplog: pytest.LogCaptureFixture
) -> None:
    slow.release(9)
    with caplog.at_level(logging.ERROR):
        told = studio.made(rows=rows([LINES[0], ("Ben", "Fail now."), LINES[2]]))
    assert [told["rows"][f"r{n}"]["state"] for n in range(3)] == ["made", "failed", "made"]
    assert "secret" not in json.dumps(told) and "report" in told["rows"]["r1"]["message"]
    assert [turn["row"] for turn in told["result"]["turns"]] == ["r0", "r2"] and "secret" in caplog.text


def test_a_fault_behind_the_last_turn_ends_the_making(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("/secret/path broke")

    monkeypatch.setattr(DialogueJob, "_played", broken)
    told = studio.made(rows=rows(LINES[:1]))
    assert told["result"] and "report" in told["message"] and "secret" not in told["message"]
    assert studio.ask("make", work="w", rows=rows(LINES[:1])).get("error") is None


def test_one_job_for_a_double_click_and_the_time_left(studio: Studio, slow: threading.Semaphore) -> None:
    told = studio.ask("make", work="w", rows=rows())
    assert "already" in studio.ask("make", work="w", rows=rows())["error"]
    assert told["job"]["of"] == 3 and told["job"]["left"] > 0
    slow.release(3)
    assert studio.wait(told)["job"] is None


def test_the_time_left_is_right_within_a_third(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("dialogue_tts._ui.making.time", SimpleNamespace(monotonic=lambda: clock[0]))
    costs = {"r0": 40, "r1": 60, "r2": 20, "r3": 80}
    wanted = MakeRequest((), {}, {}, 1, SynthesisConfig())
    job = Making(wanted, {}, pace_s=9.0, costs=costs, began=100.0)
    for row, took_s in (("r0", 45.0), ("r1", 55.0), ("r2", 22.0)):
        clock[0] += took_s
        job.failed.add(row)
        job.came = clock[0]
        if len(job.failed) > 1:
            true_s = {2: 22.0 + 78.0, 3: 78.0}[len(job.failed)]
            assert job.left_s() == pytest.approx(true_s, rel=1 / 3)
            clock[0] += 10.0
            assert job.left_s() == pytest.approx(true_s - 10.0, rel=1 / 3)
            clock[0] -= 10.0
    clock[0] += 200.0
    assert 0 < job.left_s() < 78.0  # late, and not over


def test_a_full_queue_is_told(tiny_tts: DialogueTTS, tmp_path: Path, slow: threading.Semaphore) -> None:
    studio = Studio(tiny_tts, tmp_path / "busy", longest_queue=2)
    first = studio.ask("make", work="a", rows=rows())
    while first["job"]["state"] == "waiting":
        first = studio.ask("follow", work="a", since=first["version"])
    second = studio.ask("make", work="b", rows=rows())
    assert second["job"]["inFront"] == 1
    refused = studio.ask("make", work="c", rows=rows())
    assert "try again in" in refused["error"] and "script" in refused["error"].lower()
    slow.release(9)
    assert studio.wait(first, "a")["result"] and studio.wait(second, "b")["result"]
    assert studio.made("c", rows=rows())["result"]


@pytest.mark.parametrize(
    ("lines", "words", "where"),
    [
        ([], "empty", None),
        ([("Anna", "Hello."), ("Ben", " ")], "no text", "r1"),
        ([("Anna", "Hello."), ("Ben", "[sighs] Oh.")], "cannot be acted", "r1"),
        ([("Anna", "Hello."), ("Ben", "...")], "say", "r1"),
    ],
)
def test_mistakes_are_told_where_they_are(studio: Studio, lines: Any, words: str, where: str | None) -> None:
    told = studio.ask("make", work="w", rows=rows(lines))
    assert words in told["error"] and told.get("where") == where


def test_two_users_never_meet(studio: Studio) -> None:
    other = secrets.token_hex(16)
    mine = studio.made(rows=rows())
    assert studio.ask("follow", other, work="w", since=0) == {"gone": True}
    assert "error" in studio.ask("download", other, work="w", kind="wav", title="x")
    studio.made(rows=rows([("Zoe", "Mine.")]), me=other)
    assert [turn["speaker"] for turn in studio.ask("follow", work="w", since=0)["result"]["turns"]] == [
        "Anna",
        "Ben",
        "Anna",
    ]
    ref = studio.ask("bring_voice", path=studio.upload(buzz(4.0)), name="Ann")["ref"]
    assert ref not in {voice["ref"] for voice in studio.ask("hello", other)["voices"]}
    assert "not here" in studio.ask("sample", other, ref=ref)["error"]
    assert "not here" in studio.ask("make", other, work="v", rows=rows(), cast={"Anna": ref})["error"]
    assert (
        Path(mine["result"]["file"]).parents[1]
        != Path(studio.ask("follow", other, work="w", since=0)["result"]["file"]).parents[1]
    )


def test_every_download(studio: Studio) -> None:
    studio.made(rows=rows())
    files = {}
    for kind in (
        "wav",
        "flac",
        "mp3",
        "ogg",
        "opus",
        "stereo",
        "srt",
        "vtt",
        "json",
        "labels",
        "script",
        "project",
        "m4a",
        "m4b",
        "page",
        "archive",
        "tracks",
        "turns",
        "all",
    ):
        got = studio.ask("download", work="w", kind=kind, title="../../Ten past: five?")
        assert got["name"].startswith("Ten-past-five") and "error" not in got
        files[kind] = Path(got["file"])
    length = soundfile.info(files["wav"]).duration
    assert "data:audio/mpeg;base64," in files["page"].read_text()
    assert len(load_archive(files["archive"]).takes) == 3
    for kind in ("flac", "mp3", "ogg", "opus", "stereo"):
        assert soundfile.info(files[kind]).duration == pytest.approx(length, abs=0.12)
    assert soundfile.info(files["stereo"]).channels == 2
    assert [cue.content for cue in srt.parse(files["srt"].read_text())][1] == "Ben: Is it late?"
    assert len(webvtt.read(str(files["vtt"]))) == 3
    assert json.loads(files["json"].read_text())["turns"][2]["speaker"] == "Anna"
    assert len(files["labels"].read_text().splitlines()) == 3
    assert [turn.text for turn in parse_script(files["script"].read_text()).turns] == [text for _, text in LINES]
    assert zipfile.ZipFile(files["tracks"]).namelist() == ["1-Anna.wav", "2-Ben.wav"]
    assert [name[:8] for name in zipfile.ZipFile(files["turns"]).namelist()] == ["001-Anna", "002-Ben-", "003-Anna"]
    inside = zipfile.ZipFile(files["all"]).namelist()
    assert {Path(name).suffix for name in inside} >= {".wav", ".flac", ".mp3", ".m4b", ".srt", ".html", ".dialogue"}
    assert len(inside) == 12 + 2 + 3 and "tracks/1-Anna.wav" in inside
    assert "error" in studio.ask("download", work="w", kind="exe", title="x")


def test_a_project_opens_with_its_sound(studio: Studio, tiny_tts: DialogueTTS) -> None:
    studio.made(rows=rows(), cast={"Anna": "name:high"}, settings={"gap": 0.5, "speed": 1.1})
    told = studio.made(rows=rows(), only="r1", fresh=True, cast={"Anna": "name:high"})
    text = Path(studio.ask("download", work="w", kind="project", title="x")["file"]).read_text()
    opened = studio.ask("open_project", secrets.token_hex(16), work="p", text=text)
    assert opened["settings"]["gap"] == 0.5 and opened["cast"]["Anna"] == "name:high"
    me = secrets.token_hex(16)
    opened = studio.ask("open_project", me, work="p", text=text)
    done = studio.wait(opened["news"], "p", me)
    assert done["message"] == "" and len(done["rows"]["p1"]["takes"]) == 2
    assert Path(done["result"]["file"]).read_bytes() == Path(told["result"]["file"]).read_bytes()
    assert "no project" in studio.ask("open_project", work="q", text="{}")["error"]


def test_a_project_of_too_many_takes_is_refused_before_anything_is_made(studio: Studio) -> None:
    studio.made(rows=rows(LINES[:1]))
    values = json.loads(Path(studio.ask("download", work="w", kind="project", title="x")["file"]).read_text())
    many = values | {"turns": [values["turns"][0] | {"takes": values["turns"][0]["takes"] * (MOST_TAKES + 1)}]}
    assert "takes; at most" in studio.ask("open_project", work="p", text=json.dumps(many))["error"]
    often = values | {"config": values["config"] | {"takes": 100}}
    assert "too often" in studio.ask("open_project", work="p", text=json.dumps(often))["error"]


def test_a_project_whose_voice_is_gone_still_opens(studio: Studio) -> None:
    ref = studio.ask("bring_voice", path=studio.upload(buzz(4.0, 180.0)), name="Guest")["ref"]
    studio.made(rows=rows(), cast={"Anna": ref})
    text = Path(studio.ask("download", work="w", kind="project", title="x")["file"]).read_text()
    assert "news" in studio.ask("open_project", work="again", text=text)  # it is still on this desk
    studio.ask("forget_voice", ref=ref)
    opened = studio.ask("open_project", work="later", text=text)
    assert "Anna's voice 'Guest' is not here" in opened["warning"] and len(opened["rows"]) == 3 and "news" not in opened


def test_voices_are_brought_heard_renamed_and_deleted(studio: Studio) -> None:
    path = studio.upload(np.concatenate([np.zeros(RATE_HZ, np.float32), buzz(PROMPT_S + 3)]))
    brought = studio.ask("bring_voice", path=path, name="Aunt Ida")
    voice = next(v for v in brought["voices"] if v["ref"] == brought["ref"])
    assert voice["name"] == "Aunt Ida" and voice["seconds"] == PROMPT_S + 4
    assert voice["used"] <= PROMPT_S and voice["start"] > 0.5
    assert not Path(path).exists()
    sample = Path(studio.ask("sample", ref=brought["ref"])["file"])
    assert soundfile.info(sample).duration == pytest.approx(voice["used"], abs=0.1)
    renamed = studio.ask("rename_voice", ref=brought["ref"], name="Ida")
    assert "Ida" in {v["name"] for v in renamed["voices"]}
    told = studio.made(rows=rows(), cast={"Anna": brought["ref"]})
    assert told["rows"]["r0"]["said"]["voice"] == brought["ref"]
    left = studio.ask("forget_voice", ref=brought["ref"])
    assert brought["ref"] not in {v["ref"] for v in left["voices"]} and not sample.exists()
    assert "not here" in studio.ask("make", work="w", rows=rows(), cast={"Anna": brought["ref"]})["error"]


@pytest.mark.parametrize(
    ("wave", "words"),
    [(buzz(1.0), "at least 2 s"), (buzz(31.0), "at most 30 s"), (np.zeros(3 * RATE_HZ, np.float32), "silent")],
)
def test_recordings_that_cannot_serve_are_refused_in_words(studio: Studio, wave: np.ndarray, words: str) -> None:
    path = studio.upload(wave)
    told = studio.ask("bring_voice", path=path, name="x")
    assert words in told["error"] and path not in told["error"] and not Path(path).exists()


def test_a_small_file_of_hours_is_refused_before_it_is_decoded(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    path = studio.uploads / "hour.flac"
    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as file:
        for _ in range(60):
            file.write(np.zeros(8000 * 60, np.float32))
    monkeypatch.setattr(soundfile, "read", lambda *_, **__: pytest.fail("it was decoded"))
    assert path.stat().st_size < 500_000
    assert "lasts 3600 s; cut it to at most 30 s" in studio.ask("bring_voice", path=str(path), name="x")["error"]


def test_a_sound_is_looked_through_for_the_mark(studio: Studio, tiny_tts: DialogueTTS) -> None:
    noise = 0.1 * np.random.default_rng(6).standard_normal(4 * RATE_HZ).astype(np.float32)
    assert tiny_tts.mark is not None
    path = studio.upload(tiny_tts.mark.applied(noise))
    told = studio.ask("verify", path=path)
    assert told["marked"] and "bundle tiny" in told["says"][0] and not Path(path).exists()
    assert not studio.ask("verify", path=studio.upload(noise))["marked"]
    short = studio.upload(noise[:6000])
    refused = studio.ask("verify", path=short)["error"]
    assert "too short to tell" in refused and short not in refused
    assert "not uploaded here" in studio.ask("verify", path="/etc/hostname")["error"]


def test_a_text_named_wav_is_refused(studio: Studio) -> None:
    path = Path(studio.upload(buzz(3.0)))
    path.write_text("no sound")
    assert "no sound file" in studio.ask("bring_voice", path=str(path), name="x")["error"]


CONSENT = {"kind": "own", "who": "Ida", "when": "2026-01-31", "what": "dialogues"}


def test_voices_are_kept_with_consent(studio: Studio, tiny_tts: DialogueTTS) -> None:
    ref = studio.ask("bring_voice", path=studio.upload(buzz(4.0, 170.0)), name="Ida")["ref"]
    assert "names nobody" in studio.ask("keep_voice", ref=ref, name="Ida", consent=CONSENT | {"who": ""})["error"]
    assert "built-in voice has that name" in studio.ask("keep_voice", ref=ref, name="low", consent=CONSENT)["error"]
    saved = studio.ask("save_voice", ref=ref, name="Ida", consent=CONSENT)
    assert saved["name"] == "Ida.safetensors" and Voice.load(saved["file"]).consent.who == "Ida"
    kept = studio.ask("keep_voice", ref=ref, name="Ida", consent=CONSENT)
    assert kept["ref"] == "name:Ida" and tiny_tts.library.get("Ida").consent.what == "dialogues"
    assert "file" in studio.ask("sample", ref="name:Ida")
    (studio.uploads / "Ida.safetensors").write_bytes(Path(saved["file"]).read_bytes())
    assert "ref" in studio.ask("bring_voice", path=str(studio.uploads / "Ida.safetensors"), name="Ida")
    assert "name:Ida" not in {v["ref"] for v in studio.ask("forget_voice", ref="name:Ida")["voices"]}


def test_visitors_of_a_shared_studio_reach_no_kept_voice(studio: Studio, tiny_tts: DialogueTTS, tmp_path: Path) -> None:
    ref = studio.ask("bring_voice", path=studio.upload(buzz(4.0, 150.0)), name="Owner")["ref"]
    studio.ask("keep_voice", ref=ref, name="Owner", consent=CONSENT)
    shared = Studio(tiny_tts, tmp_path / "shared", personal=False)
    assert "name:Owner" not in {v["ref"] for v in shared.ask("hello")["voices"]}
    for do in ("sample", "forget_voice"):
        assert "error" in shared.ask(do, ref="name:Owner")
    ref = shared.ask("bring_voice", path=shared.upload(buzz(4.0)), name="x")["ref"]
    assert "owner" in shared.ask("keep_voice", ref=ref, name="x", consent=CONSENT)["error"]
    tiny_tts.library.remove("Owner")


def test_what_was_left_is_deleted(studio: Studio) -> None:
    told = studio.made(rows=rows())
    studio.ask("bring_voice", path=studio.upload(buzz(3.0)), name="x")
    folder = Path(told["result"]["file"]).parents[1]
    studio.sessions.sweep()
    assert folder.exists()
    studio.sessions.of(studio.me).seen -= 3601
    studio.sessions.sweep()
    assert not folder.exists() and studio.ask("follow", work="w", since=0) == {"gone": True}
    told = studio.made(rows=rows())
    assert studio.ask("forget") == {} and not Path(told["result"]["file"]).exists()


def test_invented_users_lock_nobody_out(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogue_tts._ui.session.MOST_SESSIONS", 3)
    mine = Path(studio.made(rows=rows(LINES[:1]))["result"]["file"])
    for _ in range(5):
        assert "voices" in studio.ask("hello", secrets.token_hex(16))
    assert mine.exists() and studio.ask("follow", work="w", since=0)["result"]
    others = [secrets.token_hex(16) for _ in range(3)]
    for other in others[:2]:
        studio.made("w", other, rows=rows(LINES[:1]))
    assert "Too many people" in studio.ask("hello", others[2])["error"]
    studio.sessions.of(others[0]).seen -= 1000  # it was left
    assert "voices" in studio.ask("hello", others[2]) and mine.exists()


def test_sounds_of_makings_before_are_deleted(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogue_tts._ui.job_files.MOST_DOWNLOADS", 4)
    told = studio.made(rows=rows())
    folder = Path(told["result"]["file"]).parent
    counts = []
    for n in range(4):
        studio.made(rows=rows([*LINES[:2], ("Anna", f"This is number {n}.")]))
        studio.made(rows=rows())
        for _ in range(6):
            studio.ask("download", work="w", kind="srt", title="x")
        counts.append(len(list(folder.iterdir())))
    # Three takes and those of the third row so far, the dialogue now and before, chunks of one making, four downloads.
    assert counts[-1] - counts[-2] <= 1 and counts[-1] <= 3 + 4 + 2 + 3 + 4


def test_of_too_many_dialogues_the_oldest_goes(studio: Studio) -> None:
    files = [Path(studio.made(f"w{n}", rows=rows(LINES[:1]))["result"]["file"]) for n in range(MOST_DIALOGUES + 1)]
    assert [file.exists() for file in files] == [False] + [True] * MOST_DIALOGUES


def broken(change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    return change({"do": "make", "me": "0" * 32, "work": "w", "rows": rows()})


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        "make",
        {"do": "make"},
        {"do": "_make", "me": "0" * 32},
        {"do": "__init__", "me": "0" * 32},
        {"do": "hello", "me": "../../../etc"},
        broken(lambda q: q | {"rows": "x"}),
        broken(lambda q: q | {"rows": [1]}),
        broken(lambda q: q | {"rows": [rows()[0] | {"id": "../x"}]}),
        broken(lambda q: q | {"rows": [rows()[0] | {"text": ["x"]}]}),
        broken(lambda q: q | {"rows": [rows()[0] | {"speed": "fast"}]}),
        broken(lambda q: q | {"rows": [rows()[0] | {"speed": float("nan")}]}),
        broken(lambda q: q | {"rows": [rows()[0] | {"pause": -1}]}),
        broken(lambda q: q | {"rows": [rows()[0] | {"seed": -1}]}),
        broken(lambda q: q | {"rows": rows() + rows()}),
        broken(lambda q: q | {"rows": rows([("Anna", "Hi.")] * (MOST_TURNS + 1))}),
        broken(lambda q: q | {"rows": rows([("A" * 70, "Hi.")])}),
        broken(lambda q: q | {"work": "../../x"}),
        broken(lambda q: q | {"seed": 1e9}),
        broken(lambda q: q | {"cast": ["low"]}),
        broken(lambda q: q | {"cast": {"Anna": "name:/etc/passwd"}}),
        broken(lambda q: q | {"cast": {"Anna": "name:../voice.wav"}}),
        broken(lambda q: q | {"settings": {"speed": 99}}),
        broken(lambda q: q | {"settings": ["left_out"]}),
        broken(lambda q: q | {"settings": {"words": {"a" * 101: "x"}}}),
        broken(lambda q: q | {"settings": {"words": {"ab\ud83d": "x"}}}),
        broken(lambda q: q | {"rows": rows([("Anna", "Hello \ud83d.")])}),
        broken(lambda q: q | {"only": "nobody"}),
        {"do": "check", "me": "0" * 32, "text": "x" * 200_000},
        {"do": "bring_voice", "me": "0" * 32, "path": "/etc/passwd", "name": "x"},
        {"do": "bring_voice", "me": "0" * 32, "path": "UPLOADS/../../secret.wav", "name": "x"},
        {"do": "sample", "me": "0" * 32, "ref": "name:/etc/passwd"},
        {"do": "sample", "me": "0" * 32, "ref": "mine:../../x"},
        {"do": "download", "me": "0" * 32, "work": "w", "kind": "wav", "title": "x"},
        {"do": "choose", "me": "0" * 32, "work": "w", "row": "r0", "take": 0},
    ],
    ids=repr,
)
def test_what_no_page_sends_is_refused_in_a_sentence(
    studio: Studio, asked: Any, caplog: pytest.LogCaptureFixture
) -> None:
    soundfile.write(studio.folder / "secret.wav", buzz(3.0), RATE_HZ)
    if isinstance(asked, dict) and "path" in asked:
        asked = asked | {"path": asked["path"].replace("UPLOADS", str(studio.uploads))}
    told = asyncio.run(studio.handlers.answer(asked))
    assert set(told) <= {"error", "where"} and told["error"].endswith((".", "?")) and "report" not in told["error"]
    assert not caplog.records and (studio.folder / "secret.wav").exists()


def test_a_full_disk_is_told_in_words(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    import dialogue_tts._ui.job_files as work
    from dialogue_tts.errors import AudioError

    def full(path: Path, *_: Any) -> None:
        raise AudioError(f"{path.name}: cannot write the sound there (No space left on device); choose another place.")

    monkeypatch.setattr(work, "write_audio", full)
    told = studio.made(rows=rows(LINES[:1]))
    assert "make room on its disk" in told["message"] and told["result"] is None


def test_the_first_piece_comes_before_the_last_turn_is_made(studio: Studio, slow: threading.Semaphore) -> None:
    told = studio.ask("make", work="w", rows=rows())
    slow.release(1)
    while not told["chunks"]:
        told = studio.ask("follow", work="w", since=told["version"])
    assert told["job"]["done"] < 3
    slow.release(2)
    studio.wait(told)


def test_a_mix_is_checked_and_computes_nothing(studio: Studio) -> None:
    path = studio.upload(buzz(0.5), "bell.wav")
    brought = studio.ask("bring_sound", path=path, name="bell.wav")
    assert brought["name"] == "bell.wav" and brought["sounds"] == [{"name": "bell.wav", "seconds": 0.5}]
    assert not Path(path).exists()
    made = studio.made(rows=rows())
    effect = {"sound": "bell.wav", "row": "r1", "gain_db": -6, "waits": True}
    told = studio.ask("arrange", work="w", since=made["version"], mix={"effects": [effect, {**effect, "row": "gone"}]})
    assert not told["rows"] and [piece["kind"] for piece in told["result"]["pieces"]] == ["effect"]
    assert told["result"]["turns"][1]["wait"] == 0.5
    assert told["result"]["turns"][1]["start"] == pytest.approx(made["result"]["turns"][1]["start"] + 0.5, abs=0.002)
    for mix, words in (
        ({"bed": {"sound": "rain.wav"}}, "choose its file again"),
        ({"effects": [effect | {"gain_db": "loud"}]}, "gain_db"),
        ({"effects": [3]}, "reload the page"),
        ("loud", "reload the page"),
        ({"levels": [{"speaker": "Anna"}] * 2}, "two levels"),
    ):
        assert words in studio.ask("arrange", work="w", since=0, mix=mix)["error"]
    assert studio.ask("follow", work="w", since=0)["result"]["pieces"] == told["result"]["pieces"]  # as it was before
