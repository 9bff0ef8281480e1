from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dialogue_tts.audio.io import write_audio
from dialogue_tts.errors import AudioError
from dialogue_tts.provenance import detect, verify
from dialogue_tts.provenance.detect import FALSE_ALARMS, PERIOD, Speed, find_mark
from dialogue_tts.provenance.mark import Mark
from dialogue_tts.provenance.network import RATE_HZ, power_of

MARK = Mark(bundle=77, operator=3)
BUNDLES = {77: ("tiny",)}


def low(wave: np.ndarray, up: int = 1, down: int = 3) -> np.ndarray:
    """At the detector's rate; other ratios are other speeds."""
    size = wave.size * up // down
    kept = np.fft.rfft(wave)[: size // 2 + 1]
    return np.asarray(np.fft.irfft(kept, size) * size / wave.size, np.float32)


@pytest.fixture(scope="module")
def marked(speech: np.ndarray) -> np.ndarray:
    return low(MARK.applied(speech))


@pytest.mark.parametrize("start", [0, 3111, 17_003])
def test_the_mark_is_found_wherever_sound_is_cut(marked: np.ndarray, start: int) -> None:
    found = find_mark(marked[start : start + 3 * RATE_HZ])
    assert found.sure and found.mark == MARK and found.speed == Speed()


def test_noise_and_other_speeds_leave_it(speech: np.ndarray, marked: np.ndarray) -> None:
    noise = np.random.default_rng(1).standard_normal(3 * RATE_HZ).astype(np.float32)
    window = marked[5000 : 5000 + 3 * RATE_HZ]
    found = find_mark(window + 0.1 * window.std() * noise)
    assert found.sure and found.mark == MARK
    faster = low(MARK.applied(speech), 20, 63)[5000 : 5000 + 3 * RATE_HZ]
    found = find_mark(faster)
    assert found.sure and found.mark == MARK
    assert found.speed.tempo == found.speed.pitch == pytest.approx(1.05, abs=0.011)


def test_chances_are_those_of_random_signs(speech: np.ndarray) -> None:
    """Scores of unmarked sound, at all offsets, are above a score as often as theory says."""
    plain = low(speech)
    folded = detect._folded(detect._ratios(power_of(plain[: 3 * RATE_HZ]), 1.0), 1.0)
    rng = np.random.default_rng(2)
    scores = [detect._best_message(folded * rng.choice([-1, 1], folded.shape))[0] for _ in range(100)]
    chances = [detect._chance(score, 1) for score in scores]
    assert 0.15 < np.mean(np.array(chances) < 0.5) < 0.6  # offsets share sound, so a little fewer than half
    assert min(chances) > FALSE_ALARMS
    assert detect._chance(1e3, 1) < 1e-30 and detect._chance(0, 1) == 1 and PERIOD > 50


def test_sound_without_a_mark_is_not_marked(speech: np.ndarray) -> None:
    found = verify.verify(low(speech)[: 4 * RATE_HZ])
    assert not found.marked and found.chance > 0.01
    assert found.sentences(BUNDLES) == [verify.NOT_FOUND]


def test_where_in_a_file_and_by_whom(tmp_path: Path, speech: np.ndarray) -> None:
    path = tmp_path / "joined.flac"
    comment = f"{verify.SAID_BY_US} with bundle tiny."
    quiet = np.random.default_rng(3).standard_normal(6 * 24_000).astype(np.float32) * 0.1
    write_audio(path, np.concatenate([quiet, MARK.applied(speech)]), 24_000, comment)
    found = verify.verify_file(path)
    (part,) = found.parts
    assert part.mark == MARK and 4 < part.start < 8 and part.end == pytest.approx(14, abs=0.01)
    first, second = found.sentences(BUNDLES)
    assert "bundle tiny (code 77), operator 3" in first and comment in second
    assert found.facts({})["parts"][0]["bundles"] == [] and found.facts(BUNDLES)["marked"]


@pytest.mark.parametrize(
    ("wave", "told"),
    [(np.full(3000, 0.1), "too short to tell"), (np.zeros(24_000), "is silent"), (np.zeros(0), "no sound")],
)
def test_what_cannot_be_judged(tmp_path: Path, wave: np.ndarray, told: str) -> None:
    path = tmp_path / "sound.wav"
    write_audio(path, wave.astype(np.float32), 8_000)
    with pytest.raises(AudioError, match=told):
        verify.verify_file(path)
