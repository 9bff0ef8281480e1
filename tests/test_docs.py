"""The examples of the documentation run, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import typer.main
from typer.testing import CliRunner

from dialogue_tts.bundle import BuiltInVoice, Bundle, find_bundle, list_voices
from dialogue_tts.cli import app
from dialogue_tts.voices.library import FOLDER_VARIABLE

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OWN_TESTS = {"server.md", "studio.md"}  # need a server that runs
EXAMPLE = re.compile(r"<!-- test -->\n```(python|console)\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)(?:#[^)]*)?\)")
PLAIN = re.compile(r"(?:echo (?P<input>\"[^\"]*\") \| )?dialogue-tts (?P<arguments>[^|>]*?)(?: > (?P<file>\S+))?")
pytestmark = pytest.mark.usefixtures("all_reads_well")
OF_PROCESSES = {"benchmark", "--workers"}
SCRIPT = "[Anna] Is it ten past five?\n[Ben] Nearly.\n"


@pytest.fixture(scope="module")
def bundle(tiny_bundle_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny bundle with the names of the default bundle's voices."""
    tiny, folder = Bundle.load(tiny_bundle_dir), tmp_path_factory.mktemp("docs") / "bundle"
    recording = tiny.voices["low"].recording
    names = list_voices(find_bundle())
    replace(tiny, voices={name: BuiltInVoice(name, recording, "a tone", "a test") for name in names}).save(folder)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with all that the examples take up."""
    folder = tmp_path / "place"
    (folder / "scripts").mkdir(parents=True)
    for name in ("script.txt", "scripts/one.txt", "scripts/two.txt"):
        (folder / name).write_text(SCRIPT, encoding="utf-8")
    (folder / "words.txt").write_text("five => fˈIv\n", encoding="utf-8")
    (folder / "jobs.jsonl").write_text(
        '{"id": "episode-1", "script": "[Anna] Hello.", "voices": {"Anna": "clara"}, "settings": {"gap_s": 0.3}}\n',
        encoding="utf-8",
    )
    shutil.copy(
        find_bundle() / "voices" / "michael.flac", folder / "ben.flac"
    )  # a tone is no voice to the default bundle
    soundfile.write(folder / "ben.wav", *soundfile.read(folder / "ben.flac"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "kept"))
    here = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(here)


def examples(document: Path, language: str) -> list[str]:
    return [code for kind, code in EXAMPLE.findall(document.read_text(encoding="utf-8")) if kind == language]


def test_every_page_is_there_and_has_examples() -> None:
    pages = {document.name for document in DOCUMENTS}
    assert {"README.md", "cli.md", "library.md", "scripts.md", "training.md", "voices.md", *OWN_TESTS} <= pages
    assert len(examples(ROOT / "docs" / "library.md", "python")) >= 6
    assert len(examples(ROOT / "docs" / "cli.md", "console")) >= 4


def test_the_examples_of_the_first_page_run_with_the_default_bundle(place: Path) -> None:
    found = examples(ROOT / "README.md", "python")
    assert found
    for example in found:
        exec(compile(example, "README.md", "exec"), {})
    assert (place / "talk.wav").stat().st_size > 24_000


@pytest.mark.parametrize(
    ("document", "example"),
    [
        pytest.param(document, example, id=f"{document.stem}-{number}")
        for document in DOCUMENTS[1:]
        if document.name not in OWN_TESTS
        for number, example in enumerate(examples(document, "python"), start=1)
    ],
)
def test_python_examples_run(
    document: Path, example: str, bundle: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dialogue_tts.pipeline.find_bundle", lambda name=None: find_bundle(name or bundle))
    exec(compile(example, document.name, "exec"), {})


@pytest.mark.parametrize(
    ("document", "example"),
    [
        pytest.param(document, example, id=f"{document.stem}-{number}")
        for document in DOCUMENTS[1:]
        if document.name not in OWN_TESTS
        for number, example in enumerate(examples(document, "console"), start=1)
    ],
)
@pytest.mark.usefixtures("forked")
def test_console_examples_run(
    document: Path, example: str, bundle: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line, with the tiny bundle for the default one; in a shell only what needs one: importing PyTorch anew takes
    longer than all that most lines do."""
    command = tmp_path / "bin" / "dialogue-tts"
    command.parent.mkdir()
    command.write_text(
        f"#!{sys.executable}\n"
        "from dialogue_tts import bundle, cli\n"
        "find = bundle.find_bundle\n"
        f"bundle.find_bundle = lambda name=None: find(name or {str(bundle)!r})\n"
        "if __name__ == '__main__':\n"
        "    cli.main()\n",
        encoding="utf-8",
    )
    command.chmod(0o755)
    paths = {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for module in ("bundle", "pipeline", "batch.jobs"):
        monkeypatch.setattr(f"dialogue_tts.{module}.find_bundle", lambda name=None: find_bundle(name or bundle))
    assert example and all(line.startswith("$ ") for line in example.splitlines())
    if "dialogue-tts verify" in example:  # in the two seconds of what is said else, the mark may be missed
        (place / "script.txt").write_text(6 * SCRIPT, encoding="utf-8")
    for line in (line.removeprefix("$ ") for line in example.splitlines()):
        plain = PLAIN.fullmatch(line)
        if plain is None:
            run = ["bash", "-o", "pipefail", "-c", line]
            done = subprocess.run(run, env=os.environ | paths, capture_output=True, text=True, timeout=300, check=False)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            continue
        arguments = shlex.split(plain["arguments"])
        if OF_PROCESSES & set(arguments):  # which know no other default
            arguments += ["--bundle", str(bundle)]
        if "--workers" in arguments:  # nor that all reads well
            arguments += ["--set", "takes=1", "--set", "sound_takes=1"]
        result = CliRunner().invoke(app, arguments, input=plain["input"] and shlex.split(plain["input"])[0] + "\n")
        assert result.exit_code == 0, f"{line}\n{result.output}"
        if plain["file"]:
            Path(plain["file"]).write_bytes(result.stdout_bytes)
            assert result.stdout_bytes, line


def commands(document: Path) -> list[list[str]]:
    """Every call of the command that a document shows in a block: its words, up to a pipe or redirection."""
    found = []
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for call in re.findall(r"\bdialogue-tts ([^|>#\n]*)", block):
            found.append(call.split())
    return found


def test_the_commands_and_options_that_are_shown_exist() -> None:
    root = typer.main.get_command(app)
    shown = [(document.name, words) for document in DOCUMENTS for words in commands(document)]
    assert len(shown) > 30
    for document, words in shown:
        command, rest = root, list(words)
        while rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]
        assert command is not root, f"{document}: there is no command {' '.join(words)}"
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = [word.partition("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
        assert set(used) <= options | {"--help"}, f"{document}: {' '.join(words)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_links_lead_somewhere(document: Path) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(prose):
        assert (document.parent / target).exists(), f"{document.name} links to {target}"
