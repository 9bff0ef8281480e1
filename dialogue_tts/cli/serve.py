"""`serve`: the HTTP server."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from dialogue_tts.cli.app import (
    BAD_INPUT,
    SERVING,
    BundleOption,
    DeviceOption,
    MarkOption,
    OperatorOption,
    QuietOption,
    app,
    reports_errors,
)
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.config import LOOPBACK
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.extras import check_extra
from dialogue_tts.server.workers import Workers, inherited_listener

KEYS_VARIABLE = "DIALOGUE_TTS_API_KEYS"
SHORTEST_KEY = 16
WYOMING_PORT = 10_200  # where Home Assistant looks for speech
STORED_JOB_S, STORED_SOUND_S = 7 * 24 * 3600.0, 20 * 3600.0  # of ended jobs; the sound takes seven gigabytes
MOST_CONNECTIONS = 1000  # the last defence; dialogues have a limit of their own


class Instructions(str, Enum):
    """See `dialogue_tts.server.clients.Clients`."""

    REFUSE = "refuse"
    IGNORE = "ignore"


class LogLevel(str, Enum):
    """See `dialogue_tts.server.logs.set_up_logs`."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(str, Enum):
    """Lines for people, or JSON for programs."""

    TEXT = "text"
    JSON = "json"


@app.command(rich_help_panel=SERVING)
@reports_errors
def serve(
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 for all who reach this machine.")] = LOOPBACK[
        0
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 for any that is free.")] = 8000,
    api_keys: Annotated[
        Path | None,
        typer.Option(help=f"File of API keys, one a line; # begins a comment. Or {KEYS_VARIABLE}, with commas."),
    ] = None,
    hostname: Annotated[
        list[str] | None, typer.Option(help="Name the server answers to beside localhost. May be repeated.")
    ] = None,
    cors_origin: Annotated[
        list[str] | None,
        typer.Option(help="Origin whose web pages may use the server. May be repeated. Default: none."),
    ] = None,
    uploads: Annotated[bool, typer.Option(help="Clients may add and remove voices.")] = True,
    alias: Annotated[
        list[str] | None,
        typer.Option(help="Another name of a voice, as alias=voice: alloy=clara. May be repeated."),
    ] = None,
    openai_voices: Annotated[bool, typer.Option(help="OpenAI's names of voices are aliases of built-in ones.")] = True,
    instructions: Annotated[
        Instructions, typer.Option(help="What becomes of instructions, which no model here follows.")
    ] = Instructions.REFUSE,
    open_lists: Annotated[bool, typer.Option(help="Voices and models can be listed without a key.")] = False,
    wyoming: Annotated[bool, typer.Option(help="Speak the Wyoming protocol too, for Home Assistant.")] = False,
    wyoming_port: Annotated[int, typer.Option(min=0, max=65535, help="Where; it has no keys.")] = WYOMING_PORT,
    queue: Annotated[int | None, typer.Option(min=1, help="Dialogues at once; more get 429. Default: 64.")] = None,
    longest: Annotated[float | None, typer.Option(min=1, help="Minutes of a dialogue. Default: 30.")] = None,
    workers: Annotated[
        int,
        typer.Option(min=1, help="Processes at the same address, each with the bundle; more than one need --store."),
    ] = 1,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="DIALOGUE_TTS_STORE",
            help="Where jobs and voices live: a file, or postgresql://USER:PASSWORD@HOST/NAME. Default: jobs in memory.",
        ),
    ] = None,
    keep_jobs: Annotated[
        float | None,
        typer.Option(min=0, help="Hours for which jobs are kept after their end. Default: 1, with --store 168."),
    ] = None,
    keep_sound: Annotated[
        float | None,
        typer.Option(min=0, help="Hours of sound that ended jobs hold together. Default: 2, with --store 20."),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="info has a line a request.")] = LogLevel.WARNING,
    log_format: Annotated[LogFormat, typer.Option(help="Of the log, which goes to standard error.")] = LogFormat.TEXT,
    traces: Annotated[bool, typer.Option(help="Send traces by OpenTelemetry; OTEL_... variables say where.")] = False,
    stop_within: Annotated[
        int, typer.Option(min=0, help="Seconds that requests have to end in when the server is told to stop.")
    ] = 10,
    mark: MarkOption = True,
    operator: OperatorOption = 0,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    quiet: QuietOption = False,
) -> None:
    """Serve speech over HTTP, by OpenAI's route for one voice and by others for dialogues; /docs lists them all."""
    check_extra("server", "serve")
    if wyoming:
        check_extra("wyoming", "--wyoming")
    if traces:
        check_extra("traces", "--traces")
    keys = read_keys(api_keys)
    inherited = inherited_listener()
    listener = inherited or listening_at(host, port)
    if workers > 1 and inherited is None:
        if store is None or wyoming:
            raise DialogueTTSError(
                "--workers needs --store, since one makes a job that another is asked for; and no --wyoming."
            )
        raise typer.Exit(run_workers(workers, listener, host, quiet, bool(keys), stop_within))
    wyoming_listener = listening_at(host, wyoming_port) if wyoming else None
    import uvicorn

    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.server.app import create_app
    from dialogue_tts.server.clients import Clients, check_aliases, openai_aliases, read_aliases
    from dialogue_tts.server.guard import Access
    from dialogue_tts.server.limits import Limits
    from dialogue_tts.server.logs import set_up_logs
    from dialogue_tts.store.database import Database
    from dialogue_tts.store.voices import StoredVoices

    hours = {"job_s": keep_jobs, "job_sound_s": keep_sound}
    wanted: dict[str, Any] = {name: 3600 * value for name, value in hours.items() if value is not None}
    if longest is not None:
        wanted["sound_s"] = 60 * longest
    limits = Limits() if store is None else Limits(job_s=STORED_JOB_S, job_sound_s=STORED_SOUND_S)
    limits = replace(limits, requests=queue or limits.requests, **wanted)
    hosts = None if host not in LOOPBACK and not hostname else {"localhost", "127.0.0.1", "[::1]", *(hostname or ())}
    own_aliases = read_aliases(alias or ())
    database = Database.open(store) if store else None
    library = StoredVoices(database) if database else None
    tts = DialogueTTS.from_pretrained(bundle, library=library, device=device, mark=mark, operator=operator)
    check_aliases(own_aliases, (*tts.voices, *tts.library.names()))
    aliases = (openai_aliases(tts.bundle.voices.values()) if openai_voices else {}) | own_aliases
    with progress_bar("Warming up", quiet) as update:
        for number, voice in enumerate(tts.voices, start=1):
            update("Warming up", number, len(tts.voices) + 1)
            tts.voice(voice)
        tts.synthesize("[A] Hello.")
    access = Access(keys, hosts, cors_origin or (), open_lists)
    server = create_app(tts, limits, access, uploads, Clients(aliases, instructions.value), wyoming_listener, database)
    if traces:
        from dialogue_tts.server.traces import exporting_tracer, trace

        trace(server, exporting_tracer())
    listeners = [listener, *([wyoming_listener] if wyoming_listener else [])]
    for bound in listeners:
        bound.listen()  # who comes as soon as the address is told waits for the server's start
    if not quiet and inherited is None:
        tell_addresses(host, [bound.getsockname()[1] for bound in listeners], bool(keys))
    set_up_logs(log_level.value, log_format is LogFormat.JSON)
    config = uvicorn.Config(
        server,
        log_config=None,  # `set_up_logs` has seen to that
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=stop_within,
        server_header=False,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises it anew when all has ended well, which is no error
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


def run_workers(count: int, listener: socket.socket, host: str, quiet: bool, keys: bool, stop_within_s: int) -> int:
    """This command in so many processes; returns the exit code."""
    listener.listen()
    if not quiet:
        tell_addresses(host, [listener.getsockname()[1]], keys)
    return Workers([sys.executable, "-m", "dialogue_tts", *sys.argv[1:]], count, listener).run(stop_within_s, BAD_INPUT)


def tell_addresses(host: str, ports: Sequence[int], keys: bool) -> None:
    """Where the server listens: for HTTP, and perhaps for Wyoming; and who can use it."""
    shown = f"[{host}]" if ":" in host else host
    typer.echo(f"http://{shown}:{ports[0]} (description: /docs)", err=True)
    for port in ports[1:]:
        typer.echo(f"tcp://{shown}:{port} (Wyoming)", err=True)
    if host not in LOOPBACK and (len(ports) > 1 or not keys):
        told = "Wyoming has no keys" if keys else f"set {KEYS_VARIABLE} to ask for keys"
        typer.echo(f"Whoever reaches this address can use it: {told}.", err=True)


def read_keys(path: Path | None) -> list[str]:
    """Keys from a file, or else from the environment."""
    source, text = KEYS_VARIABLE, os.environ.get(KEYS_VARIABLE, "").replace(",", "\n")
    if path is not None:
        try:
            source, text = str(path), path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise DialogueTTSError(
                f"{path}: the keys cannot be read; give a text file with a key on each line."
            ) from None
    lines = (re.sub(r"^\s*#.*|\s#\s.*", "", line).strip() for line in text.splitlines())  # with comments
    keys = [line for line in lines if line]
    if path is not None and not keys:
        raise DialogueTTSError(f"{path}: there is no key in it; write one on each line.")
    if any(len(key) < SHORTEST_KEY for key in keys):
        raise DialogueTTSError(f"{source}: a key is too easy to guess; take at least {SHORTEST_KEY} characters.")
    return keys


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that is bound, before anything is loaded for it."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        told = f"the server cannot listen there ({error.strerror or error})"
        raise DialogueTTSError(f"{host}:{port}: {told}; choose another --port or --host.") from None
    return listener
