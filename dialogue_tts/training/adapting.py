"""A bundle's SoundStorm learns on with the recordings of a speaker or a domain.

All its weights do: it is small enough that low-rank adapters would save neither time nor room on a processor, and what is
exported stays a bundle like any other. Tokens keep their meaning, so that voices and all other networks stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from dialogue_tts.acoustic.generate import assemble, generate_codes, target_codes
from dialogue_tts.bundle import Bundle
from dialogue_tts.errors import ConfigError, DataError
from dialogue_tts.files import remove_drafts, whole_file
from dialogue_tts.semantic.fsq import FiniteScalarQuantizer
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.loop import Run
from dialogue_tts.training.soundstorm import SoundStormTask, SoundStormTrainingConfig
from dialogue_tts.training.task import LoopConfig
from dialogue_tts.training.tokens import Tokenizers, tokenize

RUN = "adapting"  # folder of the run in that of the bundle
RECORD = "begun_with.json"  # in it: of what bundle and recordings it is, there before anything else
HELD_OUT = 10  # one recording of so many is compared with, where a folder holds none out
MOST_COMPARED = 8
LEARNING_RATE = 2e-4  # a fifth of what it was trained with: it is to learn a voice and forget none


class Adapted(NamedTuple):
    """How alike held-out recordings and what is made of their semantic tokens are: mean cosine of speaker embeddings."""

    before: float
    after: float
    steps: int


def adapt(
    bundle: Bundle, data: list[Path], out: Path, minutes: float, progress: Callable[[str, int, int], None]
) -> Adapted:
    """Train for so many minutes in all, and write the bundle into `out`. What was interrupted goes on there.

    progress: called with (what is done, how much of it, of how much): tokens of recordings, seconds of training.

    Raises:
        ConfigError: `out` holds something else, or was begun with another bundle or other recordings; DataError: too few
            recordings.
    """
    run_folder = out / RUN
    corpora = [_held_out(Corpus.open(folder)) for folder in data]
    begun_with: dict[str, object] = {
        "bundle": bundle.sha256,
        "data": [corpus.sha256(with_text=True) for corpus in corpora],
    }
    _check_begun(out, begun_with)
    by = Tokenizers(bundle.semantic_tokenizer, bundle.codec, aligned=True)
    for corpus in corpora:
        tokenize(corpus, by, partial(progress, "Tokens"))
    grid = bundle.semantic_tokenizer.quantizer
    network = bundle.soundstorm.requires_grad_(True)
    training = SoundStormTrainingConfig(pack_same_speaker=0.5, validation_turns=2 * MOST_COMPARED)
    task = SoundStormTask(network, training, corpora, grid if isinstance(grid, FiniteScalarQuantizer) else None)
    if not task.plan(np.random.default_rng(0)):
        raise DataError(f"{data[0]}: too few recordings to learn from.")
    before = likeness(bundle, task)
    loop = LoopConfig(
        steps=10**9,
        minutes=minutes,
        learning_rate=LEARNING_RATE,
        warmup=20,
        decay=0.5,
        ema=0.99,
        optimizer="muon",
        threads=torch.get_num_threads(),
        validate_every=10**9,
    )
    run_folder.mkdir(parents=True, exist_ok=True)
    with whole_file(run_folder / RECORD) as draft:
        draft.write_text(json.dumps(begun_with) + "\n", encoding="utf-8")
    run = Run(task, loop, run_folder)
    seconds = round(60 * minutes)
    run.stepped = lambda: progress("Training, seconds", min(round(60 * run.minutes), seconds), seconds)
    run.train(counted=run.minutes)
    network.load_state_dict(run.emas["soundstorm"].weights)
    network.eval().requires_grad_(False)
    after = likeness(bundle, task)
    replace(bundle, config=replace(bundle.config, name=out.resolve().name)).save(out)
    return Adapted(before, after, run.step)


def _check_begun(out: Path, begun_with: dict[str, object]) -> None:
    """Raises ConfigError unless `out` is empty, or was begun with the same."""
    record = out / RUN / RECORD
    remove_drafts(record)
    if not record.is_file():
        if out.is_file() or any(not path.is_dir() for path in out.rglob("*")):
            raise ConfigError(f"{out}: something else is there; give a new folder.")
        return
    found = json.loads(record.read_text(encoding="utf-8"))
    for what, name in (("bundle", "another bundle"), ("data", "other recordings")):
        if found[what] != begun_with[what]:
            raise ConfigError(f"{out}: this was begun with {name}; give the same as then, or a new folder.")


def _held_out(corpus: Corpus) -> Corpus:
    """A corpus of which some recordings are not learnt from."""
    if corpus.split("test_speaker"):
        return corpus
    turns = corpus.split("train")
    if len(turns) < 2:
        raise DataError(f"{corpus.folder}: there are {len(turns)} recordings; give several of the speaker.")
    count = -(-len(turns) // HELD_OUT)
    kept = {turn.id for turn in turns[-count:]}
    changed = tuple(replace(u, split="test_speaker") if u.id in kept else u for u in corpus.utterances)
    return replace(corpus, utterances=changed)


@torch.inference_mode()
def likeness(bundle: Bundle, task: SoundStormTask) -> float:
    """Mean cosine of speaker embeddings of held-out recordings, and of what SoundStorm makes of their semantic tokens behind
    another recording of the speaker."""
    network = bundle.soundstorm.eval()
    rng = np.random.default_rng(0)
    cosines = []
    for tokens, turn in task.held_out[:MOST_COMPARED]:
        passage = task.passage(tokens, [turn], task.config.longest_prompt, rng)
        frames, valid = assemble([passage], network.config)
        made = generate_codes(network, frames, valid, bundle.config.acoustic_decoding, [0])
        rate = network.config.rate
        pair = [target_codes(codes, frames, valid, rate)[0] for codes in (made, frames.codes)]
        made, heard = (bundle.speaker_embedding(bundle.codec.latent(codes[None]))[0] for codes in pair)
        cosines.append(float(F.cosine_similarity(made, heard, dim=0)))
    return float(np.mean(cosines))
