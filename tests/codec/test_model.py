"""The codec: lengths, determinism, its pulse train, and the STFT under it."""

import pytest
import torch
from torch import Tensor

from dialogue_tts.audio.pitch import pitch
from dialogue_tts.audio.signal import frame_count, istft, log_mel, pad_to_frames, stft
from dialogue_tts.codec.model import Codec, CodecConfig, MelView, _noise, pulses, white_noise
from dialogue_tts.config import HOP, SAMPLE_RATE_HZ

CONFIG = CodecConfig(
    views=(MelView(256, 10, 4), MelView(1024, 14, 2)),
    levels=3,
    codebook_size=17,
    code_width=5,
    encoder_width=20,
    encoder_hidden=28,
    encoder_blocks=1,
    decoder_width=24,
    decoder_hidden=36,
    trunk_blocks=1,
    wave_blocks=2,
    upsample=4,
    n_fft=480,
)


@pytest.fixture
def codec() -> Codec:
    torch.manual_seed(1)
    return Codec(CONFIG).eval()


def _codes(rows: int = 2, frames: int = 7, seed: int = 2) -> Tensor:
    return torch.randint(17, (rows, frames, 3), generator=torch.Generator().manual_seed(seed))


def _wave(rows: int = 2, frames: int = 7) -> Tensor:
    return torch.randn(rows, frames * HOP, generator=torch.Generator().manual_seed(3)) * 0.1


def test_encode_gives_a_frame_of_codes_a_hop(codec: Codec) -> None:
    codes = codec.encode(_wave())
    assert codes.shape == (2, 7, 3) and codes.dtype == torch.int64
    assert 0 <= int(codes.min()) and int(codes.max()) < 17
    latent = codec.encoder(codec.encoder.patches(_wave()))
    assert torch.equal(codes, codec.quantizer(latent).codes)


def test_patches_are_as_wide_as_the_config_says(codec: Codec) -> None:
    assert CONFIG.patch_width == 10 * 4 + 14 * 2
    assert codec.encoder.patches(_wave()).shape == (2, 7, CONFIG.patch_width)


@pytest.mark.parametrize("frames", [1, 7, 40])
def test_decode_gives_a_hop_of_samples_a_frame(codec: Codec, frames: int) -> None:
    wave = codec.decode(_codes(2, frames))
    assert wave.shape == (2, frames * HOP) and wave.dtype == torch.float32
    assert wave.isfinite().all() and 0 < float(wave.abs().max()) <= 1


def test_decoding_is_a_function_of_the_codes(codec: Codec) -> None:
    first = codec.decode(_codes())
    torch.manual_seed(99)
    _noise.cache_clear()
    codec.decode(_codes(1, 40, seed=5))
    assert torch.equal(first, codec.decode(_codes()))
    torch.testing.assert_close(codec.decode(_codes()[1:]), first[1:], atol=2e-4, rtol=0)
    for level in range(3):
        codes = _codes()
        codes[0, 3, level] = (codes[0, 3, level] + 1) % 17
        other = codec.decode(codes)
        assert (other[0] - first[0]).abs().max() > 1e-5
        assert torch.equal(other[1], first[1])


def test_decode_equals_the_training_path(codec: Codec) -> None:
    out = codec.quantizer(codec.encoder(codec.encoder.patches(_wave())))
    with torch.no_grad():
        wave = codec.decoder(out.latent).clamp(-1, 1)
    torch.testing.assert_close(codec.decode(codec.encode(_wave())), wave, atol=1e-4, rtol=0)


def test_decoder_follows_the_pitch_it_is_given(codec: Codec) -> None:
    """With a plain filter and little noise, what comes out is the pulse train."""
    bins = CONFIG.n_fft // 2 + 1
    with torch.no_grad():
        codec.decoder.head.weight.zero_()
        fading = -2 - torch.linspace(0, 12, bins)
        codec.decoder.head.bias.copy_(torch.cat([fading, torch.zeros(bins), torch.full((bins,), -20.0)]))
        frames = codec.decoder.frames(codec.quantizer.decode(_codes(1, 12)))
        wave = codec.decoder.wave(frames, torch.full((1, 48), 0.5))
        hz, voiced = pitch(wave)
        everything = codec.decoder.wave(frames, torch.full((1, 48), 9.0))
    assert voiced[0, 1:-1].all()
    torch.testing.assert_close(hz[0, 1:-1], torch.full((10,), 150 * 2**0.5), atol=0, rtol=0.01)
    assert everything.isfinite().all()


@pytest.mark.parametrize("hz", [61.0, 113.7, 237.3, 401.9])
def test_pulses_are_a_sum_of_cosines(hz: float) -> None:
    hop, frames = 240, 40
    found = pulses(torch.full((1, frames), hz), hop)
    assert found.shape == (1, frames * hop) and found.dtype == torch.float32
    cycles = torch.arange(1, frames * hop + 1).double() * hz / SAMPLE_RATE_HZ
    harmonics = int(SAMPLE_RATE_HZ / 2 / hz)
    wanted = sum((2 * torch.pi * k * cycles).cos() for k in range(1, harmonics + 1)) * (2 / harmonics) ** 0.5
    torch.testing.assert_close(found[0].double(), wanted, atol=float(wanted.max()) * 1e-3, rtol=0)


