"""`evaluate`: judge a bundle."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console

from dialogue_tts.cli.app import (
    TRAINING,
    BundleOption,
    DeviceOption,
    JsonOption,
    QuietOption,
    app,
    print_json,
    reports_errors,
)
from dialogue_tts.cli.inputs import check_texts
from dialogue_tts.cli.progress import progress_bar

TRUE_LEVELS = (1, 2, 4)


@app.command(rich_help_panel=TRAINING)
@reports_errors
def evaluate(
    eval_dir: Annotated[
        Path,
        typer.Argument(help="Folder with scripts.jsonl and prompts/; ZipVoice-Dialog's test.tsv; TTSD-eval's .jsonl."),
    ],
    judges: Annotated[Path, typer.Option(help="Folder that holds whisper-base/.")],
    corpus: Annotated[
        Path | None, typer.Option(help="Manifest of recordings, or its folder, for the intermediate steps.")
    ] = None,
    split: Annotated[str, typer.Option(help="Split of the corpus.")] = "test_speaker",
    recordings: Annotated[int, typer.Option(help="How many recordings of it.")] = 60,
    breakdown: Annotated[
        bool,
        typer.Option(
            help="Also: true first levels, recordings as long as the turns, voices that are alike, prompts from a telephone."
        ),
    ] = False,
    dialogues: Annotated[int | None, typer.Option(help="How many dialogues. Default: all.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the synthesis.")] = 0,
    utmos: Annotated[Path | None, typer.Option(help="Weights of UTMOS22 strong, to judge by it too.")] = None,
    wavlm: Annotated[Path | None, typer.Option(help="Weights of SIM-o: wavlm_large_finetune.pth.")] = None,
    wespeaker: Annotated[Path | None, typer.Option(help="A WeSpeaker network as ONNX.")] = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="JSON file for the report.")] = None,
    bundle: BundleOption = None,
    device: DeviceOption = "cpu",
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Judge the bundle: word errors, voices, quality, speed, of the full path and of the steps on the way.

    --breakdown tells where likeness and words are lost: with the first 1, 2 and 4 levels of codes as recorded, with two
    voices in each dialogue that the judge finds alike, and with prompts that went through a telephone. It also judges other
    recordings of the voices, cut as long as the turns that were made: what one could hope for, since short sounds are judged
    less alike and less natural, whoever speaks.
    """
    from dialogue_tts.evaluation import systems
    from dialogue_tts.evaluation.field import with_field_judges
    from dialogue_tts.evaluation.judges import load_judges
    from dialogue_tts.evaluation.judging import evaluate_recordings, evaluate_systems, play
    from dialogue_tts.evaluation.layouts import load_set
    from dialogue_tts.evaluation.report import Report
    from dialogue_tts.evaluation.sets import by_telephone, like_voices, load_recordings, recordings_as_long
    from dialogue_tts.pipeline import DialogueTTS

    check_texts([out] if out else [])
    scripts = load_set(eval_dir)[:dialogues]
    spoken = load_recordings(corpus, split, recordings) if corpus else []
    heard = with_field_judges(load_judges(judges), utmos, wavlm, wespeaker)
    tts = DialogueTTS.from_pretrained(bundle, device=device)
    report = Report(())
    with progress_bar("Judging", quiet) as update:
        if spoken:
            steps = {"recordings": play, "codec resynthesis": systems.codec_resynthesis(tts)}
            for levels in TRUE_LEVELS if breakdown else ():
                given = systems.from_true_semantic_tokens(tts, seed, true_levels=levels)
                steps[f"SoundStorm, first {levels} of {tts.bundle.soundstorm.config.levels} levels true"] = given
            steps["SoundStorm from true tokens and text"] = systems.from_true_semantic_tokens(tts, seed)
            report += evaluate_recordings(steps, spoken, heard, update)
        full = systems.full_path(tts, seed)
        spoken_turns = evaluate_systems({"full path": full}, scripts, heard, update)
        report += spoken_turns
        if breakdown:
            lengths_s = [turn.seconds for turn in spoken_turns.systems[0].turns]
            with TemporaryDirectory() as folder:
                as_long = recordings_as_long(scripts, lengths_s, Path(folder))
                real = {"recordings, as long": play, "codec resynthesis of them": systems.codec_resynthesis(tts)}
                report += evaluate_recordings(real if as_long else {}, as_long, heard, update)
            alike = like_voices(scripts, heard.voices)
            report += evaluate_systems({"full path, voices alike": full}, alike, heard, update)
            with TemporaryDirectory() as folder:
                heard_dimly = by_telephone(scripts, Path(folder))
                report += evaluate_systems({"full path, telephone prompts": full}, heard_dimly, heard, update)
    if out:
        report.save(out)
    if as_json:
        print_json(report.to_dict())
    elif not quiet:
        Console(width=150).print(report.table())
