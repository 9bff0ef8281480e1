"""Training of the semantic tokenizer: CTC through the quantiser, and the shape of each token's own frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.audio.pitch import pitch
from dialogue_tts.audio.signal import log_mel
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.semantic.tokenizer import MEL_FRAMES, READ_RATE, SemanticTokenizer, greedy_phones
from dialogue_tts.training import augment
from dialogue_tts.training.corpus import Corpus, Utterance, batches_by_length, load_wave
from dialogue_tts.training.loop import Figures, moved


@dataclass(frozen=True)
class SemanticTrainingConfig:
    """Data and loss settings.

    Attributes:
        shape_weight, pitch_weight: weights of the two local targets beside CTC's 1.
        augmented: share of the recordings that are augmented.
        masked_frames, masked_mels: longest masks of SpecAugment (Park et al. 2019), two of each.
    """

    frames_per_batch: int = 2400
    shape_weight: float = 1.0
    pitch_weight: float = 1.0
    augmented: float = 0.7
    masked_frames: int = 6
    masked_mels: int = 14
    validation_turns: int = 120


class SemanticBatch(NamedTuple):
    """A padded batch."""

    features: Tensor  # (B, T, MEL_FRAMES * n_mels)
    valid: Tensor  # (B, T) bool
    shape: Tensor  # (B, T, shape_mels)
    octaves: Tensor  # (B, T) pitch over the utterance's median
    voiced: Tensor  # (B, T) bool
    phones: Tensor  # (sum of lengths,) int64
    phone_lengths: Tensor  # (B,) int64


class SemanticTask:
    """See `loop.Task`."""

    def __init__(self, network: SemanticTokenizer, config: SemanticTrainingConfig, corpus: Corpus) -> None:
        self.networks: dict[str, nn.Module] = {"semantic_tokenizer": network}
        self.network, self.config = network, config
        self.waves = corpus.waves()
        self.turns = [u for u in corpus.split("train") if self._fits(u)]
        self.held_out = corpus.split("test_text")[: config.validation_turns]

    def _phones(self, utterance: Utterance) -> list[int]:
        known = self.network.config.phones
        return self.network.phone_ids([c for c in utterance.phonemes if c in known])

    def _fits(self, utterance: Utterance) -> bool:
        phones = self._phones(utterance)
        repeats = sum(a == b for a, b in zip(phones, phones[1:]))
        return 0 < len(phones) + repeats < 0.8 * utterance.frames * READ_RATE

    def batches(self, rng: np.random.Generator) -> Iterator[SemanticBatch]:
        """Waves are read and augmented here."""
        for indices in batches_by_length([u.frames for u in self.turns], self.config.frames_per_batch, rng):
            yield self._collate([self.turns[i] for i in indices], rng)

    def _collate(self, turns: list[Utterance], rng: np.random.Generator | None) -> SemanticBatch:
        heard, clean = [], []
        for turn in turns:
            wave = load_wave(self.waves, turn)
            if rng is not None and rng.random() < self.config.augmented:
                if rng.random() < 0.7:
                    wave = augment.change_rate(wave, float(rng.uniform(0.84, 1.19)))
                wave = augment.set_level(augment.colour(wave, rng) if rng.random() < 0.6 else wave, rng)
                clean.append(wave)
                if rng.random() < 0.3:
                    wave = augment.add_room(wave, rng)
                if rng.random() < 0.5:
                    wave = augment.add_noise(wave, rng)
            else:
                clean.append(wave)
            heard.append(wave)
        lengths = torch.tensor([w.shape[0] // HOP for w in heard])
        valid = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
        features = self.network.features(_stack(heard))
        if rng is not None:
            features = self._mask(features, rng)
        clean_waves = _stack(clean)
        shape = self._shape(clean_waves, valid)
        hz, voiced = pitch(clean_waves)
        voiced = voiced & valid
        octaves = torch.zeros_like(hz)
        for row in range(hz.shape[0]):
            if voiced[row].any():
                octaves[row] = (hz[row] / hz[row][voiced[row]].median()).log2().clamp(-1, 1)
        phones = [torch.tensor(self._phones(turn)) for turn in turns]
        phone_lengths = torch.tensor([p.shape[0] for p in phones])
        return SemanticBatch(features, valid, shape, octaves, voiced, torch.cat(phones), phone_lengths)

    def _shape(self, waves: Tensor, valid: Tensor) -> Tensor:
        """Log mel of each frame less its mean over the utterance, so that voice and channel fall out."""
        mels = self.network.config.shape_mels
        mel = log_mel(waves, self.network.config.n_fft, HOP // 2, mels, SAMPLE_RATE_HZ)
        mel = mel.unflatten(1, (-1, 2)).mean(2)
        weight = valid.unsqueeze(-1).float()
        mean = (mel * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
        spread = (
            ((mel - mean) * weight).square().sum((1, 2), keepdim=True) / weight.sum((1, 2), keepdim=True) / mels
        ).sqrt()
        return (mel - mean) / spread.clamp_min(0.1)

    def _mask(self, features: Tensor, rng: np.random.Generator) -> Tensor:
        rows, length, _ = features.shape
        mels = self.network.config.n_mels
        patches = features.clone().unflatten(-1, (MEL_FRAMES, mels))
        for row in range(rows):
            for _ in range(2):
                width = int(rng.integers(0, self.config.masked_mels + 1))
                start = int(rng.integers(0, mels - width + 1))
                patches[row, :, :, start : start + width] = 0
                width = int(rng.integers(0, self.config.masked_frames + 1))
                start = int(rng.integers(0, max(1, length - width)))
                patches[row, start : start + width] = 0
        return patches.flatten(2)

    def losses(self, batch: SemanticBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """CTC, shape and pitch together."""
        out = self.network(batch.features, batch.valid)
        steps = batch.valid.sum(1) * READ_RATE
        log_probs = out.phone_logits.float().log_softmax(-1).transpose(0, 1)
        ctc = F.ctc_loss(log_probs, batch.phones, steps, batch.phone_lengths, zero_infinity=True)
        shape, octaves, voicing = out.shape.float().split([batch.shape.shape[-1], 1, 1], dim=-1)
        shape_loss = (shape - batch.shape)[batch.valid].abs().mean()
        pitch_loss = (octaves.squeeze(-1) - batch.octaves)[batch.voiced].abs().mean()
        voicing_loss = F.binary_cross_entropy_with_logits(voicing.squeeze(-1), batch.voiced.float(), reduction="none")
        voicing_loss = voicing_loss[batch.valid].mean()
        loss = (
            ctc + self.config.shape_weight * shape_loss + self.config.pitch_weight * (pitch_loss + 0.2 * voicing_loss)
        )
        figures = {"ctc": ctc, "shape": shape_loss, "pitch": pitch_loss, "voicing": voicing_loss}
        yield "semantic_tokenizer", loss, {name: float(value.detach()) for name, value in figures.items()}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Phone error rate read from tokens, local errors, and how evenly tokens are used."""
        network = networks["semantic_tokenizer"]
        errors = phones = 0
        shape_error, used = [], []
        for start in range(0, len(self.held_out), 12):
            turns = self.held_out[start : start + 12]
            batch = moved(self._collate(turns, None), network.enter.weight.device)
            out = network(batch.features, batch.valid)
            for row, turn in enumerate(turns):
                read = greedy_phones(out.phone_logits[row, : turn.frames * READ_RATE])
                wanted = self._phones(turn)
                errors += torchaudio.functional.edit_distance(read, wanted)
                phones += len(wanted)
            shape_error.append(float((out.shape[..., :-2] - batch.shape)[batch.valid].abs().mean()))
            used.append(out.ids[batch.valid])
        share = torch.bincount(torch.cat(used), minlength=network.vocabulary).double()
        share = share / share.sum()
        entropy = -(share * share.clamp_min(1e-12).log()).sum()
        return {
            "phone_error": errors / phones,
            "shape": float(np.mean(shape_error)),
            "perplexity": float(entropy.exp()),
        }


def _stack(waves: list[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(waves, batch_first=True)
