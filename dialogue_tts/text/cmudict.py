"""Makes `cmudict.tsv.gz` of the CMU Pronouncing Dictionary: what hibari's lexicons lack, in misaki's letters.

    python -m dialogue_tts.text.cmudict cmudict.dict

`cmudict.dict` is the dictionary itself (Carnegie Mellon University, BSD-2-Clause; `cmudict.LICENSE`), from
github.com/cmusphinx/cmudict. The same file makes the same bytes.

ARPABET hears fewer weak vowels than misaki, and no tap; `_RULES` add them. They were tuned on the 36,066 words that
CMU and hibari's gold lexicon both read: 95% of the sounds agree, 76% of the words in all sounds, 70% in stress too
(92%, 62% and 56% without the rules). What is left is judgement: `ə` or `ᵊ`, `ɔ` or `ɑ`, where a second stress falls.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections.abc import Iterable
from pathlib import Path

from hibari.g2p import G2P, Context
from hibari.g2p.token import Tok

from dialogue_tts.text.lexicon import CMUDICT
from dialogue_tts.text.tokenizer import AMERICAN_VOWELS, CONSONANTS

_LETTERS = {
    **{"AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ", "EY": "A", "IH": "ɪ"},
    **{"IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u", "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "F": "f"},
    **{"G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s"},
    **{"SH": "ʃ", "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ", "AH0": "ə", "ER0": "əɹ"},
}
_STRESS = {"0": "", "1": "ˈ", "2": "ˌ"}
_V, _C = f"[{''.join(AMERICAN_VOWELS)}]", f"[{''.join(CONSONANTS)}]"
_RULES = tuple(
    (re.compile(pattern), letters)
    for pattern, letters in (
        (rf"(?<=[ɹ{_V[1:]})t(?={_V})", "T"),  # city, party
        (rf"(?<=[ɹnl{_V[1:]})[tT]ən(?={_C}|$)", "tᵊn"),  # Burton
        (rf"(?<=[ds])ən(?={_C}|$)", "ᵊn"),  # Madison
        (rf"(?<=[bdfkɡnpsʃtTzm])əl(?={_C}|$)", "ᵊl"),  # Mabel
        (r"(?<=[tTd])[ɪə]d$", "ᵻd"),  # wanted
        (r"(?<=[szʃʒʧʤ])[ɪə]z$", "ᵻz"),  # Hodges
        (r"əʤ$", "ɪʤ"),  # cottage
        (r"ɪkli$", "əkᵊli"),
        (r"bəɹɡ$", "bˌɜɹɡ"),  # Augsburg
        (rf"(?<={_C})ɪ(?=[bdfklmnpstvzɡTθð][ˈˌ]?{_V})", "ə"),  # Felicity
        (rf"(?<={_C})ɪ(?=[snt]$|v{_C})", "ə"),  # Paris
        (rf"^ən(?={_C})", "ˌʌn"),
        (rf"^ɛ(?=[nm]{_C})", "ɪ"),  # employ
        (r"ˌ([Oi])$", r"\1"),
        (r"(?<=[jʧʤʒ])u(?=ə)", "əw"),  # Manuel
        (rf"(?<=[IW])ɹ(?={_C}|$)", "əɹ"),  # fire
        (rf"(ˈ.*{_C})(?=[ɑæɔWI]{_C})", r"\1ˌ"),
        (r"ˈ(?=.*ˈ)", "ˌ"),  # CIA
    )
)


def to_misaki(arpabet: str) -> str:
    """`L EH1 N ER0 D` -> `lˈɛnəɹd`."""
    sounds = ""
    for phone in arpabet.split():
        bare = phone.rstrip("012")
        sounds += _STRESS.get(phone[len(bare) :], "") + _LETTERS.get(phone, _LETTERS[bare])
    for pattern, letters in _RULES:
        sounds = pattern.sub(letters, sounds)
    return sounds


def read_cmudict(lines: Iterable[str]) -> dict[str, str]:
    """The dictionary's lines -> ARPABET of each word's first entry; words of letters and apostrophes, no possessives."""
    entries = (line.partition("#")[0].split(maxsplit=1) for line in lines)
    word = re.compile(r"[a-z]{2,}|[a-z]+'(?!s\b)[a-z]+")
    return {entry[0]: entry[1].strip() for entry in entries if len(entry) == 2 and word.fullmatch(entry[0])}


def missing(g2p: G2P, arpabet: dict[str, str]) -> dict[str, str]:
    """What `g2p` cannot read without guessing, in misaki's letters; no plural that is as it must be."""
    found = {word: to_misaki(sounds) for word, sounds in arpabet.items() if not _reads(g2p, word)}
    regular = {stem + "s": g2p.lexicon._s(sounds) for stem, sounds in found.items()}
    return {word: sounds for word, sounds in found.items() if regular.get(word) != sounds}


def _reads(g2p: G2P, word: str) -> bool:
    """Without its network (`g2p` has none), small or with a capital."""
    if "'" in word:
        return all(token.rating is not None for token in g2p.phonemize_tokens(g2p.tokenize(word)))
    tokens = (Tok(form, tag) for form in (word, word.capitalize()) for tag in ("NN", "NNP"))
    return all(g2p.lexicon(token, Context())[0] is not None for token in tokens)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cmudict", type=Path, help="cmudict.dict")
    with parser.parse_args().cmudict.open(encoding="utf-8") as lines:
        table = missing(G2P(oov=False), read_cmudict(lines))
    text = "".join(f"{word}\t{sounds}\n" for word, sounds in sorted(table.items()))
    CMUDICT.write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))


if __name__ == "__main__":
    main()
