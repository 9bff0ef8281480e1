"""Built-in voices are made of a list of recordings, and the list of the bundle is that of its voices."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import soundfile

from dialogue_tts.bundle import find_bundle, list_voices
from dialogue_tts.config import from_dict, read_json
from dialogue_tts.errors import ConfigError, VoiceError
from dialogue_tts.training.built_in_voices import VoicesRecipe, make_voices
from tests.conftest import RATE_HZ, buzz


def _recipe(folder: Path, *names: str, seconds: float = 12.0) -> Path:
    rows = []
    for name in names:
        soundfile.write(folder / "sound.wav", buzz(seconds), RATE_HZ)
        known = {"description": "a buzz", "origin": "a test", "age": "1", "licence": "CC0", "sample": "Hello."}
        rows.append({"recording": "sound.wav", "voice": {"name": name} | known})
    (folder / "voices-recipe.json").write_text(json.dumps({"voices": rows}), encoding="utf-8")
    return folder / "voices-recipe.json"


def test_recordings_become_voices_with_what_is_known_of_them(tmp_path: Path) -> None:
    assert make_voices(_recipe(tmp_path, "ann", "ben"), tmp_path, tmp_path / "out") == 2
    voices = list_voices(tmp_path / "out")
    assert list(voices) == ["ann", "ben"] and voices["ben"].sample == "Hello." and voices["ben"].sex == ""
    found = soundfile.info(voices["ann"].recording)
    assert found.samplerate == RATE_HZ and found.duration == pytest.approx(8.0, abs=0.1)


def test_lists_that_cannot_be_used_leave_nothing(tmp_path: Path) -> None:
    for names, seconds, error in (
        (("ann", "ann"), 4, ConfigError),
        (("a/b",), 4, ConfigError),
        (("ann",), 1, VoiceError),
    ):
        with pytest.raises(error):
            make_voices(_recipe(tmp_path, *names, seconds=seconds), tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_bundles_voices_are_those_of_its_list() -> None:
    listed = from_dict(VoicesRecipe, read_json(find_bundle() / "recipe" / "voices.json")).voices
    voices = list_voices(find_bundle())
    assert [asdict(recorded.voice) for recorded in listed] == [
        {key: value for key, value in asdict(voice).items() if key != "recording"} for voice in voices.values()
    ]
    for voice in voices.values():
        assert voice.sample and voice.licence in ("Apache-2.0", "CC BY 4.0", "CC0")
        assert voice.sex in ("woman", "man") and voice.accent.partition("-")[0] == "en"
        assert "LibriSpeech" not in voice.origin and "Common Voice" not in voice.origin
