"""Times of day, lengths of time, dates, years and decades."""

from __future__ import annotations

import re

from dialogue_tts.text.numbers import THE, cardinal, digits, ordinal, plural_of, year
from dialogue_tts.text.rewriting import rules

MONTHS = "January February March April May June July August September October November December".split()
_SHORT = {month[:3].lower(): month for month in MONTHS}
_DAYS = {
    **{"Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday", "Thur": "Thursday"},
    **{"Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday"},
}
_DAY = "|".join(sorted(_DAYS, key=len, reverse=True))
_ANY_DAY = f"{'|'.join(sorted(set(_DAYS.values())))}|{_DAY}"
_MONTH = rf"({'|'.join(MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_INITIALS = "JFMASOND"  # of months
_ZONE = r"(?: ?(Z|UTC|GMT|[+-]\d\d:?\d\d))"
_AFTERNOON = r" ?([AaPp])(?:\.[Mm]\.|\.?[Mm]\b)"


def _clock(hour: str, minute: str, half: str | None = None, follows: str = "") -> str:
    """`7:05 p.m.` -> `seven oh five P.M.`; the full hour is o'clock where neither a.m. nor p.m. says so."""
    words = [cardinal(hour)]
    if minute == "00":
        words += [] if half else ["hundred" if hour in ("00",) else "o'clock"]
    else:
        words += [f"oh {cardinal(minute)}" if minute[0] == "0" else cardinal(minute)]
    if half:
        words.append(half.upper() + (".M" if follows == "." else ".M."))
    return " ".join(words)


def _time(match: re.Match[str]) -> str:
    hour, minute, half = match.groups()
    if int(hour) > 24 or int(minute) > 59:
        return match[0]
    return _clock(hour, minute, half, match.string[match.end() : match.end() + 1])


def _from(match: re.Match[str]) -> str:
    """`2` of `2-4 p.m.`"""
    return f"{_clock(match[1], match[2]) if match[2] else cardinal(match[1])} to "


def _hour(match: re.Match[str]) -> str:
    hour, half = match.groups()
    return f"{cardinal(hour)} {half.upper()}.M" + ("" if match.string[match.end() : match.end() + 1] == "." else ".")


def _zoned(match: re.Match[str]) -> str:
    date, hour, minute, zone = match.groups()
    where = "" if not zone else " U.T.C." if zone in ("Z", "UTC") else " G.M.T." if zone == "GMT" else _offset(zone)
    return f"{date}, {_clock(hour, minute)}{where}"


def _offset(zone: str) -> str:
    hours, minutes = zone[1:3], zone[-2:]
    return f" {'minus' if zone[0] == '-' else 'plus'} {_clock(hours, minutes)}".removesuffix(" o'clock")


def _stretch(match: re.Match[str]) -> str:
    """`1:59:40` -> `one hour fifty nine minutes and forty seconds`; `4:05.3` -> `four minutes and five point three ...`"""
    hours, minutes, seconds, part = match.groups()
    if int(minutes) > 59 or int(seconds) > 59:
        return match[0]
    named = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    words = [f"{cardinal(n)} {what}{'' if int(n) == 1 else 's'}" for n, what in named if n]
    if part:
        words[-1] = f"{cardinal(seconds)} point {digits(part)} seconds"
    return f"{' '.join(words[:-1])} and {words[-1]}"


def _lasting(match: re.Match[str]) -> str:
    """`1h 30m`, `5m 30s`: behind hours, m is minutes, and in front of seconds."""
    counts = zip(match.groups(), ("hour", "minute", "second"), strict=True)
    return " ".join(f"{cardinal(count)} {unit}{'' if count == '1' else 's'}" for count, unit in counts if count)


def _date(day: int, month: int, written_year: str | None) -> str | None:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{MONTHS[month - 1]} {THE}{ordinal(str(day))}" + (f", {_year(written_year)}" if written_year else "")


def _year(written: str) -> str:
    """Of two digits, the one nearest to now."""
    if len(written) == 2:
        return year(f"{'19' if int(written) > 40 else '20'}{written}")
    return year(written)


def _iso(match: re.Match[str]) -> str:
    return _date(int(match[3]), int(match[2]), match[1]) or match[0]


def _slashed(match: re.Match[str]) -> str:
    """American order, unless only the other one is a date."""
    a, b, written = int(match[1]), int(match[2]), match[3]
    return (_date(b, a, written) if a <= 12 else _date(a, b, written)) or match[0]


def _slashed_day_first(match: re.Match[str]) -> str:
    """The same in British order."""
    a, b, written = int(match[1]), int(match[2]), match[3]
    if not 1 <= b <= 12:
        return _slashed(match)
    return f"the {ordinal(str(a))} of {MONTHS[b - 1]} {_year(written)}" if 1 <= a <= 31 else match[0]


def _month_of(written: str) -> str:
    return _SHORT[written[:3].lower()]


def _month_day(match: re.Match[str]) -> str:
    month, day, comma, written_year = match.groups()
    if not 1 <= int(day) <= 31:
        return match[0]
    spoken = f"{_month_of(month)} {THE}{ordinal(day)}"
    return spoken + (f"{comma or ''} {year(written_year)}" if written_year else "")


