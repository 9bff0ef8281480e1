"""Stage directions: found, listed, and treated as asked; what only looks like one is spoken."""

from __future__ import annotations

import pytest

from dialogue_tts.errors import ScriptError, SettingsError
from dialogue_tts.script.directions import Treatment, heading_in
from dialogue_tts.script.parser import parse_draft, parse_script


@pytest.mark.parametrize(
    ("text", "said", "found"),
    [
        ("(whispering) Hello there.", "Hello there.", ["(whispering)"]),
        ("(To Anna, very slowly) Hello there.", "Hello there.", ["(To Anna, very slowly)"]),
        ("Fine (laughs).", "Fine.", ["(laughs)"]),
        ("Fine. (Laughs.) So?", "Fine. So?", ["(Laughs.)"]),
        ("*sighs* Fine.", "Fine.", ["*sighs*"]),
        ("_sighs deeply_ Fine.", "Fine.", ["_sighs deeply_"]),
        ("*(laughing)* Fine.", "Fine.", ["*(laughing)*"]),
        ("Fine. (He exits.) So.", "Fine. So.", ["(He exits.)"]),
        ("Fine. (Anna sits down.) So.", "Fine. So.", ["(Anna sits down.)"]),
        ("Fine.\n(The lamp goes out.)\nSo.", "Fine. So.", ["(The lamp goes out.)"]),
        ("Fine.\n*The lamp goes out.*\nSo.", "Fine. So.", ["*The lamp goes out.*"]),
        ("Fine.\n(The lamp,\nat last, goes out.)\nSo.", "Fine. So.", ["(The lamp, at last, goes out.)"]),
        ("Fine. (to Anna) And you? (beat) No?", "Fine. And you? No?", ["(to Anna)", "(beat)"]),
        ("Fine (in a low voice) then.", "Fine then.", ["(in a low voice)"]),
        ("Fine.\nEXT. HARBOUR - DAY", "Fine.", ["EXT. HARBOUR - DAY"]),
        ("Fine.\nFADE OUT.\n---\n* * *", "Fine.", ["FADE OUT.", "---", "* * *"]),
        ("Fine.\nExit Ben.", "Fine.", ["Exit Ben."]),
        ("Fine [12:34] then.", "Fine then.", ["[12:34]"]),
        ("<speak>Fine</speak> then.", "Fine then.", ["<speak>", "</speak>"]),
        ("See [the page](https://x.org/a_b).", "See the page.", ["(https://x.org/a_b)"]),
    ],
)
def test_directions_are_left_out_and_listed(text: str, said: str, found: list[str]) -> None:
    draft = parse_draft(f"[Anna] Hi.\n[Ben] {text}")
    assert [turn.text for turn in draft.turns] == ["Hi.", said]
    assert [f.message.split('"')[1] for f in draft.findings] == found
    assert {f.severity for f in draft.findings} == {"note"}


@pytest.mark.parametrize(
    "text",
    [
        "I met Tom (my brother) there.",
        "The UN (United Nations) said so (see page 3).",
        "He left (finally) at noon.",
        "It rained. (It always rains.) So what?",
        "(I told you so.) Anyway.",
        "That is (to be honest) a lie.",
        "I came\n(as I said)\nlate.",
        "Call (555) 123.",
        "It's 2 * 3 * 4, snake_case_name and 5 * x.",
        "The end of the day came.",
        "Scene two was the best.",
        "Cut to the chase.",
    ],
)
def test_remarks_in_prose_are_spoken(text: str) -> None:
    draft = parse_draft(f"[Anna] Hi.\n[Ben] Well, {text}")
    assert draft.turns[1].text == "Well, " + " ".join(text.split()) and draft.findings == ()


def test_emphasis_is_no_direction() -> None:
    draft = parse_draft("[Anna] I *never* said **that** to _him_, ***never***.")
    assert draft.turns[0].text == "I never said that to him, never." and draft.findings == ()


