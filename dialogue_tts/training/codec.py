"""Training of the codec in two phases.

Phase 1, tokens: encoder, quantiser and the decoder's trunk learn to give the mel patches and the pitch back. Nothing
runs at more than 25 Hz and no wave is made, so that an hour of sound takes half a minute. Then the tokens are frozen.
Phase 2, decoder: the decoder alone learns to make waves from tokens, first by spectral losses, then against
discriminators; it can go on for as long as one likes under finished later stages, since tokens no longer change.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dialogue_tts.audio.pitch import pitch
from dialogue_tts.audio.signal import log_mel
from dialogue_tts.codec.model import PITCH_BASE_HZ, Codec, MelView
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.training import augment
from dialogue_tts.training.corpus import Corpus, Utterance, drawn_by_length, load_wave, recordings
from dialogue_tts.training.discriminators import (
    DiscriminatorConfig,
    Discriminators,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    relative_l1,
)
from dialogue_tts.training.task import Figures, batches_of

TRUSTED_OCTAVES = 0.3


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
        self.held_out_waves = corpora[0].waves()
        self.held_out = corpora[0].split("test_speaker")[: config.validation_turns]
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
        for turn in self.held_out:
            patches, wanted = self._seen(
                load_wave(self.held_out_waves, turn)[None].to(codec.decoder.enter.weight.device)
            )
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


@strict
class CodecDecoderConfig:
    """Phase 2: data and losses.

    Attributes:
        crop_frames, context_frames, rows: a batch is `rows` stretches of tokens with context on both sides, of which
            the middle is judged: elsewhere the decoder would learn the edges of crops, which speech has not.
        dropout: share of rows made from fewer than all levels: SoundStorm's fine codes are less sure than a recording's,
            and a decoder that hangs on them passes their errors on.
        predicted: share of rows whose fine levels are SoundStorm's, see `predicted.py`; some need a trained SoundStorm.
        mels: (window, bands) of the spectral losses.
        adversarial_from: step at which the discriminators join.
        mel_weight, pitch_weight, adversarial_weight, feature_weight: of the decoder's losses.
        perceptual_weight: of what frozen networks hear otherwise in what was made than in the recording: the semantic
            tokenizer what is said, the codec's encoder whose voice it is (deep feature losses, as in Germain et al. 2018,
            arXiv 1806.10522); 0 for none.
    """

    crop_frames: int = 16
    context_frames: int = 6
    rows: int = 12
    dropout: float = 0.25
    predicted: float = 0.0
    mels: tuple[MelView, ...] = (MelView(240, 24, 16), MelView(480, 48, 8), MelView(960, 96, 4), MelView(1920, 160, 2))
    adversarial_from: int = 1500
    mel_weight: float = 15.0
    pitch_weight: float = 5.0
    adversarial_weight: float = 1.0
    feature_weight: float = 2.0
    perceptual_weight: float = 0.0
    discriminators: DiscriminatorConfig = DiscriminatorConfig()
    validation_turns: int = 48


class WaveBatch(NamedTuple):
    """Tokens and the wave of their middle."""

    codes: Tensor  # int64 (rows, context + crop + context, Q)
    levels: Tensor  # int64 (rows,): how many of them each row is made from
    wave: Tensor  # (rows, (context + crop + context) * HOP)


class _Sounds(NamedTuple):
    """A data folder's arrays."""

    waves: np.ndarray
    codes: np.ndarray
    predicted: np.ndarray  # the same where nothing is to be predicted


