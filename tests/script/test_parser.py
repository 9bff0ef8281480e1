from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.inline import Pause, Pronunciation, split_inline
from dialogue_tts.script.parser import parse_script
from dialogue_tts.script.turns import Script, Turn
from dialogue_tts.script.writing import format_script

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.txt"))


def turns(text: str) -> list[tuple[str, str]]:
    return [(turn.speaker, turn.text) for turn in parse_script(text).turns]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("[Anna] Hello.\n[Ben] Hi.", [("Anna", "Hello."), ("Ben", "Hi.")]),
        ("[S1] Hello. [S2] Hi. [S1] Bye.", [("S1", "Hello."), ("S2", "Hi."), ("S1", "Bye.")]),
        ("Anna: Hello.\nBen: Hi.", [("Anna", "Hello."), ("Ben", "Hi.")]),
        ("Speaker 1: One.\nSpeaker 2: Two.", [("Speaker 1", "One."), ("Speaker 2", "Two.")]),
        ("Dr. Vale: Hm.\nO'Neil: Yes?", [("Dr. Vale", "Hm."), ("O'Neil", "Yes?")]),
        ("[Anna] One\n  two\n\n# comment\n##\nthree", [("Anna", "One two three")]),
        ("Anna:\nHello\n there.", [("Anna", "Hello there.")]),
        ("\ufeff[Anna] One.\r\n[Ben] Two.\r\n", [("Anna", "One."), ("Ben", "Two.")]),
        ("    Anna: One.\n    Ben: Two.", [("Anna", "One."), ("Ben", "Two.")]),
        ("[Anna] Number\n#1 fan", [("Anna", "Number #1 fan")]),
        ("[李] Hello.", [("李", "Hello.")]),
        (
            "[Anna] The [Kokoro](/kˈOkəɹO/) [Ben] What?",
            [("Anna", "The [Kokoro](/kˈOkəɹO/)"), ("Ben", "What?")],
        ),
    ],
)
def test_forms_of_script(script: str, expected: list[tuple[str, str]]) -> None:
    assert turns(script) == expected


@pytest.mark.parametrize(
    "line",
    [
        "Remember this: never run.",
        "Remember: never run.",
        "Note: bring a coat.",
        "at 5:30 we left.",
        "https://x.org is down.",
        "He said:",
        "12: the bus.",
        "One Two Three Four: too long for a name.",
    ],
)
def test_text_with_a_colon_is_no_speaker(line: str) -> None:
    assert turns(f"Anna: So\n{line}\nBen: Hi.") == [("Anna", f"So {line.strip()}"), ("Ben", "Hi.")]


def test_labels_are_text_in_a_script_of_brackets() -> None:
    assert turns("[Anna] So\nZoe: she wrote\n[Ben] Hi.") == [("Anna", "So Zoe: she wrote"), ("Ben", "Hi.")]


@pytest.mark.parametrize(
    ("script", "pauses", "texts"),
    [
        ("[A] x\n[pause 0.5s]\n[B] y", [0, 0.5], ["x", "y"]),
        ("[A] x [pause 500ms]\n[B] y", [0, 0.5], ["x", "y"]),
        ("[A] x\n[B] [pause: 1 s] y", [0, 1], ["x", "y"]),
        ("[pause 2s] [A] x", [2], ["x"]),
        ("[pause 1s]\nAnna: x\n[pause .25s]\nBen: y", [1, 0.25], ["x", "y"]),
        ("[A] x [pause 1s]\n[pause 1s] [B] [pause 0.5s] y", [0, 2.5], ["x", "y"]),
        ("[A] x [Pause 0.50s] y", [0], ["x [pause 0.5s] y"]),
        ("[A] x[pause 1s]y", [0], ["x [pause 1s] y"]),
    ],
)
def test_pauses(script: str, pauses: list[float], texts: list[str]) -> None:
    parsed = parse_script(script)
    assert [turn.pause_s for turn in parsed.turns] == pytest.approx(pauses)
    assert [turn.text for turn in parsed.turns] == texts


def test_lines_are_those_of_the_script() -> None:
    assert [turn.line for turn in parse_script("# x\n[A] one [B] two\nmore\n\n[A] three").turns] == [2, 2, 5]


