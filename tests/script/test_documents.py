"""Documents as people and programs really make them, each read into exactly the turns that are wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dialogue_tts.script.documents import read_script

FOLDER = Path(__file__).parent / "documents"
WANTED = sorted(FOLDER.glob("*.json"))
WANTED = [path for path in WANTED if path.with_suffix("").is_file()]


@pytest.mark.parametrize("wanted", WANTED, ids=lambda path: path.stem)
def test_documents_have_the_wanted_turns(wanted: Path) -> None:
    turns = read_script(wanted.with_suffix("")).turns
    found = [[t.speaker, t.text, t.start_s, t.end_s] for t in turns]
    assert found == [[*turn, *[None] * (4 - len(turn))] for turn in json.loads(wanted.read_text(encoding="utf-8"))]
