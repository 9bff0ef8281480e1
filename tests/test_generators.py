"""The autoregressive rival of the benchmarks: what it may see, and that it generates as it was trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from autoregressive import Autoregressive, AutoregressiveTask, Rows

from dialogue_tts.acoustic.generate import Prompt, TokenSequence, assemble
from dialogue_tts.acoustic.model import Frames, SoundStorm, SoundStormConfig
from dialogue_tts.nn.conformer import ConformerConfig
from dialogue_tts.nn.frame_rate import FrameRate
from dialogue_tts.training.soundstorm import SoundStormTrainingConfig

LEVELS, CODES, PROMPT, FRAMES = 3, 11, 4, 5
CONFORMER = ConformerConfig(width=16, heads=2, layers=1, hidden=22, kernel=3)
CONFIG = SoundStormConfig(13, LEVELS, CODES, 2, CONFORMER, phone_kinds=7)


def _rival() -> Autoregressive:
    torch.manual_seed(1)
    return Autoregressive(SoundStorm(CONFIG)).eval()


def _row() -> tuple[Frames, torch.Tensor]:
    rng = torch.Generator().manual_seed(2)
    spoken = torch.randint(13, (PROMPT + FRAMES,), generator=rng)
    codes = torch.randint(CODES, (PROMPT + FRAMES, LEVELS), generator=rng)
    prompt = Prompt(1, spoken[:PROMPT], codes[:PROMPT])
    phones = torch.randint(7, (FRAMES, 2), generator=rng)
    passage = TokenSequence([prompt], spoken[PROMPT:], torch.ones(FRAMES, dtype=torch.long), phones, codes[PROMPT:])
    return assemble([passage], CONFIG)


def test_a_code_depends_on_those_before_it_alone() -> None:
    rival, (frames, _) = _rival(), _row()
    logits = rival(frames)
    assert logits.shape == (1, PROMPT + FRAMES, LEVELS, CODES)
    changed = frames.codes.clone()
    changed[0, 6, 1] = (changed[0, 6, 1] + 1) % CODES
    other = rival(frames._replace(codes=changed))
    same = (logits == other).all(-1)[0].flatten()
    assert same[: 6 * LEVELS + 2].all() and not same[6 * LEVELS + 2 :].any()


def test_it_draws_what_it_finds_likely_behind_the_prompt_given() -> None:
    rival, (frames, _) = _rival(), _row()
    spoken = rival.generate(frames, seed=3, temperature=1e-4)
    assert torch.equal(spoken[:, :PROMPT], frames.codes[:, :PROMPT])
    likeliest = rival(frames._replace(codes=spoken)).argmax(-1)
    assert torch.equal(spoken[:, PROMPT:], likeliest[:, PROMPT:])


def test_where_the_codec_has_no_frame_nothing_is_drawn() -> None:
    """With a codec of half the frames every second place stays empty, in prompts and in what is made."""
    config = replace(CONFIG, rate=FrameRate(1, 2))
    torch.manual_seed(1)
    rival = Autoregressive(SoundStorm(config)).eval()
    prompt = Prompt(1, torch.full((PROMPT,), 2), torch.full((PROMPT, LEVELS), 4))
    passage = TokenSequence([prompt], torch.arange(FRAMES), torch.ones(FRAMES, dtype=torch.long))
    frames, valid = assemble([passage], config)
    spoken = rival.generate(frames, seed=3)
    empty = frames.codes == CODES
    assert empty[0, :, 0].tolist() == [False, True, False, True, False, True, False, True, False]
    assert torch.equal(spoken == CODES, empty) and torch.equal(spoken[:, :PROMPT], frames.codes[:, :PROMPT])
    task = AutoregressiveTask.__new__(AutoregressiveTask)
    task.generator = rival
    ((_, loss, _),) = task.losses(Rows(frames._replace(codes=spoken), valid), 0)
    assert bool(torch.isfinite(loss))


def test_it_learns_codes_that_follow_from_those_before() -> None:
    network = SoundStorm(CONFIG)
    task = AutoregressiveTask.__new__(AutoregressiveTask)
    task.network, task.config, task.generator = network, SoundStormTrainingConfig(), Autoregressive(network)
    start = torch.arange(4)[:, None, None]
    frames, valid = _row()
    counted = (start + torch.arange(frames.codes.shape[1])[:, None] + torch.arange(LEVELS)) % CODES
    frames = Frames(*(part.expand(4, *part.shape[1:]) for part in frames))._replace(codes=counted)
    stepped = torch.optim.AdamW(task.generator.parameters(), 0.01)
    found = []
    for step in range(60):
        (_, loss, figures), *_ = task.losses(Rows(frames, valid.expand(4, -1)), step)
        stepped.zero_grad()
        loss.backward()
        stepped.step()
        found.append(float(figures["loss"]))
    assert found[0] > np.log(CODES) - 0.5 and found[-1] < found[0] / 4
