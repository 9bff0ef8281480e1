"""Abbreviations, titles, signs between words."""

from __future__ import annotations

import re

from dialogue_tts.text.rewriting import rules

_TITLES = {  # in front of a name
    **{"Mr": "Mr", "Mrs": "Mrs", "Ms": "Miz", "Messrs": "Messieurs", "Mx": "Mix", "Dr": "Dr", "Drs": "Doctors"},
    **{"Prof": "Professor", "St": "Saint", "Sts": "Saints", "Mt": "Mount", "Ft": "Fort", "Gen": "General"},
    **{"Gov": "Governor", "Sen": "Senator", "Rep": "Representative", "Capt": "Captain", "Cpt": "Captain"},
    **{"Lt": "Lieutenant", "Col": "Colonel", "Sgt": "Sergeant", "Cmdr": "Commander", "Rev": "Reverend"},
    **{"Hon": "Honorable", "Pres": "President", "Supt": "Superintendent", "Cpl": "Corporal", "Pvt": "Private"},
    **{"Maj": "Major", "Adm": "Admiral", "Fr": "Father", "Msgr": "Monsignor", "Sr": "Sister", "Det": "Detective"},
    **{"Insp": "Inspector", "Amb": "Ambassador", "Atty": "Attorney", "Brig": "Brigadier", "Ald": "Alderman"},
    **{"Mme": "Madame", "Mlle": "Mademoiselle"},
}
_UNDOTTED = (
    "Mr|Mrs|Ms|Mx|Dr|Prof|St|Mt|Ft|Gen|Gov|Sen|Rep|Capt|Lt|Col|Sgt|Cmdr|Rev|Hon|Pres|Supt|Cpl|Maj|Adm|Fr|Msgr|Mme|Mlle"
)
_STREETS = {
    **{"St": "Street", "Ave": "Avenue", "Av": "Avenue", "Blvd": "Boulevard", "Rd": "Road", "Ln": "Lane", "Dr": "Drive"},
    **{
        "Ct": "Court",
        "Pl": "Place",
        "Sq": "Square",
        "Hwy": "Highway",
        "Rte": "Route",
        "Pkwy": "Parkway",
        "Ter": "Terrace",
        "Cir": "Circle",
    },
    **{
        "Cres": "Crescent",
        "Expy": "Expressway",
        "Trl": "Trail",
        "Bldg": "Building",
        "Fwy": "Freeway",
        "Tpke": "Turnpike",
    },
}
_ALWAYS = {  # with their full stop, wherever they stand
    **{"Jr": "Junior", "Sr": "Senior", "Ste": "Suite", "Apt": "Apartment", "Ltd": "Limited", "Inc": "Incorporated"},
    **{"Corp": "Corporation", "Co": "Company", "Bros": "Brothers", "Dept": "Department", "dept": "department"},
    **{"Univ": "University", "Assn": "Association", "Assoc": "Association", "Govt": "Government", "govt": "government"},
    **{
        "approx": "approximately",
        "Approx": "Approximately",
        "est": "established",
        "Est": "Established",
        "vs": "versus",
    },
    **{
        "Vs": "Versus",
        "VS": "Versus",
        "vol": "volume",
        "Vol": "Volume",
        "vols": "volumes",
        "fig": "figure",
        "Fig": "Figure",
    },
    **{"figs": "figures", "Figs": "Figures", "ch": "chapter", "Ch": "Chapter", "chap": "chapter", "Chap": "Chapter"},
    **{"pp": "pages", "ed": "edition", "eds": "editors", "nos": "numbers", "Nos": "Numbers", "sec": "section"},
    **{
        "Sec": "Section",
        "cf": "compare",
        "etc": "et cetera",
        "Etc": "Et cetera",
        "incl": "including",
        "Incl": "Including",
    },
    **{"excl": "excluding", "esp": "especially", "Esp": "Especially", "misc": "miscellaneous", "Misc": "Miscellaneous"},
    **{
        "temp": "temperature",
        "Temp": "Temperature",
        "max": "maximum",
        "Max": "Maximum",
        "min": "minimum",
        "avg": "average",
    },
    **{"Avg": "Average", "hrs": "hours", "mins": "minutes", "secs": "seconds", "yrs": "years", "ext": "extension"},
    **{"Ext": "Extension", "tel": "telephone", "Tel": "Telephone", "dist": "district", "intl": "international"},
    **{"Intl": "International", "Natl": "National", "natl": "national", "Mfg": "Manufacturing", "Dist": "District"},
    **{"ft": "feet", "oz": "ounces", "lbs": "pounds", "tbsp": "tablespoons", "tsp": "teaspoons", "mgr": "manager"},
    **{
        "Mgr": "Manager",
        "asst": "assistant",
        "Asst": "Assistant",
        "Dir": "Director",
        "Sect": "Section",
        "para": "paragraph",
    },
    **{"viz": "namely", "ibid": "ibid", "anon": "anonymous", "Anon": "Anonymous", "Cllr": "Councillor", "ca": "circa"},
    **{"appt": "appointment", "Appt": "Appointment", "ver": "version", "qty": "quantity", "Qty": "Quantity"},
    **{
        "orig": "original",
        "Op": "Opus",
        "op": "opus",
        "prev": "previous",
        "Attn": "Attention",
        "Encl": "Enclosed",
        "Esq": "Esquire",
        "Pt": "Part",
        "Mfr": "Manufacturer",
    },
}
_SIDES = {"N": "North", "S": "South", "E": "East", "W": "West"}
_NEEDS_NUMBER = frozenset(
    "Pt Op op fig Fig figs Figs ch Ch chap Chap ed eds nos Nos sec Sec vol Vol vols est Est ext Ext max Max min ver ca".split()
)
_IN_HASTE = {  # without their apostrophe
    **{
        f"{verb}nt": f"{verb}n't"
        for verb in "do did does is was were are has have had would could should ai must".split()
    },
    **{f"{who}{end}": f"{who}'{end}" for who in ("you", "they") for end in ("re", "ve")},
    **{"weve": "we've", "ive": "I've", "im": "I'm"},
}
_WORDS = {  # as they stand
    **{"km/h": "kilometers per hour", "mi/h": "miles per hour", "m/s": "meters per second"},
    **{"mph": "M.P.H.", "kph": "K.P.H."},
    **{
        word: "".join(f"{letter}." for letter in word.upper())
        for word in "diy vip idk omg wtf ikr omw irl idc ngl smh gtg brb ttyl afaik iirc fwiw lmk".split()
    },
    **{"w/": "with ", "w/o": "without", "b/c": "because", "aka": "also known as", "AKA": "also known as"},
    **{
        "BTW": "by the way",
        "btw": "by the way",
        "IMO": "in my opinion",
        "imo": "in my opinion",
        "IMHO": "in my humble opinion",
    },
    **{"YoY": "year over year", "QoQ": "quarter over quarter", "MoM": "month over month"},
    **{"TBD": "to be determined", "TBA": "to be announced", "FYI": "F.Y.I.", "and/or": "and or", "he/she": "he or she"},
    **{
        "she/he": "she or he",
        "him/her": "him or her",
        "his/her": "his or her",
        "his/hers": "his or hers",
        "s/he": "she or he",
    },
    **{
        "her/his": "her or his",
        "He/she": "He or she",
        "His/her": "His or her",
        "he/him": "he him",
        "she/her": "she her",
    },
    **{
        "they/them": "they them",
        "yes/no": "yes or no",
        "c/o": "care of",
        "n/a": "not applicable",
        "N/A": "not applicable",
    },
    **{"vs": "versus", "pls": "please", "plz": "please", "thx": "thanks", "Thx": "Thanks", "tmrw": "tomorrow"},
    **{"A/C": "A.C.", "a/c": "A.C.", "'em": "'em", "TCP/IP": "T.C.P. I.P.", "I/O": "I.O.", "24-7": "twenty four seven"},
    **{"Ctrl": "Control", "ctrl": "control", "CTRL": "Control", "Cmd": "Command"},
    **{f"{system}OS": f"{system} O.S." for system in ("mac", "iPad", "watch", "Chrome", "tv", "web")},
    **_IN_HASTE,
    **{"gr8": "great", "l8r": "later", "m8": "mate", "w8": "wait", "2nite": "tonight"},
    **{word.capitalize(): written.capitalize() for word, written in _IN_HASTE.items() if word != "ive"},
    **{"R&B": "R and B", "w/e": "whatever", "m/f": "male or female"},
}
_LATIN = (
    (r"(?<![\w.])[Ee]\. ?g\.(?:,(?= ))?", "for example"),
    (r"(?<![\w.])[Ii]\. ?e\.(?:,(?= ))?", "that is"),
    (r"\b[Ee]t\.? al\.(?= ?[a-z,(\d])", "et al"),
    (r"\b[Ee]t\.? al\.", "et al."),
    (r"(?<![\w.])[Pp]\. ?[Ss]\.(?=[ :,])", "P.S."),
    (r"(?<![\w.])a\.k\.a\.", "also known as"),
    (r"(?<![\w.])[cC]\. (?=\d{3,4}\b)", "circa "),
    (r"(?<![\w.])[vV]\. (?=[A-Z])(?<=[A-Za-z.] v\. )", "versus "),
    (r"(?<=\w, )[Ss]c\. (?=\d)", "scene "),
    (r"(?<![\w.])Q\.E\.D\.", "Q.E.D."),
)


