"""Training of the codec in two phases.

Phase 1, tokens: encoder, quantiser and the decoder's trunk learn to give the mel patches back. Nothing runs at more
than 25 Hz and no wave is made, so that an hour of sound takes half a minute. Then the tokens are frozen.
Phase 2, decoder: the decoder alone learns to make waves from tokens, first by spectral losses, then against
discriminators; it can go on for as long as one likes under finished later stages, since tokens no longer change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dialogue_tts.audio.signal import log_mel
from dialogue_tts.codec.model import Codec, MelView
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.training import augment
from dialogue_tts.training.corpus import Corpus, Utterance, load_wave
from dialogue_tts.training.discriminators import (
    DiscriminatorConfig,
    Discriminators,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
)
from dialogue_tts.training.loop import Figures


@dataclass(frozen=True)
class CodecTokensConfig:
    """Phase 1: data and losses.

    Attributes:
        crop_frames, rows: a batch is `rows` crops of that length.
        augmented: share of crops with another rate, colour, level; some also get noise or a room.
        dropout: share of rows decoded from fewer than all levels.
        commitment: weight of the commitment loss beside the codebook's 1.
    """

    crop_frames: int = 75
    rows: int = 32
    augmented: float = 0.6
    dropout: float = 0.5
    commitment: float = 0.25
    validation_turns: int = 96


class CodecTokensNetwork(nn.Module):
    """A codec with a head that paints mel patches from the decoder's trunk."""

    def __init__(self, codec: Codec) -> None:
        super().__init__()
        self.codec = codec
        self.painter = nn.Sequential(
            nn.LayerNorm(codec.config.decoder_width), nn.Linear(codec.config.decoder_width, codec.config.patch_width)
        )
        for module in (codec.decoder.rise, codec.decoder.blocks, codec.decoder.norm, codec.decoder.head):
            module.requires_grad_(False)  # they have no part in this phase


