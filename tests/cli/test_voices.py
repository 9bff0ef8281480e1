"""`voices`: what is kept speaks, and says who agreed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

if TYPE_CHECKING:
    from tests.cli.conftest import CommandLine

OWN = ("--consent", "own", "--who", "Ada Ito", "--when", "2026-01-31")


@pytest.mark.parametrize("command", [["voices"], ["voices", "list"]])
def test_a_list_of_names_and_descriptions(run: CommandLine, command: list[str], kept: Path) -> None:
    result = run(*command)
    assert result.exit_code == 0 and result.stderr == ""
    assert result.stdout == "low\ta low tone\nhigh\ta high tone\n"
    assert [v["origin"] for v in json.loads(run(*command, "--json").stdout)] == ["made by a test"] * 2


def test_a_voice_is_kept_told_of_used_and_removed(
    run: CommandLine, kept: Path, recording: Path, tmp_path: Path
) -> None:
    result = run("voices", "add", "Ada", recording, *OWN, "--what", "reading aloud")
    assert (result.exit_code, result.stdout) == (0, "") and result.stderr.endswith(f"Ada: kept in {kept}\n")
    assert run("voices").stdout.splitlines()[2] == "Ada\tkept: own, Ada Ito, 2026-01-31\ten-US"
    listed = json.loads(run("voices", "list", "--json").stdout)
    assert [voice["name"] for voice in listed] == ["low", "high", "Ada"]
    consent = {"kind": "own", "who": "Ada Ito", "when": "2026-01-31", "what": "reading aloud"}
    shown = json.loads(run("voices", "show", "Ada", "--json").stdout)
    assert shown == listed[2] | {"fits_bundle": True} and shown["consent"] == consent
    lines = run("voices", "show", "Ada").stdout.splitlines()
    assert lines[:3] == ["name: Ada", "kind: kept", "consent: own, Ada Ito, 2026-01-31, reading aloud"]
    out = tmp_path / "out.wav"
    assert run("synthesize", "-", "-o", out, "--voice", "Anna=Ada", stdin="[Anna] Hello.").exit_code == 0
    assert "Ada" in soundfile.SoundFile(out).comment
    assert run("voices", "remove", "Ada", bundle=False).stderr == "Ada: removed\n"
    assert run("voices").stdout == "low\ta low tone\nhigh\ta high tone\n" and list(kept.iterdir()) == []
    run.refused("voices", "remove", "Ada", said="Ada: no such voice is kept; none are kept so far", bundle=False)


def test_json_and_quiet(run: CommandLine, kept: Path, recording: Path) -> None:
    added = run("voices", "add", "Ada", recording, *OWN, "--json")
    assert json.loads(added.stdout)["name"] == "Ada" and added.stderr == ""
    warnings = json.loads(added.stdout)["warnings"]
    assert ["clipped" in warning for warning in warnings] == [False, True]  # the tone is, and it has no high sounds
    assert run("voices", "add", "Ben", recording, *OWN, "-q").output == ""
    assert run("voices", "remove", "Ben", "-q", bundle=False).output == ""


def test_a_poor_recording_is_kept_with_a_warning(run: CommandLine, kept: Path, tmp_path: Path) -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(3 * 24_000)
    soundfile.write(tmp_path / "noise.wav", noise, 24_000)
    result = run("voices", "add", "Wind", tmp_path / "noise.wav", *OWN)
    assert result.exit_code == 0
    warning, told = result.stderr.splitlines()
    assert warning.startswith(f"{tmp_path / 'noise.wav'}: it is noisy, or music goes along: pauses lie only 0 dB below")
    assert told == f"Wind: kept in {kept}"
    lines = run("voices", "inspect", tmp_path / "noise.wav").stdout.splitlines()
    assert [line.split("\t")[:2] for line in lines] == [
        ["good", "length"],
        ["good", "level"],
        ["NOT", "noise"],
        ["good", "band"],
        ["good", "clipping"],
    ]
    found = json.loads(run("voices", "inspect", tmp_path / "noise.wav", "--json").stdout)
    assert found["band"]["value"] > 11_000 and found["band"]["unit"] == "Hz"
    run.refused("voices", "inspect", tmp_path / "none.wav", said="none.wav: ")


def test_a_saved_voice_brings_its_own_record(run: CommandLine, kept: Path, recording: Path, tmp_path: Path) -> None:
    assert run("voices", "add", "Ada", recording, *OWN).exit_code == 0
    moved = next(kept.iterdir()).rename(tmp_path / "from-elsewhere.safetensors")
    run.refused("voices", "add", "Bea", moved, *OWN, said="a saved voice has a consent record already; leave out yours")
    assert run("voices", "add", "Bea", moved).exit_code == 0
    shown = json.loads(run("voices", "show", "Bea", "--json").stdout)
    assert (shown["name"], shown["consent"]["who"], shown["accent"]) == ("Bea", "Ada Ito", "en-US")


def test_a_voice_is_kept_with_its_accent(run: CommandLine, kept: Path, recording: Path, tmp_path: Path) -> None:
    refused = '"en-AU" is no accent; there are en-US, en-GB.'
    run.refused("voices", "add", "Ada", recording, *OWN, "--accent", "en-AU", said=refused)
    assert run("voices", "add", "Ada", recording, *OWN, "--accent", "en-GB").exit_code == 0
    assert run("voices").stdout.splitlines()[2].endswith("\ten-GB")
    assert "accent: en-GB" in run("voices", "show", "Ada").stdout.splitlines()
    saved = next(kept.iterdir())
    assert (
        run("voices", "add", "Bea", saved).exit_code
        == run("voices", "add", "Cy", saved, "--accent", "en-US").exit_code
        == 0
    )
    accents = {voice["name"]: voice["accent"] for voice in json.loads(run("voices", "--json").stdout)[2:]}
    assert accents == {"Ada": "en-GB", "Bea": "en-GB", "Cy": "en-US"}


def test_a_built_in_voice_is_shown(run: CommandLine) -> None:
    assert run("voices", "show", "low").stdout.splitlines() == [
        "name: low",
        "kind: built-in",
        "description: a low tone",
        "origin: made by a test",
    ]


@pytest.mark.parametrize("name", ["low", "Ada"])
def test_a_voice_says_a_sentence(run: CommandLine, kept: Path, recording: Path, tmp_path: Path, name: str) -> None:
    assert run("voices", "add", "Ada", recording, *OWN).exit_code == 0
    assert run("voices", "play", name, "-o", tmp_path / "a.wav").exit_code == 0
    to_file, rate = soundfile.read(tmp_path / "a.wav", dtype="int16")
    piped = run("voices", "play", name)
    assert piped.exit_code == 0 and piped.stderr == ""
    to_pipe, _ = soundfile.read(io.BytesIO(piped.stdout_bytes), dtype="int16")
    assert rate == 24_000 and to_file.size > rate
    assert np.array_equal(to_pipe, to_file)
    assert run("voices", "play", name, "-o", tmp_path / "b.wav", "--text", "Hi.").exit_code == 0
    assert soundfile.info(tmp_path / "b.wav").frames < to_file.size


def test_what_is_refused(run: CommandLine, kept: Path, recording: Path, tmp_path: Path) -> None:
    add = ("voices", "add")
    run.refused(*add, "Ada", recording, said="give --consent, --who and --when")
    run.refused(*add, "Ada", recording, *OWN[:4], said="give --consent, --who and --when")
    run.refused(*add, "Ada", recording, *OWN[:5], "soon", said="'soon' is no date")
    run.refused(*add, "../Ada", recording, *OWN, said="cannot be a voice's name")
    run.refused(*add, "LOW", recording, *OWN, said="a built-in voice has that name")
    run.refused(*add, "Ada", tmp_path / "none.wav", *OWN, said="there is no such file")
    run.refused(*add, "Ada", tmp_path / "none.safetensors", said="there is no such file")
    assert run(*add, "Ada", recording, *OWN).exit_code == 0
    run.refused(*add, "ada", recording, *OWN, said="kept already")
    run.refused("voices", "show", "nobody", said="nobody: no such voice is kept; kept voices are Ada")
    run.refused("voices", "play", "nobody", said="built-in voices are low, high; kept ones are Ada")
    run.refused("voices", "play", "low", "-o", tmp_path / "a.txt", said="the ending names no known format")
    run.refused("voices", "play", "low", "--text", "[laughs]", said="sounds cannot be acted")
    assert run(*add, "Eve", recording, "--consent", "stolen").exit_code == 2
    assert [path.suffix for path in kept.iterdir()] == [".safetensors"]


def test_a_voice_of_another_bundle_is_told(run: CommandLine, kept: Path, recording: Path, tiny_tts: object) -> None:
    from dataclasses import replace

    from dialogue_tts.voices.library import VoiceLibrary
    from dialogue_tts.voices.voice import Consent

    made = tiny_tts.new_voice("Old", recording, Consent("synthetic", "a tone", "2026-01-31"))
    VoiceLibrary().add(replace(made, encoder="another"))
    assert json.loads(run("voices", "show", "Old", "--json").stdout)["fits_bundle"] is False
    run.refused("voices", "play", "Old", said="this voice was made with another bundle")
