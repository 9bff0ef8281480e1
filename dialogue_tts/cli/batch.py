"""`batch`: many scripts, in several processes, on from where it stopped."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue_tts.cli.app import (
    SOME_FAILED,
    SPEAKING,
    BundleOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    app,
    exit_code_of,
    print_json,
    reports_errors,
    terminable,
)
from dialogue_tts.cli.inputs import (
    C2paOption,
    CastOption,
    Directions,
    DirectionsOption,
    GapOption,
    LoudnessOption,
    PronunciationsOption,
    SetOption,
    SoundFormat,
    SpeedOption,
    VoiceOption,
    given_voices,
    settings_of,
    signer_of,
)
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.files import check_not_read

if TYPE_CHECKING:
    from dialogue_tts.batch.jobs import BatchContext, BatchJob, Outcome

MOST_TOLD = 10  # files that are no scripts


@app.command(rich_help_panel=SPEAKING)
@reports_errors
def batch(
    source: Annotated[
        Path, typer.Argument(help="Folder of scripts, JSONL file of {id, script, ...}, or - for such lines.")
    ],
    out: Annotated[Path, typer.Argument(help="Folder for a sound file and a JSON record of each script.")],
    kind: Annotated[SoundFormat, typer.Option("--format", help="Of the sound files.")] = SoundFormat.wav,
    voice: VoiceOption = None,
    cast: CastOption = None,
    seed: Annotated[int, typer.Option(help="Of scripts that have none of their own.")] = 0,
    gap: GapOption = None,
    speed: SpeedOption = None,
    loudness: LoudnessOption = None,
    pronunciations: PronunciationsOption = None,
    others: SetOption = None,
    directions: DirectionsOption = Directions.left_out,
    workers: Annotated[int, typer.Option(min=1, help="Processes; each holds the bundle.")] = 1,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Of each process. Default: its share of the cores; 1 with --ray.")
    ] = None,
    ray: Annotated[bool, typer.Option("--ray", help="Workers on the Ray cluster that RAY_ADDRESS names.")] = False,
    c2pa: C2paOption = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Speak many scripts. What is done already is skipped; a script that fails does not stop the others.

    JSONL lines have id and script, and if need be voices, seed and settings. Exit code 1: some scripts failed.
    """
    from dialogue_tts.batch.jobs import BatchContext, expected_s, read_jobs
    from dialogue_tts.batch.workers import import_ray, share_of_cores
    from dialogue_tts.nn.devices import find_device

    config = settings_of(gap, speed, loudness, pronunciations, others)
    if signer := signer_of(c2pa):
        signer.signs(out / f"sound.{kind.value}")  # such files can be signed
    aside: dict[str, str] = {}
    jobs = read_jobs(source, given_voices(voice, cast), seed, config, directions.value, aside)
    if ray:
        import_ray()
    else:
        find_device(device)  # a cluster's machines have their own
    usual_threads = None if ray or workers == 1 else share_of_cores(workers)
    context = BatchContext(out.resolve(), f".{kind.value}", bundle, threads or usual_threads, device, c2pa)
    missing = [job for job in jobs if not context.is_done(job)]
    read: list[str | Path] = [path for path in (source, cast, pronunciations) if path]
    read += (voice for job in jobs for voice in job.voices.values())
    check_not_read((path for job in missing for path in (context.sound(job), context.record(job))), read)
    kept_s = workers * max((expected_s([job]) for job in missing), default=0.0)
    _prepare(out, context.ending, expected_s(missing), kept_s)
    context.check_records(missing)
    context.check_work(jobs)
    if source.resolve() == out.resolve():
        own = {path.name for job in jobs for path in (context.sound(job), context.record(job))}
        aside = {name: why for name, why in aside.items() if name not in own}
    if not quiet:
        _tell_aside(source, aside)
    began, outcomes, interrupted = time.perf_counter(), [], None
    with progress_bar("Loading", quiet, of="scripts") as update, terminable():
        try:
            update("Speaking", 0, len(missing))
            for outcome in _outcomes(missing, context, workers, ray):
                outcomes.append(outcome)
                if outcome.error:
                    typer.echo(f"dialogue-tts: {outcome.id}: {outcome.error}", err=True)
                update("Speaking", len(outcomes), len(missing))
        except KeyboardInterrupt as interrupt:
            interrupted = interrupt
    failed = {outcome.id: outcome.error for outcome in outcomes if outcome.error}
    made = [outcome.id for outcome in outcomes if not outcome.error]
    skipped = len(jobs) - len(missing)
    speech_s, work_s = sum(outcome.duration_s for outcome in outcomes), time.perf_counter() - began
    if as_json:
        counts = {"made": made, "skipped": skipped, "failed": failed, "left": len(missing) - len(outcomes)}
        print_json(counts | {"left_aside": aside, "speech_s": round(speech_s, 3), "work_s": round(work_s, 3)})
    elif not quiet:
        told = f"{len(made)} made, {skipped} done before, {len(failed)} failed"
        left = f"; interrupted, {len(missing) - len(outcomes)} left: run it again to go on" if interrupted else ""
        typer.echo(f"{out}: {told}: {speech_s:.1f} s of speech in {work_s:.1f} s{left}", err=True)
    if interrupted or failed:
        raise typer.Exit(exit_code_of(interrupted) if interrupted else SOME_FAILED)


def _tell_aside(source: Path, aside: dict[str, str]) -> None:
    """What of a folder is not spoken, and why."""
    for name, why in list(aside.items())[:MOST_TOLD]:
        typer.echo(f"{source / name}: left aside: {why}", err=True)
    if len(aside) > MOST_TOLD:
        typer.echo(f"{source}: {len(aside) - MOST_TOLD} more files are left aside; --json lists them all", err=True)


def _outcomes(jobs: list[BatchJob], context: BatchContext, workers: int, ray: bool) -> Iterator[Outcome]:
    from dialogue_tts.batch.workers import in_processes, in_this_process, on_ray

    if not jobs:
        return iter(())
    if ray:
        return on_ray(jobs, context, workers)
    return in_processes(jobs, context, workers) if workers > 1 else in_this_process(jobs, context)


def _prepare(out: Path, ending: str, seconds: float, kept_s: float) -> None:
    """Make the folder, for so many seconds of sound, and so many kept at once while they are made.

    Raises:
        AudioError: it cannot be made, or the disk is too full.
    """
    from dialogue_tts.audio.io import check_folder, check_room, sound_bytes
    from dialogue_tts.dialogue.work_folder import BYTES_PER_S

    check_folder(out)
    out.mkdir(exist_ok=True)
    check_room({out / "sound": sound_bytes(ending, seconds), out / "work": BYTES_PER_S * kept_s})
