"""The application that commands join, and what they share: options, errors, progress."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dialogue_tts.errors import DialogueTTSError

SOME_FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130  # exit codes, beside 0

app = typer.Typer(
    name="dialogue-tts",
    help="A script with speaker turns in, a conversation out, each speaker in the voice of a short recording.",
    epilog=f"Exit codes: 0 done, {SOME_FAILED} some scripts of a batch failed, {BAD_INPUT} bad input, said in one line, "
    f"{INTERRUPTED} interrupted.",
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
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return run  # type: ignore[return-value]


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


def print_json(values: object) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(values, indent=1, ensure_ascii=False))


@contextmanager
def progress_bar(title: str, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error; yields update(title, done, total)."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
