"""`voices`: built-in voices and those that people keep."""

from __future__ import annotations

from dataclasses import asdict, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dialogue_tts.cli.app import (
    SPEAKING,
    BundleOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    app,
    print_json,
    reports_errors,
)
from dialogue_tts.cli.inputs import SeedOption
from dialogue_tts.cli.progress import progress_bar
from dialogue_tts.cli.stream import binary_output, listener_may_leave
from dialogue_tts.errors import VoiceError

if TYPE_CHECKING:
    from dialogue_tts.bundle import BuiltInVoice
    from dialogue_tts.voices.voice import Consent, Voice

SAMPLE = "Good evening! This is how I sound when I read something to you."

voices_app = typer.Typer(help="Built-in voices, and those that you keep.", invoke_without_command=True)
app.add_typer(voices_app, name="voices", rich_help_panel=SPEAKING)

NameArgument = Annotated[str, typer.Argument(help="The voice's name.")]


class ConsentKind(str, Enum):
    """Whose voice it is."""

    own = "own"
    licensed = "licensed"
    synthetic = "synthetic"


@voices_app.callback()
@reports_errors
def voices(context: typer.Context, bundle: BundleOption = None, as_json: JsonOption = False) -> None:
    """Built-in voices, and those that you keep. Without a command, a list of them."""
    if context.invoked_subcommand is None:
        _list(bundle, as_json)


@voices_app.command("list")
@reports_errors
def list_(bundle: BundleOption = None, as_json: JsonOption = False) -> None:
    """List all voices."""
    _list(bundle, as_json)


@voices_app.command()
@reports_errors
def add(
    name: NameArgument,
    recording: Annotated[Path, typer.Argument(help="Sound file of 2 to 30 s of speech, or a saved voice.")],
    consent: Annotated[
        ConsentKind | None,
        typer.Option(help="own: it is yours; licensed: the speaker allowed it; synthetic: nobody's."),
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who agreed; for a synthetic voice, what made it.")] = None,
    when: Annotated[str | None, typer.Option(help="Date of the agreement, as 2026-01-31.")] = None,
    what: Annotated[str, typer.Option(help="What was agreed to.")] = "",
    accent: Annotated[
        str | None,
        typer.Option(help="In which the voice is read: en-US or en-GB. Default: en-US, or a saved voice's own."),
    ] = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Keep a voice under a name, with the record of who agreed, when and to what; a saved voice brings its own."""
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.text.accents import AMERICAN
    from dialogue_tts.voices.library import VoiceLibrary, check_name
    from dialogue_tts.voices.recording import inspect_recording
    from dialogue_tts.voices.voice import Voice, check_accent, is_saved_voice

    check_name(name)
    if accent:
        check_accent(accent)
    warnings: tuple[str, ...] = ()
    saved = Voice.load(recording) if is_saved_voice(recording) else None
    if saved and (consent or who or when or what):
        raise VoiceError(f"{recording}: a saved voice has a consent record already; leave out yours.")
    record = None if saved else _consent(consent, who, when, what)
    with progress_bar("Listening", quiet):
        library = VoiceLibrary()
        tts = DialogueTTS.from_pretrained(bundle, library=library, device=device)
        if saved:
            voice = replace(saved, name=name, accent=accent or saved.accent)
        else:
            assert record is not None
            voice = tts.new_voice(name, recording, record, accent=accent or AMERICAN)
        tts.keep_voice(voice)
        if not saved:
            warnings = inspect_recording(recording, tts.bundle.semantic_tokenizer).warnings
    if as_json:
        print_json(_kept(voice) | {"warnings": warnings})
    elif not quiet:
        for warning in warnings:
            typer.echo(f"{recording}: {warning}", err=True)
        typer.echo(f"{name}: kept in {library.folder}", err=True)


@voices_app.command()
@reports_errors
def show(name: NameArgument, bundle: BundleOption = None, as_json: JsonOption = False) -> None:
    """Tell what is known of a voice."""
    from dialogue_tts.bundle import Bundle, find_bundle
    from dialogue_tts.voices.library import VoiceLibrary
    from dialogue_tts.voices.voice import encoder_id

    loaded = Bundle.load(find_bundle(bundle))
    if name in loaded.voices:
        known = _built_in(loaded.voices[name])
    else:
        voice = VoiceLibrary().get(name)
        fits = voice.encoder == encoder_id(loaded.semantic_tokenizer, loaded.codec)
        known = _kept(voice) | {"fits_bundle": fits}
    if as_json:
        print_json(known)
        return
    for key, value in known.items():
        if value == "":
            continue
        typer.echo(f"{key}: {', '.join(value.values()) if isinstance(value, dict) else value}")


@voices_app.command()
@reports_errors
def inspect(
    recording: Annotated[Path, typer.Argument(help="Sound file of 2 to 30 s of speech.")],
    bundle: BundleOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a recording is like, and what that will do to its voice: length, level, noise, room, band, clipping."""
    from dialogue_tts.bundle import Bundle, find_bundle
    from dialogue_tts.voices.recording import inspect_recording

    try:
        found = inspect_recording(recording, Bundle.load(find_bundle(bundle)).semantic_tokenizer)
    except VoiceError as error:
        raise VoiceError(f"{recording}: {error}") from None
    if as_json:
        print_json({measure.name: measure._asdict() for measure in found.measures})
        return
    for measure in found.measures:
        typer.echo(f"{'good' if measure.good else 'NOT'}\t{measure.name}\t{measure.says}")


@voices_app.command()
@reports_errors
def play(
    name: NameArgument,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="Sound file. Default: WAV on standard output, for a player.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What to say. Default: the voice's sample.")] = None,
    seed: SeedOption = 0,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    quiet: QuietOption = False,
) -> None:
    """Let a voice say a sentence."""
    from dialogue_tts.audio.io import check_sound_file, pcm16, wav_header
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.script.turns import Script, Turn

    if out:
        check_sound_file(out)
    else:
        binary_output()
    with progress_bar("Speaking", quiet):
        tts = DialogueTTS.from_pretrained(bundle, device=device)
        built_in = tts.bundle.voices.get(name)
        said = text or (built_in and built_in.sample) or SAMPLE
        dialogue = tts.synthesize(Script((Turn("Sample", said),)), {"Sample": name}, seed or 0)
    if out:
        dialogue.save(out)
    else:
        with listener_may_leave():
            pipe = binary_output()
            pipe.write(wav_header(tts.sample_rate) + pcm16(dialogue.waveform))
            pipe.flush()


