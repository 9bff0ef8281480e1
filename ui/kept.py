"""What the studio writes down, so that it outlives the process: of each browser its dialogues, as they are made, and voices.

Without a store nothing is written. What cannot be written is told, and what is made goes on.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dialogue_tts._ui.making import MakeRequest, Making
from dialogue_tts._ui.turns import Row
from dialogue_tts.config import from_dict, strict, to_dict
from dialogue_tts.dialogue.project import SavedTake, SavedTurn
from dialogue_tts.dialogue.result import BundleId, Dialogue, TurnTakes
from dialogue_tts.errors import DialogueTTSError, StoreError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.voices.voice import Voice

if TYPE_CHECKING:
    from dialogue_tts.store.desks import DeskStore

log = logging.getLogger(__name__)


@strict
class _Head:
    """All of a dialogue but its turns.

    Attributes:
        rows: ids, in order; refs, voices: of each speaker, the voices as bytes in base64.
        mix: as the page has it.
    """

    bundle: BundleId
    seed: int
    config: SynthesisConfig
    rows: tuple[str, ...]
    refs: Mapping[str, str]
    voices: Mapping[str, str]
    mix: Any


@dataclass(frozen=True)
class KeptState:
    """A dialogue that was written down.

    Attributes:
        missing: rows that were to be made, and are not.
        mix: as the page has it; its sounds are not kept.
    """

    wanted: MakeRequest
    dialogue: Dialogue
    missing: tuple[str, ...]
    mix: Any


class KeptDesk:
    """What is kept of one browser. Methods may be called from any thread."""

    def __init__(self, store: DeskStore | None, secret: str) -> None:
        """
        Args:
            secret: that the browser alone knows; a hash of it is written.
        """
        self._store, self._desk = store, hashlib.sha256(secret.encode()).hexdigest()
        self.seen(0.0)

    def begin(self) -> None:
        """Something is to be kept: who only looks in leaves nothing in the store. Raises StoreError."""
        if self._store:
            self._store.begin(self._desk, time.time())

    def seen(self, ago_s: float) -> None:
        """Its user was there, so many seconds ago. Raises StoreError."""
        if self._store:
            self._store.seen(self._desk, time.time() - ago_s)

    def voices(self) -> dict[str, Voice]:
        """Key -> voice, of those that were brought. Raises StoreError."""
        return self._store.voices(self._desk) if self._store else {}

    def keep_voice(self, key: str, voice: Voice) -> None:
        """A voice that was brought, or has another name now. Raises StoreError."""
        if self._store:
            self._store.keep_voice(self._desk, key, voice, time.time())

    def forget_voice(self, key: str) -> None:
        """It is gone. Raises StoreError."""
        if self._store:
            self._store.forget_voice(self._desk, key)

    def dialogue(self, name: str) -> KeptDialogue:
        """What is kept, or will be, of one dialogue."""
        return KeptDialogue(self._store, self._desk, name)

    def dialogues(self) -> list[str]:
        """Names of those that are kept; the one that was begun first comes first. Raises StoreError."""
        return self._store.dialogues(self._desk) if self._store else []

    def delete(self) -> None:
        """All of it. Raises StoreError."""
        if self._store:
            self._store.delete(self._desk)


class KeptDialogue:
    """What is kept of one dialogue. Whoever uses it sees to it that one thread does at a time."""

    def __init__(self, store: DeskStore | None, desk: str, name: str) -> None:
        self.trouble = ""  # why what was to be written last is not
        self._store, self._desk, self._name = store, desk, name
        self._begun = False  # the desk is there, unless its user has deleted it since
        self._written: dict[str, tuple[str, TurnTakes]] = {}

    def keep_making(self, making: Making, refs: Mapping[str, str], bundle: BundleId) -> None:
        """A making as far as it is."""
        if self._store:
            wanted, parts = making.request, making.kept | making.made
            head = (bundle, wanted.seed, wanted.config, tuple(row.id for row in wanted.rows), refs)
            self._keep(_Head(*head, _saved(making.cast), wanted.mix.told), parts)

    def keep_made(self, dialogue: Dialogue, ids: Sequence[str], refs: Mapping[str, str], mix: Any) -> None:
        """A dialogue whose turns are the rows `ids`."""
        if self._store:
            head = (dialogue.bundle, dialogue.seed, dialogue.config, tuple(ids), refs)
            parts = dict(zip(ids, dialogue.turn_takes, strict=True))
            self._keep(_Head(*head, _saved(dialogue.voices), mix), parts)

    def found(self, tts: DialogueTTS) -> KeptState | None:
        """The dialogue as it was written down last; None if nothing of it is kept that could be used here."""
        try:
            kept = self._store.dialogue(self._desk, self._name) if self._store else None
            found = _found(tts, *kept) if kept else None
        except DialogueTTSError as error:
            log.error("a dialogue that was kept cannot be used: %s", error)
            return None
        if found:
            parts = zip(found.wanted.rows, found.dialogue.turn_takes, strict=True)
            self._begun = True
            self._written = {row.id: (_told(part), part) for row, part in parts}
        return found

    def delete(self) -> None:
        """It is gone."""
        if self._store:
            self._tried(lambda store: store.delete_dialogue(self._desk, self._name))

    def _keep(self, head: _Head, parts: Mapping[str, TurnTakes]) -> None:
        rows = {}
        for row, part in parts.items():
            written = self._written.get(row)
            if written is not None and written[1] is part:  # as most are while a long dialogue is made
                continue
            turn = _told(part)
            if written is None or written[0] != turn or written[1].takes != part.takes:
                before = written[1].takes if written else ()
                same = next((n for n, (a, b) in enumerate(zip(before, part.takes)) if a is not b), None)
                rows[row] = turn, part, min(len(before), len(part.takes)) if same is None else same
        gone = [row for row in self._written if row not in parts]
        told = json.dumps(to_dict(head), ensure_ascii=False)
        changed = {row: (turn, part.takes, first) for row, (turn, part, first) in rows.items()}

        def change(store: DeskStore) -> None:
            if not self._begun:
                store.begin(self._desk, time.time())
            store.keep(self._desk, self._name, told, changed, gone, time.time())

        if self._tried(change):
            self._begun = True
            self._written |= {row: (turn, part) for row, (turn, part, _) in rows.items()}
            for row in gone:
                del self._written[row]

    def _tried(self, change: Callable[[DeskStore], None]) -> bool:
        assert self._store is not None
        try:
            change(self._store)
        except StoreError as error:
            log.error("%s", error)
            self.trouble = "What is made now is lost when the studio ends: its store cannot be used."
            return False
        self.trouble = ""
        return True


def _told(part: TurnTakes) -> str:
    turn = SavedTurn.of(part.turn, [SavedTake(take.text, take.seed) for take in part.takes], part.chosen)
    return json.dumps(to_dict(turn), ensure_ascii=False)


def _saved(voices: Mapping[str, Voice]) -> dict[str, str]:
    return {speaker: base64.b64encode(voice.to_bytes()).decode() for speaker, voice in voices.items()}


def _found(tts: DialogueTTS, told: str, rows: Mapping[str, tuple[str, Sequence[Any]]]) -> KeptState | None:
    """Raises DialogueTTSError where something is damaged."""
    head = from_dict(_Head, json.loads(told))
    ids = [row for row in head.rows if row in rows and rows[row][1]]
    if head.bundle != tts.bundle_id or not ids:
        return None
    saved = {row: from_dict(SavedTurn, json.loads(rows[row][0])) for row in ids}
    parts = {row: TurnTakes(saved[row].turn, tuple(rows[row][1]), saved[row].chosen) for row in ids}
    speakers = dict.fromkeys(part.turn.speaker for part in parts.values())
    voices = {speaker: Voice.from_bytes(base64.b64decode(head.voices[speaker]), speaker) for speaker in speakers}
    made = Dialogue(tuple(parts.values()), voices, head.seed, head.config, head.bundle, tts.mark)
    missing = tuple(row for row in head.rows if row not in parts)
    wanted = tuple(Row(row, part.turn) for row, part in parts.items())
    return KeptState(MakeRequest(wanted, voices, head.refs, head.seed, head.config), made, missing, head.mix)
