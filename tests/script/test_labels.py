"""Names of speakers in the forms people and programs write them."""

from __future__ import annotations

import time

import pytest

from dialogue_tts.cli.inputs import given_voices
from dialogue_tts.errors import ScriptError
from dialogue_tts.script.labels import is_name
from dialogue_tts.script.parser import parse_draft, parse_script


def turns(text: str) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in parse_script(text).turns]


@pytest.mark.parametrize(
    ("line", "speaker"),
    [
        ("2nd Guard: Hello.", "2nd Guard"),
        ("Anna and Ben: Hello.", "Anna and Ben"),
        ("King Henry the Eighth: Hello.", "King Henry the Eighth"),
        ("The King of France: Hello.", "The King of France"),
        ("Ben & Tom: Hello.", "Ben & Tom"),
        ("Ben/Tom: Hello.", "Ben/Tom"),
        ("Guard #2: Hello.", "Guard #2"),
        ("de Vries: Hello.", "de Vries"),
        ("d'Artagnan: Hello.", "d'Artagnan"),
        ("Mr. van Dyk: Hello.", "Mr. van Dyk"),
        ("Mary Ann van der Berg: Hello.", "Mary Ann van der Berg"),
        ("SPEAKER_00: Hello.", "SPEAKER_00"),
        ("1. Ben: Hello.", "Ben"),
        ("2) Ben: Hello.", "Ben"),
        ("- Ben: Hello.", "Ben"),
        ("• Ben: Hello.", "Ben"),
        ("> Ben: Hello.", "Ben"),
        ("Ben:Hello.", "Ben"),
        ("Ben : Hello.", "Ben"),
        ("Ben：Hello.", "Ben"),
        ("  Ben: Hello.", "Ben"),
        ("\tBen: Hello.", "Ben"),
        ("**Ben:** Hello.", "Ben"),
        ("**Ben**: Hello.", "Ben"),
        ("*Ben:* Hello.", "Ben"),
        ("__Ben__: Hello.", "Ben"),
        ("- **Ben:** Hello.", "Ben"),
        ("[Ben]: Hello.", "Ben"),
        ("BEN (CONT'D): Hello.", "BEN"),
        ("BEN (V.O.): Hello.", "BEN"),
        ("BEN (O.S.) (CONT’D): Hello.", "BEN"),
        ("Ben (sadly): Hello.", "Ben"),
        ("**Ben** *(sadly)*: Hello.", "Ben"),
        ("**Ben (sadly):** Hello.", "Ben"),
        ("[00:01:02] Ben: Hello.", "Ben"),
        ("00:01:02 Ben: Hello.", "Ben"),
        ("(1:02) Ben: Hello.", "Ben"),
        ("Ben (00:01:02): Hello.", "Ben"),
        ("Ben [00:01:02 - 00:01:09]: Hello.", "Ben"),
    ],
)
def test_labels_in_all_their_dress(line: str, speaker: str) -> None:
    assert turns(f"Anna: Hi.\n{line}\nAnna: Bye.") == [("Anna", "Hi."), (speaker, "Hello."), ("Anna", "Bye.")]
    assert turns(f"{line}\n{line.replace('Hello.', '')}\nHello.") == [(speaker, "Hello."), (speaker, "Hello.")]


@pytest.mark.parametrize(
    "line",
    [
        "waiter: Hello.",
        "He said: Hello.",
        "Remember this: never run.",
        "One Two Three Four: Hello.",
        "Ben's brother: Hello.",
        "Ben and I went: Hello.",
        "Yes, Ben: Hello.",
        "BEN",
    ],
)
def test_what_only_looks_like_a_label_is_text_and_a_finding(line: str) -> None:
    draft = parse_draft(f"Anna: Hi.\n{line}\nAnd so on.")
    assert [turn.text for turn in draft.turns] == [f"Hi. {line} And so on."]
    (finding,) = draft.findings
    assert (finding.line, finding.severity) == (2, "warning") and "is read as text" in finding.message


@pytest.mark.parametrize("line", ["Note: bring a coat.", "at 5:30 we left.", "https://x.org is down.", "12: the bus."])
def test_prose_with_a_colon_is_text_without_a_word(line: str) -> None:
    draft = parse_draft(f"Anna: Hi.\n{line}")
    assert [turn.text for turn in draft.turns] == [f"Hi. {line}"] and draft.findings == ()


def test_a_label_in_a_script_of_brackets_is_a_finding() -> None:
    draft = parse_draft("[Anna] Hi.\nZoe: she wrote.\n[Ben] Yes.")
    assert [(f.line, f.severity) for f in draft.findings] == [(2, "warning")]


