"""DialogueTTS: the one place where the stages meet.

A script is spoken in windows of turns, so that memory stays flat however long it is; in a window, all turns' semantic
tokens are decoded in one batch, then each turn gets acoustic tokens behind its own voice's prompt, then sound.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import edit_distance

from dialogue_tts.acoustic.generate import Passage, Prompt, assemble, generate_codes, target_codes
from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, frames_to_seconds
from dialogue_tts.dialogue import Dialogue, SpokenTurn, SpokenWord
from dialogue_tts.errors import ScriptError, VoiceError
from dialogue_tts.script import parse_script
from dialogue_tts.segments import Piece, pieces, windows
from dialogue_tts.semantic.align import Units, turn_text
from dialogue_tts.semantic.generate import SemanticTurn, generate_semantic
from dialogue_tts.semantic.tokenizer import READ_RATE_HZ, greedy_phones, phone_spans
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.tokenizer import phones_of
from dialogue_tts.types import Script, SpokenText
from dialogue_tts.voices import Voice, read_voice

Progress = Callable[[int, int], None]
"""Called with (turns done, turns in all)."""


@dataclass(frozen=True)
class SynthesisConfig:
    """Settings of one call.

    Attributes:
        gap_s: silence between turns, beside what the script asks for with `[pause]`.
        takes: a turn whose tokens do not read back as its text is drawn again, up to so many times in all.
        wrong_phones: share of a turn's phones that may read back wrong before it is drawn again.
    """

    gap_s: float = 0.2
    takes: int = 3
    wrong_phones: float = 0.08


@dataclass(frozen=True)
class _Take:
    """A piece's tokens and how well they read back."""

    spoken: SemanticTurn
    log_probs: Tensor  # (T', classes) of the CTC head
    error: float  # share of phones
    number: int


