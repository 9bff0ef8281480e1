"""`synthesize` and what all commands have in common: what is written, and the one line that is said when it cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from click.testing import Result
from typer.testing import CliRunner

import dialogue_tts
from dialogue_tts.cli import app
from dialogue_tts.dialogue.turns import Check
from dialogue_tts.errors import DataError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.synthesis import unfinished
from dialogue_tts.training.teacher import read_scripts
from tests.cli.conftest import once

SCRIPT = "[Anna] Good evening, Ben. [Ben] Hello! [pause 0.5004s] [Anna] Is it ten past five?\n"
RATE_HZ = 24_000


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.txt"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


class Speaker:
    """Runs `dialogue-tts synthesize` with the tiny bundle, into a folder of its own."""

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.bundle, self.folder = bundle, folder
        folder.mkdir()

    def __call__(self, script: object, *options: object, out: str = "out.wav", stdin: str | None = None) -> Result:
        """`--bundle` among the options goes before the tiny one."""
        given = ["--bundle", self.bundle] if "--bundle" not in options else []
        arguments = ["synthesize", script, "-o", self.folder / out, *given, *options]
        arguments += once(arguments)
        return CliRunner().invoke(app, [str(a) for a in arguments], input=stdin)

    @property
    def written(self) -> list[str]:
        return sorted(p.relative_to(self.folder).as_posix() for p in self.folder.rglob("*"))


@pytest.fixture
def speak(tiny_bundle_dir: Path, tmp_path: Path) -> Speaker:
    return Speaker(tiny_bundle_dir, tmp_path / "out")


def write_tone(path: Path, seconds: float, level: float = 0.2) -> Path:
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    soundfile.write(path, level * np.sin(2 * np.pi * 180 * t), RATE_HZ, format="WAV")
    return path


def test_a_script_file_becomes_a_sound_file(speak: Speaker, script: Path) -> None:
    result = speak(script, "--seed", 1)
    assert result.exit_code == 0 and result.stdout == ""
    assert speak.written == ["out.wav"]
    wave, rate = soundfile.read(speak.folder / "out.wav", always_2d=True)
    assert rate == RATE_HZ and wave.shape[1] == 1 and np.abs(wave).max() > 0
    told = result.stderr.splitlines()[-1]
    assert told.startswith(f"{speak.folder / 'out.wav'}: {len(wave) / RATE_HZ:.1f} s of speech in ")
    assert told.endswith("seed 1")


def test_a_script_from_standard_input_is_the_same_script(speak: Speaker, script: Path) -> None:
    assert speak(script, "--seed", 1, out="a.wav").exit_code == 0
    assert speak("-", "--seed", 1, out="b.wav", stdin=SCRIPT).exit_code == 0
    assert (speak.folder / "a.wav").read_bytes() == (speak.folder / "b.wav").read_bytes()


@pytest.mark.parametrize(
    ("ending", "kind"), [("wav", "WAV"), ("flac", "FLAC"), ("ogg", "OGG"), ("mp3", "MP3"), ("WAV", "WAV")]
)
def test_the_ending_names_the_format(speak: Speaker, ending: str, kind: str) -> None:
    assert speak("-", "-q", stdin="[Anna] Hello.", out=f"out.{ending}").exit_code == 0
    info = soundfile.info(speak.folder / f"out.{ending}")
    assert (info.format, info.samplerate, info.channels) == (kind, RATE_HZ, 1) and info.duration > 0.1


def test_the_seed_repeats_the_bytes(speak: Speaker, script: Path) -> None:
    sounds = []
    for number, seed in enumerate([7, 7, 8]):
        assert speak(script, "--seed", seed, out=f"{number}.wav").exit_code == 0
        sounds.append((speak.folder / f"{number}.wav").read_bytes())
    assert sounds[0] == sounds[1] != sounds[2]


def test_a_seed_that_was_drawn_is_told_and_gives_the_sound_again(speak: Speaker, script: Path) -> None:
    result = speak(script, out="a.wav")
    seed = int(result.stderr.split("seed ")[-1])
    assert speak(script, "--seed", seed, out="b.wav").exit_code == 0
    assert (speak.folder / "a.wav").read_bytes() == (speak.folder / "b.wav").read_bytes()
    assert int(speak(script, out="c.wav").stderr.split("seed ")[-1]) != seed


def test_quiet_says_nothing(speak: Speaker, script: Path) -> None:
    assert speak(script, "-q").output == ""
    assert speak.written == ["out.wav"]


def test_voices_by_name_and_by_file(speak: Speaker, script: Path, tmp_path: Path) -> None:
    recording = tmp_path / "wind.wav"  # to an untrained codec all tones are much the same
    soundfile.write(recording, 0.1 * np.random.default_rng(2).standard_normal(3 * RATE_HZ), RATE_HZ)
    sounds = set()
    for number, anna in enumerate(["low", "high", recording]):
        result = speak(script, "--voice", f"Anna={anna}", "--voice", "Ben=low", "--seed", 1, out=f"{number}.wav")
        assert result.exit_code == 0
        sounds.add((speak.folder / f"{number}.wav").read_bytes())
    assert len(sounds) == 3


def test_a_path_with_an_equals_sign_is_a_voice(speak: Speaker, recording: Path) -> None:
    moved = recording.rename(recording.parent / "a=b.wav")
    assert speak("-", "--voice", f" Anna = {moved}", stdin="[Anna] Hello.").exit_code == 0


def test_timestamps_have_the_documented_shape(speak: Speaker, script: Path) -> None:
    times = speak.folder / "times.json"
    assert speak(script, "--timestamps", times, "--seed", 1).exit_code == 0
    assert speak.written == ["out.wav", "times.json"]
    found = json.loads(times.read_text(encoding="utf-8"))
    assert list(found) == ["sample_rate", "duration", "turns"]
    assert found["sample_rate"] == RATE_HZ
    assert found["duration"] == pytest.approx(soundfile.info(speak.folder / "out.wav").duration, abs=1e-3)
    assert [(t["index"], t["speaker"], t["text"]) for t in found["turns"]] == [
        (0, "Anna", "Good evening, Ben."),
        (1, "Ben", "Hello!"),
        (2, "Anna", "Is it ten past five?"),
    ]
    clock = 0.0
    for turn in found["turns"]:
        assert list(turn) == ["index", "speaker", "text", "start", "end", "words"]
        assert clock <= turn["start"] < turn["end"] <= found["duration"]
        clock = turn["end"]
        assert " ".join(w["word"] for w in turn["words"]) == turn["text"].translate(str.maketrans("", "", ",.!?"))
        for word in turn["words"]:
            assert list(word) == ["word", "start", "end"]
            assert turn["start"] - 1e-3 <= word["start"] <= word["end"] <= turn["end"] + 1e-3
    spans = [*found["turns"], *(word for turn in found["turns"] for word in turn["words"])]
    numbers = [found["duration"], *(span[key] for span in spans for key in ("start", "end"))]
    assert all(type(n) is float and n == round(n, 3) for n in numbers)


def test_facts_as_json(speak: Speaker, script: Path) -> None:
    result = speak(script, "--json", "--seed", 1, "--srt", speak.folder / "a.srt", "--tracks", speak.folder / "t")
    facts = json.loads(result.stdout)
    assert result.stderr == ""
    wave, rate = soundfile.read(speak.folder / "out.wav", dtype="float32")
    assert facts["duration_s"] == pytest.approx(len(wave) / rate, abs=1e-3) and facts["work_s"] > 0
    assert (facts["seed"], facts["turns"], facts["bundle"]) == (1, 3, "tiny")
    assert set(facts["voices"]) == {"Anna", "Ben"} and set(facts["voices"].values()) == {"low", "high"}
    assert [Path(f).relative_to(speak.folder).as_posix() for f in facts["files"]] == [
        "out.wav",
        "t/1-Anna.wav",
        "t/2-Ben.wav",
        "a.srt",
    ]
    assert json.loads(speak(script, "--json", "--seed", 1).stdout)["sha256"] == facts["sha256"]


def test_turns_that_the_self_check_doubts_are_told(
    speak: Speaker, script: Path, tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny_tts.synthesize(SCRIPT, seed=1)
    checks = (Check(0.0, 1.0, 0.9, 0.5), Check(0.2, 0.5, 0.5, None), Check(0.21, 2.0, 0.5, 0.6))
    takes = [replace(part.take, check=check) for part, check in zip(made.turn_takes, checks, strict=True)]
    parts = tuple(replace(part, takes=(take,)) for part, take in zip(made.turn_takes, takes, strict=True))
    monkeypatch.setattr(unfinished, "kept_result", lambda *_: replace(made, turn_takes=parts))
    first, _ = speak(script, "--seed", 1).stderr.splitlines()
    assert (
        first
        == f"{speak.folder / 'out.wav'}: listen to turns 2 (pace), 3 (words, pace, voice): the self-check doubts them"
    )
    assert json.loads(speak(script, "--json").stdout)["doubtful"] == [1, 2]
    assert speak(script, "-q").output == ""


def test_a_full_disk_is_told_before_the_work_starts(
    speak: Speaker, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rooms(free: int) -> Callable[[object], SimpleNamespace]:
        return lambda place: SimpleNamespace(free=free)

    monkeypatch.setattr(unfinished, "kept_result", lambda *_: pytest.fail("the work started"))
    monkeypatch.setattr("shutil.disk_usage", rooms(100_000))
    refused(speak(script), " kB are to be written there, but only 100.0 kB are free; make room")
    assert speak.written == []
    monkeypatch.undo()
    monkeypatch.setattr("shutil.disk_usage", rooms(700_000))
    assert speak(script).exit_code == 0
    refused(speak(script, "--stereo", "--tracks", speak.folder / "tracks", out="b.wav"), "make room")
    assert speak(script, "--stereo", "--tracks", speak.folder / "tracks", out="b.mp3").exit_code == 0


def test_names_in_other_scripts_survive(speak: Speaker, tmp_path: Path) -> None:
    times = tmp_path / "times.json"
    assert speak("-", "--timestamps", times, stdin="[Zoë] Hello there.").exit_code == 0
    assert '"speaker": "Zoë"' in times.read_text(encoding="utf-8")


def test_a_script_with_a_byte_order_mark_and_foreign_line_ends(speak: Speaker, tmp_path: Path) -> None:
    path = tmp_path / "dos.txt"
    path.write_bytes("\ufeff[Anna] Hello.\r\n[Ben] Yes.\r\n".encode())
    assert speak(path).exit_code == 0


def refused(result: Result, *said: str) -> None:
    """Exit code 2, one line on standard error that holds what is `said`, and nothing else."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("dialogue-tts: ") and "Traceback" not in lines[0]
    for part in said:
        assert part in lines[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the script is empty"),
        ("  \n\n# only a comment\n", "the script is empty"),
        ("Hello there.", "line 1"),
        ("[Anna] Hello.\n[Ben] ...", "line 2"),
        ("[Anna] Hello.\n[Ben]\n", "line 2: Ben's turn has no text"),
        ("[Anna] Hello.\n\n[Ben] ♥ ♥", "line 3"),
        ("[Anna] Hello. [laughs]", "line 1: [laughs]"),
        ("[Anna] Hello. [pause 100s]", "line 1: [pause 100s] is out of range"),
        ("[Anna] Hello. [Ben", "line 1"),
    ],
)
def test_scripts_that_cannot_be_spoken(speak: Speaker, tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(content, encoding="utf-8")
    refused(speak(path), said)
    refused(speak("-", stdin=content), said)
    assert speak.written == []


def test_everything_that_can_be_written(speak: Speaker, script: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("evening => ˈivnɪŋ\n", encoding="utf-8")
    names = {"timestamps": "t.json", "srt": "t.srt", "vtt": "t.vtt", "labels": "t.txt", "project": "p.json"}
    options = [part for name, file in names.items() for part in (f"--{name}", speak.folder / file)]
    settings = ["--gap", 0.1, "--speed", 0.9, "--loudness", -20, "--pronunciations", words, "--stereo", "--seed", 3]
    result = speak(script, *options, *settings, "--tracks", speak.folder / "tracks", out="a.flac")
    assert result.exit_code == 0
    tracks = ["tracks", "tracks/1-Anna.flac", "tracks/2-Ben.flac"]
    assert speak.written == sorted(["a.flac", *names.values(), *tracks])
    assert soundfile.info(speak.folder / "a.flac").channels == 2
    assert (speak.folder / "t.vtt").read_text(encoding="utf-8").startswith("WEBVTT\n\n00:00:00.")
    assert "Ben: Hello!" in (speak.folder / "t.srt").read_text(encoding="utf-8")
    times = json.loads((speak.folder / "t.json").read_text(encoding="utf-8"))["turns"]
    assert times[1]["start"] - times[0]["end"] == pytest.approx(0.1, abs=2e-3)
    saved = json.loads((speak.folder / "p.json").read_text(encoding="utf-8"))
    assert saved["config"]["speed"] == 0.9 and saved["config"]["pronunciations"] == [["evening", "ˈivnɪŋ"]]
    again = speak(speak.folder / "p.json", "--stereo", out="b.flac")
    assert again.exit_code == 0 and again.stderr.endswith("seed 3\n") and "last bits" not in again.stderr
    assert (speak.folder / "a.flac").read_bytes() == (speak.folder / "b.flac").read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gap", "-1"], "gap -1 is out of range"),
        (["--speed", "9"], "speed 9 is out of range; give 0.25 to 4."),
        (["--loudness", "0"], "loudness 0 is out of range"),
        (["--pronunciations", "none.txt"], "none.txt: the dictionary cannot be read"),
        (["--srt", "none/a.srt"], "there is no folder"),
        (["--project", "none/a.json"], "there is no folder"),
        (["--tracks", "none/a"], "there is no folder"),
        (["--tracks", "pyproject.toml"], "this is a file; name a folder"),
        (["--srt", "a.txt", "--labels", "./a.txt"], "two outputs would go into this file"),
    ],
)
def test_options_out_of_range_and_outputs_that_cannot_be(
    speak: Speaker, script: Path, options: list[str], said: str
) -> None:
    refused(speak(script, *options), said)
    assert speak.written == []