def test_brackets_with_a_colon_or_bold() -> None:
    assert turns("[Anna]: Hi.\n---\n[Ben]: Yes.") == [("Anna", "Hi."), ("Ben", "Yes.")]
    assert turns("**[Anna]:** Hi.\n**[Ben]** Yes.\n- [Anna] So.") == [("Anna", "Hi."), ("Ben", "Yes."), ("Anna", "So.")]


def test_several_at_once_are_one_speaker_with_a_finding() -> None:
    draft = parse_draft("Anna: Hi.\nAnna and Ben: Hello.\nAnna and Ben: Bye.")
    (finding,) = draft.findings
    assert finding.line == 2 and "one speaker, with one voice" in finding.message


def test_a_name_on_a_line_of_its_own() -> None:
    text = "THE GOOSE\n\nANNA\n(softly)\nHello.\nIt's me.\n\nShe sits down.\n\n"
    text += "OLD MAN IN BLACK (V.O.)\nGo.\n\nANNA (CONT'D)\nNo."
    draft = parse_draft(text)
    assert [(t.speaker, t.text) for t in draft.turns] == [
        ("ANNA", "Hello. It's me."),
        ("OLD MAN IN BLACK", "Go."),
        ("ANNA", "No."),
    ]
    assert [f.line for f in draft.findings] == [1, 4, 8, 10, 13]
    assert turns("Anna\nHello.\n\nBen\nHi.\n\nAnna\nBye.") == [("Anna", "Hello."), ("Ben", "Hi."), ("Anna", "Bye.")]
    assert turns("Anna Vale  0:03\nHello.\n\nBen Ito  0:07\nHi.") == [("Anna Vale", "Hello."), ("Ben Ito", "Hi.")]


def test_names_as_printed_plays_have_them() -> None:
    text = "ACT I\n\nANNA. Hello.\nMy dear.\n\n[Enter BEN,\nrunning.]\n\nBEN [aside]. Hm. [They fight.] So.\n\nANNA. Mr. Ito!"
    draft = parse_draft(text)
    assert [(t.speaker, t.text) for t in draft.turns] == [
        ("ANNA", "Hello. My dear."),
        ("BEN", "Hm. So."),
        ("ANNA", "Mr. Ito!"),
    ]
    assert [f.line for f in draft.findings] == [1, 6, 9, 9]
    assert turns("_Ham._ To be.\n_Hor._ My lord!\n_Ham._ Go.") == [
        ("Ham", "To be."),
        ("Hor", "My lord!"),
        ("Ham", "Go."),
    ]


def test_composed_and_decomposed_names_are_one_speaker() -> None:
    composed, decomposed = "Zo\u00eb", "Zoe\u0308"
    assert turns(f"[{composed}] Hi.\n[{decomposed}] Same.") == [(composed, "Hi."), (composed, "Same.")]
    assert turns(f"{decomposed}: Hi.\n{composed}: Same.") == [(composed, "Hi."), (composed, "Same.")]


def test_all_mistakes_are_told_also_behind_a_bad_first_line() -> None:
    draft = parse_draft("Good evening to you.\nAnna: Oh [laughs] dear [foo].\nBen: Well [bar] then.\nBEN (off): Hey.")
    assert [finding.line for finding in draft.mistakes] == [1, 2, 2, 3, 4]
    with pytest.raises(ScriptError, match="^line 1: "):
        draft.script()


def test_titles_in_front_of_the_first_name_are_listed() -> None:
    draft = parse_draft("The Goose\nby Anna Vale\n\nINT. ROOM\n\nTime: now\n\nANNA: Hi.")
    assert [(t.speaker, t.text) for t in draft.turns] == [("ANNA", "Hi.")]
    assert [f.line for f in draft.findings] == [1, 2, 4, 6] and not draft.mistakes


@pytest.mark.parametrize(
    "name", ["", "1", "the", "and Ben", "Ben and", "anna", "laughs", "Laughs", "pause 1s", "A " * 40]
)
def test_what_is_no_name(name: str) -> None:
    assert not is_name(name)


@pytest.mark.parametrize(
    "unit", ["Anna: Hi.\n", "A\nb\n\n", "A. x\n", "(", "*a* ", "(laughs) ", "[x] ", "[", "<sub alias='x'>", "Anna"]
)
def test_reading_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        parse_draft("Anna: So.\n" + (unit * size)[:size])
        return time.process_time() - began

    short = min(seconds(5_000) for _ in range(3))
    most = 40 * max(short, 0.002)  # quadratic: a hundred times
    assert any(seconds(50_000) < most for _ in range(2))


def test_a_voice_is_given_to_a_name_however_its_accents_are_stored() -> None:
    assert given_voices(["Zoe\u0308=clara"]) == {"Zo\u00eb": "clara"}