class DialogueTTS:
    """Load once with `from_pretrained`, then `synthesize` as often as you like, also from several threads."""

    def __init__(self, bundle: Bundle, config: SynthesisConfig | None = None) -> None:
        self.bundle = bundle
        self.config = config or SynthesisConfig()
        self._frontend = TextFrontend()
        self._voices: dict[str, Voice] = {}
        self._lock = threading.Lock()

    @classmethod
    def from_pretrained(cls, name: str | Path | None = None, config: SynthesisConfig | None = None) -> DialogueTTS:
        """The bundle that comes with the package, or another by its folder or hub id.

        Raises:
            BundleError: not found, damaged, or incomplete.
        """
        return cls(Bundle.load(find_bundle(name)), config)

    @property
    def sample_rate(self) -> int:
        """Of all output, in Hz."""
        return SAMPLE_RATE_HZ

    @property
    def voices(self) -> tuple[str, ...]:
        """Names of the built-in voices."""
        return tuple(self.bundle.voices)

    def voice(self, voice: str | Path | Voice) -> Voice:
        """A built-in voice by name, or one from a sound file; each is encoded once.

        Raises:
            VoiceError: no such voice or file, or the recording cannot serve.
        """
        if isinstance(voice, Voice):
            return voice
        name = str(voice)
        built_in = self.bundle.voices.get(name)
        if built_in is None and not Path(voice).is_file():
            known = ", ".join(self.voices)
            raise VoiceError(f"{name}: there is no such voice or sound file; built-in voices are {known}.")
        if built_in is None:
            return read_voice(voice, self.bundle.semantic_tokenizer, self.bundle.codec)
        with self._lock:
            if name not in self._voices:
                networks = self.bundle.semantic_tokenizer, self.bundle.codec
                self._voices[name] = read_voice(built_in.recording, *networks, name=name)
            return self._voices[name]

    def synthesize(
        self,
        script: str | Script,
        voices: Mapping[str, str | Path | Voice] | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Dialogue:
        """Speak a script.

        Args:
            script: as text (see `dialogue_tts.script`) or parsed.
            voices: speaker -> built-in voice's name, sound file of 2 to 30 s, or `Voice`. Speakers left out get
                different built-in voices, which depend on the names only.
            seed: the same script, voices and seed give the same sound.
            progress: called after each turn.

        Raises:
            ScriptError: the script cannot be spoken; VoiceError: a voice cannot serve. Both before any work starts.
        """
        script = parse_script(script) if isinstance(script, str) else script
        cast = self.cast(script, voices or {})
        texts = [self._frontend.speak_turn(turn) for turn in script.turns]
        samples: list[np.ndarray] = []
        turns: list[SpokenTurn] = []
        clock = 0  # samples
        for index, (wave, turn) in enumerate(self._turns(script, texts, cast, seed)):
            pause_s = script.turns[index].pause_s + (self.config.gap_s if index else 0.0)
            silence = np.zeros(round(pause_s * SAMPLE_RATE_HZ), np.float32)
            clock += silence.size
            samples += [silence, wave]
            turns.append(turn.moved(clock / SAMPLE_RATE_HZ))
            clock += wave.size
            if progress:
                progress(index + 1, len(script.turns))
        return Dialogue(np.concatenate(samples), SAMPLE_RATE_HZ, tuple(turns), seed)

    def cast(self, script: Script, voices: Mapping[str, str | Path | Voice]) -> dict[str, Voice]:
        """A voice for every speaker of the script; those without one get built-in voices nobody else has, if there are
        enough.

        Raises:
            ScriptError: `voices` names a speaker the script lacks.
            VoiceError: a voice cannot serve.
        """
        for speaker in voices:
            if speaker not in script.speakers:
                known = ", ".join(script.speakers)
                raise ScriptError(f"{speaker}: the script has no such speaker; its speakers are {known}.")
        cast = {speaker: self.voice(voice) for speaker, voice in voices.items()}
        free = [name for name in self.voices if name not in {str(voice) for voice in voices.values()}]
        for speaker in script.speakers:
            if speaker not in cast:
                if not free:
                    free = list(self.voices)
                if not free:
                    raise VoiceError(f"{speaker}: this bundle has no built-in voices; give a recording of one.")
                chosen = free.pop(_stable_number(speaker) % len(free))
                cast[speaker] = self.voice(chosen)
        return cast

    def _turns(
        self, script: Script, texts: list[SpokenText], cast: dict[str, Voice], seed: int
    ) -> Iterator[tuple[np.ndarray, SpokenTurn]]:
        """(wave float32 (samples,), turn with times from its own start) of every turn, in order."""
        every = [pieces(text) for text in texts]
        for window in windows([sum(piece.phones for piece in turn) for turn in every]):
            takes = iter(
                self._speak(
                    [p for index in window for p in every[index]],
                    [_seed(seed, index, number) for index in window for number in range(len(every[index]))],
                )
            )
            for index in window:
                said = [next(takes) for _ in every[index]]
                turn = script.turns[index]
                wave = self._sound([take.spoken.tokens for take in said], cast[turn.speaker], _seed(seed, index, 0))
                words = _word_times(every[index], said)
                wave, words = _with_pauses(wave, words, texts[index].pauses)
                yield (
                    wave,
                    SpokenTurn(
                        index=index,
                        speaker=turn.speaker,
                        text=turn.text,
                        start=0.0,
                        end=wave.size / SAMPLE_RATE_HZ,
                        words=tuple(words),
                        takes=max(take.number for take in said),
                        phone_error=float(np.mean([take.error for take in said])),
                    ),
                )

    def _speak(self, wanted: list[Piece], seeds: list[int]) -> list[_Take]:
        """Semantic tokens of pieces, drawn again where they read back wrong; the best take of each."""
        best: list[_Take | None] = [None] * len(wanted)
        pending = list(range(len(wanted)))
        tokenizer = self.bundle.text_tokenizer
        for number in range(1, self.config.takes + 1):
            spoken = generate_semantic(
                self.bundle.text_to_semantic,
                [turn_text(wanted[i].phonemes, tokenizer) for i in pending],
                self.bundle.config.semantic_decoding,
                [_seed(seeds[i], number) for i in pending],
                tokenizer.pad_id,
            )
            for i, result in zip(pending, spoken, strict=True):
                take = self._judge(wanted[i], result, number)
                held = best[i]
                if held is None or take.error < held.error:
                    best[i] = take
            pending = [i for i in pending if best[i].error > self.config.wrong_phones]  # type: ignore[union-attr]
            if not pending:
                break
        return [take for take in best if take is not None]

    def _judge(self, piece: Piece, spoken: SemanticTurn, number: int) -> _Take:
        log_probs = self.bundle.semantic_tokenizer.read(spoken.tokens[None])[0]
        phones = self.bundle.semantic_tokenizer.phone_ids(Units.of(piece.phonemes).phones)
        return _Take(spoken, log_probs, edit_distance(greedy_phones(log_probs), phones) / len(phones), number)

    def _sound(self, semantic: list[Tensor], voice: Voice, seed: int) -> np.ndarray:
        """Pieces of a turn, one after the other -> wave."""
        model = self.bundle.soundstorm
        codes = []
        for number, tokens in enumerate(semantic):
            passage = Passage([Prompt(0, voice.semantic, voice.codes)], tokens, torch.zeros_like(tokens))
            frames, valid = assemble([passage], model.config.levels)
            filled = generate_codes(model, frames, valid, self.bundle.config.acoustic_decoding, [_seed(seed, number)])
            codes.append(target_codes(filled, frames, valid)[0])
        wave = self.bundle.codec.decode(torch.cat(codes)[None])[0]
        return _faded(wave).numpy()


def _faded(wave: Tensor, seconds: float = 0.01) -> Tensor:
    """No clicks at the ends."""
    count = min(round(seconds * SAMPLE_RATE_HZ), wave.shape[0] // 2)
    ramp = torch.linspace(0, 1, count)
    wave = wave.clone()
    wave[:count] *= ramp
    wave[wave.shape[0] - count :] *= ramp.flip(0)
    return wave


def _word_times(turn: list[Piece], takes: list[_Take]) -> list[SpokenWord]:
    """When each written word is heard, from the CTC head's alignment; seconds from the turn's start."""
    words: list[SpokenWord] = []
    offset_s = 0.0
    for piece, take in zip(turn, takes, strict=True):
        length_s = frames_to_seconds(len(take.spoken.tokens))
        spans = _spans(piece, take)
        at = 0
        for word in piece.words:
            count = len(phones_of(word.phonemes))
            start, end = spans[at][0], spans[at + count - 1][1]
            words.append(SpokenWord(word.text, offset_s + start, offset_s + min(end, length_s)))
            at += count
        offset_s += length_s
    # A phone's spike in CTC says where it begins; a word lasts until shortly before the next begins, or a pause.
    closed = [
        replace(word, end=max(word.end, min(following.start, word.end + 0.12)))
        for word, following in zip(words, words[1:])
    ]
    return closed + words[-1:]


def _spans(piece: Piece, take: _Take) -> list[tuple[float, float]]:
    """Start and end of each phone in seconds: aligned, or from the pointer where phones are too many for the frames."""
    units = Units.of(piece.phonemes)
    phones = take.log_probs.shape[0], units.phones
    try:
        ids = _phone_ids(phones[1])
        return [(start / READ_RATE_HZ, end / READ_RATE_HZ) for start, end in phone_spans(take.log_probs, ids)]
    except ValueError:
        length_s = frames_to_seconds(len(take.spoken.tokens))
        step = length_s / len(units.phones)
        return [(i * step, (i + 1) * step) for i in range(len(units.phones))]


def _phone_ids(phones: list[str]) -> list[int]:
    from dialogue_tts.text.tokenizer import PHONE_IDS

    return [PHONE_IDS[phone] for phone in phones]


def _with_pauses(
    wave: np.ndarray, words: list[SpokenWord], pauses: tuple[tuple[int, float], ...]
) -> tuple[np.ndarray, list[SpokenWord]]:
    """Put silence in front of words: pauses are (word, seconds)."""
    for index, seconds in sorted(pauses, reverse=True):
        at = round(_quietest(wave, words, index) * SAMPLE_RATE_HZ)
        silence = np.zeros(round(seconds * SAMPLE_RATE_HZ), np.float32)
        wave = np.concatenate([wave[:at], silence, wave[at:]])
        words = words[:index] + [word.moved(seconds) for word in words[index:]]
    return wave, words


def _quietest(wave: np.ndarray, words: list[SpokenWord], index: int) -> float:
    """The quietest place, in seconds, between a word and the one before it."""
    start = words[index - 1].end if index else 0.0
    end = max(words[index].start, start + 0.02)
    step = HOP // 4
    first, last = int(start * SAMPLE_RATE_HZ) // step, int(end * SAMPLE_RATE_HZ) // step + 1
    levels = [float(np.square(wave[i * step : (i + 1) * step]).sum()) for i in range(first, last)]
    return (first + int(np.argmin(levels)) + 0.5) * step / SAMPLE_RATE_HZ


def _seed(*parts: int) -> int:
    """A seed that depends on all parts: the dialogue's seed, the turn, the take."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=7).digest(), "little")


def _stable_number(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.casefold().encode(), digest_size=8).digest(), "little")
