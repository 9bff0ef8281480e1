"""Commands for those who train: `train`, `export`, `restore`, and the group `data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import TRAINING, BundleOption, QuietOption, app, progress_bar, reports_errors
from dialogue_tts.errors import DialogueTTSError
from dialogue_tts.extras import check_extra

data_app = typer.Typer(help="Turn recordings or scripts into training data.", no_args_is_help=True)
KINDS_OF_STAGE = ("", "-tokens", "-decoder", "-pretrained")  # what a recipe's stage may have beside its name
app.add_typer(data_app, name="data", rich_help_panel=TRAINING)


RunsOption = Annotated[Path, typer.Option(help="Folder of runs: checkpoints, logs.")]
DataOption = Annotated[
    list[Path] | None, typer.Option(help="Data folder, or several by a pattern ('runs/data-*'). May be repeated.")
]


ProcessesOption = Annotated[int, typer.Option(min=1, help="Processes that work at once.")]
RayOption = Annotated[
    str | None, typer.Option(help="Address of a Ray cluster that sees the same disk, or 'local': work there instead.")
]


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
    from dialogue_tts.training.needs import make_what_is_needed
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
        processes = Processes(wanted.loop.device)
        with processes.first_goes_first(), progress_bar("Tokens", quiet=not processes.is_first) as update:
            for folder, count in make_what_is_needed(wanted, folders, runs, update).items():
                typer.echo(
                    f"{folder}: {count} turns do not say their text and could not be aligned; they go without it."
                )
        with processes.first_goes_first():  # which writes what the run needs beside its recipe
            run = start(path, folders, runs)
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
        found = adapt_bundle(loaded, folders, out, minutes, lambda done, total: update("Tokens", done, total))
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
