"""What a day's work in the studio needs: nothing lost, everything undone. In a real browser."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from dialogue_tts.audio.loudness import loudness
from tests.ui.browsing import Open, done, expect, free_port, make, page_in, served, settled, told, write


def text_of(page: Any, turn: int) -> Any:
    return page.get_by_label(f"Text of turn {turn}", exact=True)


def texts(page: Any) -> list[str]:
    return page.locator(".words").evaluate_all("boxes => boxes.map((box) => box.value)")


def test_a_pause_put_in_front_is_made(visit: Open) -> None:
    page = visit()
    write(page, "[Anna] Hello, Ben.")
    text_of(page, 1).click()
    page.keyboard.press("Home")
    page.get_by_role("button", name="Insert a pause").click()
    assert text_of(page, 1).input_value() == "[pause 0.5s] Hello, Ben."
    make(page)
    expect(page.locator(".turn .tag")).to_have_text("made")


def test_everything_is_undone_and_done_again(visit: Open) -> None:
    page = visit()
    undo = page.get_by_role("button", name="Undo (Ctrl+Z)")
    expect(undo).to_be_disabled()
    before = texts(page)
    text_of(page, 2).fill("Written anew.")
    page.get_by_label("More for turn 4").click()
    page.get_by_label("Pause before, s of turn 4").fill("0.5")
    text_of(page, 3).focus()
    page.keyboard.press("Control+Shift+Backspace")
    assert len(texts(page)) == 3
    page.keyboard.press("Control+z")  # the turn, and not the browser's idea of the last thing typed
    assert texts(page) == [before[0], "Written anew.", *before[2:]]
    assert told(page, "rows[3].pause") == 0.5
    page.get_by_label("Voice of Ben").select_option("name:low")
    page.locator(".settings summary", has_text="Settings").click()
    page.get_by_role("spinbutton", name=re.compile("^Seed ?The")).fill("7")
    page.get_by_label("Title").fill("The goose")
    for _ in range(5):
        page.keyboard.press("Control+z")
    expect(undo).to_be_disabled()
    assert texts(page) == before and told(page, "rows[3].pause") == 0 and told(page, "cast") == {}
    assert told(page, "seed") == 1 and page.get_by_label("Title").input_value() == "The goose"
    page.reload()
    settled(page)
    for _ in range(3):
        page.get_by_role("button", name="Redo (Ctrl+Shift+Z)").click()
    assert texts(page)[1] == "Written anew." and told(page, "cast.Ben") == "name:low"
    page.keyboard.press("Control+y")
    assert told(page, "seed") == 7
    expect(page.get_by_role("button", name="Redo (Ctrl+Shift+Z)")).to_be_disabled()


def test_takes_are_undone(visit: Open) -> None:
    page = visit()
    write(page, "[Anna] Is it late?\n[Ben] It is.")
    make(page)
    page.get_by_role("button", name="Make turn 2 again").click()
    take = page.get_by_label("Take of turn 2")
    expect(take).to_have_value("1")
    done(page)
    text_of(page, 1).focus()
    page.keyboard.press("Control+z")
    expect(take).to_have_value("0")
    page.keyboard.press("Control+Shift+z")
    expect(take).to_have_value("1")
    text_of(page, 2).fill("Not at all.")
    make(page, "Make 1 changed turn")
    page.keyboard.press("Control+z")
    expect(text_of(page, 2)).to_have_value("It is.")
    expect(page.locator(".turn").nth(1).locator(".tag")).to_have_text("made")  # the take that says so is chosen again


def test_two_tabs_are_one_script(visit: Open) -> None:
    page = visit()
    other = page.context.new_page()
    other.goto(page.url)
    settled(other)
    text_of(other, 1).fill("Tab two wrote this line.")
    expect(text_of(page, 1)).to_have_value("Tab two wrote this line.")
    text_of(page, 2).fill("And tab one this.")
    expect(text_of(other, 2)).to_have_value("And tab one this.")
    other.get_by_role("button", name="New", exact=True).click()
    text_of(other, 1).fill("Another script.")
    expect(other.locator(".saved")).to_have_text("Saved in this browser")
    for tab, line in ((page, "Tab two wrote this line."), (other, "Another script.")):
        tab.reload()
        settled(tab)
        assert text_of(tab, 1).input_value() == line


def test_small_things_of_the_page(visit: Open) -> None:
    page = visit()
    text_of(page, 2).focus()
    page.keyboard.press("Control+Shift+Backspace")
    expect(page.locator(".offer")).to_contain_text("Turn 2 is deleted.")
    page.wait_for_timeout(500)
    page.keyboard.type("More. ")
    expect(page.locator(".offer")).to_have_text("")
    page.locator(".settings summary", has_text="Settings").click()
    tick = page.get_by_label("Play while it is made")
    ticked = tick.screenshot()
    tick.uncheck()
    tick.blur()
    assert tick.screenshot() != ticked and tick.evaluate("box => getComputedStyle(box).appearance") == "auto"
    gap = page.get_by_label("Gap between turns, s")
    assert gap.evaluate("box => getComputedStyle(box, '::placeholder').fontStyle") == "italic"
    write(page, "[Anna] One.\n[Ben] Two.")
    expect(text_of(page, 2)).to_have_value("Two.")
    text_of(page, 2).focus()
    page.keyboard.press("Control+Shift+Backspace")
    card = page.get_by_role("region", name="Ben's voice")
    expect(card).to_contain_text("No turns yet")
    page.reload()
    settled(page)
    card.get_by_role("button", name="Remove Ben").click()
    expect(card).to_have_count(0)


def test_escape_leaves_the_place_where_it_is(visit: Open) -> None:
    page = visit()
    write(page, "[Anna] Is it ten past five already, and nobody told me that it was?\n[Ben] Nearly.")
    make(page)
    player = "import(new URL('studio/player.js', document.baseURI)).then((player) => player.{})"
    page.evaluate(player.format("seek(1.5, false)"))
    page.keyboard.press("Escape")
    assert page.evaluate(player.format("now()")) == 1.5
    expect(page.locator(".time")).to_have_text(re.compile("^0:01 /"))
    page.get_by_role("button", name="Play the dialogue").click()
    assert page.evaluate(player.format("now()")) >= 1.5


def test_a_studio_that_was_started_anew(browser: Any, tiny_bundle_dir: Path, tmp_path: Path) -> None:
    port, page = free_port(), page_in(browser)
    banner = page.get_by_role("alert").filter(has_text="does not answer")
    with served(tmp_path / "a", str(tiny_bundle_dir), port=port) as address:
        page.goto(address)
        settled(page)
        write(page, "[Anna] Is it late?\n[Ben] Nearly.")
        make(page)
    text_of(page, 1).fill("Written without a server.")
    expect(banner).to_be_visible()
    with served(tmp_path / "b", str(tiny_bundle_dir), port=port):
        expect(banner).to_be_hidden()
        expect(page.locator(".offer")).to_contain_text("started anew")
        expect(page.locator(".state.error")).to_have_count(0)
        expect(page.locator("[data-standing=new]")).to_have_count(2)
        assert text_of(page, 1).input_value() == "Written without a server."
        page.get_by_role("button", name="Make it again").click()
        done(page)
    page.evaluate(
        "() => { const offer = document.querySelector('.offer'); window.offers = [];"
        "new MutationObserver(() => offers.push(offer.textContent)).observe(offer, { childList: true, subtree: true }); }"
    )
    with served(tmp_path / "c", str(tiny_bundle_dir), port=port):
        page.get_by_role("button", name="Hear turn 2").click()
        # It is told: by this, or if the page had asked something before, then, and this makes the turn.
        page.wait_for_function("offers.some((said) => said.includes('started anew'))")
        page.reload()
        settled(page)
        assert text_of(page, 1).input_value() == "Written without a server."
    page.context.close()


def test_words_can_be_heard_and_said_otherwise(visit: Open) -> None:
    page = visit()
    write(page, "[Anna] Zxqwv costs $5.\n[Ben] Zxqwv again?")
    page.get_by_label("More for turn 1").click()
    line = page.locator(".reading")
    expect(line).to_have_text(re.compile("Will be said: Zxqwv costs five dollars"))
    line.get_by_role("button", name=re.compile("^Zxqwv")).click()
    page.get_by_label("Say it like").fill("zoh")
    with page.expect_response(re.compile("file=.*word-")):
        page.get_by_role("button", name="Hear it").click()
    page.get_by_role("button", name="Everywhere in this dialogue").click()
    expect(line.get_by_role("button", name=re.compile("^Zxqwv, as your dictionary"))).to_be_visible()
    assert list(told(page, "settings.words")) == ["Zxqwv"]
    page.locator(".settings summary", has_text="Settings").click()
    expect(page.locator(".dictionary")).to_contain_text("Zxqwv")
    page.keyboard.press("Control+z")
    expect(page.locator(".dictionary")).not_to_be_visible()


def test_a_document_is_dropped_and_what_is_found_is_taken(visit: Open) -> None:
    page = visit()
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.items.add(new File([text], "play.md"));
            const drop = new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
            document.querySelector(".studio").dispatchEvent(drop);
        }""",
        "**Mia:** (laughs) Hello, Leo.\n\n**Leo:** Hello.\n",
    )
    box = page.get_by_role("dialog", name="What was found in play.md")
    expect(box).to_contain_text("2 turns by 2 speakers: Mia, Leo")
    expect(box).to_contain_text("stage direction")
    box.get_by_label("Stage directions").select_option("narrator")
    box.get_by_role("button", name="Take 3 turns").click()
    expect(text_of(page, 3)).to_have_value("Hello.")
    assert told(page, "rows[0].speaker") == "Narrator" and told(page, "title") == "play"
    page.keyboard.press("Control+z")
    expect(page.get_by_role("listitem").filter(has=page.locator(".words"))).to_have_count(4)


