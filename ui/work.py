"""One dialogue in the works: takes of its rows, the sound as far as it goes, and what the page is told about them.

A `Work` is filled by the engine's thread and read by the page, which asks for what changed since the version it knows.
"""

from __future__ import annotations

import json
import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dialogue_tts._ui.turns import Row, spoken
from dialogue_tts.audio.io import write_audio
from dialogue_tts.config import SAMPLE_RATE_HZ, to_dict
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Chunk, Dialogue, Part, Revision, Take
from dialogue_tts.dialogue.subtitles import cues
from dialogue_tts.dialogue.turns import SpokenTurn
from dialogue_tts.errors import AudioError, Cancelled, DialogueTTSError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.turns import Script
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.stream import Stream
from dialogue_tts.voices.voice import Voice

PEAKS = 900  # of the waveform that is drawn
OVERHEAD = 12  # characters that a turn costs beside its text, for the time left
State = Literal["queued", "making", "made", "failed", "none"]
log = logging.getLogger(__name__)


class FullError(DialogueTTSError):
    """There is no place for sounds."""


@dataclass(frozen=True)
class Order:
    """What is to be made.

    Attributes:
        rows: all that the result will hold, in order.
        voices: of each speaker, as the library takes them; refs: as the page names them.
        seeds: row's number -> seed, for rows that are not to have the one that follows from `seed`.
    """

    rows: tuple[Row, ...]
    voices: Mapping[str, str | Voice]
    refs: Mapping[str, str]
    seed: int
    config: SynthesisConfig
    seeds: Mapping[int, int] = field(default_factory=dict)

    @property
    def script(self) -> Script:
        """Lines are the rows' numbers."""
        turns = (replace(row.turn, line=n) for n, row in enumerate(self.rows, start=1))
        return Script(tuple(spoken(turn) or turn for turn in turns))

    def without(self, row: str) -> Order:
        """The same, less one row."""
        places = [n for n, r in enumerate(self.rows) if r.id != row]
        seeds = {place: self.seeds[n] for place, n in enumerate(places) if n in self.seeds}
        return replace(self, rows=tuple(self.rows[n] for n in places), seeds=seeds)


@dataclass
class Job:
    """A making that waits or runs.

    Attributes:
        costs: row -> characters, of the rows that have to be computed.
        pace_s: seconds a character takes, as far as is known beforehand.
        kept, made: row -> part, as they were before and as they came.
        began, came: when it began, and when the last of its rows came.
    """

    order: Order
    cast: Mapping[str, Voice]
    pace_s: float
    costs: Mapping[str, int] = field(default_factory=dict)
    kept: dict[str, Part] = field(default_factory=dict)
    made: dict[str, Part] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    began: float | None = None
    came: float | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    @property
    def done(self) -> int:
        """How many of the rows that have to be computed are."""
        return len(self.costs.keys() & (self.made.keys() | self.failed))

    def left_s(self) -> float:
        """Expected, by its own pace once that shows; a quarter of it stays while a turn takes longer than its share."""
        all_of_it = sum(self.costs.values())
        spent = sum(cost for row, cost in self.costs.items() if row in self.made or row in self.failed)
        came = self.came or self.began or time.monotonic()
        pace_s = (came - self.began) / spent if self.began and spent > 0.25 * all_of_it else self.pace_s
        rest_s = pace_s * (all_of_it - spent)
        return max(rest_s / 4, rest_s - (time.monotonic() - came))


@dataclass(frozen=True)
class _Mark:
    version: int
    state: State
    message: str = ""


