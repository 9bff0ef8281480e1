"""The pitch of sounds whose pitch is known."""

import pytest
import torch
from torch import Tensor

from dialogue_tts.audio.pitch import pitch
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ

HOPS = (HOP, HOP // 4)
SECONDS = 0.6


def _tone(hz: float, tilt: float = 1.0, first: int = 1) -> Tensor:
    """Harmonics of `hz` up to 5 kHz, fading with their number to the power of `tilt`, of random phases."""
    time = torch.arange(int(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    rng = torch.Generator().manual_seed(1)
    numbers = torch.arange(first, int(5000 / hz) + 1).unsqueeze(1)
    phases = 2 * torch.pi * (numbers * hz * time + torch.rand(numbers.shape, generator=rng))
    wave = (phases.sin() / numbers**tilt).sum(0)
    return 0.3 * wave / wave.abs().max()


def _inside(x: Tensor, hop: int) -> Tensor:
    """Frames whose window lies within the sound."""
    edge = -(-720 // hop)
    return x[..., edge:-edge]


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("hz", [80, 97.3, 120, 155.5, 200, 251.7, 320, 400])
@pytest.mark.parametrize("tilt", [1.0, 1.5, 2.0])
def test_harmonic_tones(hz: float, tilt: float, hop: int) -> None:
    found, voiced = pitch(_tone(hz, tilt)[None], hop)
    assert found.shape == voiced.shape == (1, SECONDS * SAMPLE_RATE_HZ / hop)
    assert _inside(voiced, hop).all()
    inside = _inside(found, hop)
    torch.testing.assert_close(inside, torch.full_like(inside, hz), atol=0, rtol=0.01)


@pytest.mark.parametrize("hz", [100.0, 150.0])
def test_a_missing_fundamental_is_heard(hz: float) -> None:
    found, voiced = pitch(_tone(hz, tilt=2.0, first=2)[None])
    assert _inside(voiced, HOP).all()
    assert (_inside(found, HOP) / hz - 1).abs().max() < 0.01


@pytest.mark.parametrize("hop", HOPS)
def test_noise_and_silence_are_unvoiced(hop: int) -> None:
    noise = torch.randn(14_400, generator=torch.Generator().manual_seed(2)) * 0.2
    found, voiced = pitch(torch.stack([noise, torch.zeros(14_400), _tone(150) * 1e-3]), hop)
    assert not voiced.any()
    assert found.isfinite().all() and (found > 0).all()


@pytest.mark.parametrize("hop", HOPS)
def test_voicing_and_pitch_change_where_the_sound_does(hop: int) -> None:
    silence = torch.zeros(14_400)
    found, voiced = pitch(torch.cat([silence, _tone(120), silence, _tone(240)])[None], hop)
    voiced, found = voiced[0].unflatten(0, (4, -1)), found[0].unflatten(0, (4, -1))
    assert _inside(voiced, hop).float().mean(1).tolist() == [0, 1, 0, 1]
    torch.testing.assert_close(_inside(found, hop)[[1, 3]].mean(1), torch.tensor([120.0, 240.0]), atol=0, rtol=0.01)


def test_rows_do_not_disturb_each_other() -> None:
    waves = torch.stack([_tone(90), _tone(333)])
    together = pitch(waves)
    for row in range(2):
        for a, b in zip(together, pitch(waves[row : row + 1]), strict=True):
            torch.testing.assert_close(a[row], b[0])


def test_loudness_does_not_matter() -> None:
    loud, soft = pitch(_tone(210)[None]), pitch(_tone(210)[None] / 10)
    assert torch.equal(loud[1], soft[1])
    torch.testing.assert_close(loud[0], soft[0], atol=0, rtol=1e-3)
