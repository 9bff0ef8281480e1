"""Our pipeline as the systems that are judged: the full path, and the steps on the way to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dialogue_tts.acoustic.generate import Passage, Prompt, assemble, generate_codes, target_codes
from dialogue_tts.acoustic.model import Frames
from dialogue_tts.audio.io import read_audio
from dialogue_tts.audio.signal import pad_to_frames
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.evaluation.report import EvalDialogue, Recording, Respeaks, Speaks, TurnAudio
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.semantic.align import Units, heard_units, units_said
from dialogue_tts.text.phonemes import TextFrontend

Fills = Callable[[Frames, Tensor], Tensor]  # frames and which of them are valid, bool (B, T) -> codes (B, T, Q)


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

    def speak(recording: Recording) -> TurnAudio:
        codec = tts.bundle.codec
        return _audio(codec.decode(codec.encode(_wave(recording.audio)[None]))[0])

    return speak


def from_true_semantic_tokens(tts: DialogueTTS, seed: int = 0, fill: Fills | None = None) -> Respeaks:
    """SoundStorm and codec from a recording's own semantic tokens and text, with another recording of the speaker as
    prompt. A recording whose tokens do not read like its text (see `heard_units`) is made without the text.

    fill: another generator of acoustic tokens than the bundle's SoundStorm.
    """
    frontend = TextFrontend()
    decoding = tts.bundle.config.acoustic_decoding
    fill = fill or (lambda frames, valid: generate_codes(tts.bundle.soundstorm, frames, valid, decoding, [seed]))
    voice_of: Callable[[Path], Prompt] = lru_cache(maxsize=64)(
        lambda path: Prompt(0, *((v := tts.voice(path)).semantic, v.codes))
    )

    def speak(recording: Recording) -> TurnAudio:
        bundle = tts.bundle
        semantic = bundle.semantic_tokenizer.encode(_wave(recording.audio)[None])[0]
        units = Units.of(frontend.speak(recording.text).phonemes)
        path = heard_units(semantic, units, bundle.semantic_tokenizer, bundle.config.text_to_semantic.max_advance)
        said = None if path is None else units_said(units, path)
        passage = Passage([voice_of(recording.prompt)], semantic, torch.zeros_like(semantic), said)
        frames, valid = assemble([passage], bundle.soundstorm.config.levels)
        codes = fill(frames, valid)
        return _audio(bundle.codec.decode(target_codes(codes, frames, valid)[0][None])[0])

    return speak


def _wave(path: Path) -> Tensor:
    return pad_to_frames(read_audio(path, SAMPLE_RATE_HZ), HOP)


def _audio(wave: Tensor) -> TurnAudio:
    return TurnAudio(np.asarray(wave.numpy(), np.float32), SAMPLE_RATE_HZ)
