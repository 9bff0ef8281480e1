"""Fundamental frequency by autocorrelation: coarse, fast, good enough as a training target and for reports."""

from __future__ import annotations

import torch
from torch import Tensor

from dialogue_tts.audio.signal import hann_window, power
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ

WINDOW = 960  # 80 ms at half the rate, which is fine enough and half the work
RATE_HZ = SAMPLE_RATE_HZ // 2
LOWEST_HZ, HIGHEST_HZ = 65, 450


def pitch(wave: Tensor) -> tuple[Tensor, Tensor]:
    """wave (B, T * HOP) -> (fundamental in Hz, float32 (B, T); voiced, bool (B, T)).

    The autocorrelation of each window is divided by that of the window itself (Boersma 1993); the strongest lag wins,
    and a frame is voiced when its correlation is over one half and it is not silent.
    """
    hop = HOP // 2
    halved = torch.nn.functional.avg_pool1d(wave.unsqueeze(1), 2).squeeze(1)
    side = (WINDOW - hop) // 2
    frames = torch.nn.functional.pad(halved, (side, side)).unfold(-1, WINDOW, hop)
    window = hann_window(WINDOW).to(wave.device)
    size = 2 * WINDOW

    def autocorrelation(x: Tensor) -> Tensor:
        return torch.fft.irfft(power(torch.fft.rfft(x, size)), size)

    shortest, longest = RATE_HZ // HIGHEST_HZ, RATE_HZ // LOWEST_HZ
    raw = autocorrelation(frames * window)
    own = autocorrelation(window)
    correlation = raw[..., shortest:longest] / own[shortest:longest] * own[0] / raw[..., :1].clamp_min(1e-9)
    strength, lag = correlation.max(dim=-1)
    # An octave below correlates as well: take the shortest lag that is nearly as strong.
    nearly = correlation > 0.9 * strength.unsqueeze(-1)
    lag = torch.where(strength > 0, nearly.float().argmax(dim=-1), lag)
    loud = frames.square().mean(-1) > 1e-5
    return RATE_HZ / (lag + shortest).float(), (strength > 0.5) & loud
