"""What a turn's sound depends on, takes, and project files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Dialogue
from dialogue_tts.dialogue.revision import Revision
from dialogue_tts.errors import ProjectError, ScriptError, SettingsError
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.request import TakeRequest
from dialogue_tts.synthesis.seeds import turn_seeds
from dialogue_tts.synthesis.synthesizer import Synthesizer
from dialogue_tts.voices.voice import Consent
from tests.conftest import TWICE

LINES = [
    ("Anna", "Good evening, Ben. How was the train?"),
    ("Ben", "Late, I'm afraid."),
    ("Anna", "Again? You should take the bus."),
    ("Ben", "The bus is worse, and it smells of cheese."),
    ("Cleo", "I like cheese."),
    ("Anna", "Good evening, Ben. How was the train?"),
]


def script_of(lines: list[tuple[str, str]]) -> Script:
    return Script(tuple(Turn(*line) for line in lines))


def sounds(dialogue: Dialogue) -> list[bytes]:
    return [dialogue.turn_waveform(i).tobytes() for i in range(len(dialogue.turn_takes))]


@pytest.fixture(scope="module")
def tiny_tts(tiny_tts: DialogueTTS) -> DialogueTTS:
    """Which draws again what does not read back well, as others' turns must not change."""
    return DialogueTTS(tiny_tts.bundle, TWICE)


@pytest.fixture(scope="module")
def spoken(tiny_tts: DialogueTTS) -> Dialogue:
    return tiny_tts.synthesize(script_of(LINES), {"Anna": "low", "Ben": "high", "Cleo": "low"}, seed=9)


def test_a_turn_sounds_the_same_whatever_stands_around_it(tiny_tts: DialogueTTS, spoken: Dialogue) -> None:
    cast = {"Anna": "low", "Ben": "high", "Cleo": "low"}
    for edit in (
        LINES[:2] + [("Cleo", "Wait, somebody is at the door of the house, and it may be the postman.")] + LINES[2:],
        LINES[1:5],
        [("Cleo", f"This is remark number {n}.") for n in range(7)] + LINES,
        [LINES[3]],
    ):
        script = script_of(edit)
        again = tiny_tts.synthesize(script, {k: v for k, v in cast.items() if k in script.speakers}, seed=9)
        at = {turn: sound for turn, sound in zip(LINES[:5], sounds(spoken)[:5], strict=True)}
        for line, sound in zip(edit, sounds(again), strict=True):
            if line in at and line != LINES[0]:
                assert sound == at[line]
        if LINES[0] in edit:
            assert sounds(again)[edit.index(LINES[0])] == at[LINES[0]]


def test_the_same_words_again_sound_different(spoken: Dialogue) -> None:
    assert spoken.turn_takes[0].take.seed != spoken.turn_takes[5].take.seed


def test_seeds_do_not_feel_pauses_pronunciations_or_numbers() -> None:
    plain = turn_seeds([Turn("A", "Take the tomato now."), Turn("B", "Yes.")], 1)
    edited = turn_seeds([Turn("B", "No."), Turn("A", "Take the [tomato](/təˈmeɪtoʊ/) [pause 1s] now.")], 1)
    assert plain[0] == edited[1]
    assert len({*plain, *edited, *turn_seeds([Turn("A", "Take the tomato now.")], 2)}) == 4


