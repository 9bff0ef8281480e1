"""Our pipeline as the systems that are judged: the full path, and the steps on the way to it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.signal import pad_to_frames
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.evaluation.report import EvalDialogue, EvalRecording, Respeaks, Speaks, TurnAudio
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.synthesis.synthesizer import FillCodes
from dialogue_tts.text.phonemes import TextFrontend


def full_path(tts: DialogueTTS, seed: int = 0) -> Speaks:
    """Text in, speech out: what users hear, turn by turn."""

    def speak(dialogue: EvalDialogue) -> list[TurnAudio]:
        script = Script(tuple(Turn(role, text) for role, text in dialogue.turns))
        result = tts.synthesize(script, dict(dialogue.voices), seed=seed)
        return [
            TurnAudio(result.turn_waveform(turn.index), SAMPLE_RATE_HZ, turn.check.phone_error, turn.draws)
            for turn in result.turns
        ]

    return speak


def codec_resynthesis(tts: DialogueTTS) -> Respeaks:
    """A recording through the codec: the ceiling of all later stages."""

    def speak(recording: EvalRecording) -> TurnAudio:
        return _audio(tts.synthesizer.through_codec(_wave(recording.audio)))

    return speak


def from_true_semantic_tokens(tts: DialogueTTS, seed: int = 0, fill: FillCodes | None = None) -> Respeaks:
    """SoundStorm and codec from a recording's own semantic tokens and text, with another recording of the speaker as
    prompt. A recording whose tokens do not read like its text (see `heard_phones`) is made without the text.

    fill: another generator of acoustic tokens than the bundle's SoundStorm.
    """
    frontend = TextFrontend()
    voice_of = lru_cache(maxsize=64)(tts.voice)

    def speak(recording: EvalRecording) -> TurnAudio:
        phonemes = frontend.speak(recording.text).phonemes
        voice = voice_of(recording.prompt)
        return _audio(tts.synthesizer.respeak(_wave(recording.audio), phonemes, voice, seed, fill))

    return speak


def _wave(path: Path) -> Tensor:
    return pad_to_frames(read_audio(path, SAMPLE_RATE_HZ), HOP)


def _audio(wave: Tensor) -> TurnAudio:
    return TurnAudio(np.asarray(wave.numpy(), np.float32), SAMPLE_RATE_HZ)
