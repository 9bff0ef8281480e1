"""The judges that all can have: what was said (Whisper), whose voice it is (Resemblyzer), how clean it sounds (DNSMOS,
DistillMOS).

All of them listen at 16 kHz and run on the CPU. Their packages are optional and imported when a judge is made.
Whisper's weights lie in a folder (`whisper-base/`, a CTranslate2 model); the others carry theirs in the package. Those of
`field` judge beside them, where their weights are given.
"""

from __future__ import annotations

import importlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol

import numpy as np
import torch

from dialogue_tts.audio.io import resample
from dialogue_tts.errors import AudioError, BundleError, DialogueTTSError

JUDGE_RATE_HZ = 16_000
EMBEDDING_SIZE = 256
WHISPER_FOLDER = "whisper-base"

_PIP_WHISPER = "pip install faster-whisper"
_PIP_DISTILLMOS = "pip install --no-deps distillmos xls-r-sqa"  # xls-r-sqa names what its large networks need
_PIP_DNSMOS = "pip install speechmos librosa onnxruntime requests"
# Resemblyzer names `webrtcvad` (source only) and `typing` (breaks Python 3) as requirements: hence --no-deps.
_PIP_SPEAKERS = "pip install librosa webrtcvad-wheels && pip install --no-deps resemblyzer"


class Transcriber(Protocol):
    """What was said."""

    def transcribe(self, wave: np.ndarray, sample_rate_hz: int) -> str:
        """Mono float32 (samples,) in [-1, 1] -> the words heard, in written English."""
        ...


