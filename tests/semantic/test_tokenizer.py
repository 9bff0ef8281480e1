"""The semantic tokenizer: fast paths against the training path, padding, and CTC on probabilities made by hand."""

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from dialogue_tts.config import HOP, SAMPLE_RATE_HZ
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.semantic.tokenizer import (
    MEL_FRAMES,
    READ_RATE,
    PhoneGroups,
    SemanticTokenizer,
    SemanticTokenizerConfig,
    greedy_phones,
    phone_spans,
    unlikelihood,
)

CONFIG = SemanticTokenizerConfig(
    phones="abdiu",
    levels=(4, 3, 5),
    n_mels=20,
    n_fft=512,
    shape_mels=7,
    encoder=ConformerConfig(width=24, heads=3, layers=2, hidden=40, kernel=5),
    reader=ConformerConfig(width=24, heads=2, layers=1, hidden=36, kernel=3),
)


@pytest.fixture
def tokenizer() -> SemanticTokenizer:
    torch.manual_seed(1)
    tokenizer = SemanticTokenizer(CONFIG).eval()
    with torch.no_grad():  # use the whole grid, as a trained one does
        torch.nn.init.normal_(tokenizer.to_grid.weight, std=0.5)
        latent = tokenizer.to_grid(tokenizer.encoder(tokenizer.enter(tokenizer.features(_waves(50)[0][None]))))
        tokenizer.to_grid.bias -= latent.mean((0, 1))
    return tokenizer


def _waves(*frames: int) -> list[Tensor]:
    """A tone in each frame, high or low and loud or faint, under noise."""
    rng = torch.Generator().manual_seed(2)
    waves = []
    for count in frames:
        hz, loud = 100 * 80 ** torch.rand(count, 1, generator=rng), 10 ** (-3 * torch.rand(count, 1, generator=rng))
        tones = loud * (2 * torch.pi * hz * torch.arange(HOP) / SAMPLE_RATE_HZ).sin()
        waves.append(tones.flatten() * 0.5 + torch.randn(count * HOP, generator=rng) * 1e-3)
    return waves


def _log_probs(path: list[int], classes: int = 6, sure: float = 5.0) -> Tensor:
    """Log-probabilities whose likeliest class at each step is as in `path`."""
    return (torch.nn.functional.one_hot(torch.tensor(path), classes) * sure).log_softmax(-1)


def test_shapes_and_ranges(tokenizer: SemanticTokenizer) -> None:
    wave = torch.stack(_waves(9, 9))
    features = tokenizer.features(wave)
    assert features.shape == (2, 9, MEL_FRAMES * 20)
    out = tokenizer(features, None)
    assert out.ids.shape == (2, 9)
    assert tokenizer.vocabulary == 60
    assert 0 <= int(out.ids.min()) and int(out.ids.max()) < 60 and len(out.ids.unique()) > 3
    assert out.phone_logits.shape == (2, 9 * READ_RATE, 6)
    assert out.shape.shape == (2, 9, 9)


def test_encode_and_read_equal_the_training_path(tokenizer: SemanticTokenizer) -> None:
    wave = torch.stack(_waves(9, 9))
    out = tokenizer(tokenizer.features(wave), None)
    ids = tokenizer.encode(wave)
    assert torch.equal(ids, out.ids)
    torch.testing.assert_close(tokenizer.read(ids), out.phone_logits.log_softmax(-1), atol=1e-5, rtol=0)


def test_a_row_alone_equals_the_row_in_a_padded_batch(tokenizer: SemanticTokenizer) -> None:
    lengths = (5, 11, 2)
    waves = _waves(*lengths)
    valid = torch.arange(11) < torch.tensor(lengths).unsqueeze(1)
    together = tokenizer(tokenizer.features(pad_sequence(waves, batch_first=True)), valid)
    read = tokenizer.read(together.ids, valid)
    for row, length in enumerate(lengths):
        alone = tokenizer(tokenizer.features(waves[row][None]), None)
        assert torch.equal(together.ids[row, :length], alone.ids[0])
        torch.testing.assert_close(together.shape[row, :length], alone.shape[0], atol=1e-4, rtol=0)
        logits = together.phone_logits[row, : length * READ_RATE]
        torch.testing.assert_close(logits, alone.phone_logits[0], atol=1e-4, rtol=0)
        torch.testing.assert_close(read[row, : length * READ_RATE], tokenizer.read(alone.ids)[0], atol=1e-4, rtol=0)


def test_the_shape_is_read_from_a_token_and_its_neighbours_alone(tokenizer: SemanticTokenizer) -> None:
    features = tokenizer.features(_waves(30)[0][None])
    grid = tokenizer.quantizer.values(tokenizer(features, None).ids)
    grid[0, 15] = -grid[0, 15] + 0.1
    shape = tokenizer.shape_head(torch.nn.functional.silu(tokenizer.shape_context(grid.mT).mT))
    changed = (shape - tokenizer(features, None).shape).abs().amax(-1)[0] > 1e-5
    assert changed.nonzero().squeeze(-1).tolist() == [13, 14, 15, 16, 17]


def test_the_whole_tokenizer_learns_through_its_quantiser(tokenizer: SemanticTokenizer) -> None:
    tokenizer(tokenizer.features(_waves(9)[0][None]), None).phone_logits.square().sum().backward()
    assert tokenizer.enter.weight.grad.abs().max() > 0


