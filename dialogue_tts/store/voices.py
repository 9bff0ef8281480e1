"""Kept voices in a store, for all servers that share it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from dialogue_tts.store.database import Database
from dialogue_tts.store.tables import voices
from dialogue_tts.voices.library import check_name, name_key, name_taken, not_kept
from dialogue_tts.voices.voice import Voice, check_consented


class StoredVoices:
    """What a `VoiceLibrary` is for a folder. Besides, each method raises StoreError where the store cannot be used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def names(self) -> tuple[str, ...]:
        """In alphabetical order."""
        with self._database.reading() as connection:
            found = connection.scalars(sa.select(voices.c.name)).all()
        return tuple(sorted(found, key=str.casefold))

    def __contains__(self, name: str) -> bool:
        return self._data(name) is not None

    def get(self, name: str) -> Voice:
        """The voice of that name. Raises VoiceError if there is none, or it is damaged."""
        data = self._data(name)
        if data is None:
            raise not_kept(name, self.names())
        return Voice.from_bytes(data, name)

    def add(self, voice: Voice) -> None:
        """Keep a voice. Raises VoiceError if its name is taken or not fit, or it has no consent record."""
        check_name(voice.name)
        check_consented(voice)
        values = {"key": name_key(voice.name), "name": voice.name, "data": voice.to_bytes()}
        with self._database.writing() as connection:
            try:
                connection.execute(voices.insert().values(values))
            except IntegrityError:
                raise name_taken(voice.name) from None

    def remove(self, name: str) -> None:
        """Delete the voice of that name. Raises VoiceError if there is none."""
        with self._database.writing(forgetting=True) as connection:
            removed = connection.execute(voices.delete().where(voices.c.key == name_key(name))).rowcount
        if not removed:
            raise not_kept(name, self.names())

    def _data(self, name: str) -> bytes | None:
        with self._database.reading() as connection:
            return connection.scalar(sa.select(voices.c.data).where(voices.c.key == name_key(name)))
