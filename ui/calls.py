"""What the page asks for -> answers, both plain JSON. Everything that comes in is checked here.

An answer is a dict; with "error" it says in a sentence what is wrong, and "where" names the row or the speaker, if one is
to blame. Nothing here raises.
"""

from __future__ import annotations

import asyncio
import logging
import math
import re
import secrets
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dialogue_tts._ui.desk import Desk, Desks
from dialogue_tts._ui.engine import Engine
from dialogue_tts._ui.turns import Row, by_row, rows_of, spoken, text_of
from dialogue_tts._ui.work import Order, Work
from dialogue_tts.audio.io import write_audio
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.errors import DialogueTTSError, ProjectError, ScriptError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.lint import WORK_PER_S
from dialogue_tts.script.parser import check_script, parse_draft
from dialogue_tts.script.turns import Turn
from dialogue_tts.script.writing import format_script
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.voice import ENDING, Consent, Voice

LONGEST_SCRIPT, MOST_TURNS = 100_000, 1_000  # characters; turns
LONGEST_NAME = 64
MOST_SEEDS = 1 << 48
WAIT_S = 15.0  # how long "follow" waits for news
CHARACTERS_PER_S = 15.0  # of speech, for the time left before there is a pace
SOUNDS = ("wav", "flac", "mp3", "ogg", "opus")

_SECRET = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[0-9A-Za-z_-]{1,32}")
log = logging.getLogger(__name__)

Asked = Mapping[str, Any]
Answer = dict[str, Any]


class RefusedError(DialogueTTSError):
    """What came in is not what the page sends."""


class AtRowError(DialogueTTSError):
    """One row is to blame."""

    def __init__(self, message: str, row: str) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True)
class Place:
    """What a studio tells its pages about itself."""

    personal: bool  # the user is the one whose voices are kept on this computer
    keep_hours: float
    uploads: Path  # where the web server puts what is uploaded
    examples: Path


