"""Text-to-semantic: an encoder-decoder Transformer from phonemes to semantic tokens (SPEAR-TTS, arXiv 2302.03540).

The decoder is autoregressive, but attends to the text through a pointer instead of soft cross-attention: each frame
sees the encoder's state of the phone (or the mark where a pause can be heard) that the pointer stands on, and the
next, and predicts beside its token how many phones to advance. That is hard monotonic attention (Raffel et al. 2017,
arXiv 1704.00784) with alignments known in training, from the semantic tokenizer's CTC head. No phone can be skipped
unseen or said twice, which is where small soft-attention models fail; tempo can be set; word times come for free.

Letters: B turns in a batch, N text ids, U phones, T frames, D width.
"""

from __future__ import annotations

from dataclasses import field
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dialogue_tts.config import strict
from dialogue_tts.nn.attention import KeyValues, TransformerBlock, rotary_table
from dialogue_tts.nn.conformer import Conformer, ConformerConfig
from dialogue_tts.nn.stack import Stack


@strict
class TextToSemanticConfig:
    """Network of the text-to-semantic stage.

    Attributes:
        text_vocabulary, semantic_vocabulary: ids of the text tokenizer, and semantic tokens.
        encoder: Conformer over text ids; the decoder has the same width and heads.
        decoder_layers, decoder_hidden: causal Transformer over frames.
        max_advance: furthest the pointer moves in one frame.
        max_dwell: the count of frames spent on a phone is shown to the decoder up to this many.
        max_phones: the count of phones still to come is shown up to this many.
    """

    text_vocabulary: int
    semantic_vocabulary: int
    encoder: ConformerConfig = field(
        default_factory=lambda: ConformerConfig(width=256, heads=4, layers=3, hidden=768, kernel=5)
    )
    decoder_layers: int = 6
    decoder_hidden: int = 1024
    dropout: float = 0.1
    max_advance: int = 4
    max_dwell: int = 24
    max_phones: int = 12


class TurnText(NamedTuple):
    """Text of one turn for the encoder."""

    ids: list[int]  # N text ids; may begin with earlier turns as context
    phones: list[int]  # U positions in `ids`: the turn's tag (silence before it), its phones and pause marks
    ends: tuple[int, ...] = ()  # phones that end a sentence which another one follows


class Pointer(NamedTuple):
    """Where each frame stands in its text."""

    phone: Tensor  # (B, T) int64 in [0, U)
    dwell: Tensor  # (B, T) int64: frames since the phone was entered
    left: Tensor  # (B, T) int64: phones still to come


