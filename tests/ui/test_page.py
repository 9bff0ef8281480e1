"""The studio in a real browser: from opening to downloading."""

from __future__ import annotations

import io
import json
import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.conftest import RATE_HZ, buzz
from tests.ui.browsing import (
    WAIT_MS,
    Open,
    done,
    expect,
    make,
    page_in,
    paste,
    serious,
    served,
    settled,
    take_file,
    told,
    wav_of,
    write,
)

# What is shown only while turns are made: a look from here may come when they all are.
NOTED = """() => {
  window.noted = { bar: false, states: [] };
  new MutationObserver(() => {
    noted.bar ||= !(document.querySelector("[aria-label='Turns made']")?.hidden ?? true);
    noted.states.push(document.querySelector(".state")?.textContent ?? "");
  }).observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
}"""


@pytest.mark.usefixtures("slowly")
def test_one_click_from_opening_to_hearing(visit: Open, folder: Path) -> None:
    page = visit()
    assert page.get_by_label("Text of turn 1").input_value()
    page.evaluate(NOTED)
    page.get_by_role("button", name="Make dialogue").click()
    page.wait_for_function("heard.length === 4")
    heard = page.evaluate("heard")
    for one, following in zip(heard, heard[1:]):
        end = one["at"] + one["seconds"]
        assert following["at"] >= end - 1e-3  # one after the other
        assert following["at"] < max(end, following["now"] + 0.1) + 1e-3  # without a hole, but for what came late
    done(page)
    assert page.evaluate("noted.bar")
    assert any(re.search(r"\d of 4 turns, about \d+ s left", text) for text in page.evaluate("noted.states"))
    pieces = Path(told(page, "result.file")).parent.glob("chunk-*.wav")
    made = min(piece.stat().st_mtime for piece in pieces)
    assert heard[0]["wallclock"] - made < 3  # 1 s, on a machine that has nothing else to do
    expect(page.get_by_role("list", name="Transcript").get_by_role("listitem")).to_have_count(4)
    page.wait_for_function("document.querySelector('.word.lit')")
    expect(page.get_by_role("region", name="Anna's voice")).to_contain_text("What was made sounds")
    names = {
        name for name in (folder / "names.txt").read_text().split() if name not in ("127.0.0.1", "localhost", "None")
    }
    assert not names, f"the server looked up {names}"


def test_the_last_letter_is_spoken(visit: Open) -> None:
    page = visit()
    page.get_by_label("Text of turn 4").fill("It was the goose, of course")
    page.get_by_label("Text of turn 4").press("End")
    page.keyboard.type("!!")
    page.get_by_role("button", name="Make dialogue").click()
    done(page)
    assert told(page, "made[state.rows[3].id].takes[0].text") == "It was the goose, of course!!"


@pytest.mark.usefixtures("slowly")
def test_typing_goes_on_while_turns_arrive(visit: Open) -> None:
    page = visit(viewport=(1280, 500))
    page.get_by_role("button", name="Make dialogue").click()
    box = page.get_by_label("Text of turn 2")
    box.click()
    page.evaluate("scrollTo(0, 40)")
    box.press("Control+a")
    box.press_sequentially("Hello brave new world of long typing", delay=40)
    done(page)
    assert box.input_value() == "Hello brave new world of long typing"
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Text of turn 2"
    assert page.evaluate("scrollY") == 40
    expect(page.locator(".turn").nth(1).locator(".tag")).to_have_text("changed since")


def test_only_changed_turns_are_made_and_redo_keeps_the_others(visit: Open) -> None:
    page = visit()
    make(page)
    before = [wav_of(page, take_file(page, n)) for n in range(4)]
    page.get_by_label("Text of turn 2").fill("A goose stopped the bus.")
    make(page, "Make 1 changed turn")
    after = [wav_of(page, take_file(page, n)) for n in range(4)]
    assert [a == b for a, b in zip(before, after)] == [True, False, True, True]
    page.get_by_role("button", name="Make turn 3 again").click()
    expect(page.get_by_label("Take of turn 3")).to_have_value("1")
    assert wav_of(page, take_file(page, 2)) != after[2] and wav_of(page, take_file(page, 0)) == after[0]
    page.get_by_label("Take of turn 3").select_option("0")
    for _ in range(400):
        if told(page, "made[state.rows[2].id].chosen") == 0:
            break
        page.wait_for_timeout(100)
    assert wav_of(page, take_file(page, 2)) == after[2]


