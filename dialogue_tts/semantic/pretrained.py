"""Semantic tokens as the papers have them: features of HuBERT (Hsu et al. 2021, arXiv 2106.07447) or WavLM (Chen et al. 2022,
arXiv 2110.13900) by transformers' classes, and their nearest of k means (AudioLM, arXiv 2209.03143, section III-B).

The features come 50 a second; two that make one frame of ours are averaged before they are clustered, since SoundStorm's
semantic tokens come 25 a second. A reader learns on top which phones the tokens say: it aligns texts and checks what was made.
"""

from __future__ import annotations

from typing import Any

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.extras import check_extra
from dialogue_tts.nn.conformer import Conformer, ConformerConfig
from dialogue_tts.semantic.tokenizer import READ_RATE, SemanticTokenizer

KINDS = ("hubert", "wavlm")
HEARS_HZ = 16_000


@strict
class PretrainedTokenizerConfig:
    """Features of transformers and clusters.

    Attributes:
        kind: "hubert" or "wavlm".
        settings: of its transformers configuration.
        layer: whose output is clustered, from 1; 0 is what the convolutions give.
        normalized: whether recordings are brought to mean 0 and variance 1 before, as the feature extractor's settings say.
        clusters: semantic tokens there are.
        width: numbers in a feature.
        phones, shape_mels, n_fft, reader, least_phones_a_second: see `SemanticTokenizerConfig`.
    """

    kind: str
    settings: dict[str, Any]
    layer: int
    normalized: bool
    clusters: int
    width: int
    phones: str
    reader: ConformerConfig
    shape_mels: int = 20
    n_fft: int = 1024
    least_phones_a_second: float = 0.0

    @property
    def levels(self) -> tuple[int, ...]:
        """One quantiser."""
        return (self.clusters,)

    @property
    def n_mels(self) -> int:
        """None are heard, and none are masked."""
        return 0


class SpeechFeatures(nn.Module):
    """Frames of samples -> features. It is never trained."""

    def __init__(self, model: Any, layer: int, normalized: bool) -> None:
        super().__init__()
        self.model, self.layer, self.normalized = model, layer, normalized
        self.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> SpeechFeatures:
        """Nothing is dropped or masked, whoever trains."""
        return super().train(False)

    @torch.no_grad()
    def forward(self, frames: Tensor, valid: Tensor | None = None) -> Tensor:
        """frames float32 (B, T, HOP), valid bool (B, T) or None -> (B, T, width)."""
        with torch.autocast(frames.device.type, enabled=False):
            wave = torchaudio.functional.resample(frames.float().flatten(1), SAMPLE_RATE_HZ, HEARS_HZ)
            if self.normalized:
                wave = (wave - wave.mean(-1, keepdim=True)) / (wave.var(-1, keepdim=True) + 1e-7).sqrt()
            heard = None if valid is None else valid.repeat_interleave(HOP * HEARS_HZ // SAMPLE_RATE_HZ, dim=1).long()
            found = self.model(wave, attention_mask=heard, output_hidden_states=True).hidden_states[self.layer]
        count = frames.shape[1]
        own = round(found.shape[1] / count)  # 2: its windows reach over the end, so that the last of them is missing
        found = F.pad(found, (0, 0, 0, max(0, own * count - found.shape[1])), mode="replicate")[:, : own * count]
        pooled: Tensor = found.unflatten(1, (count, own)).mean(2)
        return pooled


class Clusters(nn.Module):
    """k means as a quantiser; see `FiniteScalarQuantizer`."""

    centroids: Tensor  # (size, width) float32, a buffer

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("centroids", torch.randn(size, width))

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, width) -> (the nearest centroids, their numbers int64 (B, T))."""
        ids = torch.cdist(latent.float(), self.centroids.expand(latent.shape[0], -1, -1)).argmin(-1)
        return self.values(ids), ids

    def values(self, ids: Tensor) -> Tensor:
        """int64 (...) -> (..., width)."""
        return self.centroids[ids]

    def unrounded(self, latent: Tensor) -> Tensor:
        """(B, T, width), as it is."""
        return latent


class PretrainedTokenizer(SemanticTokenizer):
    """Features -> k means -> Conformer -> CTC."""

    def __init__(self, config: PretrainedTokenizerConfig, features: SpeechFeatures | None = None) -> None:
        """Random weights but for `features`. Raises ConfigError where transformers is not installed."""
        nn.Module.__init__(self)
        self.config = config  # type: ignore[assignment]  # the same names, where they are used
        self.sizes = config
        if features is None:
            model_class, config_class = _classes(config.kind)
            features = SpeechFeatures(model_class(config_class(**config.settings)), config.layer, config.normalized)
        reads = config.reader.width
        self.enter, self.to_grid = nn.Identity(), nn.Identity()  # type: ignore[assignment]
        self.encoder = features  # type: ignore[assignment]
        self.quantizer = Clusters(config.clusters, config.width)  # type: ignore[assignment]
        self.from_grid = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, reads))  # type: ignore[assignment]
        self.reader = Conformer(config.reader)
        self.phone_head = nn.Linear(reads, READ_RATE * (len(config.phones) + 1))
        self.shape_context = nn.Conv1d(config.width, reads, 5, padding=2)
        self.shape_head = nn.Linear(reads, config.shape_mels + 2)

    def features(self, wave: Tensor) -> Tensor:
        """wave (B, T * HOP) -> its frames (B, T, HOP), which `encoder` hears."""
        frames: Tensor = wave.unflatten(-1, (-1, HOP))
        return frames

    def masked(self, features: Tensor, masked: Tensor) -> Tensor:
        """Nothing: the tokens are what they are."""
        return features


def load_features(kind: str, source: str, layer: int) -> tuple[SpeechFeatures, dict[str, Any], int]:
    """From a folder, or an id on the Hugging Face hub: features, settings, width.

    Raises:
        ConfigError: there is none, it is no such network, or it has fewer layers.
    """
    model_class, _ = _classes(kind)
    from transformers import Wav2Vec2FeatureExtractor

    try:
        model: Any = model_class.from_pretrained(source)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"{source}: {kind} cannot be loaded from there ({str(error).splitlines()[0]:.200})."
        ) from None
    try:
        normalized = bool(Wav2Vec2FeatureExtractor.from_pretrained(source).do_normalize)
    except OSError:  # a folder of a model alone: HuBERT's and WavLM's base sizes hear recordings as they are
        normalized = False
    if not 0 <= layer <= model.config.num_hidden_layers:
        raise ConfigError(f"{source}: layer: there are 0 to {model.config.num_hidden_layers}, not {layer}.")
    return SpeechFeatures(model, layer, normalized), model.config.to_diff_dict(), int(model.config.hidden_size)


def _classes(kind: str) -> tuple[Any, Any]:
    """Model and configuration of transformers."""
    if kind not in KINDS:
        raise ConfigError(f"semantic tokenizer: expected one of {', '.join(KINDS)}, found {kind!r}.")
    check_extra("codecs", kind, error=ConfigError)
    import transformers

    name = {"hubert": "Hubert", "wavlm": "WavLM"}[kind]
    return getattr(transformers, f"{name}Model"), getattr(transformers, f"{name}Config")
