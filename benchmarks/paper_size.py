"""SoundStorm and text-to-semantic at the papers' size: parameters, memory, floating-point operations, and hours on GPUs.

    python benchmarks/paper_size.py --json paper_size.json
    python benchmarks/paper_size.py --step 64 --device cuda

Networks are built on the meta device, where they take no memory, and their operations are counted by PyTorch as they run there.
--step trains one real step at full width of so many frames, and tells how long it took and what it held: on a GPU, the rate
from which hours follow. Hours without one are computed from what an H100 can at most and the share of it that is assumed.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from dialogue_tts.acoustic.model import Frames, SoundStorm, SoundStormConfig
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.semantic.model import TextToSemantic, TextToSemanticConfig
from dialogue_tts.training.optimizing import EMA, checkpoint_blocks, make_optimizers
from dialogue_tts.training.task import LoopConfig

# Borsos et al. 2023 (arXiv 2305.09636), section 4.1: 12 Conformer layers of 1024, 16 heads, feed-forward of 4096, kernel 5;
# SoundStream at 50 Hz with 12 levels of 1024 codes; 1024 semantic tokens at 25 Hz, each of which two frames share.
PAPER_CONFORMER = ConformerConfig(width=1024, heads=16, layers=12, hidden=4096, kernel=5)
PAPER = SoundStormConfig(
    1024, levels=12, codebook_size=1024, slots=1, conformer=PAPER_CONFORMER, rate=FrameRate(codec_frames=2)
)
PAPER_HZ, PAPER_HOURS = 50, 60_000  # Libri-Light (Kahn et al. 2020, arXiv 1912.07875)
# The size of T5-Large (Raffel et al. 2020, arXiv 1910.10683), for a first stage as large as SPEAR-TTS's (arXiv 2302.03540).
SPEAR = TextToSemanticConfig(
    text_vocabulary=512,
    semantic_vocabulary=512,
    encoder=ConformerConfig(width=1024, heads=16, layers=24, hidden=2816, kernel=5),
    decoder_layers=24,
    decoder_hidden=2816,
)
ROW_FRAMES = 1500  # the paper's longest: 30 s
H100_TFLOPS, ASSUMED_SHARE = 989, 0.4  # dense bfloat16, by its data sheet; what large Transformers reach in training
GPUS = (1, 8, 64)
BYTES = {"weights": 4, "gradients": 4, "averages": 4, "AdamW": 8}  # of each parameter, float32


def batch(config: SoundStormConfig, frames: int, device: str) -> tuple[Frames, Tensor]:
    """One row, of which the first level is guessed at every second place: frames, the places' numbers."""
    codes = torch.zeros(1, frames, config.levels, dtype=torch.int64, device=device)
    zeros = torch.zeros(1, frames, dtype=torch.int64, device=device)
    phones = torch.zeros(1, frames, 2, dtype=torch.int64, device=device)
    return Frames(zeros, codes, zeros, zeros.bool(), phones), torch.arange(0, frames, 2, device=device)


def loss_of(network: SoundStorm, frames: int, device: str) -> Tensor:
    """Of one row."""
    seen, places = batch(network.config, frames, device)
    counts = [len(places)] + [0] * (network.config.levels - 1)
    return F.cross_entropy(network.logits_at(network(seen), places, counts).float(), torch.zeros_like(places))


def counted(config: SoundStormConfig) -> dict[str, Any]:
    """Parameters, and operations of training on a frame; no memory is touched."""
    with torch.device("meta"):
        network = SoundStorm(config)
        with FlopCounterMode(display=False) as counter:
            loss_of(network, ROW_FRAMES, "meta").backward()
    return {"parameters": parameters(network), "flops_a_frame": counter.get_total_flops() / ROW_FRAMES}


def parameters(network: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(p.numel() for p in network.parameters())


def real_step(config: SoundStormConfig, frames: int, device: str, steps: int) -> dict[str, Any]:
    """Steps at full width -> seconds of each, and the most memory held where the device tells."""
    torch.manual_seed(0)
    network = SoundStorm(config).to(device)
    checkpoint_blocks(network)
    average = EMA(network, 0.999)
    optimizers = make_optimizers(network, LoopConfig(steps=1))
    seconds = []
    for step in range(steps):
        began = time.perf_counter()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=device != "cpu"):
            loss = loss_of(network, frames, device)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        average.update(network, step)
        if device != "cpu":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    held = torch.cuda.max_memory_allocated() / 2**30 if device != "cpu" else None
    return {"frames": frames, "device": device, "loss": float(loss.detach()), "seconds": seconds, "gib_held": held}


def hours(flops_a_frame: float) -> dict[int, float]:
    """For one pass over the paper's data on so many H100: computed, at the assumed share of what they can."""
    whole = flops_a_frame * PAPER_HOURS * 3600 * PAPER_HZ
    return {gpus: whole / (gpus * H100_TFLOPS * 1e12 * ASSUMED_SHARE) / 3600 for gpus in GPUS}


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--step", type=int, help="Train real steps of so many frames.")
    arguments.add_argument("--steps", type=int, default=1)
    arguments.add_argument("--device", default="cpu")
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    found = counted(PAPER)
    with torch.device("meta"):
        found["text_to_semantic_parameters"] = parameters(TextToSemantic(SPEAR))
    found["gib"] = {name: size * found["parameters"] / 2**30 for name, size in BYTES.items()}
    found["computed_hours"] = hours(found["flops_a_frame"])
    if given.step:
        found["measured"] = real_step(PAPER, given.step, given.device, given.steps)
    text = json.dumps(found, indent=1)
    print(text)
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
