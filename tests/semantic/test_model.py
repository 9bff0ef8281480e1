"""Text-to-semantic: cached steps against the teacher-forced pass, padding, and pointers."""

import pytest
import torch
from torch import Tensor

from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.semantic.model import Pointer, TextToSemantic, TextToSemanticConfig, TurnText, pad_texts, pointers

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
    TurnText([5, 6, 20, 21, 22, 23, 24, 25, 26], [1, 2, 4, 5, 7, 8]),  # with an earlier turn's end as context
]
PAD = 2


@pytest.fixture
def model() -> TextToSemantic:
    torch.manual_seed(1)
    return TextToSemantic(CONFIG).eval()


def _places() -> tuple[Tensor, Tensor]:
    """PhoneSequence of 14 frames of each text, and phone counts."""
    counts = torch.tensor([len(text.phones) for text in TEXTS])
    rng = torch.Generator().manual_seed(2)
    moves = (torch.rand(3, 14, generator=rng) < 0.4).long() * torch.randint(1, 4, (3, 14), generator=rng)
    moves[:, 0] = 0
    return torch.minimum(moves.cumsum(1), counts[:, None] - 1), counts


def _previous() -> Tensor:
    previous = torch.randint(CONFIG.semantic_vocabulary, (3, 14), generator=torch.Generator().manual_seed(3))
    previous[:, 0] = CONFIG.semantic_vocabulary
    return previous


def test_pad_texts() -> None:
    ids, valid, phones = pad_texts(TEXTS, PAD)
    assert ids[1].tolist() == [5, 12, 13, 14, PAD, PAD, PAD, PAD, PAD]
    assert valid.sum(1).tolist() == [7, 4, 9]
    assert phones[1].tolist() == [0, 2, 3, 0, 0, 0]


def test_pointers_as_written_by_hand() -> None:
    found = pointers(torch.tensor([[0, 0, 0, 2, 2, 3], [0, 1, 1, 1, 1, 0]]), torch.tensor([4, 2]))
    assert found.phone.tolist() == [[0, 0, 0, 2, 2, 3], [0, 1, 1, 1, 1, 0]]
    assert found.dwell.tolist() == [[0, 1, 2, 0, 1, 0], [0, 0, 1, 2, 3, 0]]
    assert found.left.tolist() == [[3, 3, 3, 1, 1, 0], [1, 0, 0, 0, 0, 1]]


def test_steps_with_caches_equal_the_teacher_forced_forward(model: TextToSemantic) -> None:
    seen = model.encode(*pad_texts(TEXTS, PAD))
    places, counts = _places()
    pointer, previous = pointers(places, counts), _previous()
    tokens, advances = model(seen, pointer, previous)
    assert tokens.shape == (3, 14, 29) and advances.shape == (3, 14, 4)
    caches = model.new_caches(3, capacity=6)
    for position in range(14):
        if position == 6:
            caches = [cache.grown(14) for cache in caches]
        now = Pointer(*(part[:, position : position + 1] for part in pointer))
        token, advance = model.step(seen, now, previous[:, position : position + 1], caches, position)
        torch.testing.assert_close(token, tokens[:, position], atol=1e-5, rtol=0)
        torch.testing.assert_close(advance, advances[:, position], atol=1e-5, rtol=0)


def test_a_text_alone_equals_the_text_in_a_padded_batch(model: TextToSemantic) -> None:
    together = model.encode(*pad_texts(TEXTS, PAD))
    for row, text in enumerate(TEXTS):
        alone = model.encode(*pad_texts([text], PAD))
        torch.testing.assert_close(together[row, : len(text.phones)], alone[0], atol=1e-5, rtol=0)


def test_frames_alone_equal_the_frames_in_a_padded_batch(model: TextToSemantic) -> None:
    seen = model.encode(*pad_texts(TEXTS, PAD))
    places, counts = _places()
    pointer, previous = pointers(places, counts), _previous()
    together = model(seen, pointer, previous)
    for row, length in enumerate((9, 14, 4)):
        part = Pointer(*(x[row : row + 1, :length] for x in pointer))
        alone = model(seen[row : row + 1, : counts[row]], part, previous[row : row + 1, :length])
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[row, :length], b[0], atol=1e-5, rtol=0)


def test_a_frame_sees_its_phone_and_the_next_and_no_other(model: TextToSemantic) -> None:
    states = torch.randn(1, 7, 24, generator=torch.Generator().manual_seed(4))
    model.encoder.forward = lambda x, valid: states
    ids, valid, phones = pad_texts(TEXTS[:1], PAD)
    seen = model.encode(ids, valid, phones)[0]
    here, following = model.here(states[0]), model.next(states[0])
    for phone, (place, after) in enumerate([(0, 1), (1, 3), (3, 4), (4, 6)]):
        torch.testing.assert_close(seen[phone], here[place] + following[after])
    torch.testing.assert_close(seen[4], here[6])


@pytest.mark.parametrize("change", ["phone", "dwell", "left", "previous"])
def test_what_a_frame_is_told_matters_from_there_on(model: TextToSemantic, change: str) -> None:
    seen = model.encode(*pad_texts(TEXTS[:1], PAD))
    pointer = pointers(torch.tensor([[0, 0, 1, 1, 1, 2, 3]]), torch.tensor([5]))
    previous = _previous()[:1, :7]
    before = model(seen, pointer, previous)
    if change == "previous":
        previous = previous.clone()
        previous[0, 3] = (previous[0, 3] + 1) % 29
    else:
        part = getattr(pointer, change).clone()
        part[0, 3] = 0 if change != "dwell" else 3
        pointer = pointer._replace(**{change: part})
    after = model(seen, pointer, previous)
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a[:, :3], b[:, :3], atol=1e-6, rtol=0)
        assert (a[:, 3:] - b[:, 3:]).abs().amax(-1).min() > 1e-5
