"""Words in capitals: shouted ones become words again, abbreviations stay letters.

`OH MY GOD` -> `oh my god`; `not ME` keeps its capitals, which the G2P hears as stress; `the FBI` -> `the F.B.I.`, `NASA`
is left alone, since the lexicon has it as it is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from dialogue_tts.text.rewriting import Edit

_TOKEN = re.compile(r"(?<![\w$&@#])(?<!\d-)[^\W\d_]+(?:'[^\W\d_]+)*(?![\w&@#]|-\d)|[.!?]+(?=\s|\"|$)|\d+")
_DRAWN_OUT = re.compile(r"(.)\1\1")  # NOOOO

SPELLED = frozenset(  # letters, although a word is written like them
    "US IT WHO AI AC AD AM AP AR BA BC BS CA CD CE CO DA DC DJ ED EMT ER ET EU EV FM FX GI GP HR ID IE IP IPA IQ "
    "IR IV JP KO LA LED LCD MA MC MD MI MIT MO MP MS NE NY OD OR OS OT PA PC PE PG PHP PI PM PO PR PS PT PTA PTO "
    "QA RA RE RV SEC SS TA TB TD TV UI UK UN UV UX VA VP VR WC EPA ESP ETA ERA DIY GAO ICU IRA IRS MRI NHS NIH "
    "NSA OAP OCD OED PDA POW PSI RIP RPM SAS SAT SOS SUV URL USB VAT VIP ATM BBC CEO CFO COO CTO CIA CNN CPU DNA "
    "DVD EEG FAQ FBI FDA GDP GMT GPS GPU HIV HMO HTML HTTP IBM IOU IPO ISP JFK KFC KGB LSD MBA MLB MLS MTV MVP "
    "NBA NBC NFL NHL NYC NYU OMG LOL PBS PDF PHD PMS PPE PSA RNA RSVP SDK SQL TBA TBC TGIF TLC TNT UAE UFC UFO USA "
    "AMA AWS BAE COPD DOB EMI FAO HMS ILO INS LAPD LAX NGO RAF ROI SAP SEO SOP UPS "
    "USSR UTC WTF WWF XML ACL CIS EST ECT EPS MOT ALS AKA BP DI IMO MRS MIA ODI PAC".split()
)
_SAID = frozenset(  # words, although they look like letters; or said as words, though their letters are capitals
    "AIDS NASA NATO UNESCO UNICEF OPEC FIFA UEFA NAFTA FEMA OSHA ASAP LASER RADAR SCUBA SONAR COVID SARS MERS PIN "
    "ROM RAM SIM GIF JPEG ASCII YOLO FOMO SWAT NASCAR NASDAQ HIPAA POTUS SCOTUS FLOTUS DARPA CERN NORAD OK AWOL "
    "IKEA LEGO VISA CAPTCHA NAACP EULA GUI MIDI WASP TED ICE DOS ACT PETA UKIP BAFTA TESOL TOEFL GMAT LSAT MCAT "
    "SALT START SNAP GERD COBOL BASIC FORTRAN SMART MENSA BIOS IMAX WIFI PACS NICE AMEX COMEX NYMEX INTERPOL "
    "ANZAC BRICS MAGA NIMBY YIMBY GOAT".split()
)
_ALSO_WORDS = frozenset(  # of the spelled ones, those that are shouted as words
    "IT US WHO AM OR MA PA AD SAT RIP ERA VAT POW UPS SAP LAX SOP AMA EST ALS".split()
)
_PRONOUNS = frozenset("I A".split())
_SHORT_WORDS = frozenset(  # of two or three letters that are shouted more often than they abbreviate
    "NO GO ME HE WE MY SO DO IF IN ON UP IS AS AT BE BY OF OH AH HI HA TO AN OX YO YA OW EH UH UM HM AW ID THE "
    "AND BUT NOT YOU ALL CAN HER WAS ONE OUR OUT DAY GET HAS HIM HIS HOW MAN NEW NOW OLD SEE TWO WAY WHO BOY DID "
    "ITS LET PUT SAY SHE TOO USE YES WHY RUN ANY BAD BIG END FAR GOD HIT HOT LOT MAD MOM MUM DAD OFF OWN SAD TRY "
    "WAR WON YET HEY WOW NAH YEP BYE".split()
) - {"ID"}
_NOUNS_OF_IT = frozenset(
    "department support guy team manager staff infrastructure sector industry company systems system".split()
)
_ABOUT_WHO = frozenset(
    " said says and has guidelines guidance report reports data official officials director experts chief declared declares "
    "recommends recommended estimates estimated warns warned Europe".split(" ")
)
_TO_US = frozenset("to for of with at about between let give tell help behind against among join told gave".split())


class Vocabulary(Protocol):
    """What words there are."""

    def knows(self, word: str) -> bool:
        """Whether a dictionary has a word, written small."""

    def says(self, acronym: str) -> bool:
        """Whether a dictionary has it in capitals, as a word."""


def unshout(text: str, words: Vocabulary) -> Iterator[Edit]:
    """Edits of all words in capitals that are to be read otherwise than the G2P would read them."""
    tokens = [match for match in _TOKEN.finditer(text)]
    for first, last in _runs(tokens):
        run = tokens[first:last]
        bare = [_bare(match[0]) for match in run]
        plain = [words.knows(word.lower()) and word not in SPELLED for word in bare]
        shouted = sum(plain) - sum(word in _PRONOUNS for word in bare) >= 2 or (
            sum(plain) >= 1 and sum(word in _SHORT_WORDS or len(word) > 3 for word in bare) >= 2
        )
        for i, match in enumerate(run, start=first):
            before, after = _neighbours(tokens, i)
            new = _said(match[0], shouted, before, after, words)
            if new != match[0]:
                yield Edit(match.start(), match.end(), new)


def _runs(tokens: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """Stretches of words in capitals within a sentence or across; A and I begin none."""
    first = None
    for i, match in enumerate(tokens):
        if match[0].isupper() and (first is not None or match[0] not in _PRONOUNS or _is_upper(tokens, i + 1)):
            first = i if first is None else first
        elif match[0][0].isalpha() and first is not None:
            yield first, i
            first = None
    if first is not None:
        yield first, len(tokens)


def _is_upper(tokens: list[re.Match[str]], i: int) -> bool:
    return i < len(tokens) and tokens[i][0].isupper() and len(tokens[i][0]) > 1


def _neighbours(tokens: list[re.Match[str]], i: int) -> tuple[str, str]:
    before = tokens[i - 1][0] if i else ""
    return before, tokens[i + 1][0] if i + 1 < len(tokens) else ""


def _bare(word: str) -> str:
    return re.sub(r"'[sS]$", "", word)


def _said(word: str, shouted: bool, before: str, after: str, words: Vocabulary) -> str:
    """A token in capitals as it is to be read."""
    bare = _bare(word)
    ending = word[len(bare) :].lower()
    if not bare[0].isalpha() or len(bare) == 1:
        return word
    known = words.knows(bare.lower()) and (bare not in SPELLED or bare in _ALSO_WORDS)
    if _DRAWN_OUT.search(bare) and len(set(bare)) > 1:
        return word.lower()
    if "'" in bare:  # I'M, DON'T
        return _lower(word, words) if shouted else word.capitalize()
    if bare in SPELLED and not (shouted and known) and not _is_word_here(bare, before.lower(), after.lower()):
        return _letters(bare) + ending
    if bare in _SAID and not (shouted and known and not words.says(bare)):
        return word if words.says(bare) else bare.capitalize() + ending
    if words.says(bare) and not known:
        return word
    if known and (shouted or len(bare) > 2 or bare in _SHORT_WORDS):
        return _lower(bare, words) + ending if shouted or ending else bare
    if known and bare in SPELLED:
        return _lower(bare, words) + ending if ending else bare
    if len(bare) >= 5 and re.search("[AEIOUY]", bare) and shouted:
        return bare.capitalize() + ending
    return _letters(bare) + ending


def _is_word_here(bare: str, before: str, after: str) -> bool:
    """`IT`, `US` and `WHO` among small letters: `I did IT`, `for US.`, `WHO did that?`"""
    if bare == "IT":
        return before not in ("the", "an", "in", "of", "our", "your", "my", "their") and after not in _NOUNS_OF_IT
    if bare == "US":
        return before in _TO_US and not after.isalnum()
    if bare == "WHO":
        return before != "the" and after not in _ABOUT_WHO
    return bare == "OR" or (bare == "AM" and before == "i")


def _letters(acronym: str) -> str:
    return "".join(f"{letter}." for letter in acronym)


def _lower(word: str, words: Vocabulary) -> str:
    """Small letters; a name keeps its capital."""
    return word.lower() if words.knows(word.lower()) else word.capitalize()
