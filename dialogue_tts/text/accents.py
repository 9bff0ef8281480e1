"""The accents the front end reads in, and their sounds: American (`en-US`) and British English (`en-GB`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.tokenizer import BRITISH_ONLY, LENGTH, PHONES, STRESSES, phones_of

AMERICAN, BRITISH = "en-US", "en-GB"
_COMMON = {  # other people's IPA, and what the G2P's network copies from it -> misaki's letters
    **{"tʃ": "ʧ", "t͡ʃ": "ʧ", "dʒ": "ʤ", "d͡ʒ": "ʤ", "eɪ": "A", "aɪ": "I", "ɔɪ": "Y", "aʊ": "W", "r": "ɹ", "ʀ": "ɹ"},
    **{"ʁ": "ɹ", "g": "ɡ", "ʔ": "t", "ɫ": "l", "ɨ": "ɪ", "ʉ": "u", "y": "u", "ø": "ɜ", "œ": "ɜ", "x": "k", "χ": "k"},
    **{"ç": "h", "c": "k", "ɲ": "nj", "e": "ɛ", "'": "ˈ", "͡": "", ".": ""},
}
_AMERICAN = _COMMON | {
    **{"oʊ": "O", "əʊ": "O", "ɜː": "ɜɹ", "ɚ": "əɹ", "ɝ": "ɜɹ", "ɛə": "ɛɹ", "eə": "ɛɹ", "ɪə": "ɪɹ", "Q": "O", "ɒ": "ɑ"},
    **{"a": "æ", "o": "O", "ɾ": "T", LENGTH: ""},
}
_BRITISH = _COMMON | {
    **{"oʊ": "Q", "əʊ": "Q", "O": "Q", "ɜɹ": "ɜː", "ɝ": "ɜː", "ɚ": "ə", "ɛə": "ɛː", "eə": "ɛː", "ɪɹ": "ɪə", "o": "ɔː"},
    **{"æ": "a", "ɾ": "t", "T": "t", "ᵻ": "ɪ"},
}
_FROM_AMERICAN = tuple(  # a word of an American table, as British English has it
    (re.compile(pattern), letters)
    for pattern, letters in (
        (r"ɜɹ(?=[ˈˌ]?[AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ])", "ɜːɹ"),
        (r"ɜɹ", "ɜː"),
        (r"([əɑɔɛɪʊ])ɹ(?![ˈˌ]?[AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ])", lambda m: _WITHOUT_R[m[1]]),
        (r"([IW])əɹ(?![ˈˌ]?[AIOWYiuæɐɑɔəɛɜɪʊʌᵊᵻ])", r"\1ə"),
        (r"ɑ(?=[bdfɡkmnŋpsʃtTvzʤʧθðlɹ])", "ɒ"),
        (r"ɒ(?=ː)", "ɑ"),
        (r"ɑ(?!ː)", "ɑː"),
        (r"ɔ(?!ː)", "ɔː"),
        (r"(?<=[ˈˌ])i", "iː"),
        (r"i(?=[^ˈˌ]*[ˈˌ]|[bdfɡkmnpstvzʃʧʤlθð]$)(?<!ː)", "iː"),
        (r"(?<=[ˈˌ])u(?!ː)", "uː"),
        (r"ː{2,}", "ː"),
        (r"O", "Q"),
        (r"æ", "a"),
        (r"T", "t"),
        (r"ᵻ", "ɪ"),
    )
)
_BRITISH_ALIKE = ("ɑɔɒ", "əɪᵻɐʌᵊʊ", "æa", "OQ", "tT", " ɹ")  # bath, was, for: "wʌz" and "wɒz", "fəɹ" and "fɔː"
_WITHOUT_R: dict[str, str] = {"ə": "ə", "ɑ": "ɑː", "ɔ": "ɔː", "ɛ": "ɛː", "ɪ": "ɪə", "ʊ": "ʊə"}
_NEAREST = (("ɜːɹ", "ɜɹ"), ("ɛːɹ", "ɛɹ"), ("ɜː", "ɜɹ"), ("ɛː", "ɛɹ"), (LENGTH, ""), ("Q", "O"), ("ɒ", "ɑ"), ("a", "æ"))


@dataclass(frozen=True)
class Accent:
    """How words are read.

    Attributes:
        name: as in BCP 47.
        sounds: phones and stresses that its phonemes hold.
        spellings: IPA and misaki's other letters -> these sounds.
        alike: groups of phones that are one to a listener who learnt American sounds and hears this accent; those of a
            group that begins with a space may also be missing.
    """

    name: str
    sounds: frozenset[str]
    spellings: dict[str, str]
    alike: tuple[str, ...] = ()

    @cached_property
    def _spelling(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, sorted(self.spellings, key=len, reverse=True))))

    def plain(self, phonemes: str) -> str:
        """Phonemes in any of the usual spellings -> misaki's letters; unknown signs stay."""
        return self._spelling.sub(lambda match: self.spellings[match[0]], phonemes.replace(" ", ""))

    def read(self, phonemes: str, word: str = "") -> str:
        """Phonemes as a user writes them -> the sounds the models know. Raises ScriptError for others."""
        plain = self.plain(phonemes)
        unknown = "".join(dict.fromkeys(c for c in plain if c not in self.sounds))
        if unknown or not phones_of(plain):
            what = f'"{unknown}" is no known phoneme' if unknown else "there is no sound"
            raise ScriptError(f"[{word}](/{phonemes}/): {what}; write IPA such as [tomato](/təˈmeɪtoʊ/)")
        return plain


ACCENTS = {
    AMERICAN: Accent(AMERICAN, frozenset(PHONES) - frozenset(BRITISH_ONLY) | frozenset(STRESSES), _AMERICAN),
    BRITISH: Accent(
        BRITISH, frozenset(PHONES) - frozenset("OæTᵻ") | frozenset(STRESSES) | {LENGTH}, _BRITISH, _BRITISH_ALIKE
    ),
}


def accent_of(name: str) -> Accent:
    """Raises ScriptError for a name that is none of `ACCENTS`."""
    if name not in ACCENTS:
        raise ScriptError(f'"{name}" is no accent; there are {", ".join(ACCENTS)}.')
    return ACCENTS[name]


def known_accent(tag: str) -> str:
    """The accent to read in for a speaker's language tag, as en-GB: that one, or American where it is none of `ACCENTS`."""
    return tag if tag in ACCENTS else AMERICAN


def to_american(phonemes: str, word: str = "") -> str:
    """Phonemes as a user writes them, in misaki's letters or usual IPA -> the American set."""
    return ACCENTS[AMERICAN].read(phonemes, word)


def to_british(american: str) -> str:
    """A word's American phonemes -> what British English makes of them, by rule."""
    for pattern, letters in _FROM_AMERICAN:
        american = pattern.sub(letters, american)
    return american


def nearest_american(phonemes: str) -> str:
    """British phonemes in American sounds: for networks that learnt no others, British words all the same."""
    for british, american in _NEAREST:
        phonemes = phonemes.replace(british, american)
    return phonemes
