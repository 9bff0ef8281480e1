"""The studio as somebody uses it all day: an episode made through the page alone, and a page with six hundred turns.

    dialogue-tts ui --no-browser &
    python benchmarks/studio.py http://127.0.0.1:7860/ OUT_DIR [--only episode|page] [--pictures docs/pictures]

Needs Chromium, Playwright, ffprobe and pyloudnorm. Writes figures as JSON; fails where an episode is not
as it was asked for.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import struct
import subprocess
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyloudnorm
import soundfile
from playwright.sync_api import Browser, Page, expect, sync_playwright

PATIENCE_MS = 3_600_000
SPEAKERS = ("Clara", "Ben", "Ruth")
LINES = (
    "Good evening, and welcome to the harbour.",
    "It is colder than it was last week.",
    "Did anybody see the old ferry today?",
    "Not since five, I think.",
    "Then we should ask the pilot.",
)
TURNS, MANY = 30, 600
KEYS = 40
RATE_HZ = 24_000


def script() -> str:
    """Thirty turns by three voices, in three chapters."""
    lines = []
    for n in range(TURNS):
        if n % 10 == 0:
            lines.append(f"## Part {n // 10 + 1}")
        lines.append(f"[{SPEAKERS[n % 3]}] {LINES[n % len(LINES)]}")
    return "\n".join(lines)


def music(path: Path) -> None:
    """Twenty seconds of a quiet chord."""
    at = np.arange(20 * RATE_HZ) / RATE_HZ
    chord = sum(np.sin(2 * np.pi * hz * at + n) for n, hz in enumerate((110.0, 164.8, 220.0, 277.2)))
    soundfile.write(path, 0.05 * chord * (1 + 0.2 * np.sin(2 * np.pi * 0.1 * at)), RATE_HZ)


def cover(path: Path, size: int = 600) -> None:
    """A square PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes((29, 91, 99)) * size) * size
    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def opened(browser: Browser, address: str, **settings: Any) -> Page:
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **settings})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector(".studio[data-ready]")
    return page


def write(page: Page, text: str) -> None:
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("Script as text").fill(text)
    page.get_by_role("tab", name="Turns").click()


def state(page: Page, what: str) -> Any:
    return page.evaluate(f"import(new URL('studio/state.js', document.baseURI)).then(({{ state }}) => state.{what})")


def saved(page: Page, button: str, out: Path) -> Path:
    with page.expect_download() as got:
        page.get_by_role("dialog").get_by_role("button", name=button).click()
    path = out / got.value.suggested_filename
    got.value.save_as(path)
    return path


def sound_of(page: Page, address: str) -> bytes:
    return page.request.get(f"{address.rstrip('/')}/gradio_api/file={state(page, 'result.file')}").body()


def episode(browser: Browser, address: str, out: Path, pictures: Path | None) -> dict[str, Any]:
    """Made through the page alone. Raises AssertionError where something is not in the files."""
    music(out / "chord.flac")
    cover(out / "cover.png")
    page = opened(browser, address)
    write(page, script())
    page.get_by_label("Title", exact=True).fill("An evening at the harbour")
    began = time.monotonic()
    page.locator("button.make").click()
    expect(page.locator(".state")).to_have_text("Done.", timeout=PATIENCE_MS)
    made_s = time.monotonic() - began
    page.locator(".mixing summary").click()
    page.get_by_label("Sound file: Music or room under speech").set_input_files(out / "chord.flac")
    expect(page.locator(".tl-piece.bed")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="Publish…").click()
    box = page.get_by_role("dialog")
    box.get_by_label("Author").fill("Clara, Ben and Ruth")
    box.get_by_label("Show or album").fill("Evenings")
    box.get_by_label("Episode").fill("1")
    box.get_by_label("Cover").set_input_files(out / "cover.png")
    expect(box).to_contain_text("is the cover")
    box.get_by_label("Loudness").select_option("podcast")
    page.wait_for_function("document.querySelector('.mixing output')")
    while (state(page, "result.mix") or {}).get("master") != "podcast":
        page.wait_for_timeout(200)
    mp3, archive = saved(page, "MP3", out), saved(page, "Project with its sound", out)
    box.get_by_role("button", name="Close").click()
    told = probed(mp3, chapter_times(page))
    other = opened(browser, address)
    other.locator("input[type=file][accept*='.docx']").set_input_files(archive)
    expect(other.locator("button.make")).to_have_text("Play dialogue", timeout=PATIENCE_MS)
    assert sound_of(other, address) == sound_of(page, address), "the project sounds otherwise in a second browser"
    if pictures:
        take_pictures(browser, address, archive, pictures)
    return told | {"made_s": round(made_s, 1), "archive_mb": round(archive.stat().st_size / 1e6, 1)}


def chapter_times(page: Page) -> list[float]:
    """When each chapter's first turn is heard; what comes before the first word belongs to the first."""
    return [0.0, *(state(page, f"result.turns[{n}].start") for n in range(10, TURNS, 10))]


