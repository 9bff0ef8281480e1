"""What every codec is: ours is one of several."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from torch import Tensor, nn

from dialogue_tts.nn.frame_rate import FrameRate


class CodecSizes(Protocol):
    """Of codes in frames of ours, see `FrameRate`."""

    @property
    def rate(self) -> FrameRate:
        """Its own frames beside ours."""

    @property
    def levels(self) -> int:
        """Codes in a frame of ours: Q of each of the codec's that lie in it."""

    @property
    def codebook_size(self) -> int:
        """V codes to choose from, at every level."""

    @property
    def encoder_width(self) -> int:
        """D numbers in a frame's latent."""


class AudioCodec(nn.Module):
    """Waveform at SAMPLE_RATE_HZ <-> codes in frames of ours. Coarse levels come first. `encode` and `decode` give their result
    where their argument lies, wherever the networks do."""

    sizes: CodecSizes

    @property
    @abstractmethod
    def encoding(self) -> tuple[nn.Module, ...]:
        """The networks that decide what a code means."""

    @abstractmethod
    def encode(self, wave: Tensor) -> Tensor:
        """wave float32 (B, T * HOP) in [-1, 1] -> codes int64 (B, T, levels) in [0, codebook_size)."""

    @abstractmethod
    def decode(self, codes: Tensor) -> Tensor:
        """codes int64 (B, T, levels) -> wave float32 (B, T * HOP) in [-1, 1]."""

    @abstractmethod
    def latent(self, codes: Tensor) -> Tensor:
        """codes int64 (B, T, levels) -> what they stand for, float32 (B, T, encoder_width)."""
