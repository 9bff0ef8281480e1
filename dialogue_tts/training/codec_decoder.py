"""Phase 2 of the codec's training, decoder: it alone learns to make waves from tokens.

First by spectral losses, then against discriminators; it can go on for as long as one likes under finished later stages,
since tokens no longer change. `codec_tokens` comes before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dialogue_tts.audio.signal import log_mel
from dialogue_tts.codec.model import Codec, MelView
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.training.codec_tokens import Pitch
from dialogue_tts.training.corpus import Corpus, Utterance, drawn_by_length, load_wave
from dialogue_tts.training.discriminators import (
    DiscriminatorConfig,
    Discriminators,
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    relative_l1,
)
from dialogue_tts.training.splits import in_turn
from dialogue_tts.training.task import Figures

TRUSTED_OCTAVES = 0.3


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
        self.sounds = [_Sounds(corpus.waves(), corpus.tokens("acoustic"), corpus.tokens(fine)) for corpus in corpora]
        self.turns = [
            (sounds, turn)
            for sounds, corpus in zip(self.sounds, corpora, strict=True)
            for turn in corpus.split("train")
            if turn.frames >= self.stretch
        ]
        unheard = [
            (sounds, turn)
            for sounds, corpus in zip(self.sounds, corpora, strict=True)
            for turn in corpus.split("test_speaker")
        ]
        self.held_out = in_turn(unheard, config.validation_turns)

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
        for sounds, turn in self.held_out:
            wave = load_wave(sounds.waves, turn)[None]
            rows = slice(turn.start_frame, turn.start_frame + turn.frames)
            codes = torch.from_numpy(sounds.codes[rows].astype(np.int64))[None]
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
