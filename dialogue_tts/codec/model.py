"""The codec: waveform <-> acoustic tokens, 25 frames a second with Q residual levels each.

The encoder reads mel patches, not samples: phase is nothing a token should spend bits on, and patches let the encoder
work at 25 Hz throughout. The decoder is a Vocos (Siuzdak 2023, arXiv 2306.00814): ConvNeXt blocks at 25 and then
100 Hz, and an inverse STFT at the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dialogue_tts.audio.signal import istft, log_mel
from dialogue_tts.codec.rvq import ResidualQuantizer
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.nn.convnext import ConvNextBlock


@dataclass(frozen=True)
class MelView:
    """One resolution at which the encoder sees the sound: `per_frame` mel frames in a token's frame."""

    n_fft: int
    n_mels: int
    per_frame: int


@dataclass(frozen=True)
class CodecConfig:
    """Networks of the codec.

    Attributes:
        views: short windows for consonants, long ones for the harmonics of low voices.
        levels, codebook_size, code_width: Q residual levels of that many codes of that width.
        trunk_blocks, wave_blocks: decoder blocks at 25 Hz and at 100 Hz.
        n_fft: window of the inverse STFT, which hops by HOP / upsample.
    """

    views: tuple[MelView, ...] = (MelView(512, 64, 4), MelView(2048, 160, 2))
    levels: int = 8
    codebook_size: int = 1024
    code_width: int = 8
    encoder_width: int = 320
    encoder_hidden: int = 960
    encoder_blocks: int = 4
    decoder_width: int = 384
    decoder_hidden: int = 1152
    trunk_blocks: int = 4
    wave_blocks: int = 8
    upsample: int = 4
    n_fft: int = 960

    @property
    def patch_width(self) -> int:
        """Numbers in a frame's mel patch."""
        return sum(view.n_mels * view.per_frame for view in self.views)


class Encoder(nn.Module):
    """Mel patches -> latent frames."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.enter = nn.Linear(config.patch_width, config.encoder_width)
        self.blocks = nn.ModuleList(
            ConvNextBlock(config.encoder_width, config.encoder_hidden) for _ in range(config.encoder_blocks)
        )
        self.norm = nn.LayerNorm(config.encoder_width)

    def patches(self, wave: Tensor) -> Tensor:
        """wave (B, T * HOP) -> normalised log-mel patches (B, T, patch_width)."""
        views = [
            log_mel(wave, view.n_fft, HOP // view.per_frame, view.n_mels, SAMPLE_RATE_HZ)
            .unflatten(1, (-1, view.per_frame))
            .flatten(2)
            for view in self.config.views
        ]
        return (torch.cat(views, dim=-1) + 5) / 3

    def forward(self, patches: Tensor) -> Tensor:
        """(B, T, patch_width) -> (B, T, encoder_width)."""
        x = self.enter(patches)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)


class Decoder(nn.Module):
    """Quantised latent frames -> waveform."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        width, hidden = config.decoder_width, config.decoder_hidden
        self.enter = nn.Linear(config.encoder_width, width)
        self.trunk = nn.ModuleList(ConvNextBlock(width, hidden) for _ in range(config.trunk_blocks))
        self.rise = nn.Linear(width, config.upsample * width)
        self.blocks = nn.ModuleList(ConvNextBlock(width, hidden) for _ in range(config.wave_blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2 * (config.n_fft // 2 + 1))

    def frames(self, latent: Tensor) -> Tensor:
        """(B, T, encoder_width) -> (B, T, decoder_width), still at 25 Hz."""
        x = self.enter(latent)
        for block in self.trunk:
            x = block(x)
        return x

    def forward(self, latent: Tensor) -> Tensor:
        """(B, T, encoder_width) -> wave (B, T * HOP)."""
        x = self.rise(self.frames(latent)).unflatten(-1, (self.config.upsample, -1)).flatten(1, 2)
        for block in self.blocks:
            x = block(x)
        log_magnitude, phase = self.head(self.norm(x)).float().transpose(1, 2).chunk(2, dim=1)
        magnitude = log_magnitude.clamp(max=5.0).exp()  # a bound, so that early training cannot explode
        spectrum = torch.complex(magnitude * phase.cos(), magnitude * phase.sin())
        return istft(spectrum, self.config.n_fft, HOP // self.config.upsample)


class Codec(nn.Module):
    """Encoder, quantiser and decoder."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.quantizer = ResidualQuantizer(config.encoder_width, config.levels, config.codebook_size, config.code_width)
        self.decoder = Decoder(config)

    @torch.inference_mode()
    def encode(self, wave: Tensor) -> Tensor:
        """wave float32 (B, T * HOP) in [-1, 1] -> codes int64 (B, T, Q) in [0, codebook_size)."""
        return self.quantizer.encode(self.encoder(self.encoder.patches(wave)))

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """codes int64 (B, T, Q) -> wave float32 (B, T * HOP) in [-1, 1]."""
        return self.decoder(self.quantizer.decode(codes)).clamp(-1, 1)
