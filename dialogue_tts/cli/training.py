"""Commands for those who train: `train`, `adapt`, `collect`, `export`, `push`, `restore`. Those of data are in `data.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import TRAINING, BundleOption, QuietOption, app, reports_errors
from dialogue_tts.cli.data import DataOption, RunsOption
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.extras import check_extra

KINDS_OF_STAGE = ("", "-tokens", "-decoder", "-pretrained")  # what a recipe's stage may have beside its name


@app.command(rich_help_panel=TRAINING)
@reports_errors
def train(
    stage: Annotated[
        str | None, typer.Argument(help="codec, semantic, soundstorm, text-to-semantic or speaker-embedding.")
    ] = None,
    recipe: Annotated[
        list[Path] | None, typer.Option(help="Recipe file; for codec, one for each of its phases.")
    ] = None,
    data: DataOption = None,
    runs: RunsOption = Path("runs"),
    minutes: Annotated[float | None, typer.Option(help="Stop after so long, with a checkpoint to go on from.")] = None,
    pack: Annotated[
        Path | None, typer.Option(help="Instead of data: a pack made by `data pack`, with its runs.")
    ] = None,
    stages: Annotated[
        list[str] | None, typer.Option("--stage", help="With a pack: stage, by its recipe's name.")
    ] = None,
    device: Annotated[str, typer.Option(help="With a pack: where to train.")] = "cuda",
) -> None:
    """Train a stage, or go on with it. Tokens that it needs are made first.

    Several GPUs or machines train it together by `accelerate launch -m dialogue_tts train ...`.

    With --pack, stages are trained side by side for so many minutes on a GPU, and their weights are written into RUNS/out
    every two minutes, in files under 16 MiB that `collect` puts into the runs at home.
    """
    check_extra("train", "training")
    if pack:
        if stage or recipe or data or not (minutes and stages):
            raise DialogueTTSError("with --pack, give --minutes and a --stage or several, and neither recipe nor data.")
        _train_pack(pack, runs, stages, minutes, device)
        return
    if stages:
        raise DialogueTTSError("--stage goes with --pack; else the stage stands right after `train`.")
    if not (stage and recipe and data):
        raise DialogueTTSError("give a stage, its --recipe and --data; or a --pack.")
    from dialogue_tts.training.corpus import data_folders
    from dialogue_tts.training.needs import check_data, left_out, make_what_is_needed
    from dialogue_tts.training.pretrained import CodecPretrainedRecipe, take_codec
    from dialogue_tts.training.processes import Processes
    from dialogue_tts.training.recipes import read_recipe, start

    folders = data_folders(data)
    for path in recipe:
        wanted = read_recipe(path)
        if not wanted.stage.startswith(stage) or wanted.stage.removeprefix(stage) not in KINDS_OF_STAGE:
            raise DialogueTTSError(f"{path}: this recipe is for {wanted.stage}, not for {stage}.")
        if isinstance(wanted, CodecPretrainedRecipe):
            take_codec(wanted, path, runs)
            continue
        check_data(wanted.stage, folders)
        processes = Processes(wanted.loop.device)
        with processes.first_goes_first(), progress_bar("Tokens", quiet=not processes.is_first) as update:
            for folder, count in make_what_is_needed(wanted, folders, runs, update).items():
                typer.echo(
                    f"{folder}: {count} turns do not say their text and could not be aligned; they go without it."
                )
        with processes.first_goes_first():  # which writes what the run needs beside its recipe
            run = start(path, folders, runs)
        if processes.is_first and (count := left_out(run.task, folders)):
            typer.echo(f"{count} recordings are too short, too long or without a text that fits; they are left out.")
        run.train(minutes)


def _train_pack(pack: Path, runs: Path, stages: list[str], minutes: float, device: str) -> None:
    from dialogue_tts.training.pack import read_pack
    from dialogue_tts.training.rented import check_stages, rented_recipe, train_side_by_side

    check_stages(stages, device)
    folders = read_pack(pack, runs / "data", runs)
    recipes = [rented_recipe(runs, stage, minutes, device) for stage in stages]
    with progress_bar("Tokens") as update:
        train_side_by_side(recipes, folders, runs, runs / "out", update)
    typer.echo(f"{runs / 'out'}: weights of {', '.join(stages)}")


@app.command(rich_help_panel=TRAINING)
@reports_errors
def adapt(
    out: Annotated[Path, typer.Argument(help="Folder of the bundle to make.")],
    data: DataOption = None,
    minutes: Annotated[float, typer.Option(min=0.001, help="How long to train.")] = 20.0,
    bundle: BundleOption = None,
    quiet: QuietOption = False,
) -> None:
    """Let a bundle learn on with the recordings of a speaker or a domain, and write it anew.

    Of the recordings (a data folder of `data prepare`) one of ten is held out, and likeness to them is told before and after.
    """
    from dialogue_tts.bundle import Bundle, find_bundle
    from dialogue_tts.training.adapting import adapt as adapt_bundle
    from dialogue_tts.training.corpus import data_folders

    if not data:
        raise DialogueTTSError("give the data folder to learn from (--data); `dialogue-tts data prepare` makes one.")
    with progress_bar("Tokens", quiet) as update:
        folders = data_folders(data)
        loaded = Bundle.load(find_bundle(bundle))
        found = adapt_bundle(loaded, folders, out, minutes, update)
    typer.echo(f"{out}: {found.steps} steps; likeness of the voice {found.before:.3f} before, {found.after:.3f} after")


@app.command(rich_help_panel=TRAINING)
@reports_errors
def collect(
    weights: Annotated[Path, typer.Argument(help="Folder of what `train --pack` handed out.")],
    runs: RunsOption = Path("runs"),
) -> None:
    """Put weights that were trained elsewhere into the runs they came from. Optimisers start anew."""
    from dialogue_tts.training.rented import take_in

    for stage, step in take_in(weights, runs).items():
        typer.echo(f"{runs / stage}: step {step}")


@app.command(rich_help_panel=TRAINING)
@reports_errors
def export(
    out: Annotated[Path, typer.Argument(help="Folder of the bundle.")],
    runs: Annotated[Path, typer.Option(help="Folder of runs.")] = Path("runs"),
    voices: Annotated[Path | None, typer.Option(help="Folder with voices.json and its FLAC files.")] = None,
    name: Annotated[str, typer.Option(help="Name of the bundle.")] = "en-small",
) -> None:
    """Make a bundle of what was trained."""
    from dialogue_tts.training.export import export_bundle

    export_bundle(out, runs, voices or out, name)


@app.command(rich_help_panel=TRAINING)
@reports_errors
def push(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle.")],
    repository: Annotated[str, typer.Argument(help="Its id on the Hugging Face hub: OWNER/NAME.")],
    report: Annotated[Path | None, typer.Option(help="Report of `evaluate`, whose figures the card gets.")] = None,
    licence: Annotated[str, typer.Option(help="Of the weights, as the hub names it, such as cc-by-4.0.")] = "",
    private: Annotated[bool, typer.Option(help="For you alone.")] = False,
) -> None:
    """Upload a bundle to the Hugging Face hub, with a model card unless it has one."""
    from dialogue_tts.evaluation.report import Report
    from dialogue_tts.training.hub import push_bundle

    figures = Report.load(report).markdown() if report else ""
    typer.echo(push_bundle(bundle, repository, figures, licence, private))


@app.command(rich_help_panel=TRAINING)
@reports_errors
def restore(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle, with its recipes.")],
    runs: Annotated[Path, typer.Option(help="Folder of runs to make.")] = Path("runs"),
) -> None:
    """Make runs out of a bundle, to train it further with more steps in its recipes."""
    from dialogue_tts.training.export import restore_runs

    restore_runs(bundle, runs)