class CodecDecoderTask:
    """Phase 2; see `task.Task`. Encoder and quantiser are frozen."""

    best = "mel"

    def __init__(
        self,
        codec: Codec,
        config: CodecDecoderConfig,
        corpora: list[Corpus],
        perceptual: SemanticTokenizer | None = None,
    ) -> None:
        """`perceptual` says what is heard.

        Raises:
            ConfigError: `perceptual_weight` is given, and there is no perceptual.
        """
        if config.perceptual_weight and perceptual is None:
            raise ConfigError("perceptual_weight: a semantic tokenizer is needed for it.")
        self.codec, self.config = codec.eval(), config
        codec.requires_grad_(False)
        codec.decoder.requires_grad_(True)
        self.perceptual = perceptual.eval().requires_grad_(False) if perceptual else None
        self.discriminators = Discriminators(config.discriminators)
        self.networks: dict[str, nn.Module] = {"codec_decoder": codec.decoder, "discriminators": self.discriminators}
        self.frozen = (codec.encoder, codec.quantizer, *([self.perceptual] if self.perceptual else []))
        self.stretch = config.crop_frames + 2 * config.context_frames
        fine = "predicted" if config.predicted else "acoustic"
        self.sounds = [
            _Sounds(corpus.waves(), np.array(corpus.tokens("acoustic")), np.array(corpus.tokens(fine)))
            for corpus in corpora
        ]
        self.turns = [
            (sounds, turn)
            for sounds, corpus in zip(self.sounds, corpora, strict=True)
            for turn in corpus.split("train")
            if turn.frames >= self.stretch
        ]
        self.held_out = corpora[0].split("test_speaker")[: config.validation_turns]

    def plan(self, rng: np.random.Generator) -> Sequence[list[int]]:
        """Of which turns a batch is; longer ones come more often."""
        frames = [turn.frames for _, turn in self.turns]
        return drawn_by_length(frames, self.config.rows, self.config.crop_frames, rng)

    def batch(self, planned: list[int], rng: np.random.Generator) -> WaveBatch:
        """Random stretches."""
        codes, waves = zip(*(self._stretch(*self.turns[i], rng) for i in planned), strict=True)
        return WaveBatch(torch.stack(codes), self._levels(rng), torch.stack(waves))

    def _levels(self, rng: np.random.Generator) -> Tensor:
        """How many levels each row is made from."""
        every = self.codec.config.levels
        some = rng.integers(1, every + 1, self.config.rows)
        return torch.from_numpy(np.where(rng.random(self.config.rows) < self.config.dropout, some, every))

    def _stretch(self, sounds: _Sounds, turn: Utterance, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        start = turn.start_frame + int(rng.integers(0, turn.frames - self.stretch + 1))
        end = start + self.stretch
        wave = torch.from_numpy(sounds.waves[start * HOP : end * HOP].astype(np.float32) / 32768)
        codes = sounds.predicted if rng.random() < self.config.predicted else sounds.codes
        return torch.from_numpy(codes[start:end].astype(np.int64)), wave

    def losses(self, batch: WaveBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """First the discriminators, from `adversarial_from` on, then the decoder."""
        decoder = self.codec.decoder
        with torch.no_grad(), torch.autocast(batch.wave.device.type, enabled=False):
            wanted = Pitch.of(batch.wave, self.codec.config.upsample)
            latent = self.codec.quantizer.decode(batch.codes, batch.levels)
        side = self.config.context_frames * HOP
        wave = batch.wave[:, side:-side]
        frames = decoder.frames(latent)
        octaves = decoder.octaves(frames)
        pitch_error = wanted.error(octaves)
        # The source follows the recording, so that harmonics lie where the losses expect them; where the recording has
        # no pitch, or an octave's error makes that doubtful, it follows the decoder, as it does in use.
        trusted = wanted.voiced & ((wanted.octaves - octaves).abs() < TRUSTED_OCTAVES)
        whole = decoder.wave(frames, torch.where(trusted, wanted.octaves, octaves).detach())
        made = whole[:, side:-side]
        adversarial = step >= self.config.adversarial_from
        if adversarial:
            verdict = discriminator_loss(self.discriminators(wave), self.discriminators(made.detach()))
            yield "discriminators", verdict, {"discriminators": verdict.detach()}
        mel = mel_loss(made, wave, self.config.mels)
        loss = self.config.mel_weight * mel + self.config.pitch_weight * pitch_error
        figures: Figures = {"mel": mel.detach(), "pitch": pitch_error.detach()}
        if adversarial:
            with torch.no_grad():
                real = self.discriminators(wave)
            judged = self.discriminators(made)
            fooled, alike = adversarial_loss(judged), feature_loss(real, judged)
            loss = loss + self.config.adversarial_weight * fooled + self.config.feature_weight * alike
            figures |= {"fooled": fooled.detach(), "features": alike.detach()}
        if self.config.perceptual_weight:
            otherwise = self._heard_otherwise(whole, batch.wave)
            loss = loss + self.config.perceptual_weight * otherwise
            figures["heard"] = otherwise.detach()
        yield "codec_decoder", loss, figures

    def _heard_otherwise(self, made: Tensor, wave: Tensor) -> Tensor:
        """How far the listeners' frames of two waves (B, samples) are apart, context left out; 0 for equal ones."""
        middle = slice(self.config.context_frames, -self.config.context_frames)
        with torch.no_grad():
            wanted = self._heard(wave)
        terms = [
            relative_l1(a[:, middle].float(), b[:, middle].float())
            for a, b in zip(wanted, self._heard(made), strict=True)
        ]
        return torch.stack(terms).mean()

    def _heard(self, wave: Tensor) -> tuple[Tensor, Tensor]:
        """What is said and in whose voice, frame by frame: two of (B, T, width)."""
        perceptual, encoder = self.perceptual, self.codec.encoder
        assert perceptual is not None
        return perceptual.encoder(perceptual.enter(perceptual.features(wave)), None), encoder(encoder.patches(wave))

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Mel error of waves made from the tokens of unseen voices."""
        errors = []
        for turn in self.held_out:
            wave = load_wave(self.sounds[0].waves, turn)[None]
            rows = slice(turn.start_frame, turn.start_frame + turn.frames)
            codes = torch.from_numpy(self.sounds[0].codes[rows].astype(np.int64))[None]
            made = self.codec.decoder(self.codec.quantizer.decode(codes.to(self.codec.decoder.head.weight.device)))
            errors.append(float(mel_loss(made.cpu(), wave, self.config.mels)))
        return {"mel": float(np.mean(errors))}


def mel_loss(made: Tensor, wave: Tensor, mels: tuple[MelView, ...]) -> Tensor:
    """L1 between log mels, mean over resolutions: (B, samples) both."""
    terms = []
    for view in mels:
        hop = HOP // view.per_frame
        wanted, found = (log_mel(x, view.n_fft, hop, view.n_mels, SAMPLE_RATE_HZ) for x in (wave, made))
        terms.append((wanted - found).abs().mean())
    return torch.stack(terms).mean()
