"""What is taken of what was made before, and by what a dialogue is known again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dialogue_tts.dialogue.project import Project
from dialogue_tts.dialogue.result import Take
from dialogue_tts.dialogue.turns import Check
from dialogue_tts.pipeline import DialogueTTS
from dialogue_tts.script.parser import parse_script
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.synthesis.request import DialogueRequest, TakeRequest
from dialogue_tts.synthesis.unfinished import made_parts, manifest_of

SCRIPT = "[Anna] Hello.\n[Ben] Is it late?\n[Ben] No."


def made(request: TakeRequest) -> Take:
    """Silence, in place of what the networks make."""
    return Take(request.turn.text, request.seed, np.zeros(9, np.float32), (), 1, Check(0.0, 1.0, 1.0))


def finder(request: DialogueRequest) -> Callable[[int, int], Take]:
    return lambda turn, take: made(request.turns[turn].wanted[take])


@pytest.fixture
def request_(tiny_tts: DialogueTTS) -> DialogueRequest:
    return tiny_tts.plan.script(SCRIPT, {}, 3, SynthesisConfig())


def test_what_is_found_is_not_made_again(request_: DialogueRequest) -> None:
    find = finder(request_)
    rest = request_.with_found(lambda turn, take: find(turn, take) if turn != 1 else None)
    assert [len(turn.wanted) for turn in rest.turns] == [0, 1, 0]
    assert [part.take for part in made_parts(rest)] == [made(request_.turns[0].wanted[0])]  # what comes first of it
    assert not request_.with_found(find).wanted


@pytest.mark.parametrize("change", [{"seed": 1}, {"text": "Hullo."}])
def test_another_take_does_not_serve(request_: DialogueRequest, change: dict) -> None:
    find = finder(request_)
    assert len(request_.with_found(lambda turn, take: replace(find(turn, take), **change)).wanted) == 3


def test_takes_of_a_turn_are_found_in_their_order(tiny_tts: DialogueTTS, request_: DialogueRequest) -> None:
    """A project's turn may have several; what is found behind one that is not there is made again."""
    dialogue = request_.dialogue(made_parts(request_.with_found(finder(request_))))
    for seed in (11, 12):
        dialogue = dialogue.with_take(0, replace(dialogue.takes(0)[0], seed=seed))
    request = tiny_tts.plan.project(Project.of(dialogue), {})
    find = finder(request)
    rest = request.with_found(lambda turn, take: None if (turn, take) == (0, 1) else find(turn, take))
    assert (len(rest.turns[0].kept), [wanted.seed for wanted in rest.turns[0].wanted]) == (1, [11, 12])


def test_a_part_sounds_as_it_does_in_the_whole(tiny_tts: DialogueTTS) -> None:
    whole = tiny_tts.plan.script("[Anna] Hello.\n[Ben | overlap 0.3s] Yes.\n[Ben] Yes.", {}, 3, SynthesisConfig())
    part = whole.part(1, 2)
    assert [turn.seed for turn in part.turns] == [turn.seed for turn in whole.turns[1:]]
    assert part.voices == whole.voices and part.offsets[0] == 0  # nothing is in front that it could overlap


@pytest.mark.parametrize(
    ("script", "voices", "seed", "config", "differs"),
    [
        (SCRIPT, {}, 3, SynthesisConfig(), None),
        ("# A note.\n" + SCRIPT, {}, 3, SynthesisConfig(), None),  # which nobody hears
        (SCRIPT.replace("No.", "Not yet."), {}, 3, SynthesisConfig(), "script"),
        (SCRIPT.replace("[Anna]", "[pause 1s] [Anna]"), {}, 3, SynthesisConfig(), "script"),
        (SCRIPT, {}, 4, SynthesisConfig(), "seed"),
        (SCRIPT, {}, 3, SynthesisConfig(gap_s=1.0), "settings"),
        (SCRIPT, {"Anna": "low", "Ben": "low"}, 3, SynthesisConfig(), "cast of voices"),
    ],
)
def test_a_dialogue_is_known_again(
    tiny_tts: DialogueTTS,
    request_: DialogueRequest,
    script: str,
    voices: dict[str, str],
    seed: int,
    config: SynthesisConfig,
    differs: str | None,
) -> None:
    other = tiny_tts.plan.script(parse_script(script), voices, seed, config)
    assert manifest_of(request_).differs_in(manifest_of(other)) == differs
