"""`synthesize`: a script, or a project file's dialogue again, into a sound file; on from where it stopped."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from dialogue_tts.cli.app import (
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
    SeedOption,
    SetOption,
    SpeedOption,
    VoiceOption,
    draft_of,
    given_voices,
    project_in,
    read_file,
    settings_of,
    signer_of,
    tell_left_out,
    turn_range,
)
from dialogue_tts.cli.outputs import Outputs
from dialogue_tts.cli.progress import Shown, progress_bar
from dialogue_tts.errors import ScriptError, SettingsError, WorkFolderError

if TYPE_CHECKING:
    from dialogue_tts.dialogue.arrangement import MixConfig, Sound
    from dialogue_tts.dialogue.project import Project
    from dialogue_tts.dialogue.result import Dialogue
    from dialogue_tts.dialogue.work_folder import WorkFolder
    from dialogue_tts.pipeline import DialogueTTS
    from dialogue_tts.script.scenes import Scene
    from dialogue_tts.script.turns import Script
    from dialogue_tts.settings import SynthesisConfig
    from dialogue_tts.synthesis.request import DialogueRequest


@dataclass(frozen=True)
class _Asked:
    """What is to be spoken: a script, or a project.

    Attributes:
        seed: None where it is not given.
        turns: first and last turn to speak, from 0; None for all.
        mix: how the whole is mixed, with its sounds; None for as the project says, or for speech alone.
    """

    script: Script
    project: Project | None
    voices: dict[str, str]
    seed: int | None
    config: SynthesisConfig
    turns: tuple[int, int] | None
    mix: tuple[MixConfig, dict[str, Sound]] | None = None

    def mixed(self, dialogue: Dialogue) -> Dialogue:
        """What was made in its mix; a part of a script, whose effects may lie elsewhere, is speech alone."""
        if len(dialogue.turn_takes) < len(self.script.turns):
            return dialogue
        if self.mix:
            return dialogue.arranged(*self.mix)
        return self.project.arrange(dialogue) if self.project else dialogue

    def request(self, tts: DialogueTTS, work: WorkFolder) -> DialogueRequest:
        """Everything checked that can be wrong; the seed, where none is given, is that of the unfinished work, or a new one."""
        if self.project:
            request = tts.plan.project(self.project, self.voices)
        else:
            seed = self.seed
            if seed is None:
                seed = work.manifest.seed if work.manifest else secrets.randbelow(1 << 31)
            request = tts.plan.script(self.script, self.voices, seed, self.config)
        return request.part(*self.turns) if self.turns else request


@dataclass(frozen=True)
class _Made:
    """What there is to write.

    Attributes:
        turns: how many the whole has, of which these are the first.
        before: how many of them were made before.
    """

    request: DialogueRequest
    dialogue: Dialogue
    turns: int
    before: int
    work_s: float


@app.command(rich_help_panel=SPEAKING)
@reports_errors
def synthesize(
    script: Annotated[str, typer.Argument(help="Script or project file, or - for standard input.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Sound file: .wav, .flac, .mp3, .ogg or .opus.")],
    voice: VoiceOption = None,
    cast: CastOption = None,
    seed: SeedOption = None,
    gap: GapOption = None,
    speed: SpeedOption = None,
    loudness: LoudnessOption = None,
    pronunciations: PronunciationsOption = None,
    others: SetOption = None,
    directions: DirectionsOption = Directions.left_out,
    turns: Annotated[str | None, typer.Option(help="Speak these turns alone, as in 10-40, counted from 1.")] = None,
    stereo: Annotated[bool, typer.Option("--stereo", help="Speakers from left to right.")] = False,
    timestamps: Annotated[Path | None, typer.Option(help="JSON file for the times of turns and words.")] = None,
    srt: Annotated[Path | None, typer.Option(help="SubRip file for subtitles.")] = None,
    vtt: Annotated[Path | None, typer.Option(help="WebVTT file for subtitles.")] = None,
    labels: Annotated[Path | None, typer.Option(help="File for an Audacity label track.")] = None,
    tracks: Annotated[Path | None, typer.Option(help="Folder for a sound file of each speaker.")] = None,
    scenes: Annotated[Path | None, typer.Option(help="Folder for a sound file of each scene.")] = None,
    project: Annotated[Path | None, typer.Option(help="JSON file that makes the same dialogue again.")] = None,
    mix: Annotated[Path | None, typer.Option(help="JSON file with levels, music, effects, loudness.")] = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Make nothing: write the turns that an interrupted run has made.")
    ] = False,
    c2pa: C2paOption = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Speak a script, or a project file's dialogue again, into a sound file.

    Turns are kept in the folder OUT.work as they are made: after an interruption the same command goes on where it stopped.
    """
    outputs = Outputs(out, stereo, timestamps, srt, vtt, labels, project, tracks, scenes, signer_of(c2pa))
    with progress_bar("Loading", quiet, of="turns") as update, terminable():
        voices, some = given_voices(voice, cast), turn_range(turns)
        data = read_file(script)
        own = (seed, gap, speed, loudness, pronunciations, others)
        saved = project_in(data, script, any(option is not None for option in own))
        config = settings_of(gap, speed, loudness, pronunciations, others)
        written = saved.script if saved else draft_of(data, script, directions).script()
        # The script's mistakes are told by now: PyTorch, which the rest needs, takes seconds to load.
        mixed = _mix(mix, written, bool(some or partial))
        sounds = [mix.parent / name for name in mixed[1]] if mix and mixed else []
        read: list[str | Path] = [path for path in (None if saved else script, cast, pronunciations, mix) if path]
        outputs.check([*read, *voices.values(), *sounds], saved=script if saved else None)
        parts = _scenes(written, script, some) if scenes else ()
        asked = _Asked(written, saved, voices, seed, config, some, mixed)
        with _work_on(out, partial) as work:
            from dialogue_tts.pipeline import DialogueTTS

            tts = DialogueTTS.from_pretrained(bundle, device=device)
            update.begin("Reading")
            request = asked.request(tts, work)
            made = _looked_up(request, work, out) if partial else _spoken(tts, request, work, outputs, update)
            made = replace(made, dialogue=asked.mixed(made.dialogue))
            files = outputs.write(made.dialogue, list(_in_scenes(made, parts)))
            if not partial:
                work.remove()
    if saved and not (some or partial or mix) and saved.sha256 != made.dialogue.sha256:
        told = "differs in its last bits: it was made on another machine, or with other threads or packages"
        typer.echo(f"dialogue-tts: {script}: the sound {told}.", err=True)
    if as_json:
        facts = made.dialogue.facts() | {"work_s": round(made.work_s, 3), "files": [str(path) for path in files]}
        print_json(facts | {"turns_in_all": made.turns, "made_before": made.before})
    elif not quiet:
        tell_left_out(script, written)
        _tell(out, made, some[0] if some else 0, partial)


