"""Data folders made from a manifest, and batches of like lengths."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dialogue_tts.config import HOP
from dialogue_tts.errors import DataError
from dialogue_tts.training.corpus import (
    DECODED_AHEAD,
    Corpus,
    _other_voice,
    batches_by_length,
    load_wave,
    prepare,
    read_manifest,
    vary_voices,
)


def _sine(hz: float, samples: int, rate: int = 24_000) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * hz * np.arange(samples) / rate)).astype(np.float32)


ROWS = [
    {"audio": "a.wav", "text": "Hi.", "speaker": "Ann", "phonemes": "hˈI.", "id": "x1", "dialogue": "d", "turn": 1},
    {"audio": "b.wav", "text": "No.", "speaker": "Bob", "split": "test_text"},
    {"audio": "c.wav", "text": "Oh — é!", "speaker": "Ann"},
]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Recordings of 2.5 and 3 frames, and one in stereo at another rate."""
    soundfile.write(tmp_path / "a.wav", _sine(300, 5 * HOP // 2), 24_000)
    soundfile.write(tmp_path / "b.wav", _sine(200, 3 * HOP), 24_000)
    left = _sine(150, 4 * HOP * 2, 48_000)
    soundfile.write(tmp_path / "c.wav", np.stack([left, left], 1), 48_000)
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n\n")
    return path


@pytest.fixture
def corpus(manifest: Path, tmp_path: Path) -> Corpus:
    return prepare(manifest, tmp_path / "data", phonemize=lambda text: f"<{text}>")


def test_prepare_writes_turns_and_waves(corpus: Corpus, tmp_path: Path) -> None:
    assert {path.name for path in corpus.folder.iterdir()} == {"turns.jsonl", "waves.i16", "waves.json"}
    assert [(u.start_frame, u.frames) for u in corpus.utterances] == [(0, 3), (3, 3), (6, 4)]
    assert [u.phonemes for u in corpus.utterances] == ["hˈI.", ".", "Oh — !"]
    first, second, third = corpus.utterances
    assert (first.id, first.dialogue, first.turn, first.split, first.speaker) == ("x1", "d", 1, "train", "Ann")
    assert second.split == "test_text" and second.id != third.id and second.dialogue != third.dialogue
    assert third.text == "Oh — é!"
    assert corpus.waves().shape == (10 * HOP,)
    assert Corpus.open(tmp_path / "data") == corpus


def test_rows_without_text_have_no_phonemes(manifest: Path, tmp_path: Path) -> None:
    rows = [{"audio": "a.wav", "text": text, "speaker": "Ann"} for text in ("", " ", "Hi")]
    manifest.write_text("\n".join(map(json.dumps, rows)))
    assert [u.phonemes for u in prepare(manifest, tmp_path / "data", lambda text: "a").utterances] == ["", "", "a"]


def test_few_recordings_wait_in_memory(manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = written = most = 0

    def read(path: Path, rate: int) -> torch.Tensor:
        nonlocal decoded
        decoded += 1
        return torch.zeros(2 * HOP)

    def phonemize(text: str) -> str:
        nonlocal written, most
        most, written = max(most, decoded - written), written + 1
        return "a"

    manifest.write_text("\n".join([json.dumps({k: v for k, v in ROWS[0].items() if k != "phonemes"})] * 60))
    monkeypatch.setattr("dialogue_tts.training.corpus.read_audio", read)
    prepare(manifest, tmp_path / "data", phonemize)
    assert written == decoded == 60 and most <= DECODED_AHEAD


def test_what_is_interrupted_is_no_data(corpus: Corpus, manifest: Path) -> None:
    def stopped(text: str) -> str:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(manifest, corpus.folder, stopped)
    with pytest.raises(DataError, match="no turns.jsonl there"):
        Corpus.open(corpus.folder)


def test_the_hash_follows_recordings_turns_and_texts(corpus: Corpus, manifest: Path, tmp_path: Path) -> None:
    sound, text = corpus.sha256(with_text=False), corpus.sha256(with_text=True)
    again = prepare(manifest, tmp_path / "again", phonemize=lambda text: "a")
    assert again.sha256(with_text=False) == sound and again.sha256(with_text=True) != text
    with (again.folder / "waves.i16").open("r+b") as waves:
        waves.write(b"\1")
    assert again.sha256(with_text=False) != sound
    fewer = Corpus(corpus.folder, corpus.utterances[:2])
    assert fewer.sha256(with_text=False) != sound


def test_recordings_come_back_as_they_were(corpus: Corpus) -> None:
    waves = corpus.waves()
    first, second, third = (load_wave(waves, u) for u in corpus.utterances)
    assert first.dtype == torch.float32
    np.testing.assert_allclose(first.numpy()[: 5 * HOP // 2], _sine(300, 5 * HOP // 2), atol=1e-4)
    assert not first[5 * HOP // 2 :].any(), "silence fills the last frame"
    np.testing.assert_allclose(second.numpy(), _sine(200, 3 * HOP), atol=1e-4)
    np.testing.assert_allclose(third.numpy()[200:-200], _sine(150, 4 * HOP)[200:-200], atol=0.01)


def test_splits(corpus: Corpus) -> None:
    assert [u.speaker for u in corpus.split("train")] == ["Ann", "Ann"]
    assert len(corpus.split("train", "test_text")) == 3
    assert corpus.split("other") == []


def test_tokens_lie_beside_the_waves(corpus: Corpus) -> None:
    with pytest.raises(DataError, match="semantic.npy is missing"):
        corpus.tokens("semantic")
    np.save(corpus.folder / "semantic.npy", np.arange(10, dtype=np.int32))
    assert corpus.tokens("semantic").tolist() == list(range(10))


def test_a_folder_without_turns_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no turns.jsonl there"):
        Corpus.open(tmp_path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{no json"], "line 1: not JSON"),
        ([json.dumps(ROWS[0]), "", '{"audio": "a.wav"}'], "line 3: text, speaker missing"),
        (["", ""], "the manifest is empty"),
        ([json.dumps(ROWS[0] | {"text": None})], "line 1: text: expected a string"),
        ([json.dumps(ROWS[0] | {"split": "dev"})], "line 1: split: expected one of train, test_text, .*, found 'dev'"),
    ],
)
def test_manifests_that_cannot_be_used(tmp_path: Path, lines: list[str], message: str) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=message):
        read_manifest(path)


def test_a_missing_recording_leaves_no_corpus(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    path.write_text(json.dumps(ROWS[0]))
    with pytest.raises(DataError, match="1 of 1 recordings are missing, the first is .*a.wav"):
        prepare(path, tmp_path / "data", str)
    with pytest.raises(DataError):
        Corpus.open(tmp_path / "data")


def test_varied_voices_change_each_speaker_alike(corpus: Corpus, tmp_path: Path) -> None:
    varied = vary_voices(corpus, tmp_path / "varied", seed=3)
    assert [u.id for u in varied.utterances] == [f"{u.id}@3" for u in corpus.split("train")]
    assert {u.speaker for u in varied.utterances} == {"Ann@3"}
    factor, _ = _other_voice(np.random.default_rng((3, zlib.crc32(b"Ann"))))
    position = 0
    for old, new in zip(corpus.split("train"), varied.utterances, strict=True):
        assert (new.text, new.phonemes) == (old.text, old.phonemes)
        assert new.start_frame == position and abs(new.frames - old.frames / factor) <= 0.6
        position += new.frames
    assert varied.waves().shape == (position * HOP,)
    again = vary_voices(corpus, tmp_path / "again", seed=3)
    assert again.utterances == varied.utterances and np.array_equal(again.waves(), varied.waves())


def test_another_voice_is_somebody_else_and_still_a_person() -> None:
    drawn = np.log2([_other_voice(np.random.default_rng(seed)) for seed in range(300)])
    assert np.abs(drawn).max(1).min() > 0.08 and np.abs(drawn).max() <= 0.25
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.2, "pitch and formants move by themselves"


@pytest.mark.parametrize(("count", "budget", "pool"), [(1, 50, 512), (200, 100, 512), (200, 100, 30), (200, 40, 7)])
def test_batches_hold_each_index_once_within_the_budget(count: int, budget: int, pool: int) -> None:
    rng = np.random.default_rng(1)
    lengths = rng.integers(5, 60, count).tolist()
    batches = batches_by_length(lengths, budget, rng, pool)
    assert sorted(index for batch in batches for index in batch) == list(range(count))
    for batch in batches:
        assert batch
        # A recording longer than the budget comes alone.
        assert len(batch) == 1 or max(lengths[i] for i in batch) * len(batch) <= budget


def test_batches_hold_like_lengths_and_differ_from_epoch_to_epoch() -> None:
    rng = np.random.default_rng(2)
    lengths = rng.integers(5, 60, 400).tolist()
    first, second = (batches_by_length(lengths, 300, rng, pool=100) for _ in range(2))
    filled = sum(lengths) / sum(max(lengths[i] for i in b) * len(b) for b in first)
    assert filled > 0.85
    assert {frozenset(b) for b in first} != {frozenset(b) for b in second}
    longest = [max(lengths[i] for i in batch) for batch in first]
    assert longest != sorted(longest), "batches come in no order of length"
    again = batches_by_length(lengths, 300, np.random.default_rng(3))
    assert again == batches_by_length(lengths, 300, np.random.default_rng(3))


def test_large_batches_are_hardly_padded_either() -> None:
    lengths = np.random.default_rng(2).integers(50, 600, 40_000).tolist()
    batches = batches_by_length(lengths, 40_000, np.random.default_rng(3))
    assert sum(lengths) / sum(max(lengths[i] for i in b) * len(b) for b in batches) > 0.9


def test_no_lengths_no_batches() -> None:
    assert batches_by_length([], 100, np.random.default_rng(1)) == []
