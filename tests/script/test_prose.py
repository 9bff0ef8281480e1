"""Prose with Markdown, links and citations, as text that can be spoken; and where it is cut."""

from __future__ import annotations

import time

import pytest

from dialogue_tts.script.prose import passages, spoken_prose
from dialogue_tts.text.phonemes import TextFrontend


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Plain text, as it is.", "Plain text, as it is."),
        ("See [1] and [2].", "See 1 and 2."),
        ("It rained.[3][4] Then, [5, 6] it stopped [^note].", "It rained. Then, it stopped."),
        ("It rained【4:0†source】.", "It rained."),
        ("Read [the docs](https://x.org/a_(b)) now.", "Read the docs now."),
        ("Read [the docs](/docs/) or [these][2].", "Read the docs or these."),
        ("![A cat](cat.png) Look!", "A cat Look!"),
        ("Go to <https://x.org/y> <b>now</b><br/>.", "Go to https://x.org/y now ."),
        ("# Title\n\nText\ngoes on\n\n- Milk\n- [x] Eggs!\n1. Open it\n2. Close it", None),
        ("| a | b |\n|---|:-:|\n| one | two |", "a, b. one, two"),
        ("```python\nx = 1\n```\nDone", "x = 1. Done"),
        ("> It is said :smile: so\n\n---\n\nIndeed", "It is said so. Indeed"),
        ("[1]: https://x.org 'A title'\nText", "Text"),
        ("At 5:30: go, [Anna] said [sic]", "At 5:30: go, (Anna) said (sic)"),
        ("[tomato](/təˈmeɪtoʊ/) [pause 0.5s] or [tea](/tea/)", "[tomato](/təˈmeɪtoʊ/) [pause 0.5s] or tea"),
        ("Wait [pause 1s] ... [pause 2s]", "Wait"),
        ("[pause 99s] a ] b [", "(pause 99s) a ) b ("),
        ("😀🎉 ... --- [1] []()", ""),
        ("", ""),
    ],
)
def test_what_is_said_of_prose(text: str, said: str | None, frontend: TextFrontend) -> None:
    found = spoken_prose(text)
    assert found == (said if said is not None else "Title. Text goes on. Milk. Eggs! 1. Open it. 2. Close it")
    for passage in passages(found):
        assert frontend.speak(passage).words


@pytest.mark.parametrize(
    "text", ["[" * 4096, "[a](" * 1000, "<" * 4096, "> " * 2000, "|" * 4096, "[^a" * 1300, "`" * 4096]
)
def test_hostile_prose_takes_no_time(text: str) -> None:
    began = time.process_time()
    passages(spoken_prose(text))
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Hello there. How are you?", ["Hello there.", "How are you?"]),
        ("Hello. Yes. Hello.", ["Hello.", "Yes. Hello."]),
        ("Messrs. Ito and Prof. Who came.", ["Messrs. Ito and Prof. Who came."]),
        ("Dr. Ito came at 5 p.m. on Sunday.", ["Dr. Ito came at 5 p.m. on Sunday."]),
        ("It ended in 1999. He left.", ["It ended in 1999.", "He left."]),
        ("Tea, etc. And milk. It [pause 1s] ended.", ["Tea, etc. And milk.", "It [pause 1s] ended."]),
        ("See [Dr. Who. Yes](/huː/) now.", ["See [Dr. Who. Yes](/huː/) now."]),
        ("One word.\n\n“Two!” " + "It goes on. " * 20, None),
        ("  no end at all", ["no end at all"]),
        ("😀! How are you? 😀", ["😀! How are you? 😀"]),
    ],
)
def test_passages_end_with_sentences(text: str, parts: list[str] | None) -> None:
    found = passages(text)
    assert " ".join(found) == " ".join(text.split())
    if parts is None:
        assert found[0] == "One word." and all(100 < len(passage) < 200 for passage in found[1:-1])
    else:
        assert found == parts
