"""The command line: arguments -> one call of the library. Bad input ends with one line on standard error and code 2."""

from __future__ import annotations

import functools
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dialogue_tts.errors import AudioError, DialogueTTSError, ProjectError, ScriptError, VoiceError

if TYPE_CHECKING:
    from dialogue_tts.project import Project

app = typer.Typer(
    name="dialogue-tts",
    help="A script with speaker turns in, a conversation out, each speaker in the voice of a short recording.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Turn recordings or scripts into training data.", no_args_is_help=True)
app.add_typer(data_app, name="data")
console = Console(stderr=True)

Command = TypeVar("Command", bound=Callable[..., Any])


def reports_errors(command: Command) -> Command:
    """Errors a user can mend become one line and exit code 2."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except DialogueTTSError as error:
            typer.echo(f"dialogue-tts: {error}", err=True)
            raise typer.Exit(2) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return run  # type: ignore[return-value]


BundleOption = Annotated[
    str | None, typer.Option("--bundle", help="Bundle: a folder or hub id. Default: the one that comes along.")
]


@app.command()
@reports_errors
def synthesize(
    script: Annotated[str, typer.Argument(help="Script or project file, or - for standard input.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Sound file: .wav, .flac, .mp3, .ogg or .opus.")],
    voice: Annotated[
        list[str] | None,
        typer.Option(
            help="NAME=VOICE: a speaker's built-in voice, a sound file of 2 to 30 s, or a saved voice. May be repeated."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same sound. Default: a new one.")] = None,
    gap: Annotated[float | None, typer.Option(help="Seconds between turns. Default: as people leave them.")] = None,
    speed: Annotated[float | None, typer.Option(help="0.5 to 2; pitch stays. Default: 1.")] = None,
    loudness: Annotated[float | None, typer.Option(help="Of every turn, in LUFS (EBU R128). Default: -23.")] = None,
    pronunciations: Annotated[Path | None, typer.Option(help="Dictionary: lines of word, tab, phonemes.")] = None,
    stereo: Annotated[bool, typer.Option("--stereo", help="Speakers from left to right.")] = False,
    timestamps: Annotated[Path | None, typer.Option(help="JSON file for the times of turns and words.")] = None,
    srt: Annotated[Path | None, typer.Option(help="SubRip file for subtitles.")] = None,
    vtt: Annotated[Path | None, typer.Option(help="WebVTT file for subtitles.")] = None,
    labels: Annotated[Path | None, typer.Option(help="File for an Audacity label track.")] = None,
    tracks: Annotated[Path | None, typer.Option(help="Folder for a sound file of each speaker.")] = None,
    project: Annotated[Path | None, typer.Option(help="JSON file that makes the same dialogue again.")] = None,
    bundle: BundleOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no closing line.")] = False,
) -> None:
    """Speak a script, or a project file's dialogue again, into a sound file."""
    voices = _voices(voice or [])
    text = _read_script(script)
    _check_outputs(out, [path for path in (timestamps, srt, vtt, labels, project) if path], tracks)
    settings = {"gap_s": gap, "speed": speed, "loudness_lufs": loudness, "pronunciations": pronunciations}
    given = {name: value for name, value in settings.items() if value is not None}
    saved = _project(text, script, bool(given) or seed is not None)
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.project import Project
    from dialogue_tts.settings import SynthesisConfig
    from dialogue_tts.text.pronunciations import read_pronunciations

    config = SynthesisConfig(
        **given | ({"pronunciations": read_pronunciations(pronunciations)} if pronunciations else {})
    )
    with _progress("Loading", quiet) as update:
        tts = DialogueTTS.from_pretrained(bundle)
        began, progress = time.perf_counter(), functools.partial(update, "Speaking")
        if saved:
            dialogue = tts.rebuild(saved, voices, progress)
        else:
            seed = secrets.randbelow(1 << 31) if seed is None else seed
            dialogue = tts.synthesize(text, voices, seed, config, progress)
        took_s = time.perf_counter() - began
    dialogue.save(out, stereo)
    if tracks:
        dialogue.save_tracks(tracks, out.suffix)
    writers = (
        (timestamps, dialogue.save_timestamps),
        (srt, dialogue.save_srt),
        (vtt, dialogue.save_vtt),
        (labels, dialogue.save_labels),
        (project, Project.of(dialogue).save),
    )
    for path, write in writers:
        if path:
            write(path)
    if saved and saved.sha256 != dialogue.sha256:
        told = "differs in its last bits: it was made on another machine, or with other threads or packages"
        typer.echo(f"dialogue-tts: {script}: the sound {told}.", err=True)
    if not quiet:
        typer.echo(f"{out}: {dialogue.duration:.1f} s of speech in {took_s:.1f} s, seed {dialogue.seed}", err=True)


@app.command()
@reports_errors
def voices(bundle: BundleOption = None) -> None:
    """List the built-in voices."""
    from dialogue_tts.bundle import Bundle, find_bundle

    for voice in Bundle.load(find_bundle(bundle)).voices.values():
        typer.echo(f"{voice.name}\t{voice.description}")


