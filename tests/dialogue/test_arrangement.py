"""Levels, music, effects and loudness of the whole, in the one mix that the library, the shell and the studio share."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile

from dialogue_tts.audio import mastering
from dialogue_tts.audio.mastering import MASTERS, levels_of, mastering_gain
from dialogue_tts.config import from_dict
from dialogue_tts.dialogue.arrangement import Bed, Effect, Intro, Level, MixConfig, SavedSound, Sound, read_mix
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.rendering import Voiced, ducking, render, repeated
from dialogue_tts.dialogue.result import MUSIC, Dialogue
from dialogue_tts.errors import AudioError, ConfigError, ProjectError, SettingsError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.verify import verify_file

RATE = 24_000


def tone(seconds: float, hz: float = 300.0, level: float = 0.3) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def sound(name: str, seconds: float, level: float = 0.3) -> Sound:
    return Sound(name, np.rint(tone(seconds, 500, level) * 32767).astype(np.float32) / np.float32(32768))


SOUNDS = {
    "rain": sound("rain", 12.0),
    "jingle": sound("jingle", 2.0),
    "bell": sound("bell", 0.5),
}


@pytest.fixture(scope="module")
def spoken(tiny_tts: DialogueTTS) -> Dialogue:
    return tiny_tts.synthesize("[Anna] Good evening.\n[Ben] It is ten past five.\n[Anna] Is it?", seed=2)


def rms(wave: np.ndarray) -> float:
    return float(np.sqrt(np.square(wave).mean()))


def mixed(config: MixConfig, offsets: tuple[int, int] = (0, RATE)) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Two seconds each of Anna and Ben, one second apart: starts, the whole, music."""
    turns = [Voiced("Anna", tone(2.0)), Voiced("Ben", tone(2.0))]
    made = render(turns, offsets, [None, None], config, SOUNDS, None)
    return [one.start for one in made.placed], made.waveform, made.music


def test_a_speaker_is_turned_down_or_muted_and_keeps_the_place() -> None:
    starts, plain, _ = mixed(MixConfig())
    levels = MixConfig(levels=(Level("Anna", -20.0), Level("Ben", muted=True)))
    again, whole, _ = mixed(levels)
    assert again == starts == [0, 3 * RATE] and whole.size == plain.size
    np.testing.assert_allclose(whole[: 2 * RATE], plain[: 2 * RATE] * 0.1, atol=1e-6)
    assert not whole[3 * RATE :].any()


