"""--device: a device that is not here is told in one line, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dialogue_tts.batch.jobs import BatchContext
from dialogue_tts.errors import SettingsError

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

SAID = "device 'nowhere' is not known; this machine has cpu"
CONSENT = ("--consent", "own", "--who", "Ada", "--when", "2026-01-31")


@pytest.mark.parametrize(
    "command",
    [
        ("synthesize", "script.txt", "-o", "talk.wav"),
        ("stream", "script.txt"),
        ("batch", "scripts", "out"),
        ("batch", "scripts", "out", "--workers", 2),
        ("voices", "play", "low", "-o", "low.wav"),
        ("voices", "add", "ada", "voice.wav", *CONSENT),
        ("serve", "--port", 0),
        ("ui", "--no-browser", "--port", 17_861),
        ("mcp",),
        ("benchmark", "--seconds", 1, "-o", "figures.json"),
    ],
    ids=lambda command: " ".join(map(str, command[:2])),
)
def test_a_device_that_is_not_here(
    run: CommandLine, recording: Path, kept: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[object, ...]
) -> None:
    folder = recording.parent
    (folder / "scripts").mkdir()
    for path in (folder / "script.txt", folder / "scripts" / "one.txt"):
        path.write_text("[Anna] Hello.", encoding="utf-8")
    before = sorted(folder.rglob("*"))
    monkeypatch.chdir(folder)
    run.refused(*command, "--device", "nowhere", said=SAID)
    assert sorted(folder.rglob("*")) == before


def test_workers_have_the_device(tmp_path: Path, tiny_bundle_dir: Path) -> None:
    with pytest.raises(SettingsError, match="'nowhere'"):
        BatchContext(tmp_path, bundle=str(tiny_bundle_dir), device="nowhere").open()
