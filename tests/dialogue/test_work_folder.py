"""Work folders: whose they are, what is in them, and what is left of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dialogue_tts.dialogue.result import BundleId, Take
from dialogue_tts.dialogue.turns import Check
from dialogue_tts.dialogue.work_folder import WorkManifest, looked_at, opened
from dialogue_tts.errors import WorkFolderError

MANIFEST = WorkManifest("1.0", BundleId("tiny", "ab"), "script", "settings", "voices", 7)
TAKE = Take("Hello.", 3, np.linspace(-1, 1, 50, dtype=np.float32), (), 1, Check(0.0, 1.0, 0.5))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "talk.wav"


def names(out: Path) -> list[str]:
    return sorted(path.relative_to(out.parent).as_posix() for path in out.parent.rglob("*"))


def interrupted(out: Path, manifest: WorkManifest = MANIFEST) -> None:
    """One take is kept, then its process ends."""
    with opened(out) as work:
        work.begin(manifest)
        work.keep(0, 0, TAKE)


def test_what_is_kept_is_found_again_and_goes_when_all_is_done(out: Path) -> None:
    interrupted(out)
    assert names(out) == [
        "talk.wav.work",
        "talk.wav.work/00000.0.take",
        "talk.wav.work/lock",
        "talk.wav.work/work.json",
    ]
    with opened(out) as work:
        assert work.manifest == MANIFEST and work.find(0, 0) == TAKE and work.find(0, 1) is None
        work.begin(MANIFEST)
        work.remove()
        assert names(out) == []
    assert names(out) == []


def test_a_folder_without_a_turn_goes_away(out: Path) -> None:
    with pytest.raises(ArithmeticError), opened(out) as work:
        work.begin(MANIFEST)
        raise ArithmeticError
    assert names(out) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "2.0"}, "version of dialogue-tts"),
        ({"bundle": BundleId("tiny", "cd")}, "bundle"),
        ({"script": ""}, "script"),
        ({"seed": 8}, "seed"),
        ({"settings": ""}, "settings"),
        ({"voices": ""}, "cast of voices"),
    ],
)
def test_another_dialogue_is_refused_and_stays(out: Path, change: dict, said: str) -> None:
    interrupted(out)
    there = names(out)
    with pytest.raises(WorkFolderError, match=f"has another {said}; finish it"), opened(out) as work:
        work.begin(replace(MANIFEST, **change))
    assert names(out) == there


def test_two_processes_do_not_share_a_folder(out: Path) -> None:
    with opened(out) as work:
        work.begin(MANIFEST)
        work.keep(0, 0, TAKE)
        with pytest.raises(WorkFolderError, match="another process is making this dialogue"), opened(out):
            pass
        assert looked_at(out).find(0, 0) == TAKE  # reading needs no lock
    with opened(out) as work:
        assert work.find(0, 0) == TAKE


def test_a_folder_of_somebody_else_is_left_alone(out: Path) -> None:
    folder = out.with_name("talk.wav.work")
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(WorkFolderError, match="this folder holds notes.txt"), opened(out):
        pass
    assert names(out) == ["talk.wav.work", "talk.wav.work/notes.txt"]


@pytest.mark.parametrize(
    "content", ["", "[]", "no json", '{"kind": "dialogue-tts work 9"}', '{"kind": "dialogue-tts work 1"}']
)
def test_a_manifest_of_another_version_is_refused(out: Path, content: str) -> None:
    interrupted(out)
    (out.with_name("talk.wav.work") / "work.json").write_text(content, encoding="utf-8")
    with (
        pytest.raises(WorkFolderError, match="the unfinished work there cannot be used .*; remove the folder"),
        opened(out),
    ):
        pass
    assert "talk.wav.work/00000.0.take" in names(out)


def test_what_killed_processes_leave_is_taken_away(out: Path) -> None:
    interrupted(out)
    for draft in (out.parent / ".talk.wav.1-2.part", out.with_name("talk.wav.work") / ".00001.0.take.1-2.part"):
        draft.write_bytes(b"half")
    with opened(out) as work:
        assert not list(out.parent.rglob("*.part")) and work.find(0, 0) == TAKE


def test_a_damaged_take_is_made_again(out: Path) -> None:
    interrupted(out)
    (out.with_name("talk.wav.work") / "00000.0.take").write_bytes(b"damaged")
    with opened(out) as work:
        assert work.find(0, 0) is None
        work.keep(0, 0, TAKE)
        assert work.find(0, 0) == TAKE


def test_a_full_disk_is_told_and_what_is_kept_stays(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupted(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with opened(out) as work:
        monkeypatch.setattr(Path, "write_bytes", full)
        with pytest.raises(WorkFolderError, match=r"nothing more can be kept \(No space left on device\); make room"):
            work.keep(1, 0, TAKE)
        assert work.find(0, 0) == TAKE and work.find(1, 0) is None


def test_a_place_that_cannot_be_written_to(out: Path) -> None:
    out.with_name("talk.wav.work").write_text("a file", encoding="utf-8")
    with pytest.raises(WorkFolderError, match="cannot be made"), opened(out):
        pass


def test_there_is_nothing_to_look_at(out: Path) -> None:
    with pytest.raises(WorkFolderError, match="there is no unfinished work on it; leave out --partial"):
        looked_at(out)
