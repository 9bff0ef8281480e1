"""Reading takes time in proportion to the text, whatever the text."""

from __future__ import annotations

import time

import pytest

from dialogue_tts.text.phonemes import TextFrontend

SHORT, TIMES = 1_000, 8  # characters, and how many times as long the other text is


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    frontend = TextFrontend()
    frontend.speak("Zorblax paid $5 at NASA's DOOR.")  # what is read at the first such words
    return frontend


def cpu_s(frontend: TextFrontend, part: str, characters: int) -> float:
    """Processor time, which others on the machine hardly change."""
    text = "so " + part * (characters // len(part)) + "a"
    begin = time.process_time()
    frontend.speak(text)
    return time.process_time() - begin


@pytest.mark.parametrize(
    "part",
    [
        *(
            "the cat sat. ",
            "$5 ",
            "NO WAY! ",
            "IV ",
            "a - ",
            "-",
            "— ",
            "(a) ",
            "(",
            "a",
            "A",
            "aB",
            "1",
            "1 ",
            '"a" ',
            "'",
        ),
        *(
            "a'",
            "a,",
            ".",
            "a.",
            "a-",
            "a/",
            "a@",
            "*a ",
            "*",
            "a_",
            "`a ",
            "1/2 ",
            "1:",
            "1-",
            "1.",
            "1,",
            "A1B2",
            "Henry I ",
        ),
        *("&", "a=", "e\u0301\u0323", "!?", "[pause 1s] a ", "read ", "#a ", "@a ", "Mr. ", "5 km ", "[a](/æ/) "),
    ],
)
def test_reading_is_linear(frontend: TextFrontend, part: str) -> None:
    cpu_s(frontend, part, SHORT + len(part))  # its words are known from here on
    short = min(cpu_s(frontend, part, SHORT + i * len(part)) for i in range(2, 4))
    long = cpu_s(frontend, part, TIMES * SHORT)
    assert long < 3 * TIMES * short + 0.05, f"{TIMES} times as much text took {long / short:.0f} times as long"