def test_redo_gives_another_take_and_computes_nothing_else(
    tiny_tts: DialogueTTS, spoken: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: list[int] = []
    render = Synthesizer.render
    monkeypatch.setattr(Synthesizer, "render", lambda self, drawn: rendered.append(1) or render(self, drawn))
    before = sounds(spoken)
    redone = tiny_tts.redo(spoken, 1)
    assert rendered == [1]
    assert sounds(spoken) == before and len(spoken.takes(1)) == 1
    after = sounds(redone)
    assert [a == b for a, b in zip(after, before, strict=True)] == [i != 1 for i in range(6)]
    assert len(redone.takes(1)) == 2 and redone.turn_takes[1].chosen == 1
    third = tiny_tts.redo(redone, 1)
    assert len({take.seed for take in third.takes(1)}) == 3
    assert sounds(third.choose(1, 0)) == before
    assert third.choose(1, 0).waveform.tobytes() == spoken.waveform.tobytes()
    seeded = tiny_tts.redo(spoken, 1, seed=redone.takes(1)[1].seed)
    assert sounds(seeded) == after


def test_redo_with_a_new_text_is_what_the_script_would_have_given(tiny_tts: DialogueTTS, spoken: Dialogue) -> None:
    text = "Early, for once!"
    edited = tiny_tts.redo(spoken, 1, text=text)
    lines = [*LINES[:1], ("Ben", text), *LINES[2:]]
    fresh = tiny_tts.synthesize(script_of(lines), dict(spoken.voices), seed=9)
    assert edited.waveform.tobytes() == fresh.waveform.tobytes()
    assert edited.turns == fresh.turns and edited.turns[1].text == text
    assert edited.script.turns[1].text == text and spoken.script.turns[1].text == LINES[1][1]
    assert edited.choose(1, 0).turns == spoken.turns


def test_bad_edits_are_told(tiny_tts: DialogueTTS, spoken: Dialogue) -> None:
    for index in (-1, 6):
        with pytest.raises(SettingsError, match=f"there is no turn {index}; there are 6"):
            tiny_tts.redo(spoken, index)
    with pytest.raises(SettingsError, match="turn 1 has no take 1; it has 1"):
        spoken.choose(1, 1)
    for text in ("", "...", "[Ben] Hello", "[laughs]"):
        with pytest.raises(ScriptError):
            tiny_tts.redo(spoken, 1, text=text)


@pytest.fixture(scope="module")
def edited(tiny_tts: DialogueTTS) -> Dialogue:
    script = "[Anna] Good evening. [Ben | overlap 0.2s] Mm-hm. [Anna | speed 1.2] [pause 0.3s] So [pause 1s] it rained."
    config = replace(TWICE, gap_s=0.3, loudness_lufs=-18.0, pronunciations=(("rained", "ɹˈAnd"),))
    dialogue = tiny_tts.synthesize(script, {"Anna": "low"}, seed=3, config=config)
    return tiny_tts.redo(tiny_tts.redo(dialogue, 0), 2, text="So it snowed.").choose(0, 0)


def test_a_project_rebuilds_the_dialogue_bit_for_bit(tiny_tts: DialogueTTS, edited: Dialogue, tmp_path: Path) -> None:
    path = tmp_path / "talk.json"
    Project.of(edited).save(path)
    again = tiny_tts.rebuild(path)
    assert again.waveform.tobytes() == edited.waveform.tobytes()
    assert again.turns == edited.turns and again.config == edited.config and again.seed == edited.seed
    for index in range(3):
        pairs = zip(again.takes(index), edited.takes(index), strict=True)
        assert all(a == b and a.waveform.tobytes() == b.waveform.tobytes() for a, b in pairs)
    assert Project.of(again) == Project.load(path) == Project.of(edited)
    assert tiny_tts.redo(again, 1).waveform.tobytes() == tiny_tts.redo(edited, 1).waveform.tobytes()
    assert [p.name for p in tmp_path.iterdir()] == ["talk.json"]


def test_a_project_with_a_voice_of_its_own(tiny_tts: DialogueTTS, recording: Path, tmp_path: Path) -> None:
    voice = tiny_tts.new_voice("Mine", recording, Consent("own", "Me", "2026-01-31"))
    voice.save(tmp_path / "mine.safetensors")
    spoken = tiny_tts.synthesize("[Anna] Hello there.", {"Anna": voice}, seed=1)
    Project.of(spoken).save(tmp_path / "talk.json")
    with pytest.raises(
        ProjectError, match="Anna: the voice 'Mine' is neither built in nor kept; give its file or recording"
    ):
        tiny_tts.rebuild(tmp_path / "talk.json")
    for given in (tmp_path / "mine.safetensors", recording, voice):
        again = tiny_tts.rebuild(tmp_path / "talk.json", {"Anna": given})
        assert again.waveform.tobytes() == spoken.waveform.tobytes()
    noise = tmp_path / "noise.wav"
    soundfile.write(noise, 0.1 * np.random.default_rng(2).standard_normal(72_000), 24_000)
    with pytest.raises(ProjectError, match="Anna: the voice 'noise' is not the 'Mine' that the project was made with"):
        tiny_tts.rebuild(tmp_path / "talk.json", {"Anna": noise})
    with pytest.raises(ProjectError, match="Ben: the project has no such speaker"):
        tiny_tts.rebuild(tmp_path / "talk.json", {"Ben": "low"})


def test_another_bundle_is_told(tiny_tts: DialogueTTS, edited: Dialogue) -> None:
    project = Project.of(edited)
    with pytest.raises(ProjectError, match="made with bundle tiny .*000.*, this is tiny .*; load that one"):
        tiny_tts.rebuild(replace(project, bundle=replace(project.bundle, sha256="0" * 64)))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda v: v.update(kind="other"), '"kind" should be'),
        (lambda v: v.update(more=1), "more: there is no such setting"),
        (lambda v: v.pop("seed"), "seed"),
        (lambda v: v["config"].update(speed=9), "speed 9 is out of range"),
        (lambda v: v["turns"][0].update(chosen=2), "chooses take 2 of 2"),
        (lambda v: v["turns"][0].update(takes=[]), "chooses take 0 of 0"),
        (lambda v: v.update(turns=[]), "different speakers|empty"),
        (lambda v: v["turns"][0].update(overlap_s=1.0), "overlap"),
        (lambda v: v["voices"].pop(), "different speakers"),
        (lambda v: v["turns"][0].update(takes="abc"), "expected a list"),
    ],
)
def test_project_files_that_cannot_be_used(edited: Dialogue, tmp_path: Path, change, says: str) -> None:
    path = tmp_path / "talk.json"
    Project.of(edited).save(path)
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(ProjectError, match=says) as error:
        Project.load(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"[Anna] Hello.", b"[]", b"\xff\xfe"])
