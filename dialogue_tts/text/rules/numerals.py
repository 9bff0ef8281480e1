"""Roman numerals: `Henry VIII`, `Act II`, `scene ii`, `World War I`; never `option V` or `Malcolm X`."""

from __future__ import annotations

import re

from dialogue_tts.text.numbers import cardinal, ordinal, year
from dialogue_tts.text.rewriting import rules

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_ROMAN = r"(?=[IVXLC])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_SMALL = _ROMAN.translate(str.maketrans("IVXLCDM", "ivxlcdm"))
_YEAR = r"M{1,2}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})"
_UP_TO_39 = r"(?=[IVX])X{0,3}(?:IX|IV|V?I{0,3})"
_PARTS = (  # what is counted: a numeral behind these is a number
    "act|scene|chapter|part|section|volume|book|phase|article|mark|type|level|stage|class|grade|episode|round|world war"
    "|season|lesson|unit|title|appendix|table|figure|page|canto|stanza|verse|psalm|step|group|division|category|tier"
    "|super bowl|wrestlemania|apollo|gemini|soyuz|final fantasy|star wars|rocky|rambo|halloween|schedule|annex"
    "|amendment|factor|vatican|civilization|diablo|street fighter|mortal kombat|dragon quest|symphony|sonata|concerto"
    "|movement|opus|paragraph|clause|exhibit|sector|zone|district|corps|nerve|photosystem|collagen|titan|olympiad"
)
_SINGLE = (  # of these even a lone I, V or X is a number
    "act|scene|chapter|part|volume|book|world war|phase|article|section|mark|type|level|stage|class|grade|episode|title"
    "|final fantasy|super bowl|apollo|appendix"
    "|vatican|symphony|canto|schedule|star wars|rocky|amendment|factor|titan|unit|figure|table"
)
_RULERS = (
    "King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Sultan|Prince|Archduke|Henry|Louis|Edward|George|William"
    "|Charles|James|Richard|Elizabeth|Napoleon|Pius|Benedict|Leo|John Paul|Paul|John|Ramses|Ramesses|Rameses"
    "|Frederick|Friedrich|Philip|Felipe|Alexander|Nicholas|Peter|Catherine|Ivan|Umberto|Victor Emmanuel|Gustav"
    "|Gustavus|Christian|Ferdinand|Wilhelm|Alfonso|Francis|Clement|Innocent|Gregory|Urban|Sixtus|Julius"
    "|Boniface|Martin|Adrian|Stephen|Mary|Anne|Margaret|Robert|David|Malcolm|Thutmose|Amenhotep|Cleopatra"
    "|Ptolemy|Darius|Xerxes|Cyrus|Constantine|Theodosius|Otto|Rudolf|Rudolph|Leopold|Maximilian|Joseph|Franz"
    "|Karl|Carl|Haakon|Harald|Olav|Olaf|Eric|Erik|Sigismund|Casimir|Boris|Simeon|Carol|Michael|Selim|Suleiman"
    "|Mehmed|Murad|Abdulhamid|Mohammed|Muhammad|Hussein|Abdullah|Hassan|Fuad|Farouk|Pedro|Juan|Joao|Manuel"
    "|Sancho|Albert|Baudouin|Philippe|Juliana|Beatrix|Willem|Baldwin|Kamehameha|Rama|Haile|Menelik|Agrippa"
    "|Herod|Mithridates|Antiochus|Seti|Pepi|Mentuhotep|Honorius|Celestine|Eugene|Alexios|Basil|Justinian"
    "|Andronikos|Louis Philippe|Conrad"
)
_NAME = r"[A-ZÀ-Þ][a-zß-ÿ'’-]+"
_AFTER_FIRST = (  # behind `Elizabeth I`: what no `I` of a speaker is followed by
    r"(?=[.;:?!)\"]|,|$|'s\b|(?: (?:of|ruled|reigned|died|became|and|who|in|to|from|married|is|at|by|the|had|on|did not)\b))"
)


def roman(numeral: str) -> int:
    total = 0
    values = [_VALUES[letter] for letter in numeral.upper()]
    for value, following in zip(values, [*values[1:], 0]):
        total += -value if following > value else value
    return total


_SHORT = {
    "vol.": "volume",
    "ch.": "chapter",
    "pt.": "part",
    "fig.": "figure",
    "sec.": "section",
    "bk.": "book",
    "sc.": "scene",
}


def _cardinal(match: re.Match[str]) -> str:
    return f"{_SHORT.get(match[1].lower(), match[1])} {cardinal(str(roman(match[2])))}"


def _cardinals(match: re.Match[str]) -> str:
    """`Acts I and II`."""
    first, join, last = (match[i] for i in (2, 3, 4))
    return f"{match[1]} {cardinal(str(roman(first)))}{join}{cardinal(str(roman(last)))}"


def _ordinal(match: re.Match[str]) -> str:
    return f"{match[1]} the {ordinal(str(roman(match[2])))}"