@voices_app.command()
@reports_errors
def remove(name: NameArgument, quiet: QuietOption = False) -> None:
    """Delete a voice that you keep, and its consent record with it."""
    from dialogue_tts.voices.library import VoiceLibrary

    VoiceLibrary().remove(name)
    if not quiet:
        typer.echo(f"{name}: removed", err=True)


def _consent(kind: ConsentKind | None, who: str | None, when: str | None, what: str) -> Consent:
    from dialogue_tts.voices.voice import Consent

    if not (kind and who and when):
        raise VoiceError("a voice is kept with its consent record; give --consent, --who and --when.")
    return Consent(kind.value, who, when, what)


def _list(bundle: str | None, as_json: bool) -> None:
    from dialogue_tts.bundle import Bundle, find_bundle
    from dialogue_tts.voices.library import VoiceLibrary

    library = VoiceLibrary()
    known = [_built_in(voice) for voice in Bundle.load(find_bundle(bundle)).voices.values()]
    known += [_kept(library.get(name)) for name in library.names()]
    if as_json:
        print_json(known)
        return
    for voice in known:
        told = voice.get("description") or "kept: {kind}, {who}, {when}".format(**voice["consent"])
        typer.echo(f"{voice['name']}\t{told}" + (f"\t{voice['accent']}" if voice["accent"] else ""))


def _built_in(voice: BuiltInVoice) -> dict[str, Any]:
    told = ("description", "sex", "age", "accent", "origin", "licence", "sample")
    return {"name": voice.name, "kind": "built-in"} | {key: getattr(voice, key) for key in told}


def _kept(voice: Voice) -> dict[str, Any]:
    from dialogue_tts.config import frames_to_seconds

    seconds = round(frames_to_seconds(voice.semantic.shape[0]), 2)
    consent = asdict(voice.consent) if voice.consent else None
    told = {"accent": voice.accent, "prompt_s": seconds, "sha256": voice.sha256}
    return {"name": voice.name, "kind": "kept", "consent": consent} | told
