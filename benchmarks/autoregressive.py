"""What AudioLM (Borsos et al. 2022, arXiv 2209.03143) would be here, and its training: the rival of the benchmarks.

A causal Transformer over all levels of all frames, one code after the other. Before each code it is given what SoundStorm
is given of the code's frame: the semantic token, the phone of the text and the following one. Here it is a network and its
training; where it is to be heard (`equally_long.py`), the synthesizer takes it in SoundStorm's place.

Letters: B batch, T frames (prompts and target), Q levels, V codebook, D width.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.acoustic.generate import TokenSequence, assemble
from dialogue_tts.acoustic.model import Frames, SoundStorm
from dialogue_tts.nn.attention import KeyValues, TransformerBlock, rotary_table, rotate
from dialogue_tts.training.corpus import Corpus
from dialogue_tts.training.soundstorm import SoundStormTask, SoundStormTrainingConfig
from dialogue_tts.training.task import Figures, moved

NEIGHBOURS = 9  # frames around a code's own that it is told of; SoundStorm sees them all


class Autoregressive(nn.Module):
    """Level after level, frame after frame."""

    def __init__(self, rival: SoundStorm) -> None:
        """As wide as `rival`, as deep as gives at least as many parameters in its blocks, and with its embeddings and heads."""
        super().__init__()
        config = rival.config
        width, heads, hidden = config.conformer.width, config.conformer.heads, config.conformer.hidden
        block = TransformerBlock(width, heads, hidden, dropout=0.0)
        layers = round(parameters(rival.conformer) / parameters(block))
        self.levels, self.codebook_size, self.kinds = config.levels, config.codebook_size, config.phone_kinds
        codes = rival.codes.weight.detach().unflatten(0, (config.levels, config.codebook_size + 1))
        self.codes = nn.Embedding.from_pretrained(codes[:, :-1].flatten(0, 1).clone(), freeze=False)  # without masks
        self.semantic = nn.Embedding.from_pretrained(rival.semantic.weight.detach().clone(), freeze=False)
        self.phones = nn.Embedding.from_pretrained(rival.phones.weight.detach().clone(), freeze=False)
        self.prompt = nn.Parameter(rival.prompt.detach().clone())
        self.begin = nn.Parameter(torch.randn(width) * rival.embedding_std)
        self.around = nn.Conv1d(width, width, NEIGHBOURS, padding=NEIGHBOURS // 2, groups=width)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, hidden, dropout=0.0) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.heads = nn.ModuleList(nn.Linear(width, width) for _ in range(config.levels))
        self.heads.load_state_dict(rival.heads.state_dict())
        self.head_bias = nn.Parameter(torch.zeros(config.levels, config.codebook_size))

    def forward(self, frames: Frames) -> Tensor:
        """Rows with padding at their ends only -> logits of every code given those before it, (B, T, Q, V)."""
        x = self._before(frames.codes) + self._conditions(frames)
        rotary = rotary_table(torch.arange(x.shape[1], device=x.device), self.blocks[0].attention.head_width)
        for block in self.blocks:
            x = block(x, rotary, mask=None, causal=True)
        hidden = self.norm(x).unflatten(1, (-1, self.levels))
        return torch.stack([self._logits(hidden[:, :, level], level) for level in range(self.levels)], dim=2)

    def _logits(self, hidden: Tensor, level: int) -> Tensor:
        """hidden (..., D) -> (..., V), by the codes' embeddings, as SoundStorm does."""
        table = self.codes.weight[level * self.codebook_size : (level + 1) * self.codebook_size]
        return F.linear(self.heads[level](hidden), table, self.head_bias[level])

    def _before(self, codes: Tensor) -> Tensor:
        """The code before each code: codes (B, T, Q) -> (B, T * Q, D). A mask (the codec has no frame there) is 0."""
        rows = torch.arange(self.levels, device=codes.device) * self.codebook_size
        codes = codes.masked_fill(codes == self.codebook_size, 0)
        seen = self.codes(codes + rows).flatten(1, 2)
        return torch.cat([self.begin.expand(seen.shape[0], 1, -1), seen[:, :-1]], dim=1)

    def _conditions(self, frames: Frames) -> Tensor:
        """What is known of each code's frame, (B, T * Q, D)."""
        following = self.kinds * torch.arange(2, device=frames.phones.device)
        x = self.semantic(frames.semantic) + self.phones(frames.phones + following).sum(2)
        x = x + self.prompt * frames.is_prompt.unsqueeze(-1)
        x = x + self.around(x.transpose(1, 2)).transpose(1, 2)
        return x.repeat_interleave(self.levels, dim=1)

    @torch.inference_mode()
    def generate(self, frames: Frames, seed: int, temperature: float = 1.0) -> Tensor:
        """A row's target after its prompt, with key-value caches: frames of B = 1 -> its codes (1, T, Q), prompts as given."""
        rng = torch.Generator().manual_seed(seed)
        absent = frames.codes.flatten() == self.codebook_size  # the codec has no frame there
        tokens = frames.codes.flatten().masked_fill(absent, 0)
        total, given = tokens.shape[0], int(frames.is_prompt.sum()) * self.levels
        conditions = self._conditions(frames)
        caches = [block.attention.new_cache(1, total) for block in self.blocks]
        cos, sin = rotary_table(torch.arange(total), self.blocks[0].attention.head_width)
        self._read((self._before(frames.codes) + conditions)[:, :given], (cos[:given], sin[:given]), caches)
        for position in range(given, total):
            level, before = position % self.levels, (position - 1) % self.levels
            last = self.codes.weight[tokens[position - 1] + before * self.codebook_size] if position else self.begin
            x = last + conditions[:, position : position + 1]
            for block, cache in zip(self.blocks, caches, strict=True):
                x = block.step(x, (cos[position], sin[position]), cache, position)
            logits = self._logits(self.norm(x), level).flatten().float()
            if not absent[position]:
                tokens[position] = torch.multinomial((logits / temperature).softmax(-1), 1, generator=rng)
        return tokens.masked_fill(absent, self.codebook_size).view(1, -1, self.levels)

    def _read(self, x: Tensor, rotary: tuple[Tensor, Tensor], caches: list[KeyValues]) -> None:
        """The prompt, all at once."""
        length = x.shape[1]
        for block, cache in zip(self.blocks, caches, strict=True):
            attention = block.attention
            _, keys, values = attention.qkv(block.attention_norm(x)).unflatten(-1, (3, attention.heads, -1)).unbind(2)
            cache.keys[:, :, :length] = rotate(keys.transpose(1, 2), *rotary)
            cache.values[:, :, :length] = values.transpose(1, 2)
            x = block(x, rotary, mask=None, causal=True)