def test_nothing_that_is_read_is_written_over(speak: Speaker, script: Path, tmp_path: Path) -> None:
    written, dictionary = script.read_text(encoding="utf-8"), tmp_path / "words.txt"
    dictionary.write_text("", encoding="utf-8")
    refused(speak(script, "--srt", script), "this file is read, and would be written over")
    refused(speak(script, "--pronunciations", dictionary, "--labels", dictionary), "this file is read")
    assert script.read_text(encoding="utf-8") == written and speak.written == []


def test_no_sound_that_is_read_is_written_over(speak: Speaker, script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DialogueTTS, "from_pretrained", lambda *_, **__: pytest.fail("the work starts"))
    folder = speak.folder
    for name in ("ben.wav", "2-Ben.wav"):
        soundfile.write(folder / name, np.zeros(RATE_HZ), RATE_HZ)
    (folder / "same.wav").symlink_to(folder / "ben.wav")
    mix, cast = folder / "mix.json", folder / "cast.json"
    mix.write_text('{"intro": {"sound": "ben.wav"}}', encoding="utf-8")
    cast.write_text('{"Ben": "ben.wav"}', encoding="utf-8")
    there = {name: (folder / name).read_bytes() for name in speak.written}
    by_name = ["--voice", f"Ben={folder / 'ben.wav'}"]
    said = "this file is read, and would be written over"
    refused(speak(script, *by_name, out="ben.wav"), said)
    refused(speak(script, *by_name, out="same.wav"), said)
    refused(speak(script, *by_name, "--srt", folder / "ben.wav"), said)
    refused(speak(script, "--cast", cast, out="ben.wav"), said)
    refused(speak(script, "--mix", mix, out="ben.wav"), said)
    for option in ("--tracks", "--scenes"):
        told = "2-Ben.wav: this file is read, and might be written over"
        refused(speak(script, "--voice", f"Ben={folder / '2-Ben.wav'}", option, folder), told)
    assert {name: (folder / name).read_bytes() for name in speak.written} == there


