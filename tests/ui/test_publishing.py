"""Publishing from the studio: tags, chapters, cover, a page, a project that opens elsewhere. In a real browser."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from tests.dialogue.test_publication import png
from tests.ui.browsing import Open, expect, make, serious, told, wav_of, write

SCRIPT = "[Anna] Good evening, Ben.\n[Ben] Is it late?\n## The answer\n[Anna] It is."


def test_an_episode_is_published_and_opens_in_another_browser_with_the_same_bytes(visit: Open, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit()
    write(page, SCRIPT)
    page.get_by_label("Title", exact=True).fill("An evening")
    make(page)
    (tmp_path / "cover.png").write_bytes(png(40, 40))
    page.get_by_role("button", name="Publish…").click()
    box = page.get_by_role("dialog")
    box.get_by_label("Author").fill("Anna and Ben")
    box.get_by_label("Show or album").fill("Evenings")
    box.get_by_label("Episode").fill("7")
    box.get_by_label("Cover").set_input_files(tmp_path / "cover.png")
    expect(box).to_contain_text("cover.png is the cover.")
    box.get_by_label("Turn that begins the chapter").select_option(index=0)
    box.get_by_label("Title of the chapter").fill("Hello")
    box.get_by_role("button", name="Add the chapter").click()
    expect(box.locator(".chapters li")).to_have_count(2)
    assert not serious(axe, page)
    files = {}
    for name in ("MP3", "M4B, audiobook", "Project with its sound", "Transcript that plays"):
        with page.expect_download() as got:
            box.get_by_role("button", name=name).click()
        files[name] = tmp_path / got.value.suggested_filename
        got.value.save_as(files[name])
    for name in ("MP3", "M4B, audiobook"):
        with av.open(str(files[name])) as file:
            assert [mark["metadata"]["title"] for mark in file.chapters()] == ["Hello", "The answer"]
            assert file.metadata["title"] == "An evening" and file.metadata["album"] == "Evenings"
            assert file.streams.video[0].codec_context.width == 40
    other = visit()
    other.locator("input[type=file][accept*='.docx']").set_input_files(files["Project with its sound"])
    expect(other.locator("button.make")).to_have_text("Play dialogue")
    assert wav_of(other, told(other, "result.file")) == wav_of(page, told(page, "result.file"))
    assert told(other, "publication.author") == "Anna and Ben" and told(other, "title") == "An evening"
    assert "## The answer" in told(other, "rows[2].note")
    transcript = page.context.new_page()
    transcript.goto(files["Transcript that plays"].as_uri())
    transcript.get_by_role("button", name="Play from").nth(1).click()
    transcript.wait_for_function("document.querySelector('audio').currentTime > 0 && document.querySelector('.lit')")
