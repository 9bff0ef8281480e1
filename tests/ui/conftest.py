"""One studio and one browser for all tests of the page: starting them takes longer than most tests.

They are of the package, not of the whole session: Playwright keeps an event loop, beside which others cannot run theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.conftest import RATE_HZ, buzz
from tests.ui.studio_server import PACE


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="package")
def address(folder: Path, tiny_bundle_dir: Path) -> Iterator[str]:
    from tests.ui.browsing import served  # it skips where there is no browser

    (folder / PACE).write_text("0")
    with served(folder, str(tiny_bundle_dir)) as found:
        yield found


@pytest.fixture
def slowly(folder: Path) -> Iterator[None]:
    """Each turn takes a while, for who looks at what happens meanwhile."""
    (folder / PACE).write_text("0.4")
    yield
    (folder / PACE).write_text("0")


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


@pytest.fixture(scope="package")
def visitors(browser: Any) -> Iterator[list[Any]]:
    """Pages, each in a context of the browser that is somebody else's. They stay, for what they keep of Gradio's files in their
    cache and of their process: without it most of a test would be the loading of the page."""
    found: list[Any] = []
    yield found
    for page in found:
        page.context.close()


@pytest.fixture
def visit(browser: Any, address: str, visitors: list[Any]) -> Iterator[Callable[..., Any]]:
    """Opens the studio as somebody who was never there before; at the end, no request left the machine and no script failed."""
    from tests.ui.browsing import forgotten, page_in, settled

    here, came, faults = iter(tuple(visitors)), [], []
    listeners = {
        "pageerror": lambda error: faults.append(str(error)),
        "request": lambda r: None if r.url.startswith((address, "data:", "blob:")) else faults.append(r.url),
    }

    def opened(permissions: Sequence[str] = (), viewport: Sequence[int] = (1280, 900), scheme: str = "light") -> Any:
        page = next(here, None)
        if page is None:
            page = page_in(browser)
            visitors.append(page)
        came.append(page)
        page.context.grant_permissions(permissions)
        page.set_viewport_size(dict(zip(("width", "height"), viewport, strict=True)))
        page.emulate_media(color_scheme=scheme)
        for event, listener in listeners.items():
            page.on(event, listener)
        page.goto(address)
        settled(page)
        return page

    yield opened
    for page in came:
        forgotten(page, address)
        for event, listener in listeners.items():
            page.remove_listener(event, listener)
    assert not faults
