"""Recordings where there are none: a teacher speaks scripts, and the result is a manifest like any other.

hibari-tts is quick (100 times real time on a core) and has one voice, enough for text-to-semantic, since semantic
tokens leave the voice out. Kokoro has many voices; its weights must be given.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from dialogue_tts.audio.io import write_audio
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import DataError, ScriptError
from dialogue_tts.files import whole_file
from dialogue_tts.text.phonemes import TextFrontend

Progress = Callable[[int, int], None]
SILENT = 10 ** (-50 / 20)  # of the peak
KEPT_SILENCE_S = 0.08
BLENDS = 800
TIMBRE_WIDTH = 128  # of a style vector; the rest is prosody (StyleTTS 2, arXiv 2306.07691, section 3)
# The development set's speakers are blends of these: who is judged must not be heard in training.
JUDGED_PAIRS = frozenset(
    frozenset(pair)
    for pair in (
        ("af_river", "af_heart"),
        ("am_santa", "am_echo"),
        ("am_liam", "bm_fable"),
        ("bm_fable", "bm_lewis"),
        ("bf_lily", "af_heart"),
        ("bf_lily", "af_nicole"),
    )
)


class Teacher(Protocol):
    """Speaks phonemes."""

    voices: tuple[str, ...]

    def speak(self, phonemes: str, voice: str, seed: int) -> np.ndarray:
        """Mono float32 (samples,) at 24 kHz."""


class HibariTeacher:
    """hibari-tts (Apache-2.0): one voice."""

    voices: tuple[str, ...] = ("hibari",)

    def __init__(self) -> None:
        from hibari import Hibari

        self._tts = Hibari()

    def speak(self, phonemes: str, voice: str, seed: int) -> np.ndarray:
        """See `Teacher`; tempo varies by a tenth, as people's does."""
        speed = float(np.random.default_rng(seed).uniform(0.9, 1.1))
        return np.asarray(self._tts.from_phonemes(phonemes, speed=speed, seed=seed), np.float32)


