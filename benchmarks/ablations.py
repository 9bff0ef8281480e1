"""What SoundStorm is worth without a part of it, by the judges: its prompt, its semantic tokens, its text, its order of levels.

    python benchmarks/ablations.py CORPUS_DIR --judges DIR --recordings 40 --json ablations.json --plot ablations.png

Recordings of unseen voices are made again from their own semantic tokens and text, once as in use and once with each part left
out. The bundle's network is the same in all: it was trained without prompts and without texts at times, never without semantic
tokens, so that of those the figure is what it makes of wrong ones, and not what a network trained without them would.
Passes on the first level are another command, `passes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from judged import Row, judge_all, panels, run
from torch import Tensor

from dialogue_tts import DialogueTTS
from dialogue_tts.acoustic.generate import DecodingConfig, generate_codes, to_fill
from dialogue_tts.acoustic.model import Frames, SoundStorm
from dialogue_tts.evaluation.judging import Respeaks
from dialogue_tts.evaluation.systems import from_true_semantic_tokens

Fill = Callable[[SoundStorm, DecodingConfig, Frames, Tensor], Tensor]


def whole(network: SoundStorm, config: DecodingConfig, frames: Frames, valid: Tensor) -> Tensor:
    """As in use."""
    return generate_codes(network, frames, valid, config, range(len(valid)))


def without_prompt(network: SoundStorm, config: DecodingConfig, frames: Frames, valid: Tensor) -> Tensor:
    """Each row's target alone."""
    codes = frames.codes.clone()
    for row, target in enumerate(valid & ~frames.is_prompt):
        alone = Frames(*(part[row : row + 1, target] for part in frames))
        here = torch.ones(1, int(target.sum()), dtype=torch.bool)
        codes[row, target] = generate_codes(network, alone, here, config, [row])[0]
    return codes


def without_semantic_tokens(network: SoundStorm, config: DecodingConfig, frames: Frames, valid: Tensor) -> Tensor:
    """Those of the target are drawn by chance."""
    rng = torch.Generator().manual_seed(0)
    drawn = torch.randint(network.config.semantic_vocabulary, frames.semantic.shape, generator=rng)
    semantic = torch.where(frames.is_prompt, frames.semantic, drawn)
    return whole(network, config, frames._replace(semantic=semantic), valid)


def without_text(network: SoundStorm, config: DecodingConfig, frames: Frames, valid: Tensor) -> Tensor:
    """What each frame says is not known."""
    return whole(network, config, frames._replace(phones=torch.zeros_like(frames.phones)), valid)


@torch.inference_mode()
def all_levels_at_once(network: SoundStorm, config: DecodingConfig, frames: Frames, valid: Tensor) -> Tensor:
    """Every level is guessed in one pass that knows none."""
    target = to_fill(frames, valid, network.config)
    codes = frames.codes.clone()
    codes[target] = network.mask_id
    hidden = network(frames._replace(codes=codes), valid)[target]
    levels = range(network.config.levels)
    codes[target] = torch.stack([network.level_logits(hidden, level).argmax(-1) for level in levels], dim=-1)
    return codes


SYSTEMS: dict[str, Fill] = {
    "whole": whole,
    "no prompt": without_prompt,
    "wrong semantic tokens": without_semantic_tokens,
    "no text": without_text,
    "all levels at once": all_levels_at_once,
}


def systems(tts: DialogueTTS) -> Iterator[tuple[Row, Respeaks]]:
    """The bundle without each part."""
    network, config = tts.bundle.soundstorm, tts.bundle.config.acoustic_decoding
    for name, fill in SYSTEMS.items():
        yield {"system": name}, from_true_semantic_tokens(tts, fill=partial(fill, network, config))


def measure(corpus: Path, judges: Path, recordings: int) -> list[Row]:
    """A row of figures for each part that is left out."""
    return judge_all(systems(DialogueTTS.from_pretrained()), corpus, judges, recordings)


def plot(rows: list[Row], path: Path) -> None:
    """A panel for each judge, a bar for each system."""

    def draw(axes: Any, name: str, label: str) -> None:
        axes.barh([row["system"] for row in rows], [row[name] or 0.0 for row in rows])
        axes.set_xlabel(label)
        axes.yaxis.set_inverted(True)

    panels(path, draw, sharey=True)


if __name__ == "__main__":
    run(__doc__, measure, plot, recordings=40)
