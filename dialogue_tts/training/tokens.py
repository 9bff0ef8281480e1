"""Tokens of a corpus, made once by frozen tokenizers: semantic, acoustic, and which text unit each frame belongs to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from dialogue_tts.codec.model import Codec
from dialogue_tts.semantic.align import Units, heard_units
from dialogue_tts.semantic.model import TextToSemanticConfig
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.training.corpus import Corpus, Utterance, load_wave

Progress = Callable[[int, int], None]


def tokenize(
    corpus: Corpus, tokenizer: SemanticTokenizer | None, codec: Codec | None, aligned: bool, progress: Progress
) -> None:
    """Make those tokens that a data folder does not have yet, on the devices of the networks; `aligned`: of the semantic
    ones also the alignment."""
    missing = {name for name in ("semantic", "acoustic", "units") if not (corpus.folder / f"{name}.npy").is_file()}
    if tokenizer is not None and "semantic" in missing:
        tokenize_semantic(corpus, tokenizer, progress)
    if tokenizer is not None and aligned and "units" in missing:
        align(corpus, tokenizer, TextToSemanticConfig(0, 0).max_advance, progress)
    if codec is not None and "acoustic" in missing:
        tokenize_acoustic(corpus, codec, progress)


def tokenize_semantic(corpus: Corpus, tokenizer: SemanticTokenizer, progress: Progress) -> None:
    """Write semantic.npy (frames,) int32."""
    _write(corpus, "semantic", (), np.int32, tokenizer.encode, tokenizer.enter.weight.device, progress)


def tokenize_acoustic(corpus: Corpus, codec: Codec, progress: Progress) -> None:
    """Write acoustic.npy (frames, Q) int16."""
    device = codec.encoder.enter.weight.device
    _write(corpus, "acoustic", (codec.config.levels,), np.int16, codec.encode, device, progress)


def align(corpus: Corpus, tokenizer: SemanticTokenizer, max_advance: int, progress: Progress) -> None:
    """Write units.npy (frames,) int16: the text unit of each frame, -1 where a turn cannot be aligned."""
    semantic = corpus.tokens("semantic")
    owners = np.full(semantic.shape, -1, np.int16)
    for number, turn in enumerate(corpus.utterances):
        rows = slice(turn.start_frame, turn.start_frame + turn.frames)
        tokens = torch.from_numpy(semantic[rows].astype(np.int64))
        path = heard_units(tokens.to(tokenizer.enter.weight.device), Units.of(turn.phonemes), tokenizer, max_advance)
        if path is not None:
            owners[rows] = path
        progress(number + 1, len(corpus.utterances))
    np.save(corpus.folder / "units.npy", owners)


def _write(
    corpus: Corpus,
    name: str,
    tail: tuple[int, ...],
    dtype: type,
    encode: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device,
    progress: Progress,
) -> None:
    waves = corpus.waves()
    total = max(u.start_frame + u.frames for u in corpus.utterances)
    partial = corpus.folder / f"{name}.part.npy"
    array = np.lib.format.open_memmap(partial, mode="w+", dtype=dtype, shape=(total, *tail))
    groups = _equal_lengths(corpus.utterances, 1_500 if device.type == "cpu" else 40_000)
    finished = 0
    for group in groups:
        tokens = encode(torch.stack([load_wave(waves, turn) for turn in group]).to(device)).cpu().numpy()
        for turn, row in zip(group, tokens, strict=True):
            array[turn.start_frame : turn.start_frame + turn.frames] = row
        finished += len(group)
        progress(finished, len(corpus.utterances))
    array.flush()
    partial.rename(corpus.folder / f"{name}.npy")


def _equal_lengths(utterances: tuple[Utterance, ...], frames_at_once: int) -> list[list[Utterance]]:
    """Groups of turns of exactly one length, so that tokens never depend on padding."""
    groups: list[list[Utterance]] = []
    for turn in sorted(utterances, key=lambda u: u.frames):
        group = groups[-1] if groups else []
        if group and group[0].frames == turn.frames and turn.frames * (len(group) + 1) <= frames_at_once:
            group.append(turn)
        else:
            groups.append([turn])
    return groups
