"""Judges of the field's tables, whose weights whoever has them gives by path: UTMOS, SIM-o on WavLM, WeSpeaker.

No weights come along and nothing is downloaded; nothing is unpickled but tensors. All listen at 16 kHz on the CPU.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dialogue_tts.errors import BundleError
from dialogue_tts.evaluation.ecapa import WavlmEcapa
from dialogue_tts.evaluation.fairseq import encoder_of, load_strictly, read_weights
from dialogue_tts.evaluation.judges import JUDGE_RATE_HZ, Judges, load_package, one_thread, sound_for_judges
from dialogue_tts.extras import check_extra

SHORTEST_S = 0.5  # shorter clips are padded with silence: pooling needs more than a few frames
MEL_BANDS = 80


class Utmos:
    """UTMOS22 strong (Saeki et al. 2022, arXiv 2204.02152): wav2vec 2.0, a BLSTM, a score a frame, their mean. Its form, and
    the file `utmos22_strong_step7459_v1.pt`, are those of tarepan/SpeechMOS, which ZipVoice's evaluation uses, too.

    Args:
        path: that file, or the same weights as safetensors.

    Raises:
        BundleError: no such file, or the weights of something else; DialogueTTSError: transformers is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self._network = _UtmosNetwork(read_weights(path), path).eval()

    @torch.inference_mode()
    def overall(self, wave: np.ndarray, sample_rate_hz: int) -> float:
        """Mono float32 (samples,) in [-1, 1] -> mean opinion score, about 1 to 5."""
        with one_thread():
            return float(self._network(_heard(wave, sample_rate_hz)))


class _UtmosNetwork(nn.Module):
    """Sound float32 (B, samples) -> scores (B,)."""

    def __init__(self, weights: dict[str, Tensor], source: str | Path) -> None:
        super().__init__()
        prefix = "wav2vec2."
        own = {name: value for name, value in weights.items() if not name.startswith(prefix)}
        encoder = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        self.encoder: Any = encoder_of(encoder, source)
        self.given: Tensor
        try:
            given = torch.cat([own.pop("domain_emb"), own.pop("judge_emb")], dim=1)  # the same for every sound
            size, inputs = own["blstm.weight_hh_l0"].shape[1], own["blstm.weight_ih_l0"].shape[1]
            hidden = len(own["projection.0.weight"])
        except (KeyError, IndexError, RuntimeError) as error:
            raise BundleError(f"{source}: no weights of UTMOS22 strong ({error}).") from None
        self.register_buffer("given", given, persistent=False)
        self.head = nn.ModuleDict(
            {
                "blstm": nn.LSTM(inputs, size, batch_first=True, bidirectional=True),
                "projection": nn.Sequential(nn.Linear(2 * size, hidden), nn.ReLU(), nn.Linear(hidden, 1)),
            }
        )
        load_strictly(self.head, own, source)

    def forward(self, wave: Tensor) -> Tensor:
        frames = self.encoder(wave).last_hidden_state  # (B, T, D)
        given = self.given.expand(*frames.shape[:2], -1)
        passed, _ = self.head["blstm"](torch.cat([frames, given], dim=2))
        scores: Tensor = self.head["projection"](passed)[..., 0].mean(dim=1)
        return 2 * scores + 3


class WavlmVoices:
    """SIM-o's judge: ECAPA-TDNN on WavLM large (see `ecapa`), or a folder of transformers' WavLMForXVector.

    Args:
        path: UniSpeech's `wavlm_large_finetune.pth`, or the same weights as safetensors; or a folder with config.json, such as
            that of microsoft/wavlm-base-plus-sv, whose figures are others than SIM-o's.

    Raises:
        BundleError: no such file, or the weights of something else; DialogueTTSError: transformers is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        self._network: Any = _xvector(Path(path)) if Path(path).is_dir() else WavlmEcapa(read_weights(path), path)

    @torch.inference_mode()
    def embed(self, wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Mono float32 (samples,) in [-1, 1] -> (size,) float32 of norm 1; all zeros for digital silence."""
        with one_thread():
            found = self._network(_heard(wave, sample_rate_hz))
        return _unit(getattr(found, "embeddings", found)[0].numpy(), wave)


