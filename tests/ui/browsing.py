"""The studio in a real browser: Debian's Chromium, driven by Playwright. Nothing is asked of any other machine."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import FORKS, IMPORTED
from tests.ui import studio_server

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="THE STUDIO'S PAGE IS NOT TESTED: pip install playwright")
if CHROMIUM is None:
    pytest.skip(
        "THE STUDIO'S PAGE IS NOT TESTED: there is no Chromium; apt-get install chromium", allow_module_level=True
    )
expect = sync_api.expect

WAIT_MS = 40_000  # machines are busy
FORKS.set_forkserver_preload([*IMPORTED, "tests.ui.studio_imports"])
expect.set_options(timeout=WAIT_MS)
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--use-file-for-fake-audio-capture=MICROPHONE",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
# Notes what is played piece by piece, when it was handed over and when it is due; how the microphone is asked for; and what
# is told aloud. Frames come ten times a second: sixty, drawn without a GPU while something is heard, take a processor more
# time than all the rest of a dialogue's making.
NOTES = """
window.requestAnimationFrame = (drawn) => setTimeout(() => drawn(performance.now()), 100);
window.cancelAnimationFrame = clearTimeout;
window.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (at) {
    const now = this.context.currentTime;
    heard.push({ at, now, seconds: this.buffer.duration, wallclock: Date.now() / 1000 + at - now });
    return start.call(this, at);
};
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = (wanted) => { window.wanted = wanted; return open(wanted); };
window.aloud = [];
document.addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
    for (const { target } of changes) {
        const live = target.closest?.("[role=status], [role=alert]");
        if (live?.textContent) aloud.push(live.textContent);
    }
}).observe(document.body, { childList: true, subtree: true }));
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(folder: Path, bundle: str | None, *password: str, port: int | None = None) -> Iterator[str]:
    """A studio's address; `folder` holds what it writes. None for the default bundle."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    process = FORKS.Process(target=studio_server.main, args=(folder, port, bundle, *password), daemon=True)
    process.start()
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(1200):
            assert process.is_alive(), "the studio did not start"
            try:
                httpx.get(f"{address}studio/main.js", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.join(30)


def page_in(browser: Any) -> Any:
    """A page of somebody who was never there before, in a context of its own."""
    context = browser.new_context()
    context.set_default_timeout(WAIT_MS)
    context.add_init_script(NOTES)
    return context.new_page()


def forgotten(page: Any, address: str) -> None:
    """Whatever a page and its context know of a visit to an address, but for files in the cache."""
    for other in page.context.pages:
        if other is not page:
            other.close()
    page.context.clear_permissions()
    page.goto(f"{address}studio/icon.png")  # of the same origin, and runs nothing that would keep something again
    page.evaluate("sessionStorage.clear()")
    kept = {
        "origin": address.rstrip("/"),
        "storageTypes": "cookies,local_storage,indexeddb,cache_storage,service_workers",
    }
    tools = page.context.new_cdp_session(page)
    tools.send("Storage.clearDataForOrigin", kept)
    tools.detach()


def settled(page: Any) -> None:
    page.wait_for_selector(".studio[data-ready]")


def make(page: Any, name: str | None = None) -> None:
    """Press the one large button, and wait."""
    button = page.locator("button.make")
    if name:
        expect(button).to_have_text(name)
    button.click()
    done(page)


def done(page: Any) -> None:
    expect(page.locator(".state")).to_have_text("Done.", timeout=WAIT_MS)


def write(page: Any, text: str) -> None:
    """The script as text, checked."""
    page.get_by_role("tab", name="Text").click()
    page.get_by_label("Script as text").fill(text)
    page.get_by_role("tab", name="Turns").click()


def wav_of(page: Any, path: str) -> bytes:
    return page.request.get(page.url.rstrip("/") + "/gradio_api/file=" + path).body()


def told(page: Any, what: str) -> Any:
    """Something of the page's state."""
    return page.evaluate(f"import(new URL('studio/state.js', document.baseURI)).then(({{ state }}) => state.{what})")


def take_file(page: Any, n: int) -> str:
    made = told(page, f"made[state.rows[{n}].id]")
    return made["takes"][made["chosen"]]["file"]


Open = Callable[..., Any]


def paste(page: Any, text: str) -> None:
    page.get_by_label("Text of turn 1", exact=True).click()
    page.evaluate(
        """text => {
            const data = new DataTransfer();
            data.setData("text/plain", text);
            const paste = new ClipboardEvent("paste", { clipboardData: data, cancelable: true, bubbles: true });
            document.activeElement.dispatchEvent(paste);
        }""",
        text,
    )


def serious(axe: Any, page: Any) -> list[tuple[str, list[str]]]:
    found = axe.Axe().run(page).response["violations"]
    return [
        (fault["id"], [node["html"][:200] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]
