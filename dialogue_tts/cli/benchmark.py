"""`benchmark`: how fast, and in how much memory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dialogue_tts.cli.app import (
    TRAINING,
    BundleOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    app,
    print_json,
    reports_errors,
)
from dialogue_tts.cli.inputs import check_texts
from dialogue_tts.cli.progress import progress_bar


@app.command(rich_help_panel=TRAINING)
@reports_errors
def benchmark(
    seconds: Annotated[
        list[float] | None, typer.Option(help="Length of a dialogue. May be repeated. Default: 10, 30, 60, 300, 600.")
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="PyTorch's. Default: its own number.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="JSON file for the figures.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Picture of them: .png, .svg or .pdf. Needs matplotlib.")] = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure seconds by stage, real-time factor, first sound and peak memory, for dialogues of several lengths."""
    from dialogue_tts.evaluation.benchmark import LENGTHS_S, check_plot
    from dialogue_tts.evaluation.benchmark import benchmark as run

    check_texts([path for path in (out, plot) if path])
    if plot:
        check_plot(plot)
    with progress_bar("Measuring", quiet) as update:
        found = run(bundle, seconds or LENGTHS_S, threads, lambda done, total: update("Measuring", done, total), device)
    if out:
        found.save(out)
    if plot:
        found.plot(plot)
    if as_json:
        print_json(found.to_dict())
    elif not quiet:
        Console(width=150).print(found.table())
