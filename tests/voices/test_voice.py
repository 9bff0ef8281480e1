"""Recordings into prompts: what is cut off, what is turned down, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from dialogue_tts.config import HOP, SAMPLE_RATE_HZ, frames_to_seconds
from dialogue_tts.errors import VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.voices.voice import (
    LEVEL_DB,
    LONGEST_S,
    PEAK,
    PROMPT_S,
    SHORTEST_S,
    Consent,
    Voice,
    make_voice,
    prompt_wave,
    read_voice,
)

ROOM_DB = 40.0  # how far the rooms of these recordings lie below the tone


def tone(seconds: float, level_db: float = -15.0, hz: float = 250.0, rate_hz: int = SAMPLE_RATE_HZ) -> Tensor:
    """A sine of that RMS, float32 (samples,)."""
    t = torch.arange(round(seconds * rate_hz), dtype=torch.float64) / rate_hz
    return (2**0.5 * 10 ** (level_db / 20) * torch.sin(2 * torch.pi * hz * t)).float()


def silence(seconds: float, level_db: float = -90.0) -> Tensor:
    """Faint noise."""
    drawn = torch.Generator().manual_seed(1)
    return torch.randn(round(seconds * SAMPLE_RATE_HZ), generator=drawn) * 10 ** (level_db / 20)


def level_db(wave: Tensor) -> float:
    return 10 * float(wave.double().square().mean().log10())


def seconds_of(wave: Tensor) -> float:
    return wave.shape[-1] / SAMPLE_RATE_HZ


def one_line(error: pytest.ExceptionInfo[VoiceError]) -> str:
    message = str(error.value)
    assert "\n" not in message and message.endswith(".")
    return message


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.5, SHORTEST_S - 0.05])
def test_too_short(seconds: float) -> None:
    with pytest.raises(VoiceError, match="record at least 2 s") as error:
        prompt_wave(tone(seconds))
    assert f"{seconds:.1f} s" in one_line(error) or seconds == SHORTEST_S - 0.05


def test_the_shortest_and_the_longest_that_serve() -> None:
    assert seconds_of(prompt_wave(tone(SHORTEST_S))) == SHORTEST_S
    assert seconds_of(prompt_wave(tone(LONGEST_S))) == PROMPT_S


def test_too_long() -> None:
    with pytest.raises(VoiceError, match="lasts 45 s; cut it to at most 30 s") as error:
        prompt_wave(tone(45))
    one_line(error)


@pytest.mark.parametrize(
    "wave",
    [
        torch.zeros(3 * SAMPLE_RATE_HZ),
        silence(3.0, -75.0),
        torch.full((3 * SAMPLE_RATE_HZ,), 0.5),  # an offset of the sound card is no sound
        torch.nn.functional.pad(torch.ones(1), (3 * SAMPLE_RATE_HZ - 1, 0)) * 1e-3,
    ],
    ids=["nothing", "hiss", "offset", "a small click"],
)
def test_silent(wave: Tensor) -> None:
    with pytest.raises(VoiceError, match="the recording is silent") as error:
        prompt_wave(wave)
    one_line(error)


@pytest.mark.parametrize(("hz", "level_db"), [(8.0, -40.0), (15.0, -50.0)])
def test_a_rumble_is_no_speech(hz: float, level_db: float) -> None:
    with pytest.raises(VoiceError, match="silent"):
        prompt_wave(tone(3.0, level_db, hz))
    prompt_wave(tone(3.0, level_db, 150.0))


@pytest.mark.parametrize("spoken_s", [0.1, 0.6])
def test_mostly_silent(spoken_s: float) -> None:
    with pytest.raises(VoiceError, match="of the recording are not silent; record at least 2 s of speech") as error:
        prompt_wave(torch.cat([silence(2.0), tone(spoken_s), silence(5.0)]))
    told = float(one_line(error).split(" s ")[0].removeprefix("only "))
    assert spoken_s <= told <= spoken_s + 0.3


@pytest.mark.parametrize(("before_s", "after_s"), [(0.0, 0.0), (1.0, 0.0), (0.0, 2.0), (1.5, 1.5)])
def test_silence_at_the_ends_goes(before_s: float, after_s: float) -> None:
    made = prompt_wave(torch.cat([silence(before_s), tone(3.0), silence(after_s)]))
    assert 3.0 <= seconds_of(made) <= 3.0 + frames_to_seconds(6)
    assert made.shape[-1] % HOP == 0


def test_pauses_between_words_stay() -> None:
    made = prompt_wave(torch.cat([silence(1.0), tone(1.0), silence(0.8), tone(1.0), silence(1.0)]))
    assert 2.8 <= seconds_of(made) <= 2.8 + frames_to_seconds(6)
    frames_db = torch.stack([w.square().mean() for w in made.split(HOP)]).log10() * 10
    assert int((frames_db < LEVEL_DB - ROOM_DB).sum()) >= 18


@pytest.mark.parametrize("given_db", [-45.0, -22.0, -9.0])
def test_level_of_a_tone(given_db: float) -> None:
    made = prompt_wave(tone(3.0, given_db))
    # The high-pass needs a moment, so the middle is measured.
    assert level_db(made[SAMPLE_RATE_HZ : 2 * SAMPLE_RATE_HZ]) == pytest.approx(LEVEL_DB, abs=0.2)


def test_pauses_do_not_raise_the_level() -> None:
    made = prompt_wave(torch.cat([tone(1.0), silence(2.0), tone(1.0)]))
    assert level_db(made[HOP : SAMPLE_RATE_HZ - HOP]) == pytest.approx(LEVEL_DB, abs=0.3)


def test_clicks_do_not_clip() -> None:
    wave = tone(3.0, -50.0)
    wave[SAMPLE_RATE_HZ] = 0.9
    made = prompt_wave(wave)
    assert float(made.abs().max()) <= PEAK + 1e-6
    assert made.dtype == torch.float32 and bool(made.isfinite().all())


def test_an_offset_and_a_rumble_go() -> None:
    made = prompt_wave(tone(4.0, -20.0) + 0.2 + tone(4.0, -20.0, 10.0))
    middle = made[SAMPLE_RATE_HZ : 3 * SAMPLE_RATE_HZ].double()
    spectrum = torch.fft.rfft(middle).abs()  # bins of half a hertz
    assert float(spectrum[:40].max()) < 0.1 * float(spectrum[500])


def test_of_a_long_recording_the_fullest_stretch_is_kept() -> None:
    sparse = torch.cat([torch.cat([tone(0.3, hz=250.0), silence(0.7)]) for _ in range(8)])
    made = prompt_wave(torch.cat([sparse, tone(PROMPT_S + 1, hz=400.0), sparse]))
    assert seconds_of(made) == PROMPT_S
    spectrum = torch.fft.rfft(made.double()).abs()
    assert int(spectrum.argmax()) == round(400 * PROMPT_S)
    assert level_db(made) == pytest.approx(LEVEL_DB, abs=0.2)


def test_the_recording_given_is_left_alone() -> None:
    wave = tone(3.0)
    before = wave.clone()
    prompt_wave(wave)
    assert torch.equal(wave, before)


@pytest.fixture
def parts(tiny_tts: DialogueTTS) -> tuple:
    return tiny_tts.bundle.semantic_tokenizer, tiny_tts.bundle.codec


def write(path: Path, rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1, seconds: float = 3.0) -> Path:
    wave = tone(seconds, hz=250.0, rate_hz=rate_hz).numpy() + tone(seconds, hz=900.0, rate_hz=rate_hz).numpy() / 2
    soundfile.write(path, np.stack([wave] * channels, 1), rate_hz)
    return path


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
@pytest.mark.parametrize(("rate_hz", "channels"), [(24_000, 1), (24_000, 2), (8_000, 1), (48_000, 2)])
def test_recordings_of_any_kind(parts: tuple, tmp_path: Path, ending: str, rate_hz: int, channels: int) -> None:
    voice = read_voice(write(tmp_path / f"Anna B.{ending}", rate_hz, channels), *parts)
    assert voice.name == "Anna B"
    check(voice, parts)
    assert voice.semantic.shape == (75,)


def check(voice: Voice, parts: tuple) -> None:
    semantic_tokenizer, codec = parts
    assert voice.semantic.dtype == voice.codes.dtype == torch.int64
    assert voice.codes.shape == (*voice.semantic.shape, codec.config.levels)
    assert 0 <= int(voice.semantic.min()) <= int(voice.semantic.max()) < semantic_tokenizer.vocabulary
    assert 0 <= int(voice.codes.min()) <= int(voice.codes.max()) < codec.config.codebook_size


def test_stereo_and_mono_of_one_recording_are_one_voice(parts: tuple, tmp_path: Path) -> None:
    mono, stereo = (read_voice(write(tmp_path / f"{n}.wav", channels=n), *parts) for n in (1, 2))
    assert torch.equal(mono.semantic, stereo.semantic) and torch.equal(mono.codes, stereo.codes)


def test_the_same_file_gives_the_same_tokens_and_another_file_others(parts: tuple, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    first, second = read_voice(path, *parts), read_voice(str(path), *parts)
    assert torch.equal(first.semantic, second.semantic) and torch.equal(first.codes, second.codes)
    noise = 0.1 * np.random.default_rng(2).standard_normal(3 * SAMPLE_RATE_HZ)
    soundfile.write(tmp_path / "b.wav", noise, SAMPLE_RATE_HZ)
    assert not torch.equal(read_voice(tmp_path / "b.wav", *parts).codes, first.codes)


def test_names(parts: tuple, tmp_path: Path) -> None:
    assert read_voice(write(tmp_path / "a.wav"), *parts, name="Anna").name == "Anna"
    made = make_voice("Ben", tone(PROMPT_S + 2), *parts)
    assert made.name == "Ben" and made.semantic.shape == (round(PROMPT_S * 25),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "no sound file that can be read"),
        (b"I am text.\n" * 40, "no sound file that can be read"),
        (tone(0.5), "record at least 2 s"),
        (tone(31.0), "at most 30 s"),
        (torch.zeros(3 * SAMPLE_RATE_HZ), "is silent"),
        (torch.zeros(0), "holds no sound"),
        (torch.full((3 * SAMPLE_RATE_HZ,), float("nan")), "no numbers"),
    ],
    ids=["missing", "empty file", "text", "short", "long", "silent", "no samples", "not finite"],
)
def test_files_that_cannot_serve_are_named(
    parts: tuple, tmp_path: Path, content: bytes | Tensor | None, message: str
) -> None:
    path = tmp_path / "voice.wav"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        soundfile.write(path, content.numpy(), SAMPLE_RATE_HZ, subtype="FLOAT")
    with pytest.raises(VoiceError, match=message) as error:
        read_voice(path, *parts)
    assert one_line(error).startswith(f"{path}: ")


CONSENT = Consent("licensed", "Anna Berg", "2026-01-31", "synthetic speech in this test")


@pytest.fixture
def saved(parts: tuple, tmp_path: Path) -> Path:
    make_voice("Anna", tone(4.0), *parts, CONSENT).save(tmp_path / "anna.safetensors")
    return tmp_path / "anna.safetensors"


def test_a_voice_is_one_file_with_its_consent(parts: tuple, saved: Path) -> None:
    made, loaded = make_voice("Anna", tone(4.0), *parts, CONSENT), Voice.load(saved)
    assert torch.equal(loaded.semantic, made.semantic) and torch.equal(loaded.codes, made.codes)
    assert (loaded.name, loaded.consent, loaded.encoder) == ("Anna", CONSENT, made.encoder)
    assert loaded.sha256 == made.sha256 and len(made.sha256) == 64
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_saved_voice_speaks_as_its_recording_does(tiny_tts: DialogueTTS, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    tiny_tts.new_voice("Anna", path, CONSENT).save(tmp_path / "anna.safetensors")
    said = [
        tiny_tts.synthesize("[Anna] Good evening.", {"Anna": voice}).waveform.tobytes()
        for voice in (path, tmp_path / "anna.safetensors", str(tmp_path / "anna.safetensors"))
    ]
    assert len(set(said)) == 1


def test_a_voice_from_an_array_at_another_rate(tiny_tts: DialogueTTS) -> None:
    voice = tiny_tts.new_voice("Anna", tone(3.0, rate_hz=48_000).numpy(), CONSENT, 48_000)
    assert voice.semantic.shape == (75,) and voice.consent == CONSENT
    for recording in (np.zeros((2, 72_000), np.float32), np.full(72_000, np.nan, np.float32)):
        with pytest.raises(VoiceError, match="one row of finite samples"):
            tiny_tts.new_voice("Anna", recording, CONSENT)
    with pytest.raises(VoiceError, match="needs a name"):
        tiny_tts.new_voice(" ", tone(3.0).numpy(), CONSENT)


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (("stolen", "Anna", "2026-01-31"), "consent 'stolen' is not known; give one of own, licensed, synthetic"),
        (("own", " ", "2026-01-31"), "say who agreed"),
        (("own", "Anna", "yesterday"), "write it as 2026-01-31"),
    ],
)
def test_consent_is_whole_or_refused(record: tuple[str, str, str], says: str) -> None:
    with pytest.raises(VoiceError, match=says) as error:
        Consent(*record)
    one_line(error)


def test_no_voice_is_saved_without_consent_or_under_another_ending(parts: tuple, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match="saved with its consent record"):
        make_voice("Anna", tone(4.0), *parts).save(tmp_path / "anna.safetensors")
    voice = make_voice("Anna", tone(4.0), *parts, CONSENT)
    with pytest.raises(VoiceError, match="ends with .safetensors"):
        voice.save(tmp_path / "anna.bin")
    with pytest.raises(VoiceError, match="cannot be written"):
        voice.save(tmp_path / "none" / "anna.safetensors")
    assert not list(tmp_path.iterdir())


def rewritten(path: Path, tensors: dict | None = None, record: dict | None = None) -> Path:
    with safe_open(path, framework="pt") as file:
        kept = {key: file.get_tensor(key) for key in file.keys()} | (tensors or {})  # noqa: SIM118
        told = file.metadata() | (record or {})
    save_file({k: v for k, v in kept.items() if v is not None}, path, {k: v for k, v in told.items() if v is not None})
    return path


@pytest.mark.parametrize(
    ("tensors", "record", "says"),
    [
        ({"semantic": None}, {}, "lacks something or holds something strange"),
        ({"more": torch.zeros(1)}, {}, "lacks something or holds something strange"),
        ({}, {"consent": None}, "lacks something"),
        ({}, {"format": "dialogue-tts voice 9"}, "known here"),
        ({}, {"format": None}, "known here"),
        ({}, {"consent": "{}"}, "consent record cannot be read"),
        ({}, {"consent": "no"}, "consent record cannot be read"),
        ({}, {"consent": '{"kind": "stolen", "who": "A", "when": "2026-01-31"}'}, "'stolen' is not known"),
        ({}, {"name": " "}, "has no name"),
        ({"semantic": torch.zeros(100)}, {}, "not of the right kind"),
        ({"semantic": torch.zeros(99, dtype=torch.int64)}, {}, "not of the right kind"),
        ({"semantic": torch.zeros(0, dtype=torch.int64), "codes": torch.zeros(0, 3, dtype=torch.int64)}, {}, "kind"),
    ],
)
def test_files_that_are_no_whole_voice(saved: Path, tensors: dict, record: dict, says: str) -> None:
    with pytest.raises(VoiceError, match=says) as error:
        Voice.load(rewritten(saved, tensors, record))
    assert one_line(error).startswith(f"{saved}: ")


@pytest.mark.parametrize("content", [None, b"", b"I am no voice." * 9, b"\xff" * 64])
def test_files_that_are_no_voice(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "anna.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VoiceError) as error:
        Voice.load(path)
    assert one_line(error).startswith(f"{path}: ")


def test_a_cut_file_and_a_changed_one(saved: Path) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[:-20])
    with pytest.raises(VoiceError, match="this is no voice's file"):
        Voice.load(saved)


@pytest.mark.parametrize(
    ("tensors", "record", "says"),
    [
        ({}, {"encoder": "0" * 64}, "made with another bundle"),
        ({"codes": torch.full((100, 3), 19)}, {}, "out of range"),
        ({"codes": torch.full((100, 3), -1)}, {}, "out of range"),
        ({"codes": torch.zeros(100, 4, dtype=torch.int64)}, {}, "out of range"),
        ({"semantic": torch.full((100,), 12)}, {}, "out of range"),
    ],
)
def test_voices_that_this_bundle_does_not_understand(
    tiny_tts: DialogueTTS, saved: Path, tensors: dict, record: dict, says: str
) -> None:
    with pytest.raises(VoiceError, match=says) as error:
        tiny_tts.synthesize("[Anna] Hello.", {"Anna": rewritten(saved, tensors, record)})
    one_line(error)
