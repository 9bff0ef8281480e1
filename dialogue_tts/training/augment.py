"""Augmentation of recordings, so that voices and rooms the corpus lacks are no surprise. Waves are (samples,)."""

from __future__ import annotations

import io

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.nn import functional as F

from dialogue_tts.config import HOP, SAMPLE_RATE_HZ

ENVELOPE_WINDOW = 1024
ENVELOPE_COEFFICIENTS = 48  # samples: 500 Hz, over any voice's pitch
LARGEST_GAIN = 2.3  # natural log: 20 dB


def change_rate(wave: Tensor, factor: float) -> Tensor:
    """Play `factor` times as fast: pitch, formants and tempo move together; the length stays whole frames."""
    length = max(1, round(wave.shape[0] / factor / HOP)) * HOP
    played: Tensor = F.interpolate(wave[None, None], size=length, mode="linear", align_corners=False)
    return played[0, 0]


def shift_formants(wave: Tensor, factor: float) -> Tensor:
    """Move formants to `factor` times their frequency and leave pitch and tempo: a longer or shorter vocal tract.

    The spectral envelope of each frame, what is left of its cepstrum below the shortest pitch period (Oppenheim 1969),
    is stretched along frequency, and the frame is filtered from the old one to the new one.
    """
    window = torch.hann_window(ENVELOPE_WINDOW)
    spectrum = torch.stft(wave, ENVELOPE_WINDOW, ENVELOPE_WINDOW // 4, window=window, return_complex=True)
    cepstrum = torch.fft.irfft((spectrum.abs() + 1e-5).log(), dim=0)
    cepstrum[ENVELOPE_COEFFICIENTS : 1 - ENVELOPE_COEFFICIENTS] = 0
    envelope = torch.fft.rfft(cepstrum, dim=0).real  # (bins, frames), log
    place = (torch.arange(envelope.shape[0]) / factor).clamp(max=envelope.shape[0] - 1)
    low = place.long().clamp(max=envelope.shape[0] - 2)
    share = (place - low).unsqueeze(1)
    gain = (envelope[low] * (1 - share) + envelope[low + 1] * share - envelope).clamp(-LARGEST_GAIN, LARGEST_GAIN).exp()
    shifted: Tensor = torch.istft(
        spectrum * gain, ENVELOPE_WINDOW, ENVELOPE_WINDOW // 4, window=window, length=wave.shape[0]
    )
    return shifted * (wave.square().mean() / shifted.square().mean().clamp_min(1e-12)).sqrt()


def colour(wave: Tensor, rng: np.random.Generator, depth_db: float = 8.0) -> Tensor:
    """A random smooth equaliser, sometimes with a band limit of 3.4 kHz (telephones) to 11 kHz."""
    spectrum = torch.fft.rfft(wave)
    bends = torch.from_numpy(rng.uniform(-depth_db, depth_db, 10).astype(np.float32))
    # Bends are equally far apart in log frequency above 60 Hz, as hearing and microphones are.
    hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, spectrum.shape[0]).clamp_min(60)
    place = (hz / 60).log() / np.log(SAMPLE_RATE_HZ / 2 / 60) * 9
    low = place.floor().long().clamp(0, 8)
    share = (1 - torch.cos((place - low) * np.pi)) / 2
    gain_db = bends[low] * (1 - share) + bends[low + 1] * share
    if rng.random() < 0.25:
        limit = rng.uniform(3_400, 11_000)
        gain_db = gain_db - 60 * ((hz - limit) / 500).clamp(0, 1)
    filtered: Tensor = torch.fft.irfft(spectrum * 10 ** (gain_db / 20), wave.shape[0])
    return filtered