@app.command()
@reports_errors
def train(
    stage: Annotated[str, typer.Argument(help="codec, semantic, soundstorm or text-to-semantic.")],
    recipe: Annotated[list[Path], typer.Option(help="Recipe file; for codec, one for each of its two phases.")],
    data: Annotated[list[Path], typer.Option(help="Data folder made by `data prepare`. May be repeated.")],
    runs: Annotated[Path, typer.Option(help="Folder of runs: checkpoints, logs.")] = Path("runs"),
    minutes: Annotated[float | None, typer.Option(help="Stop after so long, with a checkpoint to go on from.")] = None,
) -> None:
    """Train a stage, or go on with it. Tokens that it needs are made first."""
    from dialogue_tts.training.corpus import Corpus
    from dialogue_tts.training.recipes import read_recipe, start, trained_codec, trained_semantic_tokenizer
    from dialogue_tts.training.tokens import tokenize

    for path in recipe:
        named = read_recipe(path).stage
        if named.removesuffix("-tokens").removesuffix("-decoder") != stage:
            raise DialogueTTSError(f"{path}: this recipe is for {named}, not for {stage}.")
        if named in ("codec-decoder", "soundstorm", "text-to-semantic"):
            codec = None if named == "text-to-semantic" else trained_codec(runs)
            semantic = None if named == "codec-decoder" else trained_semantic_tokenizer(runs)
            with _progress("Tokens") as update:
                for folder in data:
                    corpus, aligned = Corpus.open(folder), named == "text-to-semantic"
                    tokenize(corpus, semantic, codec, aligned, lambda done, total: update("Tokens", done, total))
        start(path, data if named not in ("semantic", "codec-tokens") else data[:1], runs).train(minutes)


@app.command()
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


@app.command()
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
) -> None:
    """Let a teacher speak scripts, where there are no recordings."""
    from dialogue_tts.training.teacher import make_teacher, speak_scripts

    with _progress("Speaking") as update:
        rejected = speak_scripts(scripts, out, make_teacher(teacher), lambda d, n: update("Speaking", d, n))
    typer.echo(f"{out / 'manifest.jsonl'}: written; {rejected} turns could not be spoken")


@app.command()
@reports_errors
def evaluate(
    eval_dir: Annotated[Path, typer.Argument(help="Folder with scripts.jsonl and prompts/.")],
    judges: Annotated[Path, typer.Option(help="Folder that holds whisper-base/.")],
    corpus: Annotated[Path | None, typer.Option(help="Corpus with recordings, for the intermediate steps.")] = None,
    split: Annotated[str, typer.Option(help="Split of the corpus.")] = "test_speaker",
    recordings: Annotated[int, typer.Option(help="How many recordings of it.")] = 60,
    dialogues: Annotated[int | None, typer.Option(help="How many dialogues. Default: all.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthesis.")] = 0,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="JSON file for the report.")] = None,
    bundle: BundleOption = None,
) -> None:
    """Judge the bundle: word errors, voices, quality, speed, of the full path and of the steps on the way."""
    from dialogue_tts.evaluation import systems
    from dialogue_tts.evaluation.judges import load_judges
    from dialogue_tts.evaluation.report import (
        Report,
        evaluate_recordings,
        evaluate_systems,
        load_dialogues,
        load_recordings,
        play,
    )
    from dialogue_tts.pipeline import DialogueTTS

    scripts = load_dialogues(eval_dir)[:dialogues]
    spoken = load_recordings(corpus, split, recordings) if corpus else []
    heard = load_judges(judges)
    tts = DialogueTTS.from_pretrained(bundle)
    report = Report(())
    with _progress("Judging") as update:
        if spoken:
            steps = {
                "recordings": play,
                "codec resynthesis": systems.codec_resynthesis(tts),
                "SoundStorm from true tokens": systems.from_true_semantic_tokens(tts, seed),
            }
            report += evaluate_recordings(steps, spoken, heard, update)
        report += evaluate_systems({"full path": systems.full_path(tts, seed)}, scripts, heard, update)
    Console(width=150).print(report.table())
    if out:
        report.save(out)


def main() -> None:
    """Entry point."""
    app()


def _voices(options: list[str]) -> dict[str, str]:
    voices: dict[str, str] = {}
    for option in options:
        speaker, separator, voice = option.partition("=")
        if not separator or not speaker.strip() or not voice.strip():
            raise VoiceError(f'--voice {option}: write a speaker and a voice, as in --voice "Anna=anna.wav".')
        if speaker.strip() in voices:
            raise VoiceError(f"--voice {option}: {speaker.strip()} has a voice already; give one voice a speaker.")
        voices[speaker.strip()] = voice.strip()
    return voices


def _project(text: str, source: str, settings_given: bool) -> Project | None:
    """The project, if the text is one: no script begins with a brace."""
    if not text.lstrip("\ufeff \t\r\n").startswith("{"):
        return None
    from dialogue_tts.project import Project

    if settings_given:
        raise ProjectError(f"{source}: a project has a seed and settings of its own; leave out yours.")
    return Project.parse(text.removeprefix("\ufeff"), source)


def _check_outputs(out: Path, texts: list[Path], tracks: Path | None) -> None:
    """What can be known to fail is told before the work starts."""
    from dialogue_tts.audio.io import check_folder, check_sound_file, check_writable

    check_sound_file(out)
    for path in texts:
        check_writable(path)
    if tracks:
        check_folder(tracks)
    names = [path.resolve() for path in (out, *texts)]
    if len(set(names)) < len(names):
        twice = next(path for path in texts if names.count(path.resolve()) > 1)
        raise AudioError(f"{twice}: two outputs would go into this file; give each its own.")


def _read_script(source: str) -> str:
    try:
        # Standard input as bytes too: its text layer has the locale's encoding, and may let wrong bytes pass.
        return (sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()).decode("utf-8")
    except OSError as error:
        raise ScriptError(f"{source}: the script cannot be read ({error.strerror}); give a text file or -.") from None
    except UnicodeDecodeError:
        raise ScriptError(f"{source}: this is no UTF-8 text; save the script as plain text in UTF-8.") from None


@contextmanager
def _progress(title: str, quiet: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error; yields update(title, done, total)."""
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda name, done, total: bar.update(task, description=name, completed=done, total=total)