class Calls:
    """One method a question; `answer` finds it."""

    def __init__(self, tts: DialogueTTS, desks: Desks, engine: Engine, place: Place) -> None:
        self._tts, self._desks, self._engine, self._place = tts, desks, engine, place
        self._pace_s = WORK_PER_S / CHARACTERS_PER_S * 4  # a guess until something was made
        self._questions: dict[str, Callable[[Desk, Asked], Answer]] = {
            name: getattr(self, f"_{name}")
            for name in (
                "hello",
                "check",
                "make",
                "stop",
                "choose",
                "download",
                "open_project",
                "bring_voice",
                "rename_voice",
                "keep_voice",
                "save_voice",
                "forget_voice",
                "sample",
            )
        }

    async def answer(self, asked: Any) -> Answer:
        """What a page gets for a question."""
        try:
            if not isinstance(asked, dict) or not _SECRET.fullmatch(str(asked.get("me"))):
                raise RefusedError("this is no question of the studio's page; reload the page.")
            if asked.get("do") == "forget":
                await asyncio.to_thread(self._desks.forget, asked["me"])
                return {}
            desk = self._desks.of(asked["me"])
            if asked.get("do") == "follow":
                return await self._follow(desk, asked)
            question = self._questions.get(str(asked.get("do")))
            if question is None:
                raise RefusedError("the studio does not know this question; reload the page.")
            return await asyncio.to_thread(question, desk, asked)
        except AtRowError as error:
            return {"error": _sentence(error), "where": error.row}
        except DialogueTTSError as error:
            return {"error": _sentence(error)}
        except OSError as error:
            log.exception("the studio cannot use its folder")
            return {
                "error": f"The studio cannot write its files ({error.strerror}); make room on the disk, then try again."
            }
        except Exception:
            number = secrets.token_hex(2)
            log.exception("report %s", number)
            return {"error": f"Something went wrong here (report {number} in the studio's log). Your script is safe."}

    def _hello(self, desk: Desk, asked: Asked) -> Answer:
        examples = [
            {"name": path.stem.partition("-")[2].replace("-", " "), "text": path.read_text(encoding="utf-8")}
            for path in sorted(self._place.examples.glob("*.txt"))
        ]
        return {
            "voices": desk.voices.listed(),
            "examples": examples,
            "personal": self._place.personal,
            "keepHours": self._place.keep_hours,
        }

    def _check(self, desk: Desk, asked: Asked) -> Answer:
        """The other view of the script, what is wrong in it, how long it will be, and who speaks with which voice."""
        config = _config(asked)
        if "rows" in asked:
            rows, ending = _rows(asked), _text(asked, "ending", LONGEST_SCRIPT)
            text = text_of(rows, ending)
        else:
            text = _text(asked, "text", LONGEST_SCRIPT)
            rows, ending = rows_of(text)
        found = self._tts.review(text, None, config)
        answer: Answer = {
            "text": text,
            "ending": ending,
            "turns": found.turns,
            "speakers": list(found.speakers),
            "seconds": round(found.duration_s, 1),
            "findings": [_told(finding) for finding in found.findings],
            "cast": self._cast(desk, tuple(dict.fromkeys(row.turn.speaker for row in rows)), asked),
        }
        if "rows" not in asked:  # of what is not understood, no rows are made: they would lack it
            whole = not parse_draft(text).mistakes
            return answer | ({"rows": [_row_told(row) for row in rows]} if whole else {})
        answer["byRow"] = {row: [_told(f) for f in told] for row, told in by_row(rows, found.findings).items()}
        read, _ = rows_of(text)
        if not found.errors and len(read) != len(rows):  # a row holds [names]: it is several turns
            answer["rows"] = [_row_told(row) for row in read]
        return answer

    def _cast(self, desk: Desk, speakers: tuple[str, ...], asked: Asked) -> dict[str, str]:
        refs = _refs(asked)
        given = {s: desk.voices.source(refs[s]) for s in speakers if s in refs and self._is_here(desk, refs[s])}
        return desk.voices.refs_of(self._tts.assign(speakers, given))

    def _is_here(self, desk: Desk, ref: str) -> bool:
        try:
            desk.voices.source(ref)
        except VoiceError:
            return False
        return True

    def _make(self, desk: Desk, asked: Asked) -> Answer:
        rows, refs = _rows(asked), _refs(asked)
        if not rows:
            raise ScriptError("the script is empty; write a turn, or load an example.")
        for row in rows:
            if not row.turn.text.strip():
                raise AtRowError("this turn has no text; write something to say, or delete it.", row.id)
            if spoken(row.turn) is None:
                raise AtRowError("this turn is only a direction, and nobody says those; delete it.", row.id)
        work = desk.open(_name(asked, "work"))
        order = Order(tuple(rows), *self._voices(desk, rows, refs), _seed(asked.get("seed", 0)), _config(asked))
        seeds = {n: row.seed for n, row in enumerate(rows) if row.seed is not None and not row.locked}
        if asked.get("fresh"):
            seeds = {n: _new_seed() for n, row in enumerate(rows) if not row.locked}
        order = replace(order, seeds=seeds)
        if "only" in asked:
            order = self._only(work, order, _name(asked, "only"), asked.get("fresh") is True)
        try:
            check_script(order.script)
            format_script(order.script)
            job, stream = work.begin(order, self._pace_s)
        except ScriptError as error:
            raise _at_row(error, order) from None

        def make() -> None:
            self._pace_s = work.make(job, stream)

        self._submit(work, make)
        return work.news(_version(asked), self._engine.in_front_of(make))

    def _only(self, work: Work, order: Order, only: str, fresh: bool) -> Order:
        """An order for one row: of the others, what there is already stays, and is part of it."""
        wanted = {row.id: (n, row) for n, row in enumerate(order.rows)}
        if only not in wanted:
            raise RefusedError("there is no such turn; reload the page.")
        there = work.dialogue
        chosen: list[Row] = []
        seeds: dict[int, int] = {}
        for row in order.rows:
            if row.id == only:
                n, _ = wanted[only]
                if fresh or row.seed is not None:
                    seeds[len(chosen)] = _new_seed() if fresh else order.seeds.get(n, row.seed or 0)
                chosen.append(row)
            elif there and row.id in work.ids:
                part = there.parts[work.ids.index(row.id)]
                speaker = part.turn.speaker
                if work.refs.get(speaker) == order.refs.get(speaker, work.refs.get(speaker)):
                    chosen.append(replace(row, turn=replace(part.turn, text=part.take.text)))
        speakers = {row.turn.speaker for row in chosen}
        voices = dict(order.voices)
        if there:
            voices = {**{s: v for s, v in there.voices.items() if s not in voices}, **voices}
        refs = {**work.refs, **order.refs}
        return replace(
            order,
            rows=tuple(chosen),
            voices={s: v for s, v in voices.items() if s in speakers},
            refs={s: r for s, r in refs.items() if s in speakers},
            config=there.config if there else order.config,
            seeds=seeds,
        )

    def _voices(
        self, desk: Desk, rows: list[Row], refs: Mapping[str, str]
    ) -> tuple[dict[str, str | Voice], dict[str, str]]:
        speakers = tuple(dict.fromkeys(row.turn.speaker for row in rows))
        given: dict[str, str | Voice] = {}
        for speaker in speakers:
            if speaker in refs:
                try:
                    given[speaker] = desk.voices.source(refs[speaker])
                except VoiceError as error:
                    raise VoiceError(f"{speaker}: {error}") from None
        voices = {s: v if isinstance(v, Voice) else str(v) for s, v in self._tts.assign(speakers, given).items()}
        return voices, desk.voices.refs_of(voices)

    def _submit(self, work: Work, make: Callable[[], None]) -> None:
        try:
            self._engine.submit(make)
        except DialogueTTSError:
            work.stop()
            raise
        work.waits = make

    async def _follow(self, desk: Desk, asked: Asked) -> Answer:
        """Waits until there is something new, and tells it; while a job runs, every second at least."""
        work = desk.work(_name(asked, "work"))
        since = _version(asked)
        if work is None:
            return {"gone": True}
        until = time.monotonic() + (1.0 if work.job else WAIT_S)
        while work.version <= since and time.monotonic() < until:
            await asyncio.sleep(0.05)
        in_front = self._engine.in_front_of(work.waits) if work.waits else 0
        return await asyncio.to_thread(work.news, since if since <= work.version else 0, in_front)

    def _stop(self, desk: Desk, asked: Asked) -> Answer:
        work = self._work(desk, asked)
        work.stop()
        return work.news(_version(asked))

    def _choose(self, desk: Desk, asked: Asked) -> Answer:
        work, take = self._work(desk, asked), asked.get("take")
        if not isinstance(take, int):
            raise RefusedError("a take is a number; reload the page.")
        work.choose(_name(asked, "row"), take)
        return work.news(_version(asked))

    def _work(self, desk: Desk, asked: Asked) -> Work:
        work = desk.work(_name(asked, "work"))
        if work is None:
            raise DialogueTTSError("the sound of this dialogue is not here any more; make it again.")
        return work

    def _download(self, desk: Desk, asked: Asked) -> Answer:
        work = self._work(desk, asked)
        if work.dialogue is None:
            raise DialogueTTSError("there is no sound yet; make the dialogue first.")
        kind, stem = str(asked.get("kind")), _stem(_text(asked, "title", 200))
        folder = work.folder / secrets.token_hex(8)
        folder.mkdir()
        write = WRITERS.get(kind)
        if write is None:
            raise RefusedError("there is no such download; reload the page.")
        path = write(work.dialogue, folder, stem)
        return {"file": str(path), "name": path.name}

    def _open_project(self, desk: Desk, asked: Asked) -> Answer:
        """A project's script, voices and settings for the page; its sound is made again, if all it needs is here."""
        text = _text(asked, "text", 10 * LONGEST_SCRIPT)
        project = Project.parse(text, "the file")
        if len(project.turns) > MOST_TURNS:
            raise ProjectError(f"the project has {len(project.turns)} turns; at most {MOST_TURNS} are made here.")
        rows = tuple(Row(f"p{n}", saved.turn) for n, saved in enumerate(project.turns))
        known = {voice["name"] for voice in desk.voices.listed() if voice["kind"] != "mine"}
        given: dict[str, str | Voice] = {}
        missing = []
        for saved in project.voices:
            voice = desk.voices.find(saved.sha256) or (saved.name if saved.name in known else None)
            if voice is None:
                missing.append(f"{saved.speaker}'s voice {saved.name!r}")
            else:
                given[saved.speaker] = voice
        config = project.config
        answer: Answer = {
            "rows": [_row_told(row) | {"id": row.id} for row in rows],
            "cast": desk.voices.refs_of(given),
            "settings": {"gap": config.gap_s, "speed": config.speed, "loudness": config.loudness_lufs},
            "seed": project.seed,
        }
        if missing:
            told = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not here"
            return answer | {"warning": f"{told}: choose or upload another, then make the dialogue."}
        try:
            project.check_bundle(self._tts.bundle_id)
            cast = {speaker: self._tts.voice(voice) for speaker, voice in given.items()}
            project.check_voices(cast)
        except DialogueTTSError as error:
            return answer | {"warning": f"{_sentence(error)} The script is here; make it anew."}
        work = desk.open(_name(asked, "work"))
        order = Order(rows, given, answer["cast"], project.seed, config)
        job = work.begin_rebuild(order, cast, self._pace_s)
        self._submit(work, partial(work.rebuild, job, project))
        return answer | {"news": work.news(0)}

    def _bring_voice(self, desk: Desk, asked: Asked) -> Answer:
        path = self._uploaded(_text(asked, "path", 4096))
        try:
            ref = desk.voices.bring(path, _voice_name(asked))
        finally:
            path.unlink(missing_ok=True)  # what is used of it is held by the voice
        return {"ref": ref, "voices": desk.voices.listed()}

    def _uploaded(self, path: str) -> Path:
        """Of what the page names, only what was uploaded."""
        found = Path(path).resolve()
        if not found.is_relative_to(self._place.uploads.resolve()) or not found.is_file():
            raise RefusedError("this file was not uploaded here; choose it again.")
        return found

    def _rename_voice(self, desk: Desk, asked: Asked) -> Answer:
        desk.voices.rename(_text(asked, "ref", 100), _voice_name(asked))
        return {"voices": desk.voices.listed()}

    def _keep_voice(self, desk: Desk, asked: Asked) -> Answer:
        ref = desk.voices.keep(_text(asked, "ref", 100), _voice_name(asked), _consent(asked))
        return {"ref": ref, "voices": desk.voices.listed()}

    def _save_voice(self, desk: Desk, asked: Asked) -> Answer:
        folder = desk.folder / secrets.token_hex(16)
        folder.mkdir()
        name = _voice_name(asked)
        path = folder / f"{_stem(name)}{ENDING}"
        desk.voices.save(_text(asked, "ref", 100), name, _consent(asked), path)
        return {"file": str(path), "name": path.name}

    def _forget_voice(self, desk: Desk, asked: Asked) -> Answer:
        desk.voices.forget(_text(asked, "ref", 100))
        return {"voices": desk.voices.listed()}

    def _sample(self, desk: Desk, asked: Asked) -> Answer:
        return {"file": str(desk.voices.sample(_text(asked, "ref", 100)))}


