"""What the network that hears the mark learns from: where tiles lie, and which way they were changed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dialogue_tts.config import HOP
from dialogue_tts.errors import DataError
from dialogue_tts.provenance.network import HEARD, MarkNetwork, levels_of, power_of
from dialogue_tts.provenance.pattern import BANDS
from dialogue_tts.training.corpus import Corpus, Utterance
from dialogue_tts.training.mark_network import CHIPS_JUDGED, MarkTask, MarkTrainingConfig, music

NOTHING = {name: 0.0 for name in ("speed", "coder", "room", "telephone", "noise", "music", "speech")}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Noise, which has no levels of its own: 10 s to learn from, 6 s held out."""
    folder = tmp_path_factory.mktemp("noise")
    drawn = np.random.default_rng(4).standard_normal(400 * HOP)
    (4000 * drawn).astype(np.int16).tofile(folder / "waves.i16")
    turns = [("train", 0, 250), ("test_text", 250, 150)]
    return Corpus(folder, tuple(Utterance(s, "", "", "Ann", "d", 0, s, at, frames) for s, at, frames in turns))


@pytest.mark.parametrize("speed", [0.0, 1.0])
def test_tiles_that_were_raised_are_louder(corpus: Corpus, speed: float) -> None:
    task = MarkTask(MarkTrainingConfig(windows=2, rows=2, validation_rows=1, **(NOTHING | {"speed": speed})), [corpus])
    (planned,) = task.plan(np.random.default_rng(0))
    batch = task.batch(planned, np.random.default_rng(0))
    levels = batch.levels[:, 4:-4].unflatten(1, (BANDS, -1)).mean(2)  # without the bands on either side
    near = batch.centres.round().long()
    told = torch.stack([row[:, at].T for row, at in zip(levels, near, strict=True)])
    raised, lowered = told[batch.signs > 0].mean(), told[batch.signs < 1].mean()
    assert batch.signs.shape == (2, CHIPS_JUDGED, BANDS) and batch.levels.shape[1] == HEARD
    assert 0.25 < raised - lowered < 0.45  # in 10 dB: 4 dB less what neighbours blur


def test_everything_happens_to_some_and_the_loss_can_be_stepped(corpus: Corpus) -> None:
    torch.manual_seed(0)
    everything = MarkTrainingConfig(windows=2, rows=2, validation_rows=1, **dict.fromkeys(NOTHING, 1.0))
    task = MarkTask(everything, [corpus])
    (planned,) = task.plan(np.random.default_rng(0))
    ((name, loss, figures),) = task.losses(task.batch(planned, np.random.default_rng(0)), 0)
    loss.backward()
    assert name in task.networks and 0.6 < figures["loss"] < 0.8
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in task.network.parameters())
    assert task.validate(task.networks).keys() == figures.keys()


def test_too_few_recordings_are_refused(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="3.5 s"):
        MarkTask(MarkTrainingConfig(), [Corpus(corpus.folder, corpus.utterances[:1])])


def test_music_of_every_seed_is_sound() -> None:
    for seed in range(5):
        played = music(8000, np.random.default_rng(seed))
        assert played.shape == (8000,) and 0.01 < np.abs(played).max() < 100


def test_a_network_answers_for_each_frame_and_hears_less_than_a_period() -> None:
    network = MarkNetwork()
    wave = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    levels = torch.from_numpy(levels_of(power_of(wave)))[None]
    assert network(levels).shape == (1, BANDS, levels.shape[2]) and levels.shape[2] % 2
    assert network(levels[..., :100]).shape[2] == 100
    levels.requires_grad_()
    network(levels)[0, :, 125].sum().backward()
    heard = levels.grad[0].abs().sum(0).nonzero()
    assert 60 < heard.max() - heard.min() < 128