def _xvector(folder: Path) -> Any:
    check_extra("codecs", "A judge on WavLM")
    from transformers import WavLMForXVector

    try:
        network: Any = WavLMForXVector.from_pretrained(folder, local_files_only=True, weights_only=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        told = " ".join(str(error).split())[:200]
        raise BundleError(f"{folder}: no WavLMForXVector of transformers ({told}).") from None
    return network.eval()


class WespeakerVoices:
    """A WeSpeaker network (Wang et al. 2023, arXiv 2210.17016) as ONNX, as their `export_onnx.py` makes it and TTSD-eval's
    similarity and attribution ask: input `feats` (B, T, 80), output `embs` (B, size). The features are those of their
    `infer_onnx.py`, without its dither, so that the same sound scores the same: Kaldi's log mel energies of Hamming windows of
    25 ms every 10 ms, of 16-bit values, less their mean over time.

    Raises:
        BundleError: no such file, or another network; DialogueTTSError: onnxruntime is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        if not Path(path).is_file():
            raise BundleError(f"{path}: there is no such ONNX file.")
        runtime = load_package("onnxruntime", "pip install onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = 1
        try:
            self._session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own have no common type that it exports
            raise BundleError(f"{path}: cannot be read as ONNX ({' '.join(str(error).split())[:200]}).") from None
        inputs, outputs = ({item.name for item in of()} for of in (self._session.get_inputs, self._session.get_outputs))
        if inputs != {"feats"} or "embs" not in outputs:
            raise BundleError(
                f"{path}: a WeSpeaker network takes feats and gives embs, this one {inputs} and {outputs}."
            )

    def embed(self, wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Mono float32 (samples,) in [-1, 1] -> (size,) float32 of norm 1; all zeros for digital silence."""
        features = kaldi_features(_heard(wave, sample_rate_hz))
        return _unit(self._session.run(["embs"], {"feats": features[None].numpy()})[0][0], wave)


def with_field_judges(
    judges: Judges, utmos: Path | None = None, wavlm: Path | None = None, wespeaker: Path | None = None
) -> Judges:
    """The judges, and those whose weights are given. Raises as these do."""
    return replace(
        judges,
        utmos=Utmos(utmos) if utmos else None,
        wavlm=WavlmVoices(wavlm) if wavlm else None,
        wespeaker=WespeakerVoices(wespeaker) if wespeaker else None,
    )


def kaldi_features(wave: Tensor) -> Tensor:
    """Sound at 16 kHz, float32 (1, samples) in [-1, 1], -> (T, 80) log mel energies without their mean over time."""
    from torchaudio.compliance.kaldi import fbank

    bands: Tensor = fbank(
        wave * (1 << 15),
        num_mel_bins=MEL_BANDS,
        sample_frequency=JUDGE_RATE_HZ,
        window_type="hamming",
        dither=0.0,
        energy_floor=0.0,
        use_energy=False,
        htk_compat=True,
    )
    return bands - bands.mean(dim=0)


def _heard(wave: np.ndarray, sample_rate_hz: int) -> Tensor:
    """(samples,) at any rate -> (1, samples') at 16 kHz, of `SHORTEST_S` at least."""
    sound = torch.from_numpy(sound_for_judges(wave, sample_rate_hz))
    return nn.functional.pad(sound, (0, max(0, round(SHORTEST_S * JUDGE_RATE_HZ) - len(sound))))[None]


def _unit(embedding: np.ndarray, wave: np.ndarray) -> np.ndarray:
    norm = float(np.linalg.norm(embedding)) if wave.any() else 0.0
    return np.asarray(embedding / norm if norm else np.zeros_like(embedding), np.float32)
