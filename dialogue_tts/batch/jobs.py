"""Many scripts: each leaves its sound and a record. What a record says is done is skipped the next time, so that an
interrupted batch goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dialogue_tts.bundle import SUMS, find_bundle, list_voices
from dialogue_tts.config import from_dict, to_dict
from dialogue_tts.dialogue.work_folder import WorkFolder, opened, work_folder_of
from dialogue_tts.errors import AudioError, DialogueTTSError, ScriptError, VoiceError
from dialogue_tts.files import remove_drafts, write_text
from dialogue_tts.script.directions import Treatment
from dialogue_tts.script.documents import READERS, read_draft
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.importers.plain import decode
from dialogue_tts.script.parser import parse_draft, parse_script
from dialogue_tts.script.writing import format_script
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.library import VoiceLibrary

if TYPE_CHECKING:
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.provenance.credentials import ContentSigner

SECONDS_PER_LETTER = 0.08  # of speech; rather too many
FORMAT = 1  # of records
STANDARD_INPUT = Path("-")
_TEXTS = (".txt", ".text")
_ID = re.compile(r"\w(?:[\w .-]{0,98}[\w-])?")


@dataclass(frozen=True)
class BatchJob:
    """A script that is to be spoken.

    Attributes:
        id: names its files.
        voices: speaker -> voice, as the command line takes them.
        findings: of the file that the script was read from; the script's own come besides.
    """

    id: str
    script: str
    voices: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    config: SynthesisConfig = SynthesisConfig()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What became of a job; `error` is None where it was spoken."""

    id: str
    error: str | None = None
    duration_s: float = 0.0