def _mix(path: Path | None, script: Script, in_part: bool) -> tuple[MixConfig, dict[str, Sound]] | None:
    """Raises SettingsError, ConfigError or AudioError for one that does not fit."""
    if path is None:
        return None
    from dialogue_tts.dialogue.arrangement import read_mix

    if in_part:
        raise SettingsError("--mix is for a whole dialogue; leave out --turns and --partial.")
    config, sounds = read_mix(path)
    config.check(len(script.turns), sounds)
    return config, sounds


def _scenes(script: Script, source: str, some: tuple[int, int] | None) -> tuple[Scene, ...]:
    """Raises SettingsError or ScriptError where there are none to be had."""
    from dialogue_tts.script.scenes import scenes_of

    if some:
        raise SettingsError("--scenes and --turns do not go together; leave out one of them.")
    if not script.headings:
        raise ScriptError(f'{source}: no scene begins there; write headings such as "Scene 2", or leave out --scenes.')
    return tuple(scenes_of(script))


@contextmanager
def _work_on(out: Path, partial: bool) -> Iterator[WorkFolder]:
    from dialogue_tts.dialogue.work_folder import looked_at, opened

    if partial:
        yield looked_at(out)
    elif out.exists() and not out.is_file():  # a pipe: nobody can go on with it
        with TemporaryDirectory(prefix="dialogue-tts-") as folder, opened(Path(folder) / out.name) as work:
            yield work
    else:
        with opened(out) as work:
            yield work


