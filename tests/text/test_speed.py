"""Reading takes steps in proportion to the text, whatever the text; `benchmarks/text_speed.py` takes the time."""

from __future__ import annotations

import cProfile
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import dialogue_tts.script
import dialogue_tts.text
from dialogue_tts.errors import ScriptError
from dialogue_tts.script.parser import parse_draft
from dialogue_tts.text.normalize import AMERICAN_RULES, BRITISH_RULES
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.rewriting import Rule, rules

if sys.version_info >= (3, 11):
    from re import _constants as sre
    from re import _parser as sre_parse
else:
    import sre_constants as sre
    import sre_parse

FEW = 8  # times that a part may come in a pattern before all its ways count
SHORT, TIMES = 120, 5  # characters, and how many times as long the other text is
TEXTS = (
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
    *("a'", "a,", ".", "a.", "a-", "a/", "a@", "*a ", "*", "a_", "`a ", "1/2 ", "1:", "1-", "1.", "1,", "A1B2"),
    *("&", "a=", "e\u0301\u0323", "!?", "[pause 1s] a ", "read ", "#a ", "@a ", "Mr. ", "5 km ", "[a](/æ/) "),
    "Henry I ",
)
SCRIPTS = (
    *(
        "[Anna] Hi. ",
        "[Anna] Hi.\n",
        "Anna: Hi.\n",
        "ANNA. Hi (laughs).\n",
        "ANNA\nHi.\n\n",
        "**Anna:** Hi.\n",
        "(",
        "[",
        "*",
    ),
    *(
        "(laughs) ",
        "(laughs)\n",
        "*sighs* ",
        "[pause 1s] ",
        "[pause 1s]\n",
        " ",
        "\n",
        "\t",
        "> ",
        "- ",
        "1. ",
        "[a](b) ",
    ),
    *(
        '"Hi," said Ben. ',
        '"Hi," said Ben.\n\n',
        '<break time="500ms"/> ',
        "<",
        "# ",
        "---\n",
        "a: ",
        "A:",
        "[A | x] ",
        "[|",
    ),
    *(
        "|",
        "[[",
        "00:01 Ben: hi\n",
        "slow smash cut ",
        "CUT TO: ",
        "INT. A - B\n\n",
        "scene ",
        "Ben & Al: ",
        "Ben/",
        "((",
        "\\",
    ),
)


