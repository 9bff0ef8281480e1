"""A voice carries its accent, and its turns are read in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
from safetensors import safe_open

from dialogue_tts.bundle import Bundle, write_sums
from dialogue_tts.config import to_dict
from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.revision import Revision
from dialogue_tts.errors import BundleError, ProjectError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.text.accents import ACCENTS
from dialogue_tts.voices.library import VoiceLibrary
from dialogue_tts.voices.voice import Consent, Voice

CONSENT = Consent("own", "Ada Ito", "2026-01-31")
BRITISH = {
    "tomato": "təmˈɑtO",
    "schedule": "ʃˈɛdjul",
    "garage": "ɡˈæɹɑʤ",
    "leisure": "lˈɛʒə",
    "privacy": "pɹˈɪvəsi",
}
SCRIPT = "[Anna] " + ". ".join(BRITISH) + "."


@pytest.fixture(scope="module")
def tts(tiny_tts: DialogueTTS, tmp_path_factory: pytest.TempPathFactory) -> DialogueTTS:
    """Of its built-in voices one is British and one has an accent that nothing can be read in."""
    voices = {
        name: replace(voice, accent={"low": "en-GB", "high": "en-IN"}[name])
        for name, voice in tiny_tts.bundle.voices.items()
    }
    library = VoiceLibrary(tmp_path_factory.mktemp("voices"))
    return DialogueTTS(replace(tiny_tts.bundle, voices=voices), library=library)


def given_phonemes(tts: DialogueTTS, voice: str | Voice, script: str = SCRIPT) -> str:
    """What text-to-semantic is given of the script's first turn."""
    request = tts.plan.script(script, {"Anna": voice}, 0, SynthesisConfig())
    return " ".join(segment.phonemes for segment in request.turns[0].wanted[0].segments)


def test_a_british_voice_says_british_words_in_sounds_the_networks_know(
    tts: DialogueTTS, tiny_tts: DialogueTTS
) -> None:
    british = given_phonemes(tts, "low")
    assert [word.strip(".") for word in british.split()] == list(BRITISH.values())
    assert {c for c in british if c.isalpha()} <= ACCENTS["en-US"].sounds
    american = given_phonemes(tts, "high")
    assert american == given_phonemes(tiny_tts, "low") == tiny_tts._frontend.speak(SCRIPT[7:]).phonemes
    for word, heard in BRITISH.items():
        assert heard not in american, word


def test_networks_that_learnt_british_sounds_are_given_them(tts: DialogueTTS) -> None:
    learnt = replace(tts.bundle.config, accents=("en-US", "en-GB"))
    other = DialogueTTS(replace(tts.bundle, config=learnt), library=tts.library)
    assert given_phonemes(other, "low").startswith("təmˈɑːtQ. ʃˈɛdjuːl.")


def test_a_new_voice_keeps_its_accent_in_its_file(tts: DialogueTTS, recording: Path, tmp_path: Path) -> None:
    voice = tts.new_voice("Ada", recording, CONSENT, accent="en-GB")
    voice.save(tmp_path / "ada.safetensors")
    assert Voice.load(tmp_path / "ada.safetensors").accent == voice.accent == "en-GB"
    assert given_phonemes(tts, Voice.load(tmp_path / "ada.safetensors")) == given_phonemes(tts, "low")
    usual = tts.new_voice("Ben", recording, CONSENT)
    assert (usual.accent, usual.sha256) == ("en-US", voice.sha256)


def test_files_made_before_voices_had_accents_are_american(tts: DialogueTTS, recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "ada.safetensors"
    tts.new_voice("Ada", recording, CONSENT, accent="en-GB").save(path)
    with safe_open(path, framework="pt") as file:
        record, tensors = file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    safetensors.torch.save_file(tensors, path, {k: v for k, v in record.items() if k != "accent"})
    assert Voice.load(path).accent == "en-US"
    safetensors.torch.save_file(tensors, path, record | {"accent": "en-AU"})
    with pytest.raises(VoiceError, match=r'ada.safetensors: "en-AU" is no accent; there are en-US, en-GB\.$'):
        Voice.load(path)


def test_an_unknown_accent_is_refused(tts: DialogueTTS, recording: Path, tmp_path: Path) -> None:
    with pytest.raises(VoiceError, match=r'^"en-AU" is no accent; there are en-US, en-GB\.$'):
        tts.new_voice("Ada", recording, CONSENT, accent="en-AU")
    tts.bundle.save(tmp_path / "bundle")
    config = tmp_path / "bundle" / "config.json"
    values = json.loads(config.read_text(encoding="utf-8")) | {"accents": ["en-AU"]}
    config.write_text(json.dumps(values), encoding="utf-8")
    write_sums(tmp_path / "bundle")
    with pytest.raises(BundleError, match='accents: "en-AU" is no accent; there are en-US, en-GB'):
        Bundle.load(tmp_path / "bundle")


def test_lint_reads_in_the_accents_of_the_voices_that_are_known(tts: DialogueTTS) -> None:
    text = "[Anna] My schedule today.\n[Ben] Your schedule today."
    found = tts.lint(text, {"Anna": "low"})
    assert [turn.words[1].phonemes for turn in found.spoken] == ["ʃˈɛdjul", "skˈɛʤˌul"]
    named = tts.lint(text, ["Anna", "Ben"])
    assert [turn.words[1].phonemes for turn in named.spoken] == ["skˈɛʤˌul", "skˈɛʤˌul"]


def test_a_project_is_rebuilt_in_the_accents_it_was_made_in(tts: DialogueTTS) -> None:
    american = replace(tts.voice("low"), accent="en-US")
    dialogue = tts.synthesize("[Anna] Schedule.", {"Anna": american}, seed=3)
    project = Project.of(dialogue)
    assert tts.rebuild(project).sha256 == dialogue.sha256  # "low" itself is British
    values = to_dict(project)
    del values["voices"][0]["accent"]  # as projects were before voices had accents
    assert Project.parse(json.dumps(values)) == project
    values["voices"][0]["accent"] = "en-AU"
    with pytest.raises(ProjectError, match='"en-AU" is no accent; there are en-US, en-GB'):
        Project.parse(json.dumps(values))


def test_a_turn_is_read_anew_in_another_accent(tts: DialogueTTS) -> None:
    voice = tts.voice("low")
    made = tts.synthesize("[Anna] Schedule.", {"Anna": voice}, seed=3)
    revision = Revision(made, {0: 0}, {})
    for accent, wanted in (("en-GB", 0), ("en-US", 1)):
        cast = {"Anna": replace(voice, accent=accent)}
        request = tts.plan.script("[Anna] Schedule.", cast, 3, made.config, revision)
        assert len(request.turns[0].wanted) == wanted
