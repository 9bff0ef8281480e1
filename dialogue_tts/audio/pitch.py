"""Fundamental frequency by autocorrelation: fast, and good enough as a training target and for reports."""

from __future__ import annotations

import torch
from torch import Tensor

from dialogue_tts.audio.signal import hann_window, power
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ

THINNING = 3  # one sample in three is fine enough, and a third of the work
WINDOW = 480  # 60 ms of them
RATE_HZ = SAMPLE_RATE_HZ // THINNING
LOWEST_HZ, HIGHEST_HZ = 65, 450
CANDIDATES = 5  # peaks of a frame's autocorrelation
OCTAVE_COST, JUMP_COST = 0.03, 0.6  # in units of correlation, for each octave; the jump is between frames


def pitch(wave: Tensor, hop: int = HOP) -> tuple[Tensor, Tensor]:
    """wave (B, T * hop), hop a multiple of THINNING -> (fundamental in Hz, float32 (B, T); voiced, bool (B, T)).

    The autocorrelation of each window is divided by that of the window itself, and the best path through its peaks is
    taken (Boersma 1993), refined by parabolas. A frame is voiced when its correlation is over one half and it is not
    silent.
    """
    hop //= THINNING
    thinned = torch.nn.functional.avg_pool1d(wave.unsqueeze(1), THINNING).squeeze(1)
    side = (WINDOW - hop) // 2
    frames = torch.nn.functional.pad(thinned, (side, side)).unfold(-1, WINDOW, hop)
    window = hann_window(WINDOW).to(wave.device)
    size = 2 * WINDOW

    def autocorrelation(x: Tensor) -> Tensor:
        correlation: Tensor = torch.fft.irfft(power(torch.fft.rfft(x, size)), size)
        return correlation

    shortest, longest = RATE_HZ // HIGHEST_HZ, RATE_HZ // LOWEST_HZ
    raw = autocorrelation(frames * window)
    own = autocorrelation(window)
    correlation = raw[..., shortest:longest] / own[shortest:longest] * own[0] / raw[..., :1].clamp_min(1e-9)
    peak = torch.zeros_like(correlation, dtype=torch.bool)
    middle = correlation[..., 1:-1]
    peak[..., 1:-1] = (middle >= correlation[..., :-2]) & (middle >= correlation[..., 2:])
    # Twice the period correlates as well: a lag costs a little an octave.
    octaves = torch.arange(shortest, longest, device=wave.device).log2()
    # Periods are rarely whole samples: peaks are compared at the tops of parabolas through them.
    height = correlation.clone()
    bends = (2 * middle - correlation[..., :-2] - correlation[..., 2:]).clamp_min(1e-6)
    height[..., 1:-1] += (correlation[..., 2:] - correlation[..., :-2]).square() / (8 * bends)
    score = torch.where(peak, height - OCTAVE_COST * octaves, -10.0)
    score, lags = score.topk(CANDIDATES, dim=-1)  # (B, T, candidates)
    strength = correlation.gather(-1, lags).clamp(0, 1)
    lag = lags.gather(-1, _smoothest(score, octaves[lags]).unsqueeze(-1)).clamp(1, correlation.shape[-1] - 2)
    before, at, after = (correlation.gather(-1, lag + step).squeeze(-1) for step in (-1, 0, 1))
    bend = (2 * at - before - after).clamp_min(1e-6)
    offset = ((after - before) / (2 * bend)).clamp(-0.5, 0.5)
    loud = frames.square().mean(-1) > 1e-5
    return RATE_HZ / (lag.squeeze(-1) + shortest + offset), (strength.amax(-1) > 0.5) & loud


def _smoothest(score: Tensor, octaves: Tensor) -> Tensor:
    """Which candidate of each frame makes the best path, (B, T, candidates) both -> int64 (B, T): Viterbi's algorithm,
    where the octaves moved between frames cost."""
    moves = JUMP_COST * (octaves[:, 1:, :, None] - octaves[:, :-1, None, :]).abs()  # (B, T - 1, to, from)
    best, came_from = score[:, 0], []
    for frame in range(1, score.shape[1]):
        best, chosen = (best.unsqueeze(1) - moves[:, frame - 1]).max(dim=-1)
        best = best + score[:, frame]
        came_from.append(chosen)
    path = [best.argmax(-1)]
    for chosen in reversed(came_from):
        path.append(chosen.gather(-1, path[-1].unsqueeze(-1)).squeeze(-1))
    return torch.stack(path[::-1], dim=1)
