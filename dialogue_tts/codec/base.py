"""What every codec is: ours is one of several."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from torch import Tensor, nn

from dialogue_tts.config import strict
from dialogue_tts.errors import ConfigError


@strict
class FrameRate:
    """Frames of a codec beside ours, of which there are FRAME_RATE_HZ as of semantic tokens.

    A codec with more (EnCodec and DAC have 75) has `codec_frames` in one of ours, a codec with fewer (Mimi has 12.5) has each
    stand for `tokens` of ours. Codes are kept in frames of ours, (T, Q * codec_frames): level by level from the coarsest, each
    level's frames side by side; of a codec with fewer, each frame `tokens` times. Nothing is lost or resampled.
    """

    codec_frames: int = 1
    tokens: int = 1

    def __post_init__(self) -> None:
        if min(self.codec_frames, self.tokens) != 1:
            raise ConfigError(f"rate: one of codec_frames and tokens has to be 1, found {self}.")

    def own_frames(self, codes: Tensor) -> Tensor:
        """Codes in frames of ours (..., T, Q * codec_frames) -> in the codec's, each once, (..., T', Q)."""
        if self.codec_frames > 1:
            own: Tensor = codes.unflatten(-1, (-1, self.codec_frames)).transpose(-1, -2).flatten(-3, -2)
            return own
        return codes[..., :: self.tokens, :]

    def our_frames(self, own: Tensor, frames: int) -> Tensor:
        """The other way: (..., T', Q) -> (..., frames, Q * codec_frames)."""
        if self.codec_frames > 1:
            codes: Tensor = own.unflatten(-2, (frames, self.codec_frames)).transpose(-1, -2).flatten(-2)
            return codes
        return own.repeat_interleave(self.tokens, dim=-2)[..., :frames, :]


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
