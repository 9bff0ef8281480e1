"""How turns are shared out among SoundStorm's training rows."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest

from dialogue_tts.acoustic.model import SoundStorm, SoundStormConfig
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.training.corpus import Utterance
from dialogue_tts.training.soundstorm import SoundStormTask, SoundStormTrainingConfig, Tokens

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
    units = np.full(place, -1, np.int16)
    return Tokens(semantic, codes, units, turns, dict(by_dialogue), dict(by_speaker))


def _task(**settings: object) -> SoundStormTask:
    conformer = ConformerConfig(width=16, heads=2, layers=1, hidden=22, kernel=3)
    task = SoundStormTask(
        SoundStorm(SoundStormConfig(12, LEVELS, CODES, SLOTS, conformer)),
        SoundStormTrainingConfig(300, 10, 20, LONGEST, **settings),  # type: ignore[arg-type]
        corpora=[_Nothing()],  # type: ignore[list-item]
    )
    task.train = [_tokens()]
    return task


class _Nothing:
    """A corpus without turns, for a task whose tokens a test gives."""

    def split(self, *names: str) -> list[Utterance]:
        return []

    def tokens(self, name: str) -> np.ndarray:
        return np.zeros(0)


@pytest.mark.parametrize("gathered, joined", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (0.6, 0.5)])
def test_every_turn_comes_once_and_rows_hold_what_they_may(gathered: float, joined: float) -> None:
    task = _task(gathered=gathered, joined=joined)
    rows = list(task.rows(task.train[0], np.random.default_rng(1)))
    assert sorted(turn.id for row in rows for turn in row) == sorted(turn.id for turn in task.train[0].turns)
    assert all(sum(turn.frames for turn in row) <= LONGEST for row in rows)
    assert all(len({turn.speaker for turn in row}) <= SLOTS for row in rows)
    assert any(len(row) > 1 for row in rows) == bool(gathered or joined)
    for row in rows:
        assert len({turn.speaker for turn in row}) == 1 or len({turn.dialogue for turn in row}) == 1
    if gathered == 1:
        assert all(len({turn.speaker for turn in row}) == 1 for row in rows)
    if not gathered:
        assert all(row == sorted(row, key=lambda turn: turn.turn) for row in rows), "a dialogue keeps its order"


def test_gathered_rows_are_target_rather_than_prompt() -> None:
    shares = []
    for gathered in (0.0, 1.0):
        batches = list(_task(gathered=gathered, joined=0.0, unprompted=0.0).batches(np.random.default_rng(1)))
        target = sum(int((b.valid & ~b.frames.is_prompt).sum()) for b in batches)
        shares.append(target / sum(int(b.valid.sum()) for b in batches))
    assert shares[0] < 0.55 < 0.65 < shares[1]


def test_levels_decoded_in_one_pass_are_hidden_whole() -> None:
    batches = list(_task(whole_from=1).batches(np.random.default_rng(1)))
    whole = defaultdict(list)
    for batch in batches:
        target = batch.valid & ~batch.frames.is_prompt
        for row, level in enumerate(batch.levels.tolist()):
            whole[level].append(bool((batch.masked[row] == target[row]).all()))
    assert all(whole[1]) and all(whole[2])
    assert not all(whole[0])