def _month_days(match: re.Match[str]) -> str:
    month, first, last = match.groups()
    return f"{_month_of(month)} {THE}{ordinal(first)} to {THE}{ordinal(last)}"


def _day_month(match: re.Match[str]) -> str:
    the, day, month, comma, written_year = match.groups()
    if not 1 <= int(day) <= 31:
        return match[0]
    spoken = f"{the or 'the '}{ordinal(day)} of {_month_of(month)}"
    return spoken + (f"{comma or ''} {year(written_year)}" if written_year else "")


def _month_year(match: re.Match[str]) -> str:
    return f"{_month_of(match[1])} {year(match[2])}"


def _decade(match: re.Match[str]) -> str:
    return plural_of(year(match[1]))


def _short_decade(match: re.Match[str]) -> str:
    return plural_of(cardinal(match[1]))


def _years(match: re.Match[str]) -> str:
    """`1939-45`, `2019/20`."""
    first, sign, last = match.groups()
    if sign == "/" and (len(last) != 2 or (int(first) + 1) % 100 != int(last)):
        return match[0]
    end = year(last) if len(last) == 4 else f"oh {cardinal(last)}" if last[0] == "0" else cardinal(last)
    return f"{year(first)}{' ' if sign == '/' else ' to '}{end}"


def _era(match: re.Match[str]) -> str:
    number = match[1]
    return f"{year(number) if len(number) == 4 else _ancient(number)} {'.'.join(match[2].replace('.', ''))}."


def _ancient(number: str) -> str:
    """`476` -> `four seventy six`, `300` -> `three hundred`."""
    if len(number) == 3 and not number.endswith("00"):
        return f"{cardinal(number[0])} {'oh ' if number[1] == '0' else ''}{cardinal(number[1:])}"
    return cardinal(number)