class CodecTokensTask:
    """Phase 1; see `loop.Task`."""

    def __init__(self, codec: Codec, config: CodecTokensConfig, corpus: Corpus) -> None:
        self.network = CodecTokensNetwork(codec)
        self.networks: dict[str, nn.Module] = {"codec_tokens": self.network}
        self.config = config
        self.waves = corpus.waves()
        self.turns = corpus.split("train")
        self.held_out = corpus.split("test_speaker")[: config.validation_turns]

    def batches(self, rng: np.random.Generator) -> Iterator[Tensor]:
        """Patches (rows, crop_frames, patch_width) of random crops; longer turns are cropped more often."""
        frames = np.array([u.frames for u in self.turns], dtype=np.float64)
        for _ in range(int(frames.sum() / (self.config.rows * self.config.crop_frames))):
            chosen = rng.choice(len(self.turns), self.config.rows, p=frames / frames.sum())
            crops = torch.stack([self._crop(self.turns[i], rng) for i in chosen])
            yield self.network.codec.encoder.patches(crops)

    def _crop(self, turn: Utterance, rng: np.random.Generator) -> Tensor:
        wave = load_wave(self.waves, turn)
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

    def losses(self, patches: Tensor, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """L1 of patches, codebook and commitment losses."""
        codec, levels = self.network.codec, self.network.codec.config.levels
        rows = patches.shape[0]
        used = torch.where(
            torch.rand(rows) < self.config.dropout, torch.randint(1, levels + 1, (rows,)), torch.full((rows,), levels)
        )
        latent = codec.encoder(patches)
        with torch.autocast(patches.device.type, enabled=False):
            quantized = codec.quantizer(latent.float(), used)
        painted = self.network.painter(codec.decoder.frames(quantized.latent)).float()
        error = (painted - patches).abs().mean()
        loss = error + quantized.codebook_loss + self.config.commitment * quantized.commitment_loss
        yield "codec_tokens", loss, {"l1": float(error.detach()), "commitment": float(quantized.commitment_loss.detach())}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """L1 of patches of unseen voices from one level and from all, and how evenly each level's codes are used."""
        network = networks["codec_tokens"]
        codec = network.codec
        errors: dict[int, list[float]] = {1: [], codec.config.levels: []}
        codes = []
        for turn in self.held_out:
            patches = codec.encoder.patches(load_wave(self.waves, turn)[None])
            latent = codec.encoder(patches)
            for used, found in errors.items():
                quantized = codec.quantizer(latent, torch.tensor([used]))
                found.append(float((network.painter(codec.decoder.frames(quantized.latent)) - patches).abs().mean()))
            codes.append(quantized.codes[0])
        figures = {f"l1_{used}": float(np.mean(found)) for used, found in errors.items()}
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


@dataclass(frozen=True)
class CodecDecoderConfig:
    """Phase 2: data and losses.

    Attributes:
        crop_frames, context_frames, rows: a batch is `rows` stretches of tokens with context on both sides, of which
            the middle is judged: elsewhere the decoder would learn the edges of crops, which speech has not.
        augmented: share of crops that are augmented and encoded anew, so that tokens of other voices sound right.
        mels: (window, bands) of the spectral losses.
        adversarial_from: step at which the critics join.
        mel_weight, adversarial_weight, feature_weight: of the decoder's losses.
    """

    crop_frames: int = 16
    context_frames: int = 6
    rows: int = 12
    augmented: float = 0.3
    mels: tuple[MelView, ...] = (MelView(240, 24, 16), MelView(480, 48, 8), MelView(960, 96, 4), MelView(1920, 160, 2))
    adversarial_from: int = 1500
    mel_weight: float = 15.0
    adversarial_weight: float = 1.0
    feature_weight: float = 2.0
    discriminators: DiscriminatorConfig = DiscriminatorConfig()
    validation_turns: int = 48


class WaveBatch(NamedTuple):
    """Tokens and the wave of their middle."""

    codes: Tensor  # (rows, context + crop + context, Q) int64
    wave: Tensor  # (rows, crop * HOP)


class CodecDecoderTask:
    """Phase 2; see `loop.Task`. Encoder and quantiser are frozen."""

    def __init__(self, codec: Codec, config: CodecDecoderConfig, corpus: Corpus) -> None:
        self.codec, self.config = codec.eval(), config
        codec.requires_grad_(False)
        codec.decoder.requires_grad_(True)
        self.critics = Discriminators(config.discriminators)
        self.networks: dict[str, nn.Module] = {"codec_decoder": codec.decoder, "discriminators": self.critics}
        self.waves, self.codes = corpus.waves(), np.array(corpus.tokens("acoustic"))
        self.stretch = config.crop_frames + 2 * config.context_frames
        self.turns = [u for u in corpus.split("train") if u.frames >= self.stretch]
        self.held_out = corpus.split("test_speaker")[: config.validation_turns]

    def batches(self, rng: np.random.Generator) -> Iterator[WaveBatch]:
        """Random stretches; longer turns come more often."""
        frames = np.array([u.frames for u in self.turns], dtype=np.float64)
        for _ in range(int(frames.sum() / (self.config.rows * self.config.crop_frames))):
            chosen = rng.choice(len(self.turns), self.config.rows, p=frames / frames.sum())
            codes, waves = zip(*(self._stretch(self.turns[i], rng) for i in chosen), strict=True)
            yield WaveBatch(torch.stack(codes), torch.stack(waves))

    def _stretch(self, turn: Utterance, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        if rng.random() < self.config.augmented:
            # Seen with more sound around it, the encoder gives the same codes as for the whole recording.
            wave = crop(load_wave(self.waves, turn), self.stretch + 24, rng)
            wave = augment.set_level(augment.change_rate(wave, float(rng.uniform(0.85, 1.18))), rng)
            if rng.random() < 0.3:
                wave = augment.colour(wave, rng, 4.0)
            codes = self.codec.encode(wave[None])[0].clone()
            start = max(0, (codes.shape[0] - self.stretch) // 2)
        else:
            wave = load_wave(self.waves, turn)
            rows = slice(turn.start_frame, turn.start_frame + turn.frames)
            codes = torch.from_numpy(self.codes[rows].astype(np.int64))
            start = int(rng.integers(0, turn.frames - self.stretch + 1))
        first = (start + self.config.context_frames) * HOP
        return codes[start : start + self.stretch], wave[first : first + self.config.crop_frames * HOP]

    def losses(self, batch: WaveBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """First the critics, from `adversarial_from` on, then the decoder."""
        with torch.no_grad():
            latent = self.codec.quantizer.decode(batch.codes)
        side = self.config.context_frames * HOP
        made = self.codec.decoder(latent)[:, side:-side]
        adversarial = step >= self.config.adversarial_from
        if adversarial:
            verdict = discriminator_loss(self.critics(batch.wave), self.critics(made.detach()))
            yield "discriminators", verdict, {"critics": float(verdict.detach())}
        mel = mel_loss(made, batch.wave, self.config.mels)
        loss, figures = self.config.mel_weight * mel, {"mel": float(mel.detach())}
        if adversarial:
            with torch.no_grad():
                real = self.critics(batch.wave)
            judged = self.critics(made)
            fooled, alike = adversarial_loss(judged), feature_loss(real, judged)
            loss = loss + self.config.adversarial_weight * fooled + self.config.feature_weight * alike
            figures |= {"fooled": float(fooled.detach()), "features": float(alike.detach())}
        yield "codec_decoder", loss, figures

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Mel error of waves made from the tokens of unseen voices."""
        errors = []
        for turn in self.held_out:
            wave = load_wave(self.waves, turn)[None]
            rows = slice(turn.start_frame, turn.start_frame + turn.frames)
            made = self.codec.decode(torch.from_numpy(self.codes[rows].astype(np.int64))[None])
            errors.append(float(mel_loss(made, wave, self.config.mels)))
        return {"mel": float(np.mean(errors))}


def mel_loss(made: Tensor, wave: Tensor, mels: tuple[MelView, ...]) -> Tensor:
    """L1 between log mels, mean over resolutions: (B, samples) both."""
    terms = []
    for view in mels:
        hop = HOP // view.per_frame
        wanted, found = (log_mel(x, view.n_fft, hop, view.n_mels, SAMPLE_RATE_HZ) for x in (wave, made))
        terms.append((wanted - found).abs().mean())
    return torch.stack(terms).mean()