def _world_war(match: re.Match[str]) -> str:
    return f"World War {cardinal(match[1] if match[1].isdigit() else str(roman(match[1])))}"


def _by_name(match: re.Match[str]) -> str:
    """Behind a person a numeral is an ordinal, behind a thing a number: `Ramses II`, `Thurston Howell III`, `Portal II`."""
    before = match.string[: match.start()].rstrip()[-24:]
    person = re.search(rf"(?:^|\W){_NAME}$", before) or match[2] in ("III", "IV") and match[1] not in _THINGS
    return _ordinal(match) if person else _cardinal(match)


_THINGS = frozenset(
    "Portal Halo Rocky Terminator Godfather Alien Iron Resident Grand Fallout Half Dota Counter Mark".split()
)


_PLURALS = "acts|scenes|chapters|parts|volumes|books|sections|world wars|episodes|articles"
_NOT_A_NAME = r"(?!\w|['’](?!s\b)\w|\.\w|-\w)"
_NO_OWNERS = (  # what begins a sentence, or is followed by letters
    "Part|Act|The|This|That|And|But|Or|If|So|As|Can|Do|May|Will|Was|Am|Should|Must|Did|Have|Had|What|When"
    "|Where|Why|How|Who|Then|Now|Yes|No|Well|Oh|Because|While|Though|Sir|Today|Here|There|Option|Vitamin"
    "|Plan|Team|Class|Generation|Gen|Malcolm|Planet|Chromosome|Factor|Brand|Mr|Mrs|Ms|Dr"
)
_NO_VERB = r"(?! (?:think|am|was|have|know|want|guess|say|said|will|do|did|mean)\b)"  # the speaker's own I
_AFTER_FIFTH = r"(?=[.,;:?!)\"]|$|'s\b| (?:of|and|ruled|reigned|died|became|was|is|had|in|at|by|who)\b)"
NUMERALS = (
    *rules((r"(?<!\w)WW ?([123]|I{1,3})(?![\w'])", _world_war), signs="W"),
    *rules((rf"(?<![\w.])(?=M[MDCLXVI]{{3}}){_YEAR}(?![\w.]\w|\w)", lambda m: year(str(roman(m[0])))), signs="M"),
    *rules(
        (
            rf"\b((?i:{_PLURALS})) ({_ROMAN}|{_SMALL})\b( (?:and|to|or|through) | ?[-–&] ?)({_ROMAN}|{_SMALL})\b{_NOT_A_NAME}",
            _cardinals,
        ),
    ),
    *rules(
        (rf"(?<!\w)((?i:{'|'.join(map(re.escape, _SHORT))})) ?({_ROMAN})\b{_NOT_A_NAME}", _cardinal),
        (
            rf"(?<!\w)((?i:{_SINGLE})) ({_UP_TO_39}|[LC](?=[\s.,;:!?)]|$))\b{_NOT_A_NAME}{_NO_VERB}",
            _cardinal,
        ),
        (rf"(?<!\w)((?i:{_PARTS})) (?=\w\w)({_ROMAN})\b{_NOT_A_NAME}", _cardinal),
        (rf"(?<!\w)((?i:{_PARTS})) ({_UP_TO_39})(?=\.\d{{1,3}}(?![\w.]\w))", lambda m: f"{m[1]} {roman(m[2])}"),  # IV.2
        (
            rf"(?<!\w)((?i:act|scene|chapter|part|volume|book|canto|appendix)) (?=[ivx])({_SMALL})\b{_NOT_A_NAME}",
            _cardinal,
        ),
        (
            rf"(?<!\w)((?i:page|pages|section|figure|table|verse|psalm|note|item)) (?=[ivxl][ivxl])({_SMALL})\b{_NOT_A_NAME}",
            _cardinal,
        ),
        signs="IVXLCivxlc",
    ),
    *rules(
        (rf"(?<!\w)({_UP_TO_39}) (?=[Cc]entur(?:y|ies)\b)", lambda m: f"{ordinal(str(roman(m[1])))} "),
        (rf"\b((?i:{_RULERS})) (?=\w\w)({_UP_TO_39})\b{_NOT_A_NAME}", _ordinal),
        (
            rf"\b((?:King|Queen|Pope|Emperor|Tsar|Kaiser|Sultan|Prince) {_NAME}(?: {_NAME})?) ({_UP_TO_39})\b{_NOT_A_NAME}",
            _ordinal,
        ),
        (
            rf"\b((?!Malcolm)(?:{_RULERS})) ([VX]){_AFTER_FIFTH}",
            _ordinal,
        ),
        (rf"\b({_RULERS}) (I){_AFTER_FIRST}", _ordinal),
        (
            rf"\b(?!(?:{_NO_OWNERS}) )({_NAME}) (II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI)\b{_NOT_A_NAME}",
            _by_name,
        ),
        signs="IVX",
    ),
)
