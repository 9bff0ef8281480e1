"""`ui`: the studio, a page to write a conversation, hear it, and mend single lines."""

from __future__ import annotations

import os
import socket
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import SERVING, BundleOption, DeviceOption, MarkOption, OperatorOption, app, reports_errors
from dialogue_tts.errors import SettingsError
from dialogue_tts.extras import check_extra


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
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    mark: MarkOption = True,
    operator: OperatorOption = 0,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
) -> None:
    """Open the studio: write a conversation, hear it, mend single lines."""
    check_extra("studio", "the studio")
    check_free(host, port)
    with tempfile.TemporaryDirectory(prefix="dialogue-tts-studio-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder) / "uploads")  # Gradio reads it as it is imported
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        from dialogue_tts.pipeline import DialogueTTS

        tts = DialogueTTS.from_pretrained(
            bundle, device=device, mark=mark, operator=operator
        )  # before Gradio, which takes longer
        import uvicorn

        from dialogue_tts._ui.app import StudioOptions, build_app

        studio = build_app(tts, StudioOptions(Path(folder), host, password, keep_hours))
        address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/"
        typer.echo(f"The studio is open at {address} - Ctrl+C closes it.", err=True)
        if browser:
            webbrowser.open(address)
        uvicorn.run(studio, host=host, port=port, log_level="warning")


def check_free(host: str, port: int) -> None:
    """Raises SettingsError if nothing can listen there, before the models are loaded."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise SettingsError(f"{host}:{port} cannot be listened to ({error.strerror}); give another --port.") from None
