"""Speakers in a column of their own, and what is no speech behind a script."""

from __future__ import annotations

import pytest

from dialogue_tts.script.parser import parse_draft, parse_script


def turns(text: str) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in parse_script(text).turns]


@pytest.mark.parametrize(
    "text",
    [
        "<anna> hello\n<ben> hi",
        "[18:02] <anna> hello\n[18:03] <@ben> hi",
        "anna\thello".title() + "\nBen\thi",
        "Anna:\thello\nBen:\thi",
        "Anna -> hello\nBen -> hi\nAnna -> bye",
        "Q. hello\nA. hi",
    ],
)
def test_lines_that_hold_their_speakers(text: str) -> None:
    found = turns(text)
    assert [said.lower() for _, said in found][:2] == ["hello", "hi"]
    assert [name.lower() for name, _ in found][:2] in (["anna", "ben"], ["q", "a"])


def test_times_and_actions_of_a_chat_are_listed() -> None:
    script = parse_script("[18:02] <anna> hello\n* ben waves\n[18:03] <ben> hi\n[18:04] <anna> so\n[18:05] <ben> yes")
    assert [turn.text for turn in script.turns] == ["hello", "hi", "so", "yes"]
    told = " ".join(finding.message for finding in script.findings)
    assert all(what in told for what in ("18:02", "18:03", "* ben waves"))


@pytest.mark.parametrize(
    "text", ["Monday - washing\nTuesday - ironing", "Tea <3 you\nOh <my> me", "Well -> so\nit goes"]
)
def test_lines_that_only_look_like_it_have_no_speaker(text: str) -> None:
    assert parse_draft(text).mistakes


def test_a_label_is_no_column() -> None:
    assert turns("Anna: Press A -> B.\nBen: Then C -> D.") == [("Anna", "Press A -> B."), ("Ben", "Then C -> D.")]


@pytest.mark.parametrize("last", ["Let me know if you'd like a longer version!", "(I hope this conversation helps!)"])
def test_what_a_model_adds_is_no_speech(last: str) -> None:
    script = parse_script(f"Anna: Hello.\nBen: Hi.\n\n{last}\n")
    assert [turn.text for turn in script.turns] == ["Hello.", "Hi."]
    assert [finding.line for finding in script.findings] == [4]
    assert turns(f"Anna: Hello.\nBen: {last}")[1] == ("Ben", last.strip("()") if last[0] != "(" else last)