TEXT = "[Ben] Hi (laughs) there.\n(He exits.)\n---\nMore. *sighs*"


@pytest.mark.parametrize(
    ("treatment", "expected"),
    [
        ("left_out", [("Ben", "Hi there. More.")]),
        ("spoken", [("Ben", "Hi (laughs) there. (He exits.) More. sighs")]),
        (
            "narrator",
            [
                ("Ben", "Hi"),
                ("Narrator", "laughs"),
                ("Ben", "there."),
                ("Narrator", "He exits."),
                ("Ben", "More."),
                ("Narrator", "sighs"),
            ],
        ),
    ],
)
def test_the_setting_says_what_becomes_of_them(treatment: Treatment, expected: list[tuple[str, str]]) -> None:
    script = parse_script(TEXT, treatment)
    assert [(turn.speaker, turn.text) for turn in script.turns] == expected
    assert [finding.line for finding in script.findings] == [1, 2, 3, 4]


def test_they_can_be_refused() -> None:
    assert [finding.line for finding in parse_draft(TEXT, "refused").mistakes] == [1, 2, 4]
    with pytest.raises(ScriptError, match=r'^line 1: "\(laughs\)" is a stage direction; take it out'):
        parse_script(TEXT, "refused")
    with pytest.raises(SettingsError, match="choose one of left_out, spoken, narrator, refused"):
        parse_script(TEXT, "dropped")  # type: ignore[arg-type]


def test_a_narrator_reads_what_stands_under_no_name() -> None:
    script = parse_script("ACT I\n\nANNA\nHello.\n\nShe sits down.\n\nBEN\nHi.", "narrator")
    assert [(turn.speaker, turn.text) for turn in script.turns] == [
        ("Narrator", "ACT I"),
        ("ANNA", "Hello."),
        ("Narrator", "She sits down."),
        ("BEN", "Hi."),
    ]


def test_a_turn_of_nothing_but_directions_is_none() -> None:
    script = parse_script("[Anna] Hi.\n[Ben] (laughs)\n[pause 1s]\n[Anna] So?")
    assert [(turn.speaker, turn.pause_s) for turn in script.turns] == [("Anna", 0), ("Anna", 1)]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ('<break time="500ms"/>', 0.5),
        ("<break time='1.5s' />", 1.5),
        ('<break strength="strong"/>', 0.7),
        ("<break/>", 0.4),
        ("[pause:500ms]", 0.5),
        ("[Pause: 0.5 seconds]", 0.5),
        ("[break 0.5s]", 0.5),
        ("[silence 2s]", 2.0),
        ("[[slnc 500]]", 0.5),
        ("<#0.5#>", 0.5),
    ],
)
def test_pauses_of_others(written: str, seconds: float) -> None:
    assert parse_script(f"[Anna] So {written} it is.").turns[0].text == f"So [pause {seconds:g}s] it is."


@pytest.mark.parametrize(
    "written", ['<break time="11s"/>', '<break time="soon"/>', '<break strength="big"/>', "[pause:0ms]"]
)
def test_pauses_that_are_none(written: str) -> None:
    with pytest.raises(ScriptError, match="out of range|not understood"):
        parse_script(f"[Anna] So {written} it is.")


def test_words_of_speech_markup() -> None:
    text = '<phoneme alphabet="ipa" ph="təˈmeɪtoʊ">tomato</phoneme> and <sub alias="World Wide Web">WWW</sub> <b>x'
    assert parse_script(f"[Anna] {text}").turns[0].text == "[tomato](/təˈmeɪtoʊ/) and World Wide Web <b>x"


@pytest.mark.parametrize(
    "line", ["INT. ROOM", "ACT II, SCENE 3.", "Scene 2: The harbour", "FADE IN:", "CUT TO:", "* * *", "THE END"]
)
def test_headings(line: str) -> None:
    assert heading_in(line)
