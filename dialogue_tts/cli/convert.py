"""`convert`: a script from one format into another; nothing is spoken."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import SPEAKING, QuietOption, app, reports_errors
from dialogue_tts.cli.inputs import Directions, DirectionsOption, check_texts, draft_of, read_file, tell_left_out


@app.command(rich_help_panel=SPEAKING)
@reports_errors
def convert(
    script: Annotated[str, typer.Argument(help="Script, or - for standard input.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="File: .txt, .docx, .fountain, or .srt if it has times.")],
    directions: DirectionsOption = Directions.left_out,
    quiet: QuietOption = False,
) -> None:
    """Write a script in another format: what would be said of it, by whom."""
    from dialogue_tts.script.documents import write_script

    check_texts([out], [script])
    found = draft_of(read_file(script), script, directions).script()
    write_script(found, out)
    if not quiet:
        tell_left_out(script, found)
        typer.echo(f"{out}: {len(found.turns)} turns, speakers {', '.join(found.speakers)}", err=True)
