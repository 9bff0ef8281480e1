"""One spelling, two sounds: which one is meant, by the words around.

Two ways. A word whose lexicon entry depends on its part of speech (*record*, *object*, *separate*) gets a tag from
`part_of_speech`, a few rules on its neighbours, where they are surer than hibari's tagger. A word whose sense decides
(*lead*, *bass*, *tear*) has lines in `heteronyms.tsv`: sounds, and the neighbours that ask for them; the first line that
fits is taken, and if none does, the lexicon's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

TABLE = Path(__file__).resolve().parent / "heteronyms.tsv"
NEAR = 6  # words to each side
_OWNERS = frozenset(
    "a an the this these those my your his her its our their some any no every each another whose".split()
)
_PREPOSITIONS = frozenset(
    "of in for with on by from at about per without into under over during against between as".split()
)
_MODALS = frozenset(
    "to will would can could shall should may might must 'll ca wo cannot let's do does did gonna dare".split()
)
_ADVERBS = frozenset(
    "not n't never always often also just only really already ever still even once again sometimes usually rarely soon "
    "please politely strongly formally simply quickly".split()
)
_BE = frozenset(
    "is are was were am be been being 's 'm 're seem seems seemed feel felt looks look looked became become".split()
)
_TO_A_THING = frozenset(  # behind these, "to" is followed by a noun
    "listen listened listening due similar subject according attached return returned access key thanks next close prior "
    "response responded relation reference objection addition contribution contributed damage respect opposed".split()
)
_DO = frozenset("do does did".split())
_ASKING = _DO | frozenset("will would can could shall should may might must n't".split())
_ASKED = frozenset(
    "i you he she it we they anyone anybody someone somebody everyone everybody nobody one that this these".split()
)
_NO_ADJECTIVES = frozenset("use abuse excuse misuse overuse reuse estimate".split())
_BEHIND_VERBS = frozenset("when as if with from against sharply under quickly".split())
_OBJECTS = frozenset(
    "the a an my your his her its our their this that these those it me him them us all any every".split()
)
_BEHIND_MANY = _BEHIND_VERBS | _OBJECTS | frozenset("to about over on at . , ! ?".split())
_NOUNS_OF_MANY = frozenset(  # that describe another: sports record
    "sports sales arms customs goods news jobs benefits games awards savings".split()
)


class Context(NamedTuple):
    """A word among its sentence's.

    Attributes:
        words: as written, marks too.
        tags: Penn Treebank's, of hibari's tagger.
    """

    words: Sequence[str]
    tags: Sequence[str]
    i: int

    def word(self, offset: int) -> str:
        """Small; "" outside the text."""
        j = self.i + offset
        return self.words[j].lower() if 0 <= j < len(self.words) else ""

    def tag(self, offset: int) -> str:
        j = self.i + offset
        return self.tags[j] if 0 <= j < len(self.tags) else ""

    def starts(self) -> bool:
        """Whether a sentence starts here."""
        return self.i == 0 or self.words[self.i - 1] in (".", "!", "?", "...", '"', ":", "''", "``")

    def near(self) -> set[str]:
        """Words around, within the sentence."""
        found = set()
        for step in (-1, 1):
            for offset in range(step, step * (NEAR + 1), step):
                word = self.word(offset)
                if word in (".", "!", "?", ""):
                    break
                found.add(word)
        return found

    def subject(self, offset: int) -> str:
        """The word in front, adverbs left out."""
        while self.word(offset) in _ADVERBS and self.word(offset):
            offset -= 1
        return self.word(offset)


def part_of_speech(context: Context) -> str | None:
    """ "VB", "NN" or "JJ" where neighbours tell it, else None."""
    before, after, two_before = context.word(-1), context.word(1), context.word(-2)
    if before == "to":
        return "NN" if two_before in _TO_A_THING else "VB"
    if before in _OWNERS or before == "'s" and context.tag(-1) == "POS":
        described = context.tag(1).startswith("NN") and after not in _OBJECTS
        return "JJ" if described and context.word(0) not in _NO_ADJECTIVES else "NN"
    subject = context.subject(-1)
    if before not in _PREPOSITIONS and _is_asked(context):
        return "VB"
    if subject in _MODALS or before in ("i", "you", "we", "they", "who") or before == "'s" and two_before == "let":
        return "VB"
    if subject in ("i", "you", "we", "they", "who") and context.tag(0) not in ("JJ", "NN"):
        return "VB"
    if before in ("please", "never", "always", "n't") or _many_do(context) and after in _BEHIND_MANY:
        return "VB"
    if before in _PREPOSITIONS:
        return "JJ" if context.tag(1).startswith("NN") else "NN"
    if subject in _BE:
        return "JJ"
    if (context.starts() or before in (",", "and", "then", "or")) and after in _OBJECTS and context.tag(-1) != "JJ":
        return "VB"
    if context.tag(-1) in ("JJ", "JJR", "JJS", "CD", "PRP$") and two_before in _OWNERS:
        return "NN"
    return None


def _many_do(context: Context) -> bool:
    """Whether a noun of several stands in front; at a sentence's start the tagger takes it for a name."""
    if context.word(-1) in _NOUNS_OF_MANY:
        return False
    first = context.i == 1 or context.word(-2) in (".", "!", "?")
    return context.tag(-1) == "NNS" or first and context.tag(-1)[:2] == "NN" and context.word(-1).endswith("s")


