"""What systems are judged on, and the judging; `report` has what comes of it.

A system is a function: a dialogue in, the audio of its turns out (`Speaks`), or a recording in, its resynthesis out
(`Respeaks`). Nothing here knows how the audio is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dialogue_tts.audio.io import read_audio
from dialogue_tts.errors import AudioError, DialogueTTSError
from dialogue_tts.evaluation.judges import JUDGE_RATE_HZ, Judges
from dialogue_tts.evaluation.measures import high_band_db, nearest_prompt, similarity, word_errors
from dialogue_tts.evaluation.report import Report, SystemResult, TurnResult
from dialogue_tts.evaluation.sets import EvalDialogue, EvalRecording


@dataclass(frozen=True)
class TurnAudio:
    """Audio of one turn: mono float32 (samples,) in [-1, 1].

    Attributes:
        phone_error: what the system itself thinks of it, in [0, 1] or a little above; None if it does not say.
        draws: how often it drew the turn to get there.
    """

    wave: np.ndarray
    sample_rate_hz: int
    phone_error: float | None = None
    draws: int | None = None

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.wave.size / self.sample_rate_hz


Speaks = Callable[[EvalDialogue], Sequence[TurnAudio]]
Respeaks = Callable[[EvalRecording], TurnAudio]
Progress = Callable[[str, int, int], None]  # system, turns done, turns in all


def play(recording: EvalRecording) -> TurnAudio:
    """The system "recording": what was recorded, at the judges' rate."""
    return TurnAudio(read_audio(recording.audio, JUDGE_RATE_HZ).numpy(), JUDGE_RATE_HZ)


@dataclass(frozen=True)
class _Wanted:
    """What a turn should be: its words, its voice, and for each judge of voices the prompts (D,) to tell it from."""

    id: str
    text: str
    voice: str
    prompts: Mapping[str, Mapping[str, np.ndarray]]
    held_out: np.ndarray | None = None


def evaluate_systems(
    systems: Mapping[str, Speaks],
    dialogues: Sequence[EvalDialogue],
    judges: Judges,
    progress: Progress | None = None,
) -> Report:
    """Let each system speak all dialogues and judge every turn.

    Raises:
        DialogueTTSError: a system returned another number of turns than the dialogue has.
    """
    paths = {p for d in dialogues for p in (*d.models.values(), *d.held_out.values())}
    known = _embed_files(paths, judges)
    wanted = [_wanted_turns(dialogue, known) for dialogue in dialogues]
    return _evaluate(systems, list(zip(dialogues, wanted, strict=True)), judges, progress)


def evaluate_recordings(
    systems: Mapping[str, Respeaks],
    recordings: Sequence[EvalRecording],
    judges: Judges,
    progress: Progress | None = None,
) -> Report:
    """Let each system speak all recordings again and judge the result (`play` gives the recordings themselves).

    A turn's voice is told from one prompt for each speaker among the recordings.
    """
    known = _embed_files({r.prompt for r in recordings}, judges)
    by_speaker = {r.speaker: r.prompt for r in reversed(recordings)}
    tasks = [
        (r, [_Wanted(r.id, r.text, r.speaker, _by_judge(known, {**by_speaker, r.speaker: r.prompt}))])
        for r in recordings
    ]
    return _evaluate({name: _listed(respeak) for name, respeak in systems.items()}, tasks, judges, progress)


def _listed(respeak: Respeaks) -> Callable[[EvalRecording], list[TurnAudio]]:
    return lambda recording: [respeak(recording)]


def _evaluate(
    systems: Mapping[str, Callable[[Any], Sequence[TurnAudio]]],
    tasks: Sequence[tuple[EvalDialogue | EvalRecording, list[_Wanted]]],
    judges: Judges,
    progress: Progress | None,
) -> Report:
    total = sum(len(wanted) for _, wanted in tasks)
    results = []
    for name, speak in systems.items():
        turns: list[TurnResult] = []
        compute_s = 0.0
        for task, wanted in tasks:
            start = time.perf_counter()
            spoken = speak(task)
            compute_s += time.perf_counter() - start
            if len(spoken) != len(wanted):
                raise DialogueTTSError(f"{name} spoke {len(spoken)} of the {len(wanted)} turns of {task.id}.")
            for audio, turn in zip(spoken, wanted, strict=True):
                turns.append(_judge_turn(turn, audio, judges))
                if progress:
                    progress(name, len(turns), total)
        results.append(SystemResult(name, tuple(turns), compute_s))
    return Report(tuple(results))


def _judge_turn(wanted: _Wanted, audio: TurnAudio, judges: Judges) -> TurnResult:
    """Judge one turn; no samples at all count as a tenth of a second of silence."""
    rate_hz = audio.sample_rate_hz
    if not np.isfinite(audio.wave).all():
        raise AudioError(f"The audio of {wanted.id} holds values that are no numbers.")
    wave = audio.wave if audio.wave.size else np.zeros(rate_hz // 10, dtype=np.float32)
    heard = judges.words.transcribe(wave, rate_hz)
    counted = word_errors(wanted.text, heard)
    voices = {name: judge.embed(wave, rate_hz) for name, judge in judges.of_voices.items()}
    likeness = {name: similarity(voice, wanted.prompts[name][wanted.voice]) for name, voice in voices.items()}
    nearest = {name: nearest_prompt(voice, wanted.prompts[name]) for name, voice in voices.items()}
    return TurnResult(
        id=wanted.id,
        voice=wanted.voice,
        text=wanted.text,
        heard=heard,
        errors=counted.errors,
        words=counted.words,
        similarity=likeness["voices"],
        held_out=None if wanted.held_out is None else similarity(voices["voices"], wanted.held_out),
        nearest=nearest["voices"],
        rivals=len(wanted.prompts["voices"]) - 1,
        dnsmos=judges.quality.overall(wave, rate_hz),
        distillmos=judges.naturalness.overall(wave, rate_hz),
        high_band_db=high_band_db(wave, rate_hz),
        seconds=audio.seconds,
        phone_error=audio.phone_error,
        draws=audio.draws,
        utmos=judges.utmos.overall(wave, rate_hz) if judges.utmos else None,
        wavlm_similarity=likeness.get("wavlm"),
        wespeaker_similarity=likeness.get("wespeaker"),
        wespeaker_nearest=nearest.get("wespeaker"),
    )


_Known = Mapping[str, Mapping[Path, np.ndarray]]  # judge -> file -> embedding (D,)


def _by_judge(known: _Known, prompts: Mapping[str, Path]) -> dict[str, dict[str, np.ndarray]]:
    return {judge: {voice: found[path] for voice, path in prompts.items()} for judge, found in known.items()}


def _wanted_turns(dialogue: EvalDialogue, known: _Known) -> list[_Wanted]:
    prompts = _by_judge(known, dialogue.models)
    held_out = {role: known["voices"][path] for role, path in dialogue.held_out.items()}
    return [
        _Wanted(f"{dialogue.id}-{position:02d}", text, role, prompts, held_out.get(role))
        for position, (role, text) in enumerate(dialogue.turns)
    ]


def _embed_files(paths: Iterable[Path], judges: Judges) -> _Known:
    """Each file once, by each judge of voices."""
    waves = {path: read_audio(path, JUDGE_RATE_HZ).numpy() for path in sorted(paths)}
    return {
        name: {path: judge.embed(wave, JUDGE_RATE_HZ) for path, wave in waves.items()}
        for name, judge in judges.of_voices.items()
    }
