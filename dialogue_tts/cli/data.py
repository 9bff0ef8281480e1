"""The group `data`: recordings, corpora and scripts become training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import TRAINING, QuietOption, app, reports_errors
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.errors import DialogueTTSError

data_app = typer.Typer(help="Turn recordings or scripts into training data.", no_args_is_help=True)
app.add_typer(data_app, name="data", rich_help_panel=TRAINING)

RunsOption = Annotated[Path, typer.Option(help="Folder of runs: checkpoints, logs.")]
DataOption = Annotated[
    list[Path] | None, typer.Option(help="Data folder, or several by a pattern ('runs/data-*'). May be repeated.")
]
ProcessesOption = Annotated[int, typer.Option(min=1, help="Processes that work at once.")]
RayOption = Annotated[
    str | None, typer.Option(help="Address of a Ray cluster that sees the same disk, or 'local': work there instead.")
]


@data_app.command()
@reports_errors
def rebuild(
    recipe: Annotated[Path, typer.Argument(help="Recipe of data: a bundle's recipe/data.json.")],
    shared: Annotated[Path, typer.Option(help="Folder that the recipe's paths start from.")],
    runs: Annotated[Path, typer.Option(help="Folder to make the data folders in, that of the runs.")] = Path("runs"),
    teacher: Annotated[Path | None, typer.Option(help="Folder with Kokoro's weights.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Recordings of each split, or scripts, of each folder. Default: all.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Make every data folder of a bundle: recordings, what teachers speak, variations. Goes on where it stopped.

    Tokens are made too, once the runs hold a semantic tokenizer and a codec; `train` makes those that are missing.
    """
    from dialogue_tts.training.rebuild import Sources, read_data_recipe
    from dialogue_tts.training.rebuild import rebuild as rebuild_data
    from dialogue_tts.training.recipes import tokenizers_of

    wanted = read_data_recipe(recipe)
    by = tokenizers_of(runs)
    with progress_bar("Data", quiet) as update:
        for made in rebuild_data(wanted, Sources(shared, teacher, limit), runs, by, update):
            what = f"{made.corpus.hours:.2f} h in {len(made.corpus.utterances)} recordings"
            how = f"made in {made.seconds:.0f} s" if made.anew else "there already"
            lost = f", {made.not_aligned} not aligned" if made.not_aligned else ""
            typer.echo(f"{made.corpus.folder}: {what}, {how}{lost}")
    if by is None:
        typer.echo(f"{runs}: no semantic tokenizer and codec there yet, so no tokens were made; `train` makes them.")


@data_app.command()
@reports_errors
def voices(
    recipe: Annotated[Path, typer.Argument(help="List of voices and their recordings: a bundle's recipe/voices.json.")],
    out: Annotated[Path, typer.Argument(help="Folder for voices.json and voices/, or of a bundle.")],
    shared: Annotated[Path, typer.Option(help="Folder that the list's paths start from.")],
) -> None:
    """Make a bundle's built-in voices of recordings."""
    from dialogue_tts.training.built_in_voices import make_voices

    typer.echo(f"{out}: {make_voices(recipe, shared, out)} voices; `export` takes them into a bundle.")


@data_app.command()
@reports_errors
def pack(
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    data: DataOption = None,
    runs: Annotated[Path | None, typer.Option(help="Folder of runs to pack their weights and recipes, too.")] = None,
) -> None:
    """Pack data folders, sound as Opus, into pieces of at most 60 MB, for `train --pack` on another machine."""
    from dialogue_tts.training.corpus import data_folders
    from dialogue_tts.training.pack import write_pack

    if not data:
        raise DialogueTTSError("give the data folders to pack (--data).")
    pieces = write_pack(out, data_folders(data), runs)
    size = sum(path.stat().st_size for path in pieces) / 1e6
    typer.echo(f"{out}: {len(pieces)} pieces, {size:.0f} MB")


@data_app.command()
@reports_errors
def prepare(
    manifest: Annotated[
        Path, typer.Argument(help="JSONL file, a line {audio, text, speaker, ...} for each recording.")
    ],
    out: Annotated[Path, typer.Argument(help="Data folder to make; with --processes, of the data folders.")],
    processes: ProcessesOption = 1,
    ray: RayOption = None,
    rows_each: Annotated[int, typer.Option(min=1, help="Recordings of each part.")] = 5000,
) -> None:
    """Read a manifest's recordings into a data folder.

    With --processes or --ray, or of a folder of shards (WebDataset's *.tar), into several, OUT/part-00000 and so on, which
    training takes as --data 'OUT/part-*'. The same command goes on where it was interrupted.
    """
    from dialogue_tts.text.phonemes import TextFrontend
    from dialogue_tts.training.corpus import prepare as prepare_corpus
    from dialogue_tts.training.preparing import in_processes, parts_of, prepare_part

    if processes > 1 or ray or manifest.is_dir():
        parts = parts_of(manifest, out, rows_each)
        for folder, hours, anew in in_processes(prepare_part, parts, processes, ray):
            typer.echo(f"{folder}: {hours:.2f} h, {'made' if anew else 'there already'}")
        return
    frontend = TextFrontend()
    corpus = prepare_corpus(manifest, out, lambda text: frontend.speak(text).phonemes)
    typer.echo(f"{out}: {corpus.hours:.2f} h in {len(corpus.utterances)} recordings")