def _is_asked(context: Context) -> bool:
    """`Does anyone object`, `Will the jury convict`: the verb whose subject stands behind what asks."""
    if context.word(-1) in _ASKED:
        return context.subject(-2) in _ASKING or context.word(-2) in _ASKING
    return context.tag(-1) in ("NN", "NNS", "NNP") and context.word(-2) in _OWNERS and context.word(-3) in _DO


class SpokenLine(NamedTuple):
    """One line of the table.

    Attributes:
        sounds: by accent.
        conditions: all must hold.
    """

    sounds: dict[str, str]
    conditions: tuple[tuple[str, frozenset[str]], ...]

    def fits(self, context: Context, near: set[str]) -> bool:
        return all(_holds(kind, words, context, near) for kind, words in self.conditions)


def _holds(kind: str, words: frozenset[str], context: Context, near: set[str]) -> bool:
    match kind:
        case "near":
            return not near.isdisjoint(words)
        case "far":
            return near.isdisjoint(words)
        case "pos":
            return (part_of_speech(context) or context.tag(0))[:2] in words
        case "subject":
            return context.subject(-1) in words
        case "as":
            return ("capital" if context.words[context.i][:1].isupper() else "small") in words
        case "at":
            return ("start" if context.starts() else "inside") in words
        case "tag":
            return any(context.tag(-1).startswith(tag.upper()) for tag in words)
    return (context.word(int(kind)) in words) if kind[0] != "!" else context.word(int(kind[1:])) not in words


@cache
def table() -> dict[str, tuple[SpokenLine, ...]]:
    """Word in small letters -> its lines, in order."""
    found: dict[str, list[SpokenLine]] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if not line or line[0] == "#":
            continue
        words, american, british, written = line.split("\t")
        conditions = tuple(
            (kind.strip(), frozenset(cues.split()))
            for kind, _, cues in (part.partition("=") for part in written.split(";"))
            if kind.strip()
        )
        for word in words.split():
            found.setdefault(word, []).append(SpokenLine({"en-US": american, "en-GB": british}, conditions))
    return {word: tuple(lines) for word, lines in found.items()}


def sounds(context: Context, accent: str) -> str | None:
    """The sounds the neighbours ask for, None if they ask for none."""
    lines = table().get(context.word(0))
    if not lines:
        return None
    near = context.near()
    return next((line.sounds[accent] for line in lines if line.fits(context, near)), None)