DATES = rules(
    # the whole moment
    (
        rf"(?<![\w-])(\d{{4}}-\d\d-\d\d)(?:T| ?, ?| )([01]\d|2[0-4]):([0-5]\d)(?::\d\d(?:\.\d{{1,9}})?)?{_ZONE}?(?![\w:])",
        _zoned,
        ":",
    ),
    # lengths of time
    (r"(?<![\w:.])(\d{1,3}):(\d\d):(\d\d)(?:\.(\d{1,3}))?(?![\w:])(?! ?[APap]\.?[Mm]\b)", _stretch, ":"),
    (r"(?<![\w:.])()(\d{1,2}):(\d\d)\.(\d{1,3})(?![\w:])", _stretch, ":"),
    (
        r"(?<![\w.,$£€/'])(\d{1,3}) ?h(?:rs?)?\.? ?(\d{1,2}) ?m(?:ins?)?(?: ?(\d{1,2}) ?s(?:ecs?)?)?(?!\w)",
        _lasting,
        "h",
    ),
    (r"(?<![\w.,$£€/'])()(\d{1,3}) ?m(?:ins?)?\.? ?(\d{1,2}) ?s(?:ecs?)?(?!\w)", _lasting, "m"),
    (r"(?<![\w:.])12:00 (?=noon|midnight)", "twelve ", ":"),
    # times of day
    (
        rf"(?<![\w:.,/-])(1[0-2]|0?[1-9])(?:[:.]([0-5]\d))? ?[-–] ?(?=(?:1[0-2]|0?[1-9])(?:[:.][0-5]\d)?{_AFTERNOON})",
        _from,
        "mM",
    ),
    (rf"(?<=\d)({_AFTERNOON}) ?[-–] ?(?=\d)", lambda m: f"{m[1]} to ", "mM"),
    (rf"(?<![\w:])([01]?\d|2[0-4])[:.]([0-5]\d)(?::[0-5]\d)?{_AFTERNOON}", _time, "mM"),
    (rf"(?<![\w:.,])(1[0-2]|0?[1-9]){_AFTERNOON}(?!\w)", _hour, "mM"),
    (r"(?<![\w:.])([01]?\d|2[0-4]):([0-5]\d)()(?![\w:]|\.\d)", lambda m: _clock(m[1], m[2]), ":"),
    (
        r"(?<![\w:.,$£€])([01]?\d|2[0-3])\.([0-5]\d)(?= (?:(?:on|this|every|in the) (?:[MTWFS]\w+day|morning|afternoon|evening)"
        r"|tomorrow|tonight|sharp|o'clock))",
        lambda m: _clock(m[1], m[2]),
        ".",
    ),
    (r"(?<![\w:.])([01]?\d|2[0-3])h([0-5]\d)(?!\w)", lambda m: _clock(m[1], m[2]), "h"),
    (r"(?<![\w:.,])((?:0\d|1\d|2[0-3])[0-5]\d) (?=(?:hours|hrs)\b)", lambda m: military(m[1]) + " ", "h"),
    # dates
    (r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])", _iso, "-"),
    (r"(?<![\w/])(\d{4})/(\d{1,2})/(\d{1,2})(?![\w/])", _iso, "/"),
    (r"(?<![\w/])(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)(?![\w/])", _slashed, "/"),
    (r"(?<![\w.])(\d{1,2})\.(\d{1,2})\.(\d{4})(?![\w])", _slashed, "."),
    (r"(?<![\w-])(\d{1,2})-(\d{1,2})-(\d{4})(?![\w-])", _slashed, "-"),
    (
        rf"\b(?<![-/]){_MONTH} (\d{{1,2}})(?:st|nd|rd|th)? ?[-–] ?(\d{{1,2}})(?:st|nd|rd|th)?(?![\w:%])",
        _month_days,
        _INITIALS,
    ),
    (
        rf"\b(?<![-/]){_MONTH} (\d{{1,2}})(?:st|nd|rd|th)?\b(?!,\d|[:%]|\.\d)(?:(,)? (\d{{4}})\b(?![-,.]?\d))?",
        _month_day,
        _INITIALS,
    ),
    (
        rf"\b(the )?(?<![\w.,/-])(\d{{1,2}})(?:st|nd|rd|th)?[ -](?:of )?{_MONTH}(?:(,)?[ -](\d{{4}})\b(?![-,.]?\d))?(?!\w)",
        _day_month,
        _INITIALS,
    ),
    (rf"\b{_MONTH},? (\d{{4}})\b(?![-,.]?\d)", _month_year, _INITIALS),
    # seconds, not decades
    (
        r"\b(in|for|after|every|takes|took|lasts|lasted|within|under|another|wait) (\d{1,2})s(?!\w)(?!(?<=[2-9]0s) [a-z])",
        lambda m: f"{m[1]} {cardinal(m[2])} second{'' if m[2] == '1' else 's'}",
        "s",
    ),
    # years
    (r"(?<![\w.,$£€])(\d{4})s\b", _decade, "s"),
    (r"(?<![\w.,$£€])(\d{4})'s(?= )", _decade, "'"),
    (r"(?<![\w])'([2-9]0)s\b", _short_decade, "'"),
    (r"(?<![\w.,$£€-])([2-9]0)s\b", _short_decade, "s"),
    (r"(?<![\w])'(\d\d)(?![\w'\"])", lambda m: f"oh {cardinal(m[1])}" if m[1][0] == "0" else cardinal(m[1]), "'"),
    (r"(?<![\w.,/$£€-])(1\d{3}|20\d\d) ?([-–/]) ?(1\d{3}|20\d\d|\d\d)(?![\w/-]|[.,]\d)", _years, "-–/"),
    (r"(?<![\w.,])(\d{1,5}) ?(BCE|CE|BC|AD|B\.C\.E\.|B\.C\.|A\.D\.|C\.E\.)(?!\w)", _era, "BCA"),
    (
        r"\b(?:AD|A\.D\.) (\d{1,4})\b",
        lambda m: f"A.D. {_ancient(m[1])}" if len(m[1]) < 4 else f"A.D. {year(m[1])}",
        "A",
    ),
    signs="0123456789",
) + rules(
    (
        rf"(?<!\w)({_ANY_DAY})\.? ?[-–] ?({_ANY_DAY})\b\.?",
        lambda m: " to ".join(_DAYS.get(day, day) for day in m.groups()),
    ),
    (
        rf"(?<!\w){_MONTH} ?[-–] ?{_MONTH}(?! \d{{1,2}}\b)(?= |[,;:.!?)]|$)",
        lambda m: f"{_month_of(m[1])} to {_month_of(m[2])}",
    ),
    (rf"(?<!\w)({_DAY})\.?(?=,? (?:{'|'.join(MONTHS)}|the \w+th|\d))", lambda m: _DAYS[m[1]]),
    (r"(?<!\w)(Tues|Thurs|Thur)\.", lambda m: _DAYS[m[1]] + _end(m)),
    (
        rf"(?<!\w)({_DAY})\.(?=[,;)]| (?:&|(?:and|or|to|at|night|morning|afternoon|evening|through|the)\b))",
        lambda m: _DAYS[m[1]],
    ),
    (
        rf"\b((?i:on|every|next|last|by|until|till?|from|since|closed|open)) ({_DAY})(?!\w)(?:\.(?= [a-z]))?(?! [A-Z])",
        lambda m: f"{m[1]} {_DAYS[m[2]]}",
    ),
    (r"(?<!\w)(Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.", lambda m: _month_of(m[1]) + _end(m)),
    (r"\b(in|since|by|last|next|until|till|from) Jan\.", lambda m: f"{m[1]} January{_end(m)}"),
)


BRITISH_DATES = tuple(
    rule._replace(replacement=_slashed_day_first) if rule.replacement is _slashed else rule for rule in DATES
)


def _end(match: re.Match[str]) -> str:
    """The full stop of an abbreviation stays where a sentence may end."""
    return "." if match.end() == len(match.string) else ""


def military(written: str) -> str:
    """`0800` -> `oh eight hundred`."""
    hour, minute = written[:2], written[2:]
    start = f"oh {cardinal(hour[1])}" if hour[0] == "0" and hour != "00" else cardinal(hour)
    return f"{start} {'hundred' if minute == '00' else cardinal(minute)}"
