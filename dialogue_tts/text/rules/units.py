"""Measures: a number and its unit."""

from __future__ import annotations

import re
from collections.abc import Collection

from dialogue_tts.text.numbers import number
from dialogue_tts.text.rewriting import rules
from dialogue_tts.text.rules.money import NUMBER, SCALES, is_of_one_thing

_LENGTHS = {
    "m": "meter",
    "km": "kilometer",
    "cm": "centimeter",
    "mm": "millimeter",
    "ft": "foot/feet",
    "in": "inch/inches",
    "mi": "mile",
    "yd": "yard",
}
_UNITS = _LENGTHS | {
    **{"µm": "micrometer", "nm": "nanometer", "yds": "yards/yards", "kms": "kilometers/kilometers"},
    **{"kg": "kilogram", "kgs": "kilograms/kilograms", "g": "gram", "mg": "milligram", "mcg": "microgram"},
    **{"µg": "microgram", "t": "ton", "lb": "pound", "lbs": "pounds/pounds", "oz": "ounce", "st": "stone/stone"},
    **{"L": "liter", "l": "liter", "mL": "milliliter", "ml": "milliliter", "cl": "centiliter", "dl": "deciliter"},
    **{"gal": "gallon", "pt": "pint", "qt": "quart", "tbsp": "tablespoon", "tsp": "teaspoon", "cc": "cubic centimeter"},
    **{"fl oz": "fluid ounce", "ha": "hectare", "sq ft": "square foot/square feet", "sq mi": "square mile"},
    **{"sq m": "square meter", "sq km": "square kilometer", "sq yd": "square yard"},
    **{"mph": "mile per hour/miles per hour", "kph": "kilometer per hour/kilometers per hour"},
    **{"km/h": "kilometer per hour/kilometers per hour", "kmh": "kilometer per hour/kilometers per hour"},
    **{"m/s": "meter per second/meters per second", "ft/s": "foot per second/feet per second"},
    **{"mpg": "mile per gallon/miles per gallon", "rpm": "revolution per minute/revolutions per minute"},
    **{"bpm": "beat per minute/beats per minute", "fps": "frame per second/frames per second"},
    **{"psi": "P.S.I./P.S.I.", "dpi": "D.P.I./D.P.I.", "ppm": "part per million/parts per million"},
    **{"Hz": "hertz/hertz", "kHz": "kilohertz/kilohertz", "MHz": "megahertz/megahertz", "GHz": "gigahertz/gigahertz"},
    **{"B": "byte", "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte"},
    **{"PB": "petabyte", "MiB": "mebibyte", "GiB": "gibibyte", "Kb": "kilobit", "Mb": "megabit", "Gb": "gigabit"},
    **{"kbps": "kilobit per second/kilobits per second", "Mbps": "megabit per second/megabits per second"},
    **{"Gbps": "gigabit per second/gigabits per second", "Mbit/s": "megabit per second/megabits per second"},
    **{"MB/s": "megabyte per second/megabytes per second", "GB/s": "gigabyte per second/gigabytes per second"},
    **{"h": "hour", "hr": "hour", "hrs": "hours/hours", "min": "minute", "mins": "minutes/minutes", "s": "second"},
    **{"sec": "second", "secs": "seconds/seconds", "ms": "millisecond", "µs": "microsecond", "ns": "nanosecond"},
    **{"yr": "year", "yrs": "years/years", "mo": "month", "wk": "week", "wks": "weeks/weeks", "mos": "months/months"},
    **{
        "W": "watt",
        "kW": "kilowatt",
        "MW": "megawatt",
        "GW": "gigawatt",
        "kWh": "kilowatt hour",
        "MWh": "megawatt hour",
    },
    **{"V": "volt", "kV": "kilovolt", "mV": "millivolt", "mA": "milliamp", "mAh": "milliamp hour", "Ah": "amp hour"},
    **{"J": "joule", "kJ": "kilojoule", "cal": "calorie", "kcal": "kilocalorie", "N": "newton", "kN": "kilonewton"},
    **{"Pa": "pascal", "kPa": "kilopascal", "hPa": "hectopascal", "mbar": "millibar", "bar": "bar", "dB": "decibel"},
    **{"px": "pixel", "MP": "megapixel", "pct": "percent/percent", "hp": "horsepower/horsepower", "lm": "lumen"},
    **{"Ω": "ohm", "kΩ": "kilohm", "pp": "page", "mi/h": "mile per hour/miles per hour"},
}
_APART = frozenset(_UNITS) - frozenset("B N J s in st bar mo pt cal pp".split())  # a space may stand in front
_TIGHT = frozenset(_UNITS) - frozenset("B N J s st bar mo pp t".split())  # or none