class VoiceJudge(Protocol):
    """Whose voice it is."""

    def embed(self, wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Mono float32 (samples,) in [-1, 1] -> (D,) float32 of norm 1; all zeros for digital silence."""
        ...


class QualityJudge(Protocol):
    """How good it sounds."""

    def overall(self, wave: np.ndarray, sample_rate_hz: int) -> float:
        """Mono float32 (samples,) in [-1, 1] -> mean opinion score, from 1 to 5."""
        ...


@dataclass(frozen=True)
class Judges:
    """One judge of each kind, two of quality, and those of the field's tables that are there; any of them may be a stand-in
    with the same method."""

    words: Transcriber
    voices: VoiceJudge
    quality: QualityJudge
    naturalness: QualityJudge
    utmos: QualityJudge | None = None
    wavlm: VoiceJudge | None = None
    wespeaker: VoiceJudge | None = None

    @property
    def of_voices(self) -> dict[str, VoiceJudge]:
        """Those that tell voices, by field."""
        found = {"voices": self.voices, "wavlm": self.wavlm, "wespeaker": self.wespeaker}
        return {name: judge for name, judge in found.items() if judge is not None}


class Whisper:
    """Whisper base by faster-whisper, with fixed settings: English, beam 5, temperature 0 without fallback (hence
    deterministic), no timestamps, no memory of what came before, two threads.

    Args:
        model_dir: CTranslate2 folder with `model.bin`, or the folder above it that holds `whisper-base/`.
        compute_type: "float32" for figures to be reported; "int8" takes 6 tenths of the time and changed 1 of 66
            transcripts of the corpus (by one word).
    """

    def __init__(self, model_dir: str | Path, compute_type: str = "float32") -> None:
        folder = Path(model_dir)
        if (folder / WHISPER_FOLDER).is_dir():
            folder = folder / WHISPER_FOLDER
        if not (folder / "model.bin").is_file():
            raise BundleError(f"{model_dir}: no Whisper model there; give the folder that holds model.bin.")
        package = load_package("faster_whisper", _PIP_WHISPER)
        self._model = package.WhisperModel(str(folder), device="cpu", compute_type=compute_type, cpu_threads=2)

    def transcribe(self, wave: np.ndarray, sample_rate_hz: int) -> str:
        """Mono float32 (samples,) in [-1, 1] -> the words heard; empty where Whisper hears no speech."""
        segments, _ = self._model.transcribe(
            sound_for_judges(wave, sample_rate_hz),
            language="en",
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(segment.text.strip() for segment in segments)


class SpeakerEncoder:
    """Resemblyzer (GE2E): the cosine of two embeddings says how alike two voices are.

    Clips under two seconds embed poorly: turns of one corpus voice score .89 on average against its prompt,
    those over two seconds .91, over three .93.
    """

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # it imports scipy.ndimage.morphology
            self._package = load_package("resemblyzer", _PIP_SPEAKERS)
        self._encoder = self._package.VoiceEncoder("cpu", verbose=False)

    def embed(self, wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Mono float32 (samples,) in [-1, 1] -> (256,) float32 of norm 1; all zeros for digital silence."""
        heard = sound_for_judges(wave, sample_rate_hz)
        if not heard.any():
            return np.zeros(EMBEDDING_SIZE, dtype=np.float32)
        voiced = self._package.preprocess_wav(heard, source_sr=JUDGE_RATE_HZ)  # level, long silences out
        with one_thread():
            embedding = self._encoder.embed_utterance(voiced if voiced.size else heard)
        return np.asarray(embedding, dtype=np.float32)


class Dnsmos:
    """DNSMOS P.835 (speechmos), its overall score: mean over windows of 9 s, shorter clips repeated as published."""

    def __init__(self) -> None:
        self._dnsmos = load_package("speechmos.dnsmos", _PIP_DNSMOS)

    def overall(self, wave: np.ndarray, sample_rate_hz: int) -> float:
        """Mono float32 (samples,) in [-1, 1] -> mean opinion score, from 1 to 5."""
        heard = np.clip(sound_for_judges(wave, sample_rate_hz), -1.0, 1.0)  # resampling may overshoot
        return float(self._dnsmos.run(heard, JUDGE_RATE_HZ)["ovrl_mos"])


class DistillMos:
    """DistillMOS (Stahl & Gamper 2025, arXiv 2502.05356): a small network taught by one on XLS-R. DNSMOS hears noise above all,
    this one hears what a codec or a vocoder does to a voice."""

    def __init__(self) -> None:
        package = load_package("distillmos", _PIP_DISTILLMOS)
        with redirect_stdout(io.StringIO()):  # it tells where its weights lie
            self._network = package.ConvTransformerSQAModel().eval()

    @torch.inference_mode()
    def overall(self, wave: np.ndarray, sample_rate_hz: int) -> float:
        """Mono float32 (samples,) in [-1, 1] -> mean opinion score, from 1 to 5: mean over windows of 7.7 s, shorter clips
        padded, as published."""
        with one_thread():
            return float(self._network(torch.from_numpy(sound_for_judges(wave, sample_rate_hz))[None]).mean())


def load_judges(model_dir: str | Path, compute_type: str = "float32") -> Judges:
    """All judges; `model_dir` holds `whisper-base/`."""
    return Judges(Whisper(model_dir, compute_type), SpeakerEncoder(), Dnsmos(), DistillMos())


def load_package(module: str, pip_line: str) -> ModuleType:
    """Import an optional module.

    Raises:
        DialogueTTSError: the module, or something it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise DialogueTTSError(f"Judging needs {package} ({error}); run: {pip_line}") from error


def sound_for_judges(wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Mono float32 (samples,) at any rate -> the same at 16 kHz."""
    if wave.ndim != 1 or wave.size == 0:
        raise AudioError(f"A judge needs one channel with sound in it, not an array of shape {wave.shape}.")
    mono = torch.from_numpy(np.ascontiguousarray(wave, dtype=np.float32))
    return resample(mono, sample_rate_hz, JUDGE_RATE_HZ).numpy()


@contextmanager
def one_thread() -> Iterator[None]:
    """An LSTM has hundreds of tiny steps: on busy cores two threads spin at each, which takes 100 times as long."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