@pytest.mark.usefixtures("slowly")
def test_stop_acts_at_once_and_keeps_what_is_made(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="Make dialogue").click()
    page.wait_for_function("document.querySelectorAll('[data-standing=made]').length >= 1")
    began = time.monotonic()
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".state")).to_have_text(re.compile("Stopped"))
    assert time.monotonic() - began < 3  # 1 s, on a machine that has nothing else to do
    expect(page.get_by_role("list", name="Transcript").get_by_role("listitem")).not_to_have_count(0)
    make(page)
    expect(page.get_by_role("list", name="Transcript").get_by_role("listitem")).to_have_count(4)


def test_a_failing_turn_says_why_and_the_rest_goes_on(visit: Open) -> None:
    page = visit()
    page.get_by_label("Text of turn 2").fill("Fail, please.")
    page.get_by_role("button", name="Make dialogue").click()
    expect(page.locator(".state")).to_have_text(re.compile("1 turn failed"))
    expect(page.locator(".turn").nth(1)).to_contain_text("Something went wrong here (report")
    expect(page.locator(".turn").nth(1).locator(".tag")).to_have_text("failed")
    assert "secret" not in page.content()
    expect(page.get_by_role("list", name="Transcript").get_by_role("listitem")).to_have_count(3)


@pytest.mark.usefixtures("slowly")
def test_a_double_click_makes_one_job(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="Make dialogue").dblclick()
    page.keyboard.press("Control+Enter")
    done(page)
    assert told(page, "rows.map((row) => state.made[row.id].takes.length)") == [1, 1, 1, 1]
    page.get_by_role("button", name="Make turn 3 again").click()
    page.get_by_label("Text of turn 1").focus()
    page.keyboard.press("Control+Enter")
    expect(page.get_by_label("Take of turn 3")).to_have_value("1")
    done(page)
    assert told(page, "rows.map((row) => state.made[row.id].takes.length)") == [1, 1, 2, 1]
    page.get_by_label("Text of turn 4").focus()
    for _ in range(5):
        page.keyboard.down("Enter")  # held down: it repeats
    page.keyboard.up("Enter")
    assert told(page, "rows.length") == 5


@pytest.mark.usefixtures("slowly")
def test_what_changes_is_spoken_once(visit: Open) -> None:
    page = visit()
    page.get_by_label("Text of turn 2").fill("Fail, please.")
    page.evaluate("aloud.length = 0")
    page.get_by_role("button", name="Make dialogue").click()
    expect(page.locator(".state")).to_have_text(re.compile("1 turn failed"))
    page.wait_for_timeout(500)
    spoken = [text for text in page.evaluate("aloud") if not text.startswith("The script has changed")]
    assert spoken[-1].startswith("1 turn failed") and "2 of 4 turns" in spoken
    assert len(spoken) == len(set(spoken)) and not any("left" in text for text in spoken)
    page.get_by_role("button", name="New", exact=True).click()
    page.get_by_label("Text of turn 1").fill("[sighs] Oh no.")
    expect(page.locator(".summary")).to_contain_text("1 mistake")
    assert page.evaluate("aloud").count("1 mistake") == 1
    expect(page.get_by_label("Text of turn 1")).to_have_accessible_description(re.compile("cannot be acted"))


