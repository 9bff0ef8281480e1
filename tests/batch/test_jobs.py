"""Jobs of a batch: how they are read, and when one counts as done."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dialogue_tts.batch.jobs import BatchContext, BatchJob, expected_s, read_jobs
from dialogue_tts.errors import AudioError, ScriptError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.planner import Planner
from dialogue_tts.voices.voice import Consent

pytestmark = pytest.mark.usefixtures("all_reads_well")
JOB = BatchJob("a", "[Anna] Hello. [Ben] Yes.", {"Anna": "low"}, 3, SynthesisConfig(gap_s=0.2))


def lines(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values), encoding="utf-8")
    return path


def test_a_folder_of_scripts(tmp_path: Path) -> None:
    (tmp_path / "b two.txt").write_text("[Ben] Hello.", encoding="utf-8")
    (tmp_path / "a.txt").write_text("\ufeff[Anna] Hello.", encoding="utf-8")
    (tmp_path / "notes.md").write_text("no script", encoding="utf-8")
    config = SynthesisConfig(speed=1.5)
    jobs = read_jobs(tmp_path, {"Anna": "low"}, 5, config)
    assert jobs == [
        BatchJob("a", "[Anna] Hello.", {"Anna": "low"}, 5, config),
        BatchJob("b two", "[Ben] Hello.", {}, 5, config),
    ]


def test_what_is_left_out_stands_in_the_record(tiny_tts: DialogueTTS, tiny_bundle_dir: Path, tmp_path: Path) -> None:
    """In a script as it is, and in one that was read from another form."""
    (tmp_path / "a.txt").write_text("[Anna] Hello (laughs).", encoding="utf-8")
    (tmp_path / "b.md").write_text("**Anna:** Hello (sighs).\n", encoding="utf-8")
    context = BatchContext(tmp_path, bundle=str(tiny_bundle_dir))
    for job in read_jobs(tmp_path):
        assert context.make(job, tiny_tts).error is None
    for name, left_out in (("a", "(laughs)"), ("b", "(sighs)")):
        found = json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["findings"]
        assert any(finding["message"] == f'"{left_out}" is a stage direction: left out' for finding in found)


def test_lines_change_what_is_given_for_all(tmp_path: Path) -> None:
    own = {"id": "two", "script": "[Anna] A. [Ben] B.", "voices": {"Anna": "high"}, "seed": 9, "settings": {"gap_s": 1}}
    source = lines(tmp_path / "jobs.jsonl", {"id": "one", "script": "[Ben] B."}, own)
    source.write_text(source.read_text(encoding="utf-8") + "\n\n", encoding="utf-8")
    one, two = read_jobs(source, {"Anna": "low", "Ben": "low"}, 5, SynthesisConfig(speed=1.5))
    assert one == BatchJob("one", "[Ben] B.", {"Ben": "low"}, 5, SynthesisConfig(speed=1.5))
    assert (two.voices, two.seed) == ({"Anna": "high", "Ben": "low"}, 9)
    assert two.config == SynthesisConfig(speed=1.5, gap_s=1.0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("no json", "line 2: this is not JSON"),
        ("[]", "line 2: write an object with id and script"),
        ('{"id": "a"}', "line 2: write an object with id and script"),
        ('{"id": "a", "script": "x", "speed": 2}', "and if need be voices, seed, settings"),
        ('{"id": 7, "script": "x"}', "line 2: id: expected str, found 7"),
        ('{"id": "a", "script": "x", "seed": true}', "line 2: seed: expected int"),
        ('{"id": "a", "script": "x", "voices": ["low"]}', "line 2: voices: expected dict"),
        ('{"id": "a", "script": "x", "voices": {"A": 1}}', "line 2: voices: give each speaker"),
        ('{"id": "a", "script": "x", "settings": {"tempo": 2}}', "line 2: tempo: there is no such setting"),
        ('{"id": "a", "script": "x", "settings": {"speed": 9}}', "line 2: speed 9 is out of range"),
        ('{"id": "a", "script": "x", "settings": {"speed": "fast"}}', "line 2: speed: expected float"),
    ],
)
def test_lines_that_are_not_understood(line: str, said: str, tmp_path: Path) -> None:
    source = tmp_path / "jobs.jsonl"
    source.write_text('{"id": "first", "script": "x"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(ScriptError, match=said):
        read_jobs(source)


@pytest.mark.parametrize("name", ["", "../a", "a/b", "/a", ".a", "a.", "a\nb", "a\\b", "x" * 101, " a", "a:b"])
def test_ids_that_cannot_name_a_file(name: str, tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="cannot name a file"):
        read_jobs(lines(tmp_path / "jobs.jsonl", {"id": name, "script": "x"}))


def test_sources_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="no scripts are in this folder"):
        read_jobs(tmp_path)
    with pytest.raises(ScriptError, match="no lines are in this file"):
        read_jobs(lines(tmp_path / "empty.jsonl"))
    with pytest.raises(ScriptError, match="cannot be read"):
        read_jobs(tmp_path / "none.jsonl")
    with pytest.raises(ScriptError, match="'A' comes twice"):
        read_jobs(lines(tmp_path / "twice.jsonl", {"id": "a", "script": "x"}, {"id": "A", "script": "y"}))
    with pytest.raises(VoiceError, match="Dora: no script has such a speaker"):
        read_jobs(lines(tmp_path / "one.jsonl", {"id": "a", "script": "[Anna] Hi."}), {"Dora": "low"})
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScriptError, match="bad.txt: this is no whole UTF-16 text"):
        read_jobs(tmp_path)
    with pytest.raises(ScriptError, match="this is no UTF-8 text"):
        read_jobs(tmp_path / "bad.txt")


def test_what_is_done_is_done_until_something_changes(
    tiny_tts: DialogueTTS, tiny_bundle_dir: Path, recording: Path, tmp_path: Path
) -> None:
    context = BatchContext(tmp_path, bundle=str(tiny_bundle_dir))
    assert not context.is_done(JOB)
    outcome = context.make(JOB, tiny_tts)
    assert (outcome.id, outcome.error) == ("a", None) and outcome.duration_s > 0.5
    assert context.is_done(JOB) and BatchContext(tmp_path, bundle=str(tiny_bundle_dir)).is_done(JOB)
    changes = (
        {"script": JOB.script + " [Ben] No."},
        {"voices": {"Anna": "high"}},
        {"voices": {}},
        {"seed": 4},
        {"config": SynthesisConfig()},
        {"id": "b"},
    )
    assert not any(context.is_done(replace(JOB, **change)) for change in changes)
    assert not replace(context, ending=".flac").is_done(JOB)
    assert not replace(context, bundle=None).is_done(JOB)
    context.sound(JOB).unlink()
    assert not context.is_done(JOB)


def test_a_voice_counts_by_what_it_sounds_like(
    tiny_tts: DialogueTTS, tiny_bundle_dir: Path, recording: Path, tmp_path: Path
) -> None:
    context = BatchContext(tmp_path, bundle=str(tiny_bundle_dir))
    by_file = replace(JOB, voices={"Anna": str(recording)})
    key = context.key(by_file)
    moved = recording.rename(tmp_path / "moved.wav")
    assert context.key(by_file) != key  # the file is not there
    assert context.key(replace(JOB, voices={"Anna": str(moved)})) == key
    by_name, kept = replace(JOB, voices={"Anna": "Batch voice"}), tiny_tts.library
    keys = []
    for start in (0, 24_000):
        wave = tiny_tts.bundle.codec.decode(tiny_tts.voice("low" if start else "high").codes[None])[0].numpy()
        kept.add(tiny_tts.new_voice("Batch voice", wave, Consent("synthetic", "a test", "2026-01-31")))
        keys.append(context.key(by_name))
        kept.remove("Batch voice")
    assert len({*keys, context.key(by_name)}) == 3


def test_the_record_tells_what_was_said_when(tiny_tts: DialogueTTS, tiny_bundle_dir: Path, tmp_path: Path) -> None:
    BatchContext(tmp_path, ".flac", str(tiny_bundle_dir)).make(JOB, tiny_tts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.flac", "a.json"]
    record = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert record["sha256"] == tiny_tts.synthesize(JOB.script, JOB.voices, JOB.seed, JOB.config).sha256
    assert record["voices"] == {"Anna": "low", "Ben": record["voices"]["Ben"]} and record["seed"] == 3
    assert [turn["text"] for turn in record["turns"]] == ["Hello.", "Yes."]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"script": "no speaker"}, "line 1"),
        ({"voices": {"Anna": "nobody"}}, "nobody: there is no such voice"),
        ({"voices": {"Dora": "low"}}, "no such speaker"),
    ],
)
def test_errors_are_outcomes(
    change: dict, said: str, tiny_tts: DialogueTTS, tiny_bundle_dir: Path, tmp_path: Path
) -> None:
    context = BatchContext(tmp_path, bundle=str(tiny_bundle_dir))
    assert said in context.make(replace(JOB, **change), tiny_tts).error
    assert list(tmp_path.iterdir()) == []


def test_errors_nobody_thought_of_are_outcomes_too(
    tiny_tts: DialogueTTS, tiny_bundle_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Planner, "script", lambda *_: 1 / 0)
    outcome = BatchContext(tmp_path, bundle=str(tiny_bundle_dir)).make(JOB, tiny_tts)
    assert outcome.error == "ZeroDivisionError: division by zero"


def test_a_broken_record_means_that_it_is_not_done(
    tiny_tts: DialogueTTS, tiny_bundle_dir: Path, tmp_path: Path
) -> None:
    context = BatchContext(tmp_path, bundle=str(tiny_bundle_dir))
    context.make(JOB, tiny_tts)
    for content in ("", "[]", '{"key": 1}', '{"key": '):
        context.record(JOB).write_text(content, encoding="utf-8")
        assert not context.is_done(JOB)


def test_a_file_that_is_no_record_is_not_overwritten(tiny_bundle_dir: Path, tmp_path: Path) -> None:
    context = BatchContext(tmp_path, bundle=str(tiny_bundle_dir))
    context.record(JOB).write_text('{"my": "own"}', encoding="utf-8")
    with pytest.raises(AudioError, match="a.json: this file is no record of a batch; move it, or choose another"):
        context.check_records([replace(JOB, id="b"), JOB])
    context.record(JOB).write_text('{"key": "old"}', encoding="utf-8")
    context.check_records([JOB])


def test_the_expected_length_is_rather_too_long(tiny_tts: DialogueTTS) -> None:
    script = (Path(__file__).parents[2] / "examples" / "cafe.txt").read_text(encoding="utf-8")
    assert 1 < expected_s([BatchJob("a", script)]) / tiny_tts.expected_duration(script) < 2
