"""Training of the semantic tokenizer: CTC through the quantiser, and the shape of each token's own frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.audio.pitch import pitch
from dialogue_tts.audio.signal import log_mel
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, strict
from dialogue_tts.semantic.tokenizer import READ_RATE, SemanticTokenizer, greedy_phones
from dialogue_tts.training import augment
from dialogue_tts.training.corpus import Corpus, Utterance, batches_by_length, load_wave, recordings
from dialogue_tts.training.splits import in_turn
from dialogue_tts.training.task import Figures, moved


@strict
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
    """A padded batch of recordings."""

    heard: Tensor  # (B, T * HOP): with rooms and noise
    clean: Tensor  # (B, T * HOP): without them
    valid: Tensor  # (B, T) bool
    masked: Tensor  # (B, T, n_mels) bool: what is hidden of the features
    phones: Tensor  # (sum of lengths,) int64
    phone_lengths: Tensor  # (B,) int64


class _Seen(NamedTuple):
    """What the network reads of a batch, and what it is to find in it."""

    features: Tensor  # (B, T, MEL_FRAMES * n_mels)
    shape: Tensor  # (B, T, shape_mels)
    octaves: Tensor  # (B, T) pitch over the utterance's median
    voiced: Tensor  # (B, T) bool


class SemanticTask:
    """See `task.Task`."""

    best = "phone_error"

    def __init__(self, network: SemanticTokenizer, config: SemanticTrainingConfig, corpora: list[Corpus]) -> None:
        self.networks: dict[str, nn.Module] = {"semantic_tokenizer": network}
        self.frozen: tuple[nn.Module, ...] = ()
        self.network, self.config = network, config
        self.turns = [(waves, turn) for waves, turn in recordings(corpora, "train") if self._fits(turn)]
        self.held_out = in_turn(recordings(corpora, "test_text"), config.validation_turns)

    def _phones(self, utterance: Utterance) -> list[int]:
        known = self.network.config.phones
        return self.network.phone_ids([c for c in utterance.phonemes if c in known])

    def _fits(self, utterance: Utterance) -> bool:
        phones = self._phones(utterance)
        repeats = sum(a == b for a, b in zip(phones, phones[1:]))
        return 0 < len(phones) + repeats < 0.8 * utterance.frames * READ_RATE

    def plan(self, rng: np.random.Generator) -> Sequence[list[int]]:
        """Turns of like length together."""
        return batches_by_length([turn.frames for _, turn in self.turns], self.config.frames_per_batch, rng)

    def batch(self, planned: list[int], rng: np.random.Generator) -> SemanticBatch:
        """Waves are read and augmented here."""
        turns = [self.turns[i] for i in planned]
        pairs = [self._augmented(load_wave(waves, turn), rng) for waves, turn in turns]
        return self._collate(pairs, [turn for _, turn in turns], rng)

    def _augmented(self, wave: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """(heard, clean) of a recording, which are of one length."""
        if rng.random() >= self.config.augmented:
            return wave, wave
        if rng.random() < 0.7:
            wave = augment.change_rate(wave, float(rng.uniform(0.84, 1.19)))
        heard = clean = augment.set_level(augment.colour(wave, rng) if rng.random() < 0.6 else wave, rng)
        if rng.random() < 0.3:
            heard = augment.add_room(heard, rng)
        if rng.random() < 0.5:
            heard = augment.add_noise(heard, rng)
        return heard, clean

    def _collate(
        self, pairs: list[tuple[Tensor, Tensor]], turns: list[Utterance], rng: np.random.Generator | None
    ) -> SemanticBatch:
        heard, clean = (nn.utils.rnn.pad_sequence(list(waves), batch_first=True) for waves in zip(*pairs, strict=True))
        lengths = torch.tensor([wave.shape[0] // HOP for wave, _ in pairs])
        valid = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
        masked = torch.zeros(*valid.shape, self.network.config.n_mels, dtype=torch.bool)
        if rng is not None:
            self._mask(masked, rng)
        phones = [torch.tensor(self._phones(turn)) for turn in turns]
        phone_lengths = torch.tensor([p.shape[0] for p in phones])
        return SemanticBatch(heard, clean, valid, masked, torch.cat(phones), phone_lengths)

    def _mask(self, masked: Tensor, rng: np.random.Generator) -> None:
        rows, length, mels = masked.shape
        if not mels:  # of a tokenizer that hears no mels
            return
        for row in range(rows):
            for _ in range(2):
                width = int(rng.integers(0, self.config.masked_mels + 1))
                start = int(rng.integers(0, mels - width + 1))
                masked[row, :, start : start + width] = True
                width = int(rng.integers(0, self.config.masked_frames + 1))
                start = int(rng.integers(0, max(1, length - width)))
                masked[row, start : start + width] = True

    @torch.no_grad()
    def _seen(self, batch: SemanticBatch) -> _Seen:
        with torch.autocast(batch.heard.device.type, enabled=False):
            features = self.network.masked(self.network.features(batch.heard), batch.masked)
            hz, voiced = pitch(batch.clean)
            voiced = voiced & batch.valid
            median = hz.masked_fill(~voiced, torch.nan).nanmedian(dim=1, keepdim=True).values
            octaves = (hz / median).log2().nan_to_num(0.0).clamp(-1, 1)  # nothing is voiced in some rows
            return _Seen(features, self._shape(batch.clean, batch.valid), octaves, voiced)

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
        shape: Tensor = (mel - mean) / spread.clamp_min(0.1)
        return shape

    def losses(self, batch: SemanticBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """CTC, shape and pitch together."""
        seen = self._seen(batch)
        out = self.network(seen.features, batch.valid)
        steps = batch.valid.sum(1) * READ_RATE
        log_probs = out.phone_logits.float().log_softmax(-1).transpose(0, 1)
        ctc = F.ctc_loss(log_probs, batch.phones, steps, batch.phone_lengths, zero_infinity=True)
        shape, octaves, voicing = out.shape.float().split([seen.shape.shape[-1], 1, 1], dim=-1)
        shape_loss = (shape - seen.shape)[batch.valid].abs().mean()
        pitch_loss = (octaves.squeeze(-1) - seen.octaves)[seen.voiced].abs().mean()
        voicing_loss = F.binary_cross_entropy_with_logits(voicing.squeeze(-1), seen.voiced.float(), reduction="none")
        voicing_loss = voicing_loss[batch.valid].mean()
        loss = (
            ctc + self.config.shape_weight * shape_loss + self.config.pitch_weight * (pitch_loss + 0.2 * voicing_loss)
        )
        figures = {"ctc": ctc, "shape": shape_loss, "pitch": pitch_loss, "voicing": voicing_loss}
        yield "semantic_tokenizer", loss, {name: value.detach() for name, value in figures.items()}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Phone error rate read from tokens, local errors, and how evenly tokens are used."""
        network = self.network
        errors = phones = 0
        shape_error, used = [], []
        for start in range(0, len(self.held_out), 12):
            turns = self.held_out[start : start + 12]
            heard = [load_wave(waves, turn) for waves, turn in turns]
            pairs = [(wave, wave) for wave in heard]
            batch = moved(self._collate(pairs, [turn for _, turn in turns], None), network.shape_head.weight.device)
            seen = self._seen(batch)
            out = network(seen.features, batch.valid)
            for row, (_, turn) in enumerate(turns):
                read = greedy_phones(out.phone_logits[row, : turn.frames * READ_RATE])
                wanted = self._phones(turn)
                errors += torchaudio.functional.edit_distance(read, wanted)
                phones += len(wanted)
            shape_error.append(float((out.shape[..., :-2] - seen.shape)[batch.valid].abs().mean()))
            used.append(out.ids[batch.valid])
        share = torch.bincount(torch.cat(used), minlength=network.vocabulary).double()
        share = share / share.sum()
        entropy = -(share * share.clamp_min(1e-12).log()).sum()
        return {
            "phone_error": errors / phones,
            "shape": float(np.mean(shape_error)),
            "perplexity": float(entropy.exp()),
        }
