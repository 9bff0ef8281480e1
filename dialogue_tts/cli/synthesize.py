"""`synthesize`: a script, or a project file's dialogue again, into a sound file."""

from __future__ import annotations

import functools
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import BundleOption, QuietOption, app, progress_bar, reports_errors
from dialogue_tts.cli.inputs import check_outputs, given_voices, project_in, read_script


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
    quiet: QuietOption = False,
) -> None:
    """Speak a script, or a project file's dialogue again, into a sound file."""
    voices = given_voices(voice or [])
    text = read_script(script)
    check_outputs(out, [path for path in (timestamps, srt, vtt, labels, project) if path], tracks)
    settings = {"gap_s": gap, "speed": speed, "loudness_lufs": loudness, "pronunciations": pronunciations}
    given = {name: value for name, value in settings.items() if value is not None}
    saved = project_in(text, script, bool(given) or seed is not None)
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.project import Project
    from dialogue_tts.settings import SynthesisConfig
    from dialogue_tts.text.pronunciations import read_pronunciations

    config = SynthesisConfig(
        **given | ({"pronunciations": read_pronunciations(pronunciations)} if pronunciations else {})
    )
    with progress_bar("Loading", quiet) as update:
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