def test_a_speaker_is_renamed_and_words_replaced_everywhere(visit: Open) -> None:
    page = visit()
    write(page, "[Anna] Hello, Bob.\n[Bob] Hello, Anna. Bobsleigh?\n[Anna] Bob!")
    expect(page.get_by_label("Voice of Bob")).to_contain_text("Automatic: ")
    voice = told(page, "usual.Bob")
    page.get_by_role("button", name="Rename the speaker Bob").click()
    page.get_by_role("dialog").get_by_label("Name").fill("robert")
    page.get_by_role("button", name="Rename everywhere").click()
    expect(page.get_by_label("Speaker of turn 2")).to_have_value("Robert")
    assert told(page, "cast.Robert") == voice
    page.get_by_role("button", name="Find and replace").click()
    page.get_by_label("Find", exact=True).fill("bob")
    expect(page.get_by_role("dialog")).to_contain_text("Found 2 times.")
    page.get_by_label("Replace with").fill("Robert")
    page.get_by_role("button", name="Replace all").click()
    assert texts(page) == ["Hello, Robert.", "Hello, Anna. Bobsleigh?", "Robert!"]
    for _ in range(2):
        page.keyboard.press("Control+z")
    assert texts(page)[2] == "Bob!" and told(page, "rows[1].speaker") == "Bob"


