"""What a stage needs beside recordings before it can start: tokens of earlier stages, and what SoundStorm would guess."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from dialogue_tts.errors import ConfigError
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.predicted import predict_fine_codes
from dialogue_tts.training.pretrained import CodecPretrainedRecipe
from dialogue_tts.training.recipes import (
    CodecDecoderRecipe,
    Recipe,
    SoundStormRecipe,
    tokenizers_of,
    trained_codec,
    trained_semantic_tokenizer,
    trained_soundstorm,
)
from dialogue_tts.training.splits import check_enough, validated_on
from dialogue_tts.training.task import Task
from dialogue_tts.training.tokens import Tokenizers, tokenize

Progress = Callable[[str, int, int], None]  # what is made, recordings done, recordings in all

NEED_CODES = ("codec-decoder", "soundstorm", "speaker-embedding")
NEED_SEMANTIC = ("soundstorm", "text-to-semantic")


def check_data(stage: str, data: Sequence[Path]) -> None:
    """What can be told before tokens are made, which may take hours.

    Raises:
        DataError: a folder is none, or there is nothing in them to learn from or to validate on.
    """
    splits = {turn.split for folder in data for turn in Corpus.open(folder).utterances}
    check_enough(stage, data[0], "train" in splits, validated_on(stage) in splits)


def left_out(task: Task, data: Sequence[Path]) -> int:
    """How many recordings to learn from a task does not learn from, since they are too short or too long for it, or have no
    text that fits."""
    learnt = getattr(task, "turns", None)  # SoundStorm takes all
    there = sum(len(Corpus.open(folder).split("train")) for folder in data)
    return 0 if learnt is None else there - len(learnt)


def make_what_is_needed(
    recipe: Recipe | CodecPretrainedRecipe, data: Sequence[Path], runs: Path, progress: Progress
) -> dict[Path, int]:
    """Make what the stage of `recipe` needs of earlier stages in `runs` in each data folder, unless it is there.

    Returns:
        of the folders, how many turns could not be aligned with their text; only folders with such turns.

    Raises:
        ConfigError: an earlier stage was not trained; DataError: a folder is none.
    """
    if isinstance(recipe, CodecPretrainedRecipe):
        return {}
    device, stage = recipe.loop.device, recipe.stage
    if stage not in (*NEED_CODES, *NEED_SEMANTIC):
        return {}
    predicted = isinstance(recipe, CodecDecoderRecipe) and recipe.training.predicted > 0
    semantic = stage in NEED_SEMANTIC or predicted  # which SoundStorm predicts from
    by = Tokenizers(
        trained_semantic_tokenizer(runs).to(device) if semantic else None,
        trained_codec(runs).to(device) if stage in NEED_CODES else None,
        aligned=semantic,
        degraded=isinstance(recipe, SoundStormRecipe) and recipe.training.degraded_prompts > 0,
    )
    lost = {f: tokenize(Corpus.open(f), by, lambda done, total: progress("Tokens", done, total)) for f in data}
    if predicted:
        soundstorm = trained_soundstorm(runs).to(device)
        for folder in data:
            predict_fine_codes(Corpus.open(folder), soundstorm, lambda done, total: progress("Fine codes", done, total))
    return {folder: count for folder, count in lost.items() if count}


def tokenize_folder(folder: Path, runs: Path) -> tuple[Path, int]:
    """All tokens of a data folder by the tokenizers of `runs`; returns the folder and how many turns could not be aligned.

    Raises:
        ConfigError: there are no tokenizers; DataError: the folder is none.
    """
    by = tokenizers_of(runs)
    if by is None:
        raise ConfigError(f"{runs}: no semantic tokenizer and codec are there yet; train them first.")
    return folder, tokenize(Corpus.open(folder), by, lambda done, total: None)
