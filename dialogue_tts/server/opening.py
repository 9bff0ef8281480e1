"""From a server's settings to its application: the store, the bundle, the voices, all looked at before anybody is served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from socket import socket
from typing import Literal

from fastapi import FastAPI

from dialogue_tts.config import strict
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.credentials import ContentSigner
from dialogue_tts.server.app import create_app
from dialogue_tts.server.clients import Clients, check_aliases, openai_aliases
from dialogue_tts.server.guard import Access
from dialogue_tts.server.limits import Limits
from dialogue_tts.server.logs import set_up_logs
from dialogue_tts.store.database import Database
from dialogue_tts.store.voices import StoredVoices


@strict
class ServerSettings:
    """All that a server is made of, as values.

    Attributes:
        bundle: folder or hub id; None for the one that comes along.
        device: where its networks compute.
        mark, operator: of all sound, see `DialogueTTS.from_pretrained`.
        c2pa: PEM files of a certificate and its key, which whole sound files are signed with.
        store: where jobs and voices live, an address for `Database.open`; None for memory, and the user's own voices.
        limits: what it takes on; None for the usual ones, with or without a store.
        access: who may use it.
        uploads: whether clients may add and remove voices.
        aliases: other names of voices to the voices' own; they go before OpenAI's, which openai_voices lets in.
        instructions: what becomes of them, see `Clients`.
        traces: are sent by OpenTelemetry, see `dialogue_tts.server.traces`.
        log_level, log_format: of its log, see `set_up_logs`.
    """

    bundle: str | None = None
    device: str = "cpu"
    mark: bool = True
    operator: int = 0
    c2pa: tuple[Path, Path] | None = None
    store: str | None = None
    limits: Limits | None = None
    access: Access = field(default_factory=Access)
    uploads: bool = True
    aliases: Mapping[str, str] = field(default_factory=dict)
    openai_voices: bool = True
    instructions: Literal["refuse", "ignore"] = "refuse"
    traces: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "warning"
    log_format: Literal["text", "json"] = "text"


def open_app(
    settings: ServerSettings, wyoming: socket | None = None, shown: Callable[[str, int, int], object] | None = None
) -> FastAPI:
    """The application, whose voices are warm.

    Args:
        wyoming: see `create_app`.
        shown: is told how far the warming up is: its name, how much is done, of how much.

    Raises:
        DialogueTTSError: something that the settings name cannot be used; the store is looked at before the bundle.
    """
    signer = ContentSigner.load(*settings.c2pa) if settings.c2pa else None
    database = Database.open(settings.store) if settings.store is not None else None
    library = StoredVoices(database) if database else None
    tts = DialogueTTS.from_pretrained(
        settings.bundle, library=library, device=settings.device, mark=settings.mark, operator=settings.operator
    )
    check_aliases(settings.aliases, (*tts.voices, *tts.library.names()))
    theirs = openai_aliases(tts.bundle.voices.values()) if settings.openai_voices else {}
    for number, voice in enumerate(tts.voices, start=1):
        if shown is not None:
            shown("Warming up", number, len(tts.voices) + 1)
        tts.voice(voice)
    tts.synthesize("[A] Hello.")
    limits = settings.limits or Limits.usual(stored=database is not None)
    clients = Clients(theirs | dict(settings.aliases), settings.instructions)
    app = create_app(tts, limits, settings.access, settings.uploads, clients, wyoming, database)
    app.state.service.signer = signer
    if settings.traces:
        from dialogue_tts.server.traces import exporting_tracer, trace  # an extra

        trace(app, exporting_tracer())
    set_up_logs(settings.log_level, settings.log_format == "json")
    return app
