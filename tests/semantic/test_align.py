"""PhoneSequence of a phoneme string, and the phone each frame belongs to."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from dialogue_tts.semantic.align import (
    PHONE_KINDS,
    SHORTEST_PAUSE,
    PhoneSequence,
    frame_phones,
    heard_phones,
    phones_said,
    turn_text,
)
from dialogue_tts.semantic.tokenizer import READ_RATE, SemanticTokenizer, SemanticTokenizerConfig
from dialogue_tts.text.tokenizer import PAUSE_MARKS, TURN, TextTokenizer

PHRASE = "ˈOk, nˌO? bɪt!"


def test_phones_are_the_tag_phones_and_marks() -> None:
    sequence = PhoneSequence.of(PHRASE)
    assert sequence.characters == ("", *"Ok,nO?bɪt!")
    assert [PHRASE[i] for i in sequence.offsets[1:]] == list("Ok,nO?bɪt!")
    assert sequence.offsets[0] == -1
    assert sequence.phones == list("OknObɪt")


@pytest.mark.parametrize(
    ("phonemes", "ends"),
    [
        (PHRASE, (6,)),
        ("nO. nO... nO.", (3, 8)),
        ("nO; nO, nO: nO", ()),
        (".nO", (1,)),
        ("nO?! nO?!", (4,)),
        ("nO.", ()),
    ],
)
def test_sentence_ends_have_another_sentence_behind_them(phonemes: str, ends: tuple[int, ...]) -> None:
    assert PhoneSequence.of(phonemes).ends == ends


def test_turn_text_points_at_its_phones(tmp_path: Path) -> None:
    tokenizer = TextTokenizer.train([PHRASE], tmp_path / "text.model")
    text = turn_text(PHRASE, tokenizer)
    assert len(text.ids) == 1 + len(PHRASE)
    assert tokenizer.decode([text.ids[0]]) == TURN
    sequence = PhoneSequence.of(PHRASE)
    assert [tokenizer.decode([text.ids[place]]) for place in text.phones] == [TURN, *sequence.characters[1:]]
    assert text.ends == sequence.ends


def _random_spans(count: int, steps: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Spikes as CTC makes them: in order, one or a few steps long, with gaps of any length."""
    starts = np.sort(rng.choice(steps, count, replace=False)).tolist()
    return [(a, min(b, a + int(rng.integers(1, 4)))) for a, b in pairwise([*starts, steps])]


@pytest.mark.parametrize("phonemes", ["b", PHRASE, "...kˈɪd, ænd", "a:.?! b"])
@pytest.mark.parametrize("max_advance", [1, 2, 4])
def test_paths_go_from_the_first_phone_to_the_last_within_reach(phonemes: str, max_advance: int) -> None:
    sequence = PhoneSequence.of(phonemes)
    last = len(sequence.characters) - 1
    rng = np.random.default_rng(1)
    fewest = max(-(-last // max_advance) + 1, -(-len(sequence.phones) // READ_RATE), 2)
    for frames in [fewest, fewest + 1, *rng.integers(fewest, 40, 60).tolist()]:
        path = frame_phones(sequence, _random_spans(len(sequence.phones), frames * READ_RATE, rng), frames, max_advance)
        assert len(path) == frames
        assert path[0] == 0 and path[-1] == last
        advances = {b - a for a, b in pairwise(path)}
        assert min(advances) >= 0 and max(advances) <= max_advance


def _between(gap: int, tail: int = 4) -> list[str]:
    """What "ab, d" is said in where b ends `gap` steps before d begins: a character a frame, "" for the tag."""
    sequence = PhoneSequence.of("ab,d")
    spans = [(4, 6), (6, 8), (8 + gap, 10 + gap)]
    frames = (10 + gap + tail) // READ_RATE
    return [sequence.characters[phone] for phone in frame_phones(sequence, spans, frames, 4)]


@pytest.mark.parametrize("gap", [0, 1, 2, SHORTEST_PAUSE - 1])
def test_a_mark_without_a_gap_gets_no_frames(gap: int) -> None:
    said = _between(gap, tail=4 + gap % 2)
    assert "," not in said
    assert {"a", "b", "d"} <= set(said)


@pytest.mark.parametrize("gap", [6, 10, 24])
def test_a_mark_in_a_gap_gets_its_frames(gap: int) -> None:
    said = _between(gap)
    assert abs(said.count(",") - (gap - 3) / READ_RATE) <= 1  # b rings on for two steps, d begins one before its spike
    assert said == sorted(said, key="ab,d".find)


def test_the_last_of_several_marks_gets_the_pause() -> None:
    sequence = PhoneSequence.of("a?…d")
    said = [sequence.characters[phone] for phone in frame_phones(sequence, [(2, 4), (20, 22)], 12, 4)]
    assert said.count("…") >= 6 and "?" not in said


def test_silence_before_the_first_phone_is_the_tags() -> None:
    sequence = PhoneSequence.of("ad")
    assert frame_phones(sequence, [(10, 12), (12, 14)], 8, 4) == [0, 0, 0, 0, 0, 1, 2, 2]


def test_silence_at_the_end_is_the_last_marks() -> None:
    sequence = PhoneSequence.of("ad.")
    assert frame_phones(sequence, [(2, 4), (4, 6)], 8, 4) == [0, 1, 2, 2, 3, 3, 3, 3]


def test_every_pause_mark_is_a_unit() -> None:
    assert PhoneSequence.of("a" + "".join(PAUSE_MARKS)).characters == ("", "a", *PAUSE_MARKS)


def test_frames_say_their_phone_and_know_the_next() -> None:
    sequence = PhoneSequence.of("ab,")
    said = phones_said(sequence, [0, 1, 1, 3])
    a, b, comma = (PHONE_KINDS[c] for c in "ab,")
    assert said.tolist() == [[PHONE_KINDS[""], a], [a, b], [a, b], [comma, 0]]
    assert sorted(PHONE_KINDS.values()) == list(range(1, len(PHONE_KINDS) + 1)), "0 is left for the unknown"


class _Heard(SemanticTokenizer):
    """Reads "bad", a letter in every other step from the third on, whatever the tokens."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)
        self.config = SemanticTokenizerConfig(phones="abd")

    def read(self, ids: Tensor, valid: Tensor | None = None) -> Tensor:
        log_probs = torch.full((1, ids.shape[1] * READ_RATE, 4), -9.0)
        log_probs[..., 0] = -0.1
        for step, phone in ((2, 2), (4, 1), (6, 3)):
            log_probs[:, step : step + 1, phone] = 0.0
        return log_probs


def test_recordings_are_aligned_with_the_text_they_say_and_no_other() -> None:
    tokens = torch.zeros(6, dtype=torch.long)
    assert heard_phones(tokens, PhoneSequence.of("bad"), _Heard(), 4) == frame_phones(
        PhoneSequence.of("bad"), [(2, 3), (4, 5), (6, 7)], 6, 4
    )
    assert heard_phones(tokens, PhoneSequence.of("dab"), _Heard(), 4) is None, "says something else"
    assert heard_phones(tokens[:1], PhoneSequence.of("bad"), _Heard(), 4) is None, "too short"
    assert heard_phones(tokens, PhoneSequence.of("."), _Heard(), 4) is None, "says nothing"
