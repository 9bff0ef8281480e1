"""One studio and one browser for all tests of the page: starting them takes longer than most tests.

They are of the package, not of the whole session: Playwright keeps an event loop, beside which others cannot run theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.conftest import RATE_HZ, buzz


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="package")
def address(folder: Path, tiny_bundle_dir: Path) -> Iterator[str]:
    from tests.ui.browsing import served  # it skips where there is no browser

    with served(folder, str(tiny_bundle_dir), 0.4) as found:
        yield found


@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    from tests.ui.browsing import CHROMIUM, FLAGS, sync_api

    spoken = tmp_path_factory.mktemp("microphone") / "steady.wav"
    soundfile.write(spoken, buzz(20.0), RATE_HZ)
    flags = [flag.replace("MICROPHONE", str(spoken)) for flag in FLAGS]
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=flags)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Any]]:
    """Opens the studio in a browser of its own; at the end, no request left the machine and no script failed."""
    from tests.ui.browsing import NOTES, WAIT_MS, settled

    contexts, faults = [], []

    def opened(ready: bool = True, at: str = address, **settings: Any) -> Any:
        settings.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(**settings)
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(NOTES)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((at, "data:", "blob:")) else faults.append(r.url))
        page.goto(at)
        if ready:
            settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert not faults
