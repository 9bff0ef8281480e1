"""Bundles go to the hub, which here is made up."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.utils import filter_repo_objects
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.training import hub


class Hub:
    """Takes what it is given, or refuses."""

    calls: list[tuple[str, dict[str, Any]]] = []
    refuses = False

    def create_repo(self, repository: str, **settings: Any) -> None:
        if self.refuses:
            raise OSError("401 Unauthorized\nand more")
        self.calls.append((repository, settings))

    def upload_folder(self, **settings: Any) -> str:
        self.calls.append(("upload", settings))
        return "commit"


@pytest.fixture
def bundle(tiny_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(hub, "HfApi", Hub)
    monkeypatch.setattr(Hub, "calls", [])
    return Path(shutil.copytree(tiny_bundle_dir, tmp_path / "bundle"))


def push(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["push", *map(str, arguments)], catch_exceptions=False)
    return result.exit_code, result.output


def test_a_bundle_is_pushed_with_a_card(bundle: Path) -> None:
    assert push(bundle, "me/tiny", "--licence", "cc-by-4.0", "--private") == (0, "https://huggingface.co/me/tiny\n")
    made, uploaded = Hub.calls
    assert made == ("me/tiny", {"private": True, "exist_ok": True})
    assert uploaded[1]["repo_id"] == "me/tiny" and uploaded[1]["folder_path"] == bundle
    card = (bundle / "README.md").read_text()
    assert card.startswith("---\n") and "license: cc-by-4.0" in card and "pipeline_tag: text-to-speech" in card
    assert "--bundle me/tiny" in card and "| `soundstorm` |" in card and "## Figures" not in card
    assert "## Figures\n\n| a |" in hub.card_of(hub.Bundle.load(bundle), "me/tiny", "| a |", "")


def test_the_files_of_a_bundle_are_pushed_and_nothing_else(bundle: Path) -> None:
    """As the hub's library picks them: of an adapted bundle its run stays at home."""
    (bundle / "README.md").write_text("Mine.")
    wanted = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    for name in ("recipe/soundstorm.json", "TRAINING.md"):
        (bundle / name).parent.mkdir(exist_ok=True)
        (bundle / name).write_text("{}")
        wanted.add(name)
    for name in ("adapting/checkpoint.safetensors", "adapting/begun_with.json", "adapting/voices/a.flac", "notes.json"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_text("{}")
    assert push(bundle, "me/tiny")[0] == 0
    found = [path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()]
    kept = filter_repo_objects(found, allow_patterns=Hub.calls[1][1]["allow_patterns"])
    assert set(kept) == wanted


def test_a_card_that_is_there_stays(bundle: Path) -> None:
    (bundle / "README.md").write_text("Mine.")
    assert push(bundle, "me/tiny")[0] == 0
    assert (bundle / "README.md").read_text() == "Mine."


def test_a_damaged_bundle_and_a_hub_that_refuses_are_told(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hub, "refuses", True)
    code, told = push(bundle, "me/tiny")
    assert code == 2 and "401 Unauthorized); log in" in told and "and more" not in told
    (bundle / "codec.safetensors").write_bytes(b"no")
    code, told = push(bundle, "me/tiny")
    assert code == 2 and "codec.safetensors is damaged" in told and not Hub.calls
