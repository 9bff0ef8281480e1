"""`check`: what is wrong in a script, or may be, and how long it will take; nothing is spoken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer

from dialogue_tts.cli.app import BAD_INPUT, SPEAKING, JsonOption, QuietOption, app, print_json, reports_errors
from dialogue_tts.cli.inputs import (
    CastOption,
    Directions,
    DirectionsOption,
    GapOption,
    PronunciationsOption,
    SpeedOption,
    VoiceOption,
    draft_of,
    given_voices,
    read_file,
    settings_of,
)


@app.command(rich_help_panel=SPEAKING)
@reports_errors
def check(
    script: Annotated[str, typer.Argument(help="Script, or - for standard input.")],
    voice: VoiceOption = None,
    cast: CastOption = None,
    gap: GapOption = None,
    speed: SpeedOption = None,
    pronunciations: PronunciationsOption = None,
    directions: DirectionsOption = Directions.left_out,
    spoken: Annotated[bool, typer.Option("--spoken", help="Show what will be said, each word as it is read.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Look through a script without speaking it: lines FILE:LINE[:COLUMN]: error|warning: what; exit code 2 on errors."""
    draft, voices = draft_of(read_file(script), script, directions), given_voices(voice, cast)
    from dialogue_tts.script.lint import lint
    from dialogue_tts.text.accents import AMERICAN
    from dialogue_tts.text.phonemes import TextFrontend

    settings = settings_of(gap, speed, pronunciations=pronunciations)
    learnt, accents = _reading(voices) if voices else ((AMERICAN,), {})
    found = lint(draft, TextFrontend(learnt), voices or None, settings, accents=accents)
    if as_json:
        facts = asdict(found)
        if not spoken:
            del facts["spoken"]
        print_json({"script": script} | facts)
    else:
        for finding in found.findings:
            place = f"{script}:{finding.line}" + (f":{finding.column}" if finding.column else "")
            typer.echo(f"{place}: {finding.severity}: {finding.message}")
        for turn in found.spoken if spoken else ():
            words = (f"{word.spoken} ({word.text})" if word.respelled else word.spoken for word in turn.words)
            typer.echo(f"{script}:{turn.line}: {turn.speaker} says: {' '.join(words)}")
    if not (as_json or quiet):
        what = f"{found.turns} turns, speakers {', '.join(found.speakers) or 'none'}"
        typer.echo(f"{script}: {what}; about {found.duration_s:.1f} s, made in about {found.work_s:.1f} s", err=True)
    if found.errors:
        raise typer.Exit(BAD_INPUT)


def _reading(voices: Mapping[str, str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """The accents that the networks learnt, and the accent of each speaker's voice."""
    from dialogue_tts.bundle import CONFIG, BundleConfig, find_bundle, list_voices
    from dialogue_tts.config import from_dict, read_json
    from dialogue_tts.voices.assignment import accent_of_voice
    from dialogue_tts.voices.library import VoiceLibrary

    folder, library = find_bundle(), VoiceLibrary()
    built_in = list_voices(folder)
    accents = {speaker: accent_of_voice(voice, built_in, library) for speaker, voice in voices.items()}
    return from_dict(BundleConfig, read_json(folder / CONFIG)).accents, accents