def test_a_project_may_be_saved_where_it_was_and_nothing_else(speak: Speaker, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    assert speak("-", "--project", path, "-q", stdin="[Anna] Hello.").exit_code == 0
    saved = path.read_bytes()
    refused(speak(path, "--srt", path, out="b.wav"), "this file is read, and would be written over")
    assert speak(path, "--project", path, "-q", out="b.wav").exit_code == 0
    assert path.read_bytes() == saved


def test_a_project_that_cannot_be_used(speak: Speaker, tmp_path: Path) -> None:
    path = tmp_path / "p.json"
    assert speak("-", "--project", path, "-q", stdin="[Anna] Hello.").exit_code == 0
    refused(speak(path, "--seed", 1, out="b.wav"), "a project has a seed and settings of its own; leave out yours")
    refused(speak(path, "--voice", "Anna=low", "--voice", "Ben=low", out="b.wav"), "no such speaker")
    other = tmp_path / "other.json"
    other.write_text('{"kind": "none"}', encoding="utf-8")
    refused(speak(other, out="b.wav"), '"kind" should be')
    path.write_text(path.read_text(encoding="utf-8").replace('"sha256": "', '"sha256": "0', 1), encoding="utf-8")
    refused(speak(path, out="b.wav"), "the project was made with bundle tiny")
    assert speak.written == ["out.wav"]


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\x00\xff\xfe", bytes(range(256))])
def test_a_script_that_is_no_text(speak: Speaker, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "script.txt"
    path.write_bytes(content)
    refused(speak(path), str(path), "UTF-8")
    assert speak.written == []


def test_standard_input_that_is_no_text(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    arguments = ["synthesize", "-", "-o", str(tmp_path / "out.wav"), "--bundle", str(tiny_bundle_dir)]
    result = CliRunner().invoke(app, arguments, input=bytes(range(256)))
    refused(result, "UTF-8")
    assert not (tmp_path / "out.wav").exists()


def test_a_script_that_is_not_there_or_a_folder(speak: Speaker, tmp_path: Path) -> None:
    refused(speak(tmp_path / "none.txt"), "none.txt", "cannot be read")
    refused(speak(tmp_path), str(tmp_path), "cannot be read")
    assert speak.written == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("Dora=low", "Dora: the script has no such speaker; its speakers are Anna, Ben"),
        ("anna=low", "anna: the script has no such speaker"),
        ("Anna=nobody", "nobody: there is no such voice or sound file; built-in voices are low, high"),
        ("Anna=none.wav", "none.wav: there is no such voice or sound file"),
        ("Anna=.", "there is no such voice or sound file"),
        ("Anna", "--voice Anna: write a speaker and a voice"),
        ("=low", "--voice =low: write a speaker and a voice"),
        ("Anna=", "--voice Anna=: write a speaker and a voice"),
        ("", "write a speaker and a voice"),
    ],
)
def test_voices_that_cannot_be_given(speak: Speaker, script: Path, option: str, said: str) -> None:
    refused(speak(script, "--voice", option), said)
    assert speak.written == []


def test_two_voices_for_one_speaker(speak: Speaker, script: Path) -> None:
    refused(speak(script, "--voice", "Anna=low", "--voice", "Anna=high"), "Anna has a voice already")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text", "this is no sound file that can be read"),
        ("empty", "this is no sound file that can be read"),
        ("cut", "sound"),
        ("silent", "the recording is silent"),
        ("short", "the recording lasts 1.0 s; record at least 2 s"),
        ("long", "cut it to at most 30 s"),
    ],
)
def test_recordings_that_cannot_serve(speak: Speaker, script: Path, tmp_path: Path, kind: str, said: str) -> None:
    path = tmp_path / f"{kind}.wav"
    if kind == "text":
        path.write_text("I am no sound.\n" * 50, encoding="utf-8")
    elif kind == "empty":
        path.touch()
    elif kind == "cut":
        path.write_bytes(write_tone(path, 3.0).read_bytes()[:30])
    else:
        write_tone(path, {"silent": 3.0, "short": 1.0, "long": 40.0}[kind], 0.0 if kind == "silent" else 0.2)
    refused(speak(script, "--voice", f"Anna={path}"), str(path), said)
    assert speak.written == []


