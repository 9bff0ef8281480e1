"""Phase 1 of the codec's training, tokens: encoder, quantiser and the decoder's trunk learn to give mel patches and pitch back.

Nothing runs at more than 25 Hz and no wave is made, so that an hour of sound takes half a minute. Then the tokens are
frozen, and `codec_decoder` goes on.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dialogue_tts.audio.pitch import pitch
from dialogue_tts.codec.model import PITCH_BASE_HZ, Codec
from dialogue_tts.config import HOP, strict
from dialogue_tts.training import augment
from dialogue_tts.training.corpus import Corpus, Utterance, drawn_by_length, load_wave, recordings
from dialogue_tts.training.splits import in_turn
from dialogue_tts.training.task import Figures, batches_of


@strict
class CodecTokensConfig:
    """Phase 1: data and losses.

    Attributes:
        crop_frames, rows: a batch is `rows` crops of that length.
        augmented: share of crops with another rate, colour, level; some also get noise or a room.
        dropout: share of rows decoded from fewer than all levels.
        commitment, pitch: weights of those losses beside the mel patches' 1; pitch errors are in octaves.
        encoder_only: quantiser and decoder stay as they are, so that codes mean what they meant, and all that was trained
            on them stays good: for a codec that is to hear further voices.
    """

    crop_frames: int = 75
    rows: int = 32
    augmented: float = 0.6
    dropout: float = 0.5
    commitment: float = 0.25
    pitch: float = 1.0
    encoder_only: bool = False
    validation_turns: int = 96


class Pitch(NamedTuple):
    """Of recordings, at the decoder's rate: `upsample` times in a frame."""

    octaves: Tensor  # (B, T * upsample) float32 over PITCH_BASE_HZ
    voiced: Tensor  # (B, T * upsample) bool: elsewhere octaves mean nothing

    @classmethod
    def of(cls, wave: Tensor, upsample: int) -> Pitch:
        """wave (B, T * HOP)."""
        hz, voiced = pitch(wave, HOP // upsample)
        return cls((hz / PITCH_BASE_HZ).log2(), voiced)

    def error(self, octaves: Tensor) -> Tensor:
        """Mean absolute error of voiced frames in octaves."""
        return ((octaves - self.octaves).abs() * self.voiced).sum() / self.voiced.sum().clamp_min(1)


class CodecTokensNetwork(nn.Module):
    """A codec with a head that paints mel patches from the decoder's trunk."""

    def __init__(self, codec: Codec, encoder_only: bool = False) -> None:
        super().__init__()
        self.codec = codec
        self.kept: tuple[nn.Module, ...] = (codec.quantizer, codec.decoder) if encoder_only else ()
        self.mel_head = nn.Sequential(
            nn.LayerNorm(codec.config.decoder_width), nn.Linear(codec.config.decoder_width, codec.config.patch_width)
        )
        idle: tuple[nn.Module, ...] = (
            codec.decoder.rise,
            codec.decoder.pitch_enter,
            codec.decoder.blocks,
            codec.decoder.norm,
            codec.decoder.head,
        )  # they have no part in this phase
        for module in (*idle, *self.kept):
            module.requires_grad_(False)

    def train(self, mode: bool = True) -> CodecTokensNetwork:
        """A quantiser that is kept does not replace codes that are hardly used, either."""
        super().train(mode)
        for module in self.kept:
            module.eval()
        return self


class CodecTokensTask:
    """Phase 1; see `task.Task`."""

    def __init__(self, codec: Codec, config: CodecTokensConfig, corpora: list[Corpus]) -> None:
        self.network = CodecTokensNetwork(codec, config.encoder_only)
        self.networks: dict[str, nn.Module] = {"codec_tokens": self.network}
        self.frozen: tuple[nn.Module, ...] = ()
        self.config = config
        self.turns = recordings(corpora, "train")
        self.held_out = in_turn(recordings(corpora, "test_speaker"), config.validation_turns)
        self.best = f"l1_{codec.config.levels}"

    @torch.no_grad()
    def fit_mel_head(self, batches: int = 24) -> None:
        """Least squares of mel patches on what the trunk gives: a codec from a bundle comes without its mel head, and a fresh
        one would lead the encoder astray before it has learnt anything."""
        norm, linear = self.network.mel_head
        assert isinstance(linear, nn.Linear)
        codec = self.network.codec.eval()
        squares, products = torch.zeros(()), torch.zeros(())
        for batch in itertools.islice(batches_of(self, np.random.default_rng(0)), batches):
            patches, _ = self._seen(batch.to(linear.weight.device))
            frames = norm(codec.decoder.frames(codec.quantizer(codec.encoder(patches)).latent)).flatten(0, 1)
            x = nn.functional.pad(frames, (0, 1), value=1.0).double().cpu()
            squares = squares + x.T @ x
            products = products + x.T @ patches.flatten(0, 1).double().cpu()
        solved = torch.linalg.solve(squares + 1e-3 * torch.eye(linear.in_features + 1, dtype=torch.float64), products)
        linear.weight.copy_(solved[:-1].T)
        linear.bias.copy_(solved[-1])

    @torch.no_grad()
    def _seen(self, waves: Tensor) -> tuple[Tensor, Pitch]:
        """Mel patches (rows, crop_frames, patch_width), and pitch."""
        codec = self.network.codec
        with torch.autocast(waves.device.type, enabled=False):
            return codec.encoder.patches(waves), Pitch.of(waves, codec.config.upsample)

    def plan(self, rng: np.random.Generator) -> Sequence[list[int]]:
        """Of which turns a batch is; longer ones are cropped more often."""
        frames = [turn.frames for _, turn in self.turns]
        return drawn_by_length(frames, self.config.rows, self.config.crop_frames, rng)

    def batch(self, planned: list[int], rng: np.random.Generator) -> Tensor:
        """Random crops, (rows, crop_frames * HOP)."""
        return torch.stack([self._crop(*self.turns[i], rng) for i in planned])

    def _crop(self, waves: np.ndarray, turn: Utterance, rng: np.random.Generator) -> Tensor:
        wave = load_wave(waves, turn)
        if rng.random() < self.config.augmented:
            if rng.random() < 0.7:
                wave = augment.change_rate(wave, float(rng.uniform(0.8, 1.25)))
            if rng.random() < 0.5:
                wave = augment.colour(wave, rng)
            if rng.random() < 0.15:
                wave = augment.add_room(wave, rng)
            if rng.random() < 0.15:
                wave = augment.add_noise(wave, rng, 15, 45)
            wave = augment.set_level(wave, rng)
        return crop(wave, self.config.crop_frames, rng)

    def losses(self, batch: Tensor, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """L1 of patches and of pitch, codebook and commitment losses."""
        patches, wanted = self._seen(batch)
        codec, levels = self.network.codec, self.network.codec.config.levels
        rows = patches.shape[0]
        used = torch.where(
            torch.rand(rows) < self.config.dropout, torch.randint(1, levels + 1, (rows,)), torch.full((rows,), levels)
        ).to(patches.device)
        latent = codec.encoder(patches)
        with torch.autocast(patches.device.type, enabled=False):
            quantized = codec.quantizer(latent.float(), used)
        frames = codec.decoder.frames(quantized.latent)
        error = (self.network.mel_head(frames).float() - patches).abs().mean()
        pitch_error = wanted.error(codec.decoder.octaves(frames))
        loss = error + self.config.pitch * pitch_error
        loss = loss + quantized.codebook_loss + self.config.commitment * quantized.commitment_loss
        figures = {"l1": error, "pitch": pitch_error, "commitment": quantized.commitment_loss}
        yield "codec_tokens", loss, {name: value.detach() for name, value in figures.items()}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """L1 of patches and pitch of unseen voices from one level and from all, and how evenly codes are used."""
        network, codec = self.network, self.network.codec
        errors: dict[int, list[tuple[float, float]]] = {1: [], codec.config.levels: []}
        codes = []
        for waves, turn in self.held_out:
            patches, wanted = self._seen(load_wave(waves, turn)[None].to(codec.decoder.enter.weight.device))
            latent = codec.encoder(patches)
            for used, found in errors.items():
                quantized = codec.quantizer(latent, torch.tensor([used], device=latent.device))
                frames = codec.decoder.frames(quantized.latent)
                l1 = (network.mel_head(frames) - patches).abs().mean()
                found.append((float(l1), float(wanted.error(codec.decoder.octaves(frames)))))
            codes.append(quantized.codes[0])
        figures: Figures = {}
        for used, found in errors.items():
            figures[f"l1_{used}"], figures[f"pitch_{used}"] = (float(value) for value in np.mean(found, axis=0))
        all_codes = torch.cat(codes)
        for level in (0, codec.config.levels - 1):
            share = torch.bincount(all_codes[:, level], minlength=codec.config.codebook_size).double()
            share = share / share.sum()
            figures[f"perplexity_{level + 1}"] = float((-(share * share.clamp_min(1e-12).log()).sum()).exp())
        return figures


def crop(wave: Tensor, frames: int, rng: np.random.Generator) -> Tensor:
    """A random stretch of `frames` frames; shorter waves are followed by silence."""
    samples = frames * HOP
    if wave.shape[0] < samples:
        return nn.functional.pad(wave, (0, samples - wave.shape[0]))
    start = int(rng.integers(0, wave.shape[0] - samples + 1))
    return wave[start : start + samples]