def _rows(asked: Asked) -> list[Row]:
    found = asked.get("rows")
    if not isinstance(found, list):
        raise RefusedError("the turns are missing; reload the page.")
    if len(found) > MOST_TURNS:
        raise ScriptError(f"the script has {len(found)} turns; at most {MOST_TURNS} are made here. Cut it in parts.")
    rows = [_row(row) for row in found]
    if len({row.id for row in rows}) < len(rows):
        raise RefusedError("two turns have one id; reload the page.")
    if sum(len(row.turn.text) + len(row.note) for row in rows) > LONGEST_SCRIPT:
        raise ScriptError(f"the script is longer than {LONGEST_SCRIPT:,} characters; cut it in parts.")
    return rows


def _row(asked: Any) -> Row:
    if not isinstance(asked, dict):
        raise RefusedError("a turn is not what the page sends; reload the page.")
    numbers = [asked.get(key, usual) for key, usual in (("pause", 0), ("overlap", 0), ("speed", 1))]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers):
        raise RefusedError("pause, overlap and speed are numbers; reload the page.")
    pause, overlap, speed = map(float, numbers)
    text = " ".join(_text(asked, "text", LONGEST_SCRIPT).split())
    turn = Turn(_text(asked, "speaker", LONGEST_NAME).strip(), text, pause, overlap_s=overlap, speed=speed)
    seed = None if asked.get("seed") is None else _seed(asked["seed"])
    return Row(_name(asked, "id"), turn, _text(asked, "note", LONGEST_SCRIPT), seed, asked.get("locked") is True)


