"""The codec: waveform <-> acoustic tokens, 25 frames a second with Q residual levels each.

The encoder reads mel patches, not samples: phase is nothing a token should spend bits on, and patches let the encoder
work at 25 Hz throughout. The decoder is a Vocos (Siuzdak 2023, arXiv 2306.00814), ConvNeXt blocks at 25 and then
100 Hz and an inverse STFT at the end, that shapes two sources instead of making each bin's phase from nothing: pulses at
the pitch it reads from the tokens, and noise (Wang et al. 2019, arXiv 1904.12088, in the STFT domain). Periodicity then
needs no learning, which on two CPU cores is the difference between an hour and days.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.audio.signal import istft, log_mel, stft
from dialogue_tts.codec.base import AudioCodec
from dialogue_tts.codec.rvq import ResidualQuantizer
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, strict
from dialogue_tts.nn.convnext import ConvNextBlock
from dialogue_tts.nn.devices import device_of
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.nn.stack import Stack
from dialogue_tts.stages import stage

PITCH_BASE_HZ = 150.0
PITCH_WAVES = 4  # sines and cosines of the pitch that the decoder's blocks see
NOISE_SEED = 1_000_003


@strict
class MelView:
    """One resolution at which the encoder sees the sound: `per_frame` mel frames in a token's frame."""

    n_fft: int
    n_mels: int
    per_frame: int


@strict
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
    def rate(self) -> FrameRate:
        """Its frames are those of semantic tokens."""
        return FrameRate()

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
        self.blocks = Stack(
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
        x: Tensor = self.enter(patches)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return x


class Decoder(nn.Module):
    """Quantised latent frames -> waveform: a source of pulses and one of noise, each shaped by the network."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = config
        width, hidden = config.decoder_width, config.decoder_hidden
        bins = config.n_fft // 2 + 1
        self.enter = nn.Linear(config.encoder_width, width)
        self.trunk = Stack(ConvNextBlock(width, hidden) for _ in range(config.trunk_blocks))
        self.pitch_head = nn.Linear(width, config.upsample)
        self.rise = nn.Linear(width, config.upsample * width)
        self.pitch_enter = nn.Linear(2 * PITCH_WAVES, width)
        self.blocks = Stack(ConvNextBlock(width, hidden) for _ in range(config.wave_blocks))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 3 * bins)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():  # speech is about 30 dB below sources of unit power
            self.head.bias.copy_(torch.cat([torch.full((bins,), -3.0), torch.zeros(bins), torch.full((bins,), -5.0)]))

    def frames(self, latent: Tensor) -> Tensor:
        """(B, T, encoder_width) -> (B, T, decoder_width), still at 25 Hz."""
        x: Tensor = self.enter(latent)
        for block in self.trunk:
            x = block(x)
        return x

    def octaves(self, frames: Tensor) -> Tensor:
        """frames from `frames` -> pitch in octaves over PITCH_BASE_HZ, float32 (B, T * upsample)."""
        octaves: Tensor = self.pitch_head(frames)
        return octaves.flatten(1).float()

    def wave(self, frames: Tensor, octaves: Tensor) -> Tensor:
        """frames from `frames`, octaves from `octaves` or from a recording -> wave float32 (B, T * HOP)."""
        hop = HOP // self.config.upsample
        octaves = octaves.clamp(-1.6, 1.8)
        angles = octaves.unsqueeze(-1) * (2 ** torch.arange(PITCH_WAVES, device=octaves.device))
        x = self.rise(frames).unflatten(-1, (self.config.upsample, -1)).flatten(1, 2)
        x = x + self.pitch_enter(torch.cat([angles.sin(), angles.cos()], dim=-1))
        for block in self.blocks:
            x = block(x)
        voice, phase, breath = self.head(self.norm(x)).float().transpose(1, 2).chunk(3, dim=1)
        source = stft(pulses(PITCH_BASE_HZ * octaves.exp2(), hop), self.config.n_fft, hop)
        noise = stft(white_noise(octaves.shape[1] * hop).to(x.device)[None], self.config.n_fft, hop)
        gain = voice.clamp(max=3.0).exp()  # bounds, so that early training cannot explode
        spectrum = torch.complex(gain * phase.cos(), gain * phase.sin()) * source + breath.clamp(max=3.0).exp() * noise
        return istft(spectrum, self.config.n_fft, hop)

    def forward(self, latent: Tensor) -> Tensor:
        """(B, T, encoder_width) -> wave (B, T * HOP)."""
        frames = self.frames(latent)
        return self.wave(frames, self.octaves(frames))


def pulses(hz: Tensor, hop: int) -> Tensor:
    """A band-limited pulse train of about unit power: hz float32 (B, frames) at every `hop` samples -> (B, frames * hop).

    All harmonics below half the sample rate in closed form (Dirichlet's kernel): no sum over sines.
    """
    hz = F.interpolate(hz.unsqueeze(1), scale_factor=hop, mode="linear", align_corners=False).squeeze(1)
    # Double precision: in single, a minute's phase would be known to a tenth of a radian only.
    exact = (hz.cpu() if hz.device.type == "mps" else hz).double()  # which Apple's GPUs do not have
    cycles = (exact / SAMPLE_RATE_HZ).cumsum(-1)
    cycles = (cycles - cycles.round()).float().to(hz.device)  # in [-1/2, 1/2]
    harmonics = (SAMPLE_RATE_HZ / 2 / hz).floor()
    half = torch.pi * cycles
    below = half.sin()
    near = below.abs() < 1e-4
    kernel = ((2 * harmonics + 1) * half).sin() / torch.where(near, 1.0, 2 * below) - 0.5
    return torch.where(near, harmonics, kernel) * (2 / harmonics).sqrt()


@lru_cache(maxsize=4)
@torch.inference_mode(False)  # or training could not use what decoding has cached
def _noise(samples: int) -> Tensor:
    return torch.randn(samples, generator=torch.Generator().manual_seed(NOISE_SEED))


def white_noise(samples: int) -> Tensor:
    """The same Gaussian noise at every call, so that decoding is a function of the codes: (samples,), unit power."""
    block = 1 << max(15, (samples - 1).bit_length())
    return _noise(block)[:samples]


class Codec(AudioCodec):
    """Encoder, quantiser and decoder. `encode` and `decode` give their result where their argument lies, wherever the
    networks do."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.config = self.sizes = config
        self.encoder = Encoder(config)
        self.quantizer = ResidualQuantizer(config.encoder_width, config.levels, config.codebook_size, config.code_width)
        self.decoder = Decoder(config)

    @property
    def encoding(self) -> tuple[nn.Module, ...]:
        """Encoder and quantiser: the decoder may learn on, and codes mean what they meant."""
        return self.encoder, self.quantizer

    @torch.inference_mode()
    def encode(self, wave: Tensor) -> Tensor:
        """wave float32 (B, T * HOP) in [-1, 1] -> codes int64 (B, T, Q) in [0, codebook_size)."""
        patches = self.encoder.patches(wave.to(device_of(self)))
        return self.quantizer.encode(self.encoder(patches)).to(wave.device)

    @stage("codec")
    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """codes int64 (B, T, Q) -> wave float32 (B, T * HOP) in [-1, 1]."""
        wave: Tensor = self.decoder(self.quantizer.decode(codes.to(device_of(self))))
        return wave.clamp(-1, 1).to(codes.device)

    def latent(self, codes: Tensor) -> Tensor:
        """codes int64 (B, T, Q), where the networks lie -> what they stand for, float32 (B, T, encoder_width)."""
        return self.quantizer.decode(codes)