def test_text_and_turns_are_one_script(visit: Open) -> None:
    page = visit()
    write(page, "# Kept\nAnna: Hello, Ben.\nBen: Hello.\nCleo: And me?")
    expect(page.get_by_label("Text of turn 3")).to_have_value("And me?")
    expect(page.get_by_label("Voice of Cleo")).to_be_visible()
    page.get_by_label("Text of turn 2").fill("Good morning.")
    page.get_by_role("tab", name="Text").click()
    expect(page.get_by_label("Script as text")).to_have_value(
        "# Kept\n[Anna] Hello, Ben.\n[Ben] Good morning.\n[Cleo] And me?\n"
    )
    expect(page.locator(".ink-name").first).to_have_text("[Anna]")
    page.get_by_label("Script as text").fill("[Anna] Hello.\n[Ben] [sighs] Oh no.\n")
    expect(page.locator("#script-told")).to_contain_text("Line 2")
    expect(page.locator(".ink-line.error")).to_have_text(re.compile(r"\[sighs\]"))
    page.get_by_role("tab", name="Turns").click()
    expect(page.locator(".state")).to_have_text(re.compile("Mend line 2 first"))
    expect(page.get_by_label("Script as text")).to_have_value("[Anna] Hello.\n[Ben] [sighs] Oh no.\n")


def test_whatever_is_typed_stays_as_typed(visit: Open) -> None:
    page = visit()
    page.evaluate("window.ran = 0")
    strange = "${ran=1} <b>bold</b> <img src=x onerror='ran=1'> \"quotes\" 😀 مرحبا " + "and so on " * 60
    page.get_by_label("Text of turn 1").fill(strange)
    page.wait_for_timeout(800)
    page.get_by_role("tab", name="Text").click()
    assert " ".join(strange.split()) in page.get_by_label("Script as text").input_value()
    page.get_by_role("tab", name="Turns").click()
    assert page.get_by_label("Text of turn 1").input_value() == strange
    page.reload()
    settled(page)
    assert page.get_by_label("Text of turn 1").input_value().split() == strange.split()
    assert page.evaluate("window.ran ?? 0") == 0


def test_another_script_can_be_undone(visit: Open) -> None:
    page = visit()
    make(page)
    page.get_by_label("Text of turn 2").fill("Not to be lost.")
    page.get_by_role("button", name="Examples").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("noise")).click()
    expect(page.get_by_label("Text of turn 1")).to_have_value("Did you hear that?")
    page.locator(".offer button").click()
    expect(page.get_by_label("Text of turn 2")).to_have_value("Not to be lost.")
    expect(page.locator("button.make")).to_have_text("Make 1 changed turn")


def test_a_new_speaker_is_named_as_a_script_can_name_one(visit: Open) -> None:
    page = visit()
    page.get_by_label("Speaker of turn 2").select_option(label="New speaker…")
    page.get_by_role("dialog").get_by_label("Name").fill("bob: x")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("dialog").get_by_label("Name").fill("bob O'Hara")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Speaker of turn 2")).to_have_value("Bob O'Hara")
    expect(page.get_by_label("Voice of Bob O'Hara")).to_contain_text("Automatic: high")


def test_pasted_lines_become_turns(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="New", exact=True).click()
    lines = "\n".join(f"{('Mia', 'Leo', 'Zoe')[n % 3]}: This is line number {n}." for n in range(100))
    paste(page, lines)
    expect(page.get_by_label("Text of turn 100")).to_have_value("This is line number 99.")
    expect(page.get_by_label("Speaker of turn 3", exact=True)).to_have_value("Zoe")
    expect(page.get_by_label("Voice of Zoe")).to_be_visible()
    page.locator(".offer button").click()
    expect(page.get_by_label("Text of turn 2", exact=True)).to_have_value("")
    paste(page, "INT. KITCHEN\nMia: Hello.\nLeo: Hello.")
    found = page.get_by_role("dialog", name="What was found in the pasted text")
    expect(found).to_contain_text("INT. KITCHEN")
    found.get_by_role("button", name="Leave it").click()
    assert page.get_by_label("Text of turn 1", exact=True).input_value() == ""
    paste(page, "Mia: [sighs] Hello.\nLeo: Hello.")
    expect(page.locator(".state")).to_have_text(re.compile("mend the marked lines"))
    expect(page.locator(".ink-line.error")).to_have_text(re.compile("sighs"))
    page.get_by_label("Script as text").fill("Mia: Hello.\nLeo: Hello.")
    expect(page.locator(".state")).to_have_text("")
    page.get_by_role("tab", name="Turns").click()
    expect(page.get_by_label("Text of turn 2")).to_have_value("Hello.")