_STARTS = "".join(sorted({unit[0] for unit in _UNITS}))
_NOT_ONE_UNIT = r"(?<!km/h)(?<!m/s)(?<!mi/h)"


def _any(units: Collection[str]) -> str:
    return "|".join(re.escape(unit) for unit in sorted(units, key=len, reverse=True))


_PER = {"kg": "kilogram", "g": "gram", "l": "liter", "L": "liter", "m": "meter", "km": "kilometer", "h": "hour"} | {
    **{"s": "second", "hr": "hour", "min": "minute", "day": "day", "week": "week", "month": "month", "year": "year"},
    **{
        "mL": "milliliter",
        "ml": "milliliter",
        "lb": "pound",
        "person": "person",
        "hour": "hour",
        "yr": "year",
        "dl": "deciliter",
    },
}
_ONE = frozenset(("1", "-1", "1.0"))


def unit_words(count: str, unit: str) -> str:
    one, _, many = _UNITS[unit].partition("/")
    return one if count in _ONE else many or one + "s"


def _unit(match: re.Match[str]) -> str:
    return f"{number(match[1])} {unit_words('1' if is_of_one_thing(match) else match[1], match[2])}"


def _compound(match: re.Match[str]) -> str:
    """`a 5-km run`, `a 10 kg-bag`: one unit."""
    return f"{number(match[1])} {unit_words('1', match[2])}"


def _range(match: re.Match[str]) -> str:
    return (
        f"{number(match[1])} to {number(match[2])} {unit_words('1' if is_of_one_thing(match) else match[2], match[3])}"
    )


def _range_of_both(match: re.Match[str]) -> str:
    """`5km–10km`, each with its unit."""
    low, unit, high, other = match.groups()
    return f"{number(low)} {unit_words(low, unit)} to {number(high)} {unit_words(high, other)}"


def _by(match: re.Match[str]) -> str:
    """`12"x18"`, `5' × 7'`: sides."""
    first, sign, second = match.groups()
    return f"{number(first)} by {number(second)} {'feet' if sign == chr(39) else 'inches'}"


def _per(match: re.Match[str]) -> str:
    what = unit_words(match[1], match[2]) if match[2] in _UNITS else match[2]
    return f"{number(match[1])} {what} per {_PER[match[3]]}"


def _degrees(match: re.Match[str]) -> str:
    count, scale = match[1], match[2]
    words = f"{number(count)} {'degree' if count in _ONE or is_of_one_thing(match) else 'degrees'}"
    return words + {"C": " Celsius", "F": " Fahrenheit", "K": " Kelvin"}.get(scale or "", "")


def _degree_range(match: re.Match[str]) -> str:
    scale = {"C": " Celsius", "F": " Fahrenheit"}.get(match[3] or "", "")
    return f"{number(match[1])} to {number(match[2])} degrees{scale}"


def _feet(match: re.Match[str]) -> str:
    feet, inches = match.groups()
    words = f"{number(feet)} {'foot' if feet == '1' else 'feet'}"
    return f"{words} {number(inches)}" + (" inch" if inches == "1" else " inches")


def _seconds(match: re.Match[str]) -> str:
    return f"{number(match[1])} seconds"


def _big(match: re.Match[str]) -> str:
    return f"{number(match[1])} {SCALES[match[2]]}"


def _power(match: re.Match[str]) -> str:
    power = "square" if (match[3] or match[4]) in "2²" else "cubic"
    return f"{number(match[1])} {power} {unit_words('1' if is_of_one_thing(match) else match[1], match[2])}"


def _power_alone(match: re.Match[str]) -> str:
    """`per m²`, `a thousand km²`."""
    before, unit, power = match.groups()
    count = "1" if before.lower() in ("per ", "a ", "each ", "every ") else ""
    return f"{before}{'square' if power == '²' else 'cubic'} {unit_words(count, unit)}"


def _place(match: re.Match[str]) -> str:
    """`51°30'N`, `40° 42' 46"`."""
    degrees, minutes, seconds, side = match.groups()
    words = [f"{number(degrees)} degrees", f"{number(minutes)} minutes" if minutes else ""]
    words += [f"{number(seconds)} seconds" if seconds else "", _SIDES.get(side, "")]
    return " ".join(filter(None, words))


