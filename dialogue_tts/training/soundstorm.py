"""Training of SoundStorm on cached tokens: fill in hidden codes of one level, given semantic tokens and voice prompts."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dialogue_tts.acoustic.generate import Prompt, TokenSequence, assemble, to_fill
from dialogue_tts.acoustic.masking import TrainingMask, level_shares, mask_for_training, places_by_level
from dialogue_tts.acoustic.model import Frames, SoundStorm
from dialogue_tts.config import strict
from dialogue_tts.errors import ConfigError
from dialogue_tts.semantic.align import PhoneSequence, phones_said
from dialogue_tts.semantic.fsq import FiniteScalarQuantizer
from dialogue_tts.training.corpus import Corpus, Utterance, batches_by_length
from dialogue_tts.training.quality import scores_of
from dialogue_tts.training.splits import in_turn
from dialogue_tts.training.task import Figures, moved

DEGRADED = ("semantic_degraded", "acoustic_degraded")
VAGUE_FRAMES = 4
SHORTEST_TO_HALVE = 90  # frames: each half is a prompt, or target, of nearly two seconds
FEWEST_TO_PACK = 4  # recordings of a speaker, or too little is left for a prompt beside those in a row


@strict
class SoundStormTrainingConfig:
    """Data and loss settings.

    Attributes:
        frames_per_batch: of the network, prompts and padding included. All other frames are those of semantic tokens.
        shortest_prompt, longest_prompt: frames of a voice prompt, cut from another recording of the speaker.
        longest_frames: of the turns in one row.
        pack_same_speaker: share of turns that share a row with others of their voice, and one prompt: in rows of a single turn
            more than half of the frames are prompt, which teaches nothing.
        pack_dialogue: of the others, the share that follows its neighbour in a dialogue, each speaker in a slot of their own.
        unprompted: share of rows without prompts, for guidance against an unprompted guess.
        text_dropout: share of rows whose text is unknown, as it is of recordings without one.
        token_noise: share of semantic tokens replaced by others of the row: in use they come from text-to-semantic,
            which is not always right.
        token_jitter: share of short stretches whose tokens stray to neighbours in the quantiser's grid: unseen speech is
            read back worse than what the tokenizer learnt from, and the network has to learn to go by the text there.
        degraded_prompts: share of prompts that are heard through a bad microphone, a telephone, a room or a lossy coder, while
            what is to be said stays as recorded, so that the network leaves such things out; in folders that have such
            prompts (`tokens.tokenize`).
        quality_edges: rising scores from 1 to 5 that part recordings by quality, as `quality.rate` found it; none for none: the
            network is told the quality of what is to be said (a control code, as in Keskar et al. 2019, arXiv 1909.05858),
            so that it learns what is the recording's and what the voice's, and a bundle asks for the best.
        unrated: share of rows whose quality is not told.
        level_weights: how often each level is trained, see `masking.level_shares`.
        whole_from: see `masking.mask_for_training`.
        label_smoothing: of the loss.
    """

    frames_per_batch: int = 3000
    shortest_prompt: int = 50
    longest_prompt: int = 125
    longest_frames: int = 400
    pack_same_speaker: float = 0.0
    pack_dialogue: float = 0.3
    unprompted: float = 0.08
    text_dropout: float = 0.1
    token_noise: float = 0.03
    token_jitter: float = 0.0
    degraded_prompts: float = 0.0
    quality_edges: tuple[float, ...] = ()
    unrated: float = 0.1
    level_weights: Literal["uniform", "linear", "square", "cube"] = "linear"
    whole_from: int | None = None
    label_smoothing: float = 0.0
    validation_turns: int = 64


class SoundStormBatch(NamedTuple):
    """A padded batch and what is to be predicted in it.

    What is looked up for the loss is looked up where batches are made: on an accelerator each look would make the
    processor wait for it.
    """

    frames: Frames  # codes hidden
    valid: Tensor  # bool (B, T)
    places: Tensor  # int64 (N,): hidden codes to guess, see `masking.places_by_level`
    wanted: Tensor  # int64 (N,): the codes there
    counts: list[int]  # of each level, sum N
    quality: Tensor | None  # int64 (B, T), see `SoundStorm.forward`

    @classmethod
    def of(cls, frames: Frames, valid: Tensor, hidden: TrainingMask, quality: Tensor | None) -> SoundStormBatch:
        """`frames` with nothing hidden."""
        places, counts = places_by_level(hidden.masked, hidden.levels, frames.codes.shape[-1])
        level = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        wanted = frames.codes.flatten(0, 1)[places, level]
        return cls(frames._replace(codes=hidden.codes), valid, places, wanted, counts, quality)


class PlannedRow(NamedTuple):
    """Turns that share a row, and how many frames of a prompt stand before them."""

    tokens: Tokens
    turns: list[Utterance]
    prompt_frames: int


class SoundStormTask:
    """See `task.Task`."""

    best = "level_1"

    def __init__(
        self,
        network: SoundStorm,
        config: SoundStormTrainingConfig,
        corpora: list[Corpus],
        grid: FiniteScalarQuantizer | None = None,
    ) -> None:
        """`grid` is that of the semantic tokens.

        Raises:
            ConfigError: tokens are to be vague, and there is no grid; or qualities told, and no folder is rated.
        """
        if config.token_jitter and grid is None:
            raise ConfigError("token_jitter: the grid of the semantic tokens is needed for it.")
        self.networks: dict[str, nn.Module] = {"soundstorm": network}
        self.frozen: tuple[nn.Module, ...] = ()
        self.network, self.config, self.grid = network, config, grid
        self.shares = level_shares(config.level_weights, network.config.levels)
        degraded = config.degraded_prompts > 0
        self.train = [Tokens.read(corpus, "train", degraded) for corpus in corpora]
        unheard = [Tokens.read(corpus, "test_speaker") for corpus in corpora]
        self.held_out = in_turn([(tokens, turn) for tokens in unheard for turn in tokens.turns])
        if config.quality_edges and all(tokens.scores is None for tokens in self.train):
            raise ConfigError("quality_edges: no data folder is rated; run `dialogue-tts data rate` on them.")

    def plan(self, rng: np.random.Generator) -> Sequence[list[PlannedRow]]:
        """Every turn comes once, alone or beside others; prompts are drawn anew."""
        rows = [(tokens, turns) for tokens in self.train for turns in self.rows(tokens, rng)]
        prompts = [self.prompt_frames(rng) for _ in rows]
        times = self.network.config.rate.codec_frames
        lengths = [
            times * (sum(turn.frames for turn in turns) + prompt * len({turn.speaker for turn in turns}))
            for (_, turns), prompt in zip(rows, prompts, strict=True)
        ]
        planned = batches_by_length(lengths, self.config.frames_per_batch, rng)
        return [[PlannedRow(*rows[i], prompts[i]) for i in indices] for indices in planned]

    def batch(self, planned: list[PlannedRow], rng: np.random.Generator) -> SoundStormBatch:
        """Rows as planned, with prompts, and with codes hidden."""
        return self.collate([self.passage(*row, rng) for row in planned], rng)

    def rows(self, tokens: Tokens, rng: np.random.Generator) -> Iterator[list[Utterance]]:
        """Share the turns out among rows: those of one voice, neighbours in a dialogue, single ones."""
        gathered = {
            turn.id
            for turns in tokens.speakers.values()
            if len(turns) >= FEWEST_TO_PACK
            for turn in turns
            if rng.random() < self.config.pack_same_speaker
        }
        for turns in tokens.speakers.values():
            mine = [turn for turn in turns if turn.id in gathered]
            yield from self._packed([mine[i] for i in rng.permutation(len(mine))], lambda: True)
        for turns in tokens.dialogues.values():
            left = [turn for turn in turns if turn.id not in gathered]
            yield from self._packed(left, lambda: rng.random() < self.config.pack_dialogue)

    def _packed(self, turns: list[Utterance], goes_on: Callable[[], bool]) -> Iterator[list[Utterance]]:
        """Turns one after the other into rows, as long as there are frames and slots for them and `goes_on` says so."""
        row: list[Utterance] = []
        for turn in turns:
            fits = sum(t.frames for t in row) + turn.frames <= self.config.longest_frames
            voices = len({t.speaker for t in row} | {turn.speaker})
            if row and not (goes_on() and fits and voices <= self.network.config.slots):
                yield row
                row = []
            row.append(turn)
        if row:
            yield row

    def prompt_frames(self, rng: np.random.Generator) -> int:
        """How long the prompts of a row shall be."""
        return int(rng.integers(self.config.shortest_prompt, self.config.longest_prompt + 1))

    def passage(self, tokens: Tokens, turns: list[Utterance], wanted: int, rng: np.random.Generator) -> TokenSequence:
        """Turns with a prompt of `wanted` frames for each speaker, who are put into slots by chance."""
        speakers = list(dict.fromkeys(turn.speaker for turn in turns))
        slots = dict(zip(speakers, rng.permutation(self.network.config.slots).tolist(), strict=False))
        heard = {turn.id for turn in turns}
        prompts = [self._prompt(tokens, speaker, slots[speaker], heard, wanted, rng) for speaker in speakers]
        semantic, codes, phones = zip(*(tokens.of(turn) for turn in turns), strict=True)
        places = torch.cat([torch.full((turn.frames,), slots[turn.speaker]) for turn in turns])
        start = max(0, places.shape[0] - self.config.longest_frames)  # a single turn may be longer
        return TokenSequence(
            [p for p in prompts if p is not None],
            torch.cat(semantic)[start:],
            places[start:],
            torch.cat(phones)[start:],
            torch.cat(codes)[start:],
            torch.cat([tokens.quality(turn, self.config.quality_edges) for turn in turns])[start:],
        )

    def _prompt(
        self, tokens: Tokens, speaker: str, slot: int, heard: set[str], wanted: int, rng: np.random.Generator
    ) -> Prompt | None:
        """A stretch of other recordings of the speaker, `wanted` frames or all there are; None for a speaker who has none."""
        others = [turn for turn in tokens.speakers[speaker] if turn.id not in heard]
        semantic, codes, found = [], [], 0
        degraded = rng.random() < self.config.degraded_prompts
        for index in rng.permutation(len(others)):
            parts = tokens.heard(others[index], degraded)
            semantic.append(parts[0])
            codes.append(parts[1])
            found += parts[0].shape[0]
            if found >= wanted:
                break
        if not found:
            return None
        start = int(rng.integers(0, max(0, found - wanted) + 1))
        stretch = slice(start, start + wanted)
        return Prompt(slot, torch.cat(semantic)[stretch], torch.cat(codes)[stretch])

    def collate(self, passages: list[TokenSequence], rng: np.random.Generator) -> SoundStormBatch:
        """Assemble rows and hide codes."""
        bare = rng.random(len(passages)) < self.config.unprompted
        rows = [p._replace(prompts=[]) if without else p for p, without in zip(passages, bare, strict=True)]
        unread = rng.random(len(passages)) < self.config.text_dropout
        rows = [p._replace(phones=None) if without else p for p, without in zip(rows, unread, strict=True)]
        unrated = rng.random(len(passages)) < self.config.unrated
        rows = [p._replace(quality=None) if without else p for p, without in zip(rows, unrated, strict=True)]
        frames, valid = assemble([self._blurred(row, rng) for row in rows], self.network.config)
        drawn = torch.Generator().manual_seed(int(rng.integers(1 << 62)))
        target = to_fill(frames, valid, self.network.config)
        whole_from = self.config.whole_from
        hidden = mask_for_training(frames.codes, target, self.shares, self.network.mask_id, drawn, whole_from)
        return SoundStormBatch.of(frames, valid, hidden, self._quality(rows, frames))

    def _quality(self, rows: list[TokenSequence], frames: Frames) -> Tensor | None:
        """Of each frame of `frames`, in which `rows` stand; None for a network that does not tell it."""
        if not self.network.config.qualities:
            return None
        found, times = torch.zeros_like(frames.semantic), self.network.config.rate.codec_frames
        for row, sequence in zip(found, rows, strict=True):
            if sequence.quality is not None:
                told = sequence.quality.repeat_interleave(times)
                prompted = times * sum(prompt.semantic.shape[0] for prompt in sequence.prompts)
                row[prompted : prompted + told.shape[0]] = told
        return found

    def _blurred(self, passage: TokenSequence, rng: np.random.Generator) -> TokenSequence:
        wrong = torch.from_numpy(rng.random(len(passage.semantic)) < self.config.token_noise)
        others = passage.semantic[torch.from_numpy(rng.permutation(len(passage.semantic)))]
        semantic = torch.where(wrong, others, passage.semantic)
        if self.grid is not None and self.config.token_jitter:
            stretches = rng.random(len(semantic) // VAGUE_FRAMES + 2) < self.config.token_jitter
            shift = int(rng.integers(VAGUE_FRAMES))
            vague = torch.from_numpy(stretches.repeat(VAGUE_FRAMES)[shift : shift + len(semantic)])
            steps = torch.from_numpy(rng.integers(-1, 2, (len(semantic), len(self.grid.levels))))
            semantic = torch.where(vague, self.grid.neighbours(semantic, steps), semantic)
        return passage._replace(semantic=semantic)

    def losses(self, batch: SoundStormBatch, step: int) -> Iterator[tuple[str, Tensor, Figures]]:
        """Cross-entropy of the hidden codes of each row's level."""
        logits = self._logits(batch)
        loss = F.cross_entropy(logits, batch.wanted, label_smoothing=self.config.label_smoothing)
        figures: Figures = {"loss": loss.detach()}
        if batch.counts[0]:
            first, wanted = logits[: batch.counts[0]].detach(), batch.wanted[: batch.counts[0]]
            figures["accuracy_1"] = (first.argmax(-1) == wanted).float().mean()
            figures["loss_1"] = F.cross_entropy(first, wanted)
        yield "soundstorm", loss, figures

    def _logits(self, batch: SoundStormBatch) -> Tensor:
        """Of the codes to guess, float32 (N, V)."""
        hidden = self.network(batch.frames, batch.valid, batch.quality)
        return self.network.logits_at(hidden, batch.places, batch.counts).float()

    def validate(self, networks: dict[str, nn.Module]) -> Figures:
        """Cross-entropy of fully hidden levels of voices never heard, and of level 1 with another speaker's prompt."""
        rng = np.random.default_rng(0)
        turns = self.held_out[: self.config.validation_turns]
        passages = [self.passage(tokens, [turn], self.prompt_frames(rng), rng) for tokens, turn in turns]
        speakers = [turn.speaker for _, turn in turns]
        others = [next((p for p, s in zip(passages, speakers, strict=True) if s != mine), None) for mine in speakers]
        wrong = [p._replace(prompts=o.prompts) for p, o in zip(passages, others, strict=True) if o is not None]
        figures: Figures = {}
        for name, level, rows in (
            ("level_1", 0, passages),
            ("level_2", 1, passages),
            (f"level_{self.network.config.levels}", self.network.config.levels - 1, passages),
            ("level_1_wrong_voice", 0, wrong),
        ):
            losses = []
            for start in range(0, len(rows), 16):
                frames, valid = assemble([_in_slot_0(p) for p in rows[start : start + 16]], self.network.config)
                target = to_fill(frames, valid, self.network.config)
                hidden = frames.codes.masked_fill(
                    target.unsqueeze(-1) & (torch.arange(frames.codes.shape[-1]) >= level), self.network.mask_id
                )
                levels = torch.full((frames.codes.shape[0],), level)
                told = self._quality(rows[start : start + 16], frames)
                batch = SoundStormBatch.of(frames, valid, TrainingMask(hidden, levels, target), told)
                batch = moved(batch, self.network.prompt.device)
                losses.append(float(F.cross_entropy(self._logits(batch), batch.wanted)))
            if losses:  # of one speaker alone there is no other's voice
                figures[name] = float(np.mean(losses))
        return figures


