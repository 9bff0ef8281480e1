"""What the network that tells a telephone's missing bands learns from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from dialogue_tts.audio.bandwidth import HEARD_HZ, TOLD
from dialogue_tts.config import HOP
from dialogue_tts.errors import DataError
from dialogue_tts.training.bandwidth import BandwidthTask, BandwidthTrainingConfig
from dialogue_tts.training.corpus import Corpus, Utterance

SIZES = {"recording_frames": 190, "row_frames": 150}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Noise, equally loud in all bands: four recordings to learn from, two held out."""
    folder = tmp_path_factory.mktemp("noise")
    (4000 * np.random.default_rng(4).standard_normal(300 * HOP)).astype(np.int16).tofile(folder / "waves.i16")
    turns = [("train" if n < 4 else "test_text", 50 * n, 50) for n in range(6)]
    return Corpus(
        folder, tuple(Utterance(f"u{at}", "", "", "Ann", "d", 0, split, at, frames) for split, at, frames in turns)
    )


def task_of(corpus: Corpus, **values: float) -> BandwidthTask:
    torch.manual_seed(0)
    return BandwidthTask(
        BandwidthTrainingConfig(recordings=3, rows=2, validation_rows=1, **{**SIZES, **values}), [corpus]
    )


def test_what_is_heard_went_through_a_telephone_and_what_is_wanted_did_not(corpus: Corpus) -> None:
    task = task_of(corpus, coded=0.0, noisy=0.0)
    (planned,) = task.plan(np.random.default_rng(0))
    batch = task.batch(planned, np.random.default_rng(0))
    assert batch.heard.shape == (2, len(HEARD_HZ) - 1, 150) and batch.wanted.shape == (2, TOLD, 150)
    assert batch.wanted.mean((0, 2)) == pytest.approx(batch.heard.mean().item(), abs=0.1)  # 2 dB: noise is noise


def test_all_kinds_of_telephones_are_learnt_from_and_the_loss_can_be_stepped(corpus: Corpus) -> None:
    task = task_of(corpus, coded=1.0, noisy=1.0)
    (planned,) = task.plan(np.random.default_rng(0))
    ((name, loss, figures),) = task.losses(task.batch(planned, np.random.default_rng(0)), 0)
    loss.backward()
    assert name in task.networks and figures["off_db"] > 0
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in task.network.parameters())
    assert task.validate(task.networks).keys() == figures.keys()


def test_too_short_recordings_are_refused(corpus: Corpus) -> None:
    with pytest.raises(DataError, match=r"train in the data lasts 2\.5 s"):
        task_of(corpus, recording_frames=250)