class Rows(NamedTuple):
    """A padded batch."""

    frames: Frames
    valid: Tensor  # bool (B, T)


class AutoregressiveTask(SoundStormTask):
    """The same rows as SoundStorm learns from, every code of which is a target: see `loop.Task`."""

    def __init__(self, rival: SoundStorm, config: SoundStormTrainingConfig, corpora: list[Corpus]) -> None:
        super().__init__(rival, config, corpora)
        self.generator = Autoregressive(rival)
        self.networks = {"autoregressive": self.generator}

    def collate(self, passages: list[TokenSequence], rng: np.random.Generator) -> Rows:
        """Assemble rows."""
        return Rows(*assemble(passages, self.network.config))

    def losses(self, batch: Rows, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """Cross-entropy of all codes."""
        loss, first = self._loss(batch)
        yield "autoregressive", loss, {"loss": loss.detach(), "loss_1": first.detach()}

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """The same of voices never heard, without prompts'."""
        rng = np.random.default_rng(0)
        turns = self.held_out[: self.config.validation_turns]
        found = []
        for tokens, turn in turns:
            rows = self.collate([self.passage(tokens, [turn], self.prompt_frames(rng), rng)], rng)
            found.append(
                self._loss(moved(rows._replace(valid=rows.valid & ~rows.frames.is_prompt), self.generator.begin.device))
            )
        loss, first = (float(torch.stack(part).mean()) for part in zip(*found, strict=True))
        return {"loss": loss, "loss_1": first}

    def _loss(self, batch: Rows) -> tuple[Tensor, Tensor]:
        """Of all levels, and of the first."""
        there = batch.valid & (batch.frames.codes[..., 0] != self.generator.codebook_size)
        logits, wanted = self.generator(batch.frames)[there].float(), batch.frames.codes[there]
        return F.cross_entropy(logits.flatten(0, 1), wanted.flatten()), F.cross_entropy(logits[:, 0], wanted[:, 0])


def parameters(network: nn.Module) -> int:
    """How many there are."""
    return sum(p.numel() for p in network.parameters())