def test_scripts_of_this_browser(visit: Open) -> None:
    page = visit()
    page.get_by_label("Title").fill("First")
    page.get_by_role("button", name="New", exact=True).click()
    text_of(page, 1).fill("Of the second.")
    page.get_by_role("button", name="Scripts").click()
    box = page.get_by_role("dialog")
    box.get_by_role("button", name="Copy First").click()
    box.get_by_label("Search the scripts").fill("first (copy)")
    expect(box.locator("li")).to_have_count(1)
    with page.expect_download() as saved:
        box.get_by_role("button", name="Save as text").click()
    assert saved.value.suggested_filename == "First-copy.txt" and "[Anna]" in saved.value.path().read_text()
    box.get_by_role("button", name="Delete First (copy)").click()
    box.get_by_label("Search the scripts").fill("")
    expect(box.locator("li")).to_have_count(2)
    box.get_by_role("button", name=re.compile("^First")).first.click()
    expect(page.get_by_label("Title")).to_have_value("First")
    page.keyboard.press("Control+z")
    expect(text_of(page, 1)).to_have_value("Of the second.")


def test_hearing_by_keys(visit: Open) -> None:
    page = visit(viewport=(1280, 400))
    write(page, "[Anna] Is it ten past five already?\n[Ben] Nearly, and nobody told me that it was as late as that.")
    make(page)
    page.get_by_label("Playback speed").select_option("0.5")
    page.get_by_label("Volume").fill("0.5")
    page.evaluate("document.activeElement.blur()")
    player = "import(new URL('studio/player.js', document.baseURI)).then((player) => player.{})"
    page.evaluate(player.format("rewind()"))
    page.keyboard.press("ArrowRight")
    assert page.evaluate(player.format("now()")) > 0
    page.keyboard.press("j")
    assert page.evaluate(player.format("now()")) == 0
    page.get_by_role("button", name="Loop the turn that is heard").click()  # first: it plays until it is told to stop
    expect(page.get_by_role("button", name="Loop the turn that is heard")).to_have_attribute("aria-pressed", "true")
    page.evaluate("document.activeElement.blur()")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause the dialogue")).to_be_visible()
    page.wait_for_function("document.querySelector('[role=meter]').ariaValueNow > -60")
    page.wait_for_function(  # it follows: the turn that is heard is in view again
        "(({ top, bottom }) => top >= 0 && bottom <= innerHeight)(document.querySelector('.turn').getBoundingClientRect())"
    )
    page.keyboard.press("k")
    expect(page.get_by_role("button", name="Play the dialogue")).to_be_visible()
    page.keyboard.press("Space")
    page.reload()
    settled(page)
    expect(page.get_by_label("Playback speed")).to_have_value("0.5")


