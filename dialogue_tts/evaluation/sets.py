"""What systems are judged on: dialogues to be spoken and recordings to be spoken again, as found and made harder."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import torchaudio

from dialogue_tts.audio.io import read_audio, resample, write_audio
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.errors import DataError
from dialogue_tts.evaluation.judges import JUDGE_RATE_HZ, VoiceJudge
from dialogue_tts.evaluation.measures import similarity

BROKEN_MIN_WORDS = 4  # a turn of at least so many words is broken when over half of them are wrong
TELEPHONE_RATE_HZ, TELEPHONE_BAND_HZ = 8_000, (300.0, 3_400.0)
MU_LAW_CODES = 256  # ITU-T G.711


@dataclass(frozen=True)
class EvalDialogue:
    """A script to be spoken.

    Attributes:
        turns: (role, text) in order.
        voices: role -> recording to prompt with.
        held_out: role -> another recording of that voice, which no system hears; may be empty.
        likened_to: role -> recording that stands for the voice when it is judged; the prompts, where it is empty.
    """

    id: str
    turns: tuple[tuple[str, str], ...]
    voices: Mapping[str, Path]
    held_out: Mapping[str, Path] = field(default_factory=dict)
    likened_to: Mapping[str, Path] = field(default_factory=dict)

    @property
    def models(self) -> Mapping[str, Path]:
        """Role -> recording that its turns are to sound like."""
        return self.likened_to or self.voices


@dataclass(frozen=True)
class EvalRecording:
    """A recorded utterance to be spoken again; `prompt` is another recording of its speaker. `text` is empty where nobody knows
    what is said."""

    id: str
    audio: Path
    text: str
    speaker: str
    prompt: Path


def load_dialogues(eval_dir: str | Path) -> list[EvalDialogue]:
    """Dialogues of a set laid out like `scripts.jsonl` with `prompts/VOICE_a.flac` (prompt) and `_b.flac` (held out).

    Raises:
        DataError: no such set, or an entry that cannot be used.
    """
    folder = Path(eval_dir)
    dialogues = []
    for where, row in json_lines(folder / "scripts.jsonl"):
        try:
            turns = tuple((role, text) for role, text in row["turns"])
            named = {role: row["voices"][role] for role, _ in turns}
            identity = row["id"]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where}: needs id, turns [[role, text], ...], voices for all roles ({error}).") from None
        voices, held_out = (
            {role: folder / "prompts" / f"{voice}_{take}.flac" for role, voice in named.items()} for take in "ab"
        )
        for path in voices.values():
            if not path.is_file():
                raise DataError(f"{where}: there is no prompt {path}.")
        dialogues.append(EvalDialogue(identity, turns, voices, {r: p for r, p in held_out.items() if p.is_file()}))
    return dialogues


def load_recordings(
    corpus: str | Path, split: str, limit: int | None = None, min_words: int = BROKEN_MIN_WORDS
) -> list[EvalRecording]:
    """Recordings of a corpus split, the speakers taking turns, so that a small limit hears them all. `corpus` is a manifest,
    such as `data manifest` writes, or a folder that has one as metadata.jsonl.

    The prompt is the speaker's longest other recording of up to ten seconds, of any split. Turns of fewer than
    `min_words` words ("Xavier.") and of speakers with one recording are left out.

    Raises:
        DataError: no such corpus or split, or an entry that cannot be used.
    """
    manifest = Path(corpus)
    manifest = manifest / "metadata.jsonl" if manifest.is_dir() or not manifest.suffix else manifest
    folder = manifest.parent
    spoken: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for where, row in json_lines(manifest):
        missing = {"id", "audio", "text", "speaker", "split"} - row.keys()
        if missing:
            raise DataError(f"{where}: lacks {', '.join(sorted(missing))}.")
        spoken[row["speaker"]].append(row)
    queues = []
    for _, rows in sorted(spoken.items()):
        wanted = [r for r in rows if r["split"] == split and len(r["text"].split()) >= min_words]
        queues.append([r for r in wanted if len(rows) > 1])
    turns = [queue[i] for i in range(max(map(len, queues), default=0)) for queue in queues if i < len(queue)]
    if not turns:
        raise DataError(f"{folder}: no recordings of the split '{split}' to judge.")
    return [_recording(folder, row, spoken[row["speaker"]]) for row in turns[:limit]]


def _recording(folder: Path, row: dict[str, Any], of_speaker: list[dict[str, Any]]) -> EvalRecording:
    def fitness(other: dict[str, Any]) -> tuple[bool, float]:
        seconds = other["seconds"] if "seconds" in other else _duration_s(folder / other["audio"])
        return seconds <= 10, seconds if seconds <= 10 else -seconds

    prompt = max((r for r in of_speaker if r["id"] != row["id"]), key=fitness)
    return EvalRecording(row["id"], folder / row["audio"], row["text"], row["speaker"], folder / prompt["audio"])


def _duration_s(path: Path) -> float:
    try:
        return float(soundfile.info(path).duration)
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(f"{path}: this recording cannot be read ({error}).") from None


def json_lines(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """(place for messages, object) of each line."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            try:
                yield f"{path}:{number}", json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}:{number}: not JSON ({error}).") from None


