"""Numbers from words and voice embeddings: pure functions, no audio."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from dialogue_tts.errors import DialogueTTSError

_PIP_WORDS = "pip install whisper-normalizer jiwer"
HIGH_BAND_HZ = (4_000.0, 10_000.0)  # what a telephone leaves out and a voice has
_CLOCK = re.compile(r"(?<![$£€\d.:])(\d{1,2})[:.]([0-5]\d)(?![\d%]|[.:]\d)")  # 7:30, 7.30; no price, no 1.25.3
_HALF_DAY = re.compile(r"\b([ap])\.\s?m\b\.?", re.IGNORECASE)
_HALF = re.compile(r"\b(\d+) and a half\b", re.IGNORECASE)
_SAME_WORD = {"alright": "all right", "ok": "okay", "woops": "whoops"}  # spellings of one sound


class WordErrors(NamedTuple):
    """How far a hypothesis is from its reference.

    Attributes:
        errors: substituted, missing and added words; may exceed `words`.
        words: words of the reference.
    """

    errors: int
    words: int

    @property
    def rate(self) -> float:
        """Errors per word of the reference; 0 where there are neither words nor errors."""
        return self.errors / self.words if self.words else float(self.errors > 0)


def normalize_english(text: str) -> str:
    """Text -> lower-case words with single spaces, one spelling for each sound, as whisper-normalizer defines it.

    It makes British spelling American, numbers digits ("nineteen eighty-four" -> "1984"), contractions full forms, and
    drops punctuation, fillers and what stands in brackets. On top: it leaves the last dot of "..." as a word of its own,
    does not know "ninth", and takes "7:30 p.m.", "7.30 pm" and "730 pm", or "six and a half" and "6 and a half", for
    different words; all would count as errors of the speaker.
    """
    spelled = re.sub(r"ninth\b", "nineth", text, flags=re.IGNORECASE)  # the form its table holds
    spelled = _CLOCK.sub(lambda clock: clock[1] + clock[2].replace("00", ""), spelled)
    spelled = _HALF_DAY.sub(r"\1m", spelled)
    spelled = _HALF.sub(r"\1.5", spelled)  # as it spells those whose number is a word
    words = (word for word in _normalizer()(spelled).split() if any(c.isalnum() for c in word))
    return " ".join(_SAME_WORD.get(word, word) for word in words)


def word_errors(reference: str, hypothesis: str) -> WordErrors:
    """Word errors of what was heard against what was to be said, both normalised."""
    wanted, heard = normalize_english(reference), normalize_english(hypothesis)
    if not wanted:
        return WordErrors(errors=len(heard.split()), words=0)
    found = _jiwer_process()(wanted, heard)
    return WordErrors(found.substitutions + found.deletions + found.insertions, len(wanted.split()))


def word_error_rate(counts: Iterable[WordErrors]) -> float:
    """Errors per word over a whole corpus (a fraction, not per cent): long turns count more than short ones."""
    pairs = list(counts)
    return WordErrors(sum(p.errors for p in pairs), sum(p.words for p in pairs)).rate


def similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Cosine of two embeddings (D,), in [-1, 1]; 0 where one of them is all zeros."""
    norm = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / norm if norm else 0.0


def nearest_prompt(turn_embedding: np.ndarray, prompts: Mapping[str, np.ndarray]) -> str:
    """Name of the prompt (D,) most similar to a turn (D,), the first of equals; "" where no prompt is similar at all.

    Raises:
        ValueError: no prompts.
    """
    if not prompts:
        raise ValueError("nearest_prompt needs at least one prompt")
    scores = {name: similarity(turn_embedding, prompt) for name, prompt in prompts.items()}
    best = max(scores, key=scores.__getitem__)
    return best if scores[best] > 0 else ""


def high_band_db(wave: np.ndarray, sample_rate_hz: int) -> float | None:
    """Level of a sound (samples,) between 4 and 10 kHz under that of the whole, in dB: a telephone's lies at -50 or less.
    None where the rate holds no such band, or the sound nothing at all."""
    low, high = HIGH_BAND_HZ
    power = np.abs(np.fft.rfft(wave.astype(np.float64))) ** 2
    hz = np.fft.rfftfreq(wave.size, 1 / sample_rate_hz)
    if sample_rate_hz < 2 * high or not power.sum():
        return None
    share = power[(hz >= low) & (hz <= high)].sum() / power.sum()
    return float(10 * np.log10(max(share, 1e-12)))


@functools.cache
def _normalizer() -> Callable[[str], str]:
    try:
        from whisper_normalizer.english import EnglishTextNormalizer
    except ImportError as error:
        raise DialogueTTSError(f"Counting word errors needs whisper-normalizer; run: {_PIP_WORDS}") from error
    normalizer: Callable[[str], str] = EnglishTextNormalizer()
    return normalizer


@functools.cache
def _jiwer_process() -> Callable[[str, str], Any]:
    try:
        from jiwer import process_words
    except ImportError as error:
        raise DialogueTTSError(f"Counting word errors needs jiwer; run: {_PIP_WORDS}") from error
    process: Callable[[str, str], Any] = process_words
    return process
