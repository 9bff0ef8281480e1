"""hibari's G2P in one accent, with our lexicon and our choice among heteronyms, and a memory for what comes again.

Text that is read is of bounded words (`tidy`), so each step takes time in proportion to their number; the memory makes
it short.
"""

from __future__ import annotations

import re
from copy import copy
from functools import cache, lru_cache

import numpy as np
from hibari.g2p import G2P, SUBTOKEN_JUNKS
from hibari.g2p import Context as Following
from hibari.g2p.tagger import START, context, features
from hibari.g2p.token import Tok, merge_tokens

from dialogue_tts.text.accents import BRITISH, Accent
from dialogue_tts.text.heteronyms import Context, part_of_speech, sounds, table
from dialogue_tts.text.lexicon import Lexicon, interjection
from dialogue_tts.text.tokenizer import CONSONANTS
from dialogue_tts.text.words import KEPT_WORDS

_KNOWN, _MARK = 4, 3  # the ratings of what the best dictionary has, and of a mark between two parts of a word
_PARTS = {"DEFAULT", "NOUN", "VERB", "ADJ", "ADV"}
_DOUBLED = re.compile(rf"([{''.join(CONSONANTS)}])\1+")
_SHORT = frozenset("go no me be he we hi my so".split())  # of which gooo and meee are drawn out, not goo and mee
_DRAWN_OUT = re.compile(r"(\w)\1\1+", re.IGNORECASE)


class Token(Tok):  # type: ignore[misc]  # which has no types
    """hibari's, copied faster: it copies each token once."""

    __slots__ = ()

    def copy(self, **changes: object) -> Token:
        new = Token.__new__(Token)
        new.text, new.tag, new.whitespace, new.phonemes = self.text, self.tag, self.whitespace, self.phonemes
        new.is_head, new.alias, new.stress, new.currency = self.is_head, self.alias, self.stress, self.currency
        new.num_flags, new.prespace, new.rating = self.num_flags, self.prespace, self.rating
        for name, value in changes.items():
            setattr(new, name, value)
        return new


