"""`voices`: what voices there are."""

from __future__ import annotations

import typer

from dialogue_tts.cli.app import BundleOption, app, reports_errors


@app.command()
@reports_errors
def voices(bundle: BundleOption = None) -> None:
    """List the built-in voices."""
    from dialogue_tts.bundle import Bundle, find_bundle

    for voice in Bundle.load(find_bundle(bundle)).voices.values():
        typer.echo(f"{voice.name}\t{voice.description}")
