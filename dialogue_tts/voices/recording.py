"""What is told about a recording before it becomes a voice: which part of it serves, how it sounds, and what that does to the
voice. A voice is continued from its prompt, with all that is heard in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from dialogue_tts.audio.bandwidth import NARROW_HZ
from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.quality import bandwidth_hz, clipped_share, decay_s
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import AudioError, VoiceError
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.voices.speech import SPEECH_SHARE, check_speech
from dialogue_tts.voices.voice import LONGEST_S, PromptCut, cut_prompt

BRIEF_S = 3.0  # a prompt that serves, but holds little of a voice
QUIET_DB, NOISY_DB = -45.0, 15.0  # level of speech; how far pauses should lie below it
CLIPPED_SHARE = 2e-3  # of all samples
RINGING_S = 0.5  # `decay_s` of a room that is heard


class RecordingMeasure(NamedTuple):
    """One thing that was measured of a recording.

    Attributes:
        name: "length", "level", "noise", "room", "band", "clipping" or "speech".
        value, unit: "length" and "room" (`decay_s`) in "s", "level" in "dB" of full scale, "noise" in "dB" that pauses lie
            below speech, "band" in "Hz", "clipping" and "speech" in "%".
        good: whether it serves.
        says: what was found; if it is not good, what that does to the voice, and what to do. A sentence without a capital.
    """

    name: str
    value: float
    unit: str
    good: bool
    says: str


@dataclass(frozen=True)
class Recording:
    """A recording as a voice would use it.

    Attributes:
        seconds: of the whole recording.
        start: where the part begins that is used, in seconds.
        prompt: that part, levelled, float32 (samples,) in [-1, 1] at 24 kHz.
        measures: what was measured; "room" is missing where too little of the speech breaks off, "speech" where the
            tokenizer does not know what speech is.
    """

    seconds: float
    start: float
    prompt: np.ndarray = field(repr=False, compare=False)
    measures: tuple[RecordingMeasure, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may spoil the voice, and what to do; a sentence each."""
        return tuple(measure.says for measure in self.measures if not measure.good)


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
    return Recording(
        seconds=wave.shape[0] / SAMPLE_RATE_HZ,
        start=cut.start / SAMPLE_RATE_HZ,
        prompt=cut.wave.numpy(),
        measures=(*_levels(cut), *_sound(wave, cut), *_speech(cut, semantic_tokenizer)),
    )


def _levels(cut: PromptCut) -> Iterator[RecordingMeasure]:
    seconds, below_db = cut.wave.shape[0] / SAMPLE_RATE_HZ, cut.level_db - cut.pause_db
    long, loud, quiet = seconds >= BRIEF_S, cut.level_db >= QUIET_DB, below_db >= NOISY_DB
    yield RecordingMeasure(
        "length",
        seconds,
        "s",
        long,
        f"{seconds:.1f} s of it are used, which is enough."
        if long
        else f"only {seconds:.1f} s of it are speech; {BRIEF_S:g} s or more make a better likeness.",
    )
    yield RecordingMeasure(
        "level",
        cut.level_db,
        "dB",
        loud,
        f"speech is at {cut.level_db:.0f} dB, and is brought to the level of all voices."
        if loud
        else f"it is quiet ({cut.level_db:.0f} dB), and its noise is raised with it; move closer to the microphone.",
    )
    yield RecordingMeasure(
        "noise",
        below_db,
        "dB",
        quiet,
        f"pauses lie {below_db:.0f} dB below speech: it is quiet enough."
        if quiet
        else f"it is noisy, or music goes along: pauses lie only {below_db:.0f} dB below speech, and the voice will have "
        "some of that with it; record in a quiet room.",
    )


def _sound(wave: Tensor, cut: PromptCut) -> Iterator[RecordingMeasure]:
    room_s, band_hz, clipped = (
        decay_s(cut.wave, SAMPLE_RATE_HZ),
        bandwidth_hz(cut.wave, SAMPLE_RATE_HZ),
        clipped_share(wave),
    )
    if room_s is not None:
        yield RecordingMeasure(
            "room",
            room_s,
            "s",
            room_s <= RINGING_S,
            "the room is hardly heard."
            if room_s <= RINGING_S
            else f"the room is heard, it rings for {room_s:.1f} s or more, and the voice will sound as far away; "
            "move closer to the microphone, or into a room with curtains and cushions.",
        )
    yield RecordingMeasure(
        "band",
        band_hz,
        "Hz",
        band_hz >= NARROW_HZ,
        f"its band reaches {band_hz / 1000:.0f} kHz."
        if band_hz >= NARROW_HZ
        else f"its band ends at {band_hz / 1000:.1f} kHz, as on a telephone, and what the voice has besides is guessed; "
        "another microphone, or the file before it was compressed, makes a better likeness.",
    )
    yield RecordingMeasure(
        "clipping",
        100 * clipped,
        "%",
        clipped <= CLIPPED_SHARE,
        "its peaks are whole."
        if clipped <= CLIPPED_SHARE
        else "it is clipped, its peaks are cut off, and the voice will sound hoarse; turn the microphone down.",
    )


def _speech(cut: PromptCut, semantic_tokenizer: SemanticTokenizer | None) -> Iterator[RecordingMeasure]:
    heard = check_speech(cut.wave, semantic_tokenizer) if semantic_tokenizer else None
    if heard:
        good = heard.share >= SPEECH_SHARE
        told = f"{100 * heard.share:.0f} % of it sound like speech"
        yield RecordingMeasure(
            "speech", 100 * heard.share, "%", good, f"{told}." if good else f"only {told}; cut away music and noises."
        )