class KokoroTeacher:
    """Kokoro-82M (Apache-2.0) through kokoro-onnx, with `kokoro-v1.0*.onnx` and `voices.npz` from a folder.

    A voice blends the timbre of two of Kokoro's voices, of whatever language, and has the prosody of an English one: a
    network that is to speak like any prompt must have heard many voices. It runs on one core; several processes may
    share the scripts.
    """

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from kokoro_onnx import Kokoro

        weights = sorted(folder.glob("kokoro*.onnx"))
        if not weights or not (folder / "voices.npz").is_file():
            raise DataError(f"{folder}: needs kokoro-v1.0.onnx (or .int8.onnx) and voices.npz.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(weights[0]), options, providers=["CPUExecutionProvider"])
        self._tts = Kokoro.from_session(session, str(folder / "voices.npz"))
        timbres = sorted(np.load(folder / "voices.npz").files)
        self._blends = blends(timbres, [voice for voice in timbres if voice[0] in "ab"], BLENDS)
        self.voices = tuple(self._blends)

    def speak(self, phonemes: str, voice: str, seed: int) -> np.ndarray:
        """See `Teacher`; Kokoro draws nothing, so the seed is not used."""
        blend = self._blends[voice]
        first, second, prosody = (  # (lengths, 1, width), some files leave out the 1
            (style := self._tts.get_voice_style(name)).reshape(len(style), 1, -1)
            for name in (blend.first, blend.second, blend.prosody)
        )
        style = blend.share * first + (1 - blend.share) * second
        style[..., TIMBRE_WIDTH:] = prosody[..., TIMBRE_WIDTH:]
        wave, _ = self._tts.create(phonemes, voice=style.astype(np.float32), is_phonemes=True)
        return np.asarray(wave, np.float32)


class Blend(NamedTuple):
    """A voice made of others: `share` of the first's timbre, the rest the second's, and a third's prosody."""

    first: str
    second: str
    share: float
    prosody: str


def blends(timbres: Sequence[str], prosodies: Sequence[str], count: int) -> dict[str, Blend]:
    """`count` blends by name, none of a pair in `JUDGED_PAIRS`; the same ones every time."""
    rng = np.random.default_rng(0)
    found: dict[str, Blend] = {}
    while len(found) < count:
        first, second = (timbres[int(i)] for i in rng.integers(len(timbres), size=2))
        prosody = prosodies[int(rng.integers(len(prosodies)))]
        share = round(float(rng.uniform(0.1, 0.9)), 2)
        if first != second and frozenset((first, second)) not in JUDGED_PAIRS:
            found[f"{first}+{second}@{share}/{prosody}"] = Blend(first, second, share, prosody)
    return found


def make_teacher(name: str) -> Teacher:
    """`hibari`, or `kokoro:FOLDER`. Raises DataError for any other, or where its package is missing."""
    kind, _, folder = name.partition(":")
    try:
        if kind == "hibari" and not folder:
            return HibariTeacher()
        if kind == "kokoro" and folder:
            return KokoroTeacher(Path(folder))
    except ImportError as error:
        raise DataError(f"{name}: install its package first (pip install {error.name}).") from None
    raise DataError(f"{name}: there is no such teacher; give hibari, or kokoro:FOLDER.")


class ScriptLine(NamedTuple):
    """One turn of a script file."""

    id: str
    dialogue: str
    turn: int
    role: str
    text: str


def read_scripts(path: Path) -> Iterator[ScriptLine]:
    """Turns of a JSONL file of {id, turns: [[role, text], ...]}. Raises DataError naming a bad line."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file of scripts.")
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            turns = [(str(role), str(text)) for role, text in row["turns"]]
            name = str(row["id"])
            if not all(role for role, _ in turns):
                raise ValueError("a role is empty")
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{path}, line {number}: needs id and turns [[role, text], ...] ({error}).") from None
        for turn, (role, text) in enumerate(turns):
            yield ScriptLine(f"{name}-{turn:02d}", name, turn, role, text)


def speak_scripts(scripts: Path, folder: Path, teacher: Teacher, progress: Progress, split: str = "train") -> int:
    """Let `teacher` speak every turn of `scripts` into `folder`/audio, and write `folder`/manifest.jsonl.

    Each role of a dialogue keeps one voice; where the teacher has but one, every role counts as a speaker of its own, from
    whom `corpus.vary_voices` makes a voice each. What was spoken before, the same words in the same voice, is not spoken
    again. Turns that the text front end rejects are left out; returns how many.
    """
    frontend = TextFrontend()
    lines = list(read_scripts(scripts))
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    rejected = 0
    for number, line in enumerate(lines):
        place = zlib.crc32(line.dialogue.encode()) + ord(line.role[0])  # neighbours: no two roles share a voice
        voice = teacher.voices[place % len(teacher.voices)]
        try:
            phonemes = frontend.speak(line.text).phonemes
        except ScriptError:
            rejected += 1
            continue
        audio = f"audio/{line.id}-{zlib.crc32(f'{phonemes} {voice}'.encode()):08x}.wav"
        if not (folder / audio).is_file():
            write_audio(folder / audio, trim(teacher.speak(phonemes, voice, seed=number)), SAMPLE_RATE_HZ)
        speaker = voice if len(teacher.voices) > 1 else f"{voice}/{line.dialogue}/{line.role}"
        rows.append(
            {"id": line.id, "audio": audio, "text": line.text, "phonemes": phonemes, "speaker": speaker}
            | {"dialogue": line.dialogue, "turn": line.turn, "split": split}
        )
        progress(number + 1, len(lines))
    with whole_file(folder / "manifest.jsonl") as draft, draft.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return rejected


def trim(wave: np.ndarray) -> np.ndarray:
    """Cut silence at the ends down to `KEPT_SILENCE_S`."""
    loud = np.flatnonzero(np.abs(wave) > SILENT * max(float(np.abs(wave).max()), 1e-5))
    if not loud.size:
        return wave
    kept = round(KEPT_SILENCE_S * SAMPLE_RATE_HZ)
    return wave[max(0, loud[0] - kept) : loud[-1] + kept]
