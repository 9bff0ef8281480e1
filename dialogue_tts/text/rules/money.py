"""Sums of money."""

from __future__ import annotations

import re

from dialogue_tts.text.numbers import number
from dialogue_tts.text.rewriting import rules

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,30}(?:\.\d{1,30})?|\.\d{1,30}"
SCALES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "mn": "million", "b": "billion"}
SCALES |= {"B": "billion", "bn": "billion", "Bn": "billion", "tn": "trillion", "T": "trillion", "mil": "million"}
SCALES |= {word: word for word in ("hundred", "thousand", "million", "billion", "trillion")}
_SCALE = rf"(?:[ -]?({'|'.join(sorted(SCALES, key=len, reverse=True))})\b)?"
_UNITS = {  # sign or code: (one, many, one hundredth, hundredths)
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "₺": ("lira", "lira", "kurush", "kurush"),
    "₪": ("shekel", "shekels", "agora", "agorot"),
    "₿": ("bitcoin", "bitcoin", "cent", "cents"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "CNY": ("yuan", "yuan", "fen", "fen"),
    "INR": ("rupee", "rupees", "paisa", "paise"),
    "SEK": ("Swedish krona", "Swedish kronor", "ore", "ore"),
    "NOK": ("Norwegian krone", "Norwegian kroner", "ore", "ore"),
    "DKK": ("Danish krone", "Danish kroner", "ore", "ore"),
    "PLN": ("zloty", "zloty", "grosz", "groszy"),
    "BTC": ("bitcoin", "bitcoin", "cent", "cents"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
}
_UNITS |= {"USD": _UNITS["$"], "GBP": _UNITS["£"], "EUR": _UNITS["€"]}
_UNITS |= {"JPY": _UNITS["¥"], "Rs": _UNITS["₹"], "Rs.": _UNITS["₹"], "RMB": _UNITS["CNY"]}
_COUNTRIES = {"US": "U.S. ", "CA": "Canadian ", "C": "Canadian ", "AU": "Australian ", "A": "Australian "}
_COUNTRIES |= {"NZ": "New Zealand ", "HK": "Hong Kong ", "S": "Singapore "}
_ALONE = {sign: words[1] for sign, words in _UNITS.items()} | {"¢": "cents"}
SIGNS = "$£€¥₹₩₽₺₪₿"
_CODES = "|".join(sorted((re.escape(unit) for unit in _UNITS if unit not in SIGNS), key=len, reverse=True))


def is_of_one_thing(match: re.Match[str]) -> bool:
    """Whether what was matched says which one a thing is: `a $5 note`, `the 10 km run`."""
    before = match.string[max(match.start() - 9, 0) : match.start()]
    after = match.string[match.end() : match.end() + 14]
    if _ONE.search(before):
        return bool(_THING.match(after)) or after.startswith(" can")
    return bool(_THAT.search(before) and _THING.match(after) and not _NO_THING.match(after))


_ONE = re.compile(r"(?:^|\W)(?:an?|another|every|each|one) $", re.IGNORECASE)
_THAT = re.compile(
    r"(?:^|\W)(?:the|this|that|his|her|its|my|your|our|their|two|three|four|five|six|ten) $", re.IGNORECASE
)
_THING = re.compile(
    r"-a-(?=day|week|month|year)|"
    r"[ -](?!(?:and|for|from|with|was|more|less|off|per|the|are|were|they|you|she|that|this|which|who|when|then|than|before"
    r"|after|above|below|apart|away|back|into|through|each|every|only|can|could|must|has|have|had|will|would|should|because"
    r"|but|nor|not|now|today|again|already|later|earlier|ago|until|since|about|around|between|without|worth|says|may|might"
    r"|did|does|what|where|your|his|her|our|their|its|left|over|under|down|out|yet|too|here|there)\b)[a-z]{3,}"
)
_NO_THING = re.compile(r"[ -][a-z]+(?:ed|ly)\b")  # `the 5 km walked`: not of a thing


def _money(match: re.Match[str]) -> str:
    minus, country, sign, low, high, scale = match.groups()
    one, many, cent, cents = _UNITS[sign]
    many = one if is_of_one_thing(match) else many
    country = _COUNTRIES.get(country or "", "")
    start = "minus " if minus else ""
    if high or scale:
        to = f" to {number(high)}" if high else ""
        return f"{start}{number(low)}{to} {f'{SCALES[scale]} ' if scale else ''}{country}{many}"
    whole, dot, part = low.partition(".")
    if dot and len(part) == 2:
        coins = f"{number(part)} {cent if part == '01' else cents}"
        if not whole.strip("0"):
            return start + coins
        notes = f"{number(whole)} {country}{one if whole == '1' else many}"
        return start + (f"{notes} and {coins}" if part != "00" else notes)
    return f"{start}{number(low)} {country}{one if low == '1' else many}"


def _money_range(match: re.Match[str]) -> str:
    """`$1M-$2M`, each with its scale."""
    sign, low, scale, high, other = match.groups()
    return f"{number(low)} {SCALES[scale]} to {number(high)} {SCALES[other]} {_UNITS[sign][1]}"


def _european(match: re.Match[str]) -> str:
    whole, part = match.groups()
    return f"€{whole.replace('.', '')}{(part or '').replace(',', '.')}"


def _cents(match: re.Match[str]) -> str:
    return f"{number(match[1])} {'cent' if match[1] == '1' else 'cents'}"


def _pence(match: re.Match[str]) -> str:
    return f"{number(match[1])} {'penny' if match[1] == '1' else 'pence'}"


MONEY = (
    *rules((r"~ ?(?=[$£€¥]? ?\d)", "about "), signs="~"),
    *rules(
        # as they are written where euros are paid: €9,99 and 1.000,50 €
        (r"€ ?(\d{1,3}(?:\.\d{3})*)(,\d\d)?(?![\d,]|\.\d)", _european),
        (r"(?<![\w.,])(\d{1,3}(?:\.\d{3})*)(,\d\d)? ?€(?! ?\d)", _european),
        signs="€",
    ),
    *rules(
        (rf"(?<![\w.,])({NUMBER}) ?([{SIGNS}])(?! ?\d)", r"\2\1"),
        (rf"([{SIGNS}])({NUMBER}){_SCALE[:-1]} ?[-–] ?\1?({NUMBER}){_SCALE[:-1]}", _money_range, "-–"),
        (
            rf"(?<![\w$-])(-)?(US|CA|AU|NZ|HK|C|A|S)?([{SIGNS}]) ?({NUMBER})(?: ?[-–] ?[{SIGNS}]?({NUMBER}))?{_SCALE}",
            _money,
        ),
        signs=SIGNS,
    ),
    *rules(
        (rf"(?<![\w.,])(?<!\b[Tt]he )({NUMBER}) ?({_CODES})(?!\w)", r"\2 \1"),
        (rf"(?<![\w-])(-)?()({_CODES}) ?({NUMBER})(?: ?[-–] ?({NUMBER}))?{_SCALE}(?![\w])", _money),
        signs="0123456789",
    ),
    *rules((rf"(?<![\w.,])({NUMBER}) ?¢", _cents), signs="¢"),
    *rules(
        (r"(?<=\bfor )(\d{1,3})p(?=[.,;!?]|$)", _pence),
        (r"\b(\d{1,2})p(?= (?:each|coin|off|piece)\b)", _pence),
        signs="p",
    ),
    *rules((r"\$+", " dollars "), signs="$"),
    *rules((r"£+", " pounds "), signs="£"),
    *rules((r"€+", " euros "), signs="€"),
    *rules((r"¥+", " yen "), signs="¥"),
    *rules((r"[₹₩₽₺₪₿¢]", lambda m: f" {_ALONE[m[0]]} "), signs="₹₩₽₺₪₿¢"),
)