def like_voices(dialogues: Sequence[EvalDialogue], judge: VoiceJudge) -> list[EvalDialogue]:
    """Dialogues of two whose voices are alike: the judge pairs the set's prompts, the most similar first, each voice once, and
    every pair speaks one of the scripts, whose roles take turns at its voices."""
    prompts = sorted({path for dialogue in dialogues for path in dialogue.voices.values()})
    held_out = {path: d.held_out[role] for d in dialogues for role, path in d.voices.items() if role in d.held_out}
    known = {path: judge.embed(read_audio(path, JUDGE_RATE_HZ).numpy(), JUDGE_RATE_HZ) for path in prompts}
    pairs: list[tuple[Path, Path]] = []
    for pair in sorted(combinations(prompts, 2), key=lambda pair: -similarity(known[pair[0]], known[pair[1]])):
        if not {path for taken in pairs for path in taken} & set(pair):
            pairs.append(pair)
    found = []
    for dialogue, pair in zip(dialogues, pairs, strict=False):
        roles = list(dict.fromkeys(role for role, _ in dialogue.turns))
        turns = tuple(("AB"[roles.index(role) % 2], text) for role, text in dialogue.turns)
        voices = dict(zip("AB", pair, strict=True))
        rest = {role: held_out[path] for role, path in voices.items() if path in held_out}
        found.append(EvalDialogue(f"{dialogue.id}-alike", turns, voices, rest))
    return found


def by_telephone(dialogues: Sequence[EvalDialogue], folder: Path) -> list[EvalDialogue]:
    """The dialogues with prompts as a telephone hands them on, written into `folder`; judged by the clean ones."""
    made: dict[Path, Path] = {}
    for path in sorted({path for dialogue in dialogues for path in dialogue.voices.values()}):
        made[path] = folder / f"{len(made):03d}-{path.stem}.wav"
        write_audio(made[path], telephone(read_audio(path, SAMPLE_RATE_HZ).numpy()), SAMPLE_RATE_HZ)
    return [
        replace(d, voices={role: made[path] for role, path in d.voices.items()}, likened_to=d.voices) for d in dialogues
    ]


def recordings_as_long(
    dialogues: Sequence[EvalDialogue], seconds: Sequence[float], folder: Path, seed: int = 0
) -> list[EvalRecording]:
    """For each turn a stretch of the held-out recording of its voice that lasts as long as the turn does: judges of voices and
    of quality think less of short sounds, whoever speaks. Of three places that chance draws it is the loudest. Written into
    `folder`, without text, since words are cut; turns of voices without a held-out recording are left out.

    seconds: of all turns, one dialogue's after the other's.
    """
    dice = np.random.default_rng(seed)
    turns = [
        (f"{d.id}-{n:02d}", d.voices[role], d.held_out.get(role))
        for d in dialogues
        for n, (role, _) in enumerate(d.turns)
    ]
    found: list[EvalRecording] = []
    for (identity, prompt, held_out), wanted_s in zip(turns, seconds, strict=True):
        if held_out is None:
            continue
        wave = read_audio(held_out, SAMPLE_RATE_HZ).numpy()
        size = min(wave.size, round(wanted_s * SAMPLE_RATE_HZ))
        stretches = [wave[start : start + size] for start in dice.integers(0, wave.size - size + 1, 3)]
        path = folder / f"{len(found):03d}.wav"
        write_audio(path, max(stretches, key=lambda stretch: float(np.square(stretch).sum())), SAMPLE_RATE_HZ)
        found.append(EvalRecording(identity, path, "", str(prompt), prompt))
    return found


def telephone(wave: np.ndarray) -> np.ndarray:
    """Mono float32 (samples,) at 24 kHz -> what is left of it after a narrow-band telephone line: 300 to 3400 Hz at 8 kHz, in
    mu-law's 256 steps (ITU-T G.711); again at 24 kHz."""
    sound = resample(torch.from_numpy(wave), SAMPLE_RATE_HZ, TELEPHONE_RATE_HZ)
    low, high = TELEPHONE_BAND_HZ
    for _ in range(2):  # fourth order
        sound = torchaudio.functional.highpass_biquad(sound, TELEPHONE_RATE_HZ, low)
        sound = torchaudio.functional.lowpass_biquad(sound, TELEPHONE_RATE_HZ, high)
    codes = torchaudio.functional.mu_law_encoding(sound.clamp(-1, 1), MU_LAW_CODES)
    heard = resample(torchaudio.functional.mu_law_decoding(codes, MU_LAW_CODES), TELEPHONE_RATE_HZ, SAMPLE_RATE_HZ)
    return np.asarray(heard.clamp(-1, 1).numpy(), np.float32)
