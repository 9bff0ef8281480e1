"""Turns that are to be heard at a time, as those of subtitles are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dialogue_tts.dialogue.mix import mix
from dialogue_tts.dialogue.project import Project
from dialogue_tts.errors import ScriptError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.gaps import HURRY, fitted_speed
from dialogue_tts.script.lint import lint
from dialogue_tts.script.parser import check_script, parse_script
from dialogue_tts.script.turns import FASTEST, Script, Turn
from dialogue_tts.script.writing import format_script
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.text.phonemes import TextFrontend

TIMED = Turn("Anna", "It is late.", start_s=2.0, end_s=3.0)


def test_turns_start_where_they_are_to_or_as_soon_as_they_can() -> None:
    waves = [np.full(size, 0.1, np.float32) for size in (5, 7, 3, 2)]
    placed = list(mix(waves, [0, 1, 1, 2], [3, None, 4, 30]))
    assert [one.start for one in placed] == [3, 9, 16, 30]  # the third was to start at 4
    whole = np.concatenate([one.samples for one in placed])
    assert whole.size == 32 and whole[8] == 0 and whole[19:30].max() == 0 and np.count_nonzero(whole) == 17


@pytest.mark.parametrize(
    ("sound_s", "pauses_s", "speed", "expected"),
    [
        (0.9, 0.0, 1.0, 1.0),
        (1.2, 0.0, 1.0, 1.2),
        (0.9, 0.25, 1.0, 1.2),
        (9.0, 0.0, 1.0, HURRY),
        (9.0, 0.0, 3.0, FASTEST),
        (0.9, 2.0, 1.0, HURRY),
        (0.5, 0.0, 0.5, 0.5),
        (2.0, 0.0, 2.0, 2.0),
    ],
)
def test_a_turn_hurries_to_be_over_in_time(sound_s: float, pauses_s: float, speed: float, expected: float) -> None:
    assert fitted_speed(TIMED, speed, sound_s, pauses_s) == pytest.approx(expected)
    assert fitted_speed(replace(TIMED, start_s=None, end_s=None), speed, sound_s, pauses_s) == speed


def test_times_are_options_of_a_turn() -> None:
    script = parse_script("[Anna | at 2s | until 3s] It is late.\n[Ben | at 3500 ms] Yes.")
    assert script == Script((TIMED, Turn("Ben", "Yes.", line=2, start_s=3.5)))
    assert format_script(script) == "[Anna | at 2s | until 3s] It is late.\n[Ben | at 3.5s] Yes.\n"


@pytest.mark.parametrize("options", ["until 3s", "at 3s | until 2s", "at 40000s", "at 1s | overlap 1s", "at -1s"])
def test_times_that_cannot_be(options: str) -> None:
    with pytest.raises(ScriptError, match="^line 2: "):
        parse_script(f"[Ben] Well.\n[Anna | {options}] It is late.")


@pytest.mark.parametrize(
    "turn", [replace(TIMED, start_s=None), replace(TIMED, start_s=4.0), replace(TIMED, overlap_s=1.0)]
)
def test_times_of_turns_made_in_code_are_checked(turn: Turn) -> None:
    with pytest.raises(ScriptError, match=r"^turn 2 \(Anna\): "):
        check_script(Script((Turn("Ben", "Well."), turn)))


def test_turns_that_are_too_tight_are_found() -> None:
    text = "[Anna | at 0s | until 1s] It was a long way down to the harbour, and it rained.\n"
    text += "[Ben | at 9s | until 12s] Yes, it did."
    found = lint(text, TextFrontend())
    (finding,) = found.findings
    assert finding.line == 1 and "Anna has 1.0 s and needs about" in finding.message
    assert 9 < found.duration_s < 12


def test_a_timed_dialogue(tiny_tts: DialogueTTS) -> None:
    script = Script((Turn("Anna", "It is late.", start_s=0.5, end_s=0.6), Turn("Ben", "It is.", start_s=6.0)))
    dialogue = tiny_tts.synthesize(script, seed=3, config=SynthesisConfig(takes=1, sound_takes=1))
    free = tiny_tts.synthesize(Script((Turn("Anna", "It is late."),)), seed=3, config=dialogue.config)
    assert [turn.start for turn in dialogue.turns] == [0.5, 6.0] and dialogue.late == ()
    first = dialogue.turns[0].end - dialogue.turns[0].start
    assert first == pytest.approx(free.duration / HURRY, rel=0.05)
    assert Project.of(dialogue).script.turns[0].end_s == 0.6
    packed = replace(
        dialogue,
        turn_takes=tuple(replace(p, turn=replace(p.turn, start_s=0.5, end_s=None)) for p in dialogue.turn_takes),
    )
    assert packed.late == (1,)
