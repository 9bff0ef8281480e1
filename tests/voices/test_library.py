"""Kept voices: found by name in any process, never by path, and only with consent."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from dialogue_tts.dialogue.project import Project
from dialogue_tts.errors import ProjectError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.voices.assignment import VoiceResolver
from dialogue_tts.voices.library import FOLDER_VARIABLE, LONGEST_NAME, VoiceLibrary
from dialogue_tts.voices.voice import Consent, Voice

CONSENT = Consent("own", "Ada", "2026-01-31", "reading aloud")


def voice(name: str, consent: Consent | None = CONSENT) -> Voice:
    return Voice(name, torch.arange(50) % 12, torch.arange(150).reshape(50, 3) % 19, "encoder", consent)


@pytest.fixture
def library(tmp_path: Path) -> VoiceLibrary:
    return VoiceLibrary(tmp_path / "voices")


@pytest.fixture
def tts(tiny_tts: DialogueTTS, library: VoiceLibrary) -> DialogueTTS:
    return DialogueTTS(tiny_tts.bundle, library=library)


def test_what_is_added_is_there_until_it_is_removed(library: VoiceLibrary) -> None:
    assert library.names() == () and "Ada" not in library
    for name in ("zoë", "Ada", "the other Ada_2-b"):
        library.add(voice(name))
    again = VoiceLibrary(library.folder)
    assert again.names() == ("Ada", "the other Ada_2-b", "zoë")
    found = again.get("Ada")
    assert (found.name, found.consent, found.sha256) == ("Ada", CONSENT, voice("Ada").sha256)
    again.remove("Ada")
    assert library.names() == ("the other Ada_2-b", "zoë") and "Ada" not in library
    with pytest.raises(VoiceError, match="Ada: no such voice is kept; kept voices are the other Ada_2-b, zoë"):
        library.get("Ada")
    with pytest.raises(VoiceError, match="no such voice is kept"):
        library.remove("Ada")


def test_the_folder_is_the_one_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "a" / "b"))
    VoiceLibrary().add(voice("Ada"))
    assert VoiceLibrary(tmp_path / "a" / "b").names() == ("Ada",)
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert VoiceLibrary().folder.parts[-2:] == ("dialogue-tts", "voices")


@pytest.mark.parametrize("second", ["Zoë", "zoë", "ZOË", "Zoe\u0308"])
def test_a_name_is_taken_once_however_it_is_spelled(library: VoiceLibrary, second: str) -> None:
    library.add(voice("Zoë"))
    with pytest.raises(VoiceError, match="kept already; remove it, or take another name"):
        library.add(voice(second))
    assert library.names() == ("Zoë",) and library.get(second).name == "Zoë"


@pytest.mark.parametrize(
    "name",
    ["", " ", "-", " Ada", "Ada ", "../Ada", "/etc/passwd", "a/b", "a\\b", "Ada.wav", "C:", "a\nb", "a\0b", "_a"]
    + ["a" * (LONGEST_NAME + 1), "\ud800", "~", "🦆"],
)
def test_names_that_are_not_fit(library: VoiceLibrary, name: str) -> None:
    with pytest.raises(VoiceError, match="cannot be a voice's name; take letters, digits, spaces"):
        library.add(voice(name))
    with pytest.raises(VoiceError, match="no such voice is kept"):
        library.get(name)
    assert not library.folder.exists()


@pytest.mark.parametrize("name", ["a" * LONGEST_NAME, "声" * LONGEST_NAME, "𠀀" * LONGEST_NAME, "CON", "nul"])
def test_long_and_strange_names_are_files_all_the_same(library: VoiceLibrary, name: str) -> None:
    library.add(voice(name))
    assert library.names() == (name,)
    (path,) = library.folder.iterdir()
    assert path.parent == library.folder and len(path.name) < 64 and path.name.isascii()


def test_a_name_never_leads_out_of_the_folder(library: VoiceLibrary, tmp_path: Path) -> None:
    library.add(voice("Ada"))
    (kept,) = library.folder.iterdir()
    for name in (str(kept), kept.name, kept.stem, "../voices/" + kept.name):
        assert name not in library
        with pytest.raises(VoiceError, match="no such voice is kept"):
            library.remove(name)
    assert kept.exists()


def test_no_voice_without_consent(library: VoiceLibrary) -> None:
    with pytest.raises(VoiceError, match="consent record"):
        library.add(voice("Ada", None))
    assert library.names() == ()


def test_a_damaged_file_is_left_out_and_said_when_asked_for(library: VoiceLibrary) -> None:
    library.add(voice("Ada"))
    library.add(voice("Ben"))
    path = library._path("Ada")
    path.write_bytes(path.read_bytes()[:20])
    assert library.names() == ("Ben",)
    with pytest.raises(VoiceError, match="this is no voice's file"):
        library.get("Ada")
    library.remove("Ada")
    library.add(voice("Ada"))
    assert library.names() == ("Ada", "Ben")


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    library = VoiceLibrary(tmp_path / "file" / "voices")
    assert library.names() == ()
    with pytest.raises(VoiceError, match=f"voices cannot be kept there .*; set {FOLDER_VARIABLE} to another folder"):
        library.add(voice("Ada"))


def test_of_many_who_add_one_name_at_once_one_succeeds(library: VoiceLibrary) -> None:
    refused: list[VoiceError] = []
    barrier = threading.Barrier(8)

    def add() -> None:
        barrier.wait()
        try:
            library.add(voice("Ada"))
        except VoiceError as error:
            refused.append(error)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7 and library.names() == ("Ada",)


def test_a_kept_voice_speaks_by_its_name(tts: DialogueTTS, recording: Path) -> None:
    tts.keep_voice(tts.new_voice("Mine", recording, CONSENT))
    by_name = tts.synthesize("[Anna] Hello.", {"Anna": "Mine"}, seed=1)
    assert by_name.voices["Anna"].consent == CONSENT
    assert by_name.sha256 == tts.synthesize("[Anna] Hello.", {"Anna": recording}, seed=1).sha256
    assert tts.rebuild(Project.of(by_name)).sha256 == by_name.sha256
    tts.library.remove("Mine")
    with pytest.raises(ProjectError, match="'Mine' is neither built in nor kept"):
        tts.rebuild(Project.of(by_name))
    with pytest.raises(VoiceError, match="Mine: there is no such voice or sound file; built-in voices are low, high"):
        tts.voice("Mine")


def test_names_of_kept_voices_are_told_and_go_before_files(
    tts: DialogueTTS, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tts.keep_voice(tts.new_voice("Mine", recording, CONSENT))
    with pytest.raises(VoiceError, match="built-in voices are low, high; kept ones are Mine"):
        tts.voice("nobody")
    monkeypatch.chdir(tmp_path)
    Path("Mine").write_text("no sound", encoding="utf-8")
    assert tts.voice("Mine").consent == CONSENT


def test_built_in_names_and_voices_of_other_bundles_are_not_kept(tts: DialogueTTS, recording: Path) -> None:
    made = tts.new_voice("Low", recording, CONSENT)
    with pytest.raises(VoiceError, match="Low: a built-in voice has that name; take another"):
        tts.keep_voice(made)
    with pytest.raises(VoiceError, match="made with another bundle"):
        tts.keep_voice(replace(made, name="Mine", encoder="another"))
    assert tts.library.names() == ()


def test_a_built_in_voice_goes_before_a_kept_one(tiny_tts: DialogueTTS, library: VoiceLibrary) -> None:
    library.add(voice("low"))
    assert VoiceResolver(tiny_tts.bundle, library).voice("low").consent is None
