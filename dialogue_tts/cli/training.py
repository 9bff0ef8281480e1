"""Commands for those who train: `train`, `export`, `restore`, and the group `data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import TRAINING, QuietOption, app, progress_bar, reports_errors
from dialogue_tts.errors import DialogueTTSError

data_app = typer.Typer(help="Turn recordings or scripts into training data.", no_args_is_help=True)
app.add_typer(data_app, name="data", rich_help_panel=TRAINING)


@app.command(rich_help_panel=TRAINING)
@reports_errors
def train(
    stage: Annotated[str, typer.Argument(help="codec, semantic, soundstorm, text-to-semantic or speaker-embedding.")],
    recipe: Annotated[list[Path], typer.Option(help="Recipe file; for codec, one for each of its two phases.")],
    data: Annotated[list[Path], typer.Option(help="Data folder made by `data prepare`. May be repeated.")],
    runs: Annotated[Path, typer.Option(help="Folder of runs: checkpoints, logs.")] = Path("runs"),
    minutes: Annotated[float | None, typer.Option(help="Stop after so long, with a checkpoint to go on from.")] = None,
) -> None:
    """Train a stage, or go on with it. Tokens that it needs are made first."""
    from dialogue_tts.training.needs import make_what_is_needed
    from dialogue_tts.training.recipes import read_recipe, start

    for path in recipe:
        wanted = read_recipe(path)
        named = wanted.stage
        if named.removesuffix("-tokens").removesuffix("-decoder") != stage:
            raise DialogueTTSError(f"{path}: this recipe is for {named}, not for {stage}.")
        with progress_bar("Tokens") as update:
            for folder, count in make_what_is_needed(wanted, data, runs, update).items():
                typer.echo(
                    f"{folder}: {count} turns could not be aligned with their text; they serve as if they had none."
                )
        start(path, data, runs).train(minutes)


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
def restore(
    bundle: Annotated[Path, typer.Argument(help="Folder of a bundle, with its recipes.")],
    runs: Annotated[Path, typer.Option(help="Folder of runs to make.")] = Path("runs"),
) -> None:
    """Make runs out of a bundle, to train it further with more steps in its recipes."""
    from dialogue_tts.training.export import restore_runs

    restore_runs(bundle, runs)


@data_app.command()
@reports_errors
def prepare(
    manifest: Annotated[
        Path, typer.Argument(help="JSONL file, a line {audio, text, speaker, ...} for each recording.")
    ],
    out: Annotated[Path, typer.Argument(help="Data folder to make.")],
) -> None:
    """Read a manifest's recordings into a data folder."""
    from dialogue_tts.text.phonemes import TextFrontend
    from dialogue_tts.training.corpus import prepare as prepare_corpus

    frontend = TextFrontend()
    corpus = prepare_corpus(manifest, out, lambda text: frontend.speak(text).phonemes)
    typer.echo(f"{out}: {corpus.hours:.2f} h in {len(corpus.utterances)} recordings")


@data_app.command()
@reports_errors
def vary(
    source: Annotated[Path, typer.Argument(help="Data folder.")],
    out: Annotated[Path, typer.Argument(help="Data folder to make.")],
    seed: Annotated[int, typer.Option(help="Draws how each voice changes.")] = 1,
) -> None:
    """Copy a data folder's training split in other voices."""
    from dialogue_tts.training.corpus import Corpus, vary_voices

    corpus = vary_voices(Corpus.open(source), out, seed)
    typer.echo(f"{out}: {corpus.hours:.2f} h in {len(corpus.utterances)} recordings")


@data_app.command()
@reports_errors
def speak(
    scripts: Annotated[
        Path, typer.Argument(help="JSONL file, a line {id, turns: [[role, text], ...]} for each dialogue.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder for the recordings and their manifest.")],
    teacher: Annotated[str, typer.Option(help="hibari, or kokoro:FOLDER with its weights.")] = "hibari",
    quiet: QuietOption = False,
) -> None:
    """Let a teacher speak scripts, where there are no recordings."""
    from dialogue_tts.training.teacher import make_teacher, speak_scripts

    with progress_bar("Speaking", quiet) as update:
        rejected = speak_scripts(scripts, out, make_teacher(teacher), lambda d, n: update("Speaking", d, n))
    typer.echo(f"{out / 'manifest.jsonl'}: written; {rejected} turns could not be spoken")
