"""Codecs that others trained, by the classes of transformers: EnCodec (Défossez et al. 2022, arXiv 2210.13438), DAC (Kumar et
al. 2023, arXiv 2306.06546) and Mimi (Défossez et al. 2024, arXiv 2410.00037), each at 24 kHz.

Each keeps its own frames: `FrameRate` says how they are kept beside semantic tokens, of which there are FRAME_RATE_HZ.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.codec.base import AudioCodec
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.extras import check_extra
from dialogue_tts.nn.devices import device_of
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.stages import stage

KINDS = ("encodec", "dac", "mimi")


@strict
class PretrainedCodecConfig:
    """A codec of transformers.

    Attributes:
        kind: "encodec", "dac" or "mimi".
        settings: of its transformers configuration.
        hop: samples in one of its frames.
        own_levels: of its levels so many are used, from the coarsest.
        codebook_size: codes of each level; encoder_width: numbers in a latent.
    """

    kind: str
    settings: dict[str, Any]
    hop: int
    own_levels: int
    codebook_size: int
    encoder_width: int

    @property
    def rate(self) -> FrameRate:
        """Its frames beside ours."""
        return FrameRate(max(1, HOP // self.hop), max(1, self.hop // HOP))

    @property
    def levels(self) -> int:
        """Codes in a frame of ours."""
        return self.own_levels * self.rate.codec_frames


class PretrainedCodec(AudioCodec):
    """See `AudioCodec`."""

    def __init__(self, config: PretrainedCodecConfig) -> None:
        """Random weights. Raises ConfigError where transformers is not installed or the settings are not its."""
        super().__init__()
        self.config = self.sizes = config
        model_class, config_class = _classes(config.kind)
        self.model: Any = model_class(config_class(**config.settings))

    @classmethod
    def load(cls, kind: str, source: str, levels: int) -> PretrainedCodec:
        """From a folder, or an id on the Hugging Face hub.

        Raises:
            ConfigError: there is none, it is no such codec, or it has another sample rate or fewer levels.
        """
        model_class, _ = _classes(kind)
        try:
            model: Any = model_class.from_pretrained(source)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(f"{source}: {kind} cannot be loaded from there ({_first_line(error)}).") from None
        settings = model.config
        if settings.sampling_rate != SAMPLE_RATE_HZ:
            raise ConfigError(
                f"{source}: made for {settings.sampling_rate} Hz; a codec for {SAMPLE_RATE_HZ} Hz is needed."
            )
        hop = round(SAMPLE_RATE_HZ / settings.frame_rate) if kind == "mimi" else int(settings.hop_length)
        if HOP % hop and hop % HOP:
            raise ConfigError(f"{source}: frames of {hop} samples are neither a part nor a multiple of {HOP}.")
        with torch.inference_mode():
            codes = _codes(kind, model.eval(), torch.zeros(1, 2 * max(hop, HOP)))
            width = _latents(kind, model, codes).shape[-1]
        if not 0 < levels <= codes.shape[-1]:
            raise ConfigError(f"{source}: levels: there are 1 to {codes.shape[-1]}, not {levels}.")
        codec = cls.__new__(cls)
        nn.Module.__init__(codec)
        sizes = PretrainedCodecConfig(kind, settings.to_diff_dict(), hop, levels, int(settings.codebook_size), width)
        codec.config = codec.sizes = sizes
        codec.model = model
        return codec.eval()

    @property
    def encoding(self) -> tuple[nn.Module, ...]:
        """All of it."""
        return (self.model,)

    @torch.inference_mode()
    def encode(self, wave: Tensor) -> Tensor:
        """See `AudioCodec.encode`."""
        frames = wave.shape[-1] // HOP
        spare = -wave.shape[-1] % self.config.hop
        padded = F.pad(wave.to(device_of(self)), (0, spare))
        own = _codes(self.config.kind, self.model, padded)[..., : self.config.own_levels].to(wave.device)
        return self.config.rate.our_frames(own, frames)

    @stage("codec")
    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """See `AudioCodec.decode`."""
        samples = codes.shape[1] * HOP
        own = self.config.rate.own_frames(codes.to(device_of(self)))
        wave = _wave(self.config.kind, self.model, own)[:, :samples]
        # A decoder without padding loses some at the end.
        return F.pad(wave, (0, samples - wave.shape[-1])).clamp(-1, 1).to(codes.device)

    @torch.no_grad()
    def latent(self, codes: Tensor) -> Tensor:
        """See `AudioCodec.latent`: the mean of the frames that are side by side."""
        rate, frames = self.config.rate, codes.shape[1]
        found = _latents(self.config.kind, self.model, rate.own_frames(codes))
        mean: Tensor = rate.our_frames(found, frames).unflatten(-1, (-1, rate.codec_frames)).mean(-1)
        return mean


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _classes(kind: str) -> tuple[Any, Any]:
    """Model and configuration of transformers."""
    if kind not in KINDS:
        raise ConfigError(f"codec: expected one of {', '.join(KINDS)}, found {kind!r}.")
    check_extra("codecs", kind, error=ConfigError)
    import transformers

    name = {"encodec": "Encodec", "dac": "Dac", "mimi": "Mimi"}[kind]
    return getattr(transformers, f"{name}Model"), getattr(transformers, f"{name}Config")


def _codes(kind: str, model: Any, wave: Tensor) -> Tensor:
    """wave (B, samples) -> int64 (B, T', own levels), all there are."""
    if kind == "encodec":
        # Not `encode`, which takes a bandwidth that stands for levels.
        levels: Tensor = model.quantizer.encode(model.encoder(wave.unsqueeze(1)), max(model.config.target_bandwidths))
        return levels.permute(1, 2, 0)
    codes: Tensor = model.encode(wave.unsqueeze(1)).audio_codes
    return codes.transpose(1, 2)


def _latents(kind: str, model: Any, codes: Tensor) -> Tensor:
    """int64 (B, T', levels) -> (B, T', width)."""
    if kind == "encodec":
        found = model.quantizer.decode(codes.permute(2, 0, 1))
    elif kind == "dac":
        found = model.quantizer.from_codes(codes.transpose(1, 2))[0]
    else:
        found = model.quantizer.decode(codes.transpose(1, 2))
    latents: Tensor = found.transpose(1, 2)
    return latents


def _wave(kind: str, model: Any, codes: Tensor) -> Tensor:
    """int64 (B, T', levels) -> (B, samples)."""
    if kind == "mimi":
        wave: Tensor = model.decode(codes.transpose(1, 2)).audio_values
        return wave.flatten(1)
    found: Tensor = model.decoder(_latents(kind, model, codes).transpose(1, 2))
    return found.flatten(1)