def _row_told(row: Row) -> Answer:
    turn = row.turn
    return {
        "speaker": turn.speaker,
        "text": turn.text,
        "pause": turn.pause_s,
        "overlap": turn.overlap_s,
        "speed": turn.speed,
        "note": row.note,
    }


def _told(finding: Finding) -> Answer:
    return {
        "line": finding.line,
        "column": finding.column,
        "severity": finding.severity,
        "message": _sentence(finding.message),
    }


def _at_row(error: ScriptError, order: Order) -> DialogueTTSError:
    """The row that a message such as "line 3: ..." or "turn 3 (Anna): ..." is about."""
    match = re.match(r"(?:line|turn) (\d+)(?: \([^)]*\))?: (.*)", str(error), re.DOTALL)
    if not match or not 1 <= int(match[1]) <= len(order.rows):
        return error
    return AtRowError(match[2], order.rows[int(match[1]) - 1].id)


def _config(asked: Asked) -> SynthesisConfig:
    """Raises SettingsError for what is out of range."""
    found = asked.get("settings") or {}
    if not isinstance(found, dict):
        raise RefusedError("the settings are not what the page sends; reload the page.")
    settings: dict[str, float | None] = {}
    for key, name in (("gap", "gap_s"), ("speed", "speed"), ("loudness", "loudness_lufs")):
        value = found.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            settings[name] = float(value)
    return SynthesisConfig(**settings)


