"""Shell completion, asked of the shells themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHELLS = ("bash", "zsh", "fish", "powershell")
IN_BASH = """
source "$1"
complete -p dialogue-tts
COMP_WORDS=(dialogue-tts {words}) COMP_CWORD={last}
_dialogue_tts_completion dialogue-tts
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
IN_ZSH = """
compdef() {{ print -r -- "for $2" }}
_arguments() {{ print -r -- "$@" }}
_files() {{ print files }}
words=(dialogue-tts {words}) CURRENT={last}
source "$1"
_dialogue_tts_completion
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The command on the path, whether or not the package is installed."""
    folder = tmp_path_factory.mktemp("bin")
    command = folder / "dialogue-tts"
    command.write_text(f"#!{sys.executable}\nfrom dialogue_tts.cli import main\nmain()\n", encoding="utf-8")
    command.chmod(0o755)
    return os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def scripts(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of each shell, what the command gives it to read."""
    folder, found = tmp_path_factory.mktemp("scripts"), {}
    for shell in SHELLS:
        source = {**environment, "_DIALOGUE_TTS_COMPLETE": f"source_{shell}"}
        done = subprocess.run(["dialogue-tts"], env=source, capture_output=True, text=True, timeout=180, check=True)
        assert "dialogue-tts" in done.stdout and done.stderr == ""
        found[shell] = folder / shell
        found[shell].write_text(done.stdout, encoding="utf-8")
    return found


def ask(environment: dict[str, str], shell: str, commands: str, words: list[str], script: Path) -> str:
    """What a shell that has read the command's completion offers for the last of the words."""
    last = len(words) + (shell == "zsh")  # zsh counts from 1
    quoted = " ".join(f"'{word}'" for word in words)
    run = [shell, "-c", commands.format(words=quoted, last=last), shell, str(script)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=180, check=False)
    assert done.stderr == ""
    return done.stdout


CASES = [
    (["vo"], {"voices"}, {"synthesize"}),
    (["s"], {"synthesize", "stream"}, {"voices", "batch"}),
    (["voices", ""], {"list", "add", "show", "play", "remove"}, {"synthesize"}),
    (["stream", "a.txt", "--format", ""], {"wav", "raw"}, {"flac"}),
    (["voices", "add", "--consent", "l"], {"licensed"}, {"own"}),
    (["synthesize", "--time"], {"--timestamps"}, {"--tracks"}),
]


@pytest.mark.skipif(not shutil.which("bash"), reason="BASH IS NOT INSTALLED: its completion is not tested")
@pytest.mark.parametrize(("words", "offered", "withheld"), CASES)
def test_bash(
    environment: dict[str, str], scripts: dict[str, Path], words: list[str], offered: set[str], withheld: set[str]
) -> None:
    first, *found = ask(environment, "bash", IN_BASH, words, scripts["bash"]).splitlines()
    assert first == "complete -o default -F _dialogue_tts_completion dialogue-tts"
    assert offered <= set(found) and not withheld & set(found)


@pytest.mark.skipif(not shutil.which("zsh"), reason="ZSH IS NOT INSTALLED: its completion is not tested")
@pytest.mark.parametrize(("words", "offered", "withheld"), CASES)
def test_zsh(
    environment: dict[str, str], scripts: dict[str, Path], words: list[str], offered: set[str], withheld: set[str]
) -> None:
    found = ask(environment, "zsh", IN_ZSH, words, scripts["zsh"])
    assert found.startswith("for dialogue-tts\n")
    assert all(f'"{word}"' in found for word in offered) and not any(f'"{word}"' in found for word in withheld)


def test_a_script_for_every_shell(scripts: dict[str, Path]) -> None:
    assert len({script.read_text(encoding="utf-8") for script in scripts.values()}) == len(SHELLS)
