"""The steps on the way to the full path."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from dialogue_tts.evaluation.sets import EvalRecording
from dialogue_tts.evaluation.systems import codec_resynthesis, from_true_semantic_tokens
from dialogue_tts.pipeline import DialogueTTS
from tests.conftest import RATE_HZ, buzz


@pytest.fixture
def recording(tmp_path: Path) -> EvalRecording:
    for name, hz in (("a", 140.0), ("b", 190.0)):
        soundfile.write(tmp_path / f"{name}.wav", buzz(3.0, hz), RATE_HZ)
    return EvalRecording("x", tmp_path / "a.wav", "Hello there.", "ann", tmp_path / "b.wav")


def test_true_levels_lead_from_soundstorm_to_the_codec(tiny_tts: DialogueTTS, recording: EvalRecording) -> None:
    levels = tiny_tts.bundle.codec.config.levels
    made = [from_true_semantic_tokens(tiny_tts, true_levels=n)(recording).wave for n in range(levels + 1)]
    wanted = codec_resynthesis(tiny_tts)(recording).wave
    assert made[0].shape == wanted.shape and np.array_equal(made[levels], wanted)
    for fewer, more in zip(made, made[1:], strict=False):
        assert not np.array_equal(fewer, more)
