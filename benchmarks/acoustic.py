"""SoundStorm against others of the same size over the same tokens: seconds for thirty seconds of sound.

    python benchmarks/acoustic.py                       # all, and the arithmetic; --json FILE for the figures

- autoregressive: what AudioLM would be here, see `autoregressive.py`, with key-value caches.
- soundstorm-pytorch: lucidrains' SoundStorm as it comes, with our width, depth, levels, frames and passes. Left out where
  it is not installed: pip install --no-deps soundstorm-pytorch hyper-connections einops beartype accelerate

Their weights are random: time does not depend on them. The networks are called by themselves, not through the synthesizer:
the rivals have no text, no semantic tokens and no codec of their own, and the time of those would be the same for all.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
import types
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from autoregressive import Autoregressive, parameters
from torch import nn

from dialogue_tts.acoustic.generate import Prompt, TokenSequence, assemble, generate_codes
from dialogue_tts.acoustic.model import SoundStorm
from dialogue_tts.bundle import Bundle, find_bundle
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, seconds_to_frames

PROMPT_S = 5.0


def soundstorm_pytorch(rival: SoundStorm, passes: int) -> nn.Module | None:
    """The package's SoundStorm as large as `rival`, without semantic or codec models; None where it is not installed."""
    # It imports two packages, which need fairseq, for names of types and for its trainer alone.
    for name, names in {
        "spear_tts_pytorch": ("TextToSemantic",),
        "audiolm_pytorch": ("SoundStream", "HubertWithKmeans", "FairseqVQWav2Vec"),
        "audiolm_pytorch.data": ("get_dataloader",),
        "audiolm_pytorch.optimizer": ("get_optimizer",),
    }.items():
        module = types.ModuleType(name)
        module.__dict__.update({n: type(n, (), {}) for n in names})
        sys.modules.setdefault(name, module)
    try:
        from soundstorm_pytorch import Conformer, ConformerWrapper
        from soundstorm_pytorch import SoundStorm as Theirs
    except ImportError as error:
        sys.stdout.write(f"soundstorm-pytorch is left out ({error}); this file's head says how to install it\n")
        return None
    ours = rival.config.conformer
    conformer = Conformer(
        dim=ours.width,
        depth=ours.layers,
        heads=ours.heads,
        dim_head=ours.width // ours.heads,
        ff_mult=ours.hidden // ours.width,
        conv_kernel_size=ours.kernel,
    )
    return Theirs(
        ConformerWrapper(
            codebook_size=rival.config.codebook_size, num_quantizers=rival.config.levels, conformer=conformer
        ),
        steps=passes,
        schedule="cosine",
        num_semantic_token_ids=rival.config.semantic_vocabulary,
        wav2vec_target_sample_hz=SAMPLE_RATE_HZ,  # one semantic token a frame, as ours
        wav2vec_downsample_factor=HOP,
        codec_target_sample_hz=SAMPLE_RATE_HZ,
        codec_downsample_factor=HOP,
    ).eval()


@dataclass(frozen=True)
class Measured:
    """One generator."""

    name: str
    parameters: int
    network_passes: int
    seconds: float
    gflop: float  # of matrix products with weights


def best_of(times: int, work: Callable[[], object]) -> float:
    """Shortest of several runs, in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return min(taken)


def measure(seconds: float, turn_s: float) -> list[Measured]:
    """All generators over `seconds` of sound, in turns of `turn_s` behind a prompt each, as the pipeline works."""
    bundle = Bundle.load(find_bundle(None))
    model, decoding = bundle.soundstorm.eval(), bundle.config.acoustic_decoding
    rng = torch.Generator().manual_seed(0)
    levels = model.config.levels
    prompt_frames, frames, turn_frames = (seconds_to_frames(s) for s in (PROMPT_S, seconds, turn_s))
    turns = max(1, round(frames / turn_frames))
    semantic = torch.randint(model.config.semantic_vocabulary, (prompt_frames + turn_frames,), generator=rng)
    prompt = torch.randint(model.config.codebook_size, (prompt_frames, levels), generator=rng)
    spoken = semantic[prompt_frames:]
    passage = TokenSequence([Prompt(0, semantic[:prompt_frames], prompt)], spoken, torch.zeros_like(spoken))
    row, valid = assemble([passage], model.config)

    def parallel() -> None:
        for turn in range(turns):
            generate_codes(model, row, valid, decoding, [turn])

    precise = replace(decoding, bf16=False)

    def parallel_in_float32() -> None:
        for turn in range(turns):
            generate_codes(model, row, valid, precise, [turn])

    rival = Autoregressive(model).eval()

    def one_by_one() -> None:
        for turn in range(turns):
            rival.generate(row, turn)

    length = prompt_frames + turn_frames
    unprompted = sum(decoding.passes[: decoding.guided_levels]) if decoding.guidance else 0
    passes = sum(decoding.passes) + unprompted
    ours = parameters(model.conformer)
    theirs = parameters(rival.blocks)
    work = 2e-9 * length * turns
    done = 2e-9 * ours * (prompt_frames + passes * turn_frames) * turns  # prompts are read once
    found = [
        Measured("SoundStorm", ours, passes * turns, best_of(3, parallel), done),
        Measured("SoundStorm, float32", ours, passes * turns, best_of(3, parallel_in_float32), done),
        Measured(
            "autoregressive",
            theirs,
            turn_frames * levels * turns,
            best_of(1, one_by_one),
            work * theirs * levels,
        ),
    ]
    peer = soundstorm_pytorch(model, decoding.passes[0])
    if peer is not None:

        def parallel_by_peer() -> None:
            for _ in range(turns):
                with contextlib.redirect_stderr(io.StringIO()):  # it draws a progress bar for each level
                    peer.generate(cond_semantic_token_ids=semantic[None], prompt_acoustic_token_ids=prompt[None])

        size = parameters(peer.net.conformer)
        passes = decoding.passes[0] + levels - 1
        for name, bf16 in (("soundstorm-pytorch", False), ("soundstorm-pytorch, bfloat16", True)):
            with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
                found.append(Measured(name, size, passes * turns, best_of(3, parallel_by_peer), work * size * passes))
    return found


def main() -> None:
    """See the head of this file."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=30.0)
    arguments.add_argument("--turn", type=float, default=5.0, help="seconds of a turn")
    arguments.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments.add_argument("--json", type=Path)
    given = arguments.parse_args()
    torch.set_num_threads(given.threads)
    found = measure(given.seconds, given.turn)
    lines = [f"{given.seconds:g} s of sound in turns of {given.turn:g} s, {given.threads} threads"]
    lines += [
        f"{m.name:28} {m.parameters / 1e6:5.1f} M  {m.network_passes:6d} passes  {m.gflop:7.0f} GFLOP  {m.seconds:6.2f} s"
        for m in found
    ]
    lines += [f"SoundStorm is {m.seconds / found[0].seconds:.1f} times as fast as {m.name}" for m in found[2:]]
    sys.stdout.write("\n".join(lines) + "\n")
    if given.json:
        given.json.write_text(json.dumps([asdict(m) for m in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
