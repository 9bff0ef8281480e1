"""Where turns stand, what overlaps, tracks and stereo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
import torch

from dialogue_tts.audio.loudness import CEILING_DB, true_peak
from dialogue_tts.dialogue.mix import mix, panned
from dialogue_tts.dialogue.result import Dialogue, track_names
from dialogue_tts.errors import AudioError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.pattern import TAPS
from dialogue_tts.script.gaps import offset_s
from dialogue_tts.script.turns import Turn
from tests.conftest import ONCE

SCRIPT = """
[Anna] Good evening, my dear friends, and welcome to the harbour.
[Ben | overlap 0.2s] Mm-hm.
[Anna] It is ten past five now.
[Cleo] [pause 0.4s] Is it, really?
"""


@pytest.fixture(scope="module")
def spoken(tiny_tts: DialogueTTS) -> Dialogue:
    return tiny_tts.synthesize(SCRIPT, seed=2)


def wave(count: int, value: float = 0.25) -> np.ndarray:
    return np.full(count, value, np.float32)


def whole(waves: list[np.ndarray], offsets: list[int]) -> tuple[np.ndarray, list[int]]:
    placed = list(mix(waves, offsets))
    clock = 0
    for one in placed:
        assert one.first == clock
        clock += one.samples.size
    return np.concatenate([one.samples for one in placed]), [one.start for one in placed]


def test_turns_in_a_row() -> None:
    mixed, starts = whole([wave(10), wave(5)], [3, 4])
    assert starts == [3, 17]
    assert mixed.tolist() == [0] * 3 + [0.25] * 10 + [0] * 4 + [0.25] * 5


def test_an_overlap_starts_before_the_end_and_the_next_turn_after_all_of_it() -> None:
    mixed, starts = whole([wave(100), wave(20), wave(10)], [0, -50, 5])
    assert starts == [0, 50, 105]
    assert mixed.tolist() == [0.25] * 50 + [0.5] * 20 + [0.25] * 30 + [0] * 5 + [0.25] * 10
    mixed, starts = whole([wave(100), wave(200), wave(10)], [0, -50, 5])
    assert starts == [0, 50, 255] and mixed.size == 265


def test_nobody_starts_before_the_turn_in_front() -> None:
    _, starts = whole([wave(10), wave(100), wave(20), wave(30)], [0, 2, -5000, -95])
    assert starts == [0, 12, 12, 17]


def test_chunks_hold_only_what_is_final() -> None:
    sizes = [one.samples.size for one in mix([wave(100), wave(20), wave(100)], [0, -50, -10])]
    assert sizes == [50, 40, 100]


def test_overlaps_do_not_clip() -> None:
    rng = np.random.default_rng(1)
    loud = [(0.85 * np.sin(2 * np.pi * hz * np.arange(9000) / 24_000)).astype(np.float32) for hz in (200, 210, 190)]
    first, second, third = mix(loud, [0, -6000, -7000])
    assert first.gain == 1 and second.gain < 1 and third.gain < second.gain
    mixed = np.concatenate([first.samples, second.samples, third.samples])
    assert true_peak(torch.from_numpy(mixed)) <= 10 ** (CEILING_DB / 20) * 1.03
    quiet = [(0.1 * rng.standard_normal(9000)).astype(np.float32).clip(-0.3, 0.3) for _ in range(2)]
    assert [one.gain for one in mix(quiet, [0, -6000])] == [1, 1]


def test_gaps() -> None:
    question, answer, more = Turn("A", 'So "really?"'), Turn("B", "Yes.", 0.5), Turn("B", "And so on.")
    assert offset_s(None, answer, 0.5, None) == 0.5
    assert offset_s(question, answer, 0.3, 0.25) == 0.75
    after_question, after_statement = (offset_s(t, Turn("B", "Hm."), 0.5, None) for t in (question, Turn("A", "So.")))
    going_on = offset_s(answer, more, 0.5, None)
    assert 0.1 < after_question < after_statement < going_on < 0.6
    assert offset_s(answer, more, 0.0, None) < going_on < offset_s(answer, more, 0.99, None)
    assert offset_s(question, Turn("B", "Hm.", overlap_s=0.3), 0.5, 0.2) == -0.3


def test_overlap_and_back_channel_in_a_dialogue(spoken: Dialogue) -> None:
    anna, ben, again, cleo = spoken.turns
    assert ben.start == pytest.approx(max(anna.start, anna.end - 0.2), abs=1e-3)
    assert again.start > max(anna.end, ben.end)
    assert cleo.start - again.end >= 0.4
    assert spoken.duration == pytest.approx(cleo.end, abs=1e-4)


def test_tracks_are_as_long_as_the_dialogue_and_add_up_to_it(spoken: Dialogue) -> None:
    tracks = spoken.tracks()
    assert list(tracks) == ["Anna", "Ben", "Cleo"]
    assert {track.size for track in tracks.values()} == {spoken.waveform.size}
    np.testing.assert_allclose(sum(tracks.values()), spoken.waveform, atol=1e-6)
    cleo = spoken.turns[3]
    assert not tracks["Cleo"][: round(cleo.start * 24_000)].any() and tracks["Cleo"].any()


def test_stereo_has_speakers_left_and_right(tiny_tts: DialogueTTS, spoken: Dialogue) -> None:
    two = tiny_tts.synthesize("[Anna] Good evening. [Ben] Hello there!", seed=1)
    stereo, tracks = two.stereo(), two.tracks()
    assert stereo.shape == (two.waveform.size, 2) and stereo.dtype == np.float32
    assert np.array_equal(stereo[:, 0], tracks["Anna"]) and np.array_equal(stereo[:, 1], tracks["Ben"])
    three = spoken.stereo()
    ben = spoken.tracks()["Ben"]
    middle = slice(round(spoken.turns[0].end * 24_000) + TAPS, round(spoken.turns[1].end * 24_000))
    np.testing.assert_allclose(three[middle], np.stack([ben[middle]] * 2, 1) * 0.5**0.5, atol=1e-6)
    np.testing.assert_allclose(panned([wave(3)]), np.full((3, 2), 0.25 * 0.5**0.5), atol=1e-6)


def test_voices_are_equally_loud_and_peaks_limited(tiny_tts: DialogueTTS) -> None:
    script = "[Anna] " + "It was a long way down to the harbour, and it rained. " * 2
    for target in (-30.0, -23.0):
        for voice in ("low", "high"):
            config = replace(ONCE, loudness_lufs=target)
            dialogue = tiny_tts.synthesize(script, {"Anna": voice}, config=config)
            made, unmarked = dialogue.waveform, replace(dialogue, mark=None).waveform
            assert pyloudnorm.Meter(24_000).integrated_loudness(made.astype(float)) == pytest.approx(target, abs=1.0)
            assert true_peak(torch.from_numpy(unmarked)) <= 10 ** (CEILING_DB / 20) * 1.01
    plain = tiny_tts.synthesize(script, {"Anna": "low"}, config=replace(ONCE, loudness_lufs=None))
    assert plain.waveform.any()


@pytest.mark.parametrize(
    ("ending", "kind", "subtype"),
    [
        (".wav", "WAV", "PCM_16"),
        (".flac", "FLAC", "PCM_16"),
        (".mp3", "MP3", "MPEG_LAYER_III"),
        (".ogg", "OGG", "VORBIS"),
        (".opus", "OGG", "OPUS"),
    ],
)
@pytest.mark.parametrize("stereo", [False, True])
def test_every_format_says_that_the_speech_is_synthetic(
    spoken: Dialogue, tmp_path: Path, ending: str, kind: str, subtype: str, stereo: bool
) -> None:
    path = tmp_path / f"talk{ending}"
    spoken.save(path, stereo)
    with soundfile.SoundFile(path) as file:
        assert (file.format, file.subtype, file.samplerate) == (kind, subtype, 24_000)
        assert file.channels == 1 + stereo
        assert file.frames == pytest.approx(spoken.waveform.size, abs=2400)
        comment = file.copy_metadata()["comment"]
    assert comment == spoken.provenance
    assert comment.startswith("Synthetic speech, made by dialogue-tts with bundle tiny (")
    for speaker, voice in spoken.voices.items():
        assert f"{speaker}: {voice.name} ({voice.sha256[:12]})" in comment
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_tracks_are_saved_under_names_that_are_safe(spoken: Dialogue, tmp_path: Path) -> None:
    paths = spoken.save_tracks(tmp_path / "tracks", ".flac")
    assert [p.name for p in paths] == ["1-Anna.flac", "2-Ben.flac", "3-Cleo.flac"]
    for path, track in zip(paths, spoken.tracks().values(), strict=True):
        read, _ = soundfile.read(path, dtype="float32")
        np.testing.assert_allclose(read, track, atol=1e-4)
    assert track_names(["../a/b", "Dr. O'Neil"], ".wav") == ["1-.._a_b.wav", "2-Dr. O_Neil.wav"]
    with pytest.raises(AudioError, match="ending"):
        track_names(["A"], ".aac")


def test_a_write_that_fails_leaves_what_was_there(
    spoken: Dialogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "talk.wav"
    spoken.save(path)
    before = path.read_bytes()

    def full(self: soundfile.SoundFile, data: np.ndarray) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(AudioError, match="No space left"):
        spoken.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["talk.wav"]
    with pytest.raises(AudioError, match="cannot be written"):
        spoken.save_srt(tmp_path / "none" / "talk.srt")
