"""`stream`: a script as sound on standard output, turn by turn."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from dialogue_tts.cli.app import SPEAKING, BundleOption, DeviceOption, QuietOption, app, reports_errors
from dialogue_tts.cli.inputs import (
    CastOption,
    Directions,
    DirectionsOption,
    GapOption,
    LoudnessOption,
    PronunciationsOption,
    SeedOption,
    SetOption,
    SpeedOption,
    VoiceOption,
    check_texts,
    draft_of,
    given_voices,
    read_file,
    settings_of,
    tell_left_out,
)
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.errors import AudioError


class PipeFormat(str, Enum):
    """What goes into the pipe."""

    wav = "wav"
    raw = "raw"


@app.command(rich_help_panel=SPEAKING)
@reports_errors
def stream(
    script: Annotated[str, typer.Argument(help="Script, or - for standard input.")],
    kind: Annotated[
        PipeFormat, typer.Option("--format", help="wav, or raw: 16-bit little-endian samples, mono, 24 kHz.")
    ] = PipeFormat.wav,
    voice: VoiceOption = None,
    cast: CastOption = None,
    seed: SeedOption = None,
    gap: GapOption = None,
    speed: SpeedOption = None,
    loudness: LoudnessOption = None,
    pronunciations: PronunciationsOption = None,
    others: SetOption = None,
    directions: DirectionsOption = Directions.left_out,
    timestamps: Annotated[Path | None, typer.Option(help="JSON file for the times of turns and words.")] = None,
    project: Annotated[Path | None, typer.Option(help="JSON file that makes the same dialogue again.")] = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    quiet: QuietOption = False,
) -> None:
    """Speak a script into a pipe: each turn as soon as it is made. It ends quietly when the listener goes away."""
    out = binary_output()
    draft, voices = draft_of(read_file(script), script, directions), given_voices(voice, cast)
    read: list[str | Path] = [path for path in (script, cast, pronunciations) if path]
    check_texts([path for path in (timestamps, project) if path], [*read, *voices.values()])
    from dialogue_tts.audio.io import pcm16, wav_header
    from dialogue_tts.dialogue.project import Project
    from dialogue_tts.pipeline import DialogueTTS

    config, wanted = settings_of(gap, speed, loudness, pronunciations, others), draft.script()
    seed = secrets.randbelow(1 << 31) if seed is None else seed
    with progress_bar("Loading", quiet, of="turns") as update:
        tts = DialogueTTS.from_pretrained(bundle, device=device)
        with tts.stream(wanted, voices, seed, config) as chunks, listener_may_leave():
            if kind is PipeFormat.wav:
                out.write(wav_header(tts.sample_rate))
            for chunk in chunks:
                out.write(pcm16(chunk.waveform))
                out.flush()
                update("Speaking", chunk.turn.index + 1, len(wanted.turns))
    dialogue = chunks.dialogue()  # until the listener left
    if timestamps:
        dialogue.save_timestamps(timestamps)
    if project:
        Project.of(dialogue).save(project)
    if not quiet:
        tell_left_out(script, wanted)
        typer.echo(f"{script}: {dialogue.duration:.1f} s of speech, seed {seed}", err=True)


def binary_output() -> BinaryIO:
    """Standard output for sound. Raises AudioError if it is a terminal."""
    if sys.stdout.isatty():
        raise AudioError("sound is no sight for a terminal; send it on with | or >, as in: ... | aplay")
    return sys.stdout.buffer


@contextmanager
def listener_may_leave() -> Iterator[None]:
    """A pipe that is closed at its other end ends the block, and is no error; a full disk is. Raises AudioError."""
    try:
        yield
    except OSError as error:
        # What is still in the buffer must not raise again when the process ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise AudioError(f"the sound cannot be written ({error.strerror}); send it somewhere else.") from None
