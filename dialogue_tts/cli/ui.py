"""`ui`: the studio, a page to write a conversation, hear it, and mend single lines."""

from __future__ import annotations

import os
import socket
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue_tts.cli.app import SERVING, BundleOption, DeviceOption, MarkOption, OperatorOption, app, reports_errors
from dialogue_tts.cli.inputs import C2paOption, signer_of
from dialogue_tts.errors import SettingsError
from dialogue_tts.extras import check_extra

if TYPE_CHECKING:
    from dialogue_tts.store.desks import DeskStore


@app.command(rich_help_panel=SERVING)
@reports_errors
def ui(
    host: Annotated[str, typer.Option(help="Address to listen to. Others can come in with 0.0.0.0.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen to.")] = 7860,
    password: Annotated[
        str | None,
        typer.Option(envvar="DIALOGUE_TTS_PASSWORD", help="Password that every visitor has to give. Default: none."),
    ] = None,
    keep_hours: Annotated[
        float, typer.Option(min=0.01, help="Hours after which sounds and voices of those who left are deleted.")
    ] = 24.0,
    store: Annotated[
        str | None,
        typer.Option(
            envvar="DIALOGUE_TTS_STORE",
            help="Where dialogues and voices outlive the studio: a file, or postgresql://USER:PASSWORD@HOST/NAME.",
        ),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    mark: MarkOption = True,
    operator: OperatorOption = 0,
    c2pa: C2paOption = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Open the studio: write a conversation, hear it, mend single lines."""
    check_extra("studio", "the studio")
    if store is not None:
        check_extra("server", "--store")
    check_free(host, port)
    signer = signer_of(c2pa)
    desks = open_desks(store) if store is not None else None
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-studio-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder) / "uploads")  # Gradio reads it as it is imported
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        from dialogue_tts.pipeline import DialogueTTS

        tts = DialogueTTS.from_pretrained(
            bundle, device=device, mark=mark, operator=operator
        )  # before Gradio, which takes longer
        import uvicorn

        from dialogue_tts._ui.app import StudioOptions, build_app

        studio = build_app(tts, StudioOptions(Path(folder), host, password, keep_hours, signer=signer), desks)
        address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/"
        typer.echo(f"The studio is open at {address} - Ctrl+C closes it.", err=True)
        if browser:
            webbrowser.open(address)
        uvicorn.run(studio, host=host, port=port, log_level="warning")


def open_desks(address: str) -> DeskStore:
    """Raises StoreError if the store cannot be used, before the models are loaded."""
    from dialogue_tts.store.database import Database
    from dialogue_tts.store.desks import DeskStore

    return DeskStore(Database.open(address))


def check_free(host: str, port: int) -> None:
    """Raises SettingsError if nothing can listen there, before the models are loaded."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise SettingsError(f"{host}:{port} cannot be listened to ({error.strerror}); give another --port.") from None
