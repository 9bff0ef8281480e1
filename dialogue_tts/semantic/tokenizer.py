"""Semantic tokenizer: waveform -> semantic tokens, 25 a second, and a CTC head that reads phones back from them.

The tokens are supervised, as CosyVoice's S3 (Du et al. 2024, arXiv 2407.05407, section 2.1): an encoder is cut by a
quantiser and trained through it to recognise phones. Ours also predicts, from a token and its neighbours alone, the
utterance's mel shape and pitch contour without the speaker's average: that pins a token to its own frame, and puts
stress and intonation into it, while the voice stays out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.audio.signal import log_mel
from dialogue_tts.config import FRAME_RATE_HZ, HOP, SAMPLE_RATE_HZ, strict
from dialogue_tts.nn.conformer import Conformer, ConformerConfig
from dialogue_tts.nn.devices import device_of
from dialogue_tts.semantic.fsq import FiniteScalarQuantizer
from dialogue_tts.stages import stage

MEL_FRAMES = 4  # mel frames in a token's frame
READ_RATE = 2  # CTC decisions a token: fast speech has more than 25 phones a second
READ_RATE_HZ = FRAME_RATE_HZ * READ_RATE
QUIET = -1.4  # in the units of the mel shape; pauses lie at -2, speech around 0


@strict
class SemanticTokenizerConfig:
    """Network of the semantic tokenizer.

    Attributes:
        phones: the phones the CTC head reads, one character each; class 0 is the blank, phones[i] is class i + 1.
        levels: levels of the finite scalar quantiser; their product is the number of tokens.
        encoder, reader: Conformers before and after the quantiser, of one width.
        least_phones_a_second: a recording in which the CTC head is sure of fewer different phones holds no speech, see
            `voices.speech`; 0 for a network that cannot tell.
    """

    phones: str
    levels: tuple[int, ...] = (5, 5, 5, 4, 4)
    n_mels: int = 80
    n_fft: int = 1024
    shape_mels: int = 40
    encoder: ConformerConfig = ConformerConfig(width=192, heads=3, layers=4, hidden=576, kernel=9)
    reader: ConformerConfig = ConformerConfig(width=192, heads=3, layers=2, hidden=576, kernel=5)
    least_phones_a_second: float = 0.0


class SemanticOutput(NamedTuple):
    """What training sees."""

    ids: Tensor  # (B, T) int64
    phone_logits: Tensor  # (B, T * READ_RATE, phones + 1)
    shape: Tensor  # (B, T, shape_mels + 2): mel shape, pitch in octaves, voicing logit


class SemanticTokenizer(nn.Module):
    """Mel patches -> Conformer -> FSQ -> Conformer -> CTC. `encode`, `read` and `hear` give their result where their
    argument lies, wherever the network does."""

    def __init__(self, config: SemanticTokenizerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.encoder.width
        self.enter = nn.Linear(MEL_FRAMES * config.n_mels, width)
        self.encoder = Conformer(config.encoder)
        self.to_grid = nn.Linear(width, len(config.levels))
        self.quantizer = FiniteScalarQuantizer(config.levels)
        self.from_grid = nn.Linear(len(config.levels), width)
        self.reader = Conformer(config.reader)
        self.phone_head = nn.Linear(width, READ_RATE * (len(config.phones) + 1))
        self.shape_context = nn.Conv1d(len(config.levels), width, 5, padding=2)
        self.shape_head = nn.Linear(width, config.shape_mels + 2)

    @property
    def vocabulary(self) -> int:
        """Number of semantic tokens."""
        return self.quantizer.size

    def features(self, wave: Tensor) -> Tensor:
        """wave (B, T * HOP) -> normalised log-mel patches (B, T, MEL_FRAMES * n_mels)."""
        mel = log_mel(wave, self.config.n_fft, HOP // MEL_FRAMES, self.config.n_mels, SAMPLE_RATE_HZ)
        patches: Tensor = ((mel + 5) / 3).unflatten(1, (-1, MEL_FRAMES))
        return patches.flatten(2)

    def masked(self, features: Tensor, masked: Tensor) -> Tensor:
        """Hide mels, bool (B, T, n_mels), of features as from `features`."""
        patches: Tensor = features.unflatten(-1, (MEL_FRAMES, -1))
        return patches.masked_fill(masked.unsqueeze(2), 0.0).flatten(2)

    def forward(self, features: Tensor, valid: Tensor | None) -> SemanticOutput:
        """features as from `features`, valid bool (B, T) or None."""
        latent = self.to_grid(self.encoder(self.enter(features), valid)).float()
        grid, ids = self.quantizer(latent)
        if valid is not None:
            grid = grid * valid.unsqueeze(-1)
        shape = self.shape_head(F.silu(self.shape_context(grid.transpose(1, 2)).transpose(1, 2)))
        return SemanticOutput(ids, self._read(grid, valid), shape)

    def _read(self, grid: Tensor, valid: Tensor | None) -> Tensor:
        heard = self.reader(self.from_grid(grid), valid)
        logits: Tensor = self.phone_head(heard).unflatten(-1, (READ_RATE, -1))
        return logits.flatten(1, 2)

    @stage("self-check")
    @torch.inference_mode()
    def encode(self, wave: Tensor) -> Tensor:
        """wave float32 (B, T * HOP) -> semantic tokens int64 (B, T)."""
        ids: Tensor = self.quantizer(self._latent(wave))[1]
        return ids.to(wave.device)

    @stage("self-check")
    @torch.inference_mode()
    def read(self, ids: Tensor, valid: Tensor | None = None) -> Tensor:
        """Log-probabilities of phones from tokens: ids (B, T) -> (B, T * READ_RATE, phones + 1)."""
        device = device_of(self)
        grid = self.quantizer.values(ids.to(device))
        if valid is not None:
            valid = valid.to(device)
            grid = grid * valid.unsqueeze(-1)
        return self._read(grid, valid).float().log_softmax(-1).to(ids.device)

    @stage("self-check")
    @torch.inference_mode()
    def hear(self, wave: Tensor) -> Tensor:
        """Log-probabilities of phones from sound, without a quantiser in between: as `read(encode(wave))`, but a phone
        that is nearly another one is not rounded to it."""
        unrounded = self.quantizer.unrounded(self._latent(wave).float())
        return self._read(unrounded, None).float().log_softmax(-1).to(wave.device)

    def _latent(self, wave: Tensor) -> Tensor:
        """wave (B, T * HOP) -> what the quantiser rounds, (B, T, dims), on the network's device."""
        grid: Tensor = self.to_grid(self.encoder(self.enter(self.features(wave.to(device_of(self))))))
        return grid

    @torch.inference_mode()
    def quiet_tokens(self) -> Tensor:
        """Tokens that are silence, whatever the voice: bool (vocabulary,) on the CPU. Their spectrum, as this network itself
        predicts it from a row of each, lies below the utterance's average by `QUIET`, or the quietest one's does."""
        grid = self.quantizer.values(torch.arange(self.vocabulary, device=device_of(self)))
        row = grid.unsqueeze(-1).expand(-1, -1, self.shape_context.kernel_size[0])
        middle = self.shape_context(row)[..., row.shape[-1] // 2]
        level: Tensor = self.shape_head(F.silu(middle))[:, : self.config.shape_mels].mean(-1)
        quiet = level <= level.min().clamp_min(QUIET)  # never none: a pause has to have some token
        return quiet.cpu()

    def phone_ids(self, phones: list[str]) -> list[int]:
        """CTC classes of phones. Raises ValueError for a phone the head does not know."""
        return [self.config.phones.index(phone) + 1 for phone in phones]


def greedy_phones(log_probs: Tensor) -> list[int]:
    """Best path of CTC for one row: (T', classes) -> classes without blanks and repeats."""
    best: list[int] = log_probs.argmax(-1).unique_consecutive().tolist()
    return [phone for phone in best if phone]


def unlikelihood(log_probs: Tensor, phone_ids: list[int]) -> float:
    """How much less likely phones are than what is heard, the best path of CTC: nats a phone, infinite where the phones do
    not fit in. Below 0 where many paths say them.

    Args:
        log_probs: (T', classes), as from `SemanticTokenizer.hear`.
        phone_ids: CTC classes of the phones that were to be said.
    """
    steps = log_probs.shape[0]
    loss = F.ctc_loss(
        log_probs,
        torch.tensor(phone_ids),
        (steps,),  # type: ignore[arg-type]  # tuples are documented
        (len(phone_ids),),  # type: ignore[arg-type]
        reduction="sum",
    )
    return (float(loss) + float(log_probs.max(-1).values.sum())) / len(phone_ids)


class PhoneGroups:
    """CTC classes with those phones merged that a reading need not tell apart."""

    def __init__(self, phones: str, groups: Sequence[str]) -> None:
        """
        Args:
            phones: of the CTC head, in the order of its classes after the blank.
            groups: phones that are one; those of a group that begins with a space may be missing: they become the blank.
        """
        self._into = torch.arange(1 + len(phones))
        for group in groups:
            members = [1 + phones.index(phone) for phone in group if phone in phones]
            if members:
                self._into[members] = 0 if group.startswith(" ") else members[0]

    def log_probs(self, log_probs: Tensor) -> Tensor:
        """(T', classes) -> the same shape; of merged classes one has the probability of all."""
        return torch.zeros_like(log_probs).index_add_(1, self._into, log_probs.exp()).log()

    def phone_ids(self, phone_ids: list[int]) -> list[int]:
        """CTC classes -> those they are merged into, without blanks; as they are if nothing would be left."""
        return [phone for phone in self._into[phone_ids].tolist() if phone] or phone_ids


def phone_spans(log_probs: Tensor, phone_ids: list[int]) -> list[tuple[int, int]]:
    """When each phone is heard: log_probs (T', classes), CTC classes -> (first, last + 1) in 1 / READ_RATE_HZ s.

    Raises:
        ValueError: more phones than there are decisions to place them in.
    """
    target = torch.tensor([phone_ids], dtype=torch.int32)
    repeats = sum(a == b for a, b in zip(phone_ids, phone_ids[1:]))
    if len(phone_ids) + repeats > log_probs.shape[0]:
        raise ValueError(f"{len(phone_ids)} phones do not fit into {log_probs.shape[0]} steps")
    path, scores = torchaudio.functional.forced_align(log_probs[None].float().contiguous(), target, blank=0)
    spans = torchaudio.functional.merge_tokens(path[0], scores[0], blank=0)
    return [(span.start, span.end) for span in spans]
