"""What is told about a recording before it becomes a voice: which part of it serves, how loud and how clean it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dialogue_tts.audio.io import read_audio
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import AudioError, VoiceError
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.voices.speech import SPEECH_SHARE, check_speech
from dialogue_tts.voices.voice import LONGEST_S, PromptCut, cut_prompt

BRIEF_S = 3.0  # a prompt that serves, but holds little of a voice
QUIET_DB, NOISY_DB = -45.0, 15.0  # level of speech; how far pauses should lie below it
CLIPPED_AT, CLIPPED_RUN, CLIPPED_SHARE = 0.95, 3, 2e-3  # flat tops: of the peak; samples in a row; of all samples


@dataclass(frozen=True)
class Recording:
    """A recording as a voice would use it.

    Attributes:
        seconds: of the whole recording.
        start: where the part begins that is used, in seconds.
        prompt: that part, levelled, float32 (samples,) in [-1, 1] at 24 kHz.
        level_db: RMS of its speech as recorded, in dB of full scale.
        warnings: what may spoil the voice, and what to do; a sentence each.
    """

    seconds: float
    start: float
    prompt: np.ndarray = field(repr=False, compare=False)
    level_db: float
    warnings: tuple[str, ...]


def inspect_recording(path: str | Path, semantic_tokenizer: SemanticTokenizer | None = None) -> Recording:
    """Look at a sound file that is to become a voice; with a semantic tokenizer also for how much of it is speech.

    Raises:
        VoiceError: it cannot be read or cannot serve, or holds no speech; the message says why, without the path.
    """
    try:
        wave = read_audio(path, SAMPLE_RATE_HZ, LONGEST_S)
    except AudioError as error:
        raise VoiceError(str(error).removeprefix(f"{path}: ")) from None
    cut = cut_prompt(wave)
    at_peak = (wave.abs() >= CLIPPED_AT * wave.abs().max()).float()
    clipped = float(at_peak.unfold(0, CLIPPED_RUN, 1).prod(-1).mean())
    return Recording(
        seconds=wave.shape[0] / SAMPLE_RATE_HZ,
        start=cut.start / SAMPLE_RATE_HZ,
        prompt=cut.wave.numpy(),
        level_db=cut.level_db,
        warnings=(*_warnings(cut, clipped), *_speech_warnings(cut, semantic_tokenizer)),
    )


def _speech_warnings(cut: PromptCut, semantic_tokenizer: SemanticTokenizer | None) -> Iterator[str]:
    heard = check_speech(cut.wave, semantic_tokenizer) if semantic_tokenizer else None
    if heard and heard.share < SPEECH_SHARE:
        yield f"only {100 * heard.share:.0f} % of it sound like speech; cut away music and noises."


def _warnings(cut: PromptCut, clipped: float) -> Iterator[str]:
    seconds = cut.wave.shape[0] / SAMPLE_RATE_HZ
    if seconds < BRIEF_S:
        yield f"only {seconds:.1f} s of it are speech; {BRIEF_S:g} s or more make a better likeness."
    if cut.level_db < QUIET_DB:
        yield f"it is quiet ({cut.level_db:.0f} dB); move closer to the microphone."
    if cut.level_db - cut.pause_db < NOISY_DB:
        yield "it is noisy, or music goes along; record in a quiet room."
    if clipped > CLIPPED_SHARE:
        yield "it is clipped, its peaks are cut off; turn the microphone down."
