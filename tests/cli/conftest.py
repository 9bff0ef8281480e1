"""Runs the command line on the tiny bundle."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from dialogue_tts.cli import app
from dialogue_tts.voices.library import FOLDER_VARIABLE


@pytest.fixture(autouse=True, scope="package")
def no_lines_of_progress() -> Iterator[None]:
    """However slow the machine is, nothing is told in between."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dialogue_tts.cli.progress.EVERY_S", 86_400.0)
        yield


def once(arguments: Sequence[object]) -> list[str]:
    """Options by which a command draws nothing twice: random networks never read back well. Projects bring their own."""
    speaks = arguments[0] in ("synthesize", "stream", "batch") and Path(str(arguments[1])).suffix != ".json"
    return ["--set", "takes=1", "--set", "sound_takes=1"] if speaks else []


class CommandLine:
    """Runs commands; those that take a bundle get the tiny one."""

    def __init__(self, bundle: Path) -> None:
        self.bundle = bundle

    def __call__(self, *arguments: object, stdin: str | bytes | None = None, bundle: bool = True) -> Result:
        given = ["--bundle", self.bundle] if bundle else []
        given += once(arguments)
        return CliRunner().invoke(app, [str(argument) for argument in (*arguments, *given)], input=stdin)

    def refused(self, *arguments: object, said: str, stdin: str | None = None, bundle: bool = True) -> None:
        """Exit code 2, one line on standard error that holds what is `said`, and nothing else."""
        result = self(*arguments, stdin=stdin, bundle=bundle)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("dialogue-tts: ") and "Traceback" not in line and said in line


@pytest.fixture
def run(tiny_bundle_dir: Path) -> CommandLine:
    return CommandLine(tiny_bundle_dir)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for kept voices, used by this test alone."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kept"))
    return tmp_path / "kept"