def _end(match: re.Match[str]) -> str:
    """An abbreviation's full stop stays where the sentence ends with it: at the text's end."""
    return "." if match.end() == len(match.string) else ""


def _title(match: re.Match[str]) -> str:
    return _TITLES[match[1]] + " "


def _street(match: re.Match[str]) -> str:
    return f"{match[1]} {_STREETS[match[2]]}{_end(match)}"


def _dotted(match: re.Match[str]) -> str:
    return _ALWAYS[match[1]] + _end(match)


def _ended(match: re.Match[str]) -> str:
    """`etc. Then`: a new sentence."""
    return _ALWAYS[match[1]] + "."


def _word(match: re.Match[str]) -> str:
    return _WORDS[match[0]]


def _number(match: re.Match[str]) -> str:
    return "Numbers " if match[1].lower() == "nos" else "Number " if match[1][0] == "N" else "number "


def _from_to(match: re.Match[str]) -> str:
    """`A–F`, letters both."""
    return " to ".join(f"{letter}." for letter in match.groups() if letter)


def _in_haste(match: re.Match[str]) -> str:
    """`I cant`, `they wont`; `his wont` is a word."""
    before = match.string[max(match.start() - 5, 0) : match.start()].rpartition(" ")[2].casefold()
    known = before in "i you he she it we they that this who".split() and match[1] in ("cant", "wont")
    return f" {match[1][:2]}n't" if known else match[0]


