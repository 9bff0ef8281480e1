"""Our pipeline as the systems that are judged: the full path, and the steps on the way to it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from torch import Tensor

from dialogue_tts.acoustic.generate import generate_codes, to_fill
from dialogue_tts.acoustic.model import Frames
from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.signal import pad_to_frames
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.evaluation.judging import Respeaks, Speaks, TurnAudio
from dialogue_tts.evaluation.sets import EvalDialogue, EvalRecording
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


def from_true_semantic_tokens(
    tts: DialogueTTS, seed: int = 0, fill: FillCodes | None = None, true_levels: int = 0
) -> Respeaks:
    """SoundStorm and codec from a recording's own semantic tokens and text, with another recording of the speaker as
    prompt. A recording whose tokens do not read like its text (see `heard_phones`) is made without the text.

    fill: another generator of acoustic tokens than the bundle's SoundStorm.
    true_levels: so many levels of the codes are the recording's own, and SoundStorm gives the others.
    """
    frontend = TextFrontend()
    voice_of = lru_cache(maxsize=64)(tts.voice)

    def speak(recording: EvalRecording) -> TurnAudio:
        phonemes = frontend.speak(recording.text).phonemes
        voice = voice_of(recording.prompt)
        wave = _wave(recording.audio)
        filled = _knowing_levels(tts, wave, true_levels, seed) if true_levels else fill
        return _audio(tts.synthesizer.respeak(wave, phonemes, voice, seed, filled))

    return speak


def _knowing_levels(tts: DialogueTTS, wave: Tensor, levels: int, seed: int) -> FillCodes:
    """The bundle's SoundStorm, which knows the first levels of a recording, float32 (T * HOP,)."""
    bundle = tts.bundle
    known = bundle.codec.encode(wave[None])[0]

    def fill(frames: Frames, valid: Tensor) -> Tensor:
        codes = frames.codes.clone()
        config = bundle.soundstorm.config
        codes[to_fill(frames, valid, config)] = config.rate.own_frames(known)
        seen, decoding = frames._replace(codes=codes), bundle.config.acoustic_decoding
        return generate_codes(bundle.soundstorm, seen, valid, decoding, [seed], given=levels)

    return fill


def _wave(path: Path) -> Tensor:
    return pad_to_frames(read_audio(path, SAMPLE_RATE_HZ), HOP)


def _audio(wave: Tensor) -> TurnAudio:
    return TurnAudio(np.asarray(wave.numpy(), np.float32), SAMPLE_RATE_HZ)
