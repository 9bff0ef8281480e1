"""A studio that is killed loses nothing: `kill -9` at random moments, and in the end the dialogue sounds as undisturbed.

    python benchmarks/studio_kill.py [--bundle FOLDER] [--turns 36] [--kills 10]

One browser writes a dialogue and has it made; after each kill the studio is started anew with the same store, the page is
loaded anew, and what is missing is asked for. Needs Chromium and Playwright. The exit code is 1 if a turn that the page had is
lost, or the sound is not what it would have been.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from studio import LINES, PATIENCE_MS, SPEAKERS, sound_of, state, write

MOST_WORK_S = 10.0  # between two kills, counted from the first turn that is made anew
START_S = 600.0
SETTLED_MS = 30_000  # in which a page has asked for what is kept, and has it


@contextmanager
def studio(bundle: str | None, port: int, store: Path | None) -> Iterator[str]:
    """A studio in a process of its own, which is killed at the end of the block."""
    options = [*(["--store", str(store)] if store else []), *(["--bundle", bundle] if bundle else [])]
    command = [sys.executable, "-m", "dialogue_tts", "ui", "--no-browser", "--port", str(port), *options]
    address, until = f"http://127.0.0.1:{port}/", time.monotonic() + START_S
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process, httpx.Client(timeout=5) as http:
        try:
            while True:
                try:
                    http.get(f"{address}studio/main.js").raise_for_status()
                    break
                except httpx.TransportError:
                    if process.poll() is not None or time.monotonic() > until:
                        sys.exit(f"the studio did not come up: {' '.join(command)}")
                    time.sleep(0.5)
            yield address
        finally:
            process.kill()


def visited(context: BrowserContext, address: str) -> Page:
    """The page, loaded anew."""
    for old in context.pages:
        old.close()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.wait_for_selector(".studio[data-ready]")
    return page


def made(page: Page) -> int:
    """How many turns the page says are made."""
    return page.locator("[data-standing=made]").count()


def settle(page: Page, known: int) -> int:
    """Give a page time to ask for what is kept; how many turns it then says are made."""
    for _ in range(SETTLED_MS // 200):
        if made(page) >= known:
            break
        page.wait_for_timeout(200)
    return made(page)


def begin(page: Page, turns: int) -> None:
    """Write the dialogue, and have it made."""
    write(page, "\n".join(f"[{SPEAKERS[n % 3]}] {LINES[n % len(LINES)]}" for n in range(turns)))
    page.locator("button.make").click()


def go_on(page: Page) -> None:
    """Have what is missing made."""
    if page.locator("button.make").inner_text().startswith("Make"):
        page.locator("button.make").click()


def whole(page: Page, address: str) -> str:
    """The hash of the sound, once it is there."""
    expect(page.locator("button.make")).to_have_text("Play dialogue", timeout=PATIENCE_MS)
    page.wait_for_function("document.querySelector('.timeline')")
    assert state(page, "result.file")
    return hashlib.sha256(sound_of(page, address)).hexdigest()


def undisturbed(browser: Browser, asked: argparse.Namespace, port: int) -> str:
    """The sound by a studio without a store."""
    with studio(asked.bundle, port, None) as address:
        page = visited(browser.new_context(), address)
        begin(page, asked.turns)
        return whole(page, address)


def disturbed(browser: Browser, asked: argparse.Namespace, port: int, store: Path) -> tuple[str, list[str]]:
    """The sound in the end, and what was lost on the way."""
    chance, context = random.Random(asked.seed), browser.new_context()
    known, lost = 0, []
    for kill in range(asked.kills):
        with studio(asked.bundle, port, store) as address:
            page = visited(context, address)
            if kill == 0:
                begin(page, asked.turns)
            else:
                if (found := settle(page, known)) < known:
                    lost.append(f"kill {kill}: {known} turns, then {found}")
                go_on(page)
            before, until = made(page), chance.uniform(0, MOST_WORK_S)
            while made(page) == before < asked.turns:
                page.wait_for_timeout(200)
            page.wait_for_timeout(1000 * until)
            known = made(page)
        print(f"kill {kill + 1:2d}: {known} of {asked.turns} turns", flush=True)
    with studio(asked.bundle, port, store) as address:
        page = visited(context, address)
        settle(page, known)
        go_on(page)
        return whole(page, address), lost


def main() -> int:
    """Exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bundle")
    parser.add_argument("--turns", type=int, default=36)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1, help="of the moments")
    asked = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with sync_playwright() as playwright, tempfile.TemporaryDirectory(prefix="dialogue-tts-") as folder:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        wanted = undisturbed(browser, asked, port)
        found, lost = disturbed(browser, asked, port, Path(folder) / "store.db")
        browser.close()
    print(f"lost       {lost or 'nothing'}")
    print(f"otherwise  {'the sound' if found != wanted else 'nothing'}")
    return 1 if lost or found != wanted else 0


if __name__ == "__main__":
    sys.exit(main())
