"""Sentences that are rich in what everyday dialogues lack: rare words, names, times, prices, numbers and dates.

Text-to-semantic and the CTC head err most on such words. The words come from the lexicons of the text front end, so that
each has a known pronunciation; the same seed gives the same sentences.
"""

from __future__ import annotations

import gzip
from functools import cache
from typing import Any

import numpy as np
from hibari.g2p import G2P

from dialogue_tts.text.lexicon import CMUDICT, NAMES, read_table

SENTENCES_A_DIALOGUE = 11
PATTERNS = (
    "{Name} said the {word} was next to the {word}.",
    "Have you ever seen a {word}, or even half a {word}?",
    "No, {Name}, it is pronounced {word}, not {word}.",
    "I paid {price} for this {word}, and {Name} paid {price}.",
    "At {time} the {word} leaves, at {time} the one to {Name}.",
    "Mr. {Name} and Mrs. {Name} live at {number} {Name} Street.",
    "We need {number} of them by {date}, said Doctor {Name}.",
    "It was {date} when {Name} first wrote about the {word}.",
    "{Name}? That is a {word} with {number} legs.",
    "Please call {Name} at {time} and mention the {word}.",
    "A {word}, a {word} and a {word} walk into a bar.",
    "That makes {price}, or {price} with the {word}.",
    "Only {percent} of us had heard the word {word}.",
    "Between {time} and {time}, {Name} did nothing but {word} about.",
    "{Name}, {Name} and {Name}: which of you took the {word}?",
    "Chapter {number} is called the {word} of {Name}.",
    "It weighs {decimal} kilos, about as much as a {word}.",
    "On {date} the {word} cost {price}.",
    "The road from {Name} to {Name} is {number} miles long.",
    "If {word} means what I think, then {Name} is right.",
    "He spelled {word} with one letter too many, {Name} did.",
    "They meet every day at {time}, in room {number}, under the {word}.",
    "Professor {Name} won {price} for her work on {word}.",
    "What rhymes with {word}? Hardly {word}.",
    "Flight {number} from {Name} is {number} minutes late.",
    "Between {number} and {number} people saw the {word} at {time}.",
    "Ask for the {word}; the {word} is for {Name}.",
    "{Name} was {number} years old on {date}.",
    "The {word} grew by {percent}, the {word} by {percent}.",
    "Good evening, {Name}. Your {word} is ready, that will be {price}.",
)
MONTHS = tuple("January February March April May June July August September October November December".split())


def sentences(count: int, seed: int) -> list[dict[str, Any]]:
    """`count` sentences as dialogues for `teacher.speak_scripts`: {id, turns: [[role, text], ...]}, every turn a role of its
    own, so that a teacher with one voice gives `data vary` many."""
    rng = np.random.default_rng(seed)
    texts = [_filled(PATTERNS[int(rng.integers(len(PATTERNS)))], rng) for _ in range(count)]
    groups = [texts[start : start + SENTENCES_A_DIALOGUE] for start in range(0, count, SENTENCES_A_DIALOGUE)]
    return [
        {"id": f"words-{seed}-{number:04d}", "turns": [[chr(ord("A") + i), text] for i, text in enumerate(group)]}
        for number, group in enumerate(groups)
    ]


def _filled(pattern: str, rng: np.random.Generator) -> str:
    """Each slot anew, also where a slot comes twice."""
    head, *rest = pattern.split("{")
    for part in rest:
        slot, _, tail = part.partition("}")
        head += _drawn(slot, rng) + tail
    return head[0].upper() + head[1:]


def _drawn(slot: str, rng: np.random.Generator) -> str:
    hour, minute = int(rng.integers(1, 13)), int(rng.integers(60))
    match slot:
        case "word":
            return _choice(_rare_words(), rng)
        case "Name":
            return _choice(_names(), rng).capitalize()
        case "time":
            return f"{hour}:{minute:02d} {'ap'[int(rng.integers(2))]}.m."
        case "price":
            pounds, pence = int(rng.integers(1, 400)), int(rng.integers(1, 100))
            return f"{'$£€'[int(rng.integers(3))]}{pounds}" + (f".{pence:02d}" if rng.random() < 0.6 else "")
        case "number":
            return str(int(10 ** rng.uniform(0.4, 3.9)))
        case "percent":
            return f"{int(rng.integers(1, 100))}%"
        case "decimal":
            return f"{rng.uniform(0.1, 90):.1f}"
        case "date":
            return f"{_choice(MONTHS, rng)} {int(rng.integers(1, 29))}, {int(rng.integers(1700, 2030))}"
    raise ValueError(f"no such slot: {slot}")


def _choice(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


@cache
def _rare_words() -> tuple[str, ...]:
    """Words of hibari's second lexicon, which holds what its first, of common words, does not."""
    lexicon = G2P().lexicon
    known = set(lexicon.golds.d)
    return tuple(sorted(w for w in lexicon.silvers.d if w not in known and w.isascii() and w.islower() and _fits(w)))


@cache
def _names() -> tuple[str, ...]:
    """Names of our own tables."""
    tables = gzip.decompress(CMUDICT.read_bytes()).decode("utf-8"), NAMES.read_text(encoding="utf-8")
    return tuple(sorted({word for table in tables for word in read_table(table) if word.isascii() and _fits(word)}))


def _fits(word: str) -> bool:
    return word.isalpha() and 4 <= len(word) <= 13
