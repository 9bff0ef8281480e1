"""Numbers that name something and count nothing: telephones, postcodes, roads, flights, models, codes."""

from __future__ import annotations

import re

from dialogue_tts.text.numbers import cardinal, digits, in_pairs, year
from dialogue_tts.text.rewriting import rules
from dialogue_tts.text.rules.addresses import spell
from dialogue_tts.text.rules.dates import military

STATES = {
    **{"AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado"},
    **{"CT": "Connecticut", "DE": "Delaware", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii", "ID": "Idaho"},
    **{"IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky", "LA": "Louisiana"},
    **{"ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota", "MO": "Missouri"},
    **{"MS": "Mississippi", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire", "OH": "Ohio"},
    **{"NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota"},
    **{"OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "RI": "Rhode Island", "SC": "South Carolina"},
    **{"SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont", "VA": "Virginia"},
    **{"WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming", "DC": "D.C."},
}
_TOWNS_OF = {  # of states whose signs are words or another place
    "OK": "Oklahoma City,Tulsa,Norman,Edmond,Lawton,Stillwater,Broken Arrow,Enid,Muskogee,Ponca City,Ardmore",
    "OR": "Portland,Salem,Eugene,Bend,Medford,Ashland,Corvallis,Astoria,Gresham,Beaverton,Hillsboro",
    "IN": "Indianapolis,Fort Wayne,Gary,Bloomington,South Bend,Evansville,Muncie,Lafayette,Carmel,Kokomo,Terre Haute",
    "ME": "Portland,Bangor,Augusta,Lewiston,Bar Harbor,Kennebunkport,Brunswick,Freeport,Camden",
    "HI": "Honolulu,Hilo,Kailua,Kona,Lahaina,Waikiki,Maui,Kahului",
    "OH": "Columbus,Cleveland,Cincinnati,Dayton,Toledo,Akron,Canton,Youngstown,Springfield,Athens,Lima,Mansfield,Kent",
    "ID": "Boise,Nampa,Meridian,Pocatello,Idaho Falls,Moscow,Twin Falls,Coeur d'Alene",
    "LA": "New Orleans,Baton Rouge,Shreveport,Lafayette,Monroe,Lake Charles,Metairie",
}
_DOTTED = {
    **{"Ala": "AL", "Ariz": "AZ", "Ark": "AR", "Calif": "CA", "Colo": "CO", "Conn": "CT", "Del": "DE", "Fla": "FL"},
    **{
        "Ga": "GA",
        "Ill": "IL",
        "Ind": "IN",
        "Kan": "KS",
        "Ky": "KY",
        "La": "LA",
        "Md": "MD",
        "Mass": "MA",
        "Mich": "MI",
    },
    **{
        "Minn": "MN",
        "Miss": "MS",
        "Mo": "MO",
        "Mont": "MT",
        "Neb": "NE",
        "Nev": "NV",
        "Okla": "OK",
        "Ore": "OR",
        "Pa": "PA",
    },
    **{"Tenn": "TN", "Tex": "TX", "Va": "VA", "Vt": "VT", "Wash": "WA", "Wis": "WI", "Wyo": "WY"},
}
_TOWN = r"(?<![\w])([A-Z][\w'.]+(?: [A-Z][\w'.]+){0,2}, )"
_ROADS = (  # and what else is numbered by threes and fours
    "Highway|highway|Hwy|Route|route|Rte|Interstate|Room|room|Rm|Flight|flight|Suite|Apartment|apartment|Unit|Gate|Bus|bus|Invoice"
    "|invoice|Order|order|Ticket|ticket|Account|account|Case|Locker|locker|Policy|Train|train|Box|Channel|channel|Area|Fahrenheit|Model|model"
)
_CODES = (
    r"ext\.|Ext\.|PIN|pin|code|password|passcode|extension|Extension|ext|zip code|ZIP code|Zip|ZIP|zip|postcode"
    "|postal code|OTP|box|Box"
)
_SAID = frozenset("COVID SARS MERS NATO RAM ROM SIM CAT CES UEFA FIFA NASA".split())  # as words
_NOT_COUNTED = r"(?! (?:people|times|friends|of|men|women|numbers)\b)"
_SIDES = {"N": "North", "S": "South", "E": "East", "W": "West"}
_STREETS = {
    "St": "Street",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Pl": "Place",
    "Ct": "Court",
}
_STREET = "|".join((*_STREETS, *_STREETS.values()))
_STREETS |= {name: name for name in _STREETS.values()}
_DIAL = "[Cc]all|[Cc]alled|[Cc]alling|[Dd]ial|[Dd]ialed|[Dd]ialled|[Dd]ialling|[Rr]ing|[Rr]ang|[Pp]hone|[Tt]ext"


def _phone(match: re.Match[str]) -> str:
    country, *groups = match.groups()
    return ", ".join(([f"plus {digits(country)}"] if country else []) + [digits(group) for group in groups if group])


def _international(match: re.Match[str]) -> str:
    """`+44 20 7946 0958`, `0800 123 456`: as it is grouped. Few digits behind a plus are a number."""
    plus = "plus " if match[0][0] == "+" else ""
    groups = re.findall(r"\d+", match[0])
    if plus and len("".join(groups)) < 7:
        return match[0]
    return plus + ", ".join(digits(group) for group in groups)


def _plus_number(match: re.Match[str]) -> str:
    return f"plus {digits(match[0])}"


def _town(match: re.Match[str]) -> str:
    state = STATES[match[2]]
    return f"{match[1]}{state} {digits(match[3])}" if match[3] else f"{match[1]}{state}"


def _town_alone(match: re.Match[str]) -> str:
    """Without a postcode, `Well, OK.` is no place."""
    towns = _TOWNS_OF.get(match[2])
    return match[0] if towns and match[1].removesuffix(", ") not in towns else _town(match)


def _dotted_state(match: re.Match[str]) -> str:
    end = "." if match.end() == len(match.string) else ""
    return f"{match[1]}{STATES[_DOTTED[match[2]]]}{end}"


def _postcode(match: re.Match[str]) -> str:
    """`SW1A 1AA`."""
    parts = re.findall(r"[A-Z]|\d+", match[0])
    return " ".join(cardinal(part) if part.isdigit() else spell(part) for part in parts)


def _road(match: re.Match[str]) -> str:
    return f"{match[1]} {in_pairs(match[2])}"


def _code(match: re.Match[str]) -> str:
    return f"{match[1]} {digits(match[2])}"


def _mixed(match: re.Match[str]) -> str:
    """`A320`, `H2O`, `B-52`, `MP3`, `x86_64`: letters as letters unless they are a word, numbers in pairs."""
    words = []
    for part in re.findall(r"[A-Z][a-z]{2,}|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+|\d+(?:\.\d+)?", match[0]):
        if part[0].isdigit():
            whole, dot, rest = part.partition(".")
            words.append(_part(whole) + (f" point {digits(rest)}" if dot else ""))
        elif part.isupper() and len(part) > 1 and part not in _SAID:
            words.append(spell(part))
        else:
            words.append(spell(part) if len(part) == 1 else part)
    return " ".join(words)


def _part(number: str) -> str:
    if number[0] == "0" and len(number) > 1:
        return digits(number)
    if len(number) == 4:
        return year(number)
    return in_pairs(number) if len(number) == 3 else cardinal(number) if len(number) < 3 else digits(number)


IDENTIFIERS = (
    rules(
        # thousands apart, as much of Europe writes them; three noughts tell them from other numbers in a row
        (
            r"(?<![\w.,+-])(?<!\d )([1-9]\d{0,2})((?: \d{3}){0,3} 000(?: \d{3}){0,3})(?![\w-]| \d|[.,]\d)",
            lambda m: m[0].replace(" ", ""),
        ),
        # telephones
        (
            r"(?<![\w.,+-])(?:\+(\d{1,3})[ .-]?|(?=\(?\d))\(?(\d{3})\)?[ .-]{0,2}(?<=\D)(\d{3})[ .-](\d{4})(?![\w-])",
            _phone,
        ),
        (
            r"(?<![\w.,-])(1)[ .-]\(?(\d{3})\)?[ .-](\d{3})[ .-](\d{4})(?![\w-])",
            lambda m: ", ".join(digits(g) for g in m.groups()),
        ),
        (r"(?<![\w.,-])\d{3}-\d{4}-\d{4}(?![\w-])", _international, "-"),
        (r"(?<![\w.-])()(\d{3})-(\d{4})(?![\w-])", _phone, "-"),
        (r"(?<![\w.,])\+\d{1,3}(?: ?\(0\))?(?:[ .-]?\(?\d{1,11}\)?){1,6}(?![\w-])", _international, "+"),
        (r"(?<![\w.,])\+\d{7,15}(?!\w)", _plus_number, "+"),
        (r"(?<![\w.,:/-])\(?0\d{2,4}\)?(?: \d{3,4}){2}(?![\w:/-]|[.,]\d)", _international, "0"),
        (
            r"(?<![\w.,:/-])(?:0\d{3,4} \d{5,6}|00 ?[1-9]\d{0,2}(?: \d{1,5}){2,5})(?![\w:/-]|[.,]\d)",
            _international,
            "0",
        ),
        (
            r"(?<![\w.,-])1[ -](800|888|877|866|900)[ -]([A-Z]{4,8})\b",
            lambda m: f"one {in_pairs(m[1])} {m[2].lower()}",
            "89",
        ),
        (r"(?<![\w.,-])\d{3}-\d{2}-\d{4}(?![\w-])", _international, "-"),
        (r"(?<![\w.,-])\d{4}(?:[ -]\d{4}){3}(?![\w-])", _international),
        (r"(?<![\w-])97[89]-\d{1,5}-\d{1,7}-\d{1,7}-[\dX](?![\w-])", _international, "-"),
        (
            rf"\b((?:{_DIAL})(?: for| the number)?) (\d{{3}}|\d{{5,6}})\b(?![.,]\d){_NOT_COUNTED}",
            _code,
        ),
        (  # calibres
            r"\b((?i:an?|the|his|her|my|your|with|of) )\.(22|25|32|38|40|44|45|50|303|308|357|223|270)(?!\w|[.,]\d|%)",
            lambda m: m[1] + in_pairs(m[2]),
            ".",
        ),
        (
            r"(?<![\w.,$£€-])(?<!Porsche )(9)(1)(1)(?![\w/-]|[.,]\d)(?! (?:people|Turbo|Carrera|GT))",
            lambda m: "nine one one",
            "9",
        ),
        (r"\bPorsche 911\b", "Porsche nine eleven", "P"),
        # places
        (
            rf"(?<![\w.'])([NSEW])\.? (?=\d{{1,3}}(?:st|nd|rd|th) (?:{_STREET})\b)",
            lambda m: f"{_SIDES[m[1]]} ",
            "NSEW",
        ),
        (
            rf"(?<=\d )([NSEW])\.? (?=(?:\d{{1,3}}(?:st|nd|rd|th)|[A-Z]\w{{1,30}}) (?:{_STREET})\b)",
            lambda m: f"{_SIDES[m[1]]} ",
            "NSEW",
        ),
        (
            rf"(?<![\w.,])(\d{{1,3}}(?:st|nd|rd|th)) ({_STREET})\b(?:\.(?=,| [a-z]|$))?",
            lambda m: f"{m[1]} {_STREETS[m[2]]}",
        ),
        (rf"{_TOWN}({'|'.join(STATES)}) (\d{{5}}(?:-\d{{4}})?)(?!\w)", _town, ","),
        (r"\b[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}\b", _postcode),
        (r"(?<![\w-])(\d{5})-(\d{4})(?![\w-])", lambda m: f"{digits(m[1])}, {digits(m[2])}", "-"),
        (
            rf"\b({_CODES})(?: is| of)?:? (\d{{2,10}})\b(?![.,]\d)",
            lambda m: f"{m[0][: m.start(2) - m.start()].replace('xt.', 'xtension')}{digits(m[2])}",
        ),
        (rf"\b({_ROADS}) (\d{{3,4}})\b(?![.,]\d|:)", _road),
        (
            r"(?<![\w.,$£€-])(7[0-8]7)(?=(?:-\d00)?\b)(?![.,]\d|[%°])(?! (?:people|dollars|times|percent|points|pages))",
            lambda m: in_pairs(m[1]),
            "7",
        ),
        (r"(?<=[a-z] )101(?=[.!?;]|$)(?<!\b(?:of|to|at|is) 101)", "one oh one", "1"),
        # words with digits in them
        (r"(?<![\w.])([A-Z])\.(\d{2,4})(?![\w]|[.,]\d)", lambda m: f"{m[1]} {in_pairs(m[2])}", "."),  # H.264
        (
            r"\b((?i:at|by|till|until|before|after|since|around|from|about) )(0\d[0-5]\d)(?![\w/-]|[.,:]\d)",
            lambda m: m[1] + military(m[2]),
            "0",
        ),
        (r"(?<![\w.,:'–-])0\d+(?![\w:/.-])(?! (?:hours|hrs)\b)", lambda m: digits(m[0]), "0"),
        signs="0123456789",
    )
    + rules(
        (rf"{_TOWN}({'|'.join(STATES)})()(?=[.,;:!?)]|$| [a-z])(?!, [A-Z]{{2,}})", _town_alone),
        (rf"{_TOWN}({'|'.join(_DOTTED)})\.", _dotted_state),
        (r"\b(Washington),? (DC|D\.C\.)(?!\w)", r"\1, D.C."),
        signs=",DC",
    )
)

MIXED = rules(
    (
        r"(?<![\w.,$£€'])(?:[A-Za-z]{1,12}[-_]?\d{1,5}(?:\.\d{1,3})?|\d{1,4}(?!(?:st|nd|rd|th|s)\b)[A-Za-z]{1,12})[A-Za-z\d]*(?:[-_][A-Za-z\d]+)*(?![\w]|'[^s\W])",
        _mixed,
    ),
    signs="0123456789",
)
