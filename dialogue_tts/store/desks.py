"""The studio's dialogues, which outlive its process: of each browser, a desk, its dialogues row by row, and its voices.

What is written of a desk that was deleted is not taken. Each method raises StoreError where the store cannot be used.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection

from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.saved_takes import take_from_bytes, take_to_bytes
from dialogue_tts.errors import VoiceError
from dialogue_tts.store.database import Database
from dialogue_tts.store.tables import desk_dialogues, desk_rows, desk_takes, desk_voices, desks
from dialogue_tts.voices.voice import Voice

log = logging.getLogger(__name__)

RowKept = tuple[str, Sequence[Take], int]  # its turn as text, all its takes, and how many of them are written already


class DeskStore:
    """Desks are known by a hash of what their browser alone knows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beginning = threading.Lock()  # a voice and a dialogue may be the first at once

    def begin(self, desk: str, now: float) -> None:
        """Something is to be put on it: a new desk for somebody new."""
        with self._beginning, self._database.writing() as connection:
            if not _seen(connection, desk, now):
                connection.execute(desks.insert().values(id=desk, seen=now))

    def seen(self, desk: str, now: float) -> None:
        """Somebody is there, who may have nothing on it."""
        with self._database.writing() as connection:
            _seen(connection, desk, now)

    def delete(self, desk: str) -> None:
        """With all that is on it."""
        with self._database.writing(forgetting=True) as connection:
            connection.execute(desks.delete().where(desks.c.id == desk))

    def tidy(self, before: float) -> None:
        """Delete desks that nobody has come to since."""
        with self._database.reading() as connection:
            left = connection.scalars(sa.select(desks.c.id).where(desks.c.seen < before)).all()
        for desk in left:
            self.delete(desk)

    def voices(self, desk: str) -> dict[str, Voice]:
        """Key -> voice. One whose bytes are damaged is logged and left out: its user's others and dialogues are there."""
        wanted = sa.select(desk_voices.c.key, desk_voices.c.data).where(desk_voices.c.desk == desk)
        with self._database.reading() as connection:
            found = connection.execute(wanted.order_by(desk_voices.c.kept)).all()
        voices = {}
        for row in found:
            try:
                voices[row.key] = Voice.from_bytes(row.data, f"voice {row.key} of a desk")
            except VoiceError as error:
                log.error("%s", error)
        return voices

    def keep_voice(self, desk: str, key: str, voice: Voice, now: float) -> None:
        """A new voice, or one that changed."""
        which = sa.and_(desk_voices.c.desk == desk, desk_voices.c.key == key)
        with self._database.writing() as connection:
            changed = connection.execute(desk_voices.update().where(which).values(data=voice.to_bytes())).rowcount
            if not changed and _is_there(connection, desk):
                values = {"desk": desk, "key": key, "kept": now, "data": voice.to_bytes()}
                connection.execute(desk_voices.insert().values(values))

    def forget_voice(self, desk: str, key: str) -> None:
        """It is gone."""
        with self._database.writing(forgetting=True) as connection:
            connection.execute(desk_voices.delete().where(desk_voices.c.desk == desk, desk_voices.c.key == key))

    def dialogues(self, desk: str) -> list[str]:
        """Names of its dialogues; the one that was begun first comes first."""
        wanted = sa.select(desk_dialogues.c.name).where(desk_dialogues.c.desk == desk)
        with self._database.reading() as connection:
            return list(connection.scalars(wanted.order_by(desk_dialogues.c.begun)))

    def dialogue(self, desk: str, name: str) -> tuple[str, dict[str, tuple[str, list[Take]]]] | None:
        """What was said of it, and row -> turn and takes. None if there is no such dialogue.

        Raises:
            ProjectError: a take is damaged.
        """
        wanted = sa.select(desk_dialogues.c.head).where(_of(desk_dialogues, desk, name))
        of_rows = sa.select(desk_rows.c.row, desk_rows.c.turn).where(_of(desk_rows, desk, name))
        of_takes = sa.select(desk_takes.c.row, desk_takes.c.data).where(_of(desk_takes, desk, name))
        with self._database.reading() as connection:
            head = connection.scalar(wanted)
            if head is None:
                return None
            rows: dict[str, tuple[str, list[Take]]] = {r.row: (r.turn, []) for r in connection.execute(of_rows)}
            for row, data in connection.execute(of_takes.order_by(desk_takes.c.take)):
                rows[row][1].append(take_from_bytes(data))
        return head, rows

    def keep(
        self, desk: str, name: str, head: str, rows: Mapping[str, RowKept], gone: Collection[str], now: float
    ) -> None:
        """What is new of a dialogue.

        Args:
            rows: those that changed; gone: those that are no part of it any more.
        """
        with self._database.writing() as connection:
            which = _of(desk_dialogues, desk, name)
            if not connection.execute(desk_dialogues.update().where(which).values(head=head)).rowcount:
                if not _is_there(connection, desk):
                    return
                connection.execute(desk_dialogues.insert().values(desk=desk, name=name, head=head, begun=now))
            if gone:
                connection.execute(desk_rows.delete().where(_of(desk_rows, desk, name), desk_rows.c.row.in_(gone)))
            for row, kept in rows.items():
                _keep_row(connection, {"desk": desk, "name": name, "row": row}, kept)

    def delete_dialogue(self, desk: str, name: str) -> None:
        """With all its takes."""
        with self._database.writing(forgetting=True) as connection:
            connection.execute(desk_dialogues.delete().where(_of(desk_dialogues, desk, name)))


def _seen(connection: Connection, desk: str, now: float) -> bool:
    return connection.execute(desks.update().where(desks.c.id == desk).values(seen=now)).rowcount > 0


def _is_there(connection: Connection, desk: str) -> bool:
    return connection.scalar(sa.select(desks.c.id).where(desks.c.id == desk)) is not None


def _of(table: sa.Table, desk: str, name: str) -> ColumnElement[bool]:
    return sa.and_(table.c.desk == desk, table.c.name == name)


def _keep_row(connection: Connection, place: Mapping[str, str], kept: RowKept) -> None:
    turn, made, first = kept
    which = [desk_rows.c[column] == value for column, value in place.items()]
    if not connection.execute(desk_rows.update().where(*which).values(turn=turn)).rowcount:
        connection.execute(desk_rows.insert().values(**place, turn=turn))
    old = [desk_takes.c[column] == value for column, value in place.items()]
    connection.execute(desk_takes.delete().where(*old, desk_takes.c.take >= first))
    for number, take in enumerate(made[first:], start=first):
        connection.execute(desk_takes.insert().values(**place, take=number, data=take_to_bytes(take)))