def test_three_hundred_turns_stay_quick(visit: Open) -> None:
    """In seconds that the page computes, which are the same however busy the machine is otherwise."""
    page = visit()
    few_s = computing_s(page, lambda: loaded(page))
    write(page, "\n".join(f"[{('Ann', 'Bob')[n % 2]}] This is what I say as number {n}." for n in range(300)))
    expect(page.locator(".summary")).to_have_text(re.compile("300 turns, about"))
    box = page.get_by_label("Text of turn 299")
    box.click()
    keys = (
        "() => { const box = document.activeElement; for (let n = 0; n < 20; n++) {"
        "box.value += 'x'; box.dispatchEvent(new Event('input', { bubbles: true })); } }"
    )
    per_key_s = computing_s(page, lambda: page.evaluate(keys)) / 20
    assert per_key_s < 0.1
    expect(page.locator(".summary")).to_have_text(re.compile("300 turns, about"))
    assert computing_s(page, lambda: loaded(page)) < 2 * few_s + 1
    assert page.get_by_label("Text of turn 300").input_value()


def loaded(page: Any) -> None:
    page.reload()
    settled(page)


def computing_s(page: Any, do: Callable[[], Any]) -> float:
    """How long the page's main thread has a processor while something is done."""
    tools = page.context.new_cdp_session(page)
    tools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def so_far() -> float:
        told = tools.send("Performance.getMetrics")["metrics"]
        return next(float(one["value"]) for one in told if one["name"] == "TaskDuration")

    began = so_far()
    do()
    took = so_far() - began
    tools.detach()
    assert took > 0
    return took


def test_the_page_by_keyboard_alone(visit: Open) -> None:
    page = visit()
    page.get_by_label("Text of turn 1").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Text of turn 2")).to_be_focused()
    page.keyboard.type("What?")
    expect(page.get_by_label("Speaker of turn 2")).to_have_value("Ben")
    page.keyboard.press("Alt+ArrowUp")
    expect(page.get_by_label("Text of turn 1")).to_have_value("What?")
    expect(page.get_by_label("Text of turn 1")).to_be_focused()
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Control+Shift+Backspace")
    expect(page.get_by_label("Text of turn 5")).to_have_count(0)
    page.locator(".offer button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Text of turn 2")).to_have_value("What?")
    page.keyboard.press("Control+Enter")
    done(page)
    slider = page.get_by_role("slider", name="Place in the dialogue")
    slider.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "2")
    page.get_by_role("button", name="Keys").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("move the turn")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_panel_of_a_turn(visit: Open) -> None:
    page = visit()
    page.get_by_label("More for turn 2").click()
    page.get_by_label("Pause before, s of turn 2").fill("0.5")
    page.get_by_label("Speed of turn 2").fill("1.5")
    page.get_by_label("Seed of turn 2").fill("42")
    make(page)
    assert told(page, "made[state.rows[1].id].takes[0].seed") == 42
    page.get_by_role("tab", name="Text").click()
    assert "[Ben | speed 1.5] [pause 0.5s] Sorry" in page.get_by_label("Script as text").input_value()
    page.get_by_role("tab", name="Turns").click()
    before = take_file(page, 1)
    page.get_by_role("button", name="Lock", exact=True).click()
    expect(page.get_by_label("Text of turn 2")).not_to_be_editable()
    expect(page.get_by_role("button", name="Make turn 2 again")).to_be_disabled()
    page.get_by_text("Settings").click()
    page.get_by_role("button", name="Make all anew, but what is locked").click()
    done(page)
    assert take_file(page, 1) == before and told(page, "made[state.rows[0].id].takes.length") == 2


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "Aunt Ida.wav"
    soundfile.write(path, buzz(6.0, 180.0), RATE_HZ)
    return path


