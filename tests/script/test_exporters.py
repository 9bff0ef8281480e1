"""Scripts written as documents read back as the same speakers and words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from dialogue_tts.errors import AudioError, ScriptError
from dialogue_tts.script.documents import WRITERS, read_script, write_script
from dialogue_tts.script.turns import Script, Turn

SCRIPT = Script(
    (
        Turn("Anna", "Well, 2 * 3 and *so* on (laughs)."),
        Turn("2nd Guard", "It's_so [pause 0.5s] late. [tomato](/təˈmeɪtoʊ/)!", 0.25, speed=1.2),
        Turn("Zoë", "FADE OUT.", overlap_s=0.3),
        Turn("Anna", "(to Zoë) Yes."),
    )
)
TIMED = Script((Turn("Anna", "Is it late?", start_s=1.0, end_s=2.5), Turn("Ben", "It is.", start_s=3.25, end_s=4.0)))


@pytest.mark.parametrize("ending", [".txt", ".docx"])
def test_all_of_a_script_reads_back(ending: str, tmp_path: Path) -> None:
    for script in (SCRIPT, TIMED):
        write_script(script, tmp_path / f"play{ending}")
        again = read_script(tmp_path / f"play{ending}").turns
        assert [replace(turn, line=1) for turn in again] == list(script.turns)


def test_a_screenplay_keeps_who_says_what(tmp_path: Path) -> None:
    script = Script(
        (Turn("Anna", "Well, 2 * 3 and *so* on."), Turn("de Vries", "It's [pause 1s] late.", 0.5), Turn("Zoë", "No!"))
    )
    write_script(script, tmp_path / "play.fountain")
    again = read_script(tmp_path / "play.fountain").turns
    assert [(t.speaker, t.text) for t in again] == [
        ("Anna", "Well, 2 * 3 and *so* on."),
        ("de Vries", "It's late."),
        ("Zoë", "No!"),
    ]


def test_subtitles_need_times(tmp_path: Path) -> None:
    write_script(TIMED, tmp_path / "film.srt")
    again = read_script(tmp_path / "film.srt")
    assert [replace(turn, line=1) for turn in again.turns] == list(TIMED.turns)
    with pytest.raises(ScriptError, match=r"turn 1 \(Anna\) has no times"):
        write_script(SCRIPT, tmp_path / "none.srt")
    assert not (tmp_path / "none.srt").exists()


def test_other_formats_and_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=", ".join(WRITERS)):
        write_script(SCRIPT, tmp_path / "play.pdf")
    with pytest.raises(AudioError, match="cannot be written"):
        write_script(SCRIPT, tmp_path / "nowhere" / "play.txt")
