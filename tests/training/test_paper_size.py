"""The benchmark of the papers' size counts without memory, and its step trains."""

from __future__ import annotations

from dataclasses import replace

import paper_size
import pytest
import torch

from dialogue_tts.nn.conformer import ConformerConfig


def test_what_is_counted_is_what_a_network_has() -> None:
    tiny = replace(paper_size.PAPER, conformer=ConformerConfig(width=16, heads=2, layers=1, hidden=22, kernel=3))
    found = paper_size.counted(tiny)
    network = paper_size.SoundStorm(tiny)
    assert found["parameters"] == sum(value.numel() for value in network.parameters())
    # Forward and backward of a matrix are six operations of each of its numbers for each frame.
    inside = sum(p.numel() for name, p in network.conformer.named_parameters() if p.ndim == 2)
    assert found["flops_a_frame"] > 6 * inside


def test_the_published_size_is_what_was_published() -> None:
    with torch.device("meta"):
        count = paper_size.parameters(paper_size.SoundStorm(paper_size.PAPER))
    assert 300e6 < count < 360e6, "the paper says 350 million"
    assert paper_size.hours(2.2e9)[8] == pytest.approx(paper_size.hours(2.2e9)[1] / 8)


def test_a_real_step_moves_weights() -> None:
    tiny = replace(paper_size.PAPER, conformer=ConformerConfig(width=16, heads=2, layers=1, hidden=22, kernel=3))
    found = paper_size.real_step(tiny, 9, "cpu", 2)
    assert len(found["seconds"]) == 2 and found["loss"] > 0 and found["gib_held"] is None
