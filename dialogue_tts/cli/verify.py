"""`verify`: whether sound was made here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import (
    BAD_INPUT,
    SERVING,
    SOME_FAILED,
    BundleOption,
    JsonOption,
    QuietOption,
    app,
    print_json,
    reports_errors,
)
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.errors import AudioError


@app.command(rich_help_panel=SERVING)
@reports_errors
def verify(
    sounds: Annotated[list[Path], typer.Argument(help="Sound files, or folders of them.")],
    bundle: BundleOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Find out whether sound was made by Dialogue TTS: where in it, how sure, by which bundle and operator.

    Exit codes: 0 every file is marked, 1 no mark was found in one at least, 2 a file cannot be judged.
    """
    from dialogue_tts.bundle import find_bundle, known_bundle
    from dialogue_tts.provenance.mark import bundle_code
    from dialogue_tts.provenance.verify import verify_file

    files = _files(sounds)
    name, sha256 = known_bundle(find_bundle(bundle))
    bundles = {bundle_code(name, sha256): (name,)}
    facts, unmarked, failed = [], False, False
    with progress_bar("Listening", quiet) as update:
        for number, path in enumerate(files, start=1):
            try:
                found = verify_file(path)
            except AudioError as error:
                failed = True
                typer.echo(f"dialogue-tts: {error}", err=True)
                continue
            finally:
                update("Listening", number, len(files))
            unmarked |= not found.marked
            facts.append({"file": str(path)} | found.facts(bundles))
            if not as_json:
                for sentence in found.sentences(bundles):
                    typer.echo(f"{path}: {sentence}")
    if as_json:
        print_json(facts)
    if failed or unmarked:
        raise typer.Exit(BAD_INPUT if failed else SOME_FAILED)


def _files(sounds: list[Path]) -> list[Path]:
    """Files that are given, and all sound files in given folders. Raises AudioError where there are none."""
    from dialogue_tts.audio.io import FORMATS

    files: list[Path] = []
    for path in sounds:
        inside = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in FORMATS] if path.is_dir() else [path]
        if not inside:
            raise AudioError(f"{path}: there is no sound file in this folder; use {', '.join(FORMATS)}.")
        files += inside
    return files
