"""The real judges, where they are installed; all on sound made here."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from dialogue_tts.errors import AudioError, BundleError, DialogueTTSError
from dialogue_tts.evaluation import judges

RATE_HZ = 24_000
_WHISPER = Path(os.environ.get("DIALOGUE_TTS_JUDGES", Path(__file__).parents[2] / "runs" / "judges"))


def buzz(pitch_hz: float, seconds: float) -> np.ndarray:
    """A vowel-like tone: harmonics that fall by their number, with a slow tremor; float32 (samples,)."""
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * pitch_hz * k * t) / k for k in range(1, 20))
    return (0.1 * tones * (1 + 0.5 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


@pytest.fixture(scope="module")
def voices() -> judges.SpeakerEncoder:
    pytest.importorskip("webrtcvad", reason="needs webrtcvad-wheels")
    pytest.importorskip("librosa", reason="needs librosa")
    if importlib.util.find_spec("resemblyzer") is None:
        pytest.skip("resemblyzer is not installed (pip install --no-deps resemblyzer)")
    return judges.SpeakerEncoder()


@pytest.fixture(scope="module")
def quality() -> judges.Dnsmos:
    pytest.importorskip("speechmos.dnsmos", reason="speechmos is not installed (extra: evaluate)")
    return judges.Dnsmos()


def test_embedding_has_norm_one_and_tells_pitches_apart(voices: judges.SpeakerEncoder) -> None:
    low, high, high_too = (voices.embed(buzz(f, 2.0), RATE_HZ) for f in (100.0, 260.0, 262.0))
    assert low.shape == (judges.EMBEDDING_SIZE,) and low.dtype == np.float32
    assert np.linalg.norm(low) == pytest.approx(1.0, abs=1e-5)
    assert high @ high_too > high @ low


@pytest.mark.parametrize("seconds", [0.01, 0.1])
def test_embedding_of_very_short_clips(voices: judges.SpeakerEncoder, seconds: float) -> None:
    assert np.linalg.norm(voices.embed(buzz(120.0, seconds), RATE_HZ)) == pytest.approx(1.0, abs=1e-5)


def test_silence_has_no_voice(voices: judges.SpeakerEncoder) -> None:
    assert not voices.embed(np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ).any()


@pytest.mark.parametrize("seconds", [0.1, 9.5])
def test_dnsmos_takes_any_length_and_level(quality: judges.Dnsmos, seconds: float) -> None:
    assert 1.0 <= quality.overall(20 * buzz(150.0, seconds), RATE_HZ) <= 5.0


@pytest.mark.parametrize("seconds", [0.1, 9.5])
def test_distillmos_takes_any_length(seconds: float, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("distillmos", reason="distillmos is not installed (pip install --no-deps distillmos xls-r-sqa)")
    judge = judges.DistillMos()
    assert capsys.readouterr().out == ""
    assert 1.0 <= judge.overall(buzz(150.0, seconds), RATE_HZ) <= 5.0


def test_whisper_writes_nothing_much_about_silence_and_repeats_itself() -> None:
    pytest.importorskip("faster_whisper", reason="faster-whisper is not installed (extra: evaluate)")
    if not (_WHISPER / judges.WHISPER_FOLDER / "model.bin").is_file():
        pytest.skip(f"no Whisper weights in {_WHISPER} (set DIALOGUE_TTS_JUDGES)")
    whisper = judges.Whisper(_WHISPER)
    sound = buzz(150.0, 1.0)
    assert whisper.transcribe(sound, RATE_HZ) == whisper.transcribe(sound, RATE_HZ)
    assert len(whisper.transcribe(np.zeros(RATE_HZ, dtype=np.float32), RATE_HZ).split()) < 4


def test_missing_package_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(judges.importlib, "import_module", missing)
    with pytest.raises(DialogueTTSError, match="pip install .*--no-deps resemblyzer"):
        judges.SpeakerEncoder()
    with pytest.raises(DialogueTTSError, match="run: pip install speechmos"):
        judges.Dnsmos()
    with pytest.raises(DialogueTTSError, match="run: pip install --no-deps distillmos xls-r-sqa"):
        judges.DistillMos()


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="model.bin"):
        judges.Whisper(tmp_path)


@pytest.mark.parametrize("shape", [(0,), (2, 100)])
def test_only_mono_sound_is_judged(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioError, match="one channel"):
        judges.sound_for_judges(np.zeros(shape, dtype=np.float32), RATE_HZ)
