"""`publish`: a project's dialogue for listeners, with tags, chapters and a cover; as a page; and in one file."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dialogue_tts.cli.app import SPEAKING, BundleOption, DeviceOption, QuietOption, app, reports_errors
from dialogue_tts.cli.inputs import (
    C2paOption,
    Directions,
    VoiceOption,
    check_texts,
    draft_of,
    given_voices,
    read_file,
    signer_of,
)
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.errors import AudioError


@app.command(rich_help_panel=SPEAKING)
@reports_errors
def publish(
    project: Annotated[Path, typer.Argument(help="Project file, or a project with its sound (.dialogue).")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Sound file: .mp3, .m4a, .m4b, .opus or .flac.")],
    about: Annotated[Path | None, typer.Option(help="JSON file: title, author, chapters, cover and more.")] = None,
    chapters: Annotated[
        Path | None,
        typer.Option(help="The script, or its document: its headings begin chapters, instead of --about's."),
    ] = None,
    mix: Annotated[Path | None, typer.Option(help="JSON file with levels, music, effects, loudness.")] = None,
    page: Annotated[Path | None, typer.Option(help="HTML file: the transcript, which plays the sound.")] = None,
    archive: Annotated[Path | None, typer.Option(help="File for the project with its sound (.dialogue).")] = None,
    acx: Annotated[
        bool, typer.Option("--acx", help="Tell whether it meets ACX's requirements for audiobooks.")
    ] = False,
    c2pa: C2paOption = None,
    voice: VoiceOption = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    quiet: QuietOption = False,
) -> None:
    """Write a project's dialogue with tags, chapters and a cover."""
    from dialogue_tts.audio.tagged import check_tagged_file
    from dialogue_tts.dialogue.archive import ENDING, save_archive
    from dialogue_tts.dialogue.arrangement import read_mix
    from dialogue_tts.dialogue.publication import Publication, acx_report, chapters_of, read_publication
    from dialogue_tts.dialogue.transcript import transcript
    from dialogue_tts.files import write_text
    from dialogue_tts.pipeline import DialogueTTS

    check_tagged_file(out)
    signer = signer_of(c2pa)
    if signer:
        signer.signs(out)
    check_texts([path for path in (page, archive) if path])
    if archive and archive.suffix != ENDING:
        raise AudioError(f"{archive}: a project with its sound ends with {ENDING}; name it so.")
    told = read_publication(about) if about else Publication()
    if chapters:
        draft = draft_of(read_file(str(chapters)), str(chapters), Directions.left_out)
        told = replace(told, chapters=chapters_of(draft))
    mixed, voices = read_mix(mix) if mix else None, given_voices(voice)
    with progress_bar("Loading", quiet, of="turns") as update:
        tts = DialogueTTS.from_pretrained(bundle, device=device)
        dialogue = tts.open(project, voices, functools.partial(update, "Speaking"))
    if mixed:
        dialogue = dialogue.arranged(*mixed)
    told.save(dialogue, out, signer)
    if page:
        write_text(page, transcript(dialogue, out.name, told.title, told.author, told.marks(dialogue)))
    for speaker in save_archive(dialogue, archive, told) if archive else ():
        if dialogue.voices[speaker].name not in tts.bundle.voices:
            typer.echo(f"{archive}: {speaker}'s voice is not in it: it has no record of consent", err=True)
    if acx:
        for measure in acx_report(dialogue, told):
            typer.echo(f"{'good' if measure.passed else 'NOT'}: {measure.says}")
    if not quiet:
        typer.echo(f"{out}: {dialogue.duration:.1f} s, {len(told.chapters)} chapters", err=True)