_SIDES = {"N": "north", "S": "south", "E": "east", "W": "west"}
_START = r"(?<![\w.,$£€/'])"
_DOT = r"(?:\.(?=[,;:)]| [a-z]))?"  # `3 ft. tall`; where a sentence may end it stays
_COUNTERS = "per |an? |each |every |in |of |many |hundred |thousand |million "
UNITS = rules(
    (r"(?<=\d )(sq)\.? (ft|mi|m|km|yd)\b\.?(?=[,;:)]| [a-z]|$)", r"sq \2", "q"),
    (rf"{_START}(\d{{1,3}})° ?(?:(\d{{1,2}})' ?)?()([NSEW])\b", _place, "°"),
    (rf"{_START}(\d{{1,3}})° ?(\d{{1,2}})' ?(?:(\d{{1,2}}(?:\.\d{{1,4}})?) ?(?:\"|'') ?)?([NSEW]\b)?", _place, "°"),
    (rf"{_START}({NUMBER}) in\.(?=[,;:)]| (?:[a-z]|\d)|$)", lambda m: f"{number(m[1])} {unit_words(m[1], 'in')}", "i"),
    (rf"{_START}(-?(?:{NUMBER}))°? ?(?:[-–]|to) ?(-?(?:{NUMBER})) ?° ?([CF])?(?!\w)", _degree_range, "°"),
    (rf"{_START}(-?(?:{NUMBER})) ?° ?([CFK])?(?!\w)", _degrees, "°"),
    (rf"{_START}(\d{{1,4}}(?:\.\d{{1,2}})?)(['\"]) ?[x×] ?(\d{{1,4}}(?:\.\d{{1,2}})?)\2", _by, "x×"),
    (rf"{_START}(\d{{1,2}}) ?' ?(\d{{1,2}}(?:\.\d)?) ?(?:\"|'')", _feet, "'"),
    (rf"{_START}(\d{{1,2}}) ?(?:ft|feet|foot)\.? (\d{{1,2}}) ?(?:in|inches|inch)\b\.?", _feet, "f"),
    (rf"{_START}(?<!\")(\d{{1,3}}(?:\.\d{{1,2}})?)\"(?=\s|$|[,.;!?])", lambda m: f"{number(m[1])} inches", '"'),
    (rf"{_START}(?<!')(\d{{1,2}})'(?= (?:tall|long|wide|high|deep|by|x)\b)", lambda m: f"{number(m[1])} feet", "'"),
    (rf"{_START}({NUMBER}) ?(km|cm|mm|mi|ft|in|m|yd)(?:\^?([23])|([²³]))(?!\w)", _power, "kcmfiy"),
    (
        rf"{_START}({NUMBER}) ?({_any(_APART)}) ?[-–] ?({NUMBER}) ?({_any(_APART)})(?![\w/²³']){_DOT}",
        _range_of_both,
        "-–",
    ),
    (rf"{_START}({NUMBER}) ?(?:[-–]|to) ?({NUMBER}) ({_any(_APART)})(?![\w/²³']){_DOT}", _range, "-–t"),
    (rf"{_START}({NUMBER}) ?(?:[-–]|to) ?({NUMBER})({_any(_TIGHT)})(?![\w/²³']){_DOT}", _range, "-–t"),
    (rf"{_START}(-?(?:{NUMBER})) ?({_any(_APART)}|[a-z]{{3,9}})/({_any(_PER)})(?!\w){_NOT_ONE_UNIT}", _per, "/"),
    (rf"{_START}(-?(?:{NUMBER})) ({_any(_APART)})(?![\w/²³']){_DOT}", _unit, _STARTS),
    (rf"{_START}(\d?[04-9]|1[123])st(?!\w)", lambda m: f"{number(m[1])} stone", "s"),
    (rf"{_START}([3-7])'(\d|1[01])(?![\w\"'])", lambda m: f"{number(m[1])} foot {number(m[2])}", "'"),
    (r"(?<=\d) ?mm ?Hg\b", " millimeters of mercury", "H"),
    (
        r"\b((?i:an?|the|his|her|my|your|this|that|their) \d{1,2}) ?mm(?=[.,;:!?\"]|$| (?:and|in|at|from|to|out|on)\b)",
        r"\1 millimeter",
        "m",
    ),
    (rf"{_START}(-?(?:{NUMBER}))({_any(_TIGHT)})(?![\w/²³']){_DOT}", _unit, _STARTS),
    (rf"{_START}({NUMBER})-({_any(_TIGHT)})(?![\w/²³'])", _compound, "-"),
    (rf"{_START}({NUMBER})(k|M|bn|mn)(?![\w-])", _big, "kMbm"),
    (rf"{_START}(\d+\.\d+)s(?!\w)(?! (?:timer|delay|timeout|pause|video|clip|countdown|intro|read)\b)", _seconds, "s"),
    (
        rf"{_START}({NUMBER})s(?= (?:timer|delay|timeout|pause|video|clip|countdown|intro|read)\b)",
        lambda m: f"{number(m[1])} second",
        "s",
    ),
    signs="0123456789",
) + rules(
    (
        r"(?i:\b(per |an? |each |every |in |of |many |hundred |thousand |million ))(km|cm|mm|ft|m)([²³])(?!\w)",
        _power_alone,
    ),
    signs="²³",
)
