"""`mcp`: tools for assistants, over standard input and output."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import SERVING, BundleOption, DeviceOption, app, reports_errors
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.extras import check_extra


@app.command(rich_help_panel=SERVING)
@reports_errors
def mcp(
    out: Annotated[Path, typer.Option(help="Folder that sound files go to.")] = Path("dialogues"),
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Let an assistant check scripts and have them spoken, by the Model Context Protocol over standard input and output."""
    check_extra("mcp", "mcp")
    if out.exists() and not out.is_dir():
        raise DialogueTTSError(f"{out}: this is no folder; give another --out.")
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.server.mcp import create_mcp_server

    create_mcp_server(DialogueTTS.from_pretrained(bundle, device=device), out.resolve()).run("stdio")
