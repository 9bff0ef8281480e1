"""The studio in a real browser: Debian's Chromium, driven by Playwright. Nothing is asked of any other machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="THE STUDIO'S PAGE IS NOT TESTED: pip install playwright")
if CHROMIUM is None:
    pytest.skip(
        "THE STUDIO'S PAGE IS NOT TESTED: there is no Chromium; apt-get install chromium", allow_module_level=True
    )
expect = sync_api.expect

ROOT = Path(__file__).parents[2]
WAIT_MS = 40_000  # machines are busy
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
# is told aloud.
NOTES = """
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
def served(folder: Path, bundle: str, slow_s: float, *password: str, port: int | None = None) -> Iterator[str]:
    """A studio's address; `folder` holds what it writes."""
    port = port or free_port()
    folder.mkdir(parents=True, exist_ok=True)
    given = [str(folder), str(port), bundle, str(slow_s), *password]
    settings = {
        "OMP_NUM_THREADS": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "no_proxy": "127.0.0.1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.ui.studio_server", *given], cwd=ROOT, env=os.environ | settings
    )
    address = f"http://127.0.0.1:{port}/"
    try:
        for _ in range(1200):
            assert process.poll() is None, "the studio did not start"
            try:
                httpx.get(f"{address}studio/main.js", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(30)


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