@data_app.command()
@reports_errors
def stream(
    dataset: Annotated[str, typer.Argument(help="Id on the Hugging Face hub, or a folder of Parquet files or tars.")],
    out: Annotated[Path, typer.Argument(help="Folder of the data folders to make.")],
    split: Annotated[list[str], typer.Option(help="Split to learn from. May be repeated.")],
    held_out: Annotated[
        str | None, typer.Option(help="Split to validate on. Default: some speakers and recordings of all.")
    ] = None,
    config: Annotated[str | None, typer.Option(help="The dataset's configuration.")] = None,
    revision: Annotated[str | None, typer.Option(help="Commit, branch or tag. Default: the newest.")] = None,
    columns: Annotated[str, typer.Option(help="Columns of recording, text and speaker.")] = "audio,text,speaker_id",
    processes: ProcessesOption = 1,
    ray: RayOption = None,
) -> None:
    """Read a dataset of the Hugging Face hub as it comes, a data folder of each of its shards, OUT/part-00000 and so on.

    Training takes them as --data 'OUT/part-*'. The same command goes on where it was interrupted.
    """
    from dialogue_tts.training.preparing import in_processes, prepare_part
    from dialogue_tts.training.streaming import HubCorpus, streamed_parts

    names = columns.split(",")
    if len(names) != 3 or not all(names):
        raise DialogueTTSError(f"--columns: expected three names (audio,text,speaker_id), found {columns!r}.")
    parts = streamed_parts(HubCorpus(dataset, config, revision, *names), split, held_out, out)
    for folder, hours, anew in in_processes(prepare_part, parts, processes, ray):
        typer.echo(f"{folder}: {hours:.2f} h, {'made' if anew else 'there already'}")


@data_app.command()
@reports_errors
def manifest(
    layout: Annotated[
        str, typer.Argument(help="ljspeech, vctk, libritts, librispeech, commonvoice, emilia or hifitts.")
    ],
    corpus: Annotated[Path, typer.Argument(help="Folder of the corpus, unpacked.")],
    out: Annotated[Path, typer.Argument(help="Manifest to write.")],
) -> None:
    """Write the manifest of a corpus that is known by its layout: speakers, texts, licence, what is held out."""
    from dialogue_tts.training.layouts import write_manifest

    typer.echo(f"{out}: {write_manifest(layout, corpus, out)} recordings")


@data_app.command()
@reports_errors
def tokenize(
    data: DataOption = None,
    runs: RunsOption = Path("runs"),
    processes: ProcessesOption = 1,
    ray: RayOption = None,
) -> None:
    """Make all tokens of data folders by the tokenizers of the runs, several folders at once. What is there stays."""
    from functools import partial

    from dialogue_tts.training.corpus import data_folders
    from dialogue_tts.training.needs import tokenize_folder
    from dialogue_tts.training.preparing import in_processes

    if not data:
        raise DialogueTTSError("give the data folders to tokenize (--data).")
    for folder, lost in in_processes(partial(tokenize_folder, runs=runs), data_folders(data), processes, ray):
        typer.echo(f"{folder}: tokens are there" + (f", {lost} turns could not be aligned" if lost else ""))


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
def rate(
    folders: Annotated[list[Path], typer.Argument(help="Data folders.")],
    quiet: QuietOption = False,
) -> None:
    """Judge how good each speaker's recordings are (DistillMOS), for SoundStorm recipes with quality_edges."""
    from dialogue_tts.evaluation.judges import DistillMos
    from dialogue_tts.training.corpus import Corpus
    from dialogue_tts.training.quality import rate as rate_corpus

    corpora, judge = [Corpus.open(folder) for folder in folders], DistillMos()
    with progress_bar("Judging", quiet) as update:
        for corpus in corpora:
            rate_corpus(corpus, "DistillMOS", judge.overall, lambda done, total: update("Judging", done, total))
    for corpus in corpora:
        typer.echo(f"{corpus.folder}: rated")


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
