"""One dialogue of the page: takes of its rows, the sound as far as it goes, and what the page is told about them.

A `DialogueJob` is filled by a thread that listens to its ticket, and read by the page, which asks for what changed since the
version it knows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dialogue_tts._ui.job_files import FullError, JobFiles
from dialogue_tts._ui.kept import KeptDialogue
from dialogue_tts._ui.making import MakeRequest, Making, cost_of
from dialogue_tts._ui.page_mix import PageMix
from dialogue_tts._ui.shown import sentence, told_of, unexpected
from dialogue_tts.config import SAMPLE_RATE_HZ
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Chunk, Dialogue, Take
from dialogue_tts.dialogue.revision import Revision
from dialogue_tts.errors import Cancelled, DialogueTTSError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.request import DialogueRequest
from dialogue_tts.synthesis.ticket import QueueLimits, Ticket
from dialogue_tts.voices.voice import Voice

RowState = Literal["queued", "making", "made", "failed", "none"]


@dataclass(frozen=True)
class _Mark:
    version: int
    state: RowState
    message: str = ""


class DialogueJob:
    """Safe to use from several threads; one making at a time."""

    def __init__(self, tts: DialogueTTS, folder: Path, limits: QueueLimits, kept: KeptDialogue) -> None:
        self.dialogue: Dialogue | None = None  # speech alone
        self.mixed: Dialogue | None = None  # the same in the page's mix: what is heard
        self.mix = PageMix()
        self.ids: tuple[str, ...] = ()  # of the rows that are the dialogue's turns
        self.refs: Mapping[str, str] = {}
        self.making: Making | None = None
        self.ticket: Ticket | None = None  # of the making
        self._tts, self._limits, self._kept = tts, limits, kept
        self._version = time.time_ns() // 10**6  # greater than those of a job of this name in a process before
        self._marks: dict[str, _Mark] = {}
        self._chunks: list[tuple[int, dict[str, Any]]] = []  # (version, what the page plays)
        self._result: tuple[int, dict[str, Any] | None] = (0, None)
        self._message = ""
        self._files = JobFiles(folder)
        self._listeners: list[Callable[[], object]] = []
        self._lock = threading.RLock()

    @property
    def version(self) -> int:
        """Grows with each change."""
        return self._version

    def listen(self, told: Callable[[], object]) -> None:
        """Call `told` after each change, from whichever thread makes it."""
        with self._lock:
            self._listeners.append(told)

    def unlisten(self, told: Callable[[], object]) -> None:
        """No more calls."""
        with self._lock:
            self._listeners.remove(told)

    def begin(self, wanted: MakeRequest, pace_s: float) -> None:
        """Check everything that can be wrong with a request, and have it made.

        Raises:
            DialogueTTSError: another making runs, the script cannot be spoken, a voice cannot serve, or too much waits.
        """
        with self._lock:
            self._check_idle()
            revision = self._revision(wanted)
            request = self._plan(wanted, wanted.voices, revision)
            making = Making(wanted, request.voices, pace_s)
            for n, (row, turn) in enumerate(zip(wanted.rows, request.turns, strict=True)):
                part = revision.kept(n, row.turn, request.voices[row.turn.speaker], wanted.config)
                if part:
                    making.kept[row.id] = part
                if turn.wanted:
                    making.costs = {**making.costs, row.id: cost_of(row)}
            self._take_on(making, request)

    def begin_rebuild(self, wanted: MakeRequest, project: Project, cast: Mapping[str, Voice], pace_s: float) -> None:
        """Have a project's dialogue made, with all its takes. Raises as `begin` does."""
        with self._lock:
            self._check_idle()
            costs = {row.id: cost_of(row) for row in wanted.rows}
            making = Making(wanted, cast, pace_s, costs, sha256=project.sha256)
            self._take_on(making, self._tts.plan.project(project, cast))

    def put(self, wanted: MakeRequest, dialogue: Dialogue, missing: Sequence[str] = ()) -> None:
        """A dialogue that is made already, whose turns are the request's rows; others are missing. Raises DialogueTTSError."""
        with self._lock:
            self._check_idle()
            self.dialogue, self.ids = dialogue, tuple(row.id for row in wanted.rows)
            self.refs, self.mix, self._message = wanted.refs, wanted.mix, ""
            for row in (*self.ids, *missing):
                self._mark(row, "made" if row in self.ids else "none")
            self._publish()
            self._keep()

    def stop(self) -> None:
        """Let go of the making at once: what is made stays, and the ticket ends when it can."""
        with self._lock:
            if self.making:
                self._settle(self.making, "Stopped. What was made stays.")

    def choose(self, row: str, take: int) -> None:
        """Another take of a row. Raises DialogueTTSError."""
        with self._lock:
            if self.making:
                raise DialogueTTSError("the dialogue is being made; wait for it, or stop it first.")
            if self.dialogue is None or row not in self.ids:
                raise DialogueTTSError("this turn has no sound yet; make it first.")
            self.dialogue = self.dialogue.choose(self.ids.index(row), take)
            self._mark(row, "made")
            self._publish()
            self._keep()

    def arrange(self, mix: PageMix) -> None:
        """Another mix, of what is made and of what will be. Raises DialogueTTSError where it does not fit."""
        with self._lock:
            before, self.mix = self.mix, mix
            if self.dialogue is None or self.making:
                return
            try:
                self._publish()
            except DialogueTTSError:
                self.mix = before
                raise
            self._keep()

    def news(self, since: int) -> dict[str, Any]:
        """What changed since a version that the page knows."""
        with self._lock:
            result_version, result = self._result
            return {
                "version": self._version,
                "job": self._progress(),
                "message": self._message,
                "rows": {row: self._shown(row, mark) for row, mark in self._marks.items() if mark.version > since},
                "chunks": [chunk for version, chunk in self._chunks if version > since],
                **({"result": result} if result_version > since else {}),
            }

    def download_folder(self) -> Path:
        """A new folder for a download; of too many, the oldest goes."""
        with self._lock:
            return self._files.download_folder()

    @property
    def pace_s(self) -> float | None:
        """Seconds a character took in the making that runs, once something shows."""
        making = self.making
        if making is None or not making.began or not making.came:
            return None
        spent = sum(cost for row, cost in making.costs.items() if row in making.made)
        return (making.came - making.began) / spent if spent else None

    def delete(self) -> None:
        """With all files, and with what is kept of it."""
        self.close()
        self._kept.delete()

    def close(self) -> None:
        """With all files; what is kept of it stays."""
        self.stop()
        self._files.delete()

    def _check_idle(self) -> None:
        if self.making:
            raise DialogueTTSError("this dialogue is being made already; wait for it, or stop it first.")

    def _revision(self, wanted: MakeRequest) -> Revision:
        """What of a request is there already."""
        was = {n: self.ids.index(row.id) for n, row in enumerate(wanted.rows) if row.id in self.ids}
        return Revision(self.dialogue, was, wanted.seeds)

    def _plan(self, wanted: MakeRequest, voices: Mapping[str, str | Voice], revision: Revision) -> DialogueRequest:
        speakers = wanted.script.speakers
        given = {speaker: voice for speaker, voice in voices.items() if speaker in speakers}
        return self._tts.plan.script(wanted.script, given, wanted.seed, wanted.config, revision)

    def _take_on(self, making: Making, request: DialogueRequest) -> None:
        """Submit a request, and listen to its ticket in a thread."""
        ticket = self._tts.scheduler.submit(request, streamed=True, limits=self._limits)
        for _, played in self._chunks:
            Path(played["file"]).unlink(missing_ok=True) if played["file"] else None
        self.making, self.ticket, self._chunks, self._message = making, ticket, [], ""
        self.mix = making.request.mix
        for row in making.costs:
            self._mark(row, "queued")
        self._keep()
        self._changed()
        threading.Thread(target=self._follow, args=(making, ticket), name="studio-job", daemon=True).start()

    def _follow(self, making: Making, ticket: Ticket) -> None:
        """Take in the turns of a making. A turn that fails is marked, and the rest goes on."""
        wanted, heard, message = making.request, 0, ""
        while True:
            try:
                heard = self._listen(making, wanted, ticket, heard)
                break
            except Cancelled:
                break
            except FullError as error:
                message = sentence(error)
                break
            except Exception as error:  # one turn may fail; the others are worth having
                failed = next((row.id for row in wanted.rows if row.id not in making.made), None)
                if failed is None:  # it is no turn's
                    message = sentence(error) if isinstance(error, DialogueTTSError) else unexpected(error)
                    break
                self._fail(making, failed, error)
                wanted = wanted.without(failed)
                if not wanted.rows or making.sha256 is not None:
                    break
                with self._lock:
                    if self.making is not making:
                        return
                    ticket = self.ticket = self._tts.scheduler.submit(self._rest(making, wanted), streamed=True)
        self._settle(making, message)

    def _rest(self, making: Making, wanted: MakeRequest) -> DialogueRequest:
        """What is left of a making, when a row has failed."""
        there = making.kept | making.made
        known = [row for row in wanted.rows if row.id in there]
        parts = tuple(there[row.id] for row in known)
        so_far = (
            Dialogue(parts, making.cast, wanted.seed, wanted.config, self._tts.bundle_id, self._tts.mark)
            if parts
            else None
        )
        was = {n: known.index(row) for n, row in enumerate(wanted.rows) if row in known}
        return self._plan(wanted, making.cast, Revision(so_far, was, wanted.seeds))

    def _listen(self, making: Making, wanted: MakeRequest, ticket: Ticket, heard: int) -> int:
        """Take in the turns of a ticket; the first `heard` are known to the page. Returns how many are, then."""
        version = -1
        while ticket.progress().state == "waiting":
            version = ticket.wait(version)
        with self._lock:
            making.began = making.began or time.monotonic()
            self._mark_next(making, wanted)
        for number, chunk in enumerate(ticket.chunks()):
            row = wanted.rows[number]
            with self._lock:
                if self.making is not making:
                    return heard
                making.made[row.id] = chunk.turn_takes
                making.came = time.monotonic()
                self._keep()
                self._mark(row.id, "made")
                self._mark_next(making, wanted)
                if number >= heard:
                    heard += 1
                    self._chunks.append((self._version, self._played(row.id, chunk)))
                self._changed()
        return heard

    def _mark_next(self, making: Making, wanted: MakeRequest) -> None:
        following = next((row.id for row in wanted.rows if row.id not in making.made), None)
        if following is not None and following in making.costs and self.making is making:
            self._mark(following, "making")

    def _fail(self, making: Making, row: str, error: Exception) -> None:
        message = sentence(error) if isinstance(error, DialogueTTSError) else unexpected(error)
        with self._lock:
            if self.making is making:
                making.failed.add(row)
                making.came = time.monotonic()
                self._mark(row, "failed", message)

    def _settle(self, making: Making, message: str = "") -> None:
        """The making is over: what it made, and what it did not come to, make the dialogue. Once only."""
        with self._lock:
            if self.making is not making:
                return
            if self.ticket:
                self.ticket.cancel()
            self.making, self._message = None, message
            parts = making.kept | making.made
            rows = [row for row in making.request.rows if row.id in parts]
            for row in making.request.rows:
                if row.id in self._marks and self._marks[row.id].state in ("queued", "making"):
                    self._mark(row.id, "made" if row.id in parts else "none")
            if rows and (making.made or len(rows) != len(self.ids)):
                voices = {row.turn.speaker: making.cast[row.turn.speaker] for row in rows}
                made = tuple(parts[row.id] for row in rows)
                wanted = making.request
                self.dialogue = Dialogue(made, voices, wanted.seed, wanted.config, self._tts.bundle_id, self._tts.mark)
                self.ids, self.refs = tuple(row.id for row in rows), {**self.refs, **wanted.refs}
                try:
                    self._publish()
                    sha256 = self.mixed.sha256 if self.mixed else None
                    if making.sha256 not in (None, sha256) and not message and not making.failed:
                        told = (
                            "The sound differs from the saved one in its last bits: that was made on another machine."
                        )
                        self._message = told
                except DialogueTTSError as error:
                    self._message = sentence(error)
            self._keep()
            self._message = self._message or self._kept.trouble
            there = self.dialogue.turn_takes if self.dialogue else ()
            self._files.forget_takes(take for part in there for take in part.takes)
            self._changed()

    def _keep(self) -> None:
        if self.making:
            self._kept.keep_making(self.making, {**self.refs, **self.making.request.refs}, self._tts.bundle_id)
        elif self.dialogue:
            self._kept.keep_made(self.dialogue, self.ids, self.refs, self.mix.told)

    def _changed(self) -> None:
        self._version += 1
        for told in list(self._listeners):
            told()

    def _publish(self) -> None:
        """The whole dialogue as it is now, for the page. Raises FullError, or SettingsError for a mix that does not fit."""
        assert self.dialogue is not None
        self.mixed = self.mix.of(self.dialogue, self.ids)
        path = self._files.whole(self.mixed.waveform)
        self._changed()
        self._result = self._version, {"file": str(path), **told_of(self.mixed, self.ids), "mix": self.mix.told}

    def _mark(self, row: str, state: RowState, message: str = "") -> None:
        self._marks[row] = _Mark(self._version + 1, state, message)
        self._changed()

    def _progress(self) -> dict[str, Any] | None:
        making = self.making
        if making is None or self.ticket is None:
            return None
        return {
            "state": "running" if making.began else "waiting",
            "inFront": self._tts.scheduler.in_front_of(self.ticket),
            "done": making.done,
            "of": len(making.costs),
            "left": round(making.left_s(), 1),
        }

    def _shown(self, row: str, mark: _Mark) -> dict[str, Any]:
        shown: dict[str, Any] = {"state": mark.state, "message": mark.message}
        refs, part = self.refs, None
        if self.making and row in self.making.made:
            refs, part = self.making.request.refs, self.making.made[row]
        elif self.dialogue and row in self.ids:
            part = self.dialogue.turn_takes[self.ids.index(row)]
        if part:
            turn = part.turn
            shown["said"] = {"speaker": turn.speaker, "speed": turn.speed, "voice": refs.get(turn.speaker, "")}
            shown["chosen"] = part.chosen
            config = (
                self.making.request.config
                if self.making
                else self.dialogue.config
                if self.dialogue
                else SynthesisConfig()
            )
            shown["takes"] = [self._take_told(take, config) for take in part.takes]
        return shown

    def _take_told(self, take: Take, config: SynthesisConfig) -> dict[str, Any]:
        return {
            "file": self._files.take(take, self._tts.mark),
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
            "file": str(self._files.write(chunk.waveform, "chunk")) if chunk.waveform.size else "",
            "at": round(chunk.start, 4),
            "seconds": chunk.waveform.size / SAMPLE_RATE_HZ,
            "row": row,
            "start": round(turn.start, 3),
            "end": round(turn.end, 3),
        }
