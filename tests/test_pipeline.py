"""The pipeline on a tiny random bundle."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from dialogue_tts.acoustic.generate import generate_codes
from dialogue_tts.acoustic.model import Frames, SoundStorm
from dialogue_tts.codec.model import Codec
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.errors import ScriptError, SettingsError, VoiceError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.provenance.pattern import TAPS
from dialogue_tts.script.parser import parse_script
from dialogue_tts.script.turns import Turn
from dialogue_tts.semantic.align import PHONE_KINDS, PhoneSequence
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.synthesizer import Synthesizer
from tests.conftest import ONCE

SCRIPT = "[Anna] Good evening, Ben. [Ben] Hello! [pause 0.5s] [Cleo] Is it ten past five?"


@pytest.fixture(scope="module")
def spoken(tiny_tts: DialogueTTS) -> Dialogue:
    return tiny_tts.synthesize(SCRIPT, seed=5)


def test_turns_follow_the_script(spoken: Dialogue) -> None:
    assert [(t.index, t.speaker) for t in spoken.turns] == [(0, "Anna"), (1, "Ben"), (2, "Cleo")]
    assert [t.text for t in spoken.turns][1] == "Hello!"
    assert [w.word for w in spoken.turns[0].words] == ["Good", "evening", "Ben"]
    assert [w.word for w in spoken.turns[2].words] == ["Is", "it", "ten", "past", "five"]


def test_times_are_in_order_and_inside(spoken: Dialogue) -> None:
    clock = 0.0
    for turn in spoken.turns:
        assert clock <= turn.start < turn.end <= spoken.duration + 1e-6
        clock = turn.end
        at = turn.start - 1e-6
        for word in turn.words:
            assert at <= word.start < word.end <= turn.end + 1e-6
            at = word.start


def test_gaps_are_natural_or_as_asked_and_hold_pauses(spoken: Dialogue, tiny_tts: DialogueTTS) -> None:
    set_gaps = tiny_tts.synthesize(SCRIPT, seed=5, config=replace(ONCE, gap_s=0.2))
    for dialogue, low, high in ((spoken, 0.1, 0.6), (set_gaps, 0.2, 0.2)):
        first, second, third = dialogue.turns
        assert low - 1e-3 <= second.start - first.end <= high + 1e-3
        assert low - 1e-3 <= third.start - second.end - 0.5 <= high + 1e-3
        gap = dialogue.waveform[round(first.end * 24_000) + TAPS : round(second.start * 24_000)]
        assert gap.size and not gap.any()  # behind what the mark's filters still answer
    assert [t.waveform.tobytes() for p in spoken.turn_takes for t in p.takes] == [
        t.waveform.tobytes() for p in set_gaps.turn_takes for t in p.takes
    ]


def test_waveform_is_finite_and_in_range(spoken: Dialogue) -> None:
    assert spoken.waveform.dtype == np.float32
    assert np.isfinite(spoken.waveform).all()
    assert np.abs(spoken.waveform).max() <= 1


def test_same_seed_same_bytes_other_seed_other_sound(tiny_tts: DialogueTTS, spoken: Dialogue) -> None:
    again = tiny_tts.synthesize(SCRIPT, seed=5)
    assert again.waveform.tobytes() == spoken.waveform.tobytes()
    assert again.turns == spoken.turns
    assert tiny_tts.synthesize(SCRIPT, seed=6).waveform.tobytes() != spoken.waveform.tobytes()


def test_pause_inside_a_turn_is_silence_and_moves_later_words(tiny_tts: DialogueTTS) -> None:
    plain = tiny_tts.synthesize("[Anna] Good evening, my dear friend.", seed=1).turns[0]
    paused = tiny_tts.synthesize("[Anna] Good evening, [pause 2s] my dear friend.", seed=1).turns[0]
    assert paused.end - plain.end == pytest.approx(2.0, abs=0.01)
    assert paused.words[1] == plain.words[1]
    assert paused.words[2].start - plain.words[2].start == pytest.approx(2.0, abs=0.01)


def test_speakers_without_a_voice_get_different_ones_that_depend_on_names_alone(tiny_tts: DialogueTTS) -> None:
    script = parse_script("[Anna] One. [Ben] Two.")
    cast = tiny_tts.cast(script, {})
    assert {voice.name for voice in cast.values()} == {"low", "high"}
    longer = parse_script("[Anna] Something else. [Ben] Well. [Anna] Yes.")
    assert {s: v.name for s, v in tiny_tts.cast(longer, {}).items()} == {s: v.name for s, v in cast.items()}


def test_a_given_voice_is_not_given_again(tiny_tts: DialogueTTS) -> None:
    cast = tiny_tts.cast(parse_script("[Anna] One. [Ben] Two."), {"Ben": "low"})
    assert (cast["Ben"].name, cast["Anna"].name) == ("low", "high")


def test_more_speakers_than_voices(tiny_tts: DialogueTTS) -> None:
    cast = tiny_tts.cast(parse_script("[A] One. [B] Two. [C] Three."), {})
    assert len(cast) == 3


def test_voice_from_a_recording(tiny_tts: DialogueTTS, recording: Path) -> None:
    said = "[Anna] Hello there, and good evening to you all."
    result, other = (tiny_tts.synthesize(said, {"Anna": voice}, seed=3) for voice in (recording, "high"))
    assert result.voices["Anna"].name == "voice"
    assert result.waveform.tobytes() != other.waveform.tobytes()


def test_progress_counts_turns(tiny_tts: DialogueTTS) -> None:
    seen: list[tuple[int, int]] = []
    tiny_tts.synthesize(SCRIPT, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_bad_input_is_told_before_work_starts(tiny_tts: DialogueTTS, tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="Dora: the script has no such speaker"):
        tiny_tts.synthesize(SCRIPT, {"Dora": "low"})
    with pytest.raises(VoiceError, match="no such voice or sound file"):
        tiny_tts.synthesize(SCRIPT, {"Anna": "nobody"})
    with pytest.raises(VoiceError, match="no such voice or sound file"):
        tiny_tts.synthesize(SCRIPT, {"Anna": tmp_path / "none.wav"})
    with pytest.raises(ScriptError, match="empty"):
        tiny_tts.synthesize("   ")
    with pytest.raises(ScriptError, match="line 2"):
        tiny_tts.synthesize("[Anna] Hello.\n[Ben] ...")


@pytest.mark.parametrize("seed", ["x", -1, 1.5, True])
def test_a_seed_that_is_none_is_refused(tiny_tts: DialogueTTS, spoken: Dialogue, seed: Any) -> None:
    with pytest.raises(SettingsError, match="whole number"):
        tiny_tts.synthesize(SCRIPT, seed=seed)
    with pytest.raises(SettingsError, match="whole number"):
        tiny_tts.redo(spoken, 0, seed=seed)


def test_values_of_the_wrong_kind_are_refused_in_words(tiny_tts: DialogueTTS) -> None:
    with pytest.raises(SettingsError, match="give a SynthesisConfig"):
        tiny_tts.synthesize(SCRIPT, config={"speed": 1.1})  # type: ignore[arg-type]
    for wrong in (("ann", ...), (None, "Hello."), ("ann", "Hello.", "1 s")):
        with pytest.raises(ScriptError):
            Turn(*wrong)  # type: ignore[arg-type]


def test_a_turn_of_a_book_is_refused_and_a_long_one_is_planned_at_once(tiny_tts: DialogueTTS) -> None:
    with pytest.raises(ScriptError, match="20,004 characters, at most 20,000"):
        tiny_tts.synthesize("[Anna] " + "cats " * 4001)
    began = time.process_time()
    request = tiny_tts.plan.script("[Anna] " + "cats " * 3000, {}, 0, tiny_tts.config)
    assert sum(len(segment.words) for segment in request.wanted[0].segments) == 3000
    assert time.process_time() - began < 10  # minutes, when it was cubic


def test_temperature_and_guidance_are_settings(tiny_tts: DialogueTTS, spoken: Dialogue) -> None:
    usual = tiny_tts.bundle.config.semantic_decoding.temperature, tiny_tts.bundle.config.acoustic_decoding.guidance
    same = replace(ONCE, temperature=usual[0], guidance=usual[1])
    assert tiny_tts.synthesize(SCRIPT, seed=5, config=same).sha256 == spoken.sha256
    for other in (replace(ONCE, temperature=2.0), replace(ONCE, guidance=usual[1] + 3)):
        assert tiny_tts.synthesize(SCRIPT, seed=5, config=other).sha256 != spoken.sha256
    with pytest.raises(SettingsError, match="guidance 11 is out of range; give 0 to 10"):
        SynthesisConfig(guidance=11.0)


def test_long_script_is_cut_into_windows(tiny_tts: DialogueTTS) -> None:
    words = "We walked along the river until the old mill came into view. "
    result = tiny_tts.synthesize(
        "\n".join(f"[{name}] {words * 6}" for name in ("Anna", "Ben", "Anna")), seed=1, config=ONCE
    )
    assert len(result.turns) == 3
    assert len(result.turns[0].words) == 6 * 12


def test_timestamps_are_json_ready(spoken: Dialogue, tmp_path: Path) -> None:
    times = spoken.timestamps()
    assert set(times) == {"sample_rate", "duration", "turns"}
    assert set(times["turns"][0]) == {"index", "speaker", "text", "start", "end", "words"}
    assert set(times["turns"][0]["words"][0]) == {"word", "start", "end"}
    spoken.save(tmp_path / "out.flac")
    assert (tmp_path / "out.flac").stat().st_size > 1000


def test_the_check_knows_the_voices_of_the_dialogue(tiny_tts: DialogueTTS) -> None:
    alone = tiny_tts.synthesize("[Anna] Good evening.", {"Anna": "low"}, seed=2)
    both = tiny_tts.synthesize("[Anna] Good evening. [Ben] Hello!", {"Anna": "low", "Ben": "high"}, seed=2)
    same = tiny_tts.synthesize("[Anna] Good evening. [Ben] Hello!", {"Anna": "low", "Ben": "low"}, seed=2)
    first, in_dialogue = alone.turns[0].check, both.turns[0].check
    assert first.rival_match is None and first.right_voice
    assert in_dialogue.rival_match is not None and -1 <= in_dialogue.rival_match <= 1
    assert in_dialogue.right_voice == (in_dialogue.voice_match > in_dialogue.rival_match)
    assert same.turns[0].check.rival_match is None, "two speakers with one voice are no rivals"
    # The report depends on the others; the sound does not.
    assert first.voice_match == in_dialogue.voice_match and first.pace == in_dialogue.pace > 0
    assert alone.turn_waveform(0).tobytes() == both.turn_waveform(0).tobytes()


def test_an_unlikely_pace_is_drawn_again(tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers: list[int] = []
    judge = Synthesizer._judge

    def judged(self: Synthesizer, wanted: object, spoken: object, number: int) -> object:
        numbers.append(number)
        return replace(judge(self, wanted, spoken, number), error=0.5, pace=0.5 if number < 3 else 1.2)  # type: ignore[arg-type]

    monkeypatch.setattr(Synthesizer, "_judge", judged)
    config = SynthesisConfig(takes=4, max_phone_error=0.6, max_pace_ratio=1.8, sound_takes=1)
    (drawn,) = tiny_tts.synthesizer.draw(tiny_tts.plan.script("[Anna] Good evening.", {}, 2, config).wanted)
    assert drawn.candidates[0].number == 3 and max(numbers) == 3
    numbers.clear()
    lenient = SynthesisConfig(takes=4, max_phone_error=0.6, max_pace_ratio=2.1, sound_takes=1)
    (drawn,) = tiny_tts.synthesizer.draw(tiny_tts.plan.script("[Anna] Good evening.", {}, 2, lenient).wanted)
    assert drawn.candidates[0].number == 1 == max(numbers)


@pytest.mark.parametrize(
    ("doubts", "drawn", "chosen"), [([0.05, 0.0], 1, 1), ([0.5, 0.05, 0.0], 2, 2), ([0.5, 0.9, 0.7], 3, 1)]
)
def test_sound_that_is_unlikely_to_say_its_text_is_drawn_again(
    tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch, doubts: list[float], drawn: int, chosen: int
) -> None:
    asked: list[int] = []

    def doubted(heard: Tensor, phone_ids: list[int]) -> float:
        asked.append(len(phone_ids))
        return doubts[len(asked) - 1]

    monkeypatch.setattr("dialogue_tts.synthesis.synthesizer.unlikelihood", doubted)
    config = SynthesisConfig(sound_takes=3, max_ctc_nll=0.1)
    assert tiny_tts.synthesize("[Anna] Good evening.", config=config).turns[0].draws == chosen
    assert len(asked) == drawn and asked[0] > 5


def test_the_sound_that_was_checked_is_the_one_that_is_heard(
    tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless it is changed: a turn of several pieces is decoded once more in one go."""
    lengths: list[int] = []
    decode = Codec.decode
    monkeypatch.setattr(Codec, "decode", lambda self, codes: lengths.append(codes.shape[1]) or decode(self, codes))
    config = ONCE
    heard = tiny_tts.synthesize("[Anna] Hello.", config=config)
    assert len(lengths) == 1 and heard.waveform.any()
    tiny_tts.synthesize("[Anna | speed 1.2] Hello.", config=config)
    assert lengths == lengths[:1] * 2
    lengths.clear()
    tiny_tts.synthesize("[Anna] " + "It was a long way down to the harbour. " * 6, config=config)
    assert len(lengths) > 2 and lengths[-1] == sum(lengths[:-1])