def add_noise(wave: Tensor, rng: np.random.Generator, lowest_db: float = 10, highest_db: float = 40) -> Tensor:
    """Stationary noise with a spectrum between white and brown, at a random ratio to the speech."""
    # Drawn before the noise, so that they are alike for waves of any length.
    tilt, below_db = rng.uniform(0, 1), rng.uniform(lowest_db, highest_db)
    noise: Tensor = torch.fft.rfft(torch.from_numpy(rng.standard_normal(wave.shape[0]).astype(np.float32)))
    noise = torch.fft.irfft(noise / torch.arange(1, noise.shape[0] + 1).clamp_min(50) ** tilt, wave.shape[0])
    ratio = 10 ** (-below_db / 20)
    return wave + noise / noise.square().mean().sqrt().clamp_min(1e-9) * wave.square().mean().sqrt() * ratio


def add_room(wave: Tensor, rng: np.random.Generator) -> Tensor:
    """Reverberation by exponentially fading noise of 0.1 to 0.5 s under the direct sound."""
    length = int(SAMPLE_RATE_HZ * rng.uniform(0.1, 0.5))
    tail = rng.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
    response = torch.from_numpy(tail.astype(np.float32)) * float(rng.uniform(0.01, 0.06))
    response[0] = 1.0
    size = wave.shape[0] + length
    reverberant: Tensor = torch.fft.irfft(torch.fft.rfft(wave, size) * torch.fft.rfft(response, size), size)
    return reverberant[: wave.shape[0]]


def set_level(wave: Tensor, rng: np.random.Generator) -> Tensor:
    """A random level that does not clip: speech at -32 to -14 dB (RMS)."""
    target = 10 ** (rng.uniform(-32, -14) / 20)
    gain = target / wave.square().mean().sqrt().clamp_min(1e-5)
    return wave * min(float(gain), 0.99 / float(wave.abs().max().clamp_min(1e-5)))


def band_limit(wave: Tensor, low_hz: float, high_hz: float) -> Tensor:
    """A telephone's or a cheap microphone's band: gone 100 Hz below `low_hz` (40 dB) and 200 Hz above `high_hz` (60 dB)."""
    spectrum = torch.fft.rfft(wave)
    hz = torch.linspace(0, SAMPLE_RATE_HZ / 2, spectrum.shape[0])
    gain_db = -60 * ((hz - high_hz) / 200).clamp(0, 1) - 40 * ((low_hz - hz) / 100).clamp(0, 1)
    filtered: Tensor = torch.fft.irfft(spectrum * 10 ** (gain_db / 20), wave.shape[0])
    return filtered


LOSSY = (("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))  # libsndfile's format and subtype


def through_coder(wave: Tensor, rng: np.random.Generator) -> Tensor:
    """What MP3 or Opus leave of a wave at a low rate; of the same length."""
    kind, subtype = LOSSY[int(rng.integers(len(LOSSY)))]
    level = float(rng.uniform(0.75, 0.97))  # 1 would be the smallest file, which libsndfile may refuse
    file = io.BytesIO()
    samples = wave.clamp(-1, 1).numpy()
    soundfile.write(file, samples, SAMPLE_RATE_HZ, format=kind, subtype=subtype, compression_level=level)
    file.seek(0)
    found = torch.from_numpy(soundfile.read(file, dtype="float32")[0])
    return F.pad(found, (0, max(0, wave.shape[0] - found.shape[0])))[: wave.shape[0]]


def degrade(wave: Tensor, rng: np.random.Generator) -> Tensor:
    """What people's recordings may have gone through: rooms, microphones, hiss, telephones, lossy coders."""
    band = rng.random()
    if rng.random() < 0.35:
        wave = add_room(wave, rng)
    if rng.random() < 0.5:
        wave = colour(wave, rng, 6.0)
    if band < 0.3:
        wave = band_limit(wave, float(rng.uniform(150, 350)), float(rng.uniform(3_200, 4_000)))
    elif band < 0.55:
        wave = band_limit(wave, float(rng.uniform(20, 150)), float(rng.uniform(4_000, 9_000)))
    if rng.random() < 0.5:
        wave = add_noise(wave, rng, 18, 45)
    if rng.random() < 0.35:
        wave = through_coder(wave, rng)
    return wave * min(1.0, 0.99 / float(wave.abs().max().clamp_min(1e-5)))