def test_what_is_heard_is_what_is_read_where_latents_lie_on_the_grid(tokenizer: SemanticTokenizer) -> None:
    wave = torch.stack(_waves(9))
    read = tokenizer.read(tokenizer.encode(wave))
    assert tokenizer.hear(wave).shape == read.shape and not torch.allclose(tokenizer.hear(wave), read)
    with torch.no_grad():
        tokenizer.to_grid.weight.zero_()
        tokenizer.to_grid.bias.fill_(20)  # the grid's corner, whose tanh is 1
    assert torch.allclose(tokenizer.hear(wave), tokenizer.read(tokenizer.encode(wave)), atol=1e-6)


def test_unlikelihood_grows_with_what_is_heard_otherwise() -> None:
    heard = _log_probs([0, 1, 1, 0, 2, 0, 0, 3, 0])
    said, wrong, missing = unlikelihood(heard, [1, 2, 3]), unlikelihood(heard, [1, 2, 4]), unlikelihood(heard, [1, 3])
    assert -0.5 < said <= 0 < wrong and missing > 0
    assert unlikelihood(_log_probs([0, 1, 1, 0, 2, 0, 0, 3, 0], sure=2.0), [1, 2, 4]) < wrong  # an unclear voice
    assert unlikelihood(heard, list(range(1, 6)) * 2) == float("inf")


def test_phones_of_a_group_are_one() -> None:
    """a, b, d, i, u: i is heard as u, and b may be missing; x is no phone of the head's."""
    groups = PhoneGroups("abdiu", ["xui", " b"])
    heard = _log_probs([1, 0, 2, 3, 0, 5, 4, 0])
    assert greedy_phones(groups.log_probs(heard)) == [1, 3, 5] == groups.phone_ids([1, 3, 2, 4])
    assert torch.allclose(groups.log_probs(heard).exp().sum(-1), torch.ones(8))
    assert unlikelihood(groups.log_probs(heard), groups.phone_ids([1, 3, 4])) <= 0
    assert groups.phone_ids([2]) == [2], "of something there is never nothing"
    assert torch.allclose(PhoneGroups("abdiu", []).log_probs(heard), heard, atol=1e-6)


def test_quiet_tokens_are_those_whose_own_shape_is_faint(tokenizer: SemanticTokenizer) -> None:
    with torch.no_grad():  # the shape is the first place on the grid, three times as large
        tokenizer.shape_context.weight.zero_()
        tokenizer.shape_context.bias.zero_()
        tokenizer.shape_context.weight[0, 0, 2] = 20
        tokenizer.shape_head.weight.zero_()
        tokenizer.shape_head.bias.fill_(-3)
        tokenizer.shape_head.weight[:, 0] = 1
    faint = tokenizer.quantizer.values(torch.arange(tokenizer.vocabulary))[:, 0] <= 0
    assert torch.equal(tokenizer.quiet_tokens(), faint) and 0 < faint.sum() < tokenizer.vocabulary
    with torch.no_grad():
        tokenizer.shape_head.bias.fill_(3)
        tokenizer.shape_context.weight[0, 0, 2] = 1  # where SiLU still falls with what it is given
    faintest = tokenizer.quantizer.values(torch.arange(tokenizer.vocabulary))[:, 0] == -1
    assert torch.equal(tokenizer.quiet_tokens(), faintest), "where none is quiet, the quietest are"


def test_phone_ids(tokenizer: SemanticTokenizer) -> None:
    assert tokenizer.phone_ids(["d", "a", "u"]) == [3, 1, 5]
    with pytest.raises(ValueError):
        tokenizer.phone_ids(["a", "x"])


@pytest.mark.parametrize(
    ("path", "phones"),
    [
        ([0, 1, 1, 0, 2, 3, 3, 0], [1, 2, 3]),
        ([1, 0, 1, 1], [1, 1]),
        ([4, 4, 4], [4]),
        ([0, 0, 0], []),
    ],
)
def test_greedy_phones(path: list[int], phones: list[int]) -> None:
    assert greedy_phones(_log_probs(path)) == phones


@pytest.mark.parametrize(
    ("path", "spans"),
    [
        ([0, 1, 1, 0, 2, 3, 3, 0], [(1, 3), (4, 5), (5, 7)]),
        ([1, 0, 1, 1], [(0, 1), (2, 4)]),
        ([4, 4, 4], [(0, 3)]),
    ],
)
def test_phone_spans_of_a_clear_recording(path: list[int], spans: list[tuple[int, int]]) -> None:
    log_probs = _log_probs(path)
    assert phone_spans(log_probs, greedy_phones(log_probs)) == spans


def test_phone_spans_follow_the_text_where_another_phone_is_likelier() -> None:
    log_probs = _log_probs([0, 1, 0, 5, 0, 3, 0], sure=3.0)
    log_probs[3, 2] = -0.5  # 5 is heard a little better, but the text says 2
    log_probs[3, 5] = -0.4
    assert phone_spans(log_probs, [1, 2, 3]) == [(1, 2), (3, 4), (5, 6)]


@pytest.mark.parametrize(("phones", "steps"), [([1, 2, 3], 2), ([1, 1], 2), ([1, 1, 2, 2], 5)])
def test_phones_that_do_not_fit_are_an_error(phones: list[int], steps: int) -> None:
    with pytest.raises(ValueError, match=f"{len(phones)} phones do not fit into {steps} steps"):
        phone_spans(_log_probs([0] * steps), phones)
    assert len(phone_spans(_log_probs([0] * (steps + 1)), phones)) == len(phones)
