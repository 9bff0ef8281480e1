"""Where scenes begin."""

from __future__ import annotations

from dialogue_tts.script.documents import read_draft
from dialogue_tts.script.parser import parse_script
from dialogue_tts.script.scenes import Scene, scenes_of

PLAY = """ANNA: Before it.

ACT I

Scene 1: The harbour

ANNA: Hello.

BEN: Hello. Is it late?

FADE OUT.

BEN: Yes.

Scene 2

ANNA: The end.
"""


def test_scenes_go_from_heading_to_heading() -> None:
    scenes = scenes_of(parse_script(PLAY))
    assert scenes == [Scene("", 0, 0), Scene("ACT I, Scene 1: The harbour", 1, 3), Scene("Scene 2", 4, 4)]


def test_a_narrator_who_reads_a_heading_begins_its_scene() -> None:
    script = parse_script(PLAY, "narrator")
    second = scenes_of(script)[1]
    assert script.turns[second.first].speaker == "Narrator" and "ACT I" in script.turns[second.first].text


def test_headings_of_documents() -> None:
    text = "# The play\n\n## The harbour\n\n**Anna:** Hello.\n\n## The house\n\n**Ben:** Yes.\n"
    assert scenes_of(read_draft(text.encode(), "play.md").script()) == [
        Scene("The play, The harbour", 0, 0),
        Scene("The house", 1, 1),
    ]


def test_what_is_no_speech_is_no_heading_for_it() -> None:
    code = "## One\n\n**Anna:** Hello.\n\n```\nlet x\n```\n\n**Ben:** Yes.\n"
    play = "INT. KITCHEN - DAY\n\nShe sits.\n\nANNA\nHello.\n\n.THE QUAY\n\nBEN\nYes.\n"
    sounds = "1\n00:00:01,000 --> 00:00:02,000\n[door slams]\n\n2\n00:00:02,000 --> 00:00:03,000\nAnna: Hello.\n"
    found = [
        [scene.title for scene in scenes_of(read_draft(text.encode(), name).script())]
        for text, name in ((code, "a.md"), (play, "a.fountain"), (sounds, "a.srt"))
    ]
    assert found == [["One"], ["INT. KITCHEN - DAY", "THE QUAY"], [""]]


def test_a_script_without_headings_is_one_scene() -> None:
    assert scenes_of(parse_script("[Anna] One.\n[Ben] Two.")) == [Scene("", 0, 1)]