def calls(work: Callable[[], object]) -> int:
    """How many functions and methods, of Python and of C, were called."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        work()
    except ScriptError:
        pass
    finally:
        profile.disable()
    return sum(entry.callcount for entry in profile.getstats())


def is_linear(work: Callable[[str], object], part: str) -> bool:
    short, long = (part * (characters // len(part)) for characters in (SHORT, TIMES * SHORT))
    work(long + part)  # its words are known from here on
    return calls(lambda: work(long)) < 1.3 * TIMES * calls(lambda: work(short)) + 100


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


@pytest.mark.parametrize("part", TEXTS)
def test_reading_is_linear(frontend: TextFrontend, part: str) -> None:
    assert is_linear(lambda text: frontend.speak(f"so {text}a"), part)


@pytest.mark.parametrize("part", SCRIPTS)
def test_parsing_is_linear(part: str) -> None:
    assert is_linear(lambda text: parse_draft(f"[Ben] Hello.\n{text}"), part)


@pytest.mark.parametrize("step", [str.upper, lambda text: re.sub("[aeiou]", "", text)])
def test_what_looks_at_all_words_for_each_word_is_found(step: Callable[[str], str]) -> None:
    assert is_linear(lambda text: [step(word) for word in text.split()], "the cat sat. ")
    assert not is_linear(lambda text: [[step(word) for word in text.split()] for _ in text.split()], "the cat sat. ")


def repeats(pattern: Any, most: int) -> Iterator[Any]:
    """What a parsed pattern may repeat more often than `most`."""
    for kind, value in pattern:
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            if value[1] > most:
                yield value[2]
            yield from repeats(value[2], most)
        elif kind is sre.SUBPATTERN:
            yield from repeats(value[3], most)
        elif kind is sre.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, most)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            yield from repeats(value[1], most)


def has_space(pattern: Any) -> bool:
    """Whether a space may be part of what a parsed pattern matches."""
    space = {sre.CATEGORY_SPACE, sre.CATEGORY_NOT_WORD, sre.CATEGORY_NOT_DIGIT}
    for kind, value in pattern:
        if kind is sre.IN:
            named = any(
                (what is sre.LITERAL and which == ord(" "))
                or (what is sre.RANGE and which[0] <= ord(" ") <= which[1])
                or (what is sre.CATEGORY and which in space)
                for what, which in value
            )
            if named != (value[0][0] is sre.NEGATE):
                return True
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            if has_space(value[2]):
                return True
        elif kind is sre.SUBPATTERN:
            if has_space(value[3]):
                return True
        elif kind is sre.BRANCH:
            if any(map(has_space, value[1])):
                return True
        elif kind is sre.ANY or (kind is sre.LITERAL) == (value == ord(" ")) and kind in (sre.LITERAL, sre.NOT_LITERAL):
            return True
    return False


def spans_words(rule: Rule) -> bool:
    parsed = sre_parse.parse(rule.pattern.pattern, rule.pattern.flags)
    return any(map(has_space, repeats(parsed, sre.MAXREPEAT - 1)))


def test_no_rule_looks_for_stretches_of_any_number_of_words() -> None:
    """Words are bounded and there is one space between them: so a match takes bounded steps wherever it is tried."""
    every = {rule for accent in (AMERICAN_RULES, BRITISH_RULES) for part in accent for rule in part}
    assert [rule.pattern.pattern for rule in every if spans_words(rule)] == []


@pytest.mark.parametrize(
    "pattern", [r"a.*b", r"\w+(?: \w+)*!", r"\s+$", r"(?=[^a]*b)c", r"\W*x", r"(?:x| )+y", r"[^a]+?b"]
)
def test_a_rule_that_would_do_so_is_found(pattern: str) -> None:
    assert spans_words(*rules((pattern, "")))
    assert not spans_words(*rules((r"[\w.]+ \d* (?:x|[^\s,])+ {1,9}\S*", "")))


def may_be_a_repeat(pattern: Any) -> bool:
    """Whether a parsed pattern, repeated, may be one repeat behind another with nothing that has to be between them."""
    needed = [part for part in pattern if not (part[0] in (sre.MAX_REPEAT, sre.MIN_REPEAT) and not part[1][0])]
    needed = [part for part in needed if part[0] not in (sre.AT, sre.ASSERT, sre.ASSERT_NOT)]
    for kind, value in needed or pattern:
        if len(needed) > 1:
            return False
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            if value[1] > max(value[0], 1) or may_be_a_repeat(value[2]):
                return True
        elif kind is sre.SUBPATTERN:
            if may_be_a_repeat(value[3]):
                return True
        elif kind is sre.BRANCH and any(map(may_be_a_repeat, value[1])):
            return True
    return False


def parts_in_many_ways(pattern: re.Pattern[str]) -> bool:
    return any(map(may_be_a_repeat, repeats(sre_parse.parse(pattern.pattern, pattern.flags), FEW)))


def test_no_pattern_can_part_one_word_in_many_ways() -> None:
    """It would try all of them, twice as many with each letter, before it says no."""
    every = {rule.pattern for accent in (AMERICAN_RULES, BRITISH_RULES) for part in accent for rule in part}
    for package in (dialogue_tts.script, dialogue_tts.text):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            every |= {o for o in vars(importlib.import_module(module.name)).values() if isinstance(o, re.Pattern)}
    assert len(every) > 300
    assert [pattern.pattern for pattern in every if parts_in_many_ways(pattern)] == []


@pytest.mark.parametrize("pattern", [r"(?:a+)+b", r"(?:-?(?:[a-z]{1,8}|\d{1,5}))*!", r"(a*)*b", r"(?:(?:x|\w+)\s*)+y"])
def test_a_pattern_that_could_is_found(pattern: str) -> None:
    assert parts_in_many_ways(re.compile(pattern))


@pytest.mark.parametrize("pattern", [r"(?:-[a-z]+)*!", r"[a-z]*(?: \w+){0,5}", r"(?:a|bc?|\d)+", r"(?:a+,)*"])
def test_a_pattern_that_could_not_is_none(pattern: str) -> None:
    assert not parts_in_many_ways(re.compile(pattern))
