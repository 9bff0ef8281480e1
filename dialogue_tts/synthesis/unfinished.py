"""Dialogues that outlive whoever makes them: takes go into a work folder as they are made, and come out of it again."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from itertools import takewhile

from dialogue_tts.config import SAMPLE_RATE_HZ, to_dict
from dialogue_tts.dialogue.result import Dialogue, TurnTakes
from dialogue_tts.dialogue.work_folder import WorkFolder, WorkManifest
from dialogue_tts.synthesis.request import DialogueRequest
from dialogue_tts.synthesis.ticket import Ticket

TellMade = Callable[[int, int, float], None]
"""Called with (turns done, turns in all, seconds of sound so far)."""


def manifest_of(request: DialogueRequest) -> WorkManifest:
    """What says whether takes of two requests are the same, however much of them is made."""
    project, version = to_dict(request.project), importlib.metadata.version("dialogue-tts")
    script, settings, voices = (_sha256(project[part]) for part in ("turns", "config", "voices"))
    return WorkManifest(version, request.bundle, script, settings, voices, request.seed)


def begun(request: DialogueRequest, work: WorkFolder) -> DialogueRequest:
    """The request without what was made before; what will be made may be kept in the folder from here on.

    Raises:
        WorkFolderError: the folder holds another dialogue, or cannot be written to.
    """
    work.begin(manifest_of(request))
    return request.with_found(work.find)


def made_parts(request: DialogueRequest) -> list[TurnTakes]:
    """The turns from the first on of which nothing is to be made."""
    return [turn.with_made(()) for turn in takewhile(lambda turn: not turn.wanted, request.turns)]


def kept_result(ticket: Ticket, work: WorkFolder, progress: TellMade | None = None) -> Dialogue:
    """`Ticket.result` that saves each turn as soon as it is made, before `progress` is told of it.

    Raises:
        WorkFolderError: a turn cannot be saved; those before are. Else as `Ticket.result`.
    """
    sound_s = 0.0

    def save(done: int, total: int) -> None:
        nonlocal sound_s
        asked, (part, *_) = ticket.request.turns[done - 1], ticket.turn_takes(done - 1)
        for number in range(len(asked.kept), len(part.takes)):
            work.keep(done - 1, number, part.takes[number])
        sound_s += part.take.waveform.size / SAMPLE_RATE_HZ
        if progress:
            progress(done, total, sound_s)

    return ticket.result(save)


def _sha256(values: object) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
