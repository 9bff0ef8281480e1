"""Everything that comes out of a dialogue is marked, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dialogue_tts.audio.io import read_audio
from dialogue_tts.bundle import Bundle
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.errors import SettingsError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.mark import Mark, bundle_code

SCRIPT = "[A] The tide comes in at ten past five. [B | overlap 0.2s] So soon? [A] It always does."


@pytest.fixture(scope="module")
def dialogue(tiny_tts: DialogueTTS) -> Dialogue:
    return tiny_tts.synthesize(SCRIPT, {"A": "low", "B": "high"}, seed=3)


def test_the_mark_names_bundle_and_operator(tiny_tts: DialogueTTS, tiny_bundle_dir: Path) -> None:
    code = bundle_code(tiny_tts.bundle_id.name, tiny_tts.bundle_id.sha256)
    assert tiny_tts.mark == Mark(code, 0)
    bundle = Bundle.load(tiny_bundle_dir)
    assert DialogueTTS(bundle, operator=9).mark == Mark(code, 9)
    assert DialogueTTS(bundle, mark=False).mark is None
    with pytest.raises(SettingsError, match="operator 300"):
        DialogueTTS(bundle, operator=300)


def test_whole_and_stream_are_marked_alike(tiny_tts: DialogueTTS, dialogue: Dialogue) -> None:
    plain = replace(dialogue, mark=None)
    assert dialogue.waveform.shape == plain.waveform.shape
    assert dialogue.mark is not None
    np.testing.assert_allclose(dialogue.waveform, dialogue.mark.applied(plain.waveform), atol=1e-6)
    assert np.abs(dialogue.waveform - plain.waveform).max() > 1e-3
    chunks = tiny_tts.stream(SCRIPT, {"A": "low", "B": "high"}, seed=3)
    assert np.concatenate([chunk.waveform for chunk in chunks]).tobytes() == dialogue.waveform.tobytes()


def test_tracks_turns_and_takes_are_marked(dialogue: Dialogue, tmp_path: Path) -> None:
    mark = dialogue.mark
    assert mark is not None
    np.testing.assert_allclose(sum(dialogue.tracks().values()), dialogue.waveform, atol=1e-6)
    plain = replace(dialogue, mark=None).tracks()
    np.testing.assert_array_equal(dialogue.tracks()["B"], mark.applied(plain["B"]))
    take = dialogue.turn_takes[1].take
    np.testing.assert_array_equal(dialogue.turn_waveform(1), mark.applied(take.waveform))
    assert take.marked(None) is take.waveform
    dialogue.save(tmp_path / "talk.wav")
    np.testing.assert_allclose(read_audio(tmp_path / "talk.wav", 24_000).numpy(), dialogue.waveform, atol=1e-4)


def test_the_mark_is_put_in_once(tiny_tts: DialogueTTS, dialogue: Dialogue) -> None:
    """Not again where turns are kept."""
    again = tiny_tts.redo(dialogue, 1).choose(1, 0)
    assert again.waveform.tobytes() == dialogue.waveform.tobytes()
