"""Training of the speaker embedding on cached codes: every training speaker's prints are to lie together and apart from the
others' (cosine softmax with a margin, Wang et al. 2018, arXiv 1801.05599)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.codec.base import AudioCodec
from dialogue_tts.config import strict
from dialogue_tts.training.corpus import Corpus, Utterance
from dialogue_tts.training.task import Figures, batches_of
from dialogue_tts.voices.speaker_embedding import SpeakerEmbedding


@strict
class SpeakerEmbeddingTrainingConfig:
    """Data and loss settings.

    Attributes:
        rows: of a batch, each a stretch of one recording.
        shortest, longest: frames of a stretch.
        margin, scale: of the cosine softmax.
        validation_frames: of the stretches that unseen voices are told apart by.
    """

    rows: int = 192
    shortest: int = 20
    longest: int = 100
    margin: float = 0.15
    scale: float = 20.0
    validation_frames: int = 40


class SpeakerEmbeddingBatch(NamedTuple):
    """Stretches of equal length and whose they are."""

    latent: Tensor  # (rows, T, latent_width)
    speakers: Tensor  # (rows,) int64


class SpeakerEmbeddingNetwork(nn.Module):
    """A speaker embedding with the directions of the training speakers."""

    def __init__(self, speaker_embedding: SpeakerEmbedding, speakers: int) -> None:
        super().__init__()
        self.speaker_embedding = speaker_embedding
        self.speakers = nn.Parameter(F.normalize(torch.randn(speakers, speaker_embedding.config.size), dim=-1))


class SpeakerEmbeddingTask:
    """See `task.Task`; the codec is frozen."""

    best = "confusion"

    def __init__(
        self,
        speaker_embedding: SpeakerEmbedding,
        codec: AudioCodec,
        config: SpeakerEmbeddingTrainingConfig,
        corpora: list[Corpus],
    ) -> None:
        self.codec, self.config = codec.eval(), config
        self.codes = [corpus.tokens("acoustic") for corpus in corpora]
        self.turns, self.held_out = (
            [
                (codes, turn)
                for codes, corpus in zip(self.codes, corpora, strict=True)
                for turn in corpus.split(split)
                if turn.frames >= config.shortest
            ]
            for split in ("train", "test_speaker")
        )
        names = sorted({turn.speaker for _, turn in self.turns})
        self.number = {name: number for number, name in enumerate(names)}
        self.network = SpeakerEmbeddingNetwork(speaker_embedding, len(names))
        self.networks: dict[str, nn.Module] = {"speaker_embedding": self.network}
        self.frozen: tuple[nn.Module, ...] = ()
        self._standardize(speaker_embedding)

    def _standardize(self, speaker_embedding: SpeakerEmbedding, batches: int = 8) -> None:
        seen = [
            batch.latent for batch, _ in zip(batches_of(self, np.random.default_rng(0)), range(batches), strict=False)
        ]
        if seen:
            statistics = torch.cat([speaker_embedding.statistics(latent) for latent in seen])
            speaker_embedding.centre.copy_(statistics.mean(0))
            speaker_embedding.scale.copy_(statistics.std(0).clamp_min(1e-3))

    def plan(self, rng: np.random.Generator) -> Sequence[list[int]]:
        """Each turn once."""
        order = rng.permutation(len(self.turns)).tolist()
        return [order[start : start + self.config.rows] for start in range(0, len(order), self.config.rows)]

    def batch(self, planned: list[int], rng: np.random.Generator) -> SpeakerEmbeddingBatch:
        """Stretches of one length."""
        chosen = [self.turns[i] for i in planned]
        wanted = int(rng.integers(self.config.shortest, self.config.longest + 1))
        frames = min(wanted, min(turn.frames for _, turn in chosen))
        codes = np.stack([_stretch(codes, turn, frames, rng) for codes, turn in chosen])
        speakers = torch.tensor([self.number[turn.speaker] for _, turn in chosen])
        return SpeakerEmbeddingBatch(self._latent(codes), speakers)

    @torch.no_grad()
    def _latent(self, codes: np.ndarray) -> Tensor:
        return self.codec.latent(torch.from_numpy(codes.astype(np.int64)))

    def losses(self, batch: SpeakerEmbeddingBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """Cross-entropy of the speakers, whose own cosine is made smaller by the margin."""
        with torch.autocast(batch.latent.device.type, enabled=False):
            cosines = self.network.speaker_embedding(batch.latent) @ F.normalize(self.network.speakers, dim=-1).T
            own = F.one_hot(batch.speakers, cosines.shape[1])
            loss = F.cross_entropy(self.config.scale * (cosines - self.config.margin * own), batch.speakers)
        hit = (cosines.argmax(-1) == batch.speakers).float().mean()
        yield "speaker_embedding", loss, {"loss": loss.detach(), "accuracy": float(hit)}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Of unseen voices: how often a stretch's print is nearest to its own speaker's, both cosines, and how far
        the rival's lies above the own (`confusion`)."""
        rng = np.random.default_rng(0)
        device = self.network.speakers.device
        prints: list[Tensor] = []
        speakers: list[str] = []
        for tokens, turn in self.held_out:
            frames = min(turn.frames, self.config.validation_frames)
            codes = _stretch(tokens, turn, frames, rng)[None]
            prints.append(self.network.speaker_embedding(self._latent(codes).to(device))[0].cpu())
            speakers.append(turn.speaker)
        names = sorted(set(speakers))
        stacked, whose = torch.stack(prints), torch.tensor([names.index(speaker) for speaker in speakers])
        sums = torch.stack([stacked[whose == number].sum(0) for number in range(len(names))])
        own = (stacked * F.normalize(sums[whose] - stacked, dim=-1)).sum(-1)  # a stretch is not its own evidence
        figures: Figures = {"own": float(own.mean())}
        if len(names) > 1:
            rivals = (stacked @ F.normalize(sums, dim=-1).T).scatter(1, whose.unsqueeze(1), -1).amax(1)
            figures |= {"right": float((own > rivals).float().mean()), "rival": float(rivals.mean())}
            figures["confusion"] = float((rivals - own).mean())
        return figures


def _stretch(codes: np.ndarray, turn: Utterance, frames: int, rng: np.random.Generator) -> np.ndarray:
    start = turn.start_frame + int(rng.integers(0, turn.frames - frames + 1))
    return codes[start : start + frames]