def test_the_bed_begins_before_speech_ducks_under_it_and_fades() -> None:
    bed = Bed("rain", gain_db=0.0, duck_db=-20.0, fade_in_s=0.5, fade_out_s=1.0, lead_s=2.0, tail_s=1.5)
    starts, whole, music = mixed(MixConfig(bed=bed), (0, 4 * RATE))
    assert starts == [2 * RATE, 8 * RATE] and whole.size == 11.5 * RATE
    alone, under = music[round(0.8 * RATE) : round(1.4 * RATE)], music[round(2.4 * RATE) : round(3.2 * RATE)]
    assert rms(under) / rms(alone) == pytest.approx(0.1, rel=0.05)
    between = music[round(5.2 * RATE) : round(5.9 * RATE)]
    assert rms(between) / rms(alone) == pytest.approx(1, rel=0.1)  # back, as nobody speaks
    assert rms(music[: RATE // 10]) < 0.2 * rms(alone) and rms(music[-RATE // 10 :]) < 0.1 * rms(alone)


def test_who_is_muted_does_not_duck_the_bed() -> None:
    bed = Bed("rain", fade_in_s=0.0, lead_s=1.0)
    _, _, music = mixed(MixConfig(bed=bed, levels=(Level("Anna", muted=True),)))
    before, during = music[RATE // 2 : RATE // 2 + 6000], music[RATE + 6000 : RATE + 12_000]
    assert rms(during) == pytest.approx(rms(before), rel=0.1)


def test_speech_waits_for_the_intro_which_fades_under_it() -> None:
    starts, _, music = mixed(MixConfig(intro=Intro("jingle", lead_s=1.2, duck_db=-6.0, fade_out_s=0.5)))
    assert starts[0] == round(1.2 * RATE)
    assert music[round(1.1 * RATE) : round(1.2 * RATE)].any() and not music[round(1.7 * RATE) :].any()
    assert mixed(MixConfig(intro=Intro("jingle")))[0][0] == 2 * RATE


def test_effects_are_waited_for_or_begin_with_the_turn() -> None:
    waits = MixConfig(effects=(Effect("bell", 1), Effect("bell", 1), Effect("bell", 2)))
    starts, whole, music = mixed(waits)
    assert starts == [0, 4 * RATE]  # the pause, two bells, then Ben
    assert (
        music[3 * RATE + 10 : 4 * RATE].any() and not music[: 3 * RATE].any() and not music[4 * RATE : 6 * RATE].any()
    )
    assert whole.size == 6 * RATE + round(0.25 * RATE) + RATE // 2  # and one behind the last word
    starts, _, music = mixed(MixConfig(effects=(Effect("bell", 1, waits=False),)))
    assert starts == [0, 3 * RATE] and not music[: 3 * RATE].any() and music[3 * RATE + 10 :].any()


def test_a_bed_that_begins_again_has_no_hole() -> None:
    noise = np.random.default_rng(3).standard_normal(round(1.5 * RATE)).astype(np.float32)
    long = repeated(0.1 * noise, 10 * RATE)
    assert long.size == 10 * RATE
    parts = np.sqrt(np.square(long[RATE:].reshape(-1, 1200)).mean(axis=1))
    assert parts.min() > 0.5 * np.median(parts)


def test_ducking_without_speech_is_none() -> None:
    assert (ducking(100, 0, [], -20.0) == 1).all()


@pytest.mark.parametrize(("name", "lufs"), [("podcast", -16.0), ("broadcast", -23.0)])
def test_the_whole_gets_its_loudness_below_its_ceiling(name: str, lufs: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mastering, "BLOCK_S", 3.0)
    rng = np.random.default_rng(4)
    wave = (0.02 * rng.standard_normal(8 * RATE) * (1 + np.sin(np.arange(8 * RATE) / 9000))).astype(np.float32)
    wave[5 * RATE] = 0.9
    loud = wave * mastering_gain(wave, RATE, MASTERS[name])
    assert pyloudnorm.Meter(RATE).integrated_loudness(loud) == pytest.approx(lufs, abs=0.3)
    assert levels_of(loud, RATE).peak_db <= MASTERS[name].ceiling_db + 0.1
    assert not mastering_gain(np.zeros(RATE, np.float32), RATE, MASTERS[name]).std()


def test_an_audiobook_is_as_acx_wants_it() -> None:
    rng = np.random.default_rng(5)
    bursts = np.repeat(rng.random(80) > 0.3, RATE // 4)
    wave = (0.3 * rng.standard_normal(bursts.size) * bursts).astype(np.float32)
    found = levels_of(wave * mastering_gain(wave, RATE, MASTERS["audiobook"]), RATE)
    assert -23 <= found.rms_db <= -18 and found.peak_db <= -3


def test_music_and_speech_are_one_sound_that_is_marked_last(spoken: Dialogue, tmp_path: Path) -> None:
    config = MixConfig(bed=Bed("rain"), effects=(Effect("bell", 1),), master="podcast")
    made = spoken.arranged(config, SOUNDS)
    assert set(made.sounds) == {"rain", "bell"}
    made.save(tmp_path / "made.wav")
    assert verify_file(tmp_path / "made.wav").marked
    tracks = made.tracks()
    assert list(tracks) == ["Anna", "Ben", MUSIC]
    np.testing.assert_allclose(sum(tracks.values()), made.waveform, atol=2e-6)
    assert made.stereo().shape == (made.waveform.size, 2)
    assert [turn.start for turn in made.turns][0] == pytest.approx(2.0, abs=0.01)
    measured = pyloudnorm.Meter(RATE).integrated_loudness(made.waveform)
    assert measured == pytest.approx(-16, abs=1.0)
    back = made.arranged(MixConfig())
    assert back.sha256 == spoken.sha256 and not back.sounds


def test_the_mix_is_kept_by_redo_and_by_projects_with_its_sounds(
    tiny_tts: DialogueTTS, spoken: Dialogue, tmp_path: Path
) -> None:
    made = spoken.arranged(MixConfig(bed=Bed("rain"), levels=(Level("Ben", -3.0),)), SOUNDS)
    assert tiny_tts.redo(made, 1).mix == made.mix
    Project.of(made).save(tmp_path / "a.json")
    assert tiny_tts.rebuild(tmp_path / "a.json").sha256 == made.sha256
    light = Project.of(made, whole=False)
    with pytest.raises(ProjectError, match="the sound 'rain' of the mix is not here"):
        light.arrange(spoken)
    assert light.arrange(spoken, {"other": SOUNDS["rain"]}).sha256 == made.sha256


def test_damaged_sounds_are_told() -> None:
    saved = SavedSound.of(SOUNDS["bell"])
    assert np.array_equal(saved.sound({}).waveform, SOUNDS["bell"].waveform)
    for flac, told in (("AAAA", "damaged"), ("?", "damaged"), (SavedSound.of(SOUNDS["rain"]).flac, "is not the one")):
        with pytest.raises(AudioError, match=told):
            SavedSound("bell", saved.sha256, flac).sound({})


def test_a_mix_as_a_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "rain.wav", tone(1.0), RATE)
    path = tmp_path / "mix.json"
    path.write_text(json.dumps({"bed": {"sound": "rain.wav", "gain_db": -20}, "master": "podcast"}))
    config, sounds = read_mix(path)
    assert config.bed == Bed("rain.wav", -20.0) and sounds["rain.wav"].seconds == 1.0
    soundfile.write(tmp_path / "rain.wav", tone(0.05), RATE)
    with pytest.raises(AudioError, match="shorter than"):
        read_mix(path)
    for wrong, told in (
        ({"bad": 1}, "no such setting"),
        ({"bed": {"sound": "x", "gain_db": 99}}, "gain_db"),
        ({"master": "loud"}, "master"),
    ):
        with pytest.raises(ConfigError, match=told):
            from_dict(MixConfig, wrong)


def test_what_cannot_be_mixed_is_told(spoken: Dialogue) -> None:
    for config, told in (
        (MixConfig(bed=Bed("nowhere")), "needs the sound 'nowhere'"),
        (MixConfig(effects=(Effect("bell", 4),)), "in front of turn 4, but there are 3"),
    ):
        with pytest.raises(SettingsError, match=told):
            spoken.arranged(config, SOUNDS)
    with pytest.raises(SettingsError, match="two levels"):
        MixConfig(levels=(Level("Anna"), Level("Anna")))
    many = {f"s{n}": sound(f"s{n}", 0.1) for n in range(17)}
    with pytest.raises(SettingsError, match="at most 16 sounds"):
        spoken.arranged(MixConfig(effects=tuple(Effect(name, 0) for name in many)), many)