def test_voices_are_chosen_uploaded_and_swapped(visit: Open, sample: Path, tmp_path: Path) -> None:
    page = visit()
    page.get_by_label("Voice of Anna").select_option("name:high")
    with page.expect_request(re.compile("file=.*high")):
        page.get_by_role("button", name="Hear Anna's voice").click()
    page.get_by_label("Sound file for Ben").set_input_files(sample)
    card = page.get_by_role("region", name="Ben's voice")
    expect(card).to_contain_text("level")
    assert told(page, "cast.Ben").startswith("mine:")
    page.get_by_role("button", name="Swap Anna's voice").click()
    assert told(page, "cast.Ben") == "name:high" and told(page, "cast.Anna").startswith("mine:")
    make(page)
    assert told(page, "made[state.rows[0].id].said.voice").startswith("mine:")
    for name, wave, words in (
        ("short.wav", buzz(1.0), "at least 2 s"),
        ("silent.wav", np.zeros(3 * RATE_HZ, np.float32), "silent"),
        ("clipped.wav", np.clip(20 * buzz(4.0), -0.8, 0.8), "clipped"),
        ("long.wav", buzz(40.0), "at most 30 s"),
    ):
        soundfile.write(tmp_path / name, wave, RATE_HZ)
        page.get_by_label("Sound file for Ben").set_input_files(tmp_path / name)
        expect(card).to_contain_text(words)
    (tmp_path / "text.wav").write_text("no sound")
    page.get_by_label("Sound file for Ben").set_input_files(tmp_path / "text.wav")
    expect(card).to_contain_text("no sound file")
    (tmp_path / "big.wav").write_bytes(bytes(20_000_001))
    page.get_by_label("Sound file for Ben").set_input_files(tmp_path / "big.wav")
    expect(card).to_contain_text("larger than 20 MB")


def test_own_voices_are_renamed_and_deleted_and_say_when_they_go(visit: Open, sample: Path) -> None:
    page = visit()
    page.get_by_label("Sound file for Ben").set_input_files(sample)
    page.get_by_role("button", name="Rename Aunt Ida").click()
    page.get_by_role("dialog").get_by_label("Name").fill("Ida")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_label("Voice of Ben")).to_contain_text("Ida")
    expect(page.get_by_role("region", name="Voices")).to_contain_text("deleted 24 hours after your last visit")
    page.get_by_role("button", name="Delete Ida").click()
    expect(page.get_by_label("Voice of Ben")).not_to_contain_text("Ida")


def test_one_sound_stops_the_other(visit: Open) -> None:
    page = visit()
    make(page)
    page.get_by_label("Place in the dialogue").press("Home")
    page.get_by_role("button", name="Play dialogue", exact=True).click()
    expect(page.get_by_role("button", name="Pause the dialogue")).to_be_visible()
    page.get_by_role("button", name="Hear turn 2").click()
    expect(page.get_by_role("button", name="Play the dialogue")).to_be_visible()
    page.get_by_role("button", name="Hear Anna's voice").click()
    expect(page.get_by_role("button", name="Stop Anna's voice")).to_be_visible()
    page.get_by_role("button", name="Hear turn 3").click()
    expect(page.get_by_role("button", name="Hear Anna's voice")).to_be_visible()


OF_A_BEEP = re.compile("the voice will sound as|the voice has besides is guessed")  # of its room, or of its band


def test_a_voice_is_recorded_and_kept_with_consent(visit: Open) -> None:
    page = visit(permissions=["microphone"])
    page.get_by_role("button", name="Record a voice for Ben").click()
    box = page.get_by_role("dialog")
    expect(box).to_contain_text("The North Wind and the Sun")
    page.get_by_role("button", name="Start recording").click()
    page.wait_for_timeout(300)
    page.get_by_role("button", name=re.compile("^Stop")).click()
    expect(box).to_contain_text("record at least 2 s of speech")
    page.get_by_role("button", name="Record again").click()
    page.wait_for_timeout(2600)
    assert 0.1 < page.get_by_label("Level").evaluate("meter => meter.value") <= 1
    expect(box.get_by_role("status")).to_have_text("The level is good.")
    assert not any(page.evaluate("wanted.audio").values())
    page.get_by_role("button", name=re.compile("^Stop \\(")).click()
    report = box.get_by_role("list", name="What was recorded")
    expect(report).to_contain_text("it is quiet enough")
    expect(report.locator(".warning").last).to_contain_text(OF_A_BEEP)
    box.get_by_role("button", name="Use it").click()
    card = page.get_by_role("region", name="Ben's voice")
    expect(card).to_contain_text(OF_A_BEEP)
    with page.expect_response(re.compile("file=.*voice-")) as sample_of:
        page.get_by_role("button", name="Hear Ben's voice").click()
    wave, _ = soundfile.read(io.BytesIO(page.request.get(sample_of.value.url).body()))
    loudest = [np.abs(part).max() for part in np.array_split(wave, 4)]
    assert max(loudest) < 1.2 * min(loudest)  # what was recorded is steady
    page.get_by_role("button", name="Keep Ben").click()
    page.get_by_label("Name of the voice").fill("Kept by test")
    page.get_by_role("button", name="Keep on this computer").click()
    expect(page.get_by_role("dialog")).to_have_count(1)  # nobody has agreed yet
    page.get_by_label("Who agreed").fill("A tester")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as a file").click()
    assert saved.value.suggested_filename == "Kept-by-test.safetensors"
    page.get_by_role("button", name="Keep Ben").click()
    page.get_by_label("Name of the voice").fill("Kept by test")
    page.get_by_label("Who agreed").fill("A tester")
    page.get_by_role("button", name="Keep on this computer").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert told(page, "cast.Ben") == "name:Kept by test"
    page.get_by_role("button", name="Delete Kept by test").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_label("Voice of Ben")).not_to_contain_text("Kept by test")