def _alternatives(words: dict[str, str] | frozenset[str] | set[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


_NAMED = "Dr|St|Pl|Ct|Sq|Ter|Cir"  # streets, if a name stands in front
_NO_START = "(?!The |At |On |In |And |Saint |Dear |With |By |From )"
_NO_COMPANY = r"(?<!Inc\.)(?<!Co\.)(?<!Corp\.)(?<!vs\.)(?<!Jr\.)(?<!Sr\.)(?<!Ltd\.)(?<!cf\.)"
_CAPITAL = r"(?=\"?[A-ZÀ-Þ])"
_STREET = _alternatives(set(_STREETS))
WORDS = (
    *rules((r"\bPh\.? ?D\b\.?", lambda m: "P.H.D." + _end(m) * (m[0][-1] == ".")), signs="P"),
    *rules((r"\bGen (?=[XYZ]\b|Alpha)", "Gen-")),
    *rules(
        (r"\b([Nn]os?)\. ?(?=\d)", _number),
        (r"\b[Pp]\. ?(?=\d)", "page "),
        (r"\b(?:[Pp]p|[Pp]gs)\. ?(?=\d)", "pages "),
        (r"\b[Pp]g\. ?(?=\d)", "page "),
        *_LATIN,
        # streets behind a name: 12 Elm St., Fifth Ave; in front of one, St. is Saint
        (rf"(?<=\d )((?:[NSEW]\.? )?(?:[A-Z]\w+|\d+\w\w)(?: [A-Z]\w+)?) ({_STREET})\b\.?(?=[ ,]|$)", _street),
        (
            rf"\b({_NO_START}[A-Z][a-z]+(?:'s)?) ({_NAMED})\.(?=[,;:!?]|$| (?![A-ZÀ-Þ]))",
            _street,
        ),
        (
            rf"\b([A-Z]\w+|\d+th|\d+[nr]d|\d+st) ({_alternatives(set(_STREETS) - {*_NAMED.split('|'), 'Bldg', 'Av'})})\.",
            _street,
        ),
        (r"(?<!\w)(Ave|Blvd)\. (?=of )", lambda m: _STREETS[m[1]] + " "),
        (r"(?<=\w )(Ave|Blvd|Rd|Hwy|Pkwy)\b(?! Maria)", lambda m: _STREETS[m[1]]),
        (
            r"(?<![\w.])([NSEW])\.? (?=\d{1,3}(?:st|nd|rd|th) (?:St|Ave|Rd|Blvd|Street|Avenue|Road|Boulevard)\b)",
            lambda m: _SIDES[m[1]] + " ",
        ),
        (r"(?<!\w)(Apt|Ste)\.? ?(?=# ?\d|number )", lambda m: _ALWAYS[m[1]] + " "),
        (r"(?<!\w)(Hwy|Rte)\b\.?(?= [\dA-Z])", lambda m: _STREETS[m[1]]),
        (
            rf"(?<!\w)({_alternatives(set(_TITLES))})\. {_CAPITAL}(?<!\b[Tt]he Sun\. )(?<!\b[Tt]he Gen\. )(?<!\b[Tt]he Rep\. )",
            _title,
        ),
        (rf"(?<!\w)({_UNDOTTED}) {_CAPITAL}(?<!\b[Tt]he Rep )(?<!\b[Tt]he Gen )(?!Gen [XYZ]\b|Gen Alpha)", _title),
        (
            r"(?<!\w)(Mr|Mrs|Ms|Prof|Capt|Lt|Col|Sgt|Cpl|Cmdr|Rev|Gov|Sen|Supt|Messrs)\.",
            lambda m: _TITLES[m[1]] + _end(m),
        ),
        (r"(?<!\w)Dr\.", lambda m: "doctor" + _end(m)),
        (
            rf"(?<![\w.])({_alternatives(set(_ALWAYS) - _NEEDS_NUMBER)})\.(?= [A-Z][a-z]+ [a-z]){_NO_COMPANY}",
            _ended,
        ),
        (rf"(?<![\w.])({_alternatives(set(_ALWAYS) - _NEEDS_NUMBER)})\.", _dotted),
        (rf"(?<![\w.])({_alternatives(_NEEDS_NUMBER)})\.(?= ?[\dIVXLivx])", _dotted),
        (r"(?<![\w.])(ed|approx|est)\.(?=[,)])", _dotted),
        (r"(?<![\w.])(No|no)\.(?=[,;]| [a-z])", r"\1"),
        (r"(?<=\w) ?& ?[Cc]o\.", " and Company"),
        signs=".ADHPBR",
    ),
    *rules((rf"(?<![\w/'])(?:{_alternatives(set(_WORDS))})(?![\w/'])", _word)),
    *rules(
        # the five Ws
        (
            r"([B-HJ-Z])s(?![\w'])(?:(?<=\d ..)|(?<=two ..)|(?<=three ..)|(?<=four ..)|(?<=five ..)|(?<=six ..))",
            r"\1.s",
        ),
        (r" ([wc][oa]nt)(?![\w'])", _in_haste, "n"),
    ),
    *rules(
        (r"(?<=\w)(?: '[nN]'?|'[nN]') (?=\w)", " and "),
        (r"(?<=[a-z])'n'(?=[a-z])", " and "),
        # verse: fall'n, giv'n; i' th' dark, o' the night
        (r"(?<=[a-z][bklstvz])'n(?![\w'])(?<!in'n)", "en"),
        (r"\b([iI])'(?= ?(?:th'|the\b|faith\b|my\b|God|sooth\b))", lambda m: "in" if m[1] == "i" else "In"),
        (r"\b([oO])'(?= ?(?:th'|the\b|my\b|me\b|clock\b))", lambda m: "of" if m[1] == "o" else "Of"),
        (r"\b(?:([tT]h)|([wW]i))'(?= ?\w)", lambda m: f"{m[1]}e " if m[1] else f"{m[2]}th "),
        signs="'",
    ),
)

_SPOKEN = {
    **{"=": "equals", "<": "is less than", ">": "is greater than", "°": "degrees", "§": "section", "¶": "paragraph"},
    **{"±": "plus or minus", "×": "times", "÷": "divided by", "©": "copyright", "→": "to", "µ": "micro", "#": "hash"},
    **{"%": "percent", "&": "and", "+": "plus", "@": "at", "²": "squared", "³": "cubed"},
}
_PER = {
    **{"yr": "year", "mo": "month", "wk": "week", "hr": "hour", "min": "minute", "sec": "second", "kg": "kilogram"},
    **{"lb": "pound", "oz": "ounce", "sqft": "square foot", "sq ft": "square foot", "mi": "mile"},
    **{word: word for word in "hour day night week month year person head user unit piece ton".split()},
}
SYMBOLS = (
    *rules((r"(?<!\w)a(?= [=<>+] )|(?<= [=<>+] )a(?!\w)", "A."), signs="=<>+"),
    *rules((r"(?<![\w/])([A-Z])/([A-Z])(?![\w/])", r"\1.\2."), signs="/"),
    *rules((r"(?<![\w-])(A)-(Z)(?![\w-])|(?<![\w–])([A-Z])–([A-Z])(?![\w–])", _from_to), signs="-–"),
    *rules((r"(?<=[A-Za-z]{2}) > (?=[A-Z][a-z])", ", "), signs=">"),  # Settings > Privacy
    *rules((r"(?<=\w) ?[-=]+> ?(?=\w)", " to "), signs=">"),
    *rules((r"(?<![<>=!])[<>]=(?!=)", lambda m: " is at most " if m[0][0] == "<" else " is at least "), signs="<>"),
    *rules((r"!=(?= ?\w)", " is not equal to "), (r"(?<=\w) ?={2,3} ?(?=\w)", " equals "), signs="="),
    *rules((r"(?<=\w) ?& ?(?=\w)", " and "), signs="&"),
    *rules((r"~ ?(?=\d|[a-z]+ (?:hundred|thousand|minutes|hours|miles))", "about "), signs="~"),
    *rules((r"~", " "), signs="~"),
    *rules(
        (rf"(?<=\w) ?/ ?({_alternatives(set(_PER))})(?![\w/])(?<!\d/\w)", lambda m: f" per {_PER[m[1]]}"), signs="/"
    ),
    *rules((r"(?<=\w)/(?=\w)", " slash "), (r"(?<=\w) / (?=\w)", " slash "), (r"/", " "), signs="/"),
    *rules((r"\\", " "), (r"(?<=\w)\^(?=\w)", " to the power of "), signs="\\^"),
    *rules(
        (r"(?<=[\w.)]) ?= ?(?=[\w(-])", " equals "),
        (r"(?<=[\w.)]) ?([<>]) ?(?=\w)", lambda m: f" {_SPOKEN[m[1]]} "),
        signs="=<>",
    ),
    *rules((r"[=<>]", " "), signs="=<>"),
    *rules((r"[°§¶±×÷©→µ#%&+@²³]", lambda m: f" {_SPOKEN[m[0]]} "), signs="°§¶±×÷©→µ#%&+@²³"),
    *rules((r"\|", ", "), (r"[*_^™®`]", " "), signs="|*_^™®`"),
    *rules((r"–", "-"), signs="–"),
)
