"""What a script is told before it is spoken: all mistakes at once, likely slips, and how long it will take."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dialogue_tts.errors import ScriptError
from dialogue_tts.script.findings import Finding
from dialogue_tts.script.lint import MOST_COMPARED, LintReport, lint
from dialogue_tts.script.parser import parse_script
from dialogue_tts.settings import SynthesisConfig
from dialogue_tts.text.phonemes import TextFrontend

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").rglob("*.txt"))


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


def told(found: LintReport) -> list[tuple[int, int | None, str]]:
    """(line, column, severity) of all findings."""
    return [(finding.line, finding.column, finding.severity) for finding in found.findings]


def only(found: LintReport) -> Finding:
    (finding,) = found.findings
    return finding


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_have_no_errors(path: Path, frontend: TextFrontend) -> None:
    text = path.read_text(encoding="utf-8")
    found = lint(text, frontend)
    assert found.errors == ()
    assert found.speakers == parse_script(text).speakers and found.turns == len(parse_script(text).turns)
    assert 5 < found.duration_s < 120


def test_a_good_script_is_left_alone(frontend: TextFrontend) -> None:
    text = "[Anna] Is it ten past five?\n[Ben] Nearly, I think."
    found = lint(text, frontend, voices=["Anna", "Ben"])
    assert found.findings == () and found.speakers == ("Anna", "Ben") and found.turns == 2


def test_all_mistakes_are_told_at_once(frontend: TextFrontend) -> None:
    text = (
        "[Anna] Good evening [laughs] there.\n[Ben]\n[Cara | ovrlap 1s] Yes, this is it.\nIt goes on here.\n"
        "[ANNA] And once more.\n[Ben | speed 9] Words are fast.\n[Ben] The end. [pause 3s"
    )
    found = lint(text, frontend)
    assert [finding.line for finding in found.errors] == [1, 2, 3, 5, 6, 7]
    for finding, part in zip(
        found.errors, ("[laughs]", "Ben's turn has no text", "ovrlap", "ANNA", "speed 9", "never closed"), strict=True
    ):
        assert part in finding.message
    assert found.speakers == ("Anna", "Cara", "Ben")


@pytest.mark.parametrize(
    "text",
    [
        "[Anna] One [laughs].\n[Ben] Two ] three.\n[Ben | overlap 1s] [pause 1s] Four.",
        "Hello there.\nMore of it.\n[Anna | overlap 1s] Good evening to you.",
        "[Ben]\n[Anna] Good evening to you.",
        "Anna: Good evening.\n[Ben] Hello there.\nben: lower case.",
        "[Anna] Good evening.\n[pause 8s]\n[pause 8s]\n[Ben] Hello there.\n[pause 1s]",
        "",
        "\n\n# only a comment\n",
        "[[[]]]((",
        "\x00\ud800[Anna]\ud800",
    ],
)
def test_the_first_mistake_is_the_one_that_parsing_raises(text: str, frontend: TextFrontend) -> None:
    with pytest.raises(ScriptError) as error:
        parse_script(text)
    messages = [f"line {finding.line}: {finding.message}" for finding in lint(text, frontend).errors]
    assert str(error.value) in messages
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("[Anna] Oh dear me [laughs].", 1, 19),
        ("[Anna] Good evening.\n  [Ben | ovrlap 1s] Hello there.", 2, 10),
        ("[Anna] Good evening.\n[ANNA] Good evening.", 2, 2),
        ("[Anna] Good evening, [Ben", 1, 22),
        ("[Anna] Good] evening.", 1, None),  # the "]" of the name would do as well
        ("[Anna] Good evening.\n[Ben]\n[Anna] Hello there.", 2, None),
        ("Hello there.", 1, 1),
    ],
)
def test_mistakes_are_pointed_at_where_that_is_sure(
    text: str, line: int, column: int | None, frontend: TextFrontend
) -> None:
    found = only(lint(text, frontend))
    assert (found.line, found.column, found.severity) == (line, column, "error")


def test_text_before_any_speaker_is_told_once(frontend: TextFrontend) -> None:
    found = lint("Hello there.\nMore of it.\nAnd more.\n[Anna] Good evening to you.", frontend)
    assert [(f.line, f.severity) for f in found.findings] == [(1, "error")]


def test_a_turn_with_a_mistake_is_not_called_empty_too(frontend: TextFrontend) -> None:
    found = lint("[Anna | loud] Good evening.\n[Ben] Good evening to you.", frontend)
    assert "loud" in only(found).message and found.speakers == ("Ben",)


def test_words_that_cannot_be_spoken_are_pointed_at(frontend: TextFrontend) -> None:
    found = lint("[Anna] Good evening.\n[Ben] Say\n  привет to her.\n[Anna] ♥ ♥", frontend)
    assert [f.severity for f in found.findings] == ["error"] * len(found.findings) and len(found.findings) == 2
    assert (found.findings[0].line, found.findings[0].column) == (3, 3)
    assert found.findings[1].line == 4


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("[Anna] We met Zbyszek here.", 1, 15),
        ("# note\n\n  [Anna] Good evening,\n  said Zbyszek to all.", 4, 8),
        ("[Zbyszek] I am [pause 1s] Zbyszek, of course.", 1, 27),
        ("Zbyszek | speed 1.2: I am Zbyszek, of course.", 1, 27),
        ("\ufeff[Anna] Zbyszek's hat is here.", 1, 8),
    ],
)
def test_words_that_are_guessed_at_are_pointed_at_once(
    text: str, line: int, column: int, frontend: TextFrontend
) -> None:
    found = lint(text + " And zbyszek again, Zbyszek!", frontend)
    warned = [f for f in found.findings if f.message.casefold().startswith('"zbyszek')]
    assert (warned[0].line, warned[0].column, warned[0].severity) == (line, column, "warning")
    assert "will be read as /zˈibˈIszɛk" in warned[0].message
    assert len({f.message.split('"')[1].casefold() for f in warned}) == len(warned) == len(found.findings)


def test_a_pronunciation_ends_the_doubt(frontend: TextFrontend) -> None:
    text = "[Anna] We met Zbyszek here."
    assert only(lint(text, frontend)).column == 15
    known = SynthesisConfig(pronunciations=(("zbyszek", "zbˈɪʃɛk"),))
    assert lint(text, frontend, config=known).findings == ()
    assert lint(text.replace("Zbyszek", "[Zbyszek](/zbˈɪʃɛk/)"), frontend).findings == ()
    assert lint("[Anna] Dr. Ito, it is 5:30 p.m., shh!", frontend, config=known).errors == ()


def test_turns_that_are_very_short_or_long(frontend: TextFrontend) -> None:
    text = "[Anna] No.\n[Ben] Mm-hm, sure.\n[Anna] " + "It was a long way down to the harbour. " * 20
    found = lint(text, frontend)
    assert told(found) == [(1, None, "warning"), (3, None, "warning")]
    assert 'Anna says only "No."' in found.findings[0].message
    assert "Anna speaks for about" in found.findings[1].message
    faster = lint(text, frontend, config=SynthesisConfig(speed=2.0))
    assert told(faster) == [(1, None, "warning")]
    assert faster.duration_s < 0.6 * found.duration_s
    assert faster.work_s == pytest.approx(found.work_s)  # tempo changes after the networks


@pytest.mark.parametrize(
    ("names", "slip"),
    [
        (("Anna", "Ana"), True),
        (("Anna", "Annna"), True),
        (("Anna", "Anan"), True),
        (("Anna", "Anne"), True),
        (("Marta", "Marth"), True),
        (("Ben", "Bne"), True),
        (("Ann", "Anna"), True),
        (("Tom", "Tim"), False),
        (("S1", "S2"), False),
        (("Speaker 1", "Speaker 2"), False),
        (("Speaker 1", "Speaker 11"), False),
        (("Guest", "Guest 2"), False),
        (("Anna", "Hanne"), False),
        (("Al", "Ali"), False),
    ],
)
def test_names_that_are_likely_slips(names: tuple[str, str], slip: bool, frontend: TextFrontend) -> None:
    found = lint(f"[{names[0]}] Good evening to you.\n[{names[1]}] And to you too.", frontend)
    if not slip:
        assert found.findings == ()
        return
    finding = only(found)
    assert (finding.line, finding.severity) == (2, "warning")
    assert f'"{names[1]}" is nearly "{names[0]}" (line 1)' in finding.message


def test_speakers_without_voices_and_voices_without_speakers(frontend: TextFrontend) -> None:
    text = "[Anna] Good evening to you.\n[Ben] And to you too."
    assert lint(text, frontend).findings == ()
    found = lint(text, frontend, voices={"Ben": "low", "Dora": "high"})
    assert told(found) == [(1, None, "error"), (1, None, "warning")]
    assert "Dora has a voice, but no turn" in found.findings[0].message
    assert "Anna has no voice and will get a built-in one" in found.findings[1].message
    assert "Dora" not in str(lint(text + "\n[Do", frontend, voices=["Anna", "Ben", "Dora"]).findings)


def test_duration_counts_pauses_overlaps_gaps_and_speed(frontend: TextFrontend) -> None:
    plain = "[Anna] It was a long way down.\n[Ben] It rained all the way."
    usual = lint(plain, frontend)
    paused = lint(plain.replace("way down", "way [pause 2s] down").replace("[Ben]", "[pause 3s] [Ben]"), frontend)
    assert paused.duration_s - usual.duration_s == pytest.approx(5.0)
    overlapped = lint(plain.replace("[Ben]", "[Ben | overlap 0.5s]"), frontend)
    assert usual.duration_s - overlapped.duration_s == pytest.approx(0.75)
    wide = lint(plain, frontend, config=SynthesisConfig(gap_s=1.25))
    assert wide.duration_s - usual.duration_s == pytest.approx(1.0)
    fast = lint(plain, frontend, config=SynthesisConfig(speed=2.0, gap_s=0.0))
    slow = lint(plain, frontend, config=SynthesisConfig(speed=0.5, gap_s=0.0))
    assert slow.duration_s == pytest.approx(4 * fast.duration_s)


def test_a_speed_out_of_range_is_a_finding(frontend: TextFrontend) -> None:
    found = lint("[Anna]\nGood evening.\n[Ben | speed 2.5] Oh, it is.", frontend, config=SynthesisConfig(speed=2))
    assert only(found).line == 3 and only(found).message.startswith("speed 2.5 times 2 is 5;")


def test_a_page_is_looked_through_again_in_no_time(frontend: TextFrontend) -> None:
    page = "".join(f"[{'AB'[n % 2]}nna] The brown fox number {n} went down to the harbour again.\n" for n in range(40))
    lint(page, frontend)
    began = time.process_time()
    lint(page + "[Anna] One more.", frontend)
    assert time.process_time() - began < 0.05


def test_a_review_tells_what_will_be_said(frontend: TextFrontend) -> None:
    found = lint("[Anna] It's $5, Dr. Ito.\n[Ben] The FBI?", frontend)
    assert [(turn.line, turn.speaker) for turn in found.spoken] == [(1, "Anna"), (2, "Ben")]
    said = [(word.text, word.spoken, word.respelled) for turn in found.spoken for word in turn.words]
    assert said == [
        ("It's", "It's", False),
        ("$5", "five dollars", True),
        ("Dr.", "Dr", True),
        ("Ito", "Ito", False),
        ("The", "The", False),
        ("FBI", "F B I", True),
    ]


def test_thousands_of_speakers_are_not_compared_with_each_other(frontend: TextFrontend) -> None:
    names = [f"Ab{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}{chr(97 + i // 676)}" for i in range(1000)]
    report = lint("\n".join(f"{name}: Yes." for name in names), frontend)
    alike = {f.line for f in report.findings if "is nearly" in f.message}
    assert alike and max(alike) <= MOST_COMPARED