class TextToSemantic(nn.Module):
    """The network; `generate.py` decodes with it."""

    def __init__(self, config: TextToSemanticConfig) -> None:
        super().__init__()
        self.config = config
        width = config.encoder.width
        self.text = nn.Embedding(config.text_vocabulary, width)
        self.encoder = Conformer(config.encoder)
        self.begin_id = config.semantic_vocabulary
        self.semantic = nn.Embedding(config.semantic_vocabulary + 1, width)
        self.here = nn.Linear(width, width, bias=False)
        self.next = nn.Linear(width, width, bias=False)
        self.dwell = nn.Embedding(config.max_dwell + 1, width)
        self.left = nn.Embedding(config.max_phones + 1, width)
        self.blocks = Stack(
            TransformerBlock(width, config.encoder.heads, config.decoder_hidden, config.dropout)
            for _ in range(config.decoder_layers)
        )
        self.norm = nn.LayerNorm(width)
        self.token_head = nn.Linear(width, config.semantic_vocabulary)
        self.advance_head = nn.Linear(width, config.max_advance + 1)
        for table in (self.text, self.semantic, self.dwell, self.left):
            nn.init.normal_(table.weight, std=width**-0.5)

    def encode(self, ids: Tensor, valid: Tensor, phones: Tensor) -> Tensor:
        """ids (B, N), valid bool (B, N), phones (B, U) positions -> what a frame on each phone sees, (B, U, D)."""
        states = self.encoder(self.text(ids), valid)
        states = states.gather(1, phones.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
        more = phones[:, 1:] > phones[:, :-1]  # phones rise up to a row's last, after which padding must not show
        following = torch.cat([states[:, 1:] * more.unsqueeze(-1), torch.zeros_like(states[:, :1])], dim=1)
        out: Tensor = self.here(states) + self.next(following)
        return out

    def _frame(self, seen: Tensor, pointer: Pointer, previous: Tensor) -> Tensor:
        at = pointer.phone.unsqueeze(-1).expand(-1, -1, seen.shape[-1])
        x: Tensor = (
            seen.gather(1, at)
            + self.semantic(previous)
            + self.dwell(pointer.dwell.clamp(max=self.config.max_dwell))
            + self.left(pointer.left.clamp(max=self.config.max_phones))
        )
        return x

    def forward(self, seen: Tensor, pointer: Pointer, previous: Tensor) -> tuple[Tensor, Tensor]:
        """All frames at once, teacher-forced.

        Args:
            seen: (B, U, D) from `encode`.
            pointer: where each frame stands.
            previous: (B, T) int64, the token before each frame; `begin_id` at the first.

        Returns:
            Logits of tokens (B, T, semantic_vocabulary) and of advances (B, T, max_advance + 1).
        """
        x = self._frame(seen, pointer, previous)
        rotary = rotary_table(torch.arange(x.shape[1], device=x.device), self.blocks[0].attention.head_width)
        for block in self.blocks:
            x = block(x, rotary, mask=None, causal=True)  # padding follows, so that nothing earlier sees it
        x = self.norm(x)
        return self.token_head(x), self.advance_head(x)

    def new_caches(self, rows: int, capacity: int) -> list[KeyValues]:
        """One empty cache a layer."""
        return [block.attention.new_cache(rows, capacity) for block in self.blocks]

    def step(
        self, seen: Tensor, pointer: Pointer, previous: Tensor, caches: list[KeyValues], position: int
    ) -> tuple[Tensor, Tensor]:
        """One frame of every row, pointer and previous (B, 1) -> logits (B, semantic_vocabulary), (B, max_advance + 1)."""
        x = self._frame(seen, pointer, previous)
        rotary = rotary_table(torch.tensor([position], device=x.device), self.blocks[0].attention.head_width)
        for block, cache in zip(self.blocks, caches, strict=True):
            x = block.step(x, rotary, cache, position)
        x = self.norm(x)[:, 0]
        return self.token_head(x), self.advance_head(x)


def pad_texts(texts: list[TurnText], pad_id: int) -> tuple[Tensor, Tensor, Tensor]:
    """Turns to tensors: ids (B, N) int64, valid (B, N) bool, phones (B, U) int64 (padding repeats position 0)."""
    ids = nn.utils.rnn.pad_sequence([torch.tensor(t.ids) for t in texts], batch_first=True, padding_value=pad_id)
    phones = nn.utils.rnn.pad_sequence([torch.tensor(t.phones) for t in texts], batch_first=True)
    lengths = torch.tensor([len(t.ids) for t in texts])
    return ids, torch.arange(ids.shape[1]) < lengths.unsqueeze(1), phones


def pointers(phones: Tensor, counts: Tensor) -> Pointer:
    """Dwell and what is left, from the phone of each frame: phones (B, T), phone counts (B,)."""
    place = torch.arange(phones.shape[1], device=phones.device).expand_as(phones)
    moved = torch.ones_like(phones, dtype=torch.bool)
    moved[:, 1:] = phones[:, 1:] != phones[:, :-1]
    entered = torch.where(moved, place, torch.zeros_like(place)).cummax(dim=1).values
    return Pointer(phones, place - entered, (counts.unsqueeze(1) - 1 - phones).clamp_min(0))
