"""Sound encoded while it is made."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dialogue_tts.audio.encode import STREAMED, SoundEncoder
from dialogue_tts.audio.io import LONGEST_COMMENT, pcm16, write_audio
from dialogue_tts.errors import AudioError

RATE_HZ = 24_000
WAVE = (0.3 * np.sin(np.arange(5 * RATE_HZ) / 9)).astype(np.float32)


def encoded(kind: str, comment: str = "", pieces: int = 7) -> list[bytes]:
    encoder = SoundEncoder(kind, RATE_HZ, comment)
    return [*(encoder.add(piece) for piece in np.array_split(WAVE, pieces)), encoder.finish()]


@pytest.mark.parametrize("kind", [kind for kind in STREAMED if kind not in ("pcm", "aac")])
def test_all_pieces_together_are_a_file(kind: str) -> None:
    data = b"".join(encoded(kind, "Synthetic spéech."))
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        heard = file.read()
        assert kind == "mp3" or file.comment == "Synthetic spéech."  # libsndfile does not read that of MP3
    assert len(heard) == pytest.approx(len(WAVE), abs=2500 if kind == "mp3" else 0)
    if kind in ("wav", "flac"):
        assert np.abs(heard - WAVE).max() < 1 / 30_000
    if kind == "mp3":
        assert b"Synthetic" in data
    same = np.corrcoef(heard[RATE_HZ : 2 * RATE_HZ], WAVE[RATE_HZ : 2 * RATE_HZ])[0, 1]
    assert kind == "mp3" or same > 0.99  # it begins later


def test_aac_decodes_to_what_went_in(monkeypatch: pytest.MonkeyPatch) -> None:
    av = pytest.importorskip("av")
    pieces = encoded("aac")
    assert sum(map(bool, pieces[:-1])) >= 6 and pieces[0][:2] == b"\xff\xf1"  # ADTS: any frame can be the first
    with av.open(io.BytesIO(b"".join(pieces))) as file:
        heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    assert len(heard) == pytest.approx(len(WAVE), abs=3 * 1024)  # its frames, and what the encoder looks ahead
    assert heard[1024:-2048].std() == pytest.approx(WAVE.std(), rel=0.02)
    assert encoded("aac", pieces=1)[0] and SoundEncoder("aac", RATE_HZ).finish() is not None
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(AudioError, match=r"aac, where the speech is made, needs av: pip install .*; or take mp3"):
        SoundEncoder("aac", RATE_HZ)


def test_pcm_is_the_samples_alone() -> None:
    assert b"".join(encoded("pcm", "no place for it")) == pcm16(WAVE)


@pytest.mark.parametrize(("kind", "early"), [("pcm", 7), ("wav", 7), ("mp3", 6), ("opus", 4), ("ogg", 2), ("flac", 0)])
def test_bytes_come_early_where_the_format_lets_them(kind: str, early: int) -> None:
    assert sum(map(bool, encoded(kind)[:-1])) >= early
    if kind == "flac":
        assert not any(encoded(kind)[:-1])


def test_formats_that_are_none() -> None:
    with pytest.raises(AudioError, match="aiff: no such format can be streamed; use pcm, aac, wav"):
        SoundEncoder("aiff", RATE_HZ)


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "opus"])
def test_long_comments_are_cut_and_cost_no_sound(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"sound.{kind}"
    write_audio(path, WAVE, RATE_HZ, "ü" * 200_000)
    for data in (path.read_bytes(), b"".join(encoded(kind, "ü" * 200_000))):
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            assert len(file.read()) == len(WAVE)
            assert file.comment == "ü" * (LONGEST_COMMENT // 2)