def test_files_that_are_no_project(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "talk.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ProjectError, match="talk.json: "):
        Project.load(path)


def spoken_over(tts: DialogueTTS, spoken: Dialogue, script: Script, revision: Revision) -> tuple[Dialogue, np.ndarray]:
    """The revised dialogue, and the sound its stream gives."""
    voices = {speaker: spoken.voices[speaker] for speaker in script.speakers}
    chunks = list(tts.stream(script, voices, spoken.seed, spoken.config, revision=revision))
    whole = Dialogue(tuple(c.turn_takes for c in chunks), voices, spoken.seed, spoken.config, tts.bundle_id, tts.mark)
    return whole, np.concatenate([chunk.waveform for chunk in chunks])


def test_a_revision_computes_only_what_changed(
    tiny_tts: DialogueTTS, spoken: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    draw = tiny_tts.synthesizer.draw

    def counted(requests: Sequence[TakeRequest], *rest: Any) -> Any:
        made.extend(request.turn.text for request in requests)
        return draw(requests, *rest)

    monkeypatch.setattr(tiny_tts.synthesizer, "draw", counted)
    redone = spoken.with_take(0, replace(spoken.takes(1)[0], text=LINES[0][1], seed=5))
    edit = [LINES[1], LINES[0], ("Ben", "A bus is a bus."), LINES[4], ("Cleo", "And jam.")]
    script, was = script_of(edit), {0: 1, 1: 0, 2: 3, 3: 4}
    revised, heard = spoken_over(tiny_tts, redone, script, Revision(redone, was))
    assert made == ["A bus is a bus.", "And jam."]
    assert [take.seed for take in revised.takes(1)] == [spoken.takes(0)[0].seed, 5] and revised.turn_takes[
        1
    ].chosen == 1
    assert [take.text for take in revised.takes(2)] == [LINES[3][1], "A bus is a bus."]
    assert heard.tobytes() == revised.waveform.tobytes()

    made.clear()
    again, _ = spoken_over(tiny_tts, revised, script, Revision(revised, dict(enumerate(range(5))), {0: 77, 1: 5}))
    assert made == [LINES[1][1]]
    assert [take.seed for take in again.takes(0)][1:] == [77] and sounds(again)[1:] == sounds(revised)[1:]


@pytest.mark.parametrize(
    ("voices", "config", "turn"),
    [
        ({"Anna": "high"}, TWICE, {}),
        ({}, replace(TWICE, speed=1.1), {}),
        ({}, TWICE, {"speed": 1.5}),
    ],
)
def test_a_revision_keeps_no_take_of_another_voice_or_speed(
    tiny_tts: DialogueTTS, spoken: Dialogue, voices: dict[str, str], config: SynthesisConfig, turn: dict[str, float]
) -> None:
    script = Script((replace(spoken.turn_takes[0].turn, **turn),))
    (chunk,) = tiny_tts.stream(script, {"Anna": "low"} | voices, 9, config, revision=Revision(spoken, {0: 0}))
    assert (
        len(chunk.turn_takes.takes) == 1
        and chunk.take.waveform.tobytes() != spoken.turn_takes[0].take.waveform.tobytes()
    )
    (same,) = tiny_tts.stream(
        script_of(LINES[:1]), {"Anna": "low"}, 9, replace(TWICE, gap_s=1), revision=Revision(spoken, {0: 0})
    )
    assert same.take is spoken.takes(0)[0]
