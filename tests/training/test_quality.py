"""Scores of recordings, kept beside them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import DataError
from dialogue_tts.training.corpus import Corpus, prepare, write_turns
from dialogue_tts.training.quality import HEARD_S, QUALITY, rate, scores_of


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Ann with three recordings, the first of them long and silent at its ends; Ben with one."""
    sounds = {"ann-0": (0.1, 9.0), "ann-1": (0.2, 1.0), "ann-2": (0.3, 2.0), "ben-0": (0.4, 1.0)}
    for name, (level, seconds) in sounds.items():
        wave = np.full(round(seconds * SAMPLE_RATE_HZ), level, np.float32)
        if name == "ann-0":
            wave[: 2 * SAMPLE_RATE_HZ] = wave[-2 * SAMPLE_RATE_HZ :] = 0
        soundfile.write(tmp_path / f"{name}.flac", wave, SAMPLE_RATE_HZ)
    rows = [{"audio": f"{name}.flac", "text": "", "speaker": name[:3]} for name in sounds]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return prepare(tmp_path / "manifest.jsonl", tmp_path / "data", str)


def test_a_speakers_recordings_share_the_mean_score_of_two(corpus: Corpus) -> None:
    heard: list[float] = []

    def scores(wave: np.ndarray, rate_hz: int) -> float:
        heard.append(len(wave) / rate_hz)
        return 10 * float(wave.mean())

    rate(corpus, "level", scores, lambda done, total: None)
    assert heard == pytest.approx([HEARD_S, 2.0, 1.0], abs=0.05)
    array = corpus.tokens(QUALITY)
    for turn, wanted in zip(corpus.utterances, (2.0, 2.0, 2.0, 4.0), strict=True):
        assert array[turn.start_frame : turn.start_frame + turn.frames] == pytest.approx(wanted, abs=0.05)
    rate(corpus, "level", scores, lambda done, total: None)
    assert len(heard) == 3, "they are kept"
    rate(corpus, "another judge", scores, lambda done, total: None)
    assert len(heard) == 6, "what another judge said is of no use"


def test_scores_of_other_recordings_are_refused(corpus: Corpus) -> None:
    assert scores_of(corpus) is None
    rate(corpus, "level", lambda wave, rate_hz: 3.0, lambda done, total: None)
    found = scores_of(corpus)
    assert found is not None and float(found[0]) == 3.0
    write_turns(corpus.folder, list(corpus.utterances[:-1]))
    with pytest.raises(DataError, match="quality.npy is of other recordings; run `dialogue-tts data rate`"):
        scores_of(Corpus.open(corpus.folder))
