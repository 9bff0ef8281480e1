"""`check`: one line a finding, as compilers write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

GOOD = "[Anna] Is it ten past five?\n[Ben] Nearly, I think.\n"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.txt"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_good_script(run: CommandLine, script: Path) -> None:
    result = run("check", script, bundle=False)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"{script}: 2 turns, speakers Anna, Ben; about 2.8 s, made in about 0.5 s\n")
    assert run("check", script, "-q", bundle=False).output == ""
    assert run("check", "-", "-q", stdin=GOOD, bundle=False).exit_code == 0


def test_findings_are_lines_with_their_places(run: CommandLine, script: Path) -> None:
    script.write_text("[Anna] We met Zbyszek here.\n[Ben] Oh dear me [laughs].\n", encoding="utf-8")
    result = run("check", script, bundle=False)
    assert result.exit_code == 2
    first, second = result.stdout.splitlines()
    assert first.startswith(f'{script}:1:15: warning: "Zbyszek" is in no dictionary')
    assert second.startswith(f"{script}:2:18: error: [laughs]: sounds cannot be acted")
    assert len(result.stderr.splitlines()) == 1


def test_warnings_alone_are_no_failure(run: CommandLine, script: Path) -> None:
    result = run("check", script, "--voice", "Anna=low", bundle=False)
    assert result.exit_code == 0
    assert result.stdout == (
        f"{script}:2: warning: Ben has no voice and will get a built-in one; give Ben one, or leave it so.\n"
    )
    assert run("check", script, "--voice", "Dora=low", bundle=False).exit_code == 2


def test_json(run: CommandLine, script: Path) -> None:
    result = run("check", script, "--json", bundle=False)
    found = json.loads(result.stdout)
    assert result.stderr == "" and result.exit_code == 0
    assert list(found) == ["script", "findings", "speakers", "turns", "duration_s", "work_s"]
    assert (found["findings"], found["speakers"], found["turns"]) == ([], ["Anna", "Ben"], 2)
    slow = json.loads(run("check", script, "--json", "--speed", 0.5, "--gap", 3, bundle=False).stdout)
    assert slow["duration_s"] > found["duration_s"] + 5
    result = run("check", "-", "--json", stdin="[Anna] Oh dear me [laughs].", bundle=False)
    (finding,) = json.loads(result.stdout)["findings"]
    assert result.exit_code == 2 and list(finding) == ["line", "column", "severity", "message"]


def test_a_dictionary_ends_doubts(run: CommandLine, script: Path, tmp_path: Path) -> None:
    script.write_text("[Anna] We met Zbyszek here.\n", encoding="utf-8")
    words = tmp_path / "words.txt"
    words.write_text("Zbyszek => zbˈɪʃɛk\n", encoding="utf-8")
    assert run("check", script, "-q", "--pronunciations", words, bundle=False).output == ""


def test_what_cannot_be_checked(run: CommandLine, script: Path, tmp_path: Path) -> None:
    run.refused("check", tmp_path / "none.txt", said="the script cannot be read", bundle=False)
    run.refused("check", "-", stdin='{"kind": 1}', said="this is a project, not a script", bundle=False)
    run.refused("check", script, "--speed", 9, said="speed 9 is out of range", bundle=False)


def test_what_will_be_said(run: CommandLine) -> None:
    text = "[Anna] It's $5, Dr. Ito."
    result = run("check", "-", "--spoken", "-q", stdin=text, bundle=False)
    assert result.stdout.splitlines()[-1] == "-:1: Anna says: It's five dollars ($5) Dr (Dr.) Ito"
    (turn,) = json.loads(run("check", "-", "--spoken", "--json", stdin=text, bundle=False).stdout)["spoken"]
    assert [word["spoken"] for word in turn["words"]] == ["It's", "five dollars", "Dr", "Ito"]


def test_turns_are_read_in_the_accent_of_a_voice_that_is_given(run: CommandLine) -> None:
    text = "[Anna] My schedule.\n[Ben] Your schedule.\n"
    arguments = ("check", "-", "--spoken", "--json", "--voice", "Anna=alice")  # British, and comes with the package
    turns = json.loads(run(*arguments, stdin=text, bundle=False).stdout)["spoken"]
    assert [turn["words"][1]["phonemes"] for turn in turns] == ["ʃˈɛdjul", "skˈɛʤˌul"]
