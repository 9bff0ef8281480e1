"""What SoundStorm would make of the fine levels of recordings: what the codec's decoder is to make sound of in use.

A decoder that knows only true codes passes on every doubt of the network in front of it. So vocoders are trained to
the end on what the network before them makes of the recordings (Kong et al. 2020, arXiv 2010.05646, section 4.4).
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dialogue_tts.acoustic.generate import assemble
from dialogue_tts.acoustic.model import Frames, SoundStorm
from dialogue_tts.nn.precision import multiplies_bf16_fast
from dialogue_tts.training.corpus import Corpus, Utterance
from dialogue_tts.training.made import Origin, hash_of, is_made, new_array, record_of
from dialogue_tts.training.soundstorm import SoundStormTask, SoundStormTrainingConfig

TRUE_LEVELS = 1  # the first is drawn in many passes, and its draws are speech; what hangs on them is to be learnt
ROWS = SoundStormTrainingConfig(pack_same_speaker=1.0)
ROWS_AT_ONCE = 4


def predict_fine_codes(
    corpus: Corpus, network: SoundStorm, progress: Callable[[int, int], None], seed: int = 1
) -> None:
    """Write predicted.npy (frames, Q) int16, unless it is there, of this network: of the training split, levels as
    recorded up to `TRUE_LEVELS` and as predicted from there on; of other splits, as recorded.
    """
    tokens_of = [record_of(corpus, name) for name in ("semantic", "acoustic", "phones")]
    origin = Origin(hash_of(network, f"{TRUE_LEVELS} {ROWS} {seed}"), hash_of(json.dumps(tokens_of)))
    if is_made(corpus, "predicted", origin):
        return
    task = SoundStormTask(network, ROWS, [corpus])
    tokens, rng = task.train[0], np.random.default_rng(seed)
    rows = list(task.rows(tokens, rng))
    finished = 0
    device = network.prompt.device
    at_once = ROWS_AT_ONCE if device.type == "cpu" else 16 * ROWS_AT_ONCE
    with new_array(corpus, "predicted", tokens.codes.shape[1:], np.int16, origin) as (predicted, _):
        predicted[:] = tokens.codes
        for first in range(0, len(rows), at_once):
            batch = rows[first : first + at_once]
            passages = [task.passage(tokens, turns, task.prompt_frames(rng), rng) for turns in batch]
            frames, valid = assemble(passages, network.config)
            codes = _predict(network, frames.to(device), valid.to(device))
            for turns, row in zip(batch, codes, strict=True):
                _put(predicted, turns, row)
                finished += len(turns)
            progress(finished, len(tokens))


@torch.inference_mode()
def _predict(network: SoundStorm, frames: Frames, valid: Tensor) -> list[Tensor]:
    """Each of the fine levels in one pass, as in use -> for each row (T_row, Q)."""
    target = valid & ~frames.is_prompt
    hidden = target.unsqueeze(-1) & (torch.arange(frames.codes.shape[-1], device=valid.device) >= TRUE_LEVELS)
    codes = frames.codes.masked_fill(hidden, network.mask_id)
    bf16 = torch.autocast(codes.device.type, torch.bfloat16, enabled=multiplies_bf16_fast(codes.device))
    for level in range(TRUE_LEVELS, codes.shape[-1]):
        with bf16:
            found = network.level_logits(network(frames._replace(codes=codes), valid)[target], level)
        codes[..., level][target] = found.argmax(-1)
    return [row[kept].cpu() for row, kept in zip(codes, target, strict=True)]


def _put(predicted: np.ndarray, turns: list[Utterance], row: Tensor) -> None:
    """Where each turn of a row has its frames; of a single turn that is too long the row has the end."""
    end = row.shape[0]
    for turn in reversed(turns):
        count = min(turn.frames, end)
        stop = turn.start_frame + turn.frames
        predicted[stop - count : stop] = row[end - count : end].numpy()
        end -= count