def refuse_microphone(page: Any, reason: str) -> None:
    page.evaluate(
        "reason => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', reason)); }",
        reason,
    )


def test_a_missing_microphone_is_explained(visit: Open) -> None:
    page = visit()
    refuse_microphone(page, "NotFoundError")
    page.get_by_role("button", name="Record a voice for Ben").click()
    page.get_by_role("button", name="Start recording").click()
    expect(page.get_by_role("dialog")).to_contain_text("No microphone was found")
    refuse_microphone(page, "NotAllowedError")
    page.get_by_role("button", name="Start recording").click()
    expect(page.get_by_role("dialog")).to_contain_text("was refused")
    page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    page.get_by_role("button", name="Start recording").click()
    expect(page.get_by_role("dialog")).to_contain_text("only to https pages and to localhost")


def test_downloads_and_opening_again(visit: Open, tmp_path: Path) -> None:
    page = visit()
    make(page)
    page.get_by_role("button", name="Download…").click()
    files = {}
    labels = page.locator("dialog .choice").all_inner_texts()
    assert len(labels) == 18
    for number, label in enumerate(labels):
        if number == 10:  # Chromium without a window lets a page have ten downloads, until it is loaded again
            page.reload()
            settled(page)
            page.get_by_role("button", name="Download…").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=label, exact=True).click()
        files[label] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[label])
    page.keyboard.press("Escape")
    length = told(page, "result.seconds")
    for label in ("WAV", "FLAC", "Ogg", "Opus", "Stereo WAV"):
        assert soundfile.info(files[label]).duration == pytest.approx(length, abs=0.12)
    assert files["WebVTT"].read_text().startswith("WEBVTT") and len(json.loads(files["JSON"].read_text())["turns"]) == 4
    assert len(zipfile.ZipFile(files["A file a turn"]).namelist()) == 4
    assert soundfile.info(files["MP3"]).format == "MP3" and "Anna: There you are!" in files["SRT"].read_text()
    with zipfile.ZipFile(files["Everything (zip)"]) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".wav"))
        assert soundfile.info(io.BytesIO(archive.read(inner))).frames == soundfile.info(files["WAV"]).frames
    other = visit()
    other.get_by_label("Script or project file").set_input_files(files["Project"])
    done(other)
    assert wav_of(other, told(other, "result.file")) == wav_of(page, told(page, "result.file"))
    other.get_by_label("Script or project file").set_input_files(files["Script"])
    expect(other.get_by_label("Text of turn 4")).to_have_value(
        "Well, we waited for ten minutes, so I'd say it was the goose."
    )
    other.get_by_label("Script or project file").set_input_files(files["MP3"])
    expect(other.locator(".state")).to_have_text(re.compile("no text file"))