@dataclass(frozen=True)
class BatchContext:
    """What all jobs share: where their files go, and what speaks them.

    Attributes:
        out: folder; on a cluster, one that all machines see.
        ending: of the sound files.
        bundle: folder or hub id; None for the one that comes along.
        threads: of each worker; None leaves PyTorch's own number.
        device: of each worker's networks. What is done on one counts as done on others, too.
        c2pa: PEM files of a certificate and its key, which sign the sound files; on a cluster, all see them.
    """

    out: Path
    ending: str = ".wav"
    bundle: str | None = None
    threads: int | None = None
    device: str = "cpu"
    c2pa: tuple[Path, Path] | None = None

    def sound(self, job: BatchJob) -> Path:
        """The file of a job's sound."""
        return self.out / f"{job.id}{self.ending}"

    def record(self, job: BatchJob) -> Path:
        """The file that says how it was made, and when what is said in it."""
        return self.out / f"{job.id}.json"

    def is_done(self, job: BatchJob) -> bool:
        """Whether the same script was spoken before with the same voices, seed, settings and bundle."""
        try:
            record = json.loads(self.record(job).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return self.sound(job).is_file() and isinstance(record, dict) and record.get("key") == self.key(job)

    def check_records(self, jobs: Sequence[BatchJob]) -> None:
        """Raises AudioError if a job's record would overwrite a file that is none."""
        for job in jobs:
            path = self.record(job)
            if path.exists() and '"key"' not in path.read_text(encoding="utf-8", errors="replace"):
                raise AudioError(f"{path}: this file is no record of a batch; move it, or choose another folder.")

    def check_work(self, jobs: Sequence[BatchJob]) -> None:
        """Nobody else makes these jobs; what is left of the work on those that are done is taken away.

        Raises:
            WorkFolderError: another process makes one, or its unfinished work is of another version.
        """
        for job in jobs:
            if work_folder_of(self.sound(job)).exists():
                with opened(self.sound(job)) as work:
                    if self.is_done(job):
                        work.remove()

    def key(self, job: BatchJob) -> str:
        """SHA-256 of all that the sound depends on."""
        voices = {speaker: self._voice_key(voice) for speaker, voice in job.voices.items()}
        parts = [FORMAT, self._bundle_key, self.ending, job.script, voices, job.seed, to_dict(job.config)]
        if self.c2pa:
            parts.append("signed")
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _signer(self) -> ContentSigner | None:
        from dialogue_tts.provenance.credentials import ContentSigner

        return ContentSigner.load(*self.c2pa) if self.c2pa else None

    @cached_property
    def _folder(self) -> Path:
        return find_bundle(self.bundle)

    @cached_property
    def _bundle_key(self) -> str:
        sums = self._folder / SUMS
        return hashlib.sha256(sums.read_bytes()).hexdigest() if sums.is_file() else ""

    @cached_property
    def _built_in(self) -> frozenset[str]:
        return frozenset(list_voices(self._folder))

    def _voice_key(self, voice: str) -> str:
        library = VoiceLibrary()
        if voice in self._built_in:
            return f"built in: {voice}"
        if voice in library:
            kept = library.get(voice)
            return f"{kept.sha256} {kept.accent}"
        return hashlib.sha256(Path(voice).read_bytes()).hexdigest() if Path(voice).is_file() else f"missing: {voice}"

    def open(self) -> DialogueTTS:
        """Load what speaks."""
        import torch

        from dialogue_tts.pipeline import DialogueTTS

        if self.threads:
            torch.set_num_threads(self.threads)
        return DialogueTTS.from_pretrained(self.bundle, device=self.device)

    def make(self, job: BatchJob, tts: DialogueTTS) -> Outcome:
        """Speak a job and write its files. An error becomes the outcome, whatever it is: the other jobs go on.

        Turns are kept beside the sound file as they are made, and are found there the next time.
        """
        try:
            with opened(self.sound(job)) as work:
                duration_s = self._make(job, tts, work)
                work.remove()
        except DialogueTTSError as error:
            return Outcome(job.id, str(error))
        except Exception as error:
            return Outcome(job.id, f"{type(error).__name__}: {error}")
        return Outcome(job.id, None, duration_s)

    def _make(self, job: BatchJob, tts: DialogueTTS, work: WorkFolder) -> float:
        from dialogue_tts.synthesis.unfinished import begun, kept_result

        began = time.perf_counter()
        remove_drafts(self.record(job))
        request = begun(tts.plan.script(job.script, job.voices, job.seed, job.config), work)
        dialogue = kept_result(tts.scheduler.submit(request, patient=True), work)
        work_s = round(time.perf_counter() - began, 3)
        dialogue.save(self.sound(job), signer=self._signer)
        record = {"id": job.id, "key": self.key(job), "work_s": work_s, **dialogue.facts()}
        record["turns"] = dialogue.timestamps()["turns"]
        record["findings"] = [asdict(finding) for finding in (*job.findings, *dialogue.findings)]
        write_text(self.record(job), json.dumps(record, indent=1, ensure_ascii=False) + "\n")
        return dialogue.duration


def read_jobs(
    source: Path,
    voices: Mapping[str, str] | None = None,
    seed: int = 0,
    config: SynthesisConfig | None = None,
    directions: Treatment = "left_out",
    aside: dict[str, str] | None = None,
) -> list[BatchJob]:
    """Jobs of a folder of scripts, or of a JSONL file, or standard input for -: lines {id, script, voices, seed,
    settings}, of which only id and script are needed.

    Args:
        voices: of speakers, in all scripts that have them; a line's own go before.
        directions: what becomes of stage directions, in all scripts.
        aside: takes the names of a folder's files that are not spoken, and why.
        seed, config: where a line gives none; its settings change some of them.

    Raises:
        ScriptError: the source cannot be read, or a line is not understood; the message names it.
        VoiceError: no script has a speaker that is given a voice.
    """
    common = BatchJob("", "", dict(voices or {}), seed, config or SynthesisConfig())
    left_aside = {} if aside is None else aside
    jobs = list(
        _folder_jobs(source, common, directions, left_aside) if source.is_dir() else _lines(source, common, directions)
    )
    if not jobs:
        what = "no scripts are in this folder" if source.is_dir() else "no lines are in this file"
        raise ScriptError(f"{source}: {what}; give a folder of scripts or a JSONL file.")
    _check_ids(source, jobs)
    for speaker in common.voices:
        if not any(speaker in job.voices for job in jobs):
            raise VoiceError(f"{speaker}: no script has such a speaker; leave the voice out, or mend its name.")
    return jobs


def expected_s(jobs: Sequence[BatchJob]) -> float:
    """About how many seconds of speech they will be; rather too many."""
    return SECONDS_PER_LETTER * sum(len(job.script) for job in jobs)


def _folder_jobs(folder: Path, common: BatchJob, directions: Treatment, aside: dict[str, str]) -> Iterator[BatchJob]:
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        try:
            found = _script_in(path, directions) if _is_script(path) else None
        except OSError as error:
            raise ScriptError(f"{path}: cannot be read ({error.strerror}); save it again, or move it.") from None
        except ScriptError as error:
            if path.suffix.casefold() in _TEXTS:
                raise ScriptError(f"{path}: {error}") from None
            aside[path.name] = str(error)
            continue
        if found is None:
            aside[path.name] = "no script, by its ending"
            continue
        script, findings = found
        yield BatchJob(path.stem, script, _voices_in(script, common.voices), common.seed, common.config, findings)


def _is_script(path: Path) -> bool:
    """By its ending; JSON is left to records and lists of jobs."""
    return path.is_file() and path.suffix.casefold() in READERS and path.suffix.casefold() not in (".json", ".jsonl")


def _script_in(path: Path, directions: Treatment) -> tuple[str, tuple[Finding, ...]]:
    """A file as the text of a script, and what is lost in that text.

    What cannot be understood in a text is told when its turn has come.
    """
    data = path.read_bytes()
    if path.suffix.casefold() in _TEXTS and directions == "left_out":
        return decode(data)[0].removeprefix("\ufeff"), ()
    script = read_draft(data, path.name, directions).script()
    return format_script(script), script.findings


def _lines(path: Path, common: BatchJob, directions: Treatment) -> Iterator[BatchJob]:
    try:
        content = sys.stdin.buffer.read() if path == STANDARD_INPUT else path.read_bytes()
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read ({error.strerror}); give a folder or a JSONL file.") from None
    except UnicodeDecodeError:
        raise ScriptError(f"{path}: this is no UTF-8 text; give a folder of scripts or a JSONL file.") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _job(json.loads(line), common, directions)
            except ValueError as error:
                raise ScriptError(
                    f"{path}, line {number}: this is not JSON ({error}); write an object a line."
                ) from None
            except DialogueTTSError as error:
                raise ScriptError(f"{path}, line {number}: {error}") from None


def _job(values: Any, common: BatchJob, directions: Treatment) -> BatchJob:
    known = {"id": str, "script": str, "voices": dict, "seed": int, "settings": dict}
    if not isinstance(values, dict) or not {"id", "script"} <= set(values) <= set(known):
        raise ScriptError(f"write an object with id and script, and if need be {', '.join(list(known)[2:])}.")
    for name, value in values.items():
        if not isinstance(value, known[name]) or isinstance(value, bool):
            raise ScriptError(f"{name}: expected {known[name].__name__}, found {value!r}.")
    script: str = values["script"]
    findings: tuple[Finding, ...] = ()
    if directions != "left_out":
        parsed = parse_script(script, directions)
        script, findings = format_script(parsed), parsed.findings
    voices = _voices_in(script, common.voices) | values.get("voices", {})
    if not all(isinstance(voice, str) for voice in voices.values()):
        raise ScriptError("voices: give each speaker the name of a voice, or the path of a file.")
    config = from_dict(SynthesisConfig, to_dict(common.config) | values.get("settings", {}))
    return BatchJob(values["id"], script, voices, values.get("seed", common.seed), config, findings)


def _voices_in(script: str, voices: Mapping[str, str]) -> dict[str, str]:
    """Those whose speakers the script has."""
    speakers = {turn.speaker for turn in parse_draft(script).turns} if voices else set()
    return {speaker: voice for speaker, voice in voices.items() if speaker in speakers}


def _check_ids(source: Path, jobs: Sequence[BatchJob]) -> None:
    seen: set[str] = set()
    for job in jobs:
        if not _ID.fullmatch(job.id):
            raise ScriptError(f"{source}: {job.id!r} cannot name a file; take letters, digits, spaces, - _ and dots.")
        if job.id.casefold() in seen:
            raise ScriptError(f"{source}: {job.id!r} comes twice; give each script an id of its own.")
        seen.add(job.id.casefold())