class WordReader:
    """Text in plain words -> tokens -> phonemes."""

    def __init__(self, accent: Accent) -> None:
        self.accent = accent
        self._g2p = copy(_loaded(accent.name == BRITISH))
        self.lexicon = self._g2p.lexicon = Lexicon(self._g2p)
        self._split = lru_cache(KEPT_WORDS)(self._g2p.tokenizer.split)
        self._tag_of = lru_cache(KEPT_WORDS)(self._predicted)
        self._tag_names = sorted(self._g2p.tagger.tags, reverse=True)  # of equals, the tagger takes the last
        self._weights = lru_cache(KEPT_WORDS)(self._feature_weights)
        network = self._g2p.fallback
        self._guessed = lru_cache(KEPT_WORDS)(lambda text: _without_doubles(*network(Tok(text))))

    def tokenize(self, text: str) -> list[Tok]:
        """Tokens with tags; where neighbours tell how a word sounds, they say so."""
        texts: list[tuple[str, str]] = []
        chunks = text.split()
        for chunk in chunks:
            parts = self._split(chunk)
            texts += [(part, "") for part in parts[:-1]]
            texts.append((parts[-1], " "))
        tags = self._tags([part for part, _ in texts])
        tokens = [Token(part, tag, space) for (part, space), tag in zip(texts, tags, strict=True)]
        words = [part for part, _ in texts]
        for i, token in enumerate(tokens):
            token.alias = self._not_drawn_out(token.text)
            self._decide(token, Context(words, tags, i))
        return tokens

    def phonemize(self, tokens: list[Tok]) -> list[Tok]:
        """Tokens -> words with phonemes, the last word first: how "the" sounds depends on what follows.

        As hibari's `phonemize_tokens`, in a fraction of its time for words of many parts.
        """
        words = self._g2p.retokenize(tokens)
        following = Following()
        for word in reversed(words):
            following = self._read_parts(word, following) if isinstance(word, list) else self._read(word, following)
        found = [merge_tokens(word, unk="") if isinstance(word, list) else word for word in words]
        for word in found:
            if word.phonemes:
                word.phonemes = word.phonemes.replace("ɾ", "T").replace("ʔ", "t")
        return found

    def _read(self, word: Tok, following: Following) -> Following:
        """Gives a word its phonemes -> what the word in front of it has to know of it."""
        if word.phonemes is None:
            word.phonemes, word.rating = self.lexicon(word, following)
        if word.phonemes is None:
            word.phonemes, word.rating = self._guessed(word.text)
        return self._g2p.token_context(following, word.phonemes, word)

    def _read_parts(self, parts: list[Tok], following: Following) -> Following:
        """Gives the parts of a word their phonemes, the longest stretch at its end that is known first."""
        texts = [part.text + part.whitespace for part in parts]
        weights = [sum(1 if letter == letter.lower() else 2 for letter in part.text) for part in parts]
        given = [part.alias is not None or part.phonemes is not None for part in parts]
        costs = any(part.currency for part in parts)
        first, end = 0, len(parts)
        while first < end:
            stretch = parts[first:end]
            phonemes = None
            if True not in given[first:end]:
                text = "".join(texts[first : end - 1]) + parts[end - 1].text
                tag = parts[weights.index(max(weights[first:end]), first, end)].tag
                currency = max((part.currency for part in stretch if part.currency), default=None) if costs else None
                phonemes, rating = self.lexicon.read(text, tag, currency, stretch[0].is_head, following)
            if phonemes is not None:
                _give(stretch, phonemes, rating)
                following = self._g2p.token_context(following, phonemes, Token(text, tag))
                first, end = 0, first
            elif first + 1 < end:
                first += 1
            else:
                first, end = 0, end - 1
                if parts[end].phonemes is None:
                    if not SUBTOKEN_JUNKS.issuperset(parts[end].text):
                        _give(parts, *self._guessed("".join(texts[:-1]) + parts[-1].text))
                        return following
                    parts[end].phonemes, parts[end].rating = "", _MARK
        self._g2p.resolve_tokens(parts)
        return following

    def _tags(self, words: list[str]) -> list[str]:
        """As hibari's tagger gives them; a word in the same surroundings has the same tag again."""
        tagger = self._g2p.tagger
        window = context(words, tagger.vocab)
        before, two_before = START[1], START[0]
        tags = []
        for i, word in enumerate(words):
            tag = tagger.tagdict.get(word) or self._tag_of(word, tuple(window[i : i + 5]), before, two_before, i == 0)
            tags.append(tag)
            two_before, before = before, tag
        return tags

    def _predicted(self, word: str, window: tuple[str, ...], before: str, two_before: str, first: bool) -> str:
        place = 0 if first else 1  # all that the features tell of it is whether it is the first
        found = features(place, word, ["", *window][1 - place :], before, two_before)
        vectors = [vector for vector in map(self._weights, found) if vector is not None]
        return self._tag_names[int(np.argmax(sum(vectors)))] if vectors else "NN"

    def _feature_weights(self, feature: str) -> np.ndarray | None:
        """What a feature says for each tag, in the order of `_tag_names`; (tags,) float64."""
        weights = self._g2p.tagger.weights.get(feature)
        return np.array([weights.get(tag, 0.0) for tag in self._tag_names]) if weights else None

    def _decide(self, token: Tok, around: Context) -> None:
        """Sets a heteronym's sounds, or the part of speech that decides them."""
        word = token.text.lower()
        joined = not token.whitespace and around.word(1)[:1] in ("'", "n")
        if word in table() and not joined and (found := sounds(around, self.accent.name)):
            token.phonemes, token.rating = found, _KNOWN
            return
        entry = self.lexicon.golds.get(word)
        if isinstance(entry, dict) and len(entry) > 1 and entry.keys() <= _PARTS and (part := part_of_speech(around)):
            if token.tag[:2] != part:
                token.tag = part

    def _not_drawn_out(self, word: str) -> str | None:
        """The word that somebody draws out: "Goood" is "Good", "Noooo" is "No"; None for any other, as "AAA" is."""
        if (
            not _DRAWN_OUT.search(word)
            or interjection(word)
            or not word.isalpha()
            or (word.isupper() and len(set(word)) == 1)
        ):
            return None
        plainer = [_DRAWN_OUT.sub(letters, word) for letters in (r"\1\1", r"\1")]
        if plainer[1].lower() in _SHORT:
            return plainer[1]
        return next((found for found in plainer if found.lower() in self.lexicon.golds), None)


def _give(parts: list[Tok], phonemes: str | None, rating: int | None) -> None:
    """The first of some parts of a word says them all."""
    for part in parts:
        part.phonemes, part.rating = "", rating
    parts[0].phonemes = phonemes


@cache
def _loaded(british: bool) -> G2P:
    """hibari's, with its lexicons and its tagger, which are read once in a process and which nobody changes."""
    return G2P(british=british)


def _without_doubles(phonemes: str | None, rating: int | None) -> tuple[str | None, int | None]:
    """What the network says, and each consonant once: of two letters it makes two sounds now and then (Mattarella)."""
    return (_DOUBLED.sub(r"\1", phonemes) if phonemes else phonemes), rating
