import pytest

from dialogue_tts.errors import ScriptError
from dialogue_tts.text.normalize import align, normalize, tidy


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        # money
        ("It costs $5.", "It costs 5 dollars."),
        ("$5.99 or £1.01", "5 dollars and 99 cents or 1 pound and 1 penny"),
        ("$0.50, $1,318.00", "50 cents, 1,318 dollars"),
        ("$1.5 million and €20k", "1.5 million dollars and 20 thousand euros"),
        ("US$5, 5€, 5 GBP", "5 US dollars, 5 euros, 5 pounds"),
        ("$5–$10", "5 to 10 dollars"),
        # times and dates
        ("at 5:30 or 7:00 p.m. sharp", "at five thirty or seven P.M. sharp"),
        ("on 3/4/2024", "on March fourth, 2024"),
        ("July 4, 1776", "July fourth, 1776"),
        ("open 24/7", "open twenty-four seven"),
        # numbers
        (".5 of 1/2", "point 5 of one half"),
        ("2 1/2 cups, 2½ hours, ⅔", "2 and a half cups, 2 and a half hours, two thirds"),
        ("version 2.0.1", "version 2 point 0 point 1"),
        ("10–15 people, 10-15%, 1.5–2.5", "10 to 15 people, 10 to 15%, 1.5 to 2.5"),
        ("a 5:3 ratio, 3x faster, 5 x 4", "a 5 to 3 ratio, 3 times faster, 5 by 4"),
        ("agent 007", "agent 0 0 7"),
        ("call 555-1234.", "call 5 5 5, 1 2 3 4."),
        ("(555) 123-4567", "5 5 5, 1 2 3, 4 5 6 7"),
        # units
        ("74 cm, 5 km/h, 1 m", "74 centimeters, 5 kilometers per hour, 1 meter"),
        ("20°C and 3 GB", "20 degrees Celsius and 3 gigabytes"),
        ("5 m², 2 km2", "5 square meters, 2 square kilometers"),
        ("he is 5'10\"", "he is 5 feet 10 inches"),
        ("700 g of sugar", "700 grams of sugar"),
        # words
        ("Mr. Smith vs. Dr. Who", "Mr Smith versus Dr Who"),
        ("Baker St. near St. Paul", "Baker Street near Saint Paul"),
        ("fruit, e.g. figs, i.e. food", "fruit, for example figs, that is food"),
        ("Henry VIII, World War II", "Henry the eighth, World War 2"),
        ("King Charles III met Mark Lewis, Part Indigo.", "King Charles the third met Mark Lewis, Part Indigo."),
        ("Prof Clark and Queen Victoria", "Professor Clark and Queen Victoria"),
        ("No. 5 on p. 12", "Number 5 on page 12"),
        ("Oh, no. I ate a fig.", "Oh, no. I ate a fig."),
        ("in the Sun. Gen Z", "in the Sun. Gen-Z"),
        ("rock 'n' roll", "rock and roll"),
        # addresses
        ("write to a.bell@x.co.uk", "write to A dot bell at X dot co dot U.K."),
        ("see https://example.org/a-b.", "see example dot org slash A dash B."),
        # characters
        ("“Quotes,” she said—‘well’…", "\"Quotes,\" she said, 'well'..."),
        ("no - yes -- no", "no, yes, no"),
        ("I was going to—", "I was going to..."),
        ("really (truly), turn(s)", "really, truly, turns"),
        ("Wait...what?yes", "Wait... what? yes"),
        ("I ❤ you 😀!", "I you!"),
        ("≈5, ≥3, x⁵", "about 5, at least 3, x to the power of 5"),
        ("π and Tiếng Việt", "pi and Tieng Viet"),
        ("２ ﬁgs", "2 figs"),
        ("", ""),
        ("😀", ""),
    ],
)
def test_normalize(written: str, spoken: str) -> None:
    assert normalize(written) == spoken


@pytest.mark.parametrize("text", ["你好", "Say привет", "ελληνικά"])
def test_other_scripts_are_named(text: str) -> None:
    with pytest.raises(ScriptError, match="cannot be spoken"):
        normalize(text)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("It costs $5 and that's all.", [("$5", "5 dollars")]),
        (
            "$5 million and £3.50 and more",
            [("$5", "5"), ("million", "million dollars"), ("£3.50", "3 pounds and 50 pence")],
        ),
        ("Mr. Smith, Dr. Who", [("Mr.", "Mr"), ("Dr.", "Dr")]),
        ("at 7:00 p.m. sharp", [("7:00 p.m.", "seven P.M.")]),
        (
            "5 km/h, 20°C, 5:30",
            [("km/h,", "kilometers per hour,"), ("20°C,", "20 degrees Celsius,"), ("5:30", "five thirty")],
        ),
        ("and 2+2=4 and and", [("2+2=4", "2+2 equals 4")]),
    ],
)
def test_written_words_stay_traceable(text: str, changed: list[tuple[str, str]]) -> None:
    pairs = align(text)
    assert " ".join(written for written, _ in pairs) == tidy(text)
    assert " ".join(spoken for _, spoken in pairs) == normalize(text)
    assert [pair for pair in pairs if pair[0] != pair[1]] == changed
