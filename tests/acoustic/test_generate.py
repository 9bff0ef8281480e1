"""Decoding of SoundStorm: the schedule, what the network is shown in each pass, prompts, seeds and padding."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from dialogue_tts.acoustic import generate
from dialogue_tts.acoustic.generate import (
    DecodingConfig,
    Prompt,
    TokenSequence,
    assemble,
    generate_codes,
    read_prompts,
    share_left,
    target_codes,
)
from dialogue_tts.acoustic.masking import tokens_masked_after
from dialogue_tts.acoustic.model import Frames, SoundStorm, SoundStormConfig
from dialogue_tts.errors import ConfigError
from dialogue_tts.nn.conformer import ConformerConfig, PromptCache

LEVELS, CODES = 3, 17
CONFIG = SoundStormConfig(
    semantic_vocabulary=29,
    levels=LEVELS,
    codebook_size=CODES,
    slots=4,
    conformer=ConformerConfig(width=24, heads=3, layers=2, hidden=40, kernel=5),
    phone_kinds=13,
)
DECODING = DecodingConfig(passes=(6, 1, 4))
SEEDS = (11, 12, 13)


class Recorder(SoundStorm):
    """Remembers the codes it was shown, as whole rows; prompts it was shown once, before."""

    def __init__(self, config: SoundStormConfig) -> None:
        super().__init__(config)
        self.shown: list[Tensor] = []
        self.prompts: list[Frames] = []

    def read_prompt(self, prompts: Frames, valid: Tensor | None = None) -> PromptCache:
        self.prompts.append(prompts)
        return super().read_prompt(prompts, valid)

    def forward_with_cache(self, frames: Frames, valid: Tensor | None, cache: PromptCache | None) -> Tensor:
        self.shown.append(frames.codes.clone())
        return super().forward_with_cache(frames, valid, cache)


def _generate(model: Recorder, frames: Frames, valid: Tensor, config: DecodingConfig, seeds: tuple[int, ...]) -> Tensor:
    """As `generate_codes`; what the model was shown becomes whole rows."""
    model.shown.clear()
    codes = generate_codes(model, frames, valid, config, seeds)
    target = valid & ~frames.is_prompt
    lengths = target.sum(1)
    here = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
    for number, shown in enumerate(model.shown):
        assert not shown[~here].any(), "padding is not hidden"
        model.shown[number] = frames.codes.clone()
        model.shown[number][target] = shown[here]
    return codes


@pytest.fixture
def model() -> Recorder:
    torch.manual_seed(1)
    model = Recorder(CONFIG).eval()
    for head in model.heads:  # opinions as strong as a trained model's
        torch.nn.init.normal_(head.weight, std=0.3)
    return model


def _prompt(slot: int, length: int, seed: int) -> Prompt:
    rng = torch.Generator().manual_seed(seed)
    return Prompt(
        slot,
        torch.randint(29, (length,), generator=rng),
        torch.randint(CODES, (length, LEVELS), generator=rng),
    )


def _phones(length: int) -> Tensor:
    return torch.randint(1, CONFIG.phone_kinds, (length, 2), generator=torch.Generator().manual_seed(length))


def _passages() -> list[TokenSequence]:
    """A dialogue of two voices, a monologue, and a row of one frame without a prompt."""
    rng = torch.Generator().manual_seed(2)
    semantic = [torch.randint(29, (length,), generator=rng) for length in (23, 14, 1)]
    return [
        TokenSequence([_prompt(2, 5, 3), _prompt(0, 4, 4)], semantic[0], torch.tensor([0] * 9 + [2] * 14), _phones(23)),
        TokenSequence([_prompt(1, 7, 5)], semantic[1], torch.full((14,), 1)),
        TokenSequence([], semantic[2], torch.tensor([3])),
    ]


def test_assemble_puts_prompts_by_slot_in_front() -> None:
    passages = _passages()
    frames, valid = assemble(passages, CONFIG)
    assert frames.semantic.shape == (3, 32) and frames.codes.shape == (3, 32, LEVELS)
    assert valid.sum(1).tolist() == [32, 21, 1]
    assert frames.is_prompt.sum(1).tolist() == [9, 7, 0]
    late, early = passages[0].prompts
    assert torch.equal(frames.semantic[0], torch.cat([early.semantic, late.semantic, passages[0].semantic]))
    assert torch.equal(frames.codes[0, :9], torch.cat([early.codes, late.codes]))
    assert frames.slots[0].tolist() == [0] * 4 + [2] * 5 + [0] * 9 + [2] * 14
    assert frames.is_prompt[0].tolist() == [True] * 9 + [False] * 23
    assert torch.equal(frames.phones[0, 9:], _phones(23)) and not frames.phones[0, :9].any(), (
        "what prompts say is unknown"
    )
    assert not frames.phones[1:].any()
    target = valid & ~frames.is_prompt
    assert not frames.codes[target].any(), "unknown codes are 0"
    for part in frames:
        assert not part[~valid].any(), "padding is 0"


def test_assemble_keeps_known_codes() -> None:
    codes = torch.randint(CODES, (14, LEVELS), generator=torch.Generator().manual_seed(6))
    frames, valid = assemble([_passages()[0], _passages()[1]._replace(codes=codes)], CONFIG)
    assert torch.equal(target_codes(frames.codes, frames, valid, CONFIG.rate)[1], codes)


def test_the_network_sees_in_each_pass_what_the_schedule_says(model: Recorder) -> None:
    frames, valid = assemble(_passages(), CONFIG)
    target = valid & ~frames.is_prompt
    codes = _generate(model, frames, valid, DECODING, SEEDS)
    assert len(model.shown) == sum(DECODING.passes)
    assert len(model.prompts) == 1 and model.prompts[0].is_prompt.sum(1).tolist() == [9, 7, 0]
    assert torch.equal(model.prompts[0].codes[0], frames.codes[0, :9])
    shown = iter(model.shown)
    for level, passes in enumerate(DECODING.passes):
        for number in range(passes):
            hidden = next(shown) == model.mask_id
            found = hidden[..., level].sum(1).tolist()
            counts = target.sum(1).tolist()
            assert found == [c if number == 0 else tokens_masked_after(number - 1, passes, c) for c in counts]
            assert hidden[..., level + 1 :][target].all(), "finer levels are hidden, as in training"
            assert not hidden[..., :level].any(), "coarser levels are complete"
            assert not hidden[~target].any(), "neither prompts nor padding are hidden"
    assert codes.min() >= 0 and codes.max() < CODES


def test_settled_tokens_and_prompts_never_change(model: Recorder) -> None:
    frames, valid = assemble(_passages(), CONFIG)
    target = valid & ~frames.is_prompt
    given = frames.codes.clone()
    codes = _generate(model, frames, valid, DECODING, SEEDS)
    assert torch.equal(frames.codes, given), "the input is left alone"
    for before, after in zip(model.shown, [*model.shown[1:], codes], strict=True):
        settled = before != model.mask_id
        assert torch.equal(before[settled], after[settled])
        assert torch.equal(after[~target], given[~target])


def test_codes_of_target_frames_are_not_looked_at(model: Recorder) -> None:
    frames, valid = assemble(_passages(), CONFIG)
    known = torch.where((valid & ~frames.is_prompt).unsqueeze(-1), 5, frames.codes)
    first = generate_codes(model, frames, valid, DECODING, SEEDS)
    assert torch.equal(first, generate_codes(model, frames._replace(codes=known), valid, DECODING, SEEDS))


def test_same_seed_same_codes_and_another_seed_others(model: Recorder) -> None:
    frames, valid = assemble(_passages(), CONFIG)
    first = generate_codes(model, frames, valid, DECODING, SEEDS)
    assert torch.equal(first, generate_codes(model, frames, valid, DECODING, SEEDS))
    other = generate_codes(model, frames, valid, DECODING, (11, 99, 13))
    assert torch.equal(other[0], first[0]), "another row's seed is no concern of this one"
    assert not torch.equal(other[1], first[1])


@pytest.mark.parametrize("top_k", [None, 3])
def test_a_row_alone_equals_the_row_in_a_padded_batch(model: Recorder, top_k: int | None) -> None:
    config = replace(DECODING, top_k=top_k)
    passages = _passages()
    frames, valid = assemble(passages, CONFIG)
    together = target_codes(generate_codes(model, frames, valid, config, SEEDS), frames, valid, CONFIG.rate)
    for row, passage in enumerate(passages):
        frames, valid = assemble([passage], CONFIG)
        generated = generate_codes(model, frames, valid, config, SEEDS[row : row + 1])
        alone = target_codes(generated, frames, valid, CONFIG.rate)
        assert torch.equal(alone[0], together[row])


def test_what_was_read_of_the_prompts_serves_whatever_follows(model: Recorder) -> None:
    passage = _passages()[0]
    nothing = torch.zeros(0, dtype=torch.int64)
    bare, _ = assemble([passage._replace(semantic=nothing, slots=nothing, phones=None)], CONFIG)
    cache = read_prompts(model, bare, DECODING)
    for some in (passage, passage._replace(semantic=passage.semantic.flip(0))):
        frames, valid = assemble([some], CONFIG)
        wanted = generate_codes(model, frames, valid, DECODING, SEEDS[:1])
        model.prompts.clear()
        assert torch.equal(generate_codes(model, frames, valid, DECODING, SEEDS[:1], cache), wanted)
        assert not model.prompts, "read once"
    others, _ = assemble(
        [passage._replace(prompts=[p._replace(codes=p.codes.flip(0)) for p in passage.prompts])], CONFIG
    )
    changed = generate_codes(model, frames, valid, DECODING, SEEDS[:1], read_prompts(model, others, DECODING))
    assert not torch.equal(changed, wanted), "it is what the prompts are known by"
    alone, _ = assemble([passage._replace(prompts=[])], CONFIG)
    assert read_prompts(model, alone, DECODING) is None


def test_share_left_falls_linearly_to_0() -> None:
    assert [share_left(number, 5) for number in range(5)] == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
    assert all(share_left(passes - 1, passes) == 0 for passes in range(1, 40))


def test_temperature_and_noise_fall_to_0(model: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    temperatures: list[float] = []
    plain = generate.sample

    def spy(logits: Tensor, temperature: float, *rest: object) -> Tensor:
        temperatures.append(temperature)
        return plain(logits, temperature, *rest)

    monkeypatch.setattr(generate, "sample", spy)
    frames, valid = assemble(_passages(), CONFIG)
    generate_codes(model, frames, valid, DecodingConfig(passes=(4, 1, 2), temperature=0.8), SEEDS)
    assert temperatures == pytest.approx([0.6, 0.4, 0.2, 0.0, 0.0, 0.4, 0.0])


def test_temperature_and_noise_have_no_part_but_their_share(model: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, valid = assemble(_passages(), CONFIG)
    noisy = DecodingConfig((5, 3, 2), temperature=2.0, confidence_noise=3.0)
    quiet = DecodingConfig((5, 3, 2), temperature=0.0, confidence_noise=0.0)
    assert not torch.equal(*(generate_codes(model, frames, valid, config, SEEDS) for config in (noisy, quiet)))
    monkeypatch.setattr(generate, "share_left", lambda number, passes: 0.0)
    assert torch.equal(*(generate_codes(model, frames, valid, config, SEEDS) for config in (noisy, quiet)))


def test_noise_of_confidence_changes_the_order_only(model: Recorder) -> None:
    frames, valid = assemble(_passages()[:1], CONFIG)
    orders = []
    for noise in (0.0, 1e-9, 1e6):
        _generate(model, frames, valid, DecodingConfig((5, 1, 1), temperature=0.0, confidence_noise=noise), (1,))
        orders.append(torch.stack([codes[0, :, 0] == model.mask_id for codes in model.shown[:5]]))
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    assert torch.equal(orders[0].sum(1), orders[2].sum(1))


def test_the_least_confident_are_hidden_again(model: Recorder) -> None:
    frames, valid = assemble(_passages()[:1], CONFIG)
    _generate(model, frames, valid, DecodingConfig((5, 1, 1), temperature=0.0, confidence_noise=0.0), (1,))
    first, second = model.shown[:2]
    with torch.inference_mode():
        confidence = model.level_logits(model(frames._replace(codes=first), valid), 0)[0].log_softmax(-1).amax(-1)
    target, again = (valid & ~frames.is_prompt)[0], second[0, :, 0] == model.mask_id
    assert confidence[again].max() < confidence[target & ~again].min()


def test_one_pass_a_level_is_greedy(model: Recorder) -> None:
    frames, valid = assemble(_passages(), CONFIG)
    codes = _generate(model, frames, valid, DecodingConfig((1, 1, 1), temperature=3.0), SEEDS)
    assert torch.equal(codes, _generate(model, frames, valid, DecodingConfig((1, 1, 1)), (4, 5, 6)))
    target = valid & ~frames.is_prompt
    for level, shown in enumerate(model.shown[:LEVELS]):
        with torch.inference_mode():
            wanted = model.level_logits(model(frames._replace(codes=shown), valid), level).argmax(-1)
        assert torch.equal(codes[..., level][target], wanted[target])


@pytest.mark.parametrize("passes", [(6, 1), (6, 1, 1, 1), (6, 0, 1), ()])
def test_passes_that_do_not_fit_are_an_error(model: Recorder, passes: tuple[int, ...]) -> None:
    frames, valid = assemble(_passages(), CONFIG)
    with pytest.raises(ConfigError, match="expected 3 numbers of at least 1"):
        generate_codes(model, frames, valid, DecodingConfig(passes), SEEDS)
    assert not model.shown


def test_guidance_is_the_step_away_from_the_unprompted_guess() -> None:
    """With greedy passes, guided logits are cond + g (cond - uncond), where uncond is the row without its prompts."""
    torch.manual_seed(0)
    config = SoundStormConfig(11, 2, 13, 2, ConformerConfig(width=8, heads=2, layers=2, hidden=12, kernel=3))
    model = SoundStorm(config).eval()
    target = torch.randint(11, (9,))
    prompt = Prompt(0, torch.randint(11, (5,)), torch.randint(13, (5, 2)))
    slots = torch.zeros(9, dtype=torch.long)
    frames, valid = assemble([TokenSequence([prompt], target, slots)], config)
    bare, bare_valid = assemble([TokenSequence([], target, slots)], config)
    codes = generate_codes(model, frames, valid, DecodingConfig(passes=(1, 1), guidance=40.0, bf16=False), [1])
    masked = torch.full_like(frames.codes, model.mask_id)
    masked[:, :5] = frames.codes[:, :5]
    with torch.inference_mode():
        prompted = model.level_logits(model(frames._replace(codes=masked), valid)[:, 5:], 0)
        unprompted = model.level_logits(
            model(bare._replace(codes=torch.full_like(bare.codes, model.mask_id)), bare_valid), 0
        )
    guided = prompted + 40.0 * (prompted - unprompted)
    assert torch.equal(codes[:, 5:, 0], guided.argmax(-1))
    assert not torch.equal(guided.argmax(-1), prompted.argmax(-1))


@pytest.mark.parametrize("given", [1, 2, LEVELS])
def test_levels_that_are_given_stay_and_are_seen(model: Recorder, given: int) -> None:
    passages = [
        passage._replace(codes=torch.randint(CODES, (passage.semantic.shape[0], LEVELS))) for passage in _passages()
    ]
    frames, valid = assemble(passages, CONFIG)
    model.shown.clear()
    codes = generate_codes(model, frames, valid, DECODING, SEEDS, given=given)
    assert torch.equal(codes[..., :given], frames.codes[..., :given])
    assert len(model.shown) == sum(DECODING.passes[given:])
    for shown in model.shown:
        assert not (shown[..., :given] == CODES).any()