class Work:
    """Safe to use from several threads; one job at a time."""

    def __init__(self, tts: DialogueTTS, folder: Path) -> None:
        self.folder = folder
        self.dialogue: Dialogue | None = None
        self.ids: tuple[str, ...] = ()  # of the rows that are the dialogue's turns
        self.refs: Mapping[str, str] = {}
        self.job: Job | None = None
        self.waits: Callable[[], None] | None = None  # what the engine was given for the job
        self._tts = tts
        self._version = 0
        self._marks: dict[str, _Mark] = {}
        self._chunks: list[tuple[int, dict[str, Any]]] = []  # (version, what the page plays)
        self._result: tuple[int, dict[str, Any] | None] = (0, None)
        self._message = ""
        self._sounds: list[Path] = []  # the whole dialogue, as it is and as it was: it may still be playing
        self._take_files: dict[int, tuple[Take, Path]] = {}  # by id, which stays good as long as the take is held
        self._lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._version

    def revision(self, order: Order) -> Revision:
        """What of an order is there already."""
        was = {n: self.ids.index(row.id) for n, row in enumerate(order.rows) if row.id in self.ids}
        return Revision(self.dialogue, was, order.seeds)

    def begin(self, order: Order, pace_s: float) -> tuple[Job, Stream]:
        """Check everything that can be wrong with an order, and take it on.

        Raises:
            DialogueTTSError: another job runs, the script cannot be spoken, or a voice cannot serve.
        """
        with self._lock:
            if self.job:
                raise DialogueTTSError("this dialogue is being made already; wait for it, or stop it first.")
            cast = self._tts.cast(order.script, order.voices)
            job = Job(order, cast, pace_s)
            stream = self._stream(job, order)
            revision = self.revision(order)
            for n, row in enumerate(order.rows):
                part = revision.kept(n, row.turn, cast[row.turn.speaker], order.config)
                if part:
                    job.kept[row.id] = part
                if not (part and part.saying(row.turn.text, order.seeds.get(n))):
                    job.costs = {**job.costs, row.id: len(row.turn.text) + OVERHEAD}
                    self._mark(row.id, "queued")
            self._take_on(job)
            return job, stream

    def make(self, job: Job, stream: Stream) -> float:
        """Speak what is not there yet; a row that fails is marked, and the rest goes on. Returns seconds a character."""
        job.began, order, heard, message = time.monotonic(), job.order, 0, ""
        while True:
            try:
                heard = self._listen(job, order, stream, heard)
                break
            except Cancelled:
                break
            except FullError as error:
                message = _sentence(error)
                break
            except Exception as error:  # one turn may fail; the others are worth having
                failed = next(row.id for row in order.rows if row.id not in job.made)
                self._fail(job, failed, error)
                order = order.without(failed)
                if not order.rows or job.stop.is_set():
                    break
                stream = self._stream(job, order)
        elapsed, spent = time.monotonic() - job.began, sum(job.costs.values())
        self._settle(job, message)
        return elapsed / spent if spent and job.done == len(job.costs) else job.pace_s

    def begin_rebuild(self, order: Order, cast: Mapping[str, Voice], pace_s: float) -> Job:
        """Take on the making of a project's dialogue. Raises DialogueTTSError if another job runs."""
        with self._lock:
            if self.job:
                raise DialogueTTSError("this dialogue is being made already; wait for it, or stop it first.")
            job = Job(order, cast, pace_s, costs={row.id: len(row.turn.text) + OVERHEAD for row in order.rows})
            for row in order.rows:
                self._mark(row.id, "queued")
            self._take_on(job)
            return job

    def rebuild(self, job: Job, project: Project) -> None:
        """Make a project's dialogue again, with all its takes."""
        job.began = time.monotonic()
        rows = job.order.rows

        def progress(done: int, _: int) -> None:
            with self._lock:
                job.failed |= {row.id for row in rows[:done]}  # their parts come at the end
                job.came = time.monotonic()
                self._version += 1

        message = ""
        try:
            dialogue = self._tts.rebuild(project, job.cast, progress, job.stop.is_set)
            job.made = {row.id: part for row, part in zip(rows, dialogue.parts, strict=True)}
            if dialogue.sha256 != project.sha256:
                message = "The sound differs from the saved one in its last bits: that was made on another machine."
        except Cancelled:
            pass
        except DialogueTTSError as error:
            message = _sentence(error)
        except Exception as error:
            message = _unexpected(error)
        job.failed = set()
        self._settle(job, message)

    def stop(self) -> None:
        """Let go of the job at once: what is made stays, and the thread ends when it can."""
        with self._lock:
            if self.job:
                self.job.stop.set()
                self._settle(self.job, "Stopped. What was made stays.")

    def choose(self, row: str, take: int) -> None:
        """Another take of a row. Raises DialogueTTSError."""
        with self._lock:
            if self.job:
                raise DialogueTTSError("the dialogue is being made; wait for it, or stop it first.")
            if self.dialogue is None or row not in self.ids:
                raise DialogueTTSError("this turn has no sound yet; make it first.")
            self.dialogue = self.dialogue.choose(self.ids.index(row), take)
            self._mark(row, "made")
            self._publish()

    def news(self, since: int, in_front: int = 0) -> dict[str, Any]:
        """What changed since a version that the page knows."""
        with self._lock:
            result_version, result = self._result
            return {
                "version": self._version,
                "job": self._progress(in_front),
                "message": self._message,
                "rows": {row: self._shown(row, mark) for row, mark in self._marks.items() if mark.version > since},
                "chunks": [chunk for version, chunk in self._chunks if version > since],
                **({"result": result} if result_version > since else {}),
            }

    def delete(self) -> None:
        """With all files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _take_on(self, job: Job) -> None:
        self.job, self._chunks, self._message = job, [], ""
        self._version += 1

    def _stream(self, job: Job, order: Order) -> Stream:
        cast = {speaker: job.cast[speaker] for speaker in order.script.speakers}
        revision = self.revision(order)
        return self._tts.stream(
            order.script, cast, order.seed, order.config, cancelled=job.stop.is_set, revision=revision
        )

    def _listen(self, job: Job, order: Order, stream: Stream, heard: int) -> int:
        """Take in the turns of a stream; the first `heard` are known to the page. Returns how many are, then."""
        with stream:
            for number, row in enumerate(order.rows):
                with self._lock:
                    if row.id in job.costs and self.job is job:
                        self._mark(row.id, "making")
                chunk = next(stream)
                with self._lock:
                    if self.job is not job:
                        return heard
                    job.made[row.id] = chunk.part
                    job.came = time.monotonic()
                    self._mark(row.id, "made")
                    if number >= heard:
                        heard += 1
                        self._chunks.append((self._version, self._played(row.id, chunk)))
        return heard

    def _fail(self, job: Job, row: str, error: Exception) -> None:
        message = _sentence(error) if isinstance(error, DialogueTTSError) else _unexpected(error)
        with self._lock:
            if self.job is job:
                job.failed.add(row)
                job.came = time.monotonic()
                self._mark(row, "failed", message)

    def _settle(self, job: Job, message: str = "") -> None:
        """The job is over: what it made, and what it did not come to, make the dialogue. Once only."""
        with self._lock:
            if self.job is not job:
                return
            self.job, self._message = None, message
            parts = job.kept | job.made
            rows = [row for row in job.order.rows if row.id in parts]
            for row in job.order.rows:
                if row.id in self._marks and self._marks[row.id].state in ("queued", "making"):
                    self._mark(row.id, "made" if row.id in parts else "none")
            if rows and (job.made or len(rows) != len(self.ids)):
                voices = {row.turn.speaker: job.cast[row.turn.speaker] for row in rows}
                made = tuple(parts[row.id] for row in rows)
                self.dialogue = Dialogue(made, voices, job.order.seed, job.order.config, self._tts.bundle_id)
                self.ids, self.refs = tuple(row.id for row in rows), {**self.refs, **job.order.refs}
                try:
                    self._publish()
                except DialogueTTSError as error:
                    self._message = _sentence(error)
            self._version += 1

    def _publish(self) -> None:
        """The whole dialogue as it is now, for the page. Raises FullError."""
        dialogue = self.dialogue
        assert dialogue is not None
        path = self._write(dialogue.waveform, "dialogue")
        self._sounds.append(path)
        for old in self._sounds[:-2]:
            old.unlink(missing_ok=True)
        del self._sounds[:-2]
        pieces = _pieces(dialogue.turns)
        turns = [
            {
                "row": row,
                "speaker": turn.speaker,
                "start": round(turn.start, 3),
                "end": round(turn.end, 3),
                "pause": part.turn.pause_s,
                "overlap": part.turn.overlap_s,
                "words": next(pieces),
            }
            for row, turn, part in zip(self.ids, dialogue.turns, dialogue.parts, strict=True)
        ]
        self._version += 1
        told = {
            "file": str(path),
            "seconds": round(dialogue.duration, 3),
            "peaks": _peaks(dialogue.waveform),
            "turns": turns,
            "seed": dialogue.seed,
            "gap": dialogue.config.gap_s,
            "speed": dialogue.config.speed,
            "loudness": dialogue.config.loudness_lufs,
            "project": json.dumps(to_dict(Project.of(dialogue)), ensure_ascii=False),  # for the browser's history
        }
        self._result = self._version, told

    def _mark(self, row: str, state: State, message: str = "") -> None:
        self._version += 1
        self._marks[row] = _Mark(self._version, state, message)

    def _progress(self, in_front: int) -> dict[str, Any] | None:
        job = self.job
        if job is None:
            return None
        state = "running" if job.began else "waiting"
        return {
            "state": state,
            "inFront": in_front,
            "done": job.done,
            "of": len(job.costs),
            "left": round(job.left_s(), 1),
        }

    def _shown(self, row: str, mark: _Mark) -> dict[str, Any]:
        shown: dict[str, Any] = {"state": mark.state, "message": mark.message}
        refs, part = self.refs, None
        if self.job and row in self.job.made:
            refs, part = self.job.order.refs, self.job.made[row]
        elif self.dialogue and row in self.ids:
            part = self.dialogue.parts[self.ids.index(row)]
        if part:
            turn = part.turn
            shown["said"] = {"speaker": turn.speaker, "speed": turn.speed, "voice": refs.get(turn.speaker, "")}
            shown["chosen"] = part.chosen
            config = self.job.order.config if self.job else self.dialogue.config if self.dialogue else SynthesisConfig()
            shown["takes"] = [self._take_told(take, config) for take in part.takes]
        return shown

    def _take_told(self, take: Take, config: SynthesisConfig) -> dict[str, Any]:
        with suppress(FullError):  # which the page is told where the whole is written
            if id(take) not in self._take_files:
                self._take_files[id(take)] = take, self._write(take.waveform, "take")
        return {
            "file": str(self._take_files[id(take)][1]) if id(take) in self._take_files else "",
            "text": take.text,
            "seed": take.seed,
            "seconds": round(take.waveform.size / SAMPLE_RATE_HZ, 2),
            "draws": take.draws,
            "doubts": take.doubts(config),
        }

    def _played(self, row: str, chunk: Chunk) -> dict[str, Any]:
        """What the page plays while the rest is made."""
        turn = chunk.turn
        return {
            "file": str(self._write(chunk.waveform, "chunk")) if chunk.waveform.size else "",
            "at": round(chunk.start, 4),
            "seconds": chunk.waveform.size / SAMPLE_RATE_HZ,
            "row": row,
            "start": round(turn.start, 3),
            "end": round(turn.end, 3),
        }

    def _write(self, wave: np.ndarray, kind: str) -> Path:
        """A new file each time: a browser plays the old sound of an old name. Raises FullError."""
        path = self.folder / f"{kind}-{secrets.token_hex(8)}.wav"
        try:
            write_audio(path, wave, SAMPLE_RATE_HZ)
        except AudioError:
            log.exception("the studio cannot write %s", path)
            raise FullError(
                "the studio cannot write its sounds; make room on its disk, then make the dialogue again."
            ) from None
        return path


def _pieces(turns: Sequence[SpokenTurn]) -> Iterator[list[tuple[str, float]]]:
    """Each turn's words with their marks, and when they are heard in seconds."""
    for turn in turns:
        yield [(text, round(start, 3)) for cue in cues([turn]) for text, start in cue.pieces]


def _peaks(wave: np.ndarray) -> list[int]:
    """Loudest values of PEAKS stretches, in hundredths of the loudest of all."""
    stretches = np.array_split(np.abs(wave), min(PEAKS, max(1, wave.size)))
    peaks = np.array([stretch.max(initial=0.0) for stretch in stretches])
    return [int(peak) for peak in np.round(100 * peaks / max(float(peaks.max()), 1e-6))]


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:]


def _unexpected(error: Exception) -> str:
    """What to tell of a fault of ours; the log has the rest."""
    number = secrets.token_hex(2)
    log.error("report %s", number, exc_info=error)
    return f"Something went wrong here (report {number} in the studio's log); try again. Your script is safe."
