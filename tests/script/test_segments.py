"""Turns into segments: nothing is lost, nothing grows too long."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import numpy as np
import pytest

from dialogue_tts.script.segments import LONGEST_SEGMENT, Segment, cut_turn
from dialogue_tts.text.phonemes import TextFrontend
from dialogue_tts.text.tokenizer import phones_of
from dialogue_tts.text.words import SpokenText, Word

TEXTS = (
    "Good evening.",
    "We walked along the river, past the mill; then it rained! Did you stay? No. We ran home as fast as we could.",
    "Call 555-1234 by 10:45 p.m., or pay $3.50 in 2024, and ask for [Anneliese](/ˌænəlˈisə/)'s brother, e.g. today.",
    "and then " * 30,
    '... well... I mean - perhaps - it was "fine", wasn\'t it?! Hmm. ' * 4,
)


@pytest.fixture(scope="module")
def frontend() -> TextFrontend:
    return TextFrontend()


def spoken(*words: str) -> SpokenText:
    """Words as phonemes with the marks behind them: "ab." is the word "ab"."""
    plain = (w.rstrip(".,?!;:…—") for w in words)
    return SpokenText(tuple(Word(w, w) for w in plain), " ".join(words))


def cut(text: SpokenText, longest: int) -> list[str]:
    return [piece.phonemes for piece in cut_turn(text, longest)]


def check(text: SpokenText, found: list[Segment], longest: int) -> None:
    """Every word comes once, in order, in the piece that has its phones."""
    assert [word for piece in found for word in piece.words] == list(text.words)
    assert " ".join(piece.phonemes for piece in found).split() == text.phonemes.split()
    for piece in found:
        own = "".join(word.phonemes for word in piece.words)
        assert phones_of(piece.phonemes) == phones_of(own)
        assert piece.phones == len(phones_of(own))
        assert piece.phonemes == piece.phonemes.strip() != ""
        assert piece.phones <= longest or len(piece.words) == 1


@pytest.mark.parametrize("longest", [1, 5, 17, 40, LONGEST_SEGMENT, 10_000])
@pytest.mark.parametrize("text", TEXTS)
def test_pieces_hold_each_word_once_with_its_phones(frontend: TextFrontend, text: str, longest: int) -> None:
    said = frontend.speak(text)
    check(said, cut_turn(said, longest), longest)


def test_any_words_are_covered() -> None:
    rng = np.random.default_rng(7)
    for _ in range(200):
        sounds = ["".join(rng.choice(list("ptkæiɹ"), rng.integers(1, 9))) for _ in range(rng.integers(1, 25))]
        marks = rng.choice(["", "", "", ",", ".", "?", "...", ";"], len(sounds))
        text = spoken(*(sound + mark for sound, mark in zip(sounds, marks)))
        longest = int(rng.integers(1, 40))
        check(text, cut_turn(text, longest), longest)


def test_repeated_words_and_words_within_words_stay_in_their_places() -> None:
    text = spoken("tɪp", "ɪp", "p", "tɪp.", "p", "ɪp", "tɪp")
    assert cut(text, 9) == ["tɪp ɪp p tɪp.", "p ɪp tɪp"]


def test_a_short_turn_is_one_piece_whatever_its_marks() -> None:
    text = spoken("ab.", "ab?", "ab!", "ab")
    (piece,) = cut_turn(text, 8)
    assert piece == Segment(text.words, "ab. ab? ab! ab")


def test_cut_at_the_last_sentence_end_that_fits() -> None:
    text = spoken("pppp.", "pppp?", "pp,", "pp", "pppp.")
    assert cut(text, 13) == ["pppp. pppp?", "pp, pp pppp."]


@pytest.mark.parametrize("mark", [".", "?", "!", "...", "...?"])
def test_every_sentence_mark_counts_before_a_later_comma(mark: str) -> None:
    text = spoken("pppp", f"pppp{mark}", "p,", "pppp", "pppp")
    assert cut(text, 10) == [f"pppp pppp{mark}", "p, pppp pppp"]


@pytest.mark.parametrize("mark", [",", ";", ":", "—", "…"])
def test_without_sentence_ends_other_marks_cut(mark: str) -> None:
    text = spoken("pppp", f"pppp{mark}", "p", "pppp", "pppp.")
    assert cut(text, 10) == [f"pppp pppp{mark}", "p pppp pppp."]


def test_without_marks_words_cut_as_late_as_they_can() -> None:
    assert cut(spoken(*["ppp"] * 7), 10) == ["ppp ppp ppp", "ppp ppp ppp", "ppp"]


def test_a_mark_right_at_the_start_is_no_place_to_cut() -> None:
    text = spoken("p.", "pppp", "pppp", "pppp", "pppp")
    assert cut(text, 10) == ["p. pppp pppp", "pppp pppp"]
    # Further in, a comma is better than a full stop after the first word.
    assert cut(spoken("p.", "pppp,", "pppp", "pppp"), 10) == ["p. pppp,", "pppp pppp"]


def test_a_word_longer_than_a_piece_stays_whole() -> None:
    assert cut(spoken("pp", "p" * 30, "pp"), 10) == ["pp", "p" * 30, "pp"]


def test_words_of_several_spoken_words_are_not_cut(frontend: TextFrontend) -> None:
    said = frontend.speak("It was 1987 then")
    year = next(word for word in said.words if word.text == "1987")
    assert " ".join(said.phonemes.split()).count(" ") > len(said.words) - 1, "a year is spoken as several words"
    found = cut_turn(said, len(phones_of(year.phonemes)))
    (holder,) = [piece for piece in found if year in piece.words]
    assert phones_of(holder.phonemes) == phones_of("".join(word.phonemes for word in holder.words))


def test_cutting_takes_steps_in_proportion_to_the_words() -> None:
    def steps(words: int) -> int:
        """Lines of Python run for so many words."""
        count = 0

        def trace(frame: FrameType, event: str, arg: object) -> Callable[..., object]:
            nonlocal count
            count += 1
            return trace

        text = spoken(*["kæts", "ænd,"] * (words // 2))
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            cut_turn(text)
        finally:
            sys.settrace(before)
        return count

    assert steps(4_000) < 2.1 * steps(2_000)