@pytest.mark.parametrize("out", ["out", "out.aac", "out.wav.txt", ".wav"])
def test_endings_that_name_no_format(speak: Speaker, script: Path, out: str) -> None:
    refused(speak(script, out=out), "the ending names no known format; use .wav, .flac, .mp3, .ogg, .opus")
    assert speak.written == []


def test_places_that_cannot_be_written_to(speak: Speaker, script: Path) -> None:
    refused(speak(script, out="none/out.wav"), "there is no folder")
    (speak.folder / "dir.wav").mkdir()
    refused(speak(script, out="dir.wav"), "this is a folder")
    refused(speak(script, "--timestamps", speak.folder / "none" / "times.json"), "there is no folder")
    refused(speak(script, "--timestamps", speak.folder), "this is a folder")
    assert speak.written == ["dir.wav"]


@pytest.mark.parametrize("command", ["synthesize", "voices"])
def test_bundles_that_cannot_be_loaded(speak: Speaker, script: Path, tiny_bundle_dir: Path, command: str) -> None:
    def run(bundle: Path | str) -> Result:
        if command == "voices":
            return CliRunner().invoke(app, ["voices", "--bundle", str(bundle)])
        return speak(script, "--bundle", bundle)

    refused(run("xx-none"), "xx-none: there is no such bundle")
    refused(run(speak.folder.parent / "none"), "there is no such bundle")
    refused(run(speak.folder), "this is no bundle")
    damaged = Path(shutil.copytree(tiny_bundle_dir, speak.folder.parent / "damaged"))
    content = bytearray((damaged / "codec.safetensors").read_bytes())
    content[-5] ^= 1
    (damaged / "codec.safetensors").write_bytes(content)
    refused(run(damaged), "codec.safetensors is damaged")
    (damaged / "codec.safetensors").unlink()
    refused(run(damaged), "codec.safetensors is missing")
    assert speak.written == []


