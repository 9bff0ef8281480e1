"""`evaluate`: judge a bundle."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dialogue_tts.cli.app import (
    TRAINING,
    BundleOption,
    JsonOption,
    QuietOption,
    app,
    print_json,
    progress_bar,
    reports_errors,
)
from dialogue_tts.cli.inputs import check_texts


@app.command(rich_help_panel=TRAINING)
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
    as_json: JsonOption = False,
    quiet: QuietOption = False,
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

    check_texts([out] if out else [])
    scripts = load_dialogues(eval_dir)[:dialogues]
    spoken = load_recordings(corpus, split, recordings) if corpus else []
    heard = load_judges(judges)
    tts = DialogueTTS.from_pretrained(bundle)
    report = Report(())
    with progress_bar("Judging", quiet) as update:
        if spoken:
            steps = {
                "recordings": play,
                "codec resynthesis": systems.codec_resynthesis(tts),
                "SoundStorm from true tokens and text": systems.from_true_semantic_tokens(tts, seed),
            }
            report += evaluate_recordings(steps, spoken, heard, update)
        report += evaluate_systems({"full path": systems.full_path(tts, seed)}, scripts, heard, update)
    if out:
        report.save(out)
    if as_json:
        print_json(report.to_dict())
    elif not quiet:
        Console(width=150).print(report.table())