def _in_slot_0(passage: TokenSequence) -> TokenSequence:
    prompts = [prompt._replace(slot=0) for prompt in passage.prompts]
    return passage._replace(prompts=prompts, slots=torch.zeros_like(passage.slots))


def in_halves(turns: list[Utterance]) -> list[Utterance]:
    """Of speakers with a single recording, if it is long enough, its two halves: each is then the other's prompt."""
    count = Counter(turn.speaker for turn in turns)
    found: list[Utterance] = []
    for turn in turns:
        if count[turn.speaker] > 1 or turn.frames < SHORTEST_TO_HALVE:
            found.append(turn)
            continue
        half = turn.frames // 2
        for number, start, frames in ((1, 0, half), (2, half, turn.frames - half)):
            part = replace(turn, id=f"{turn.id}#{number}", dialogue=f"{turn.dialogue}#{number}")
            found.append(replace(part, start_frame=turn.start_frame + start, frames=frames))
    return found


@dataclass(frozen=True)
class Tokens:
    """The tokens of a split, where they lie on disk. Turns are those of the split, single ones of a speaker in halves."""

    semantic: np.ndarray  # (frames,) int32
    codes: np.ndarray  # (frames, codes of a token) int16
    phones: np.ndarray  # (frames,) int16: of each turn's text; -1 where it could not be aligned
    turns: list[Utterance]
    dialogues: dict[str, list[Utterance]]
    speakers: dict[str, list[Utterance]]
    degraded: tuple[np.ndarray, np.ndarray] | None = None  # semantic and codes of the same recordings, degraded
    scores: np.ndarray | None = None  # (frames,) float32: of each recording, see `quality.rate`; 0 where unknown

    @classmethod
    def read(cls, corpus: Corpus, split: str, degraded: bool = False) -> Tokens:
        """`degraded`: with those of degraded recordings, where there are some. Raises DataError where the corpus has no
        tokens yet."""
        dialogues, speakers = defaultdict(list), defaultdict(list)
        turns = in_halves(corpus.split(split))
        for turn in turns:
            dialogues[turn.dialogue].append(turn)
            speakers[turn.speaker].append(turn)
        for dialogue in dialogues.values():
            dialogue.sort(key=lambda turn: turn.turn)
        return cls(
            corpus.tokens("semantic"),
            corpus.tokens("acoustic"),
            corpus.tokens("phones"),
            turns,
            dict(dialogues),
            dict(speakers),
            (corpus.tokens(DEGRADED[0]), corpus.tokens(DEGRADED[1])) if degraded and corpus.has(DEGRADED[1]) else None,
            scores_of(corpus),
        )

    def __len__(self) -> int:
        """How many turns."""
        return len(self.turns)

    def heard(self, turn: Utterance, degraded: bool) -> tuple[Tensor, Tensor]:
        """(semantic (S,), codes (S, codes of a token)) int64 of a turn as a prompt; as recorded where nothing is degraded."""
        rows = slice(turn.start_frame, turn.start_frame + turn.frames)
        semantic, codes = self.degraded if degraded and self.degraded else (self.semantic, self.codes)
        return torch.from_numpy(semantic[rows].astype(np.int64)), torch.from_numpy(codes[rows].astype(np.int64))

    def quality(self, turn: Utterance, edges: tuple[float, ...]) -> Tensor:
        """int64 (S,): 0 where no score is known, else 1 below the first of `edges`, up to one more than there are."""
        score = 0.0 if self.scores is None else float(self.scores[turn.start_frame])
        return torch.full((turn.frames,), 1 + bisect_right(edges, score) if score else 0)

    def of(self, turn: Utterance) -> tuple[Tensor, Tensor, Tensor]:
        """(semantic (S,), codes (S, codes of a token), phones (S, 2)) int64 of a turn."""
        rows = slice(turn.start_frame, turn.start_frame + turn.frames)
        semantic, codes, path = (
            torch.from_numpy(array[rows].astype(np.int64)) for array in (self.semantic, self.codes, self.phones)
        )
        aligned = path[0] >= 0
        nothing = torch.zeros(turn.frames, 2, dtype=torch.int64)
        phones = phones_said(PhoneSequence.of(turn.phonemes), path) if aligned else nothing
        return semantic, codes, phones