def test_a_voices_prompt_is_read_once(tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    tts = DialogueTTS(tiny_tts.bundle, ONCE)
    lengths: list[int] = []
    remember = SoundStorm.read_prompt
    monkeypatch.setattr(
        SoundStorm, "read_prompt", lambda self, p, v=None: lengths.append(p.semantic.shape[1]) or remember(self, p, v)
    )
    first = tts.synthesize("[Anna] Hello.\n[Ben] Good evening.\n[Anna] It rains.\n[Ben] It does.")
    assert sorted(lengths) == sorted(len(voice.semantic) for voice in first.voices.values())
    tts.synthesize("[Anna] Good night.")
    assert len(lengths) == 2
    same = replace(first.voices["Anna"], name="kept")  # as a voice that is read from its file anew each time
    tts.synthesize("[Anna] Good night.", {"Anna": same})
    assert len(lengths) == 2


def test_soundstorm_is_told_what_each_frame_says(tiny_tts: DialogueTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Frames] = []

    def generated(model: SoundStorm, frames: Frames, *rest: Any) -> Tensor:
        seen.append(frames)
        return generate_codes(model, frames, *rest)

    monkeypatch.setattr("dialogue_tts.synthesis.synthesizer.generate_codes", generated)
    tiny_tts.synthesize("[Anna] Good evening, Ben.", seed=5)
    frames = seen[0]
    said, following = frames.phones[0][~frames.is_prompt[0]].T.tolist()
    assert not frames.phones[0][frames.is_prompt[0]].any()
    phones = [PHONE_KINDS[c] for c in PhoneSequence.of("ɡˌʊd ˈivnɪŋ, bˈɛn.").characters]
    path = [0]
    for here, after in zip(said, following, strict=True):
        while phones[path[-1]] != here:
            path.append(path[-1] + 1)
        assert after == (phones[path[-1] + 1] if path[-1] + 1 < len(phones) else 0)
    assert path == list(range(len(phones)))
