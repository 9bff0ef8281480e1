"""A dialogue in a notebook."""

from __future__ import annotations

import base64
import io
import re

import pytest
import soundfile

from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig


@pytest.fixture(scope="module")
def dialogue(tiny_tts: DialogueTTS) -> Dialogue:
    script = "[Anna] Is 1 < 2 & 3?\n[Ben] Yes."
    return tiny_tts.synthesize(script, seed=7, config=SynthesisConfig(takes=1, sound_takes=1, warn_phone_error=0.0))


def test_it_is_told_in_short(dialogue: Dialogue) -> None:
    assert repr(dialogue) == f"<Dialogue: 2 turns of Anna, Ben, {dialogue.duration:.2f} s, seed 7>"


def test_a_player_and_the_turns(dialogue: Dialogue) -> None:
    page = dialogue._repr_html_()
    sound = base64.b64decode(re.findall(r'src="data:audio/mpeg;base64,([^"]+)"', page)[0])
    with soundfile.SoundFile(io.BytesIO(sound)) as file:
        assert file.format == "MP3" and len(file) == pytest.approx(dialogue.waveform.size, abs=2500)
    shown = re.findall(
        r"<tr( title=[^>]*)?><td>.*?currentTime=([\d.]+);.*?</td><td>(\w+)</td><td[^>]*>(.*?)</td>", page
    )
    assert [(speaker, text.removesuffix(" ?")) for _, _, speaker, text in shown] == [
        ("Anna", "Is 1 &lt; 2 &amp; 3?"),
        ("Ben", "Yes."),
    ]
    assert [float(start) for _, start, _, _ in shown] == [round(turn.start, 2) for turn in dialogue.turns]
    assert [bool(mark) for mark, *_ in shown] == [turn.index in dialogue.doubtful for turn in dialogue.turns]
    assert dialogue.doubtful
