"""What the benchmark of ablations leaves out, on a tiny network."""

from __future__ import annotations

from pathlib import Path

import ablations
import pytest
import torch

from dialogue_tts.acoustic.generate import Prompt, TokenSequence, assemble
from dialogue_tts.bundle import Bundle


@pytest.mark.parametrize("name", ablations.SYSTEMS)
def test_each_leaves_its_part_out_and_keeps_prompts(name: str, tiny_bundle_dir: Path) -> None:
    bundle = Bundle.load(tiny_bundle_dir)
    network, config = bundle.soundstorm, bundle.config.acoustic_decoding
    rng = torch.Generator().manual_seed(1)

    def made(prompt_code: int, semantic: int, unit: int) -> torch.Tensor:
        prompt = Prompt(0, torch.full((6,), 2), torch.full((6, 3), prompt_code))
        units = torch.full((9, 2), unit)
        row = TokenSequence([prompt], torch.full((9,), semantic), torch.zeros(9, dtype=torch.int64), units)
        frames, valid = assemble([row], 3)
        codes = ablations.SYSTEMS[name](network, config, frames, valid)
        assert torch.equal(codes[frames.is_prompt], frames.codes[frames.is_prompt])
        assert 0 <= codes.min() and codes.max() < network.config.codebook_size
        return codes[~frames.is_prompt]

    with torch.no_grad():  # the tiny network hardly hears its inputs
        for table in (network.semantic, network.units, network.codes):
            table.weight.copy_(3 * torch.randn(table.weight.shape, generator=rng))
    usual = made(4, 5, 6)
    assert torch.equal(usual, made(4, 5, 6))
    assert torch.equal(usual, made(7, 5, 6)) == (name == "no prompt")
    assert torch.equal(usual, made(4, 9, 6)) == (name == "wrong semantic tokens")
    assert torch.equal(usual, made(4, 5, 8)) == (name == "no text")


def test_the_plot_has_a_bar_for_each(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rows = [{"system": name, "wer_percent": 1.0, "similarity": None, "dnsmos": 3.0} for name in ablations.SYSTEMS]
    ablations.plot(rows, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000
