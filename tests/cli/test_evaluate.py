"""`evaluate` on test sets of others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from dialogue_tts.evaluation.judges import Judges
from tests.conftest import RATE_HZ, buzz

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine


class Judge:
    def transcribe(self, wave: np.ndarray, sample_rate_hz: int) -> str:
        return "tea"

    def embed(self, wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        return np.array([1.0, 0.0])

    def overall(self, wave: np.ndarray, sample_rate_hz: int) -> float:
        return 3.0


@pytest.fixture
def test_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ZipVoice-Dialog list of one dialogue; the judges are stand-ins."""
    pytest.importorskip("jiwer")
    pytest.importorskip("whisper_normalizer")
    judge = Judge()
    monkeypatch.setattr("dialogue_tts.evaluation.judges.load_judges", lambda folder: Judges(judge, judge, judge, judge))
    for name, hz in (("a", 140.0), ("b", 190.0)):
        soundfile.write(tmp_path / f"{name}.wav", buzz(3.0, hz), RATE_HZ)
    path = tmp_path / "test.tsv"
    path.write_text("d-1\tOne.\tTwo.\ta.wav\tb.wav\t[S1] Tea. [S2] No.\n", encoding="utf-8")
    return path


def test_a_row_for_the_zipvoice_dialog_test_set(run: CommandLine, test_list: Path) -> None:
    result = run("evaluate", test_list, "--judges", "anywhere", "--json", "-q")
    assert result.exit_code == 0, result.output
    (system,) = json.loads(result.stdout)["systems"]
    assert system["name"] == "full path" and [turn["voice"] for turn in system["turns"]] == ["S1", "S2"]
    assert system["figures"]["wer_percent"] == 50 and system["figures"]["utmos"] is None


def test_weights_that_are_not_there_are_named(run: CommandLine, test_list: Path) -> None:
    for option in ("--utmos", "--wavlm", "--wespeaker"):
        run.refused(
            "evaluate", test_list, "--judges", "anywhere", option, "nothing.pt", said="nothing.pt: there is no such"
        )