def test_the_meter_measures_as_the_library_does(visit: Open) -> None:
    found = visit().evaluate(
        """async (tones) => {
            const { loudnessMeter } = await import(new URL("studio/loudness.js", document.baseURI));
            return Promise.all(tones.map(async (hz) => {
                const context = new OfflineAudioContext(1, 24000, 24000);
                const tone = new OscillatorNode(context, { frequency: hz });
                const meter = loudnessMeter(context);
                tone.connect(new GainNode(context, { gain: 0.1 })).connect(meter.input).connect(context.destination);
                tone.start();
                let read;
                context.suspend(0.9).then(() => { read = meter.read(); context.resume(); });
                await context.startRendering();
                return read;
            }));
        }""",
        [60, 250, 1000, 6000],
    )
    at = torch.arange(24_000) / 24_000
    wanted = [loudness(0.1 * torch.sin(2 * math.pi * hz * at), 24_000) for hz in (60, 250, 1000, 6000)]
    assert found == pytest.approx(wanted, abs=0.3)  # whole numbers are shown


def test_several_turns_at_once(visit: Open) -> None:
    page = visit()
    write(page, "\n".join(f"[{('Anna', 'Ben')[n % 2]}] Line {n}." for n in range(5)))
    page.get_by_role("button", name="Choose turn 2").click()
    page.get_by_role("button", name="Choose turn 4").click(modifiers=["Shift"])
    bar = page.get_by_role("toolbar", name="Chosen turns")
    expect(bar).to_contain_text("3 turns")
    bar.get_by_role("button", name="Up").click()
    assert texts(page) == ["Line 1.", "Line 2.", "Line 3.", "Line 0.", "Line 4."]
    bar.get_by_label("Speaker of the chosen turns").select_option("Anna")
    bar.get_by_label("Speed of the chosen turns").fill("1.5")
    bar.get_by_label("Speed of the chosen turns").blur()
    assert [row["speaker"] for row in told(page, "rows")[:3]] == ["Anna"] * 3
    assert [row["speed"] for row in told(page, "rows")] == [1.5, 1.5, 1.5, 1, 1]
    bar.get_by_role("button", name="Delete").click()
    assert texts(page) == ["Line 0.", "Line 4."]
    expect(bar).to_be_hidden()
    page.get_by_role("button", name="Undo", exact=True).click()
    assert len(texts(page)) == 5


def test_two_takes_are_compared_by_one_key(visit: Open) -> None:
    page = visit()
    write(page, "[Anna] Is it late?")
    make(page)
    page.get_by_role("button", name="Make turn 1 again").click()
    done(page)
    take = page.get_by_label("Take of turn 1")
    expect(take).to_have_value("1")
    text_of(page, 1).focus()
    for chosen in ("0", "1", "0"):
        page.keyboard.press("Alt+t")
        expect(take).to_have_value(chosen)


def test_voices_are_browsed_heard_and_chosen(visit: Open) -> None:
    page = visit()
    page.get_by_role("button", name="Browse voices for Ben").click()
    box = page.get_by_role("dialog")
    count = box.locator(".voice").count()
    box.get_by_label("Search the voices").fill("low")
    expect(box.locator(".voice")).to_have_count(1)
    assert count > 1
    box.get_by_role("button", name="Hear low").click()
    expect(box.get_by_role("button", name="Stop low")).to_be_visible()
    box.get_by_role("button", name="Choose low").click()
    expect(page.get_by_label("Voice of Ben", exact=True)).to_have_value("name:low")
    assert not page.evaluate("[...document.querySelectorAll('audio')].some((one) => !one.paused)")
