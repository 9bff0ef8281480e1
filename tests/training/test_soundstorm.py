"""How turns are shared out among SoundStorm's training rows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch

from dialogue_tts.acoustic.generate import TokenSequence, assemble
from dialogue_tts.acoustic.model import Frames, SoundStorm, SoundStormConfig
from dialogue_tts.errors import ConfigError
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.semantic.align import PHONE_KINDS
from dialogue_tts.semantic.fsq import FiniteScalarQuantizer
from dialogue_tts.training.corpus import Utterance
from dialogue_tts.training.soundstorm import (
    SHORTEST_TO_HALVE,
    SoundStormTask,
    SoundStormTrainingConfig,
    Tokens,
    in_halves,
)
from dialogue_tts.training.task import batches_of

LEVELS, CODES, SLOTS, LONGEST = 3, 19, 2, 60


def _tokens(dialogues: int = 20) -> Tokens:
    """Dialogues of five turns, 7 to 23 frames each, between three speakers of six."""
    turns: list[Utterance] = []
    place = 0
    for number in range(dialogues):
        for position in range(5):
            frames = 7 + (5 * number + 3 * position) % 17
            speaker, dialogue = f"s{(number + position % 3) % 6}", f"d{number}"
            turns.append(
                Utterance(f"{dialogue}-{position}", "", "", speaker, dialogue, position, "train", place, frames)
            )
            place += frames
    by_dialogue, by_speaker = defaultdict(list), defaultdict(list)
    for turn in turns:
        by_dialogue[turn.dialogue].append(turn)
        by_speaker[turn.speaker].append(turn)
    rng = np.random.default_rng(0)
    semantic, codes = rng.integers(0, 12, place, np.int32), rng.integers(0, CODES, (place, LEVELS), np.int16)
    phones = np.full(place, -1, np.int16)
    return Tokens(semantic, codes, phones, turns, dict(by_dialogue), dict(by_speaker))


def _task(qualities: int = 0, **settings: object) -> SoundStormTask:
    conformer = ConformerConfig(width=16, heads=2, layers=1, hidden=22, kernel=3)
    task = SoundStormTask(
        SoundStorm(SoundStormConfig(12, LEVELS, CODES, SLOTS, conformer, qualities=qualities)),
        SoundStormTrainingConfig(300, 10, 20, LONGEST, **settings),  # type: ignore[arg-type]
        corpora=[_Arrays([], {name: np.zeros(0) for name in ("semantic", "acoustic", "phones")})],  # type: ignore[list-item]
        grid=FiniteScalarQuantizer((4, 3)),
    )
    task.train = [_tokens()]
    return task


class _Arrays:
    """A corpus in memory."""

    def __init__(self, turns: list[Utterance], arrays: dict[str, np.ndarray]) -> None:
        self.turns, self.tokens, self.has = turns, arrays.__getitem__, arrays.__contains__

    def split(self, *names: str) -> list[Utterance]:
        return self.turns


@pytest.mark.parametrize("pack_same_speaker, pack_dialogue", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.6, 0.5)])
def test_every_turn_comes_once_and_rows_hold_what_they_may(pack_same_speaker: float, pack_dialogue: float) -> None:
    task = _task(pack_same_speaker=pack_same_speaker, pack_dialogue=pack_dialogue)
    rows = list(task.rows(task.train[0], np.random.default_rng(1)))
    assert sorted(turn.id for row in rows for turn in row) == sorted(turn.id for turn in task.train[0].turns)
    assert all(sum(turn.frames for turn in row) <= LONGEST for row in rows)
    assert all(len({turn.speaker for turn in row}) <= SLOTS for row in rows)
    assert any(len(row) > 1 for row in rows) == bool(pack_same_speaker or pack_dialogue)
    for row in rows:
        assert len({turn.speaker for turn in row}) == 1 or len({turn.dialogue for turn in row}) == 1
    if pack_same_speaker == 1:
        assert all(len({turn.speaker for turn in row}) == 1 for row in rows)
    if not pack_same_speaker:
        assert all(row == sorted(row, key=lambda turn: turn.turn) for row in rows), "a dialogue keeps its order"


def test_gathered_rows_are_target_rather_than_prompt() -> None:
    shares = []
    for gathered in (0.0, 1.0):
        batches = list(
            batches_of(_task(pack_same_speaker=gathered, pack_dialogue=0.0, unprompted=0.0), np.random.default_rng(1))
        )
        target = sum(int((b.valid & ~b.frames.is_prompt).sum()) for b in batches)
        shares.append(target / sum(int(b.valid.sum()) for b in batches))
    assert shares[0] < 0.55 < 0.65 < shares[1]


def test_the_network_is_told_how_good_what_it_says_was_recorded() -> None:
    """Scores stand in the folder; who has none, and rows left unrated, are of the unknown quality, and so are prompts."""
    task = _task(4, unrated=0.3, unprompted=0.0)
    scores = {"s0": 0.0, "s1": 2.0, "s2": 3.0, "s3": 3.5, "s4": 4.0, "s5": 5.0}  # 4.0 is above the edge at 4.0
    wanted = {"s0": 0, "s1": 1, "s2": 1, "s3": 2, "s4": 3, "s5": 3}
    tokens = task.train[0]
    array = np.zeros(len(tokens.semantic), np.float32)
    semantic = np.zeros_like(tokens.semantic)
    for turn in tokens.turns:
        rows = slice(turn.start_frame, turn.start_frame + turn.frames)
        array[rows], semantic[rows] = scores[turn.speaker], wanted[turn.speaker]
    task.config = replace(task.config, quality_edges=(3.2, 4.0), token_noise=0.0)
    task.train = [replace(tokens, scores=array, semantic=semantic)]
    told, right = [], []
    for batch in batches_of(task, np.random.default_rng(1)):
        assert batch.quality is not None
        target = batch.valid & ~batch.frames.is_prompt
        assert not batch.quality[~target].any()
        told += batch.quality[target].tolist()
        right += batch.frames.semantic[target].tolist()
    heard = [a for a, b in zip(told, right, strict=True) if b]
    assert {(a, b) for a, b in zip(told, right, strict=True)} == {(q, q) for q in range(4)} | {(0, q) for q in range(4)}
    assert 0.15 < heard.count(0) / len(heard) < 0.45


def test_qualities_need_a_rated_folder() -> None:
    with pytest.raises(ConfigError, match="quality_edges: no data folder is rated; run `dialogue-tts data rate`"):
        _task(4, quality_edges=(3.2, 4.0))


def test_levels_decoded_in_one_pass_are_hidden_whole() -> None:
    batches = list(batches_of(_task(whole_from=1, pack_same_speaker=1.0), np.random.default_rng(1)))
    shown = [0, 0, 0]
    for batch in batches:
        target = batch.valid & ~batch.frames.is_prompt
        hidden = batch.frames.codes == CODES
        for row, there in zip(hidden, target, strict=True):
            level = int(row.any(0).int().argmax())
            shown[level] += int((there & ~row[:, level]).sum())
    assert shown[0] > 0 and shown[1:] == [0, 0]


def test_what_is_to_be_guessed_is_hidden_and_known_to_the_loss() -> None:
    task = _task(unprompted=0.0)
    task.network.eval()
    for number, batch in enumerate(batches_of(task, np.random.default_rng(2))):
        level = [q for q, count in enumerate(batch.counts) for _ in range(count)]
        assert len(batch.counts) == LEVELS and len(level) == len(batch.places) == len(batch.wanted)
        hidden = batch.frames.codes.flatten(0, 1)[batch.places, torch.tensor(level)]
        assert (hidden == CODES).all() and (batch.wanted < CODES).all()
        if number == 0:
            figures = next(iter(task.losses(batch, 0)))[2]
            logits = task.network(batch.frames, batch.valid).flatten(0, 1)[batch.places]
            found = [task.network.level_logits(x, q) for x, q in zip(logits, level, strict=True)]
            wanted = torch.nn.functional.cross_entropy(torch.stack(found), batch.wanted)
            assert abs(float(figures["loss"]) - float(wanted.detach())) < 1e-4


def _texts(task: SoundStormTask) -> None:
    """Every turn says "abd", in thirds; every fifth could not be aligned."""
    tokens = task.train[0]
    turns = [replace(turn, phonemes="abd") for turn in tokens.turns]
    phones = tokens.phones.copy()
    for number, turn in enumerate(turns):
        if number % 5:
            phones[turn.start_frame : turn.start_frame + turn.frames] = np.arange(turn.frames) * 4 // turn.frames
    known = {turn.id: turn for turn in turns}
    groups = [{k: [known[t.id] for t in g] for k, g in by.items()} for by in (tokens.dialogues, tokens.speakers)]
    task.train = [replace(tokens, phones=phones, turns=turns, dialogues=groups[0], speakers=groups[1])]


def test_phones_of_the_text_come_with_the_frames_that_say_them() -> None:
    task = _task(text_dropout=0.0, pack_same_speaker=0.5)
    _texts(task)
    silent, a, b, d = (PHONE_KINDS[c] for c in ("", "a", "b", "d"))
    pairs = {(silent, a), (a, b), (b, d), (d, 0), (0, 0)}
    seen: set[tuple[int, int]] = set()
    for batch in batches_of(task, np.random.default_rng(1)):
        phones = batch.frames.phones
        assert not phones[batch.frames.is_prompt | ~batch.valid].any(), "what prompts say is not told"
        seen |= {(x, y) for x, y in phones[batch.valid & ~batch.frames.is_prompt].tolist()}
    assert seen == pairs
    text_dropout = _task(text_dropout=1.0)
    _texts(text_dropout)
    assert not any(batch.frames.phones.any() for batch in batches_of(text_dropout, np.random.default_rng(1)))


def test_vague_tokens_stray_to_neighbours_in_the_grid_and_prompts_stay() -> None:
    task = _task(token_jitter=0.3, token_noise=0.0, unprompted=0.0)
    assert task.grid is not None
    turn = task.train[0].turns[3]
    moved, frames = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        passage = task.passage(task.train[0], [turn], 6, rng)
        vague = task._blurred(passage, rng)
        assert vague.prompts is passage.prompts
        apart = (task.grid.values(vague.semantic) - task.grid.values(passage.semantic)).abs()
        assert (apart <= 2 / (task.grid.levels - 1) + 1e-6).all(), "a level away at most on each axis"
        moved += int((apart > 0).any(1).sum())
        frames += len(passage.semantic)
    assert 0.15 < moved / frames < 0.3


def test_vague_tokens_without_a_grid_are_told() -> None:
    config = SoundStormTrainingConfig(token_jitter=0.1)
    with pytest.raises(ConfigError, match="grid"):
        SoundStormTask(_task().network, config, [])


def _turn(name: str, speaker: str, frames: int, start: int = 0) -> Utterance:
    return Utterance(name, "", "abd", speaker, f"dialogue of {name}", 0, "train", start, frames)


def test_single_recordings_are_cut_in_halves() -> None:
    long, short, of_two = SHORTEST_TO_HALVE + 1, SHORTEST_TO_HALVE - 1, SHORTEST_TO_HALVE
    turns = [
        _turn("a", "ann", long),
        _turn("b", "ben", short, long),
        _turn("c", "cy", of_two, 500),
        _turn("d", "cy", 9),
    ]
    first, second, *others = in_halves(turns)
    assert others == turns[1:]
    assert (first.start_frame, first.frames, second.start_frame, second.frames) == (
        0,
        long // 2,
        long // 2,
        long - long // 2,
    )
    assert first.speaker == second.speaker == "ann" and first.id != second.id and first.dialogue != second.dialogue


def _read(task: SoundStormTask, turns: list[Utterance], frames: int) -> Tokens:
    rng = np.random.default_rng(0)
    semantic, codes = rng.integers(0, 12, frames, np.int32), rng.integers(0, CODES, (frames, LEVELS), np.int16)
    path = (np.arange(frames) * 4 // frames).astype(np.int16)
    corpus = _Arrays(turns, {"semantic": semantic, "acoustic": codes, "phones": path})
    return Tokens.read(corpus, "train")  # type: ignore[arg-type]


def test_halves_prompt_each_other_and_know_their_text() -> None:
    task, frames = _task(), SHORTEST_TO_HALVE + 10
    tokens = _read(task, [_turn("a", "ann", frames)], frames)
    first, second = tokens.turns
    passage = task.passage(tokens, [second], 20, np.random.default_rng(1))
    (prompt,) = passage.prompts
    heard = np.lib.stride_tricks.sliding_window_view(tokens.semantic[: first.frames], 20)
    assert (heard == prompt.semantic.numpy()).all(1).any(), "the prompt is of the other half"
    wanted = [PHONE_KINDS[c] for c in ("b", "d")]
    assert passage.phones is not None and set(passage.phones[:, 0].tolist()) == set(wanted)


def test_prompts_may_be_degraded_and_targets_stay_as_recorded() -> None:
    for share in (0.0, 1.0):
        task = _task(degraded_prompts=share, unprompted=0.0)
        tokens = task.train[0]
        degraded = np.full_like(tokens.semantic, 11), np.full_like(tokens.codes, CODES - 1)
        task.train = [replace(tokens, degraded=degraded)]
        for turns in list(task.rows(task.train[0], np.random.default_rng(1)))[:20]:
            passage = task.passage(task.train[0], turns, 15, np.random.default_rng(2))
            for prompt in passage.prompts:
                assert (prompt.codes == CODES - 1).all() == bool(share) == (prompt.semantic == 11).all()
            assert torch.equal(passage.codes, torch.cat([tokens.of(turn)[1] for turn in turns])[-LONGEST:])


def test_speakers_with_few_recordings_are_not_packed() -> None:
    task = _task(pack_same_speaker=1.0, pack_dialogue=0.0)
    turns = [
        _turn(f"{speaker}{n}", speaker, 10, 10 * n) for speaker, count in (("ann", 3), ("ben", 4)) for n in range(count)
    ]
    rows = list(task.rows(_read(task, turns, 40), np.random.default_rng(1)))
    assert sorted(len(row) for row in rows) == [1, 1, 1, 4]


def test_all_folders_are_validated_on_with_another_speakers_prompt_as_the_wrong_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    task, heard = _task(), []
    tokens = [replace(_tokens(4), turns=[turn]) for turn in _tokens(4).turns[:6]]
    task.held_out = [(t, turn) for t in tokens for turn in t.turns]

    def assembled(passages: list[TokenSequence], config: SoundStormConfig) -> tuple[Frames, torch.Tensor]:
        heard.append(passages)
        return assemble(passages, config)

    monkeypatch.setattr("dialogue_tts.training.soundstorm.assemble", assembled)
    figures = task.validate({})
    assert set(figures) == {"level_1", "level_2", "level_3", "level_1_wrong_voice"}
    right, wrong = heard[0], heard[-1]
    speakers = [turn.speaker for _, turn in task.held_out]
    owner = {id(p.prompts[0].codes): s for p, s in zip(right, speakers, strict=True)}
    assert all(owner[id(p.prompts[0].codes)] != s for p, s in zip(wrong, speakers, strict=True))
    task.held_out = [pair for pair in task.held_out if pair[1].speaker == speakers[0]]
    assert set(task.validate({})) == {"level_1", "level_2", "level_3"}, "nobody else is there"
