"""Decoding of text-to-semantic: seeds, rows that do not disturb each other, and where the pointer goes."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.semantic.generate import ROWS, SemanticDecodingConfig, SemanticTurn, generate_semantic
from dialogue_tts.semantic.model import TextToSemantic, TextToSemanticConfig, TurnText, pad_texts, pointers

CONFIG = TextToSemanticConfig(
    text_vocabulary=31,
    semantic_vocabulary=29,
    encoder=ConformerConfig(width=24, heads=3, layers=2, hidden=40, kernel=5),
    decoder_layers=2,
    decoder_hidden=36,
    max_advance=3,
    max_dwell=4,
    max_phones=2,
)
TEXTS = [
    TurnText([5, 6, 7, 8, 9, 10, 11], [0, 1, 3, 4, 6]),
    TurnText([5, 12, 13, 14], [0, 2, 3]),
    TurnText([5, 6, 20, 21, 22, 23, 24, 25, 26], [0, 1, 2, 4, 5, 7, 8]),
]
PAD = 2
DECODING = SemanticDecodingConfig(temperature=1.0, top_k=20, tempo_temperature=1.0, max_dwell_frames=8)
SEEDS = (21, 22, 23)


@pytest.fixture
def model() -> TextToSemantic:
    torch.manual_seed(1)
    return TextToSemantic(CONFIG).eval()


def _biased(model: TextToSemantic, *shares: float) -> TextToSemantic:
    """Advances come with these odds, whatever the network thinks."""
    with torch.no_grad():
        model.advance_head.weight.zero_()
        model.advance_head.bias.copy_(torch.tensor(shares).log())
    return model


def _generate(model: TextToSemantic, config: SemanticDecodingConfig = DECODING) -> list[SemanticTurn]:
    return generate_semantic(model, TEXTS, config, SEEDS, PAD)


def _same(a: SemanticTurn, b: SemanticTurn) -> bool:
    return torch.equal(a.tokens, b.tokens) and torch.equal(a.phones, b.phones)


def test_same_seed_same_tokens_and_another_seed_others(model: TextToSemantic) -> None:
    first, again = _generate(model), _generate(model)
    assert all(_same(a, b) for a, b in zip(first, again, strict=True))
    other = generate_semantic(model, TEXTS, DECODING, (21, 99, 23), PAD)
    assert [_same(a, b) for a, b in zip(first, other, strict=True)] == [True, False, True]


@pytest.mark.parametrize("slow", [False, True])
def test_a_row_depends_on_its_own_text_and_seed_alone(model: TextToSemantic, slow: bool) -> None:
    if slow:
        _biased(model, 0.8, 0.1, 0.05, 0.05)
    for row, turn in enumerate(_generate(model)):
        alone = generate_semantic(model, TEXTS[row : row + 1], DECODING, SEEDS[row : row + 1], PAD)
        assert _same(alone[0], turn)


def test_results_are_tokens_and_phones_of_one_length(model: TextToSemantic) -> None:
    for turn in _generate(model):
        assert turn.tokens.shape == turn.phones.shape and turn.tokens.ndim == 1
        assert 0 <= int(turn.tokens.min()) and int(turn.tokens.max()) < CONFIG.semantic_vocabulary


@pytest.mark.parametrize("shares", [(0.5, 0.3, 0.1, 0.1), (0.1, 0.1, 0.1, 0.7)])
def test_the_pointer_goes_from_the_first_phone_to_the_last_within_reach(
    model: TextToSemantic, shares: tuple[float, ...]
) -> None:
    _biased(model, *shares)
    for seed in range(12):
        for text, turn in zip(
            TEXTS, generate_semantic(model, TEXTS, DECODING, [seed, seed + 50, seed + 90], PAD), strict=True
        ):
            path = turn.phones.tolist()
            assert path[0] == 0 and path[-1] == len(text.phones) - 1
            assert all(0 <= b - a <= CONFIG.max_advance for a, b in pairwise(path))


def test_steps_of_one_visit_every_unit(model: TextToSemantic) -> None:
    _biased(model, 0.5, 0.5, 1e-30, 1e-30)
    for text, turn in zip(TEXTS, _generate(model), strict=True):
        assert turn.phones.unique_consecutive().tolist() == list(range(len(text.phones)))


def test_nobody_dwells_longer_than_allowed(model: TextToSemantic) -> None:
    _biased(model, 1.0, 1e-30, 1e-30, 1e-30)
    for text, turn in zip(TEXTS, _generate(model), strict=True):
        phones, counts = turn.phones.unique_consecutive(return_counts=True)
        assert phones.tolist() == list(range(len(text.phones)))
        assert counts.tolist() == [8] * len(text.phones)


@pytest.mark.parametrize("shares", [(0.1, 0.1, 0.2, 0.6), (0.7, 0.2, 0.05, 0.05)])
def test_a_sentence_ends_with_a_pause(model: TextToSemantic, shares: tuple[float, ...]) -> None:
    """PhoneSequence 2 and 3 of the longest text end sentences; without a least pause both are passed over."""
    _biased(model, *shares)
    texts = [*TEXTS[:2], TEXTS[2]._replace(ends=(2, 3))]
    config = replace(DECODING, sentence_pause_frames=3)
    for seed in range(8):
        seeds = [seed, seed + 50, seed + 90]
        spoken = generate_semantic(model, texts, config, seeds, PAD)
        counts = torch.bincount(spoken[2].phones)
        assert counts[2] >= 3 and counts[3] >= 3
        others = generate_semantic(model, TEXTS, DECODING, seeds, PAD)
        assert all(_same(a, b) for a, b in zip(spoken[:2], others[:2], strict=True))
        quiet = torch.zeros(CONFIG.semantic_vocabulary, dtype=torch.bool).index_fill(0, torch.tensor([7, 19]), True)
        rested = generate_semantic(model, texts, config, seeds, PAD, quiet)[2]
        for end in (2, 3):
            said = rested.tokens[rested.phones == end]
            assert len(said) >= 3 and quiet[said[:3]].all()
    if shares[0] < 0.5:
        assert 3 not in others[2].phones.tolist() or 2 not in others[2].phones.tolist()


def test_turns_outgrow_the_first_cache(model: TextToSemantic) -> None:
    """Beyond 256 frames; the tokens are still those of a single cache, that is of the teacher-forced pass."""
    _biased(model, 1.0, 1e-30, 1e-30, 1e-30)
    config = replace(DECODING, temperature=0.0, max_dwell_frames=50)
    turn = generate_semantic(model, TEXTS[2:], config, [1], PAD)[0]
    assert len(turn.tokens) == 50 * 7
    assert _teacher_forced(model, TEXTS[2], turn)[0].argmax(-1)[0].tolist() == turn.tokens.tolist()


def test_temperature_0_takes_what_the_teacher_forced_pass_finds_likeliest(model: TextToSemantic) -> None:
    config = replace(DECODING, temperature=0.0, tempo_temperature=0.0)
    turns = _generate(model, config)
    assert all(_same(a, b) for a, b in zip(turns, generate_semantic(model, TEXTS, config, (7, 8, 9), PAD), strict=True))
    for text, turn in zip(TEXTS, turns, strict=True):
        tokens, advances = (logits.argmax(-1)[0] for logits in _teacher_forced(model, text, turn))
        assert torch.equal(tokens, turn.tokens)
        moved = turn.phones[1:] - turn.phones[:-1]
        dwell = pointers(turn.phones[None], torch.tensor([len(text.phones)])).dwell[0]
        pushed = (dwell + 1 >= config.max_dwell_frames) & (advances == 0)
        wanted = torch.where(pushed, 1, advances)[:-1]
        assert torch.equal(moved, torch.minimum(wanted, len(text.phones) - 1 - turn.phones[:-1]))


def _teacher_forced(model: TextToSemantic, text: TurnText, turn: SemanticTurn) -> tuple[Tensor, Tensor]:
    previous = torch.cat([torch.tensor([model.begin_id]), turn.tokens[:-1]])[None]
    pointer = pointers(turn.phones[None], torch.tensor([len(text.phones)]))
    with torch.inference_mode():
        return model(model.encode(*pad_texts([text], PAD)), pointer, previous)


def test_top_k_1_is_greedy(model: TextToSemantic) -> None:
    greedy, first = (
        _generate(model, replace(DECODING, **change, tempo_temperature=0.0))
        for change in ({"temperature": 0.0}, {"top_k": 1})
    )
    assert all(_same(a, b) for a, b in zip(greedy, first, strict=True))
    free = _generate(model, replace(DECODING, top_k=0, tempo_temperature=0.0))
    assert not all(_same(a, b) for a, b in zip(greedy, free, strict=True))


def test_a_turn_is_the_same_to_the_last_bit_at_any_place_among_any_neighbours(model: TextToSemantic) -> None:
    alone = generate_semantic(model, TEXTS[:1], DECODING, SEEDS[:1], PAD)[0]
    for count in (2, ROWS, ROWS + 1, 2 * ROWS + 3):
        for place in (0, count // 2, count - 1):
            texts, seeds = ([TEXTS[1 + i % 2] for i in range(count)], list(range(count)))
            texts[place], seeds[place] = TEXTS[0], SEEDS[0]
            assert _same(generate_semantic(model, texts, DECODING, seeds, PAD)[place], alone)


@pytest.mark.parametrize("width", [256, 320])
def test_logits_of_a_row_do_not_feel_its_neighbours_at_real_widths(width: int) -> None:
    torch.manual_seed(2)
    real = replace(CONFIG, encoder=ConformerConfig(width, 4, 1, 512, 5), decoder_hidden=1024, semantic_vocabulary=2000)
    model = TextToSemantic(real).eval()
    config = SemanticDecodingConfig(max_dwell_frames=3)
    turns = generate_semantic(model, TEXTS, config, SEEDS, PAD)
    for row in range(3):
        assert _same(generate_semantic(model, [TEXTS[row]], config, [SEEDS[row]], PAD)[0], turns[row])