@pytest.mark.parametrize(
    "arguments",
    [["data", "prepare", "none.jsonl", "out"], ["data", "vary", "none", "out"], ["data", "speak", "none.jsonl", "out"]],
    ids=lambda a: a[1],
)
def test_data_that_is_not_there(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    refused(CliRunner().invoke(app, arguments), "none")
    assert not (tmp_path / "out" / "manifest.jsonl").exists() and not (tmp_path / "out" / "turns.jsonl").exists()


@pytest.mark.parametrize("name", ["", "nobody", "kokoro", "hibari:folder", "kokoro:none"])
def test_teachers_that_do_not_exist(name: str, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts.jsonl"
    scripts.write_text('{"id": "a", "turns": [["A", "Hello."]]}\n', encoding="utf-8")
    refused(CliRunner().invoke(app, ["data", "speak", str(scripts), str(tmp_path / "out"), "--teacher", name]))
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


@pytest.mark.parametrize(
    "line", ["no json", "[]", '{"id": "a"}', '{"id": "a", "turns": [["A"]]}', '{"id": "a", "turns": [["", "Hello."]]}']
)
def test_scripts_for_a_teacher_that_cannot_be_read(line: str, tmp_path: Path) -> None:
    scripts = tmp_path / "scripts.jsonl"
    scripts.write_text('{"id": "a", "turns": [["A", "Hello."]]}\n\n' + line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 3: needs id and turns"):
        list(read_scripts(scripts))


def test_export_without_voices_or_runs(tmp_path: Path, tiny_bundle_dir: Path) -> None:
    refused(CliRunner().invoke(app, ["export", str(tmp_path / "out"), "--runs", str(tmp_path)]), "voices.json")
    options = ["--runs", str(tmp_path), "--voices", str(tiny_bundle_dir)]
    refused(CliRunner().invoke(app, ["export", str(tmp_path / "out"), *options]), "recipe.json: there is no such file")
    assert not (tmp_path / "out").exists()


def command_line(*arguments: str, stdin: bytes = b"") -> tuple[int, str, list[str], set[str]]:
    """Exit code, standard output and lines of standard error of a process of its own, and what it imported."""
    root = Path(dialogue_tts.__file__).parents[1]
    command = [sys.executable, "-X", "importtime", "-m", "dialogue_tts", *arguments]
    done = subprocess.run(command, capture_output=True, input=stdin, cwd=root, timeout=180, check=False)
    lines = done.stderr.decode().splitlines()
    told = [line for line in lines if not line.startswith("import time:")]
    imported = {line.split("|")[-1].strip() for line in lines if line.startswith("import time:")}
    return done.returncode, done.stdout.decode(), told, imported


def test_help_of_the_module_needs_no_pytorch() -> None:
    code, told, _, imported = command_line("--help")
    assert code == 0
    for command in ("synthesize", "voices", "train", "export", "data", "evaluate"):
        assert command in told
    assert "dialogue_tts.cli" in imported
    assert not imported & {
        "torch",
        "torchaudio",
        "numpy",
        "soundfile",
        "sentencepiece",
        "hibari",
        "dialogue_tts.pipeline",
    }


@pytest.mark.parametrize(("script", "said"), [("none.txt", "none.txt"), ("-", "UTF-8")])
def test_bad_input_ends_without_a_traceback_in_a_real_process(tmp_path: Path, script: str, said: str) -> None:
    out = str(tmp_path / "out.wav")
    code, told, errors, imported = command_line("synthesize", script, "-o", out, stdin=bytes(range(256)))
    assert (code, told) == (2, "")
    (line,) = (line for line in errors if line != "Loading ...")  # every ten seconds
    assert said in line
    assert "torch" not in imported, "a mistake in a script is told before what takes seconds"
    assert list(tmp_path.iterdir()) == []


def test_public_names_come_when_they_are_asked_for() -> None:
    assert dialogue_tts.DialogueTTS.__module__ == "dialogue_tts.pipeline"
    assert {name for name in dialogue_tts.__all__ if getattr(dialogue_tts, name)} == set(dialogue_tts.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = dialogue_tts.Nothing
