"""The speaker embedding: what it may depend on, and that training makes it tell voices apart."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from dialogue_tts.codec.model import Codec, CodecConfig, MelView
from dialogue_tts.training.corpus import Utterance
from dialogue_tts.training.speaker_embedding import SpeakerEmbeddingTask, SpeakerEmbeddingTrainingConfig
from dialogue_tts.training.task import batches_of
from dialogue_tts.voices.speaker_embedding import SpeakerEmbedding, SpeakerEmbeddingConfig

WIDTH, SIZE, CODES, LEVELS = 14, 9, 19, 3


def _codec() -> Codec:
    torch.manual_seed(0)
    sizes = {"encoder_width": WIDTH, "encoder_hidden": 21, "encoder_blocks": 1, "trunk_blocks": 1, "wave_blocks": 1}
    views = (MelView(256, 6, 2),)
    config = CodecConfig(
        views,
        LEVELS,
        CODES,
        code_width=4,
        decoder_width=18,
        decoder_hidden=26,
        **sizes,  # type: ignore[arg-type]
    )
    return Codec(config).eval()


class _Voices:
    """A corpus of speakers who each have favourite codes; the last eight are held out."""

    def __init__(self, speakers: int = 40, turns: int = 6, frames: int = 30) -> None:
        rng = np.random.default_rng(1)
        self.turns: list[Utterance] = []
        codes = []
        for speaker in range(speakers):
            liking = rng.dirichlet(np.full(CODES, 0.4), LEVELS)
            split = "test_speaker" if speaker >= speakers - 8 else "train"
            for number in range(turns):
                start = frames * len(self.turns)
                self.turns.append(Utterance(f"{speaker}-{number}", "", "", f"s{speaker}", "d", 0, split, start, frames))
                codes.append(np.stack([rng.choice(CODES, frames, p=p) for p in liking], axis=-1))
        self.codes = np.concatenate(codes).astype(np.int16)

    def split(self, *names: str) -> list[Utterance]:
        return [turn for turn in self.turns if turn.split in names]

    def tokens(self, name: str) -> np.ndarray:
        assert name == "acoustic"
        return self.codes


def test_prints_have_length_one_and_know_no_order() -> None:
    speaker_embedding = SpeakerEmbedding(SpeakerEmbeddingConfig(WIDTH, SIZE))
    latent = torch.randn(5, 31, WIDTH)
    prints = speaker_embedding(latent)
    assert prints.shape == (5, SIZE)
    torch.testing.assert_close(prints.norm(dim=-1), torch.ones(5))
    torch.testing.assert_close(speaker_embedding(latent[:, torch.randperm(31)]), prints)
    torch.testing.assert_close(speaker_embedding(latent[2:3]), prints[2:3])


@pytest.fixture(scope="module")
def task() -> Iterator[SpeakerEmbeddingTask]:
    config = SpeakerEmbeddingTrainingConfig(rows=20, shortest=10, longest=30, validation_frames=24)
    yield SpeakerEmbeddingTask(SpeakerEmbedding(SpeakerEmbeddingConfig(WIDTH, SIZE)), _codec(), config, [_Voices()])  # type: ignore[list-item]


def test_statistics_of_the_data_are_standardised(task: SpeakerEmbeddingTask) -> None:
    speaker_embedding = task.network.speaker_embedding
    seen = torch.cat([speaker_embedding.statistics(b.latent) for b in batches_of(task, np.random.default_rng(5))])
    standard = (seen - speaker_embedding.centre) / speaker_embedding.scale
    assert standard.mean(0).abs().max() < 0.7
    assert 0.4 < standard.std(0).min() and standard.std(0).max() < 2


def test_batches_are_stretches_of_known_speakers(task: SpeakerEmbeddingTask) -> None:
    batches = list(batches_of(task, np.random.default_rng(2)))
    assert sum(len(b.speakers) for b in batches) == 192 and set(task.number) == {f"s{n}" for n in range(32)}
    assert all(10 <= b.latent.shape[1] <= 30 and b.latent.shape[2] == WIDTH for b in batches)
    assert len({b.latent.shape[1] for b in batches}) > 1


def test_training_tells_unseen_voices_apart(task: SpeakerEmbeddingTask) -> None:
    optimizer = torch.optim.AdamW(task.network.parameters(), lr=0.01)
    with torch.inference_mode():
        before = task.validate(task.networks)
    losses = []
    for epoch in range(25):
        for batch in batches_of(task, np.random.default_rng(epoch)):
            ((_, loss, figures),) = task.losses(batch, 0)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(figures["loss"])
    with torch.inference_mode():
        after = task.validate(task.networks)
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])
    # Random weights find most of the right ones; what grows is how far the others are.
    assert after["confusion"] < before["confusion"] - 0.05 and after["right"] > 0.75
