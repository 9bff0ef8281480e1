"""Counting word errors and telling voices apart."""

import numpy as np
import pytest

from dialogue_tts.evaluation.measures import (
    WordErrors,
    nearest_prompt,
    normalize_english,
    similarity,
    word_error_rate,
    word_errors,
)


@pytest.fixture
def _words() -> None:
    pytest.importorskip("whisper_normalizer", reason="counting words needs whisper-normalizer (extra: evaluate)")
    pytest.importorskip("jiwer", reason="counting words needs jiwer (extra: evaluate)")


@pytest.mark.usefixtures("_words")
@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("The colour of a grey theatre.", "the color of a gray theater"),
        ("Nineteen eighty-four.", "1984"),
        ("Twenty-two years, the ninth and the twenty-ninth!", "22 years, the 9th and the 29th"),
        ("You've said it's five pounds.", "you have said it is £5"),
        ("Monday, bridge...", "Monday bridge"),
        ("All right. Okay? Whoops!", "Alright, OK, woops"),
        ("Mr. Olufemi", "Mister Olufemi"),
        ("Is it still at 7:30 p.m.?", "Is it still at 7.30 pm?"),
        ("Six and a half. It means to linger.", "6 and a half. It means to linger."),
        ("The 4:15, sir, at 10:00 a.m.", "The 415, sir, at ten A.M."),
        ("Five dollars and twenty cents at seven thirty.", "$5.20 at 7.30."),
    ],
)
def test_spelling_is_no_error(written: str, heard: str) -> None:
    assert word_errors(written, heard).errors == 0


@pytest.mark.usefixtures("_words")
@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("the cat sat", "the cat sat", (0, 3)),
        ("the cat sat", "", (3, 3)),
        ("the cat sat", "a dog sat down here", (4, 3)),
        ("...", "hello there", (2, 0)),
        ("", "", (0, 0)),
    ],
)
def test_substituted_missing_and_added_words_count(reference: str, hypothesis: str, expected: tuple[int, int]) -> None:
    assert word_errors(reference, hypothesis) == expected


@pytest.mark.usefixtures("_words")
def test_normalized_text_is_words_with_single_spaces() -> None:
    assert normalize_english("  Well...  no — [laughs] it's “fine”.\n") == "well no it is fine"


def test_rate_is_over_the_corpus_not_a_mean_of_turns() -> None:
    assert word_error_rate([WordErrors(1, 1), WordErrors(0, 9)]) == pytest.approx(0.1)
    assert word_error_rate([]) == 0.0
    assert WordErrors(2, 0).rate == 1.0


def test_similarity_is_the_cosine() -> None:
    first, second = np.array([3.0, 0.0, 0.0]), np.array([2.0, 2.0, 0.0])
    assert similarity(first, second) == pytest.approx(np.sqrt(0.5))
    assert similarity(first, np.zeros(3)) == 0.0


def test_nearest_prompt() -> None:
    prompts = {"A": np.array([1.0, 0.1]), "B": np.array([0.1, 1.0])}
    assert nearest_prompt(np.array([0.4, 0.6]), prompts) == "B"
    assert nearest_prompt(np.array([5.0, 1.0]), prompts) == "A"
    assert nearest_prompt(np.zeros(2), prompts) == ""
    with pytest.raises(ValueError, match="at least one"):
        nearest_prompt(np.zeros(2), {})
