"""The one place that calls the networks: requests become takes.

All segments of several takes get their semantic tokens in one batch; then each take gets acoustic codes behind its own
voice's prompt, then sound. How a take sounds depends on its text, its voice, the settings and its seed alone, bit for bit
on one machine with one number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import edit_distance

from dialogue_tts.acoustic.generate import Prompt, TokenSequence, assemble, generate_codes, read_prompts, target_codes
from dialogue_tts.acoustic.model import Frames
from dialogue_tts.audio.loudness import at_loudness
from dialogue_tts.audio.tempo import at_tempo
from dialogue_tts.bundle import Bundle
from dialogue_tts.config import SAMPLE_RATE_HZ, frames_to_seconds
from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.turns import Check
from dialogue_tts.dialogue.words import Reading, with_pauses, word_times
from dialogue_tts.errors import Cancelled
from dialogue_tts.nn.conformer import PromptCache
from dialogue_tts.nn.devices import device_of
from dialogue_tts.script.gaps import fitted_speed
from dialogue_tts.script.lint import likely_s
from dialogue_tts.script.segments import Segment
from dialogue_tts.semantic.align import PhoneSequence, heard_phones, phones_said, turn_text
from dialogue_tts.semantic.generate import ROWS, SemanticTurn, generate_semantic, rows_in_batches
from dialogue_tts.semantic.tokenizer import PhoneGroups, greedy_phones, unlikelihood
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.stages import stage
from dialogue_tts.synthesis.candidates import (
    AcousticCandidate,
    SemanticCandidate,
    better_acoustic,
    better_semantic,
    next_draws,
)
from dialogue_tts.synthesis.request import TakeRequest
from dialogue_tts.synthesis.seeds import derived_seed
from dialogue_tts.text.accents import accent_of
from dialogue_tts.voices.voice import Voice

WINDOW_PHONES = 900  # about a minute
PROMPT_CACHES = 16  # that of a voice of eight seconds takes two and a half megabytes

FillCodes = Callable[[Frames, Tensor], Tensor]
"""Frames, and which of them are valid, bool (B, T) -> codes int64 (B, T, Q)."""


@dataclass(frozen=True)
class DrawnTake:
    """A take's semantic tokens: what `Synthesizer.render` makes its sound of."""

    request: TakeRequest
    candidates: tuple[SemanticCandidate, ...]  # one a segment


@dataclass(frozen=True)
class _WantedSegment:
    segment: Segment
    voice: Voice
    seed: int
    config: SynthesisConfig


@dataclass(frozen=True)
class _PromptProfile:
    """What a voice's prompt sounds like."""

    pace: float  # beside `likely_s`
    embedding: Tensor  # (size,) of length one


@dataclass(frozen=True)
class _ByContent:
    """A key for caches: voices with the same tokens are one."""

    sha256: str
    voice: Voice = field(compare=False)