@pytest.mark.parametrize(
    ("script", "line", "says"),
    [
        ("", 1, "empty"),
        ("# only a comment", 1, "empty"),
        ("Hello there.\n[Anna] Hi.", 1, "before any speaker"),
        ("[Anna] Hi.\n[Ben] Well [pasue 1s] yes.", 2, r"\[pause 0.5s\]"),
        ("[pause] [Anna] Hi.", 1, r"\[pause 0.5s\]"),
        ("[Anna] Hi. [laughs]", 1, "Haha"),
        ("[Anna] Hi. [aside] So.", 1, r"\[Anna\]"),
        ("[Anna] As said [1x].", 1, r"\(parentheses\)"),
        ("[Anna] Hi [there", 1, "never closed"),
        ("[Anna] Hi [there [Ben] x", 1, "never closed"),
        ("[Anna] Hi there].", 1, r'no "\["'),
        ("[Anna] []", 1, "empty"),
        ("[Anna] Hi.\n\n[Ben]\n[Anna] Well.", 3, "no text"),
        ("[Anna] ...\n[Ben] Hm.", 1, "something to say"),
        ("[Anna] Hi.\n[pause 2s]\n", 2, "nothing follows"),
        ("[Anna] Hi.\n[Ben] [pause 11s] Ho.", 2, "at most 10 s"),
        ("[Anna] Hi. [pause 0s] Ho.", 1, "more than 0 s"),
        ("[Anna] Hi. [pause 6s]\n[Ben] [pause 5s] Ho.", 2, "add up to 11 s"),
        ("[Anna] Hi.\n[ANNA] Ho.", 2, "spelled"),
        ("[Anna] Hi.\nAnna: Ho.", 2, r'write "\[Anna\]"'),
        ("Anna: Hi.\n[Ben] Ho.", 2, '"Ben:"'),
        ("Anna: Hi.\nanna: Ho.", 2, 'write "Anna:"'),
        ("[Anna] Hi.\n#todo", 2, "# todo"),
        ("[Anna] a [tomato](təmˈAto)", 1, r"\[word\]\(/phonemes/\)"),
        ("[Anna] a [tomato](//)", 1, r"\[word\]\(/phonemes/\)"),
    ],
)
def test_mistakes_are_named(script: str, line: int, says: str) -> None:
    with pytest.raises(ScriptError, match=rf"^line {line}: (?!line).*{says}"):
        parse_script(script)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("[A] x [Ben | overlap 0.3s] Mm-hm.", (0.3, 1.0)),
        ("[A] x [Ben|overlap:300 ms] Mm-hm.", (0.3, 1.0)),
        ("[A] x [Ben | speed 1.2] y", (0.0, 1.2)),
        ("[A] x [Ben | Speed 1.25x, overlap .5s] y", (0.5, 1.25)),
        ("[A] x\n[Ben | overlap 1s | speed 0.5]\ny", (1.0, 0.5)),
        ("A: x\nBen | overlap 0.3s: y", (0.3, 1.0)),
        ("A: x\nBen | overlap 0.3s | speed 2: y", (0.3, 2.0)),
    ],
)
def test_options_of_turns(script: str, expected: tuple[float, float]) -> None:
    first, second = parse_script(script).turns
    assert (first.overlap_s, first.speed) == (0.0, 1.0)
    assert (second.speaker, second.overlap_s, second.speed) == ("Ben", *expected)


@pytest.mark.parametrize(
    ("tag", "says"),
    [
        ("Ben | loud", r'"loud" is no option of a turn; write \[Ben \| overlap 0.3s\]'),
        ("Ben |", "an option is missing"),
        ("Ben | speed 1.2 |", "an option is missing"),
        ("Ben | speed 0.2", "speeds go from 0.25 to 4"),
        ("Ben | speed 4.01", "speeds go from 0.25 to 4"),
        ("Ben | speed fast", "is no option"),
        ("Ben | overlap 0s", "more than 0 s"),
        ("Ben | overlap 11s", "at most 10 s"),
        ("Ben | overlap -0.3s", "is no option"),
        ("Ben | overlap 1", "is no option"),
        ("Ben | speed 1.2 | speed 1.3", "second of its kind"),
        ("Ben | overlap 1s] [pause 1s", "cannot both pause and overlap"),
        ("ben | speed 1.2", "not a known tag"),
        ("| speed 1.2", "not a known tag"),
        ("pause 1s | speed 1.2", "out of range|not understood|not a known tag|no text"),
    ],
)
def test_mistakes_in_options_are_named(tag: str, says: str) -> None:
    with pytest.raises(ScriptError, match=rf"^line 2: (?!line).*({says})"):
        parse_script(f"[Anna] Hi.\n[{tag}] Ho.")


def test_the_first_turn_has_nothing_to_overlap_with() -> None:
    with pytest.raises(ScriptError, match="^line 1: Anna's turn has nothing to overlap with"):
        parse_script("[Anna | overlap 1s] Hi.")


def test_a_label_with_an_option_in_another_case_is_no_text() -> None:
    with pytest.raises(ScriptError, match='line 2: .*write "Ben:"'):
        parse_script("Ben: Hi.\nben | speed 1.2: Ho.")
    with pytest.raises(ScriptError, match=r'line 2: .*write "\[Ben\]"'):
        parse_script("[Ben] Hi.\nBen | speed 1.2: Ho.")


