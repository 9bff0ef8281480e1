"""What the page asks for -> answers, both plain JSON. Everything that comes in is checked here.

An answer is a dict; with "error" it says in a sentence what is wrong, and "where" names the row or the speaker, if one is
to blame. Nothing here raises.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from dialogue_tts._ui.asked import (
    LONGEST_SCRIPT,
    Answer,
    Asked,
    AtRowError,
    RefusedError,
    at_row,
    directions_in,
    finding_told,
    name_in,
    new_seed,
    refs_in,
    row_told,
    rows_in,
    rows_to_say,
    seed_in,
    settings_in,
    text_in,
    version_in,
    voice_name_in,
)
from dialogue_tts._ui.dialogue_job import DialogueJob
from dialogue_tts._ui.downloads import WRITERS, Download, file_stem
from dialogue_tts._ui.making import MakeRequest
from dialogue_tts._ui.mixing import mix_in
from dialogue_tts._ui.opening import open_project, open_project_file
from dialogue_tts._ui.publishing import publication_in
from dialogue_tts._ui.readings import QUESTIONS, found_in
from dialogue_tts._ui.session import Session, Sessions
from dialogue_tts._ui.shown import sentence
from dialogue_tts._ui.turns import Row, by_row, rows_of, said_told, text_of
from dialogue_tts._ui.voice_questions import VOICE_QUESTIONS
from dialogue_tts.dialogue.publication import acx_report
from dialogue_tts.errors import AudioError, BusyError, DialogueTTSError, ScriptError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.credentials import ContentSigner
from dialogue_tts.provenance.mark import bundle_code
from dialogue_tts.provenance.verify import verify_file
from dialogue_tts.script.lint import WORK_PER_S
from dialogue_tts.script.parser import check_script, parse_draft
from dialogue_tts.script.writing import format_script
from dialogue_tts.voices.voice import Voice

WAIT_S = 15.0  # how long "follow" waits for news
LARGEST_FILE, LARGEST_PROJECT = 20_000_000, 200_000_000  # bytes of an upload
LONGEST_VERIFIED_S = 1800.0  # of a sound that somebody asks about
CHARACTERS_PER_S = 15.0  # of speech, for the time left before there is a pace

_SECRET = re.compile(r"[0-9a-f]{32}")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudioInfo:
    """What a studio is, beside its bundle."""

    personal: bool  # the user is the one whose voices are kept on this computer
    keep_hours: float
    uploads: Path  # where the web server puts what is uploaded
    examples: Path
    signer: ContentSigner | None = None  # of the sound files that pages download


class Handlers:
    """One method a question; `answer` finds it."""

    def __init__(self, tts: DialogueTTS, sessions: Sessions, info: StudioInfo) -> None:
        self._tts, self._sessions, self._info = tts, sessions, info
        self._pace_s = WORK_PER_S / CHARACTERS_PER_S * 4  # a guess until something was made
        self._questions: dict[str, Callable[[Session, Asked], Answer]] = {
            name: getattr(self, f"_{name}")
            for name in (
                "hello",
                "check",
                "make",
                "stop",
                "choose",
                "download",
                "open_project",
                "read_document",
                "bring_voice",
                "bring_sound",
                "bring_cover",
                "arrange",
                "verify",
            )
        } | {name: partial(question, tts) for name, question in (QUESTIONS | VOICE_QUESTIONS).items()}

    async def answer(self, asked: Any) -> Answer:
        """What a page gets for a question."""
        try:
            if not isinstance(asked, dict) or not _SECRET.fullmatch(str(asked.get("me"))):
                raise RefusedError("this is no question of the studio's page; reload the page.")
            if asked.get("do") == "forget":
                await asyncio.to_thread(self._sessions.forget, asked["me"])
                return {}
            session = await asyncio.to_thread(self._sessions.of, asked["me"])
            if asked.get("do") == "follow":
                return await self._follow(session, asked)
            question = self._questions.get(str(asked.get("do")))
            if question is None:
                raise RefusedError("the studio does not know this question; reload the page.")
            return await asyncio.to_thread(question, session, asked)
        except AtRowError as error:
            return {"error": sentence(error), "where": error.row}
        except BusyError as error:
            return {"error": f"{sentence(error)} Your script stays here."}
        except DialogueTTSError as error:
            return {"error": sentence(error)}
        except OSError as error:
            log.exception("the studio cannot use its folder")
            return {
                "error": f"The studio cannot write its files ({error.strerror}); make room on the disk, then try again."
            }
        except Exception:
            number = secrets.token_hex(2)
            log.exception("report %s", number)
            return {"error": f"Something went wrong here (report {number} in the studio's log). Your script is safe."}

    def _hello(self, session: Session, asked: Asked) -> Answer:
        examples = [
            {"name": path.stem.partition("-")[2].replace("-", " "), "text": path.read_text(encoding="utf-8")}
            for path in sorted(self._info.examples.glob("*.txt"))
        ]
        return {
            "voices": session.voices.listed(),
            "sounds": session.sounds.listed(),
            "examples": examples,
            "personal": self._info.personal,
            "keepHours": self._info.keep_hours,
        }

    def _check(self, session: Session, asked: Asked) -> Answer:
        """The other view of the script, what is wrong in it, how long it will be, and who speaks with which voice."""
        config, directions = settings_in(asked), directions_in(asked)
        if "rows" in asked:
            rows, ending = rows_in(asked), text_in(asked, "ending", LONGEST_SCRIPT)
            text = text_of(rows, ending)
        else:
            text = text_in(asked, "text", LONGEST_SCRIPT)
            rows, ending = rows_of(text, directions)
        found = self._tts.lint(text, None, config, directions)
        answer: Answer = {
            "text": text,
            "ending": ending,
            "turns": found.turns,
            "speakers": list(found.speakers),
            "seconds": round(found.duration_s, 1),
            "findings": [finding_told(finding) for finding in found.findings],
            "cast": self._cast(session, tuple(dict.fromkeys(row.turn.speaker for row in rows)), asked),
            "said": said_told(rows, directions),
        }
        if "rows" not in asked:  # of what is not understood, no rows are made: they would lack it
            whole = not parse_draft(text, directions).mistakes
            return answer | ({"rows": [row_told(row) for row in rows]} if whole else {})
        answer["byRow"] = {row: [finding_told(f) for f in told] for row, told in by_row(rows, found.findings).items()}
        read, _ = rows_of(text, directions)
        if not found.errors and len(read) != len(rows):  # a row holds [names]: it is several turns
            answer["rows"] = [row_told(row) for row in read]
        return answer

    def _cast(self, session: Session, speakers: tuple[str, ...], asked: Asked) -> dict[str, str]:
        refs = refs_in(asked)
        given = {s: session.voices.source(refs[s]) for s in speakers if s in refs and self._is_here(session, refs[s])}
        return session.voices.refs_of(self._tts.assign(speakers, given))

    def _is_here(self, session: Session, ref: str) -> bool:
        try:
            session.voices.source(ref)
        except VoiceError:
            return False
        return True

    def _make(self, session: Session, asked: Asked) -> Answer:
        rows, refs = rows_to_say(asked), refs_in(asked)
        work = name_in(asked, "work")
        if asked.get("holds") is True and session.job(work) is None:
            return {"gone": True}  # the page shows sound of a studio that was here before
        mix, job = mix_in(session.sounds.all, asked), session.open(work)
        wanted = MakeRequest(
            tuple(rows), *self._voices(session, rows, refs), seed_in(asked.get("seed", 0)), settings_in(asked), mix=mix
        )
        seeds = {n: row.seed for n, row in enumerate(rows) if row.seed is not None and not row.locked}
        if asked.get("fresh"):
            seeds = {n: new_seed() for n, row in enumerate(rows) if not row.locked}
        wanted = replace(wanted, seeds=seeds)
        if "only" in asked:
            wanted = self._only(job, wanted, name_in(asked, "only"), asked.get("fresh") is True)
        try:
            check_script(wanted.script)
            format_script(wanted.script)
            job.begin(wanted, self._pace_s)
        except ScriptError as error:
            raise at_row(error, wanted) from None
        return job.news(version_in(asked))

    def _only(self, job: DialogueJob, wanted: MakeRequest, only: str, fresh: bool) -> MakeRequest:
        """A request for one row: of the others, what there is already stays, and is part of it."""
        places = {row.id: n for n, row in enumerate(wanted.rows)}
        if only not in places:
            raise RefusedError("there is no such turn; reload the page.")
        there = job.dialogue
        chosen: list[Row] = []
        seeds: dict[int, int] = {}
        for row in wanted.rows:
            if row.id == only:
                if fresh or row.seed is not None:
                    seeds[len(chosen)] = new_seed() if fresh else wanted.seeds.get(places[only], row.seed or 0)
                chosen.append(row)
            elif there and row.id in job.ids:
                part = there.turn_takes[job.ids.index(row.id)]
                speaker = part.turn.speaker
                if job.refs.get(speaker) == wanted.refs.get(speaker, job.refs.get(speaker)):
                    chosen.append(replace(row, turn=replace(part.turn, text=part.take.text)))
        speakers = {row.turn.speaker for row in chosen}
        voices = dict(wanted.voices)
        if there:
            voices = {**{s: v for s, v in there.voices.items() if s not in voices}, **voices}
        refs = {**job.refs, **wanted.refs}
        return replace(
            wanted,
            rows=tuple(chosen),
            voices={s: v for s, v in voices.items() if s in speakers},
            refs={s: r for s, r in refs.items() if s in speakers},
            config=there.config if there else wanted.config,
            seeds=seeds,
        )

    def _voices(
        self, session: Session, rows: list[Row], refs: Mapping[str, str]
    ) -> tuple[dict[str, str | Voice], dict[str, str]]:
        speakers = tuple(dict.fromkeys(row.turn.speaker for row in rows))
        given: dict[str, str | Voice] = {}
        for speaker in speakers:
            if speaker in refs:
                try:
                    given[speaker] = session.voices.source(refs[speaker])
                except VoiceError as error:
                    raise VoiceError(f"{speaker}: {error}") from None
        voices = {s: v if isinstance(v, Voice) else str(v) for s, v in self._tts.assign(speakers, given).items()}
        return voices, session.voices.refs_of(voices)

    async def _follow(self, session: Session, asked: Asked) -> Answer:
        """Waits until there is something new, and tells it; while something is made, every second at least."""
        job, since = await asyncio.to_thread(session.job, name_in(asked, "work")), version_in(asked)
        if job is None:
            return {"gone": True}
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        tell = partial(loop.call_soon_threadsafe, changed.set)
        job.listen(tell)
        try:
            if job.version <= since and asked.get("patient", True):
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(changed.wait(), 1.0 if job.making else WAIT_S)
        finally:
            job.unlisten(tell)
        self._pace_s = job.pace_s or self._pace_s
        return await asyncio.to_thread(job.news, since if since <= job.version else 0)

    def _stop(self, session: Session, asked: Asked) -> Answer:
        job = self._job(session, asked)
        job.stop()
        return job.news(version_in(asked))

    def _choose(self, session: Session, asked: Asked) -> Answer:
        job, take = self._job(session, asked), asked.get("take")
        if not isinstance(take, int):
            raise RefusedError("a take is a number; reload the page.")
        job.choose(name_in(asked, "row"), take)
        return job.news(version_in(asked))

    def _job(self, session: Session, asked: Asked) -> DialogueJob:
        job = session.job(name_in(asked, "work"))
        if job is None:
            raise DialogueTTSError("the sound of this dialogue is not here any more; make it again.")
        return job

    def _download(self, session: Session, asked: Asked) -> Answer:
        job = self._job(session, asked)
        if job.dialogue is None:
            raise DialogueTTSError("there is no sound yet; make the dialogue first.")
        write = WRITERS.get(str(asked.get("kind")))
        if write is None:
            raise RefusedError("there is no such download; reload the page.")
        dialogue = job.mixed or job.dialogue
        publication = publication_in(session.covers, asked, job.ids)
        stem = file_stem(text_in(asked, "title", 200))
        wanted = Download(dialogue, publication, job.download_folder(), stem, self._info.signer)
        path = write(wanted)
        answer: Answer = {"file": str(path), "name": path.name}
        if dialogue.mix.master == "audiobook":
            answer["report"] = [
                sentence(measure.says) for measure in acx_report(dialogue, publication) if not measure.passed
            ]
        if asked.get("kind") in ("archive", "all"):
            mine = [who for who, voice in dialogue.voices.items() if voice.name not in self._tts.bundle.voices]
            answer["without"] = [who for who in mine if dialogue.voices[who].consent is None]
        return answer

    def _open_project(self, session: Session, asked: Asked) -> Answer:
        """A project's script, voices, mix and settings for the page; its sound is made again, if all it needs is here."""
        if "path" not in asked:
            return open_project(self._tts, session, asked, text_in(asked, "text", 10 * LONGEST_SCRIPT), self._pace_s)
        path = self._uploaded(text_in(asked, "path", 4096), LARGEST_PROJECT)
        try:
            return open_project_file(self._tts, session, asked, path, self._pace_s)
        finally:
            path.unlink(missing_ok=True)

    def _bring_sound(self, session: Session, asked: Asked) -> Answer:
        """A sound for the mix."""
        path = self._uploaded(text_in(asked, "path", 4096))
        try:
            return {"name": session.sounds.read(path, text_in(asked, "name", 200)), "sounds": session.sounds.listed()}
        finally:
            path.unlink(missing_ok=True)

    def _bring_cover(self, session: Session, asked: Asked) -> Answer:
        """A picture for the episode."""
        path = self._uploaded(text_in(asked, "path", 4096))
        try:
            return {"cover": session.covers.bring(path)}
        finally:
            path.unlink(missing_ok=True)

    def _arrange(self, session: Session, asked: Asked) -> Answer:
        """Another mix of what is made."""
        job = self._job(session, asked)
        job.arrange(mix_in(session.sounds.all, asked))
        return job.news(version_in(asked))

    def _read_document(self, session: Session, asked: Asked) -> Answer:
        """What is found in a document that was uploaded, or in text that was pasted."""
        name, directions = text_in(asked, "name", 200), directions_in(asked)
        if "path" not in asked:
            return found_in(text_in(asked, "text", LONGEST_SCRIPT).encode(), name, directions)
        path = self._uploaded(text_in(asked, "path", 4096))
        try:
            return found_in(path.read_bytes(), name, directions)
        finally:
            path.unlink(missing_ok=True)

    def _bring_voice(self, session: Session, asked: Asked) -> Answer:
        path = self._uploaded(text_in(asked, "path", 4096))
        try:
            ref = session.voices.bring(path, voice_name_in(asked))
        finally:
            path.unlink(missing_ok=True)  # what is used of it is held by the voice
        return {"ref": ref, "voices": session.voices.listed()}

    def _uploaded(self, path: str, largest: int = LARGEST_FILE) -> Path:
        """Of what the page names, only what was uploaded, and no more than that of it."""
        found = Path(path).resolve()
        if not found.is_relative_to(self._info.uploads.resolve()) or not found.is_file():
            raise RefusedError("this file was not uploaded here; choose it again.")
        if found.stat().st_size > largest:
            found.unlink()
            raise RefusedError(f"the file is larger than {largest // 10**6} MB; cut it, or save it smaller.")
        return found

    def _verify(self, session: Session, asked: Asked) -> Answer:
        """Whether a sound was made here, in sentences."""
        path = self._uploaded(text_in(asked, "path", 4096))
        here = self._tts.bundle_id
        try:
            found = verify_file(path, LONGEST_VERIFIED_S)
        except AudioError as error:
            raise RefusedError(str(error).removeprefix(f"{path}: ")) from None
        finally:
            path.unlink(missing_ok=True)
        return {"marked": found.marked, "says": found.sentences({bundle_code(here.name, here.sha256): (here.name,)})}
