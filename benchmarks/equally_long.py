"""SoundStorm and an autoregressive generator of the same size, trained equally long on the same tokens, before the judges.

    python benchmarks/equally_long.py RUNS CORPUS_DIR DATA... --minutes 40 --judges DIR --out FOLDER

RUNS has the trained tokenizers, DATA are folders with tokens. Both generators begin with the embeddings that SoundStorm's
training begins with, learn at the same time with one thread each, and speak the same recordings of unseen voices from
their own semantic tokens. FOLDER keeps the weights: what was trained so long already is judged only.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import torch
from autoregressive import Autoregressive, AutoregressiveTask

from dialogue_tts import DialogueTTS
from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.evaluation.judges import load_judges
from dialogue_tts.evaluation.judging import evaluate_recordings
from dialogue_tts.evaluation.report import Report
from dialogue_tts.evaluation.sets import load_recordings
from dialogue_tts.evaluation.systems import from_true_semantic_tokens
from dialogue_tts.training.checkpoints import load_ema
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.loop import Run
from dialogue_tts.training.recipes import SoundStormRecipe, trained_semantic_tokenizer, untrained_soundstorm
from dialogue_tts.training.soundstorm import SoundStormTask, SoundStormTrainingConfig
from dialogue_tts.training.task import LoopConfig

NAMES = ("soundstorm", "autoregressive")
# Rows are short since attention over all levels of all frames is long.
TRAINING = SoundStormTrainingConfig(
    shortest_prompt=50,
    longest_prompt=75,
    longest_frames=200,
    pack_dialogue=0.0,
    text_dropout=0.0,
    token_noise=0.0,
    whole_from=1,
)
FRAMES_PER_BATCH = {"soundstorm": 2000, "autoregressive": 600}
TEMPERATURE = 0.7


def recipe_of(bundle: Bundle, minutes: float) -> SoundStormRecipe:
    """SoundStorm of the bundle's size, from scratch."""
    loop = LoopConfig(
        steps=10**9, minutes=minutes, optimizer="muon", warmup=100, ema=0.99, threads=1, validate_every=10**9
    )
    return SoundStormRecipe(loop, bundle.config.soundstorm, TRAINING)


def train(name: str, runs: Path, data: list[Path], minutes: float, out: Path) -> tuple[int, float]:
    """Train a generator in `out`/NAME, and go on where it was broken off -> steps, minutes they took."""
    torch.manual_seed(1)
    corpora = [Corpus.open(folder) for folder in data]
    recipe = recipe_of(Bundle.load(find_bundle(None)), minutes)
    network = untrained_soundstorm(recipe, runs)
    training = replace(TRAINING, frames_per_batch=FRAMES_PER_BATCH[name])
    if name == "soundstorm":
        task = SoundStormTask(network, training, corpora, trained_semantic_tokenizer(runs).quantizer)
    else:
        task = AutoregressiveTask(network, training, corpora)
    run = Run(task, recipe.loop, out / name)
    left = minutes - run.trained_s / 60
    if left > 0.02 * minutes:
        run.config = replace(recipe.loop, minutes=left)
        run.train()
    return run.step, run.trained_s / 60


def judge(corpus: Path, judges: Path, out: Path, recordings: int) -> Report:
    """Both over the same recordings."""
    bundle = Bundle.load(find_bundle(None))
    plain = replace(bundle.config.acoustic_decoding, guidance=0.0)  # which the rival has not either
    bundle = replace(bundle, config=replace(bundle.config, acoustic_decoding=plain))
    bundle.soundstorm.load_state_dict(load_ema(out / "soundstorm", "soundstorm"))
    rival = Autoregressive(bundle.soundstorm).eval()
    rival.load_state_dict(load_ema(out / "autoregressive", "autoregressive"))
    tts = DialogueTTS(bundle)
    systems = {
        "SoundStorm": from_true_semantic_tokens(tts),
        "autoregressive": from_true_semantic_tokens(
            tts, fill=lambda frames, valid: rival.generate(frames, 0, TEMPERATURE)
        ),
    }
    return evaluate_recordings(systems, load_recordings(corpus, "test_speaker", recordings), load_judges(judges))


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("runs", type=Path)
    arguments.add_argument("corpus", type=Path)
    arguments.add_argument("data", type=Path, nargs="+")
    arguments.add_argument("--minutes", type=float, default=40.0)
    arguments.add_argument("--judges", type=Path, required=True)
    arguments.add_argument("--recordings", type=int, default=40)
    arguments.add_argument("--out", type=Path, required=True)
    given = arguments.parse_args()
    with ProcessPoolExecutor(len(NAMES), multiprocessing.get_context("spawn")) as pool:
        same = (repeat(part) for part in (given.runs, given.data, given.minutes, given.out))
        trained = dict(zip(NAMES, pool.map(train, NAMES, *same), strict=True))
    report = judge(given.corpus, given.judges, given.out, given.recordings)
    for name, (steps, minutes) in trained.items():
        sys.stdout.write(f"{name}: {steps} steps in {minutes:.1f} minutes\n")
    sys.stdout.write(report.markdown())
    (given.out / "report.json").write_text(json.dumps(report.to_dict(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
