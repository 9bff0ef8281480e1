"""Tokens of a corpus, made once by frozen tokenizers: semantic, acoustic, both of the degraded recordings, and which text
phone each frame belongs to."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from dialogue_tts.audio.bandwidth import band_network, whole_band
from dialogue_tts.codec.base import AudioCodec
from dialogue_tts.semantic.align import PhoneSequence, heard_phones
from dialogue_tts.semantic.model import TextToSemanticConfig
from dialogue_tts.semantic.tokenizer import SemanticTokenizer
from dialogue_tts.training import augment
from dialogue_tts.training.corpus import Corpus, Utterance, load_wave
from dialogue_tts.training.made import Origin, hash_of, is_made, new_array, record_of

Progress = Callable[[int, int], None]
Hears = Callable[[np.ndarray, Utterance], Tensor]  # the samples of a corpus, a turn -> float32 (frames * HOP,)
DEGRADED_SEED = 1
MAX_ADVANCE = TextToSemanticConfig(0, 0).max_advance


@dataclass(frozen=True)
class Tokenizers:
    """What makes tokens, each on its device; None where none of its tokens are wanted.

    Attributes:
        aligned: which phone of its text each frame says is wanted, too.
        degraded: tokens of the recordings as `augment.degrade` leaves them are wanted, too.
    """

    semantic: SemanticTokenizer | None = None
    codec: AudioCodec | None = None
    aligned: bool = False
    degraded: bool = False

    @cached_property
    def semantic_hash(self) -> str:
        """Of what makes semantic tokens."""
        s = self.semantic
        assert s is not None
        sizes = replace(s.config, least_phones_a_second=0.0)  # it makes no token another one
        return hash_of(json.dumps(asdict(sizes)), s.enter, s.encoder, s.to_grid, s.quantizer)

    @cached_property
    def codec_hash(self) -> str:
        """Of what makes codes."""
        assert self.codec is not None
        return hash_of(json.dumps(asdict(self.codec.sizes)), *self.codec.encoding)  # type: ignore[call-overload]


def tokenize(corpus: Corpus, by: Tokenizers, progress: Progress) -> int:
    """Make those tokens that a data folder does not have yet, or has of other networks or recordings.

    Returns:
        how many turns with a text could not be aligned; 0 where that is not wanted.
    """
    hearings: list[tuple[str, str, Hears]] = [("", "", load_wave)]
    if by.degraded:
        hearings.append(("_degraded", f"degraded {DEGRADED_SEED} {hash_of(band_network())}", _degraded))
    for ending, how, hears in hearings:
        made_of = corpus.sha256(with_text=False) + how
        if by.semantic is not None:
            device = next(by.semantic.parameters()).device
            encoded = _Encoding(f"semantic{ending}", (), np.int32, by.semantic.encode, device, hears)
            _make(corpus, encoded, Origin(by.semantic_hash, made_of), progress)
        if by.codec is not None:
            device, levels = next(by.codec.parameters()).device, (by.codec.sizes.levels,)
            encoded = _Encoding(f"acoustic{ending}", levels, np.int16, by.codec.encode, device, hears)
            _make(corpus, encoded, Origin(by.codec_hash, made_of), progress)
    return align(corpus, by, progress) if by.aligned and by.semantic is not None else 0


def align(corpus: Corpus, by: Tokenizers, progress: Progress) -> int:
    """Make phones.npy (frames,) int16, unless it is there: the text phone of each frame, -1 where a turn cannot be aligned.
    Returns how many turns with a text could not."""
    tokenizer = by.semantic
    assert tokenizer is not None
    reads = hash_of(by.semantic_hash, tokenizer.from_grid, tokenizer.reader, tokenizer.phone_head, str(MAX_ADVANCE))
    origin = Origin(reads, corpus.sha256(with_text=True))
    if not is_made(corpus, "phones", origin):
        semantic, device = corpus.tokens("semantic"), next(tokenizer.parameters()).device
        with new_array(corpus, "phones", (), np.int16, origin) as (owners, told):
            owners[:] = -1
            told["not_aligned"] = 0
            for number, turn in enumerate(corpus.utterances):
                rows = slice(turn.start_frame, turn.start_frame + turn.frames)
                sequence = PhoneSequence.of(turn.phonemes)
                tokens = torch.from_numpy(semantic[rows].astype(np.int64)).to(device)
                path = heard_phones(tokens, sequence, tokenizer, MAX_ADVANCE) if sequence.phones else None
                if path is not None:
                    owners[rows] = path
                told["not_aligned"] += path is None and bool(sequence.phones)
                progress(number + 1, len(corpus.utterances))
    return int(record_of(corpus, "phones")["not_aligned"])


def _degraded(waves: np.ndarray, turn: Utterance) -> Tensor:
    """A recording as `augment.degrade` leaves it and a prompt is then heard, the same each time."""
    rng = np.random.default_rng((DEGRADED_SEED, zlib.crc32(turn.id.encode())))
    return whole_band(augment.degrade(load_wave(waves, turn), rng))


@dataclass(frozen=True)
class _Encoding:
    """An array (frames, *tail) to be made, and how."""

    name: str
    tail: tuple[int, ...]
    dtype: type
    encode: Callable[[Tensor], Tensor]
    device: torch.device
    hears: Hears


def _make(corpus: Corpus, wanted: _Encoding, origin: Origin, progress: Progress) -> None:
    if is_made(corpus, wanted.name, origin):
        return
    waves = corpus.waves()
    finished = 0
    with new_array(corpus, wanted.name, wanted.tail, wanted.dtype, origin) as (array, _):
        for group in _equal_lengths(corpus.utterances, 1_500 if wanted.device.type == "cpu" else 40_000):
            heard = torch.stack([wanted.hears(waves, turn) for turn in group]).to(wanted.device)
            for turn, row in zip(group, wanted.encode(heard).cpu().numpy(), strict=True):
                array[turn.start_frame : turn.start_frame + turn.frames] = row
            finished += len(group)
            progress(finished, len(corpus.utterances))


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
