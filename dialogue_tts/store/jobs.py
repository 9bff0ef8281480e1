"""Jobs in a store: dialogues that are made while nobody waits on the line, and outlive the process that makes them.

A job belongs to at most one server at a time. It is free for others when that server gives it back, or says no longer that it
is alive; and one that has nothing to do may take it from one that has several things to do. What a server writes of a job that
is not its own any more, or that somebody cancelled, is not taken.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from dialogue_tts.config import from_dict, to_dict
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.saved_takes import take_from_bytes, take_to_bytes
from dialogue_tts.errors import StoreError
from dialogue_tts.script.findings import Finding
from dialogue_tts.store.database import Database
from dialogue_tts.store.tables import job_voices, jobs, servers, takes, turns
from dialogue_tts.synthesis.request import DialogueRequest
from dialogue_tts.synthesis.ticket import State
from dialogue_tts.voices.voice import Voice

UNFINISHED: tuple[State, ...] = ("waiting", "working")
_ID = re.compile(r"[\w-]{1,32}", re.ASCII)


@dataclass(frozen=True)
class Job:
    """How far a job is, at one moment.

    Attributes:
        bundle: SHA-256 of the one it is made with.
        turns_done: finished, and written down; sound_s: when the last of them ends.
        expected_s: of the whole dialogue, in seconds.
        created_at, ended_at: in seconds since 1970.
        error: why it failed.
    """

    id: str
    bundle: str
    state: State
    turns: int
    turns_done: int
    sound_s: float
    expected_s: float
    created_at: float
    ended_at: float | None
    findings: tuple[Finding, ...]
    error: str | None


class JobStore:
    """Each method raises StoreError where the store cannot be used; each change is whole or not at all."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, request: DialogueRequest, server: str, now: float) -> str:
        """A new job, which belongs to `server`; returns its id."""
        job = secrets.token_urlsafe(16)
        row = {
            "id": job,
            "bundle": request.bundle.sha256,
            "project": json.dumps(to_dict(request.project)),
            "findings": json.dumps([asdict(finding) for finding in request.findings]),
            "state": "waiting",
            "turns": len(request.turns),
            "expected_s": request.expected_s,
            "created_at": now,
            "server": server,
            "begun": 1,
        }
        with self._database.writing() as connection:
            connection.execute(jobs.insert().values(row))
            for number, voice in enumerate(request.voices.values()):
                connection.execute(job_voices.insert().values(job=job, number=number, data=voice.to_bytes()))
            for index, turn in enumerate(request.turns):
                _add_takes(connection, job, index, turn.kept, 0)
        return job

    def find(self, job: str) -> Job | None:
        """How far it is; None if there is no such job."""
        if not _ID.fullmatch(job):  # PostgreSQL takes no NUL
            return None
        done = sa.select(sa.func.count()).where(turns.c.job == jobs.c.id).scalar_subquery()
        sound_s = sa.select(sa.func.coalesce(sa.func.max(turns.c.end_s), 0.0)).where(turns.c.job == jobs.c.id)
        columns = [jobs.c[name] for name in ("id", "bundle", "state", "turns", "expected_s", "created_at", "ended_at")]
        wanted = sa.select(
            *columns,
            jobs.c.error,
            jobs.c.findings,
            done.label("turns_done"),
            sound_s.scalar_subquery().label("sound_s"),
        )
        with self._database.reading() as connection:
            row = connection.execute(wanted.where(jobs.c.id == job)).mappings().one_or_none()
        if row is None:
            return None
        findings = tuple(Finding(**finding) for finding in json.loads(row["findings"]))
        return Job(**{**row, "findings": findings})

    def times(self, job: str, first: int = 0) -> list[dict[str, Any]]:
        """`turn_times` of finished turns, from the `first` on."""
        wanted = sa.select(turns.c.times).where(turns.c.job == job, turns.c.turn >= first).order_by(turns.c.turn)
        with self._database.reading() as connection:
            return [json.loads(text) for text in connection.scalars(wanted)]

    def get(self, job: str) -> Job:
        """How far it is. Raises StoreError if somebody has deleted it."""
        found = self.find(job)
        if found is None:
            raise StoreError("the job was deleted; ask for a new one.")
        return found

    def project(self, job: str) -> Project:
        """What it was asked for."""
        with self._database.reading() as connection:
            text = connection.scalar(sa.select(jobs.c.project).where(jobs.c.id == job))
        if text is None:
            raise StoreError("the job was deleted; ask for a new one.")
        return from_dict(Project, json.loads(text))

    def voices(self, job: str) -> list[Voice]:
        """In the order of the project's."""
        wanted = sa.select(job_voices.c.data).where(job_voices.c.job == job).order_by(job_voices.c.number)
        with self._database.reading() as connection:
            found = connection.scalars(wanted).all()
        return [Voice.from_bytes(data, "a voice of the job") for data in found]

    def takes(self, job: str) -> dict[int, list[Take]]:
        """Turn, from 0 -> its takes that are there, in order. Raises ProjectError where one is damaged."""
        wanted = sa.select(takes.c.turn, takes.c.data).where(takes.c.job == job).order_by(takes.c.turn, takes.c.take)
        found: dict[int, list[Take]] = {}
        with self._database.reading() as connection:
            for turn, data in connection.execute(wanted):
                found.setdefault(turn, []).append(take_from_bytes(data))
        return found

    def begin(self, job: str, server: str) -> bool:
        """Somebody works on it. False if it is not the server's any more."""
        return self._change(_held(job, server), state="working")

    def add_turn(
        self, job: str, server: str, times: Mapping[str, Any], end_s: float, made: Sequence[Take], kept: int
    ) -> bool:
        """A turn is finished.

        Args:
            times: of `turn_times`.
            end_s: of the turn, from the dialogue's beginning.
            made: all takes of the turn, of which the first `kept` are there already.

        Returns:
            False if the job is not the server's any more: nothing was written.
        """
        with self._database.writing() as connection:
            if not connection.execute(jobs.update().where(_held(job, server)).values(begun=1)).rowcount:
                return False
            turn = times["index"]
            _add_takes(connection, job, turn, made[kept:], kept)
            connection.execute(turns.insert().values(job=job, turn=turn, times=json.dumps(times), end_s=end_s))
        return True

    def end(self, job: str, server: str, state: State, now: float, error: str | None = None) -> bool:
        """Nothing comes any more. False if it is not the server's any more."""
        return self._change(_held(job, server), state=state, error=error, ended_at=now, server=None)

    def give_back(self, job: str, server: str, begun: int = 0) -> None:
        """Others may go on with it, who are told that it was begun so often before."""
        self._change(_held(job, server), state="waiting", server=None, begun=begun)

    def cancel(self, job: str, now: float) -> None:
        """Whoever makes it stops; the finished turns stay."""
        self._change(
            sa.and_(jobs.c.id == job, jobs.c.state.in_(UNFINISHED)), state="cancelled", ended_at=now, server=None
        )

    def delete(self, job: str) -> None:
        """All of it goes."""
        with self._database.writing(forgetting=True) as connection:
            connection.execute(jobs.delete().where(jobs.c.id == job))

    def alive(self, server: str, until: float, active: int = 0) -> None:
        """A server says that it is there, until when if it says no more, and how many dialogues it has to make."""
        said = {"alive_until": until, "active": active}
        with self._database.writing() as connection:
            if not connection.execute(servers.update().where(servers.c.id == server).values(said)).rowcount:
                connection.execute(servers.insert().values(id=server, **said))

    def leave(self, server: str) -> None:
        """A server ends."""
        with self._database.writing() as connection:
            connection.execute(servers.delete().where(servers.c.id == server))

    def claim(self, server: str, bundle: str, now: float, working: Collection[str]) -> tuple[str, int] | None:
        """The oldest job that nobody works on becomes the server's.

        Args:
            working: the server's jobs that it is making.

        Returns:
            Its id, and how often it was begun since a turn of it was made, this time included; None if there is none.
        """
        living = sa.select(servers.c.id).where(servers.c.alive_until >= now, servers.c.id != server)
        free = sa.and_(
            jobs.c.state.in_(UNFINISHED),
            jobs.c.bundle == bundle,
            sa.or_(jobs.c.server.is_(None), jobs.c.server.not_in(living)),
            jobs.c.id.not_in(working),
        )
        oldest = sa.select(jobs.c.id).where(free).order_by(jobs.c.created_at).limit(1)
        taken = jobs.update().values(server=server, begun=jobs.c.begun + 1).returning(jobs.c.begun)
        with self._database.writing() as connection:
            while (job := connection.scalar(oldest)) is not None:
                # Another may have been quicker; then the condition does not hold any more, and the next one is looked for.
                begun = connection.scalar(taken.where(jobs.c.id == job, free))
                if begun is not None:
                    return job, begun
        return None

    def relieve(self, server: str, bundle: str, now: float) -> tuple[str, int] | None:
        """The youngest job of a living server that has more to do than that becomes this server's, which has nothing to do.

        The other one finds out when it writes the job's next turn, or looks after its jobs; what it made of that turn is lost.

        Returns:
            As `claim` does, though it was not begun anew by anybody's death.
        """
        busy = sa.select(servers.c.id).where(servers.c.alive_until >= now, servers.c.id != server, servers.c.active > 1)
        theirs = sa.and_(jobs.c.state.in_(UNFINISHED), jobs.c.bundle == bundle, jobs.c.server.in_(busy))
        youngest = sa.select(jobs.c.id, jobs.c.server).where(theirs).order_by(jobs.c.created_at.desc()).limit(1)
        with self._database.writing() as connection:
            found = connection.execute(youngest).one_or_none()
            if found is None:
                return None
            still = sa.and_(jobs.c.id == found.id, jobs.c.server == found.server, theirs)
            begun = connection.scalar(jobs.update().values(server=server).where(still).returning(jobs.c.begun))
            if begun is None:  # another was quicker
                return None
            less = servers.update().values(active=servers.c.active - 1)  # or the next would take its last one, too
            connection.execute(less.where(servers.c.id == found.server))
        return found.id, begun

    def held(self, server: str) -> set[str]:
        """Unfinished jobs that are the server's."""
        wanted = sa.select(jobs.c.id).where(jobs.c.server == server, jobs.c.state.in_(UNFINISHED))
        with self._database.reading() as connection:
            return set(connection.scalars(wanted))

    def tidy(self, now: float, keep_s: float, keep_sound_s: float) -> None:
        """Delete jobs that are over for longer than `keep_s`, and the oldest where all together hold more than so much sound;
        never the newest with any, however long it is: somebody is about to fetch it.

        Servers that are dead for as long are forgotten, too.
        """
        sound_s = sa.func.coalesce(sa.func.max(turns.c.end_s), 0.0)
        over = (
            sa.select(jobs.c.id, jobs.c.ended_at, sound_s)
            .outerjoin(turns, turns.c.job == jobs.c.id)
            .where(jobs.c.ended_at.is_not(None))
            .group_by(jobs.c.id, jobs.c.ended_at)
            .order_by(jobs.c.ended_at.desc())
        )
        with self._database.reading() as connection:
            found = connection.execute(over).all()
        old, held_s = [], 0.0
        for job, ended_at, job_sound_s in found:  # the newest first
            held_s += job_sound_s
            if now - ended_at >= keep_s or held_s > max(keep_sound_s, job_sound_s):
                old.append(job)
        with self._database.writing(forgetting=bool(old)) as connection:
            for job in old:
                connection.execute(jobs.delete().where(jobs.c.id == job))
            connection.execute(servers.delete().where(servers.c.alive_until < now - keep_s))

    def counts(self) -> dict[State, int]:
        """How many jobs there are in each state that some are in."""
        with self._database.reading() as connection:
            found = connection.execute(sa.select(jobs.c.state, sa.func.count()).group_by(jobs.c.state)).all()
        return {cast("State", state): count for state, count in found}

    def _change(self, which: ColumnElement[bool], **values: object) -> bool:
        with self._database.writing() as connection:
            return connection.execute(jobs.update().where(which).values(values)).rowcount > 0


def _held(job: str, server: str) -> ColumnElement[bool]:
    return sa.and_(jobs.c.id == job, jobs.c.server == server, jobs.c.state.in_(UNFINISHED))


def _add_takes(connection: Connection, job: str, turn: int, made: Sequence[Take], first: int) -> None:
    for number, take in enumerate(made, start=first):
        connection.execute(takes.insert().values(job=job, turn=turn, take=number, data=take_to_bytes(take)))
