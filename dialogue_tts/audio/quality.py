"""What a recording of speech is like: its band, its room, its clipping. Waves are float32 (samples,) in [-1, 1]."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from dialogue_tts.audio.signal import hann_window, pad_to_frames, power, stft

CLIPPED_AT, CLIPPED_RUN = 0.95, 3  # flat tops: of the peak; samples in a row
_N_FFT, _SMOOTH_BINS = 1024, 9
_LOUD_DB, _BAND_DB = 20.0, 60.0  # below the loudest: frames that are speech; what is left of their spectrum
_STEP_S, _FALL_STEPS = 0.01, 8
_SPEECH_DB, _ABOVE_FLOOR_DB = (
    25.0,
    6.0,
)  # a fall begins within the first of the loudest, and ends the second above the floor
_STEEPEST, _FEWEST_FALLS = 0.95, 20  # the quantile of falls that tells; without so many nothing is said


def clipped_share(wave: Tensor) -> float:
    """Share of the samples that lie in flat tops at the peak."""
    at_peak = (wave.abs() >= CLIPPED_AT * wave.abs().max()).float()
    return float(at_peak.unfold(0, CLIPPED_RUN, 1).prod(-1).mean())


def bandwidth_hz(wave: Tensor, sample_rate_hz: int) -> float:
    """Up to which frequency there is sound in what is loud: where the mean spectrum of its loudest frames falls for good below
    its maximum by 60 dB. Speech that went through no filter keeps above that to 8 kHz and more."""
    padded = pad_to_frames(wave, _N_FFT // 2)[None]
    spectrum = power(stft(padded, _N_FFT, _N_FFT // 2))[0, :, 1:-1]  # the ends are cut, and have all frequencies
    levels = spectrum.sum(0)
    mean = spectrum[:, levels >= levels.max() / 10 ** (_LOUD_DB / 10)].mean(-1)
    smooth = F.avg_pool1d(mean[None], _SMOOTH_BINS, 1, _SMOOTH_BINS // 2, count_include_pad=False)[0]
    heard = (smooth > smooth.max() / 10 ** (_BAND_DB / 10)).nonzero()
    return float(heard.max()) * sample_rate_hz / _N_FFT if len(heard) else 0.0


def decay_s(wave: Tensor, sample_rate_hz: int) -> float | None:
    """How fast speech dies away where it does so fastest, as the time in which it would fall by 60 dB; None where there is too
    little of that.

    No sound falls faster than the room lets it, so that the steepest falls of the level tell of the room (after Wen, Habets,
    Naylor: Blind estimation of reverberation time based on the distribution of signal decay rates, ICASSP 2008). In nine of
    ten dry recordings of eight seconds or less it is 0.2 to 0.4 s; far from the microphone in rooms that ring for 0.5 s, 0.8 s
    and 1.2 s it is about 0.5, 0.6 and 0.8 s. Close to the microphone a room is heard less.
    """
    step = round(_STEP_S * sample_rate_hz)
    powers = pad_to_frames(wave, step).unflatten(-1, (-1, step)).square().mean(-1)
    window = hann_window(4)[1:] / hann_window(4).sum()
    levels = 10 * F.conv1d(powers[None, None], window[None, None], padding=1)[0, 0].clamp_min(1e-10).log10()
    first, last = levels[:-_FALL_STEPS], levels[_FALL_STEPS:]
    counted = (first > levels.max() - _SPEECH_DB) & (last > levels.quantile(0.1) + _ABOVE_FLOOR_DB)
    if int(counted.sum()) < _FEWEST_FALLS:
        return None
    steepest = float(((first - last)[counted] / (_FALL_STEPS * _STEP_S)).quantile(_STEEPEST))  # dB a second
    return 60.0 / steepest if steepest > 0 else None
