"""Training of what hears the mark: python -m dialogue_tts.training.mark_network RUN DATA...

Recordings of the data folders are marked with random patterns and then changed as sound is on its way: coders, telephones,
rooms, noise, music and other speech beneath, other speeds. The network tells of each tile whether it is louder or softer. Its
averaged weights are written to RUN/mark_network.safetensors; what lies in `dialogue_tts/provenance` was made so.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from scipy import fft
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.config import HOP as FRAME
from dialogue_tts.config import SAMPLE_RATE_HZ, frames_to_seconds, strict
from dialogue_tts.errors import DataError
from dialogue_tts.provenance.mark import Marker
from dialogue_tts.provenance.network import HOP, RATE_HZ, WEIGHTS, MarkNetwork, levels_of, power_of
from dialogue_tts.provenance.pattern import BANDS, CHIP, CHIPS
from dialogue_tts.training.augment import add_noise, add_room, band_limit, colour, through_coder
from dialogue_tts.training.checkpoints import load_ema
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.loop import Run
from dialogue_tts.training.task import Figures, LoopConfig

NAME = "mark_network"
WINDOW = 24_000  # samples at RATE_HZ that a row hears
CHIPS_JUDGED = 84  # of a row; so many are in one at any speed
FASTEST = 0.06
STRETCH = 88  # frames of a recording, enough for a row at the highest speed and from anywhere in a chip
HELD_OUT = ("test_text", "test_speaker")


@strict
class MarkTrainingConfig:
    """Data and changes.

    Attributes:
        windows: so many of 3 s are made before training, since making one takes longer than learning from it.
        rows: of a batch.
        speed: share of rows that are played faster or slower.
        coder, room, telephone: shares that go through one.
        noise, music, speech: shares that have some beneath.
        validation_rows: of held-out recordings.
    """

    windows: int = 1000
    rows: int = 8
    speed: float = 0.3
    coder: float = 0.25
    room: float = 0.1
    telephone: float = 0.12
    noise: float = 0.35
    music: float = 0.25
    speech: float = 0.1
    validation_rows: int = 48


class MarkBatch(NamedTuple):
    """What is heard, and what is in it."""

    levels: Tensor  # (rows, HEARD, T)
    centres: Tensor  # (rows, CHIPS_JUDGED): frames, between two mostly
    signs: Tensor  # (rows, CHIPS_JUDGED, BANDS): 1 for louder, 0 for softer


class _Sound(NamedTuple):
    """Stretches of one data folder."""

    waves: np.ndarray
    starts: np.ndarray  # samples: STRETCH frames from there are of the wanted splits


class MarkTask:
    """See `task.Task`."""

    best = "loss"

    def __init__(self, config: MarkTrainingConfig, corpora: Sequence[Corpus]) -> None:
        self.config = config
        self.network = MarkNetwork()
        self.networks: dict[str, nn.Module] = {NAME: self.network}
        self.frozen: tuple[nn.Module, ...] = ()
        rng = np.random.default_rng(0)
        self.windows = self._made(corpora, ("train",), config.windows, rng)
        self.held_out = self._made(corpora, HELD_OUT, config.validation_rows, rng)

    def _made(
        self, corpora: Sequence[Corpus], splits: tuple[str, ...], count: int, rng: np.random.Generator
    ) -> MarkBatch:
        """Stretches of recordings, marked, changed, and seen as the network sees them; fewer where there are no more.

        Raises:
            DataError: there are none.
        """
        sounds = [_stretches(corpus, splits) for corpus in corpora]
        places = [(sound.waves, start) for sound in sounds for start in sound.starts]
        if not places:
            raise DataError(
                f"no {frames_to_seconds(STRETCH):.1f} s together of {' or '.join(splits)} in the data; give more."
            )
        waves = [_wave(*places[i]) for i in rng.permutation(len(places))[:count]]
        rows = [self._row(wave, waves[number - 1], rng) for number, wave in enumerate(waves)]
        return MarkBatch(*(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True)))

    def plan(self, rng: np.random.Generator) -> Sequence[np.ndarray]:
        """Each window once."""
        order, rows = rng.permutation(len(self.windows.levels)), self.config.rows
        return [order[start : start + rows] for start in range(0, len(order) - rows + 1, rows)]

    def batch(self, planned: np.ndarray, rng: np.random.Generator) -> MarkBatch:
        """Windows as planned."""
        return MarkBatch(*(part[torch.from_numpy(planned)] for part in self.windows))

    def _row(
        self, wave: np.ndarray, other: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Levels, centres and signs of a stretch; `other` is what may be said beneath."""
        config = self.config
        signs = rng.choice([-1.0, 1.0], (CHIPS, BANDS))
        marked = Marker.of_signs(signs).add(wave)
        heard = torch.from_numpy(marked)
        if rng.random() < config.coder:
            heard = through_coder(heard, rng)
        if rng.random() < config.room:
            heard = add_room(colour(heard, rng, 6.0), rng)
        faster = 1 + rng.uniform(-FASTEST, FASTEST) * (rng.random() < config.speed)
        low = _at_rate(heard.numpy(), faster)
        first = int(rng.integers(0, CHIP * RATE_HZ // SAMPLE_RATE_HZ))
        low = low[first : first + WINDOW]
        if rng.random() < config.music:
            low = _beneath(low, music(low.size, rng), rng.uniform(3, 20))
        if rng.random() < config.speech:
            low = _beneath(low, _at_rate(other, 1.0)[: low.size], rng.uniform(6, 20))
        if rng.random() < config.noise:
            low = add_noise(torch.from_numpy(low), rng, 5, 35).numpy()
        if rng.random() < config.telephone:
            low = _telephone(low)
        chip = CHIP * RATE_HZ / SAMPLE_RATE_HZ / faster
        number = np.arange(CHIPS_JUDGED) + int(np.ceil(first / chip))
        levels = levels_of(power_of(low), round(faster, 2))
        return levels, (number * chip - first).astype(np.float32) / HOP, (signs[number % CHIPS] > 0).astype(np.float32)

    def losses(self, batch: MarkBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """Cross-entropy of the tiles' signs."""
        yield NAME, *_judged(self.network, batch)

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """The same of held-out recordings."""
        return _judged(networks[NAME], self.held_out)[1]


def _judged(network: nn.Module, batch: MarkBatch) -> tuple[Tensor, Figures]:
    """The loss, and with it how much ratios and signs are alike: 0 to 1, what the detector's score grows with."""
    ratios = network(batch.levels).transpose(1, 2)
    before = batch.centres.long()
    part = (batch.centres - before).unsqueeze(-1)
    every = torch.arange(len(before), device=before.device).unsqueeze(-1)
    told = ratios[every, before] * (1 - part) + ratios[every, before + 1] * part
    loss = F.binary_cross_entropy_with_logits(told, batch.signs)
    with torch.no_grad():
        alike = (told * (2 * batch.signs - 1)).mean((1, 2)) / told.square().mean((1, 2)).sqrt().clamp_min(1e-9)
    return loss, {"loss": loss.detach(), "alike": alike.mean(), "least": alike.quantile(0.1)}


def _stretches(corpus: Corpus, splits: tuple[str, ...]) -> _Sound:
    """Places of a folder whose STRETCH frames are all of these splits, one after the other."""
    wanted = np.zeros(corpus.frames + 1, np.int64)
    for turn in corpus.split(*splits):
        wanted[turn.start_frame + 1 : turn.start_frame + turn.frames + 1] = 1
    wanted = wanted.cumsum()
    starts = np.arange(0, max(0, corpus.frames - STRETCH), STRETCH // 2)
    return _Sound(corpus.waves(), starts[wanted[starts + STRETCH] - wanted[starts] == STRETCH] * FRAME)


def _wave(waves: np.ndarray, start: int) -> np.ndarray:
    return waves[start : start + STRETCH * FRAME].astype(np.float32) / 32768


def _at_rate(wave: np.ndarray, faster: float) -> np.ndarray:
    """24 kHz -> RATE_HZ, played `faster`"""
    size = round(wave.size * RATE_HZ / SAMPLE_RATE_HZ / faster)
    return np.asarray(fft.irfft(fft.rfft(wave)[: size // 2 + 1], size) * (size / wave.size), np.float32)


def _beneath(wave: np.ndarray, other: np.ndarray, below_db: float) -> np.ndarray:
    """The sum, the second so far below the first."""
    loud, found = np.sqrt(np.square(wave).mean()), np.sqrt(np.square(other).mean())
    return np.asarray(wave + other * (loud / max(found, 1e-9) * 10 ** (-below_db / 20)), np.float32)


def _telephone(wave: np.ndarray) -> np.ndarray:
    """8-bit mu-law (ITU-T G.711) in a telephone's band, at a level that it is meant for."""
    low = band_limit(torch.from_numpy(wave), 300 * 3, 3400 * 3).numpy()  # it takes waves of 24 kHz
    low = low * (0.5 / max(float(np.abs(low).max()), 1e-9))
    coded = np.round(127 * np.sign(low) * np.log1p(255 * np.abs(low)) / np.log(256)) / 127
    return np.asarray(np.sign(coded) * (256 ** np.abs(coded) - 1) / 255, np.float32)


def music(samples: int, rng: np.random.Generator) -> np.ndarray:
    """Some voices of tones, held or plucked, with or without drums, (samples,) at RATE_HZ."""
    played = np.zeros(samples)
    scale = rng.choice(12, 7, replace=False)
    for _ in range(int(rng.integers(1, 5))):
        octave, fades, tilt = rng.integers(2, 6), rng.choice([0.3, 2.0, 6.0]), rng.uniform(0.5, 2.0)
        length, wobble = rng.uniform(0.15, 1.2), rng.choice([0.0, 0.004])
        for start in np.arange(-rng.uniform(0, length), samples / RATE_HZ, length):
            begin, end = max(0, int(start * RATE_HZ)), min(samples, int((start + 1.5 * length) * RATE_HZ))
            seconds = np.arange(begin, end) / RATE_HZ - start
            hz = 16.35 * 2 ** (octave + rng.choice(scale) / 12)
            phase = 2 * np.pi * hz * (seconds + wobble * np.sin(2 * np.pi * 5.5 * seconds) / 5.5)
            loud = np.exp(-fades * seconds) * np.clip(seconds * 50, 0, 1) * np.clip(30 * (1.5 * length - seconds), 0, 1)
            for k in range(1, min(10, int(RATE_HZ / 2.1 / hz)) + 1):
                played[begin:end] += loud * np.sin(k * phase + rng.uniform(0, 6)) / k**tilt
    if rng.random() < 0.5:
        beat = int(RATE_HZ * rng.uniform(0.12, 0.7))
        for begin in range(int(rng.integers(beat)), samples, beat):
            hit = rng.standard_normal(min(RATE_HZ // 4, samples - begin))
            played[begin : begin + hit.size] += 2 * hit * np.exp(-rng.uniform(15, 80) / RATE_HZ * np.arange(hit.size))
    return played


def main() -> None:
    """Train, or go on with it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path, nargs="+", help="folders made by `dialogue-tts data prepare`")
    parser.add_argument("--steps", type=int, default=1000)
    arguments = parser.parse_args()
    loop = LoopConfig(
        arguments.steps,
        learning_rate=3e-3,
        warmup=50,
        decay=0.5,
        ema=0.99,
        bf16=False,
        threads=1,
        validate_every=200,
        log_every=20,
    )
    torch.manual_seed(loop.seed)
    task = MarkTask(MarkTrainingConfig(), [Corpus.open(folder) for folder in arguments.data])
    Run(task, loop, arguments.run).train()
    save_file(load_ema(arguments.run, NAME), arguments.run / WEIGHTS.name)


if __name__ == "__main__":
    main()