class Synthesizer:
    """The networks of a bundle at work. Calls must come one at a time: a `Scheduler` sees to that.

    Wherever the networks lie, all tensors that go in and come out are on the CPU.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._quiet = bundle.semantic_tokenizer.quiet_tokens()
        self._phone_groups = lru_cache(maxsize=None)(self._phone_groups_of)
        self._profiles = lru_cache(maxsize=256)(self._profile_of)
        self._prompt_caches = lru_cache(maxsize=PROMPT_CACHES)(self._prompt_cache_of)

    @property
    def batch_rows(self) -> int:
        """Segments whose semantic tokens cost hardly more than one's when they are drawn together."""
        return ROWS

    @property
    def window_phones(self) -> int:
        """Phones that are drawn together where nobody waits for the first of them; memory grows with it."""
        return WINDOW_PHONES

    def draw(self, requests: Sequence[TakeRequest], cancelled: Callable[[], bool] = lambda: False) -> list[DrawnTake]:
        """Semantic tokens of takes, of one dialogue or of several. Segments that read back wrong are drawn again; the best
        candidate of each is taken.

        Raises:
            Cancelled: `cancelled` said so between two batches.
        """
        wanted = [
            _WantedSegment(segment, request.voice, derived_seed(request.seed, number), request.config)
            for request in requests
            for number, segment in enumerate(request.segments)
        ]
        best: dict[int, SemanticCandidate] = {}
        drawn = [0] * len(wanted)
        pending = list(range(len(wanted)))
        while pending:
            if cancelled():
                raise Cancelled("the synthesis was cancelled; what was finished before stays.")
            most = [wanted[i].config.takes for i in pending]
            places = next_draws([drawn[i] for i in pending], most, rows_in_batches(len(pending)))
            asked = [(pending[place], number) for place, number in places]
            for (i, number), result in zip(asked, self._draw_batch(wanted, asked), strict=True):
                drawn[i], config = number, wanted[i].config
                if i not in best or not best[i].will_do(config):  # else an earlier candidate does
                    best[i] = better_semantic(best.get(i), self._judge(wanted[i], result, number), config)
            wrong = [i for i in pending if not best[i].will_do(wanted[i].config)]
            pending = [i for i in wrong if drawn[i] < wanted[i].config.takes]
        found = iter(best[i] for i in range(len(wanted)))
        return [DrawnTake(request, tuple(next(found) for _ in request.segments)) for request in requests]

    def render(self, drawn: DrawnTake) -> Take:
        """A take's sound and word times, from its semantic tokens."""
        request, config = drawn.request, drawn.request.config
        voiced = [
            self._speak(candidate, request.voice, derived_seed(request.seed, number), config)
            for number, candidate in enumerate(drawn.candidates)
        ]
        codes = torch.cat([segment.codes for segment in voiced])
        pauses_s = sum(seconds for _, seconds in request.text.pauses)
        speed = fitted_speed(request.turn, request.speed, frames_to_seconds(len(codes)), pauses_s)
        sound = voiced[0].sound if len(voiced) == 1 else self._decode(codes)  # of one segment it would be the same
        sound = torch.from_numpy(at_tempo(sound.numpy(), speed, SAMPLE_RATE_HZ))
        if config.loudness_lufs is not None:
            sound = at_loudness(sound, SAMPLE_RATE_HZ, config.loudness_lufs)
        readings = [candidate.reading for candidate in drawn.candidates]
        words = word_times(request.segments, readings, length_s=sound.shape[0] / SAMPLE_RATE_HZ)
        wave, words = with_pauses(_faded(sound).numpy(), words, request.text.pauses)
        phones = [len(reading.phone_ids) for reading in readings]
        error = float(np.average([segment.error for segment in voiced], weights=phones))
        return Take(
            text=request.turn.text,
            seed=request.seed,
            waveform=wave,
            words=tuple(words),
            draws=max(segment.number for segment in voiced),
            check=self._check(request, codes, phones, error),
        )

    def through_codec(self, wave: Tensor) -> Tensor:
        """A recording as the codec gives it back: float32 (T * HOP,) in [-1, 1] -> the same shape."""
        return self._decode(self._bundle.codec.encode(wave[None])[0])

    def prompt_sound(self, voice: Voice) -> Tensor:
        """What a voice's prompt sounds like, float32 (P * HOP,)."""
        return self._decode(voice.codes)

    def respeak(self, wave: Tensor, phonemes: str, voice: Voice, seed: int, fill: FillCodes | None = None) -> Tensor:
        """A recording's semantic tokens in a voice. Where they do not read like its text (see `heard_phones`), they are
        spoken without it.

        Args:
            wave: float32 (T * HOP,) in [-1, 1]; phonemes: what is said in it.
            fill: another generator of acoustic codes than the bundle's SoundStorm.

        Returns:
            float32 (T * HOP,).
        """
        tokenizer = self._bundle.semantic_tokenizer
        semantic, sequence = tokenizer.encode(wave[None])[0], PhoneSequence.of(phonemes)
        path = heard_phones(semantic, sequence, tokenizer, self._bundle.config.text_to_semantic.max_advance)
        said = None if path is None else phones_said(sequence, path)
        return self._decode(self.fill_codes(semantic, said, voice, seed, fill=fill))

    def _decode(self, codes: Tensor) -> Tensor:
        """codes (T, Q) -> float32 (samples,)."""
        return self._bundle.codec.decode(codes[None])[0]

    def fill_codes(
        self,
        semantic: Tensor,
        phones: Tensor | None,
        voice: Voice,
        seed: int,
        guidance: float | None = None,
        fill: FillCodes | None = None,
    ) -> Tensor:
        """Acoustic codes behind a voice's prompt.

        Args:
            semantic: tokens, int64 (T,).
            phones: what each of them says and what follows, int64 (T, 2), see `phones_said`; None where it is not known.
            guidance: None for the bundle's own.
            fill: another generator than the bundle's SoundStorm.

        Returns:
            int64 (T, Q).
        """
        soundstorm, decoding = self._bundle.soundstorm, self._bundle.config.acoustic_decoding
        if guidance is not None:
            decoding = replace(decoding, guidance=guidance)
        passage = TokenSequence([_prompt(voice)], semantic, torch.zeros_like(semantic), phones)
        frames, valid = assemble([passage], soundstorm.config)
        if fill is None:
            cache = self._prompt_caches(_ByContent(voice.sha256, voice))
            filled = generate_codes(soundstorm, frames, valid, decoding, [seed], cache)
        else:
            filled = fill(frames, valid)
        return target_codes(filled, frames, valid, soundstorm.config.rate)[0]

    def _draw_batch(self, wanted: Sequence[_WantedSegment], asked: Sequence[tuple[int, int]]) -> list[SemanticTurn]:
        """Semantic tokens of segments, (place, number of the draw) each; those of one temperature in one batch."""
        tokenizer, usual = self._bundle.text_tokenizer, self._bundle.config.semantic_decoding
        made: dict[tuple[int, int], SemanticTurn] = {}
        for temperature in dict.fromkeys(wanted[i].config.temperature for i, _ in asked):
            alike = [(i, number) for i, number in asked if wanted[i].config.temperature == temperature]
            turns = generate_semantic(
                self._bundle.text_to_semantic,
                [turn_text(wanted[i].segment.phonemes, tokenizer) for i, _ in alike],
                usual if temperature is None else replace(usual, temperature=temperature),
                [derived_seed(wanted[i].seed, number) for i, number in alike],
                tokenizer.pad_id,
                self._quiet,
            )
            made |= zip(alike, turns, strict=True)
        return [made[one] for one in asked]

    def _judge(self, wanted: _WantedSegment, spoken: SemanticTurn, number: int) -> SemanticCandidate:
        log_probs = self._bundle.semantic_tokenizer.read(spoken.tokens[None])[0]
        sequence = PhoneSequence.of(wanted.segment.phonemes)
        phones = self._bundle.semantic_tokenizer.phone_ids(sequence.phones)
        reading = Reading(len(spoken.tokens), log_probs, phones)
        pace = _pace(len(phones), len(spoken.tokens)) / self._profile(wanted.voice).pace
        said = phones_said(sequence, spoken.phones)
        error = _misread(*self._as_one_listens(wanted.voice, log_probs, phones))
        return SemanticCandidate(spoken.tokens, said, reading, error, pace, number)

    def _speak(self, drawn: SemanticCandidate, voice: Voice, seed: int, config: SynthesisConfig) -> AcousticCandidate:
        """A segment's sound, drawn again where something else than its text is heard; the best candidate."""
        best: AcousticCandidate | None = None
        for number in range(1, config.sound_takes + 1):
            codes = self.fill_codes(drawn.tokens, drawn.phones, voice, derived_seed(seed, number), config.guidance)
            sound = self._decode(codes)
            heard = self._bundle.semantic_tokenizer.hear(sound[None])[0]
            heard, wanted = self._as_one_listens(voice, heard, drawn.reading.phone_ids)
            nll = unlikelihood(heard, wanted)
            candidate = AcousticCandidate(codes, sound, _misread(heard, wanted), nll, number)
            best = better_acoustic(best, candidate)
            if candidate.will_do(config):
                break
        assert best is not None, "there is one take at least"
        return best

    def _check(self, request: TakeRequest, codes: Tensor, phones: list[int], phone_error: float) -> Check:
        """What there is to say of a take: codes (T, Q), and how many phones each of its segments has."""
        profile, heard = self._profile(request.voice), self._embed(codes)
        rivals = [float(heard @ self._profile(rival).embedding) for rival in request.rivals]
        return Check(
            phone_error=phone_error,
            pace=_pace(sum(phones), len(codes), segments=len(phones)) / profile.pace,
            voice_match=float(heard @ profile.embedding),
            rival_match=max(rivals, default=None),
        )

    def _as_one_listens(self, voice: Voice, log_probs: Tensor, phones: list[int]) -> tuple[Tensor, list[int]]:
        """What is heard, (T', classes), and CTC classes wanted -> the same, without the differences between the voice's
        accent and those that the tokenizer learnt: it hears them as wrong phones."""
        groups = self._phone_groups(voice.accent)
        return (log_probs, phones) if groups is None else (groups.log_probs(log_probs), groups.phone_ids(phones))

    def _phone_groups_of(self, accent: str) -> PhoneGroups | None:
        learnt = accent in self._bundle.config.accents
        return None if learnt else PhoneGroups(self._bundle.config.semantic_tokenizer.phones, accent_of(accent).alike)

    def _profile(self, voice: Voice) -> _PromptProfile:
        return self._profiles(_ByContent(voice.sha256, voice))

    def _profile_of(self, key: _ByContent) -> _PromptProfile:
        voice = key.voice
        heard = greedy_phones(self._bundle.semantic_tokenizer.read(voice.semantic[None])[0])
        return _PromptProfile(_pace(len(heard), len(voice.semantic)), self._embed(voice.codes))

    def _prompt_cache_of(self, key: _ByContent) -> PromptCache | None:
        soundstorm, nothing = self._bundle.soundstorm, key.voice.semantic.new_zeros(0)
        frames, _ = assemble([TokenSequence([_prompt(key.voice)], nothing, nothing)], soundstorm.config)
        return read_prompts(soundstorm, frames, self._bundle.config.acoustic_decoding)

    @stage("self-check")
    @torch.inference_mode()
    def _embed(self, codes: Tensor) -> Tensor:
        """Speaker embedding: codes (T, Q) -> (size,)."""
        codes = codes.to(device_of(self._bundle.speaker_embedding))
        twice = codes if len(codes) > 1 else codes.repeat(2, 1)  # of one frame there is no spread
        prints: Tensor = self._bundle.speaker_embedding(self._bundle.codec.latent(twice[None]))
        return prints[0].cpu()


def _prompt(voice: Voice) -> Prompt:
    """The one voice of a take."""
    return Prompt(0, voice.semantic, voice.codes)


def _misread(log_probs: Tensor, phone_ids: list[int]) -> float:
    """Share of the wanted phones that are read wrong: log_probs (T', classes)."""
    return int(edit_distance(greedy_phones(log_probs), phone_ids)) / len(phone_ids)


def _pace(phones: int, frames: int, segments: int = 1) -> float:
    """How fast so many phones are spoken in so many frames, beside what is usual: 1 as fast, 2 twice as fast."""
    return segments * likely_s(phones / segments) / frames_to_seconds(frames)


def _faded(wave: Tensor, seconds: float = 0.01) -> Tensor:
    """No clicks at the ends."""
    count = min(round(seconds * SAMPLE_RATE_HZ), wave.shape[0] // 2)
    ramp = torch.linspace(0, 1, count)
    wave = wave.clone()
    wave[:count] *= ramp
    wave[wave.shape[0] - count :] *= ramp.flip(0)
    return wave
