"""How the frames of a codec lie beside those of semantic tokens."""

from __future__ import annotations

from torch import Tensor

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