@pytest.mark.parametrize("hz", [61.0, 113.7, 150.0, 237.3, 401.9])
def test_pulses_have_unit_power_and_the_right_fundamental(hz: float) -> None:
    wave = pulses(torch.full((1, 100), hz), 240)
    assert abs(float(wave.square().mean()) - 1) < 0.05
    spectrum = torch.fft.rfft(wave[0] * torch.hann_window(24_000)).abs().square()  # a bin is a hertz
    harmonic = torch.arange(spectrum.shape[0]) / hz
    between = (harmonic - harmonic.round()).abs() * hz > 12
    assert float(spectrum[between].sum() / spectrum.sum()) < 1e-5, "nothing is folded back at half the sample rate"
    peaks = spectrum[[round(hz * k) for k in range(1, int(12_000 / hz))]]
    assert float(peaks.max() / peaks.min()) < 3, "all harmonics are equally strong, the fundamental too"


def test_pulses_follow_a_glide() -> None:
    hz = 150 * torch.linspace(-0.5, 1.0, 200).exp2()
    wave = pulses(hz[None], 240)[0]
    assert abs(float(wave.square().mean()) - 1) < 0.1
    peaks = wave * hz.repeat_interleave(240).sqrt()  # fewer harmonics, lower pulses
    beats = ((peaks[1:-1] > peaks[:-2]) & (peaks[1:-1] >= peaks[2:]) & (peaks[1:-1] > 0.5 * peaks.max())).nonzero()[
        :, 0
    ]
    assert abs(len(beats) - float(hz.sum()) / 100) <= 1
    found = SAMPLE_RATE_HZ / (beats[1:] - beats[:-1])  # known to a sample
    wanted = hz[(beats[1:] + beats[:-1]) // 480]
    torch.testing.assert_close(found, wanted, atol=0, rtol=0.03)


def test_pulses_are_clean_after_a_minute() -> None:
    wave = pulses(torch.full((1, 6_000), 237.0), 240)[0, -24_000:]
    spectrum = torch.fft.rfft(wave * torch.hann_window(24_000)).abs().square()
    harmonic = torch.arange(spectrum.shape[0]) / 237
    between = (harmonic - harmonic.round()).abs() * 237 > 12
    assert float(spectrum[between].sum() / spectrum.sum()) < 1e-5


def test_white_noise_is_the_same_at_every_call() -> None:
    noise = white_noise(50_000)
    assert noise.shape == (50_000,)
    assert abs(float(noise.square().mean()) - 1) < 0.03
    _noise.cache_clear()
    torch.manual_seed(7)
    assert torch.equal(noise, white_noise(50_000))
    assert torch.equal(noise[:40_000], white_noise(40_000))


@pytest.mark.parametrize(("n_fft", "hop"), [(960, 240), (480, 240), (512, 240), (1024, 480), (513, 160)])
@pytest.mark.parametrize("frames", [1, 9])
def test_istft_undoes_stft(n_fft: int, hop: int, frames: int) -> None:
    wave = torch.randn(2, frames * hop, generator=torch.Generator().manual_seed(4))
    spectrum = stft(wave, n_fft, hop)
    assert spectrum.shape == (2, n_fft // 2 + 1, frames) and spectrum.dtype == torch.complex64
    torch.testing.assert_close(istft(spectrum, n_fft, hop), wave, atol=1e-4, rtol=0)


def test_stft_frame_i_covers_hop_i() -> None:
    for frame in (0, 4, 8):
        wave = torch.zeros(1, 9 * 240)
        wave[0, frame * 240 + 120] = 1
        assert int(stft(wave, 960, 240).abs().sum(1).argmax()) == frame
        assert int(log_mel(wave, 960, 240, 10, SAMPLE_RATE_HZ).sum(2).argmax()) == frame


def test_padding_to_frames() -> None:
    wave = torch.ones(2, 2 * HOP + 1)
    padded = pad_to_frames(wave, HOP)
    assert padded.shape[1] == frame_count(wave.shape[1], HOP) * HOP == 3 * HOP
    assert torch.equal(padded[:, : 2 * HOP + 1], wave) and not padded[:, 2 * HOP + 1 :].any()
    assert torch.equal(pad_to_frames(padded, HOP), padded)


def test_decoding_first_does_not_keep_training_from_the_stft() -> None:
    """Windows are cached: one made in inference mode would be of no use to autograd."""
    with torch.inference_mode():
        log_mel(torch.zeros(1, 4 * 222), 666, 222, 11, SAMPLE_RATE_HZ)
    wave = torch.randn(1, 4 * 222, generator=torch.Generator().manual_seed(5)).requires_grad_()
    log_mel(wave, 666, 222, 11, SAMPLE_RATE_HZ).sum().backward()
    assert wave.grad.abs().max() > 0
