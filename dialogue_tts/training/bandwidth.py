"""Training of what tells a telephone's missing bands: python -m dialogue_tts.training.bandwidth RUN DATA...

Recordings of the data folders go through telephones of several kinds; from what is left the network is to tell the levels of
the bands that went. Its averaged weights are written to RUN/bandwidth.safetensors; what lies in `dialogue_tts/audio` was made
so.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torchaudio
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.audio.bandwidth import (
    HEARD_HZ,
    HOP,
    N_FFT,
    SPOKEN_DB,
    UNIT_DB,
    WEIGHTS,
    BandNetwork,
    band_energies,
    levels_of,
    loudness_of,
    missing_energies,
    power_of,
    under_loud,
)
from dialogue_tts.audio.signal import stft
from dialogue_tts.config import SAMPLE_RATE_HZ, frames_to_seconds, strict
from dialogue_tts.errors import DataError
from dialogue_tts.training.augment import add_noise, band_limit
from dialogue_tts.training.checkpoints import load_ema
from dialogue_tts.training.corpus import Corpus, load_wave
from dialogue_tts.training.loop import Run
from dialogue_tts.training.task import Figures, LoopConfig

NAME = "bandwidth"
TELEPHONE_RATE_HZ, MU_LAW_CODES = 8_000, 256
SILENCE_WEIGHT = 0.1  # of frames without speech, beside 1


@strict
class BandwidthTrainingConfig:
    """Data.

    Attributes:
        recordings, recording_frames: so many go through a telephone before training, and so many frames of 10 ms of each.
        rows, row_frames: recordings of a batch, and how many frames of each.
        sloping: share whose band ends in slopes, and not at once.
        coded: share whose telephone has mu-law's 256 steps (ITU-T G.711).
        noisy: share with noise in the line.
        validation_rows: of held-out recordings.
    """

    recordings: int = 5500
    recording_frames: int = 400
    rows: int = 12
    row_frames: int = 200
    sloping: float = 0.6
    coded: float = 0.7
    noisy: float = 0.2
    validation_rows: int = 48


class BandBatch(NamedTuple):
    """What a telephone leaves, and what it took."""

    heard: Tensor  # (rows, heard bands, T)
    wanted: Tensor  # (rows, TOLD, T)


class BandwidthTask:
    """See `task.Task`."""

    best = "loss"

    def __init__(self, config: BandwidthTrainingConfig, corpora: Sequence[Corpus]) -> None:
        """Raises DataError where no recording serves."""
        self.config = config
        self.network = BandNetwork()
        self.networks: dict[str, nn.Module] = {NAME: self.network}
        self.frozen: tuple[nn.Module, ...] = ()
        rng = np.random.default_rng(0)
        self.train = self._made(corpora, ("train",), config.recordings, rng)
        self.held_out = self._made(corpora, ("test_text", "test_speaker"), config.validation_rows, rng)

    def _made(
        self, corpora: Sequence[Corpus], splits: tuple[str, ...], count: int, rng: np.random.Generator
    ) -> BandBatch:
        shortest = self.config.recording_frames * HOP / SAMPLE_RATE_HZ
        turns = [
            (corpus, turn)
            for corpus in corpora
            for turn in corpus.split(*splits)
            if frames_to_seconds(turn.frames) >= shortest
        ]
        if not turns:
            raise DataError(f"no recording of {' or '.join(splits)} in the data lasts {shortest:g} s; give more.")
        chosen = [turns[i] for i in rng.permutation(len(turns))[:count]]
        rows = [self._row(load_wave(corpus.waves(), turn), rng) for corpus, turn in chosen]
        return BandBatch(*(torch.stack(part) for part in zip(*rows, strict=True)))

    def _row(self, wave: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        start = int(rng.integers(0, wave.shape[0] // HOP - self.config.recording_frames + 1)) * HOP
        wave = wave[start : start + self.config.recording_frames * HOP]
        through = power_of(stft(self._telephone(wave, rng)[None], N_FFT, HOP))
        loudness = loudness_of(through)
        whole = missing_energies(power_of(stft(wave[None], N_FFT, HOP)))
        return levels_of(band_energies(through, HEARD_HZ), loudness)[0], levels_of(whole, loudness)[0]

    def _telephone(self, wave: Tensor, rng: np.random.Generator) -> Tensor:
        """At 24 kHz again; of the same level in its band."""
        low_hz, high_hz = rng.uniform(200, 350), rng.uniform(3200, 3700)
        if rng.random() < self.config.sloping:
            low = wave
            for _ in range(2):  # fourth order
                low = torchaudio.functional.highpass_biquad(low, SAMPLE_RATE_HZ, low_hz)
                low = torchaudio.functional.lowpass_biquad(low, SAMPLE_RATE_HZ, high_hz)
            low = band_limit(low, 50, 3900)
        else:
            low = band_limit(wave, low_hz, high_hz)
        if rng.random() < self.config.noisy:
            low = band_limit(add_noise(low, rng, 20, 45), 200, 3700)
        if rng.random() < self.config.coded:
            peak = low.abs().max().clamp_min(1e-6)
            narrow = torchaudio.functional.resample(low * (0.6 / peak), SAMPLE_RATE_HZ, TELEPHONE_RATE_HZ)
            codes = torchaudio.functional.mu_law_encoding(narrow.clamp(-1, 1), MU_LAW_CODES)
            narrow = torchaudio.functional.mu_law_decoding(codes, MU_LAW_CODES)
            low = torchaudio.functional.resample(narrow, TELEPHONE_RATE_HZ, SAMPLE_RATE_HZ)[: wave.shape[0]] * (
                peak / 0.6
            )
        return low

    def plan(self, rng: np.random.Generator) -> Sequence[np.ndarray]:
        """Each recording once."""
        order, rows = rng.permutation(len(self.train.heard)), min(self.config.rows, len(self.train.heard))
        return [order[start : start + rows] for start in range(0, len(order) - rows + 1, rows)]

    def batch(self, planned: np.ndarray, rng: np.random.Generator) -> BandBatch:
        """A stretch of the recordings as planned, the same of all."""
        start = int(rng.integers(0, self.config.recording_frames - self.config.row_frames + 1))
        stretch = slice(start, start + self.config.row_frames)
        return BandBatch(*(part[torch.from_numpy(planned), :, stretch] for part in self.train))

    def losses(self, batch: BandBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """How far the levels are off, most of all where there is speech."""
        yield NAME, *_judged(self.network, batch)

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """The same of held-out recordings."""
        return _judged(networks[NAME], self.held_out)[1]


def _judged(network: nn.Module, batch: BandBatch) -> tuple[Tensor, Figures]:
    told = network(batch.heard)
    weights = SILENCE_WEIGHT + torch.sigmoid(4 * (under_loud(batch.heard) + SPOKEN_DB / UNIT_DB))
    weights = weights / weights.mean()
    loss = (weights * F.smooth_l1_loss(told, batch.wanted, beta=0.3, reduction="none")).mean()
    return loss, {"loss": loss.detach(), "off_db": UNIT_DB * (weights * (told.detach() - batch.wanted).abs()).mean()}


def main() -> None:
    """Train, or go on with it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path, nargs="+", help="folders made by `dialogue-tts data prepare`")
    parser.add_argument("--steps", type=int, default=12_000)
    arguments = parser.parse_args()
    loop = LoopConfig(
        arguments.steps,
        learning_rate=2e-3,
        warmup=100,
        decay=0.7,
        ema=0.995,
        bf16=False,
        threads=1,
        validate_every=500,
        log_every=100,
    )
    torch.manual_seed(loop.seed)
    task = BandwidthTask(BandwidthTrainingConfig(), [Corpus.open(folder) for folder in arguments.data])
    Run(task, loop, arguments.run).train()
    weights = {name: weight.half() for name, weight in load_ema(arguments.run, NAME).items()}
    save_file(weights, arguments.run / WEIGHTS.name)


if __name__ == "__main__":
    main()
