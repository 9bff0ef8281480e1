"""Pronunciation dictionaries: both forms of line, and mistakes that name theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.pronunciations import read_pronunciations


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "words.txt"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_both_forms_of_line(tmp_path: Path) -> None:
    path = write(
        tmp_path, "\ufeff# names\nIto\tˈitO\n\n  New  Delhi => /nu dˈɛli/ \ntomato=>təˈmeɪtoʊ\r\nito\t/ˈitO/\n"
    )
    found = read_pronunciations(path)
    assert found == (("Ito", "ˈitO"), ("New Delhi", "nu dˈɛli"), ("tomato", "təˈmeɪtoʊ"))
    frontend = TextFrontend()
    said = frontend.speak("Dr. Ito left New Delhi.", dict(found))
    assert [w.phonemes for w in said.words][1] == "ˈitO"
    assert said.phonemes == frontend.speak("Dr. [Ito](/ˈitO/) left [New Delhi](/nu dˈɛli/).").phonemes


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("tomato təˈmeɪtoʊ\n", 'line 1: write a word, a tab or "=>"'),
        ("a\tA\n\ntomato =>\n", "line 3: write a word"),
        ("=> A\n", "line 1: write a word"),
        ("tomato\t/təˈ5/\n", "line 1: .*no known phoneme"),
        ("tomato\ttəˈmAtO\nTomato\ttəˈmɑtO\n", "line 2: Tomato has other phonemes on line 1"),
        (b"caf\xe9\tkafA\n", "UTF-8"),
    ],
)
def test_mistakes_name_their_line(tmp_path: Path, content: str | bytes, says: str) -> None:
    with pytest.raises(ScriptError, match=says) as error:
        read_pronunciations(write(tmp_path, content))
    assert str(error.value).startswith(str(tmp_path / "words.txt")) and "\n" not in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot be read"):
        read_pronunciations(tmp_path / "none.txt")
