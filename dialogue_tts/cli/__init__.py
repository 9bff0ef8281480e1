"""The command line: arguments -> one call of the library. Bad input ends with one line on standard error and code 2.

A module holds a group of commands, which join the application as the module is imported; heavy imports wait in them.
"""

from __future__ import annotations

from dialogue_tts.cli import (  # noqa: F401
    batch,
    benchmark,
    check,
    convert,
    data,
    evaluate,
    mcp,
    publish,
    serve,
    stream,
    synthesize,
    training,
    ui,
    verify,
    voices,
)
from dialogue_tts.cli.app import app
from dialogue_tts.threads import wait_briefly

__all__ = ["app", "main"]


def main() -> None:
    """Entry point."""
    wait_briefly()
    app()
