"""`synthesize`: a script, or a project file's dialogue again, into a sound file."""

from __future__ import annotations

import functools
import secrets
import time
from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import (
    SPEAKING,
    BundleOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    app,
    print_json,
    progress_bar,
    reports_errors,
)
from dialogue_tts.cli.inputs import (
    Directions,
    DirectionsOption,
    GapOption,
    LoudnessOption,
    PronunciationsOption,
    SeedOption,
    SetOption,
    SpeedOption,
    VoiceOption,
    check_outputs,
    draft_of,
    given_voices,
    project_in,
    read_file,
    settings_of,
    tell_left_out,
)


@app.command(rich_help_panel=SPEAKING)
@reports_errors
def synthesize(
    script: Annotated[str, typer.Argument(help="Script or project file, or - for standard input.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Sound file: .wav, .flac, .mp3, .ogg or .opus.")],
    voice: VoiceOption = None,
    seed: SeedOption = None,
    gap: GapOption = None,
    speed: SpeedOption = None,
    loudness: LoudnessOption = None,
    pronunciations: PronunciationsOption = None,
    others: SetOption = None,
    directions: DirectionsOption = Directions.left_out,
    stereo: Annotated[bool, typer.Option("--stereo", help="Speakers from left to right.")] = False,
    timestamps: Annotated[Path | None, typer.Option(help="JSON file for the times of turns and words.")] = None,
    srt: Annotated[Path | None, typer.Option(help="SubRip file for subtitles.")] = None,
    vtt: Annotated[Path | None, typer.Option(help="WebVTT file for subtitles.")] = None,
    labels: Annotated[Path | None, typer.Option(help="File for an Audacity label track.")] = None,
    tracks: Annotated[Path | None, typer.Option(help="Folder for a sound file of each speaker.")] = None,
    project: Annotated[Path | None, typer.Option(help="JSON file that makes the same dialogue again.")] = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Speak a script, or a project file's dialogue again, into a sound file."""
    voices = given_voices(voice)
    data = read_file(script)
    check_outputs(out, [path for path in (timestamps, srt, vtt, labels, project) if path], tracks)
    own = (seed, gap, speed, loudness, pronunciations, others)
    saved = project_in(data, script, any(option is not None for option in own))
    from dialogue_tts.dialogue.project import Project
    from dialogue_tts.pipeline import DialogueTTS

    config = settings_of(gap, speed, loudness, pronunciations, others)
    wanted = saved.script if saved else draft_of(data, script, directions).script()
    with progress_bar("Loading", quiet) as update:
        tts = DialogueTTS.from_pretrained(bundle, device=device)
        expected_s = tts.expected_duration(wanted, saved.config if saved else config)
        _check_room(out, tracks, expected_s, stereo, len(wanted.speakers))
        began, progress = time.perf_counter(), functools.partial(update, "Speaking")
        if saved:
            dialogue = tts.rebuild(saved, voices, progress)
        else:
            seed = secrets.randbelow(1 << 31) if seed is None else seed
            dialogue = tts.synthesize(wanted, voices, seed, config, progress)
        work_s = time.perf_counter() - began
    dialogue.save(out, stereo)
    files = [out, *(dialogue.save_tracks(tracks, out.suffix) if tracks else [])]
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
            files.append(path)
    if saved and saved.sha256 != dialogue.sha256:
        told = "differs in its last bits: it was made on another machine, or with other threads or packages"
        typer.echo(f"dialogue-tts: {script}: the sound {told}.", err=True)
    if as_json:
        print_json(dialogue.facts() | {"work_s": round(work_s, 3), "files": [str(path) for path in files]})
    elif not quiet:
        tell_left_out(script, wanted)
        if dialogue.doubtful:
            doubts = {index: dialogue.turn_takes[index].take.doubts(dialogue.config) for index in dialogue.doubtful}
            told = ", ".join(f"{index + 1} ({', '.join(names)})" for index, names in doubts.items())
            typer.echo(f"{out}: listen to turns {told}: the self-check doubts them", err=True)
        if dialogue.late:
            told = ", ".join(str(index + 1) for index in dialogue.late)
            typer.echo(f"{out}: turns {told} start later than they are to: what is in front takes too long", err=True)
        typer.echo(f"{out}: {dialogue.duration:.1f} s of speech in {work_s:.1f} s, seed {dialogue.seed}", err=True)


def _check_room(out: Path, tracks: Path | None, seconds: float, stereo: bool, speakers: int) -> None:
    """Raises AudioError if the disk is too full for so much sound."""
    from dialogue_tts.audio.io import check_room, sound_bytes

    sizes = {out: sound_bytes(out.suffix, seconds, 2 if stereo else 1)}
    if tracks:
        sizes[tracks] = sound_bytes(out.suffix, seconds, speakers)
    check_room(sizes)