def probed(mp3: Path, chapters_s: list[float]) -> dict[str, Any]:
    """What ffprobe tells of an episode."""
    command = ["ffprobe", "-v", "error", "-show_format", "-show_chapters", "-show_streams", "-of", "json", str(mp3)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    tags, chapters = found["format"]["tags"], [chapter["tags"]["title"] for chapter in found["chapters"]]
    begins = [float(chapter["start_time"]) for chapter in found["chapters"]]
    pictures = [stream for stream in found["streams"] if stream["disposition"]["attached_pic"]]
    wave, rate = soundfile.read(mp3)
    lufs = pyloudnorm.Meter(rate).integrated_loudness(wave)
    assert tags["title"] == "An evening at the harbour" and tags["album"] == "Evenings" and tags["track"] == "1", tags
    assert tags["artist"] == "Clara, Ben and Ruth", tags
    assert chapters == ["Part 1", "Part 2", "Part 3"], chapters
    assert np.abs(np.subtract(begins, chapters_s)).max() < 0.1, (begins, chapters_s)
    assert len(pictures) == 1 and pictures[0]["width"] == 600
    assert abs(lufs + 16) < 1, lufs
    return {"seconds": round(float(found["format"]["duration"]), 1), "lufs": round(lufs, 2), "chapters": chapters}


def take_pictures(browser: Browser, address: str, archive: Path, pictures: Path) -> None:
    """The page with the episode, desktop and phone, light and dark."""
    sizes = {"studio": {"width": 1280, "height": 1400}, "phone": {"width": 390, "height": 844}}
    for name, size in sizes.items():
        for scheme in ("light", "dark"):
            page = opened(browser, address, viewport=size, color_scheme=scheme)
            page.locator("input[type=file][accept*='.docx']").set_input_files(archive)
            expect(page.locator("button.make")).to_have_text("Play dialogue", timeout=PATIENCE_MS)
            page.locator(".timeline").scroll_into_view_if_needed()
            page.screenshot(path=pictures / f"timeline-{name}-{scheme}.png")
            page.evaluate("scrollTo(0, 0)")
            page.locator(".mixing summary").click()
            page.screenshot(path=pictures / f"{name}-{scheme}.png")
            page.get_by_role("button", name="Publish…").click()
            page.screenshot(path=pictures / f"publish-{name}-{scheme}.png")
            page.context.close()


def many_turns(browser: Browser, address: str) -> dict[str, Any]:
    """Six hundred turns: how long a key takes until its picture, how soon the page is there, and its memory."""
    page = opened(browser, address)
    few_mb = round(tab_bytes(browser) / 1e6)
    write(page, "\n".join(f"[{SPEAKERS[n % 3]}] {LINES[n % len(LINES)]} Number {n}." for n in range(MANY)))
    expect(page.locator(".summary")).to_have_text(re.compile(f"{MANY} turns, about"))
    page.reload()
    page.wait_for_selector(".studio[data-ready]")
    loaded = page.evaluate(
        "() => ({ first: performance.getEntriesByName('first-contentful-paint')[0]?.startTime, ready: performance.now() })"
    )
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})  # processor time: other programs do not count
    # Not by a locator: to look for a label Playwright has the styles of the whole page computed, which people don't.
    page.evaluate("n => document.querySelectorAll('.words')[n].focus()", MANY - 2)
    before = metrics_of(session)
    keys = page.evaluate(
        """async (count) => {
            const box = document.activeElement;
            const times = [];
            for (let n = 0; n < count; n++) {
                const began = performance.now();
                box.value += "x";
                box.dispatchEvent(new Event("input", { bubbles: true }));
                const answered = performance.now() - began;
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                times.push([answered, performance.now() - began]);
            }
            return times;
        }""",
        KEYS,
    )
    metrics = metrics_of(session)
    answered, painted = (sorted(column) for column in zip(*keys, strict=True))
    return {
        "turns": MANY,
        "key_cpu_ms": round(1000 * (metrics["TaskDuration"] - before["TaskDuration"]) / KEYS, 1),
        "few_turns_tab_mb": few_mb,
        "key_ms": round(answered[KEYS // 2], 1),
        "key_p95_ms": round(answered[int(KEYS * 0.95)], 1),
        "key_to_picture_ms": round(painted[KEYS // 2], 1),
        "first_picture_s": round(loaded["first"] / 1000, 2),
        "ready_s": round(loaded["ready"] / 1000, 2),
        "heap_mb": round(metrics["JSHeapUsedSize"] / 1e6, 1),
        "tab_mb": round(tab_bytes(browser) / 1e6),
    }


def metrics_of(session: Any) -> dict[str, float]:
    return {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}


def tab_bytes(browser: Browser) -> int:
    """What the largest tab has for itself or shares with others, its share counted (PSS)."""
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    sizes = []
    for process in found:
        if process["type"] == "renderer":
            told = Path(f"/proc/{process['id']}/smaps_rollup").read_text()
            sizes.append(1024 * int(re.search(r"^Pss:\s+(\d+)", told, re.M)[1]))
    return max(sizes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("address")
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", choices=("episode", "page"))
    parser.add_argument("--pictures", type=Path)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    figures = {}
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        if given.only != "episode":
            figures["page"] = many_turns(browser, given.address)
        if given.only != "page":
            figures["episode"] = episode(browser, given.address, given.out, given.pictures)
        browser.close()
    (given.out / "studio.json").write_text(json.dumps(figures, indent=1))
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
