"""Arranging in the studio: levels, music, effects and the timeline. In a real browser."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dialogue_tts.dialogue.project import Project
from dialogue_tts.pipeline import DialogueTTS
from tests.conftest import RATE_HZ, buzz
from tests.ui.browsing import WAIT_MS, Open, done, expect, make, serious, told, wav_of, write


@pytest.fixture(scope="module")
def rain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sounds") / "rain.wav"
    soundfile.write(path, 0.5 * buzz(1.0), RATE_HZ)
    return path


def mix_box(page: Any) -> None:
    page.locator(".mixing summary").click()


def heard(page: Any, change: Any) -> Any:
    """What is heard once a change of the mix is."""
    before = told(page, "result.file")
    change()
    until(page, lambda: told(page, "result.file") != before)
    return told(page, "result")


def samples(wav: bytes) -> np.ndarray:
    """Of a WAV file."""
    return soundfile.read(BytesIO(wav), dtype="float32")[0]


def until(page: Any, holds: Callable[[], bool]) -> None:
    """Wait for what a page knows."""
    for _ in range(WAIT_MS // 100):
        if holds():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came")


def test_music_levels_and_loudness_are_heard_at_once_and_kept_in_the_project(
    visit: Open, rain: Path, tiny_tts: DialogueTTS, tmp_path: Path
) -> None:
    page = visit()
    write(page, "[Anna] Good evening, Ben. How was your journey with the late train?\n[Ben] Is it late?")
    make(page)
    alone = told(page, "result")
    mix_box(page)
    found = heard(page, lambda: page.get_by_label("Sound file: Music or room under speech").set_input_files(rain))
    assert [piece["kind"] for piece in found["pieces"]] == ["bed"]
    assert found["seconds"] == pytest.approx(alone["seconds"] + 5, abs=0.01)
    assert [row["takes"][0]["file"] for row in told(page, "made").values()]  # nothing was made anew
    muted = heard(page, lambda: page.get_by_label("Mute Ben").check())
    assert muted["turns"][1]["start"] == found["turns"][1]["start"]
    loud = heard(page, lambda: page.get_by_label("Loudness of the whole").select_option("broadcast"))
    assert loud["levels"]["lufs"] == pytest.approx(
        -23, abs=2
    )  # the tiny bundle's noise has peaks, which are turned down
    expect(page.locator(".mixing")).to_contain_text(f"It is at {loud['levels']['lufs']:g} LUFS")
    page.get_by_role("button", name="Download…").click()
    with page.expect_download() as got:
        page.get_by_role("button", name="Project", exact=True).click()
    got.value.save_as(tmp_path / "talk.json")
    again = tiny_tts.rebuild(Project.load(tmp_path / "talk.json"))
    heard_here = samples(wav_of(page, told(page, "result.file")))
    np.testing.assert_allclose(
        heard_here, again.waveform, atol=3 / 32768
    )  # with other threads the last bits are others
    page.get_by_role("button", name="Close").click()
    page.keyboard.press("Control+z")  # the loudness
    until(page, lambda: told(page, "result.mix.master") is None)
    other = visit()
    other.locator("input[type=file][accept*='.docx']").set_input_files(tmp_path / "talk.json")
    done(other)
    assert np.array_equal(samples(wav_of(other, told(other, "result.file"))), heard_here)
    assert told(other, "mix.bed.sound") == "rain.wav" and told(other, "mix.levels[0].muted")


def test_an_effect_between_turns_and_an_intro(visit: Open, rain: Path) -> None:
    page = visit()
    write(page, "[Anna] One.\n[Ben] Two.")
    make(page)
    before = told(page, "result")
    page.get_by_label("More for turn 2").click()
    page.get_by_role("button", name="Sound before…").click()
    page.get_by_label("Sound file: Sound").set_input_files(rain)
    expect(page.get_by_role("combobox", name="Sound", exact=True)).to_have_value("rain.wav")
    found = heard(page, lambda: page.get_by_role("button", name="Add", exact=True).click())
    assert found["turns"][1]["start"] == pytest.approx(before["turns"][1]["start"] + 1, abs=0.01)
    mix_box(page)
    found = heard(page, lambda: page.get_by_label("Intro").first.select_option("rain.wav"))
    assert found["turns"][0]["start"] == pytest.approx(before["turns"][0]["start"] + 1, abs=0.01)
    found = heard(page, lambda: page.get_by_role("button", name="Remove rain.wav before turn 2").click())
    assert [piece["kind"] for piece in found["pieces"]] == ["intro"]


def test_turns_are_dragged_on_the_timeline_and_moved_by_keys(visit: Open) -> None:
    page = visit()
    write(page, "[Anna] Good evening, Ben.\n[Ben] Is it late?\n[Anna] It is.")
    make(page)
    turns = told(page, "result.turns")
    block = page.get_by_label("Start of turn 2, Ben")
    page.locator(".timeline").evaluate("one => one.scrollIntoView({ block: 'center' })")
    box = block.bounding_box()
    px = page.locator(".tl-inner").bounding_box()["width"] / told(page, "result.seconds")
    page.mouse.move(box["x"] + 5, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 5 + px, box["y"] + 8, steps=4)

    found = heard(page, page.mouse.up)
    assert found["turns"][1]["start"] == pytest.approx(turns[1]["start"] + 1, abs=0.05)
    assert told(page, "rows[1].pause") == pytest.approx(1, abs=0.05)
    block.focus()
    page.keyboard.press("ArrowDown")
    last = page.get_by_label("Start of turn 3, Anna")
    expect(last).to_be_focused()

    def earlier() -> None:
        for _ in range(5):
            page.keyboard.press("ArrowLeft")

    found = heard(page, earlier)
    assert told(page, "rows[2].overlap") > 0 and found["turns"][2]["start"] < found["turns"][1]["end"]
    expect(last).to_be_focused()
    expect(last).to_have_attribute("aria-valuetext", f"overlaps by {told(page, 'rows[2].overlap'):g} s")
    wave = page.locator(".tl-inner").bounding_box()["width"]
    page.get_by_label("Zoom of the timeline").fill("100")
    assert page.locator(".tl-inner").bounding_box()["width"] > 1.5 * wave


def test_the_mix_has_no_serious_faults_of_access(visit: Open, rain: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(viewport=(390, 800), scheme="dark")
    write(page, "[Anna] One.\n[Ben] Two.")
    make(page)
    mix_box(page)
    heard(page, lambda: page.get_by_label("Sound file: Music or room under speech").set_input_files(rain))
    assert not serious(axe, page)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_a_sound_that_is_none_is_told(visit: Open, tmp_path: Path) -> None:
    page = visit()
    (tmp_path / "no.wav").write_bytes(b"RIFF" + bytes(np.arange(40, dtype=np.uint8)))
    mix_box(page)
    page.get_by_label("Sound file: Intro").set_input_files(tmp_path / "no.wav")
    expect(page.locator(".state.error")).to_contain_text("no sound file that can be read")
    assert told(page, "mix.intro") is None