def test_history_brings_dialogues_back(visit: Open) -> None:
    page = visit()
    make(page)
    sound = wav_of(page, told(page, "result.file"))
    page.get_by_role("button", name="New", exact=True).click()
    page.get_by_label("Text of turn 1").fill("Another.")
    page.get_by_role("button", name="History").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("goose", re.IGNORECASE)).click()
    expect(page.get_by_role("list", name="Transcript").get_by_role("listitem")).to_have_count(4)
    assert wav_of(page, told(page, "result.file")) == sound
    page.get_by_role("button", name="History").click()
    page.get_by_role("button", name="Delete all of it").click()
    page.get_by_role("button", name="Keep all of it").click()
    page.get_by_role("button", name="History").click()
    page.get_by_role("button", name="Delete all of it").click()
    page.get_by_role("dialog", name="Delete all").get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator(".state")).to_have_text(re.compile("are deleted"))
    page.get_by_role("button", name="History").click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing was made here yet")


@pytest.mark.usefixtures("slowly")
def test_a_reload_in_mid_job_goes_on(visit: Open) -> None:
    page = visit()
    page.get_by_label("Text of turn 1").fill("This is my own line.")
    page.get_by_role("button", name="Make dialogue").click()
    page.wait_for_function("document.querySelectorAll('[data-standing=made]').length >= 1")
    page.reload()
    settled(page)
    assert page.get_by_label("Text of turn 1").input_value() == "This is my own line."
    expect(page.get_by_role("list", name="Transcript").get_by_role("listitem")).to_have_count(4, timeout=WAIT_MS)


@pytest.mark.usefixtures("slowly")
def test_two_visitors_at_once(visit: Open) -> None:
    one, two = visit(), visit()
    one.get_by_label("Text of turn 1").fill("The secret of one.")
    one.get_by_role("button", name="Make dialogue").click()
    two.get_by_role("button", name="Make dialogue").click()
    expect(two.locator(".state")).to_have_text(re.compile("Waits: 1 dialogue is made before|of 4 turns|Done"))
    done(one)
    done(two)
    assert "secret" not in two.content() and told(one, "me") != told(two, "me")
    assert told(one, "result.file") != told(two, "result.file")


def test_axe_finds_no_fault(visit: Open) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install axe-playwright-python")
    page = visit()

    def faults() -> list[Any]:
        found = []
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += serious(axe, page)
        return found

    make(page)
    page.get_by_label("More for turn 2").click()
    page.get_by_text("Settings").click()
    assert not faults()
    page.get_by_role("button", name="Download…").click()
    assert not faults()
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("Script as text").fill(
        "[Anna] Hello.\n[Ben] [sighs] Zxqwv.\n[Cara | speed 1.2] Well [pause 1s] no.\n# note"
    )
    expect(page.locator("#script-told")).to_contain_text("Line 2")
    assert not faults()


def test_narrow_pages_scroll_one_way_and_targets_are_large(visit: Open) -> None:
    page = visit(viewport=(360, 740))
    make(page)
    page.get_by_label("More for turn 2").click()
    for width in (360, 640):  # 640: 1280 at 200 %
        page.set_viewport_size({"width": width, "height": 740})
        for tab in ("Text", "Turns"):
            page.get_by_role("tab", name=tab).click()
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        page.set_viewport_size({"width": 320, "height": 740})  # more lines: the boxes grow
        page.wait_for_function(
            "[...document.querySelectorAll('.words')].every((box) => box.scrollHeight <= box.offsetHeight)"
        )
        page.set_viewport_size({"width": width, "height": 740})
        small = page.evaluate(
            "[...document.querySelectorAll('.studio button, .studio select, .studio input:not([type=checkbox]):not(.unseen)')]"
            ".filter(e => e.offsetParent).map(e => [e.textContent || e.ariaLabel, e.getBoundingClientRect()])"
            ".filter(([, box]) => box.width < 24 || box.height < 24).map(([name]) => name)"
        )
        assert not small
        box = page.get_by_role("button", name="Play dialogue", exact=True).bounding_box()
        assert box["y"] + box["height"] <= 740


def test_light_and_dark_follow_the_system_and_the_switch(visit: Open) -> None:
    page = visit(scheme="dark")
    colour = "getComputedStyle(document.querySelector('.sheet-box')).backgroundColor"
    dark = page.evaluate(colour)
    page.get_by_role("button", name="Light or dark").click()
    light = page.evaluate(colour)
    assert light == "rgb(255, 255, 255)" != dark
    page.reload()
    settled(page)
    assert page.evaluate(colour) == light