def _refs(asked: Asked) -> dict[str, str]:
    found = asked.get("cast") or {}
    if not isinstance(found, dict) or len(found) > MOST_TURNS:
        raise RefusedError("the voices are not what the page sends; reload the page.")
    return {str(speaker): str(ref) for speaker, ref in found.items() if ref}


def _seed(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST_SEEDS:
        raise RefusedError(f"a seed is a whole number from 0 to {MOST_SEEDS - 1}; change it.")
    return value


def _new_seed() -> int:
    return secrets.randbelow(1_000_000)


def _name(asked: Asked, key: str) -> str:
    value = str(asked.get(key))
    if not _NAME.fullmatch(value):
        raise RefusedError(f"the page's {key} is missing; reload the page.")
    return value


def _version(asked: Asked) -> int:
    value = asked.get("since", 0)
    return value if isinstance(value, int) else 0


def _text(asked: Asked, key: str, longest: int) -> str:
    value = asked.get(key, "")
    if not isinstance(value, str):
        raise RefusedError(f"the page's {key} is no text; reload the page.")
    if len(value) > longest:
        raise ScriptError(f"the {key} is longer than {longest:,} characters; cut it in parts.")
    return value


def _voice_name(asked: Asked) -> str:
    name = " ".join(_text(asked, "name", LONGEST_NAME).split())
    if not name:
        raise VoiceError("a voice needs a name; give it one.")
    return name


def _consent(asked: Asked) -> Consent:
    found = asked.get("consent")
    if not isinstance(found, dict):
        raise VoiceError("say who agreed to the use of the voice.")
    return Consent(*(_text(found, key, 500) for key in ("kind", "who", "when", "what")))


def _stem(title: str) -> str:
    """A plain file name."""
    return re.sub(r"[^\w-]+", "-", title).strip("-")[:48] or "dialogue"


def _sentence(error: Exception | str) -> str:
    text = str(error).rstrip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")


def _sound(ending: str, stereo: bool = False) -> Callable[[Dialogue, Path, str], Path]:
    def write(dialogue: Dialogue, folder: Path, stem: str) -> Path:
        path = folder / f"{stem}{'-stereo' if stereo else ''}.{ending}"
        dialogue.save(path, stereo)
        return path

    return write


def _saved(ending: str, save: Callable[[Dialogue, Path], None]) -> Callable[[Dialogue, Path, str], Path]:
    def write(dialogue: Dialogue, folder: Path, stem: str) -> Path:
        path = folder / f"{stem}{ending}"
        save(dialogue, path)
        return path

    return write


def _script(dialogue: Dialogue, path: Path) -> None:
    path.write_text(format_script(dialogue.script), encoding="utf-8")


def _tracks(dialogue: Dialogue, folder: Path, stem: str) -> Path:
    inside = folder / "tracks"
    return _zipped(folder / f"{stem}-tracks.zip", dialogue.save_tracks(inside))


def _turns(dialogue: Dialogue, folder: Path, stem: str) -> Path:
    paths = []
    for turn in dialogue.turns:
        path = folder / f"{turn.index + 1:03}-{_stem(turn.speaker)}-{_stem(turn.text)[:24].strip('-')}.wav"
        write_audio(path, dialogue.turn_waveform(turn.index), dialogue.sample_rate, dialogue.provenance)
        paths.append(path)
    return _zipped(folder / f"{stem}-turns.zip", paths)


def _everything(dialogue: Dialogue, folder: Path, stem: str) -> Path:
    kinds = ("wav", "mp3", "srt", "vtt", "json", "labels", "script", "project")
    return _zipped(folder / f"{stem}.zip", [WRITERS[kind](dialogue, folder, stem) for kind in kinds])


def _zipped(target: Path, paths: list[Path]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            archive.write(path, path.name)
    return target


WRITERS: dict[str, Callable[[Dialogue, Path, str], Path]] = {
    **{ending: _sound(ending) for ending in SOUNDS},
    "stereo": _sound("wav", stereo=True),
    "srt": _saved(".srt", Dialogue.save_srt),
    "vtt": _saved(".vtt", Dialogue.save_vtt),
    "json": _saved(".json", Dialogue.save_timestamps),
    "labels": _saved("-labels.txt", Dialogue.save_labels),
    "script": _saved("-script.txt", _script),
    "project": _saved(".dialogue.json", lambda dialogue, path: Project.of(dialogue).save(path)),
    "tracks": _tracks,
    "turns": _turns,
    "all": _everything,
}
