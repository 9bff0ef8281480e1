"""Voices: a short recording becomes a prompt, semantic and acoustic tokens, that stands in front of what is spoken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torchaudio
from torch import Tensor

from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.signal import pad_to_frames
from dialogue_tts.codec.model import Codec
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, seconds_to_frames
from dialogue_tts.errors import AudioError, VoiceError
from dialogue_tts.semantic.tokenizer import SemanticTokenizer

SHORTEST_S, LONGEST_S = 2.0, 30.0
PROMPT_S = 5.0  # what is kept of a longer recording: SoundStorm learnt with prompts of up to five seconds
LEVEL_DB = -22.0  # RMS of the speech in a prompt, as the corpus has it
PEAK = 0.95
SILENT_DB = -60.0  # RMS below which a recording holds nothing
PAUSE_DB = -35.0  # below the loudest part: a pause


@dataclass(frozen=True)
class Voice:
    """A voice, encoded once.

    Attributes:
        semantic: int64 (P,), codes: int64 (P, Q): tokens of the prompt, 25 a second.
    """

    name: str
    semantic: Tensor
    codes: Tensor


def read_voice(path: str | Path, semantic_tokenizer: SemanticTokenizer, codec: Codec, name: str | None = None) -> Voice:
    """A voice from a sound file of 2 to 30 s, any sample rate, mono or stereo.

    Raises:
        VoiceError: the file cannot be read or cannot serve; the message says why.
    """
    try:
        wave = read_audio(path, SAMPLE_RATE_HZ)
    except AudioError as error:
        raise VoiceError(str(error)) from None
    try:
        return make_voice(name or Path(path).stem, wave, semantic_tokenizer, codec)
    except VoiceError as error:
        raise VoiceError(f"{path}: {error}") from None


def make_voice(name: str, wave: Tensor, semantic_tokenizer: SemanticTokenizer, codec: Codec) -> Voice:
    """A voice from mono float32 (samples,) at 24 kHz. Raises VoiceError where that cannot serve."""
    prompt = prompt_wave(wave)[None]
    return Voice(name, semantic_tokenizer.encode(prompt)[0], codec.encode(prompt)[0])


def prompt_wave(wave: Tensor) -> Tensor:
    """Cut a recording down to a prompt: float32 (samples,) -> (frames * HOP,) of at most PROMPT_S, at LEVEL_DB.

    A rumble below 50 Hz goes, silence at the ends goes, and of a longer recording the stretch with most speech stays.

    Raises:
        VoiceError: too short, too long, or silent.
    """
    seconds = wave.shape[-1] / SAMPLE_RATE_HZ
    if seconds < SHORTEST_S:
        raise VoiceError(f"the recording lasts {seconds:.1f} s; record at least {SHORTEST_S:g} s of speech.")
    if seconds > LONGEST_S:
        raise VoiceError(f"the recording lasts {seconds:.0f} s; cut it to at most {LONGEST_S:g} s.")
    wave = torchaudio.functional.highpass_biquad(wave - wave.mean(), SAMPLE_RATE_HZ, 50.0)
    levels_db = _frame_levels_db(wave)
    if float(levels_db.max()) < SILENT_DB:
        raise VoiceError("the recording is silent; record speech closer to the microphone.")
    loud = levels_db > float(levels_db.max()) + PAUSE_DB
    places = loud.nonzero().squeeze(-1)
    first, last = max(0, int(places[0]) - 2), min(loud.shape[0], int(places[-1]) + 3)
    if (last - first) * HOP < SHORTEST_S / 2 * SAMPLE_RATE_HZ:
        spoken = (last - first) * HOP / SAMPLE_RATE_HZ
        raise VoiceError(
            f"only {spoken:.1f} s of the recording are not silent; record at least {SHORTEST_S:g} s of speech."
        )
    first, last = _fullest(loud, first, last, seconds_to_frames(PROMPT_S))
    kept = pad_to_frames(wave[first * HOP : last * HOP], HOP)
    speech = levels_db[first:last][loud[first:last]]
    level_db = 10 * torch.log10((10 ** (speech / 10)).mean())
    gain = min(10 ** ((LEVEL_DB - float(level_db)) / 20), PEAK / float(kept.abs().max().clamp_min(1e-6)))
    return kept * gain


def _frame_levels_db(wave: Tensor) -> Tensor:
    """RMS of each whole or begun frame: (samples,) -> (frames,) in dB of full scale."""
    frames = pad_to_frames(wave, HOP).unflatten(-1, (-1, HOP))
    return 10 * frames.square().mean(-1).clamp_min(1e-12).log10()


def _fullest(loud: Tensor, first: int, last: int, longest: int) -> tuple[int, int]:
    """The stretch of at most `longest` frames within [first, last) that holds most loud frames; the earliest of them."""
    if last - first <= longest:
        return first, last
    held = loud[first:last].float().unfold(0, longest, 1).sum(-1)
    start = first + int(held.argmax())
    return start, start + longest