def test_a_password_keeps_everyone_else_out(browser: Any, tiny_bundle_dir: Path, tmp_path: Path) -> None:
    with served(tmp_path / "locked", str(tiny_bundle_dir), "open sesame") as address:
        for path in ("config", "gradio_api/info", "gradio_api/file=/etc/passwd", "gradio_api/openapi.json"):
            assert httpx.get(address + path).status_code in (401, 403, 404)
        assert httpx.post(f"{address}gradio_api/component_server/", json={}).status_code == 401
        assert httpx.post(f"{address}gradio_api/upload", files={"files": b"x"}).status_code == 401
        page = page_in(browser)
        page.goto(address)
        fields = page.locator("input")
        fields.nth(0).fill("ann")
        fields.nth(1).fill("open sesame")
        page.get_by_role("button", name="Login").click()
        settled(page)
        write(page, "[Anna] Hello.")
        make(page)
        assert page.request.get(page.url.rstrip("/") + "/gradio_api/file=" + told(page, "result.file")).ok
        assert httpx.get(f"{address}gradio_api/file={told(page, 'result.file')}").status_code == 401
        page.context.close()


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=https://example.org/x.wav",
        "gradio_api/file=http://127.0.0.1/x",
        "gradio_api/file=FOLDER/sounds/../names.txt",
        "gradio_api/file=FOLDER/names.txt",
        "gradio_api/file=ui/app.py",
        "gradio_api/call/call",
        "studio/../app.py",
        "studio/%2e%2e/app.py",
    ],
)
def test_paths_that_are_nobodys_are_refused(address: str, folder: Path, path: str) -> None:
    answer = httpx.get(address + path.replace("FOLDER", str(folder)))
    assert answer.status_code in (403, 404, 405)


def test_the_server_answers_to_its_own_name_only(address: str) -> None:
    assert httpx.get(address, headers={"host": "evil.example"}).status_code == 400
    assert httpx.post(f"{address}gradio_api/queue/join", json={"fn_index": 0, "data": []}).status_code == 403
    assert httpx.get(f"{address}gradio_api/info").json()["named_endpoints"] == {}
    assert httpx.post(f"{address}gradio_api/mcp/", json={}).status_code in (403, 404, 405)
    big = {"data": "x" * 5_000_000, "component_id": 1, "fn_name": "call", "session_hash": "x"}
    assert httpx.post(f"{address}gradio_api/component_server/", json=big, timeout=30).status_code == 413
    head, more, end = (
        b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n',
        bytes(1_000_000),
        b"\r\n--x--\r\n",
    )
    length = len(head) + 211 * len(more) + len(end)  # the limit counts in binary
    form = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(length)}
    upload = (head, *[more] * 211, end)  # httpx's own forms go in small pieces, which takes seconds
    assert httpx.post(f"{address}gradio_api/upload", content=iter(upload), headers=form, timeout=60).status_code == 413
    asked = {"data": {"do": "hello", "me": "1" * 32}, "component_id": 1, "fn_name": "__init__", "session_hash": "x"}
    assert httpx.post(f"{address}gradio_api/component_server/", json=asked).status_code == 404


def test_the_real_bundle_speaks_the_example(browser: Any, tmp_path: Path) -> None:
    with served(tmp_path / "real", None) as address:
        page = browser.new_page()  # with all its frames
        page.set_default_timeout(180_000)
        page.goto(address)
        settled(page)
        write(page, "[Anna] Is it ten past five?\n[Ben] Nearly.")
        page.get_by_role("button", name="Make dialogue").click()
        expect(page.locator(".state")).to_have_text("Done.", timeout=180_000)
        result = told(page, "result")
        assert 1 < result["seconds"] < 8 and json.loads(result["project"])["bundle"]["name"] == "en-small"
        wave, _ = soundfile.read(io.BytesIO(wav_of(page, result["file"])))
        assert np.abs(wave).max() > 0.05
        page.context.close()
