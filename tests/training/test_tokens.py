"""Tokens are made once, and anew as soon as recordings or networks are others; half-made ones never count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from dialogue_tts.audio.bandwidth import extend_bandwidth
from dialogue_tts.bundle import Bundle
from dialogue_tts.evaluation.sets import telephone
from dialogue_tts.semantic.align import PhoneSequence
from dialogue_tts.training import augment
from dialogue_tts.training import tokens as tokens_module
from dialogue_tts.training.corpus import Corpus, load_wave, prepare, write_turns
from dialogue_tts.training.made import record_of
from dialogue_tts.training.tokens import Tokenizers, tokenize
from tests.conftest import RATE_HZ, buzz

NAMES = {"semantic", "acoustic", "semantic_degraded", "acoustic_degraded", "phones"}


def _manifest(folder: Path, hz: tuple[float, ...]) -> Path:
    """A recording for each pitch, the last one without text."""
    lines = []
    for number, pitch in enumerate(hz):
        soundfile.write(folder / f"{number}.wav", buzz(0.6 + 0.2 * number, pitch), RATE_HZ)
        text, phonemes = ("", "") if number == len(hz) - 1 else ("Oh.", "ˈO.")
        lines.append(f'{{"audio": "{number}.wav", "text": "{text}", "phonemes": "{phonemes}", "speaker": "s{number}"}}')
    (folder / "manifest.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder / "manifest.jsonl"


@pytest.fixture
def data(tmp_path: Path) -> Corpus:
    return prepare(_manifest(tmp_path, (140.0, 190.0, 110.0)), tmp_path / "data", str)


@pytest.fixture(scope="module")
def by(tiny_bundle_dir: Path) -> Tokenizers:
    bundle = Bundle.load(tiny_bundle_dir)
    return Tokenizers(bundle.semantic_tokenizer, bundle.codec, aligned=True, degraded=True)


def _times(corpus: Corpus) -> dict[str, int]:
    return {name: (corpus.folder / f"{name}.npy").stat().st_mtime_ns for name in NAMES if corpus.has(name)}


def _nothing(done: int, total: int) -> None:
    pass


def test_tokens_are_made_once(data: Corpus, by: Tokenizers) -> None:
    seen: list[tuple[int, int]] = []
    tokenize(data, by, lambda *call: seen.append(call))
    assert set(_times(data)) == NAMES and set(seen) == {(1, 3), (2, 3), (3, 3)}
    assert data.tokens("acoustic").shape == (data.frames, 3) and data.tokens("semantic").shape == (data.frames,)
    before = _times(data)
    tokenize(data, replace(by), _nothing)
    assert _times(data) == before
    assert not list(data.folder.glob(".*")), "no drafts are left"


def test_degraded_tokens_are_others_and_the_same_each_time(data: Corpus, by: Tokenizers) -> None:
    tokenize(data, by, _nothing)
    first = np.array(data.tokens("acoustic_degraded"))
    assert not np.array_equal(first, data.tokens("acoustic"))
    (data.folder / "acoustic_degraded.npy").unlink()
    tokenize(data, by, _nothing)
    assert np.array_equal(first, data.tokens("acoustic_degraded"))


def test_a_degraded_prompt_is_heard_as_it_is_in_use(
    data: Corpus, by: Tokenizers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def telephoned(wave: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        return torch.from_numpy(telephone(wave.numpy()))

    monkeypatch.setattr(augment, "degrade", telephoned)
    tokenize(data, by, _nothing)
    assert by.codec is not None
    turn = data.utterances[0]
    narrow = telephoned(load_wave(data.waves(), turn), np.random.default_rng())
    found = data.tokens("acoustic_degraded")[turn.start_frame : turn.start_frame + turn.frames]
    assert np.array_equal(found, by.codec.encode(extend_bandwidth(narrow)[None])[0])
    assert not np.array_equal(found, by.codec.encode(narrow[None])[0])


def _other_tokenizer(by: Tokenizers) -> Tokenizers:
    tokenizer = type(by.semantic)(by.semantic.config).eval()
    tokenizer.load_state_dict(by.semantic.state_dict())
    with torch.no_grad():
        tokenizer.to_grid.bias += 0.5
    return Tokenizers(tokenizer, by.codec, True, True)


def _other_reader(by: Tokenizers) -> Tokenizers:
    tokenizer = type(by.semantic)(by.semantic.config).eval()
    tokenizer.load_state_dict(by.semantic.state_dict())
    with torch.no_grad():
        tokenizer.phone_head.bias += torch.randn(tokenizer.phone_head.bias.shape)
    return Tokenizers(tokenizer, by.codec, True, True)


def _other_codec(by: Tokenizers) -> Tokenizers:
    codec = type(by.codec)(by.codec.config).eval()
    return Tokenizers(by.semantic, codec, True, True)


@pytest.mark.parametrize(
    ("change", "anew"),
    [
        (_other_tokenizer, {"semantic", "semantic_degraded", "phones"}),
        (_other_reader, {"phones"}),
        (_other_codec, {"acoustic", "acoustic_degraded"}),
    ],
)
def test_other_networks_make_their_tokens_anew(
    data: Corpus, by: Tokenizers, change: Callable[[Tokenizers], Tokenizers], anew: set[str]
) -> None:
    tokenize(data, by, _nothing)
    before = _times(data)
    tokenize(data, change(by), _nothing)
    assert {name for name, time in _times(data).items() if time != before[name]} == anew


def test_other_recordings_in_the_same_folder_make_all_anew(data: Corpus, by: Tokenizers, tmp_path: Path) -> None:
    tokenize(data, by, _nothing)
    before = _times(data)
    again = prepare(_manifest(tmp_path, (140.0, 150.0, 210.0)), data.folder, str)
    tokenize(again, by, _nothing)
    assert not set(before.values()) & set(_times(again).values())
    assert again.tokens("semantic").shape == (again.frames,)


def test_the_same_recordings_with_another_text_are_aligned_anew(data: Corpus, by: Tokenizers) -> None:
    tokenize(data, by, _nothing)
    before = _times(data)
    write_turns(data.folder, [replace(u, phonemes="nˈO.") for u in data.utterances])
    tokenize(Corpus.open(data.folder), by, _nothing)
    assert {name for name, time in _times(data).items() if time != before[name]} == {"phones"}


def test_what_is_killed_in_between_does_not_count(
    data: Corpus, by: Tokenizers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tokenize(data, by, killed)
    assert not _times(data) and not list(data.folder.glob(".*"))
    tokenize(data, by, _nothing)
    assert set(_times(data)) == NAMES


def test_turns_that_do_not_align_are_counted(data: Corpus, by: Tokenizers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dialogue_tts.semantic.align.edit_distance", lambda read, wanted: len(wanted))
    assert tokenize(data, by, _nothing) == 2, "the third has no text to be aligned with"
    assert tokenize(data, by, _nothing) == 2, "and it is known the next time"
    assert (np.array(data.tokens("phones")) == -1).all() and record_of(data, "phones")["not_aligned"] == 2


def test_what_aligns_says_its_phones(data: Corpus, by: Tokenizers, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lambda tokens, sequence, *_: [min(i, len(sequence.characters) - 1) for i in range(len(tokens))]  # noqa: E731
    monkeypatch.setattr(tokens_module, "heard_phones", path)
    assert tokenize(data, by, _nothing) == 0
    first, _, last = data.utterances
    phones = data.tokens("phones")
    assert phones[: first.frames].max() == len(PhoneSequence.of(first.phonemes).characters) - 1
    assert (phones[last.start_frame :] == -1).all()