def test_options_survive_formatting() -> None:
    script = Script(
        (Turn("Anna", "Hi.", speed=1.1), Turn("Ben", "Mm.", overlap_s=0.1 + 0.2), Turn("Anna", "x", 0.5, speed=0.5))
    )
    again = parse_script(format_script(script))
    assert [replace(turn, line=1) for turn in again.turns] == list(script.turns)


def test_inline_markup() -> None:
    assert split_inline("So [pause 500ms][Ada](/ˈAdə/)!") == ["So ", Pause(0.5), Pronunciation("Ada", "ˈAdə"), "!"]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_survive_formatting(path: Path) -> None:
    script = parse_script(path.read_text(encoding="utf-8"))
    again = parse_script(format_script(script))
    assert [replace(turn, line=0) for turn in again.turns] == [replace(turn, line=0) for turn in script.turns]
    assert format_script(again) == format_script(script)


def test_examples_exist() -> None:
    assert {"cafe", "interview", "pauses", "pronunciation"} <= {path.stem for path in EXAMPLES}


def test_format_keeps_odd_pauses() -> None:
    script = Script((Turn("Anna", "Hi.", pause_s=0.1 + 0.2), Turn("Ben", "Ho.", pause_s=2.0)))
    assert [turn.pause_s for turn in parse_script(format_script(script)).turns] == [0.1 + 0.2, 2.0]


def test_a_pause_that_opens_a_text_is_written_as_the_turns_own() -> None:
    script = Script((Turn("Anna", "[pause 0.5s] Hello. [pause 1s]"), Turn("Ben", "[pause 0.25s] Hi.", 0.5)))
    assert format_script(script) == "[Anna] [pause 0.5s] Hello.\n[Ben] [pause 1.75s] Hi.\n"
    assert parse_script(format_script(script)) == Script(
        (Turn("Anna", "Hello.", 0.5), Turn("Ben", "Hi.", 1.75, line=2))
    )
    with pytest.raises(ScriptError, match="ends with a pause that nothing follows"):
        format_script(Script((Turn("Anna", "Hello. [pause 0.5s]"),)))


@pytest.mark.parametrize(
    "text",
    [
        "(laughs) Hi.",
        "*sighs*",
        "So (he exits) I *never* went.",
        r"a \( b",
        "<break/> <p>",
        "_so_ **it** is",
        "\\",
        "a: b",
    ],
)
def test_what_is_said_is_read_back_as_said(text: str) -> None:
    script = Script((Turn("Anna", f"Well, {text} well."), Turn("Ben", f"{text} well.", line=2)))
    assert parse_script(format_script(script)) == script


NAMES = st.sampled_from(
    ["Anna", "2nd Guard", "Ben & Tom", "de Vries", "Zoë", "King Henry the Eighth", "李", "Guard #2"]
)
WORDS = st.sampled_from(
    "Hello I laughs (laughs) (He exits.) *sighs* *so* _it_ ( ) * _ \\ \\( <break/> < > : Ben: [tomato](/təmˈAto/) "
    '[pause\u00a00.5s] - --- # 1. EXT. FADE OUT. ... é 😀 & | " ’ exits) (softly'.split(" ")
)
SECONDS = st.sampled_from([0.0, 0.5, 0.1 + 0.2, 1e-7])


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    """Scripts whose texts begin and end with a word, as `format_script` writes them."""
    turns = []
    for line in range(1, draw(st.integers(1, 6)) + 1):
        text = " ".join(["So", *draw(st.lists(WORDS, max_size=8)), "it is."])
        text = text.replace("\u00a0", " ")
        pause_s = draw(SECONDS)
        overlap_s = draw(SECONDS) if line > 1 and not pause_s else 0.0
        turns.append(
            Turn(draw(NAMES), " ".join(text.split()), pause_s, line, overlap_s, draw(st.sampled_from([1.0, 0.5, 1.1])))
        )
    return Script(tuple(turns))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(scripts())
def test_any_script_is_read_back_from_what_is_written(script: Script) -> None:
    assert parse_script(format_script(script)) == script


@pytest.mark.parametrize("turn", [Turn("Anna", "a\nb"), Turn("Anna", "a [Ben] b"), Turn("anna", "a"), Turn("A", "")])
def test_what_cannot_be_written_is_refused(turn: Turn) -> None:
    with pytest.raises(ScriptError):
        format_script(Script((turn,)))


@pytest.mark.parametrize("turn", [Turn("A", "b", overlap_s=-1), Turn("A", "b", speed=5), Turn("A", "b", pause_s=11)])
def test_numbers_out_of_range_are_refused(turn: Turn) -> None:
    with pytest.raises(ScriptError):
        format_script(Script((Turn("A", "a"), turn)))
