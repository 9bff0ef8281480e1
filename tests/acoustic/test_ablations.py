"""What the benchmark of ablations leaves out, on a tiny network."""

from __future__ import annotations

from pathlib import Path

import ablations
import passes
import pytest
import torch
from torch import Tensor

from dialogue_tts.acoustic.generate import DecodingConfig, Prompt, TokenSequence, assemble
from dialogue_tts.acoustic.model import Frames, SoundStorm, SoundStormConfig
from dialogue_tts.bundle import Bundle


def _row(config: SoundStormConfig) -> tuple[Frames, Tensor]:
    prompt = Prompt(0, torch.full((6,), 2), torch.full((6, config.levels), 4))
    row = TokenSequence([prompt], torch.full((9,), 5), torch.zeros(9, dtype=torch.int64), torch.full((9, 2), 6))
    return assemble([row], config)


@pytest.mark.parametrize("name", sorted(set(ablations.SYSTEMS) - {"all levels at once"}))
def test_each_leaves_its_part_out(name: str, tiny_bundle_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Frames] = []

    def generate(network: SoundStorm, frames: Frames, valid: Tensor, config: object, seeds: object) -> Tensor:
        seen.append(frames)
        return torch.where(frames.is_prompt.unsqueeze(-1), frames.codes, 1)

    monkeypatch.setattr(ablations, "generate_codes", generate)
    bundle = Bundle.load(tiny_bundle_dir)
    frames, valid = _row(bundle.soundstorm.config)
    codes = ablations.SYSTEMS[name](bundle.soundstorm, bundle.config.acoustic_decoding, frames, valid)
    assert torch.equal(codes, torch.where(frames.is_prompt.unsqueeze(-1), frames.codes, 1))
    (found,) = seen
    assert (found.semantic.shape[1] == 9) == (name == "no prompt")
    target = ~found.is_prompt
    assert bool((found.semantic[target] == 5).all()) == (name != "wrong semantic tokens")
    assert bool((found.phones[target] == 6).all()) == (name != "no text")
    assert bool((found.semantic[~target] == 2).all()), "of the prompt everything stays"


def test_all_levels_at_once_is_one_pass(tiny_bundle_dir: Path) -> None:
    network = Bundle.load(tiny_bundle_dir).soundstorm
    calls: list[int] = []
    network.conformer.register_forward_hook(lambda *_: calls.append(1))
    frames, valid = _row(network.config)
    codes = ablations.all_levels_at_once(network, DecodingConfig(), frames, valid)
    assert calls == [1] and codes.shape == frames.codes.shape and int(codes.max()) < network.config.codebook_size
    assert torch.equal(codes[frames.is_prompt], frames.codes[frames.is_prompt])


def test_each_number_of_passes_is_a_system_of_its_own(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    found = list(passes.systems(Bundle.load(tiny_bundle_dir)))
    assert [told_by["passes"] for told_by, _ in found] == list(passes.PASSES)
    pytest.importorskip("matplotlib")
    rows = [told_by | {"wer_percent": 1.0, "similarity": 0.9, "dnsmos": 3.0} for told_by, _ in found]
    passes.plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_the_plot_has_a_bar_for_each(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [{"system": name, "wer_percent": 1.0, "similarity": None, "dnsmos": 3.0} for name in ablations.SYSTEMS]
    ablations.plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000
