"""The default bundle, end to end. How well it speaks is `evaluate`'s business; here, that it speaks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dialogue_tts.bundle import find_bundle, known_bundle
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.mark import Mark, bundle_code
from dialogue_tts.provenance.pattern import TAPS
from dialogue_tts.provenance.verify import verify_file
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.tokenizer import phones_of

ROOT = Path(__file__).parents[1]
SCRIPT = "[Anna] Good evening! Did you bring the umbrella?\n[Ben] I left it on the train, I'm afraid."


@pytest.fixture(scope="module")
def tts() -> DialogueTTS:
    return DialogueTTS.from_pretrained()


@pytest.fixture(scope="module")
def spoken(tts: DialogueTTS) -> Dialogue:
    return tts.synthesize(SCRIPT, voices={"Anna": "clara", "Ben": "michael"}, seed=11)


def test_bundle_is_complete_and_small() -> None:
    folder = find_bundle()
    weights = list(folder.glob("*.safetensors"))
    assert len(weights) == 5
    assert sum(path.stat().st_size for path in weights) <= 80e6
    assert not [p for p in folder.rglob("*") if p.suffix in (".pt", ".pth", ".bin", ".ckpt", ".pkl")]


def test_at_least_twenty_voices_and_each_can_prompt(tts: DialogueTTS) -> None:
    assert len(tts.voices) >= 20
    for name in tts.voices:
        voice = tts.voice(name)
        assert voice.codes.shape == (voice.semantic.shape[0], tts.bundle.codec.config.levels)
        assert 2 <= voice.semantic.shape[0] / 25 <= 10
        assert tts.bundle.voices[name].origin and tts.bundle.voices[name].description


def test_what_was_said_reads_back(spoken: Dialogue) -> None:
    for turn in spoken.turns:
        assert turn.check.phone_error <= 0.3
        assert [word.word for word in turn.words]


def test_british_voices_are_not_drawn_again_for_their_accent(tts: DialogueTTS) -> None:
    """The tokenizer learnt American sounds; what is said in others is no mistake."""
    lines = ("The bus driver stopped to argue with a goose.", "We waited for ten minutes, so I'd say it was the goose.")
    spoken = tts.synthesize("\n".join(f"[Ben] {line}" for line in lines), voices={"Ben": "tom"}, seed=0)
    assert tts.voice("tom").accent == "en-GB"
    assert [turn.draws for turn in spoken.turns] == [1, 1]
    assert max(turn.check.phone_error for turn in spoken.turns) <= 0.1


def test_tempo_is_that_of_speech(spoken: Dialogue) -> None:
    frontend = TextFrontend()
    for turn in spoken.turns:
        phones = len(phones_of(frontend.speak(turn.text).phonemes))
        assert 6 <= phones / (turn.end - turn.start) <= 25


def test_turns_are_loud_and_gaps_are_not(spoken: Dialogue) -> None:
    for index in range(len(spoken.turns)):
        wave = spoken.turn_waveform(index)
        assert -40 < 10 * np.log10(np.square(wave).mean()) < -10
    first, second = spoken.turns
    fading = TAPS  # the mark's filters still answer
    assert not spoken.waveform[round(first.end * 24_000) + fading : round(second.start * 24_000)].any()


def test_voices_differ_in_pitch(tts: DialogueTTS) -> None:
    """A man's voice is lower than a woman's, in what is spoken as in the prompts."""
    import torch

    from dialogue_tts.audio.pitch import pitch

    medians = {}
    for voice in ("clara", "marcus"):
        wave = tts.synthesize("[Anna] I left it on the train this morning.", {"Anna": voice}, seed=2).waveform
        hz, voiced = pitch(torch.from_numpy(wave[: wave.size // 960 * 960])[None])
        medians[voice] = float(hz[voiced].median())
    assert medians["marcus"] < 0.8 * medians["clara"]


def test_the_command_speaks_the_example(tmp_path: Path) -> None:
    out, times = tmp_path / "cafe.wav", tmp_path / "cafe.json"
    script = "".join(line for line in (ROOT / "examples" / "cafe.txt").read_text(encoding="utf-8").splitlines(True)[:4])
    command = [sys.executable, "-m", "dialogue_tts", "synthesize", "-", "-o", out, "--seed", "1", "--timestamps", times]
    done = subprocess.run(command, input=script, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "seed 1" in done.stderr
    wave, rate_hz = soundfile.read(out)
    listed = json.loads(times.read_text(encoding="utf-8"))
    assert rate_hz == listed["sample_rate"] == 24_000
    assert wave.size / rate_hz == pytest.approx(listed["duration"], abs=1e-3)
    assert [turn["speaker"] for turn in listed["turns"]] == ["Anna", "Ben", "Anna"]
    found = verify_file(out)
    assert {part.mark for part in found.parts} == {Mark(bundle_code(*known_bundle(find_bundle())))}
    assert found.comment
