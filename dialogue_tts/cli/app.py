"""The application that commands join, and what they share: options, errors, progress."""

from __future__ import annotations

import functools
import importlib.metadata
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from dialogue_tts.errors import DialogueTTSError

SOME_FAILED, BAD_INPUT, INTERRUPTED, TERMINATED = 1, 2, 130, 143  # exit codes, beside 0

app = typer.Typer(
    name="dialogue-tts",
    help="A script with speaker turns in, a conversation out, each speaker in the voice of a short recording.",
    epilog=f"Exit codes: 0 done, {SOME_FAILED} some scripts of a batch failed, {BAD_INPUT} bad input, said in one line, "
    f"{INTERRUPTED} interrupted, {TERMINATED} terminated.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
console = Console(stderr=True)
SPEAKING, SERVING, TRAINING = "Speak", "Serve", "Train and measure"  # parts of the list of commands

Command = TypeVar("Command", bound=Callable[..., Any])


def reports_errors(command: Command) -> Command:
    """Errors a user can mend become one line and exit code 2."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except DialogueTTSError as error:
            typer.echo(f"dialogue-tts: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(exit_code_of(interrupt)) from None

    return run  # type: ignore[return-value]


class Terminated(KeyboardInterrupt):
    """Somebody asked by SIGTERM what Ctrl-C asks."""


def exit_code_of(interrupt: KeyboardInterrupt) -> int:
    """What the shell is told of it."""
    return TERMINATED if isinstance(interrupt, Terminated) else INTERRUPTED


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM raises `Terminated` in the block, as Ctrl-C raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # whose signals these are
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


BundleOption = Annotated[
    str | None, typer.Option("--bundle", help="Bundle: a folder or hub id. Default: the one that comes along.")
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="Where the networks compute: cpu, cuda, cuda:1, mps or another of PyTorch's.")
]
MarkOption = Annotated[
    bool, typer.Option("--mark/--no-mark", help="Mark all sound, so that `verify` finds out where it was made.")
]
OperatorOption = Annotated[
    int,
    typer.Option(
        "--operator", min=0, max=255, envvar="DIALOGUE_TTS_OPERATOR", help="Your number in the mark, 0 for none."
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no closing line.")]
JsonOption = Annotated[bool, typer.Option("--json", help="The result as JSON on standard output.")]


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dialogue-tts {importlib.metadata.version('dialogue-tts')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """A script with speaker turns in, a conversation out, each speaker in the voice of a short recording."""


def print_json(values: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False))
