"""`serve`: the HTTP server."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

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
from dialogue_tts.cli.inputs import C2paOption, signer_of
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.config import LOCAL, LOOPBACK
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.extras import check_extra
from dialogue_tts.server.keys import KEYS_VARIABLE, read_keys
from dialogue_tts.server.workers import Workers, inherited_listener
from dialogue_tts.threads import asked_threads

if TYPE_CHECKING:
    from fastapi import FastAPI

    from dialogue_tts.server.opening import ServerSettings

WYOMING_PORT = 10_200  # where Home Assistant looks for speech
IN_COMMON = "since one makes a job that another is asked for"
Announce: TypeAlias = Callable[[Sequence[int]], None]
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
    ray: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Of a Ray cluster to serve from; auto for that of RAY_ADDRESS, local for this machine. Needs --store.",
        ),
    ] = None,
    replicas: Annotated[
        str | None,
        typer.Option(
            metavar="N or N-M",
            help="Of --ray: how many, by what there is to do; each has the bundle. Default: 1.",
        ),
    ] = None,
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
    c2pa: C2paOption = None,
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
    if c2pa is not None:
        signer_of(c2pa)  # what is wrong with them is told here, though every process opens them for itself
        c2pa = c2pa[0].absolute(), c2pa[1].absolute()
    keys = read_keys(api_keys)
    inherited = inherited_listener()
    listener = inherited or listening_at(host, port)
    announce = None if quiet or inherited else partial(tell_addresses, host, keys=bool(keys))
    if ray is not None and (store is None or wyoming or workers > 1):
        raise DialogueTTSError(f"--ray needs --store, {IN_COMMON}; and no --wyoming or --workers.")
    if ray is None and replicas is not None:
        raise DialogueTTSError(
            "--replicas are those of --ray; give that too, or --workers for processes of this machine."
        )
    if workers > 1 and inherited is None:
        if store is None or wyoming:
            raise DialogueTTSError(f"--workers needs --store, {IN_COMMON}; and no --wyoming.")
        raise typer.Exit(run_workers(workers, listener, announce, stop_within))
    from dialogue_tts.server.clients import read_aliases
    from dialogue_tts.server.guard import Access
    from dialogue_tts.server.limits import Limits
    from dialogue_tts.server.opening import ServerSettings, open_app

    hours = {"job_s": keep_jobs, "job_sound_s": keep_sound}
    wanted: dict[str, Any] = {name: 3600 * value for name, value in hours.items() if value is not None}
    if longest is not None:
        wanted["sound_s"] = 60 * longest
    limits = Limits.usual(stored=store is not None)
    hosts = None if host not in LOOPBACK and not hostname else ("localhost", "127.0.0.1", "[::1]", *(hostname or ()))
    settings = ServerSettings(
        bundle=bundle,
        device=device,
        mark=mark,
        operator=operator,
        c2pa=c2pa,
        store=store,
        limits=replace(limits, requests=queue or limits.requests, **wanted),
        access=Access(keys, hosts, tuple(cors_origin or ()), open_lists),
        uploads=uploads,
        aliases=read_aliases(alias or ()),
        openai_voices=openai_voices,
        instructions=instructions.value,
        traces=traces,
        log_level=log_level.value,
        log_format=log_format.value,
    )
    if ray is not None:
        serve_on_ray(settings, ray, replicas or "1", listener, announce, stop_within)
    else:
        listeners = [listener, *([listening_at(host, wyoming_port)] if wyoming else [])]
        with progress_bar("Warming up", quiet) as update:
            server = open_app(settings, listeners[1] if wyoming else None, update)
        serve_here(server, listeners, announce, stop_within)


def serve_here(
    server: FastAPI, listeners: Sequence[socket.socket], announce: Announce | None, stop_within_s: int
) -> None:
    """Serve from this process until it is told to stop: HTTP at the first listener."""
    import uvicorn

    from dialogue_tts.server.connections import patient_protocol

    for bound in listeners:
        bound.listen()  # who comes as soon as the address is told waits for the server's start
    if announce:
        announce([bound.getsockname()[1] for bound in listeners])
    config = uvicorn.Config(
        server,
        http=patient_protocol(server.state.service.limits),
        ws="none",
        log_config=None,  # `open_app` has seen to that
        access_log=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=stop_within_s,
        server_header=False,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # uvicorn raises it anew when all has ended well, which is no error
        signal.signal(number, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listeners[0]])


def serve_on_ray(
    settings: ServerSettings,
    address: str,
    replicas: str,
    listener: socket.socket,
    announce: Announce | None,
    stop_within_s: int,
) -> None:
    """Serve from a Ray cluster, whose machines listen in the listener's place, until this process is told to stop."""
    least, most = read_replicas(replicas)
    cpus = float(asked_threads() or 1)
    if address == LOCAL and least * cpus > (cores := os.cpu_count() or 1):
        raise DialogueTTSError(f"--replicas {replicas}: this machine has {cores} cores, and each takes {cpus:g}.")
    if address != LOCAL and not str(settings.store).startswith("postgres"):
        raise DialogueTTSError(f"--ray {address} needs a store in PostgreSQL: the cluster's machines share no file.")
    check_extra("cluster", "--ray")
    from dialogue_tts.bundle import find_bundle
    from dialogue_tts.server.on_ray import Replicas, connected, deployed, running
    from dialogue_tts.store.database import Database

    Database.open(str(settings.store)).close()  # what is wrong with it is told here, and not in a replica's log
    if address == LOCAL:  # whose replicas may work in another folder
        file = str(settings.store)
        store = file if "://" in file else str(Path(file).expanduser().absolute())
        settings = replace(settings, bundle=str(find_bundle(settings.bundle).absolute()), store=store)
    served = deployed(settings, Replicas(least, most, cpus, stop_within_s=stop_within_s))
    host, port = listener.getsockname()[:2]
    listener.close()
    with connected(address):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, end_once)
        with running(served, host, port):
            if announce:
                announce([port])
            while True:
                signal.pause()


def end_once(*_: object) -> None:
    """As a handler of signals: end well, and let no other signal disturb that. Raises SystemExit."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


def read_replicas(text: str) -> tuple[int, int]:
    """The least and the most: `2`, or `1-4`. Raises DialogueTTSError if it is neither."""
    found = re.fullmatch(r"([1-9]\d{0,3})(?:-([1-9]\d{0,3}))?", text)
    if found is None or int(found[1]) > int(found[2] or found[1]):
        raise DialogueTTSError(f"--replicas {text}: write a number, or the least and the most, as in 1-4.")
    return int(found[1]), int(found[2] or found[1])


def run_workers(count: int, listener: socket.socket, announce: Announce | None, stop_within_s: int) -> int:
    """This command in so many processes; returns the exit code."""
    listener.listen()
    if announce:
        announce([listener.getsockname()[1]])
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