def _spoken(tts: DialogueTTS, request: DialogueRequest, work: WorkFolder, outputs: Outputs, update: Shown) -> _Made:
    """Make what is not made yet; an interruption is told with what stays."""
    from dialogue_tts.synthesis.unfinished import begun, kept_result, made_parts

    total = len(request.turns)
    rest = begun(request, work)
    outputs.check_room(request.expected_s, len(request.voices), rest.unmade_s)
    before = done = len(made_parts(rest))

    def told(number: int, of: int, sound_s: float) -> None:
        nonlocal done
        if number > before:  # the others come at once, and would spoil the pace
            done = number
            update("Speaking", number, of, sound_s)

    began = time.perf_counter()
    try:
        update("Speaking", before, total)
        dialogue = kept_result(tts.scheduler.submit(rest, patient=True), work, told)
    except KeyboardInterrupt as interrupt:
        kept = f"after {done} of {total} turns; the same command goes on, and with --partial it writes what there is"
        typer.echo(f"{outputs.out}: interrupted {kept if done else 'before the first turn'}", err=True)
        raise typer.Exit(exit_code_of(interrupt)) from None
    return _Made(request, dialogue, total, before, time.perf_counter() - began)


def _looked_up(request: DialogueRequest, work: WorkFolder, out: Path) -> _Made:
    """What was made of it before. Raises WorkFolderError if that is another dialogue, or nothing."""
    from dialogue_tts.synthesis.unfinished import made_parts, manifest_of

    work.check(manifest_of(request))
    parts = made_parts(request.with_found(work.find))
    if not parts:
        raise WorkFolderError(f"{out}: no turn of it is made yet; wait for the first, or leave out --partial.")
    return _Made(request, request.dialogue(parts), len(request.turns), len(parts), 0.0)


def _in_scenes(made: _Made, scenes: tuple[Scene, ...]) -> Iterator[tuple[Scene, Dialogue]]:
    """Each scene by itself, as far as it is made."""
    for scene in scenes:
        parts = made.dialogue.turn_takes[scene.first : scene.last + 1]
        if parts:
            yield scene, made.request.dialogue(parts)


def _tell(out: Path, made: _Made, first: int, partial: bool) -> None:
    """The closing lines; turns are counted as in the script, of which the first that was spoken is `first`, from 0."""
    dialogue = made.dialogue
    if dialogue.doubtful:
        doubts = {index: dialogue.turn_takes[index].take.doubts(dialogue.config) for index in dialogue.doubtful}
        told = ", ".join(f"{first + index + 1} ({', '.join(names)})" for index, names in doubts.items())
        typer.echo(f"{out}: listen to turns {told}: the self-check doubts them", err=True)
    if dialogue.late:
        told = ", ".join(str(first + index + 1) for index in dialogue.late)
        typer.echo(f"{out}: turns {told} start later than they are to: what is in front takes too long", err=True)
    speech = f"{dialogue.duration:.1f} s of speech"
    if partial:
        told = f"the first {made.before} of {made.turns} turns, {speech}; without --partial the rest is made"
    else:
        before = f", {made.before} of {made.turns} turns made before" if made.before else ""
        told = f"{speech} in {made.work_s:.1f} s{before}"
    typer.echo(f"{out}: {told}, seed {dialogue.seed}", err=True)
