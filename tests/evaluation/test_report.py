"""Judging with stand-in judges: what is loaded, counted and printed."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dialogue_tts.errors import AudioError, DataError, DialogueTTSError
from dialogue_tts.evaluation.judges import JUDGE_RATE_HZ, Judges
from dialogue_tts.evaluation.judging import TurnAudio, evaluate_recordings, evaluate_systems, play
from dialogue_tts.evaluation.measures import high_band_db
from dialogue_tts.evaluation.report import Report, SystemResult, TurnResult
from dialogue_tts.evaluation.sets import (
    EvalDialogue,
    by_telephone,
    like_voices,
    load_dialogues,
    load_recordings,
    recordings_as_long,
)

LEVELS = {"ann": 0.1, "ben": 0.3}  # the stand-in voice of a sound is its level


class LevelJudge:
    """Embeds the level of a sound as a direction, and "hears" what it was told to."""

    def __init__(self, heard: str = "") -> None:
        self.heard = heard

    def transcribe(self, wave: np.ndarray, sample_rate_hz: int) -> str:
        return self.heard

    def embed(self, wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        angle = 4 * float(np.abs(wave).mean())
        return np.array([np.cos(angle), np.sin(angle)]) if angle else np.zeros(2)

    def overall(self, wave: np.ndarray, sample_rate_hz: int) -> float:
        return 3.0


def judges(heard: str = "") -> Judges:
    judge = LevelJudge(heard)
    return Judges(words=judge, voices=judge, quality=judge, naturalness=judge)


def tone(voice: str, seconds: float, rate_hz: int = JUDGE_RATE_HZ) -> np.ndarray:
    return np.full(round(seconds * rate_hz), LEVELS[voice], dtype=np.float32)


@pytest.fixture
def eval_dir(tmp_path: Path) -> Path:
    (tmp_path / "prompts").mkdir()
    for voice in LEVELS:
        for take in "ab":
            soundfile.write(tmp_path / "prompts" / f"{voice}_{take}.flac", tone(voice, 1.5), JUDGE_RATE_HZ)
    row = {"id": "tea-1", "turns": [["A", "More tea for the vicar?"], ["B", "No."]], "voices": {"A": "ann", "B": "ben"}}
    (tmp_path / "scripts.jsonl").write_text(json.dumps(row) + "\n\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def corpus_dir(tmp_path: Path) -> Path:
    lines = []
    for identity, voice, seconds, split, text in [
        ("a0", "ann", 3.0, "train", "the longest one of them all"),
        ("a1", "ann", 1.5, "test", "what is this about then"),
        ("a2", "ann", 2.0, "test", "it is about nothing much"),
        ("a3", "ann", 12.0, "test", "Hieronymus."),
        ("b1", "ben", 2.5, "test", "so why did you ask"),
        ("b2", "ben", 1.2, "test", "because you never said so"),
        ("c1", "cat", 2.5, "test", "nobody has heard me before"),
    ]:
        if voice in LEVELS:
            soundfile.write(tmp_path / f"{identity}.wav", tone(voice, seconds), JUDGE_RATE_HZ)
        lines.append(
            {
                "id": identity,
                "audio": f"{identity}.wav",
                "text": text,
                "speaker": voice,
                "seconds": seconds,
                "split": split,
            }
        )
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return tmp_path


@pytest.fixture
def _words() -> None:
    pytest.importorskip("whisper_normalizer", reason="counting words needs whisper-normalizer (extra: evaluate)")
    pytest.importorskip("jiwer", reason="counting words needs jiwer (extra: evaluate)")


def test_dialogues_are_loaded(eval_dir: Path) -> None:
    (dialogue,) = load_dialogues(eval_dir)
    assert dialogue.id == "tea-1"
    assert dialogue.turns == (("A", "More tea for the vicar?"), ("B", "No."))
    assert dialogue.voices == {"A": eval_dir / "prompts/ann_a.flac", "B": eval_dir / "prompts/ben_a.flac"}
    assert dialogue.held_out["B"] == eval_dir / "prompts/ben_b.flac"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "scripts.jsonl:1: not JSON"),
        ('{"id": "x", "turns": [["A", "Hi"]]}', "voices for all roles"),
        ('{"id": "x", "turns": [["A", "Hi"]], "voices": {"A": "zoe"}}', "no prompt .*zoe_a.flac"),
    ],
)
def test_unusable_dialogues_are_named(eval_dir: Path, line: str, message: str) -> None:
    (eval_dir / "scripts.jsonl").write_text(line, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        load_dialogues(eval_dir)


def test_recordings_go_round_the_speakers(corpus_dir: Path) -> None:
    recordings = load_recordings(corpus_dir, "test")
    assert [r.id for r in recordings] == ["a1", "b1", "a2", "b2"]  # no lone speaker, no single words
    assert recordings[0].prompt == corpus_dir / "a0.wav"  # longest within ten seconds, any split
    assert recordings[1].prompt == corpus_dir / "b2.wav"
    assert [r.id for r in load_recordings(corpus_dir, "test", limit=2)] == ["a1", "b1"]
    with pytest.raises(DataError, match="split 'valid'"):
        load_recordings(corpus_dir, "valid")
    rows = [json.loads(line) for line in (corpus_dir / "metadata.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        seconds = row.pop("seconds")
        soundfile.write(corpus_dir / row["audio"], np.zeros(round(seconds * 8000), np.float32), 8000)
    (corpus_dir / "other.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert load_recordings(corpus_dir / "other.jsonl", "test") == recordings, "seconds are those of the files"
    (corpus_dir / "a0.wav").write_bytes(b"no sound")
    with pytest.raises(DataError, match="a0.wav: this recording cannot be read"):
        load_recordings(corpus_dir / "other.jsonl", "test")
    with pytest.raises(DataError, match="no such file"):
        load_recordings(corpus_dir / "nowhere", "test")


@pytest.mark.usefixtures("_words")
def test_systems_are_judged_turn_by_turn(eval_dir: Path) -> None:
    def good(dialogue: EvalDialogue) -> list[TurnAudio]:
        return [TurnAudio(tone(v, 2.0), JUDGE_RATE_HZ) for v in ("ann", "ben")]

    def swapped(dialogue: EvalDialogue) -> list[TurnAudio]:
        return [TurnAudio(tone(v, 2.0), JUDGE_RATE_HZ) for v in ("ben", "ben")]

    calls: list[tuple[str, int, int]] = []
    report = evaluate_systems(
        {"good": good, "swapped": swapped},
        load_dialogues(eval_dir),
        judges("more tea for a vicar"),
        lambda *call: calls.append(call),
    )
    first, second = report.systems
    assert calls == [("good", 1, 2), ("good", 2, 2), ("swapped", 1, 2), ("swapped", 2, 2)]
    assert [(t.id, t.errors, t.words) for t in first.turns] == [("tea-1-00", 1, 5), ("tea-1-01", 5, 1)]
    assert first.word_error_rate == pytest.approx(6 / 6)
    assert first.similarity == pytest.approx(1.0, abs=1e-4)
    assert first.held_out_similarity == pytest.approx(1.0, abs=1e-4)
    assert (first.right_voice, second.right_voice) == (1.0, 0.5)
    assert second.similarity is not None and second.similarity < 0.95
    assert first.dnsmos == first.distillmos == 3.0 and first.high_band_db is None and first.broken_turns == 0
    assert first.real_time_factor == pytest.approx(first.compute_s / 4.0)


def test_voices_that_are_alike_are_paired(tmp_path: Path) -> None:
    levels = {"ann": 0.1, "bea": 0.12, "cy": 0.3, "dan": 0.33, "eve": 0.9}
    paths = {}
    for voice, level in levels.items():
        paths[voice] = tmp_path / f"{voice}_a.flac"
        soundfile.write(paths[voice], np.full(JUDGE_RATE_HZ, level, np.float32), JUDGE_RATE_HZ)
    turns = (("X", "one"), ("Y", "two"), ("Z", "three"), ("X", "four"))
    first = EvalDialogue("d1", turns, {"X": paths["ann"], "Y": paths["cy"], "Z": paths["eve"]}, {"Y": paths["eve"]})
    second = EvalDialogue("d2", turns[:2], {"X": paths["dan"], "Y": paths["bea"]})
    found = like_voices([first, second], judges().voices)
    assert [{path.stem for path in d.voices.values()} for d in found] == [{"ann_a", "bea_a"}, {"cy_a", "dan_a"}]
    assert [role for role, _ in found[0].turns] == ["A", "B", "A", "A"] and len({d.id for d in found}) == 2
    assert found[0].held_out == {} and list(found[1].held_out.values()) == [paths["eve"]]


@pytest.mark.usefixtures("_words")
def test_telephone_prompts_are_judged_by_the_clean_ones(eval_dir: Path, tmp_path: Path) -> None:
    tones = {hz: np.sin(2 * np.pi * hz * np.arange(24_000) / 24_000) / 8 for hz in (1_000, 6_000)}
    dialogues = load_dialogues(eval_dir)
    prompt = dialogues[0].voices["A"]
    soundfile.write(prompt, sum(tones.values()), 24_000)
    (found,) = by_telephone(dialogues, tmp_path)
    assert found.turns == dialogues[0].turns and found.models == dialogues[0].voices
    wave, _ = soundfile.read(found.voices["A"], dtype="float32")
    clean, _ = soundfile.read(prompt, dtype="float32")
    assert high_band_db(clean, 24_000) == pytest.approx(-3.0, abs=0.1)
    assert high_band_db(wave, 24_000) < -30 and np.abs(wave).max() == pytest.approx(1 / 8, abs=0.02)
    seen = []
    evaluate_systems(
        {"x": lambda d: [seen.append(d) or TurnAudio(tone(v, 2.0), JUDGE_RATE_HZ) for v in ("ann", "ben")]},
        [found],
        judges("no"),
    )
    assert {d.voices["A"] for d in seen} == {found.voices["A"]}


@pytest.mark.usefixtures("_words")
def test_recordings_are_judged_at_the_length_of_turns(eval_dir: Path, tmp_path: Path) -> None:
    (dialogue,) = load_dialogues(eval_dir)
    loud, soft = tone("ben", 0.5, 24_000), tone("ann", 0.1, 24_000)
    soundfile.write(dialogue.held_out["A"], np.concatenate([soft] * 10 + [loud]), 24_000)
    (tmp_path / "cut").mkdir()
    first, second = recordings_as_long([dialogue], [0.4, 9.0], tmp_path / "cut")
    assert (first.id, second.id) == ("tea-1-00", "tea-1-01")
    assert (first.prompt, second.prompt) == (dialogue.voices["A"], dialogue.voices["B"])
    assert soundfile.info(first.audio).duration == pytest.approx(0.4)
    assert soundfile.info(second.audio).duration == pytest.approx(1.5)  # all there is
    levels = [
        np.abs(soundfile.read(cut.audio)[0]).mean() for cut in recordings_as_long([dialogue] * 9, [0.4] * 18, tmp_path)
    ]
    assert max(levels[::2]) > 0.2 > min(levels[::2]) >= 0.099  # of three places the loudest, not of all
    report = evaluate_recordings({"real": play}, [first, second], judges("some words or other"))
    (real,) = report.systems
    assert real.word_error_rate is None and real.figures()["wer_percent"] is None and real.broken_turns == 0
    assert report.markdown().splitlines()[2].startswith("| real | 2 | – | ")
    assert not recordings_as_long([replace(dialogue, held_out={})], [0.4, 9.0], tmp_path)


def test_the_high_band_needs_a_rate_and_a_sound() -> None:
    assert high_band_db(np.ones(100, np.float32), 16_000) is None
    assert high_band_db(np.zeros(100, np.float32), 24_000) is None


@pytest.mark.usefixtures("_words")
def test_a_silent_turn_is_wrong_in_every_way(eval_dir: Path) -> None:
    nothing = TurnAudio(np.zeros(0, dtype=np.float32), 24_000)
    report = evaluate_systems({"mute": lambda _: [nothing] * 2}, load_dialogues(eval_dir), judges())
    (mute,) = report.systems
    assert mute.word_error_rate == 1.0
    assert mute.broken_turns == 1  # the other turn has one word
    assert all(t.similarity == 0.0 and t.nearest == "" for t in mute.turns)
    assert mute.right_voice is None and mute.real_time_factor is None
    assert "| – |" in report.markdown()


def test_wrong_number_of_turns_and_broken_numbers_are_refused(eval_dir: Path) -> None:
    dialogues = load_dialogues(eval_dir)
    with pytest.raises(DialogueTTSError, match="short spoke 0 of the 2 turns of tea-1"):
        evaluate_systems({"short": lambda _: []}, dialogues, judges())
    nan = TurnAudio(np.full(100, np.nan, dtype=np.float32), 24_000)
    with pytest.raises(AudioError, match="tea-1-00"):
        evaluate_systems({"nan": lambda _: [nan, nan]}, dialogues, judges())


@pytest.mark.usefixtures("_words")
def test_recordings_are_judged_against_all_speakers(corpus_dir: Path) -> None:
    recordings = load_recordings(corpus_dir, "test")
    report = evaluate_recordings({"recording": play}, recordings, judges("so why did you ask"))
    (result,) = report.systems
    assert [t.rivals for t in result.turns] == [1] * 4
    assert result.right_voice == 1.0 and result.held_out_similarity is None
    assert [t.errors for t in result.turns][1] == 0
    assert result.broken_turns == 3


def turn(**changes: object) -> TurnResult:
    base = TurnResult("d-00", "A", "a b c d", "a b c d", 0, 4, 0.9, 0.8, "A", 1, 3.2, 2.0)
    return replace(base, **changes)


def test_figures_follow_their_definitions() -> None:
    turns = (
        turn(errors=2),  # exactly half is not broken
        turn(errors=3, nearest="B", similarity=0.7, held_out=None),
        turn(errors=3, words=3, seconds=1.0, similarity=0.1),  # too short for both
        turn(rivals=0, similarity=0.8),
    )
    figures = SystemResult("x", turns, compute_s=3.5).figures()
    assert figures["wer_percent"] == pytest.approx(100 * 8 / 15)
    assert figures["broken_turns"] == 1
    assert figures["similarity"] == pytest.approx(0.8)
    assert figures["held_out_similarity"] == pytest.approx(0.8)
    assert figures["right_voice_percent"] == pytest.approx(50.0)
    assert figures["real_time_factor"] == pytest.approx(0.5)


def test_the_systems_own_check_is_ranked_against_word_errors() -> None:
    own = (0.1, 0.2, 0.3, 0.4)
    in_order = tuple(turn(errors=n, phone_error=own[n], draws=1 + n % 2) for n in range(4))
    short = turn(errors=0, words=3, phone_error=0.9, draws=3)  # too short to be ranked
    assert SystemResult("x", (*in_order, short), 1.0).check_agreement == pytest.approx(1.0)
    assert SystemResult("x", in_order, 1.0).draws == pytest.approx(1.5)
    against = tuple(replace(t, phone_error=1 - t.phone_error) for t in in_order)
    assert SystemResult("x", against, 1.0).check_agreement == pytest.approx(-1.0)
    assert SystemResult("x", (turn(), turn(errors=1)), 1.0).check_agreement is None


def test_report_is_saved_joined_and_printed(tmp_path: Path) -> None:
    report = Report((SystemResult("one", (turn(),), 1.0),)) + Report((SystemResult("two", (turn(),), 0.1),))
    report.save(tmp_path / "report.json")
    assert Report.load(tmp_path / "report.json") == report
    head, rule, first, second, *_ = report.markdown().splitlines()
    assert head.count("|") == rule.count("|") == first.count("|") == second.count("|")
    assert first == "| one | 1 | 0.0 | 0.900 | 0.800 | 100.0 | 3.20 | – | – | 0 | – | – | 0.500 |"
    assert report.table().row_count == 2
    (tmp_path / "report.json").write_text('{"systems": [{"name": "one"}]}', encoding="utf-8")
    with pytest.raises(DataError, match="no evaluation report"):
        Report.load(tmp_path / "report.json")


@pytest.mark.usefixtures("_words")
def test_judges_of_the_field_have_columns_of_their_own(eval_dir: Path) -> None:
    class Other(LevelJudge):
        def embed(self, wave: np.ndarray, sample_rate_hz: int) -> np.ndarray:
            return np.array([1.0, 0.0, 0.0] if np.abs(wave).mean() < 0.2 else [0.6, 0.8, 0.0])

        def overall(self, wave: np.ndarray, sample_rate_hz: int) -> float:
            return 4.0

    more = replace(judges(), utmos=Other(), wavlm=Other(), wespeaker=Other())
    right = {"ours": lambda _: [TurnAudio(tone(v, 2.0), JUDGE_RATE_HZ) for v in ("ann", "ben")]}
    swapped = {"swapped": lambda _: [TurnAudio(tone("ann", 2.0), JUDGE_RATE_HZ)] * 2}
    dialogues = load_dialogues(eval_dir)
    report = evaluate_systems(right | swapped, dialogues, more)
    head, _, first, second, *_ = report.markdown().splitlines()
    assert head.endswith("| UTMOS | SIM-o WavLM | SIM WeSpeaker | ACC WeSpeaker % |")
    assert first.endswith("| 4.00 | 1.000 | 1.000 | 100.0 |") and second.endswith("| 4.00 | 0.800 | 0.800 | 50.0 |")
    assert "UTMOS" not in evaluate_systems(right, dialogues, judges()).markdown()
