"""Training of text-to-semantic on aligned tokens: next token and next advance, teacher-forced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.config import strict
from dialogue_tts.semantic.align import PhoneSequence, turn_text
from dialogue_tts.semantic.generate import SemanticDecodingConfig, generate_semantic
from dialogue_tts.semantic.model import Pointer, TextToSemantic, TurnText, pad_texts, pointers
from dialogue_tts.semantic.tokenizer import SemanticTokenizer, greedy_phones
from dialogue_tts.text.tokenizer import TextTokenizer
from dialogue_tts.training.corpus import Corpus, Utterance, batches_by_length
from dialogue_tts.training.splits import in_turn
from dialogue_tts.training.task import Figures, moved

FEWEST_PHONES = 12  # of a turn that is validated on


@strict
class TextToSemanticTrainingConfig:
    """Data and loss settings.

    Attributes:
        token_noise: share of previous tokens replaced by others of the batch, so that the decoder learns to recover
            from its own mistakes.
        label_smoothing: of the token loss.
        tempo_weight: of the advance loss beside the token loss's 1.
        validation_turns: turns that are decoded and read back at each validation.
    """

    frames_per_batch: int = 2400
    token_noise: float = 0.1
    label_smoothing: float = 0.05
    tempo_weight: float = 1.0
    longest_frames: int = 400
    validation_turns: int = 48


@dataclass(frozen=True)
class AlignedTurn:
    """One turn ready for training."""

    text: TurnText
    tokens: np.ndarray  # (T,) int32
    path: np.ndarray  # (T,) int16: the phone of each frame
    phones: list[str]


class TextToSemanticBatch(NamedTuple):
    """A padded batch."""

    ids: Tensor  # (B, N)
    ids_valid: Tensor  # (B, N)
    phones: Tensor  # (B, U)
    pointer: Pointer  # (B, T) each
    previous: Tensor  # (B, T)
    tokens: Tensor  # (B, T)
    advances: Tensor  # (B, T)
    valid: Tensor  # (B, T)


def aligned_turns(corpus: Corpus, split: str, tokenizer: TextTokenizer) -> list[tuple[AlignedTurn, Utterance]]:
    """The turns of a split that could be aligned, as they are learnt and as they are listed."""
    semantic, owners = corpus.tokens("semantic"), corpus.tokens("phones")
    turns = []
    for turn in corpus.split(split):
        rows = slice(turn.start_frame, turn.start_frame + turn.frames)
        if owners[rows][0] >= 0:
            phones = PhoneSequence.of(turn.phonemes).phones
            learnt = AlignedTurn(turn_text(turn.phonemes, tokenizer), semantic[rows], owners[rows], phones)
            turns.append((learnt, turn))
    return turns


class TextToSemanticTask:
    """See `task.Task`."""

    best = "phone_error"

    def __init__(
        self,
        network: TextToSemantic,
        config: TextToSemanticTrainingConfig,
        corpora: list[Corpus],
        tokenizer: TextTokenizer,
        reader: SemanticTokenizer,
    ) -> None:
        """`reader` reads phones back from decoded tokens at validation."""
        self.networks: dict[str, nn.Module] = {"text_to_semantic": network}
        self.frozen: tuple[nn.Module, ...] = ()
        self.network, self.config, self.pad_id, self.reader = network, config, tokenizer.pad_id, reader
        self.turns = [t for corpus in corpora for t, _ in aligned_turns(corpus, "train", tokenizer)]
        self.turns = [t for t in self.turns if len(t.tokens) <= config.longest_frames]
        unheard = [pair for corpus in corpora for pair in aligned_turns(corpus, "test_text", tokenizer)]
        unheard = [(t, turn) for t, turn in unheard if len(t.phones) >= FEWEST_PHONES]
        self.held_out = [t for t, _ in in_turn(unheard, config.validation_turns)]

    def plan(self, rng: np.random.Generator) -> Sequence[list[int]]:
        """Turns of like length together."""
        return batches_by_length([len(t.tokens) for t in self.turns], self.config.frames_per_batch, rng)

    def batch(self, planned: list[int], rng: np.random.Generator) -> TextToSemanticBatch:
        """Nothing is drawn."""
        return self.collate([self.turns[i] for i in planned])

    def collate(self, turns: list[AlignedTurn]) -> TextToSemanticBatch:
        """Targets of the pointer: the advance after each frame; the last frame's steps over the text's end."""
        ids, ids_valid, phones = pad_texts([t.text for t in turns], self.pad_id)
        counts = torch.tensor([len(t.text.phones) for t in turns])
        tokens = _pad([t.tokens for t in turns])
        places = _pad([t.path for t in turns])
        lengths = torch.tensor([len(t.tokens) for t in turns])
        valid = torch.arange(tokens.shape[1]) < lengths.unsqueeze(1)
        following = torch.cat([places[:, 1:], places[:, -1:]], dim=1)
        following[torch.arange(len(turns)), lengths - 1] = counts
        advances = (following - places).clamp(0, self.network.config.max_advance)
        previous = torch.cat([torch.full_like(tokens[:, :1], self.network.begin_id), tokens[:, :-1]], dim=1)
        return TextToSemanticBatch(ids, ids_valid, phones, pointers(places, counts), previous, tokens, advances, valid)

    def losses(self, batch: TextToSemanticBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """Cross-entropy of tokens and advances."""
        wrong = torch.rand(batch.previous.shape).to(batch.tokens.device) < self.config.token_noise
        wrong[:, 0] = False
        drawn = torch.randint(int(batch.valid.sum()), (int(wrong.sum()),)).to(batch.tokens.device)
        shuffled = batch.tokens[batch.valid][drawn]
        previous = batch.previous.masked_scatter(wrong, shuffled)
        token_logits, advance_logits = self._logits(batch, previous)
        tokens, advances = batch.tokens[batch.valid], batch.advances[batch.valid]
        token_loss = F.cross_entropy(token_logits, tokens, label_smoothing=self.config.label_smoothing)
        tempo_loss = F.cross_entropy(advance_logits, advances)
        figures: Figures = {"token": token_loss.detach(), "tempo": tempo_loss.detach()}
        figures["accuracy"] = float((token_logits.argmax(-1) == tokens).float().mean())
        yield "text_to_semantic", token_loss + self.config.tempo_weight * tempo_loss, figures

    def _logits(self, batch: TextToSemanticBatch, previous: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.network.encode(batch.ids, batch.ids_valid, batch.phones)
        token_logits, advance_logits = self.network(seen, batch.pointer, previous)
        return token_logits[batch.valid].float(), advance_logits[batch.valid].float()

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Losses on unseen text, and the phone error rate of freely decoded turns as the CTC head reads them."""
        token, tempo = [], []
        for start in range(0, len(self.held_out), 12):
            batch = moved(self.collate(self.held_out[start : start + 12]), self.network.norm.weight.device)
            token_logits, advance_logits = self._logits(batch, batch.previous)
            token.append(float(F.cross_entropy(token_logits, batch.tokens[batch.valid])))
            tempo.append(float(F.cross_entropy(advance_logits, batch.advances[batch.valid])))
        figures: Figures = {"token": float(np.mean(token)), "tempo": float(np.mean(tempo))}
        decoded = generate_semantic(
            self.network,
            [t.text for t in self.held_out],
            SemanticDecodingConfig(),
            range(len(self.held_out)),
            self.pad_id,
        )
        errors = phones = frames = 0
        for turn, spoken in zip(self.held_out, decoded, strict=True):
            read = greedy_phones(self.reader.read(spoken.tokens[None].cpu())[0])
            errors += torchaudio.functional.edit_distance(read, self.reader.phone_ids(turn.phones))
            phones += len(turn.phones)
            frames += len(spoken.tokens)
        figures["phone_error"] = errors / max(1, phones)
        figures["length"] = frames / max(1, sum(len(t.tokens) for t in self.held_out))
        return figures


def _pad(rows: list[np.ndarray]) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.from_numpy(row.astype(np.int64)) for row in rows], batch_first=True)
